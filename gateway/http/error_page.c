#include "http/error_page.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/status_phrase.h"

#include <stdio.h>
#include <time.h>

enum language { VIETNAMESE, ENGLISH };
enum outcome { NOTHING_FILED, UNKNOWN, UNDER_WAY, ANSWERED, NOT_THIS_TIME };

struct text {
    const char *in[2]; /* by language */
};

struct row {
    const char *name;
    unsigned status;
    enum outcome outcome;
    struct text title, happened, next;
};

/* clang-format off */
#define BOTH(vi, en) { { vi, en } }
/* clang-format on */
#define ROW(ID, name, status, outcome, title, happened, next)                                      \
    { #name, status, outcome, title, happened, next },

static const struct row rows[] = { ERROR_PAGE_TABLE(ROW) };

#undef ROW

static const struct text outcome_texts[] = {
    [NOTHING_FILED] = BOTH("Qua yêu cầu này, chưa có hồ sơ nào được nộp và không có dữ liệu nào "
                           "thay đổi.",
                           "This request filed nothing and changed no data."),
    [UNKNOWN] = BOTH("Nếu quý vị vừa nộp hồ sơ: chưa rõ hồ sơ đã được nhận hay chưa. Hãy tra cứu, "
                     "hoặc hỏi bộ phận hỗ trợ, trước khi nộp lại.",
                     "If you were filing something: it is not known whether it was received. Look "
                     "it up, or ask for help, before you file again."),
    [UNDER_WAY] = BOTH("Xin đừng nộp lại bằng một biểu mẫu mới.",
                       "Please do not file it anew with another form."),
    [ANSWERED] = BOTH("Không có gì được nộp thêm lần nữa.", "Nothing was filed a second time."),
    [NOT_THIS_TIME] = BOTH("Lần gửi này chưa được chuyển đi. Nếu quý vị đã gửi chính biểu mẫu này "
                           "trước đó, lần gửi ấy có thể đã được nhận.",
                           "This time it was not passed on. If you sent this same form before, it "
                           "may have been received then."),
};

static const char *const outcome_names[] = {
    [NOTHING_FILED] = "nothing_filed", [UNKNOWN] = "unknown",       [UNDER_WAY] = "under_way",
    [ANSWERED] = "answered",           [NOT_THIS_TIME] = "unknown",
};

unsigned error_page_status(enum error_page_reason reason)
{
    return rows[reason].status;
}

const char *error_page_name(enum error_page_reason reason)
{
    return rows[reason].name;
}

const char *error_page_content_type(bool wants_json)
{
    return wants_json ? "application/problem+json" : "text/html; charset=utf-8";
}

static unsigned status_of(const struct error_page_input *input)
{
    return input->status ? input->status : rows[input->reason].status;
}

/* ---- HTML ---- */

/* The empty icon keeps browsers from asking a busy gateway for /favicon.ico as well. */
static const char page_head[] =
    "<!doctype html><html lang=vi><meta charset=utf-8>"
    "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
    "<meta name=robots content=noindex><link rel=icon href=data:,><style>"
    ":root{color-scheme:light dark;"
    "--page:#f3f4f6;--card:#fff;--text:#1c1e21;--soft:#555b64;--line:#c9ced6;--mark:#a61b1b}"
    "@media(prefers-color-scheme:dark){:root{"
    "--page:#14161a;--card:#1e2126;--text:#eceef1;--soft:#aab0ba;--line:#454b55;--mark:#ff8f85}}"
    "body{margin:0;background:var(--page);color:var(--text);"
    "font:1.0625rem/1.55 system-ui,sans-serif}"
    "main{max-width:36rem;margin:1rem auto;padding:.5rem 1.25rem 1rem;background:var(--card);"
    "border-top:.3rem solid var(--mark);overflow-wrap:break-word}"
    "h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.2rem;line-height:1.3}"
    "h1,h2,p{margin:.75rem 0}h1,h2{text-wrap:balance}"
    "section{border-top:1px solid var(--line);margin-top:1.25rem}"
    "small{color:var(--soft);font-size:.9375rem}"
    "code{font:700 1.4rem/1.6 ui-monospace,monospace;letter-spacing:.06em}"
    "a{color:inherit}</style>";

static void append_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            buf_printf(out, "&#%d;", c);
        else
            buf_append_char(out, c);
    }
}

/* In Vietnam's time, whatever the machine's is. */
static void append_until(struct buf *out, uint64_t until_ms, enum language language)
{
    static const char *const months[12] = { "January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December" };
    time_t seconds = (time_t)((until_ms + CLOCK_VIETNAM_MS) / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    if (language == VIETNAMESE)
        buf_printf(out, "Dự kiến hoạt động trở lại lúc %02d:%02d ngày %d/%d/%d.", tm.tm_hour,
                   tm.tm_min, tm.tm_mday, tm.tm_mon + 1, tm.tm_year + 1900);
    else
        buf_printf(out, "Expected back at %02d:%02d on %d %s %d (Vietnam time).", tm.tm_hour,
                   tm.tm_min, tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
}

static void append_when_back(struct buf *out, const struct error_page_input *input,
                             enum language language)
{
    static const struct text overdue =
        BOTH("Công việc kéo dài hơn dự kiến.", "The work takes longer than expected.");
    if (!input->until_ms && !input->is_overdue)
        return;
    buf_append_str(out, "<p><strong>");
    if (input->until_ms)
        append_until(out, input->until_ms, language);
    else
        buf_append_str(out, overdue.in[language]);
    buf_append_str(out, "</strong>");
}

static void append_what_next(struct buf *out, const struct row *row, uint32_t retry_after_s,
                             enum language language)
{
    bool in_minutes = retry_after_s > 90;
    uint32_t count = in_minutes ? (retry_after_s - 1) / 60 + 1 : retry_after_s;
    if (count == 0)
        buf_append_str(out, row->next.in[language]);
    else if (language == VIETNAMESE)
        buf_printf(out, "Hãy thử lại sau khoảng %u %s.", count, in_minutes ? "phút" : "giây");
    else
        buf_printf(out, "Try again in about %u %s%s.", count, in_minutes ? "minute" : "second",
                   count == 1 ? "" : "s");
}

static void append_paragraph(struct buf *out, const char *tag, struct slice text,
                             enum language language)
{
    if (text.len == 0)
        return;
    buf_printf(out, "<p lang=%s><%s>", language == VIETNAMESE ? "vi" : "en", tag);
    append_escaped(out, text);
    buf_printf(out, "</%s>", tag);
}

static void append_affected(struct buf *out, const struct error_page_input *input,
                            enum language language)
{
    if (language == ENGLISH && input->affected_en.len)
        append_paragraph(out, "strong", input->affected_en, ENGLISH);
    else
        append_paragraph(out, "strong", input->affected, VIETNAMESE);
}

static void append_language(struct buf *out, const struct error_page_input *input,
                            const struct row *row, enum outcome outcome, enum language language)
{
    const char *heading = language == VIETNAMESE ? "h1" : "h2";
    buf_printf(out, "<%s>%s</%s>", heading, row->title.in[language], heading);
    append_affected(out, input, language);
    buf_printf(out, "<p>%s", row->happened.in[language]);
    /* What operators have written is in Vietnamese, and stands once. */
    if (language == VIETNAMESE)
        append_paragraph(out, "span", input->message, VIETNAMESE);
    append_when_back(out, input, language);
    buf_printf(out, "<p><strong>%s</strong><p>", outcome_texts[outcome].in[language]);
    append_what_next(out, row, input->retry_after_s, language);
}

/* Reference codes are Crockford's base32, which leaves out the letters that look like others. */
static void append_reference(struct buf *out, struct slice reference)
{
    if (reference.len == 0)
        return;
    buf_append_str(out, "<section><h2>Mã tham chiếu</h2><p><code>");
    append_escaped(out, reference);
    buf_append_str(
        out,
        "</code><p><small>Khi cần hỗ trợ, hãy đọc mã này. Mã không có chữ I, L, O, U: 0 là "
        "số không, 1 là số một.</small><p lang=en><small>Quote this reference when you ask for "
        "help. It has no letters I, L, O or U: 0 is zero, 1 is one.</small></section>");
}

static void append_link(struct buf *out, struct slice link)
{
    if (link.len == 0)
        return;
    buf_append_str(out, "<section><p><a href=\"");
    append_escaped(out, link);
    buf_append_str(out,
                   "\">Tra cứu tình trạng <span lang=en>/ Check the status</span></a></section>");
}

static void write_html(struct buf *out, const struct error_page_input *input, const struct row *row,
                       enum outcome outcome)
{
    buf_append_str(out, page_head);
    buf_printf(out, "<title>%s</title><main>", row->title.in[VIETNAMESE]);
    append_language(out, input, row, outcome, VIETNAMESE);
    append_link(out, input->link);
    append_reference(out, input->reference);
    buf_append_str(out, "<section lang=en>");
    append_language(out, input, row, outcome, ENGLISH);
    buf_printf(out,
               "</section><section><p><a href=/>Về trang chủ <span lang=en>/ Home page</span></a>"
               "<p><small>HTTP %u</small></section></main>",
               status_of(input));
}

/* ---- JSON ---- */

static void write_json(struct buf *out, const struct error_page_input *input, const struct row *row,
                       enum outcome outcome)
{
    char detail[1024];
    const struct text *happened = &row->happened, *result = &outcome_texts[outcome];
    int len = snprintf(detail, sizeof(detail), "%s %s / %s %s", happened->in[VIETNAMESE],
                       result->in[VIETNAMESE], happened->in[ENGLISH], result->in[ENGLISH]);
    assert(len > 0 && (size_t)len < sizeof(detail));

    struct json json;
    json_init(&json, out);
    json_object(&json, NULL);
    json_string(&json, "type", SLICE("about:blank"));
    json_string(&json, "title", slice_str(status_phrase(status_of(input))));
    json_u64(&json, "status", status_of(input));
    json_string(&json, "detail", slice_of(detail, (size_t)len));
    json_string(&json, "reason", slice_str(row->name));
    json_string(&json, "outcome", slice_str(outcome_names[outcome]));
    if (input->affected.len)
        json_string(&json, "affected", input->affected);
    if (input->affected_en.len)
        json_string(&json, "affected_en", input->affected_en);
    if (input->message.len)
        json_string(&json, "message", input->message);
    if (input->until_ms) {
        char until[CLOCK_ISO_LEN + 1];
        clock_format_iso(until, input->until_ms);
        json_string(&json, "until", slice_of(until, CLOCK_ISO_LEN));
    }
    if (input->reference.len)
        json_string(&json, "reference", input->reference);
    if (input->link.len)
        json_string(&json, "status_url", input->link);
    json_end_object(&json);
}

void error_page_write(struct buf *out, const struct error_page_input *input)
{
    const struct row *row = &rows[input->reason];
    enum outcome outcome =
        input->nothing_filed && row->outcome == UNKNOWN ? NOTHING_FILED : row->outcome;
    if (input->wants_json)
        write_json(out, input, row, outcome);
    else
        write_html(out, input, row, outcome);
}

/* ---- Accept ---- */

/* How much a type is wanted: the more exact range decides its weight (RFC 9110 12.5.1). */
struct preference {
    unsigned exactness; /* 0 not mentioned, 1 any type, 2 type and any subtype, 3 the type itself */
    unsigned weight;    /* 0 to 1000 */
};

/* "0.25" is 250; what is not a weight (RFC 9110 12.4.2) counts as 0. */
static unsigned parse_weight(struct slice text)
{
    if (text.len == 0 || text.len > 5 || text.data[0] < '0' || text.data[0] > '1' ||
        (text.len > 1 && text.data[1] != '.'))
        return 0;
    unsigned weight = text.data[0] == '1' ? 1000 : 0, digit_value = 100;
    for (size_t i = 2; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        weight += digit_value * (unsigned)(text.data[i] - '0');
        digit_value /= 10;
    }
    return weight <= 1000 ? weight : 0;
}

static unsigned weight_of(struct slice parameters)
{
    while (parameters.len) {
        size_t end = slice_find(parameters, ';');
        struct slice parameter = slice_trim(slice_of(parameters.data, end));
        if (parameter.len >= 2 && ascii_lower(parameter.data[0]) == 'q' && parameter.data[1] == '=')
            return parse_weight(slice_from(parameter, 2));
        parameters = slice_from(parameters, MIN(end + 1, parameters.len));
    }
    return 1000;
}

static unsigned exactness_of(struct slice range, struct slice type)
{
    struct slice main_type = slice_of(type.data, slice_find(type, '/') + 1);
    if (slice_eq_nocase(range, type))
        return 3;
    if (range.len == main_type.len + 1 && range.data[main_type.len] == '*' &&
        slice_eq_nocase(slice_of(range.data, main_type.len), main_type))
        return 2;
    return slice_eq(range, SLICE("*/*")) ? 1 : 0;
}

static struct preference preference_for(struct slice accept, struct slice type)
{
    struct preference best = { 0 };
    struct slice element;
    while (slice_next_element(&accept, &element)) {
        size_t end = slice_find(element, ';');
        unsigned exactness = exactness_of(slice_trim(slice_of(element.data, end)), type);
        if (exactness > best.exactness)
            best = (struct preference){ exactness, weight_of(slice_from(element, end)) };
    }
    return best;
}

static bool is_preferred(struct preference a, struct preference b)
{
    if (a.weight != b.weight)
        return a.weight > b.weight;
    return a.weight > 0 && a.exactness > b.exactness;
}

bool error_page_wants_json(struct slice accept)
{
    struct preference html = preference_for(accept, SLICE("text/html"));
    return is_preferred(preference_for(accept, SLICE("application/json")), html) ||
           is_preferred(preference_for(accept, SLICE("application/problem+json")), html);
}
