#include "fakes/strict_http.h"

#include <strings.h>

/* ---- characters (RFC 5234 B.1, RFC 9110 5.6.2) ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_token_character(char c)
{
    return is_digit(c) || is_letter(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_visible(char c)
{
    return c > 0x20 && c < 0x7f;
}

/* What may stand in a field's value or a reason: also what is beyond ASCII. */
static bool is_text(char c)
{
    return is_visible(c) || c == ' ' || c == '\t' || (unsigned char)c >= 0x80;
}

static bool is_host_character(char c)
{
    return is_digit(c) || is_letter(c) || (c != '\0' && strchr("-._:[]", c) != NULL);
}

static bool all(struct slice s, bool (*is)(char))
{
    for (size_t i = 0; i < s.len; i++)
        if (!is(s.data[i]))
            return false;
    return true;
}

static bool is_word(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

/* ---- lines ---- */

struct reader {
    struct slice left;
    struct strict_message *m;
    bool is_request;
};

/* A line without its CRLF, in which neither of the two stands alone. */
static enum strict_result read_line(struct reader *r, struct slice *line)
{
    for (size_t i = 0; i < r->left.len; i++) {
        char c = r->left.data[i];
        if (c == '\n')
            return STRICT_REFUSED;
        if (c != '\r')
            continue;
        if (i + 1 == r->left.len)
            return STRICT_INCOMPLETE;
        if (r->left.data[i + 1] != '\n')
            return STRICT_REFUSED;
        *line = slice_of(r->left.data, i);
        r->left = slice_of(r->left.data + i + 2, r->left.len - i - 2);
        return STRICT_WHOLE;
    }
    return STRICT_INCOMPLETE;
}

/* Cuts off what comes before the first `end`, which goes too. False when there is none. */
static bool cut(struct slice *rest, char end, struct slice *part)
{
    for (size_t i = 0; i < rest->len; i++)
        if (rest->data[i] == end) {
            *part = slice_of(rest->data, i);
            *rest = slice_of(rest->data + i + 1, rest->len - i - 1);
            return true;
        }
    return false;
}

static bool take_version(struct slice text, unsigned *minor)
{
    if (text.len != 8 || memcmp(text.data, "HTTP/1.", 7) != 0)
        return false;
    *minor = (unsigned)(text.data[7] - '0');
    return *minor <= 1;
}

static bool take_request_line(struct strict_message *m, struct slice line)
{
    return cut(&line, ' ', &m->method) && cut(&line, ' ', &m->target) && m->method.len > 0 &&
           m->target.len > 0 && all(m->method, is_token_character) && all(m->target, is_visible) &&
           take_version(line, &m->minor);
}

static bool take_status_line(struct strict_message *m, struct slice line)
{
    struct slice version, status;
    if (!cut(&line, ' ', &version) || !cut(&line, ' ', &status) ||
        !take_version(version, &m->minor) || status.len != 3 || !all(status, is_digit) ||
        !all(line, is_text))
        return false;
    m->status = (unsigned)(status.data[0] - '0') * 100 + (unsigned)(status.data[1] - '0') * 10 +
                (unsigned)(status.data[2] - '0');
    return m->status >= 100 && m->status < 600;
}

static bool take_field(struct strict_field *f, struct slice line, bool is_request)
{
    if (!cut(&line, ':', &f->name) || f->name.len == 0 || !all(f->name, is_token_character))
        return false;
    if (is_request && memchr(f->name.data, '_', f->name.len))
        return false;
    while (line.len && (line.data[0] == ' ' || line.data[0] == '\t'))
        line = slice_of(line.data + 1, line.len - 1);
    while (line.len && (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t'))
        line.len--;
    f->value = line;
    return all(line, is_text);
}

static enum strict_result read_fields(struct reader *r, struct strict_field *fields, size_t *count)
{
    for (;;) {
        struct slice line;
        enum strict_result result = read_line(r, &line);
        if (result != STRICT_WHOLE)
            return result;
        if (line.len == 0)
            return STRICT_WHOLE;
        if (*count == STRICT_FIELDS_MAX || !take_field(&fields[(*count)++], line, r->is_request))
            return STRICT_REFUSED;
    }
}

/* ---- framing (RFC 9112 6) ---- */

static size_t count_of(const struct strict_message *m, const char *name, struct slice *value)
{
    size_t count = 0;
    for (size_t i = 0; i < m->field_count; i++)
        if (is_word(m->fields[i].name, name)) {
            *value = m->fields[i].value;
            count++;
        }
    return count;
}

struct slice strict_http_field(const struct strict_message *m, const char *name)
{
    struct slice value = { 0 };
    return count_of(m, name, &value) == 1 ? value : (struct slice){ 0 };
}

static bool take_length(struct slice text, uint64_t *length)
{
    if (text.len == 0 || text.len > 18 || !all(text, is_digit))
        return false;
    *length = 0;
    for (size_t i = 0; i < text.len; i++)
        *length = *length * 10 + (uint64_t)(text.data[i] - '0');
    return true;
}

static bool take_host(const struct strict_message *m)
{
    struct slice host = { 0 };
    size_t hosts = count_of(m, "host", &host);
    return (hosts == 1 && all(host, is_host_character)) || (hosts == 0 && m->minor == 0);
}

static bool never_has_content(const struct strict_message *m)
{
    return m->status < 200 || m->status == 204;
}

static bool decide_framing(struct reader *r, bool to_head)
{
    struct strict_message *m = r->m;
    struct slice length = { 0 }, encoding = { 0 };
    size_t lengths = count_of(m, "content-length", &length);
    size_t encodings = count_of(m, "transfer-encoding", &encoding);
    if (lengths + encodings > 1 || (lengths && !take_length(length, &m->length)) ||
        (encodings && (!is_word(encoding, "chunked") || m->minor == 0)))
        return false;
    if (r->is_request) {
        m->framing = lengths ? STRICT_LENGTH : encodings ? STRICT_CHUNKED : STRICT_NONE;
        return take_host(m);
    }
    if (never_has_content(m))
        return lengths + encodings == 0; /* RFC 9110 8.6, RFC 9112 6.1 */
    m->framing = to_head || m->status == 304 ? STRICT_NONE
                 : lengths                   ? STRICT_LENGTH
                 : encodings                 ? STRICT_CHUNKED
                                             : STRICT_UNTIL_CLOSE;
    return true;
}

/* ---- content (RFC 9112 7) ---- */

static bool take_bytes(struct reader *r, uint64_t count)
{
    size_t taken = count < r->left.len ? (size_t)count : r->left.len;
    if (taken)
        memcpy(r->m->body + r->m->body_len, r->left.data, taken);
    r->m->body_len += taken;
    r->left = slice_of(r->left.data + taken, r->left.len - taken);
    return taken == count;
}

static bool take_chunk_size(struct slice line, uint64_t *size)
{
    if (line.len == 0 || line.len > 15)
        return false;
    *size = 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.data[i];
        bool is_hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!is_hex)
            return false;
        *size = *size * 16 + (uint64_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
}

static enum strict_result read_chunk(struct reader *r, uint64_t *size)
{
    struct slice line;
    enum strict_result result = read_line(r, &line);
    if (result != STRICT_WHOLE)
        return result;
    if (!take_chunk_size(line, size))
        return STRICT_REFUSED;
    if (*size == 0)
        return STRICT_WHOLE;
    if (!take_bytes(r, *size))
        return STRICT_INCOMPLETE;
    result = read_line(r, &line);
    return result == STRICT_WHOLE && line.len ? STRICT_REFUSED : result;
}

/* What may change the framing, the way or the rights of a message has no place behind it (RFC 9110
 * 6.5.1). */
static bool trailers_are_harmless(const struct strict_message *m)
{
    static const char *const never[] = { "content-length", "transfer-encoding", "host",   "te",
                                         "authorization",  "connection",        "cookie", "upgrade",
                                         "set-cookie",     "content-encoding" };
    for (size_t i = 0; i < m->trailer_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(never); k++)
            if (is_word(m->trailers[i].name, never[k]))
                return false;
    return true;
}

static enum strict_result read_chunks(struct reader *r)
{
    uint64_t size = 1;
    enum strict_result result = STRICT_WHOLE;
    while (size && result == STRICT_WHOLE)
        result = read_chunk(r, &size);
    if (result == STRICT_WHOLE)
        result = read_fields(r, r->m->trailers, &r->m->trailer_count);
    if (result == STRICT_WHOLE && !trailers_are_harmless(r->m))
        return STRICT_REFUSED;
    return result;
}

/* ---- the whole ---- */

static enum strict_result read_message(struct reader *r, struct slice bytes, bool to_head)
{
    struct strict_message *m = r->m;
    struct slice line;
    enum strict_result result = read_line(r, &line);
    if (result != STRICT_WHOLE)
        return result;
    if (r->is_request ? !take_request_line(m, line) : !take_status_line(m, line))
        return STRICT_REFUSED;
    result = read_fields(r, m->fields, &m->field_count);
    if (result != STRICT_WHOLE)
        return result;
    if (!decide_framing(r, to_head))
        return STRICT_REFUSED;
    m->head_len = bytes.len - r->left.len;
    if (m->framing == STRICT_CHUNKED)
        result = read_chunks(r);
    else if (m->framing != STRICT_NONE)
        result = take_bytes(r, m->framing == STRICT_LENGTH ? m->length : UINT64_MAX)
                     ? STRICT_WHOLE
                     : STRICT_INCOMPLETE;
    m->used = bytes.len - r->left.len;
    return result;
}

static enum strict_result read_as(struct strict_message *m, struct slice bytes, char *body,
                                  bool is_request, bool to_head)
{
    struct reader r = { bytes, m, is_request };
    *m = (struct strict_message){ .body = body };
    return read_message(&r, bytes, to_head);
}

enum strict_result strict_http_read_request(struct strict_message *m, struct slice bytes,
                                            char *body)
{
    return read_as(m, bytes, body, true, false);
}

enum strict_result strict_http_read_response(struct strict_message *m, struct slice bytes,
                                             bool to_head, char *body)
{
    return read_as(m, bytes, body, false, to_head);
}
