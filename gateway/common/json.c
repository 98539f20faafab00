#include "common/json.h"

#include <stdio.h>

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){ .out = out };
}

static void before_item(struct json *j, const char *key)
{
    uint32_t bit = 1u << j->depth;
    if (j->has_items & bit)
        buf_append_char(j->out, ',');
    j->has_items |= bit;
    if (key) {
        buf_append_char(j->out, '"');
        json_escape(j->out, slice_str(key));
        buf_append_str(j->out, "\":");
    }
}

static void open_level(struct json *j, const char *key, char bracket)
{
    before_item(j, key);
    buf_append_char(j->out, bracket);
    assert(j->depth < 31);
    j->depth++;
    j->has_items &= ~(1u << j->depth);
}

static void close_level(struct json *j, char bracket)
{
    assert(j->depth > 0);
    j->depth--;
    buf_append_char(j->out, bracket);
}

void json_object(struct json *j, const char *key)
{
    open_level(j, key, '{');
}

void json_end_object(struct json *j)
{
    close_level(j, '}');
}

void json_array(struct json *j, const char *key)
{
    open_level(j, key, '[');
}

void json_end_array(struct json *j)
{
    close_level(j, ']');
}

void json_string(struct json *j, const char *key, struct slice value)
{
    before_item(j, key);
    buf_append_char(j->out, '"');
    json_escape(j->out, value);
    buf_append_char(j->out, '"');
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
    before_item(j, key);
    buf_append_u64(j->out, value);
}

void json_double(struct json *j, const char *key, double value)
{
    before_item(j, key);
    buf_printf(j->out, "%.6g", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    before_item(j, key);
    buf_append_str(j->out, value ? "true" : "false");
}

/* Length of the valid UTF-8 sequence at the start of `s`, or 0 (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t utf8_len(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xc2 ? 0
               : p[0] < 0xe0 ? 2
               : p[0] < 0xf0 ? 3
               : p[0] < 0xf5 ? 4
                             : 0;
    if (n == 0 || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void json_escape(struct buf *out, struct slice s)
{
    while (s.len) {
        size_t plain = 0;
        while (plain < s.len && is_plain((unsigned char)s.data[plain]))
            plain++;
        buf_append(out, s.data, plain);
        s = slice_from(s, plain);
        if (s.len == 0)
            return;
        unsigned char c = (unsigned char)s.data[0];
        size_t n = utf8_len(s);
        if (c == '"' || c == '\\') {
            char escaped[2] = { '\\', (char)c };
            buf_append(out, escaped, 2);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else if (n == 2 && c == 0xc2 && (unsigned char)s.data[1] < 0xa0) {
            /* C1 controls: a terminal that shows the log would obey them. */
            buf_printf(out, "\\u%04x", (unsigned char)s.data[1]);
        } else if (n) {
            buf_append(out, s.data, n);
        } else {
            buf_append_str(out, "\\ufffd");
        }
        s = slice_from(s, n ? n : 1);
    }
}
