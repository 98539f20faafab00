/* urlencoded:  NAME -> VALUE -> NAME;  NAME -> SKIP -> NAME
 * multipart:   BODY -> DELIMITED -> HEAD -> BODY, the first BODY being the preamble */
#include "http/form_reader.h"

enum state {
    FORM_NAME,
    FORM_VALUE,
    FORM_SKIP,
    FORM_BODY,
    FORM_DELIMITED, /* the rest of the delimiter's line */
    FORM_HEAD,
};

/* ---- the field ---- */

static void begin_value(struct form_reader *f)
{
    f->is_field = true;
    f->value_len = 0;
    f->too_long = false;
    if (f->found < 2)
        f->found++;
}

static void add_value(struct form_reader *f, struct slice piece)
{
    if (!f->is_field)
        return;
    if (piece.len > sizeof(f->value) - f->value_len) {
        f->too_long = true;
        return;
    }
    memcpy(f->value + f->value_len, piece.data, piece.len);
    f->value_len += piece.len;
}

struct slice form_reader_value(const struct form_reader *f)
{
    if (f->found != 1 || f->too_long)
        return (struct slice){ 0 };
    return slice_of(f->value, f->value_len);
}

/* ---- application/x-www-form-urlencoded ---- */

static void end_name(struct form_reader *f, char by)
{
    bool is_ours = f->field.len && f->name_at == f->field.len;
    f->name_at = 0;
    f->is_field = false;
    if (by == '&') {
        if (is_ours)
            begin_value(f); /* without a value */
        f->is_field = false;
        return;
    }
    f->state = is_ours ? FORM_VALUE : FORM_SKIP;
    if (is_ours)
        begin_value(f);
}

static void feed_name(struct form_reader *f, char c)
{
    if (c == '=' || c == '&') {
        end_name(f, c);
        return;
    }
    bool fits = f->name_at < f->field.len && f->field.data[f->name_at] == c;
    f->name_at = fits ? f->name_at + 1 : SIZE_MAX / 2; /* never equal to a length again */
}

static void feed_urlencoded(struct form_reader *f, struct slice piece)
{
    while (piece.len) {
        if (f->state == FORM_NAME) {
            feed_name(f, piece.data[0]);
            piece = slice_from(piece, 1);
            continue;
        }
        size_t end = slice_find(piece, '&');
        if (f->state == FORM_VALUE)
            add_value(f, slice_of(piece.data, end));
        if (end < piece.len) {
            f->state = FORM_NAME;
            f->is_field = false;
            end++;
        }
        piece = slice_from(piece, end);
    }
}

/* ---- multipart/form-data ---- */

/* name="field" in the Content-Disposition of a part. Browsers write it just so (RFC 7578 4.2, and
 * the HTML standard's way to escape); filename="…" must not be taken for it. */
static bool names_field(const struct form_reader *f, struct slice line)
{
    struct slice disposition = SLICE("content-disposition:"), name = SLICE("name=\"");
    if (line.len < disposition.len ||
        !slice_eq_nocase(slice_of(line.data, disposition.len), disposition))
        return false;
    for (size_t i = disposition.len; i + name.len + f->field.len < line.len; i++) {
        struct slice rest = slice_from(line, i);
        bool begins = line.data[i - 1] == ' ' || line.data[i - 1] == ';';
        if (begins && slice_eq_nocase(slice_of(rest.data, name.len), name)) {
            rest = slice_from(rest, name.len);
            return slice_starts_with(rest, f->field) && rest.data[f->field.len] == '"';
        }
    }
    return false;
}

static bool head_names_field(const struct form_reader *f)
{
    struct slice rest = slice_of(f->head, f->head_len);
    while (rest.len) {
        size_t end = slice_find(rest, '\n');
        if (names_field(f, slice_of(rest.data, end)))
            return true;
        rest = slice_from(rest, MIN(end + 1, rest.len));
    }
    return false;
}

static bool head_is_complete(const struct form_reader *f)
{
    struct slice head = slice_of(f->head, f->head_len);
    if (head.len < 2)
        return false;
    return slice_eq(head, SLICE("\r\n")) ||
           (head.len >= 4 && slice_eq(slice_from(head, head.len - 4), SLICE("\r\n\r\n")));
}

static void feed_head(struct form_reader *f, char c)
{
    if (f->head_len == sizeof(f->head)) {
        /* Only the end counts now; the name, if there was one, has been seen or is not ours. */
        memmove(f->head, f->head + 1, sizeof(f->head) - 1);
        f->head_len--;
    }
    f->head[f->head_len++] = c;
    if (!head_is_complete(f))
        return;
    if (f->field.len && head_names_field(f))
        begin_value(f);
    f->state = FORM_BODY;
}

/* Bytes that are no delimiter. */
static void pass(struct form_reader *f, struct slice bytes)
{
    f->on_content(f->user, bytes);
    if (f->state == FORM_BODY) {
        add_value(f, bytes);
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if (f->state == FORM_HEAD)
            feed_head(f, bytes.data[i]);
        else if (f->state == FORM_BODY)
            add_value(f, slice_of(bytes.data + i, 1));
        else if (bytes.data[i] == '\n')
            f->state = FORM_HEAD;
    }
}

static void end_part(struct form_reader *f)
{
    f->on_content(f->user, slice_of("", 1)); /* so that parts cannot run into each other */
    f->matched = 0;
    f->head_len = 0;
    f->is_field = false;
    f->state = FORM_DELIMITED;
}

/* Knuth, Morris and Pratt: bytes that match so far are held back, and are `delimiter` itself. */
static void feed_byte(struct form_reader *f, char c)
{
    while (f->matched && f->delimiter[f->matched] != c) {
        size_t shorter = f->fallback[f->matched - 1];
        size_t given_up = f->matched - shorter;
        f->matched = shorter;
        pass(f, slice_of(f->delimiter, given_up));
    }
    if (f->delimiter[f->matched] != c)
        pass(f, slice_of(&c, 1));
    else if (++f->matched == f->delimiter_len)
        end_part(f);
}

static void feed_multipart(struct form_reader *f, struct slice piece)
{
    while (piece.len) {
        size_t plain = f->matched ? 0 : slice_find(piece, '\r');
        if (plain) {
            pass(f, slice_of(piece.data, plain));
            piece = slice_from(piece, plain);
            continue;
        }
        feed_byte(f, piece.data[0]);
        piece = slice_from(piece, 1);
    }
}

/* ---- the type ---- */

static bool is_type(struct slice content_type, struct slice type)
{
    struct slice given = slice_trim(slice_of(content_type.data, slice_find(content_type, ';')));
    return slice_eq_nocase(given, type);
}

/* RFC 9110 8.3.1: the value may be quoted. */
static struct slice boundary_of(struct slice content_type)
{
    while (content_type.len) {
        size_t end = slice_find(content_type, ';');
        struct slice parameter = slice_trim(slice_of(content_type.data, end));
        size_t equals = slice_find(parameter, '=');
        content_type = slice_from(content_type, MIN(end + 1, content_type.len));
        if (equals == parameter.len ||
            !slice_eq_nocase(slice_of(parameter.data, equals), SLICE("boundary")))
            continue;
        struct slice value = slice_from(parameter, equals + 1);
        if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
            value = slice_of(value.data + 1, value.len - 2);
        return value;
    }
    return (struct slice){ 0 };
}

static void prepare_delimiter(struct form_reader *f, struct slice boundary)
{
    memcpy(f->delimiter, "\r\n--", 4);
    memcpy(f->delimiter + 4, boundary.data, boundary.len);
    f->delimiter_len = boundary.len + 4;
    for (size_t i = 1, k = 0; i < f->delimiter_len; i++) {
        while (k && f->delimiter[i] != f->delimiter[k])
            k = f->fallback[k - 1];
        if (f->delimiter[i] == f->delimiter[k])
            k++;
        f->fallback[i] = (uint8_t)k;
    }
    f->state = FORM_BODY;
    f->matched = 2; /* the first delimiter may stand at the very start */
}

void form_reader_init(struct form_reader *f, struct slice content_type, struct slice field,
                      form_content_fn on_content, void *user)
{
    *f = (struct form_reader){ .field = field, .on_content = on_content, .user = user };
    if (is_type(content_type, SLICE("application/x-www-form-urlencoded")))
        f->kind = FORM_URLENCODED;
    if (!is_type(content_type, SLICE("multipart/form-data")))
        return;
    struct slice boundary = boundary_of(content_type);
    if (boundary.len == 0 || boundary.len > FORM_BOUNDARY_MAX)
        return;
    f->kind = FORM_MULTIPART;
    prepare_delimiter(f, boundary);
}

void form_reader_feed(struct form_reader *f, struct slice piece)
{
    if (f->kind == FORM_MULTIPART) {
        feed_multipart(f, piece);
        return;
    }
    f->on_content(f->user, piece);
    if (f->kind == FORM_URLENCODED)
        feed_urlencoded(f, piece);
}

void form_reader_finish(struct form_reader *f)
{
    if (f->kind == FORM_URLENCODED && f->state == FORM_NAME)
        end_name(f, '&');
    if (f->kind == FORM_MULTIPART && f->matched)
        pass(f, slice_of(f->delimiter, f->matched));
    f->matched = 0;
}
