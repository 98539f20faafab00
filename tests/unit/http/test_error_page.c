#include "http/error_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOTHING_FILED_VI "chưa có hồ sơ nào được nộp"
#define NOTHING_FILED_EN "filed nothing"
#define UNKNOWN_VI "chưa rõ hồ sơ đã được nhận hay chưa"
#define UNKNOWN_EN "not known whether it was received"

/* Terminated, so that strstr() can look into it. */
static const char *write_page(struct buf *out, const struct error_page_input *input)
{
    buf_init(out, ERROR_PAGE_BYTES_MAX + 1);
    error_page_write(out, input);
    assert_true(buf_ok(out) && out->len <= ERROR_PAGE_BYTES_MAX);
    buf_append_char(out, '\0');
    return out->data;
}

static void expect_text(const struct error_page_input *input, const char *text, bool is_there)
{
    struct buf out;
    const char *page = write_page(&out, input);
    if ((strstr(page, text) != NULL) != is_there)
        fail_msg("%s: \"%s\" %s in %s", error_page_name(input->reason), text,
                 is_there ? "missing" : "found", page);
    buf_fini(&out);
}

static struct error_page_input input_for(enum error_page_reason reason, bool wants_json)
{
    return (struct error_page_input){ .reason = reason,
                                      .reference = SLICE("7KQ2-M9XA-04TC"),
                                      .wants_json = wants_json };
}

#define ROW(ID, ...) ERROR_PAGE_##ID,
static const enum error_page_reason reasons[] = { ERROR_PAGE_TABLE(ROW) };
#undef ROW

static void every_page_speaks_vietnamese_first_then_english(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        struct error_page_input input = input_for(reasons[i], false);
        struct buf out;
        const char *page = write_page(&out, &input);
        const char *vietnamese = strstr(page, "<h1>"), *english = strstr(page, "<section lang=en>");
        assert_true(strncmp(page, "<!doctype html><html lang=vi>", 29) == 0);
        assert_true(vietnamese && english && vietnamese < english);
        assert_non_null(strstr(page, "7KQ2-M9XA-04TC"));
        assert_non_null(strstr(page, "prefers-color-scheme:dark"));
        buf_fini(&out);
    }
}

/* The longest names there are, of characters that have to be escaped. */
static void every_page_has_room_for_what_it_names(void **state)
{
    (void)state;
    char quotes[128];
    memset(quotes, '"', sizeof(quotes));
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        for (int json = 0; json <= 1; json++) {
            struct error_page_input input = input_for(reasons[i], json);
            input.affected = input.affected_en = slice_of(quotes, sizeof(quotes));
            expect_text(&input, json ? "\"affected_en\":\"\\\"\\\"" : "<strong>&#34;&#34;", true);
        }
    }
}

static void no_page_loads_or_runs_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        struct error_page_input input = input_for(reasons[i], false);
        expect_text(&input, "<script", false);
        expect_text(&input, "://", false);
        expect_text(&input, " src=", false);
        expect_text(&input, "url(", false);
    }
}

static void pages_claim_only_what_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        unsigned status = error_page_status(reasons[i]);
        bool is_unknown = status == 502 || status == 504 || status == 202 ||
                          reasons[i] == ERROR_PAGE_SESSION_UNAVAILABLE ||
                          reasons[i] == ERROR_PAGE_UNAVAILABLE ||
                          reasons[i] == ERROR_PAGE_SUBMISSION_NOT_KNOWN ||
                          reasons[i] == ERROR_PAGE_SUBMISSION_UNKNOWN ||
                          reasons[i] == ERROR_PAGE_SUBMISSION_RESEND;
        bool is_known = reasons[i] == ERROR_PAGE_SUBMISSION_UNDER_WAY ||
                        reasons[i] == ERROR_PAGE_SUBMISSION_ANSWERED ||
                        reasons[i] == ERROR_PAGE_SUBMISSION_KEY ||
                        reasons[i] == ERROR_PAGE_SUBMISSION_MISMATCH ||
                        reasons[i] == ERROR_PAGE_SUBMISSION_UNCHECKED;
        for (int wants_json = 0; wants_json < 2; wants_json++) {
            struct error_page_input input = input_for(reasons[i], wants_json);
            expect_text(&input, UNKNOWN_VI, is_unknown);
            expect_text(&input, UNKNOWN_EN, is_unknown);
            expect_text(&input, NOTHING_FILED_VI, !is_unknown && !is_known);
            expect_text(&input, NOTHING_FILED_EN, !is_unknown && !is_known);
        }
    }
}

static void says_that_nothing_was_filed_when_the_caller_knows(void **state)
{
    (void)state;
    for (int wants_json = 0; wants_json < 2; wants_json++) {
        struct error_page_input input = input_for(ERROR_PAGE_UPSTREAM_CONNECT, wants_json);
        input.nothing_filed = true;
        expect_text(&input, NOTHING_FILED_VI, true);
        expect_text(&input, NOTHING_FILED_EN, true);
        expect_text(&input, UNKNOWN_VI, false);
        expect_text(&input, UNKNOWN_EN, false);
    }
}

static void escapes_the_reference_in_html(void **state)
{
    (void)state;
    struct error_page_input input = input_for(ERROR_PAGE_NO_ROUTE, false);
    input.reference = SLICE("<b a=\"'\">&");
    expect_text(&input, "<code>&#60;b a=&#34;&#39;&#34;&#62;&#38;</code>", true);
}

static void escapes_the_reference_in_json(void **state)
{
    (void)state;
    struct error_page_input input = input_for(ERROR_PAGE_NO_ROUTE, true);
    input.reference = SLICE("a\"\\\n\xff");
    expect_text(&input, "\"reference\":\"a\\\"\\\\\\u000a\\ufffd\"}", true);
}

static void shows_no_reference_when_there_is_none(void **state)
{
    (void)state;
    struct error_page_input input = { .reason = ERROR_PAGE_NO_ROUTE };
    expect_text(&input, "Mã tham chiếu", false);
    input.wants_json = true;
    expect_text(&input, "reference", false);
}

static void retry_after_takes_the_place_of_what_to_do_next(void **state)
{
    (void)state;
    const struct {
        uint32_t seconds;
        const char *vietnamese, *english;
    } cases[] = {
        { 1, "sau khoảng 1 giây.", "in about 1 second." },
        { 90, "sau khoảng 90 giây.", "in about 90 seconds." },
        { 91, "sau khoảng 2 phút.", "in about 2 minutes." },
        { 120, "sau khoảng 2 phút.", "in about 2 minutes." },
        { UINT32_MAX, "sau khoảng 71582789 phút.", "in about 71582789 minutes." },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error_page_input input = input_for(ERROR_PAGE_OVERLOADED, false);
        input.retry_after_s = cases[i].seconds;
        expect_text(&input, cases[i].vietnamese, true);
        expect_text(&input, cases[i].english, true);
        expect_text(&input, "Wait a little", false);
    }
}

static void json_is_a_problem_document(void **state)
{
    (void)state;
    const char *expected =
        "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
        "\"detail\":\"Không có trang nào ở địa chỉ này. "
        "Qua yêu cầu này, chưa có hồ sơ nào được nộp và không có dữ liệu nào thay đổi. / "
        "There is no page at this address. This request filed nothing and changed no data.\","
        "\"reason\":\"no_route\",\"outcome\":\"nothing_filed\",\"reference\":\"7KQ2-M9XA-04TC\"}";
    struct error_page_input input = input_for(ERROR_PAGE_NO_ROUTE, true);
    struct buf out;
    assert_string_equal(write_page(&out, &input), expected);
    buf_fini(&out);
    assert_string_equal(error_page_name(input.reason), "no_route");
    assert_string_equal(error_page_content_type(true), "application/problem+json");
    assert_string_equal(error_page_content_type(false), "text/html; charset=utf-8");
}

static void texts_need_no_escaping(void **state)
{
    (void)state;
#define BOTH(vi, en) vi en
#define ROW(ID, name, status, outcome, title, happened, next) title happened next,
    const char *texts[] = { ERROR_PAGE_TABLE(ROW) };
#undef ROW
#undef BOTH
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_null(strpbrk(texts[i], "<>&\"\\"));
}

static void a_buffer_that_is_too_small_fails_softly(void **state)
{
    (void)state;
    for (int wants_json = 0; wants_json < 2; wants_json++) {
        struct error_page_input input = input_for(ERROR_PAGE_OVERLOADED, wants_json);
        struct buf out;
        buf_init(&out, 100);
        error_page_write(&out, &input);
        assert_false(buf_ok(&out));
        buf_fini(&out);
    }
}

struct accept_case {
    const char *accept;
    bool wants_json;
};

static void expect_choices(const struct accept_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (error_page_wants_json(slice_str(cases[i].accept)) != cases[i].wants_json)
            fail_msg("Accept: %s", cases[i].accept ? cases[i].accept : "(absent)");
}

static void people_get_html(void **state)
{
    (void)state;
    const struct accept_case cases[] = {
        { NULL, false },
        { "", false },
        { "*/*", false },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", false },
        { "text/html, application/json", false },
        { "application/json;q=0.5, */*", false },
        { "text/plain", false },
        { "application/jsonp", false },
        { "application/json-patch+json", false },
    };
    expect_choices(cases, ARRAY_LEN(cases));
}

static void programs_get_json(void **state)
{
    (void)state;
    const struct accept_case cases[] = {
        { "application/json", true },
        { "application/problem+json", true },
        { "Application/JSON; charset=utf-8", true },
        { "application/json, text/plain, */*", true },
        { "text/html;q=0.9, application/json", true },
        { "text/html;q=0.2 , application/problem+json ; q=0.3", true },
        { "application/*", true },
        { "application/*, text/*;q=0.9", true },
        { ",, application/json ,", true },
        { "text/html;q=0, */*", true },
    };
    expect_choices(cases, ARRAY_LEN(cases));
}

static void weights_follow_the_most_exact_range(void **state)
{
    (void)state;
    const struct accept_case cases[] = {
        { "application/json;q=0", false },
        { "application/json;q=0.0, text/html;q=0", false },
        { "*/*;q=1, application/json;q=0.1", false },
        { "*/*;q=0.1, application/json;q=0.101", true },
        { "text/*, application/json;q=0.999", false },
        { "text/html;q=0.1, text/*;q=1, application/json;q=0.5", true },
        { "application/json;version=2;q=0.4, text/html;q=0.5", false },
    };
    expect_choices(cases, ARRAY_LEN(cases));
}

static void invalid_weights_count_as_zero(void **state)
{
    (void)state;
    const struct accept_case cases[] = {
        { "application/json;q=high", false }, { "application/json;q=", false },
        { "application/json;q=1.5", false },  { "application/json;q=2", false },
        { "application/json;q=-1", false },   { "application/json;q=0.1234", false },
        { "application/json;q=0,5", false },  { "application/json;q=1.000", true },
        { "application/json;q=1.", true },    { "application/json;q", true },
        { "application/json;;", true },       { ";", false },
    };
    expect_choices(cases, ARRAY_LEN(cases));
}

static void names_what_is_closed_and_until_when(void **state)
{
    (void)state;
    struct error_page_input input = input_for(ERROR_PAGE_MAINTENANCE, false);
    input.affected = SLICE("Hà Nội <b>");
    input.message = SLICE("Nâng cấp \"một cửa\"");
    input.until_ms = 1795388400000;
    expect_text(&input, "Hà Nội &#60;b&#62;", true);
    expect_text(&input, "Nâng cấp &#34;một cửa&#34;", true);
    expect_text(&input, "lúc 06:00 ngày 23/11/2026.", true);
    expect_text(&input, "at 06:00 on 23 November 2026 (Vietnam time).", true);
    expect_text(&input, NOTHING_FILED_VI, true);
    input.wants_json = true;
    expect_text(&input, "\"affected\":\"Hà Nội <b>\"", true);
    expect_text(&input, "\"until\":\"2026-11-22T23:00:00.000Z\"", true);
    input = input_for(ERROR_PAGE_MAINTENANCE, false);
    input.is_overdue = true;
    expect_text(&input, "kéo dài hơn dự kiến", true);
    expect_text(&input, "longer than expected", true);
}

static void the_longest_texts_of_operators_fit(void **state)
{
    (void)state;
    char affected[128], message[512];
    memset(affected, '<', sizeof(affected));
    memset(message, '<', sizeof(message));
    for (int wants_json = 0; wants_json < 2; wants_json++) {
        struct error_page_input input = input_for(ERROR_PAGE_MAINTENANCE, wants_json);
        struct buf out;
        input.affected = slice_of(affected, sizeof(affected));
        input.message = slice_of(message, sizeof(message));
        input.until_ms = 1795388400000;
        write_page(&out, &input);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_speaks_vietnamese_first_then_english),
        cmocka_unit_test(every_page_has_room_for_what_it_names),
        cmocka_unit_test(no_page_loads_or_runs_anything),
        cmocka_unit_test(pages_claim_only_what_is_known),
        cmocka_unit_test(says_that_nothing_was_filed_when_the_caller_knows),
        cmocka_unit_test(escapes_the_reference_in_html),
        cmocka_unit_test(escapes_the_reference_in_json),
        cmocka_unit_test(shows_no_reference_when_there_is_none),
        cmocka_unit_test(retry_after_takes_the_place_of_what_to_do_next),
        cmocka_unit_test(names_what_is_closed_and_until_when),
        cmocka_unit_test(the_longest_texts_of_operators_fit),
        cmocka_unit_test(json_is_a_problem_document),
        cmocka_unit_test(texts_need_no_escaping),
        cmocka_unit_test(a_buffer_that_is_too_small_fails_softly),
        cmocka_unit_test(people_get_html),
        cmocka_unit_test(programs_get_json),
        cmocka_unit_test(weights_follow_the_most_exact_range),
        cmocka_unit_test(invalid_weights_count_as_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
