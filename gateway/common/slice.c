#include "common/slice.h"

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

size_t slice_find(struct slice s, char c)
{
    const char *at = s.len ? memchr(s.data, c, s.len) : NULL;
    return at ? (size_t)(at - s.data) : s.len;
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_ows(s.data[0]))
        s = slice_from(s, 1);
    while (s.len && is_ows(s.data[s.len - 1]))
        s.len--;
    return s;
}

bool slice_next_element(struct slice *rest, struct slice *element)
{
    if (!rest->data)
        return false;
    size_t comma = slice_find(*rest, ',');
    *element = slice_trim(slice_of(rest->data, comma));
    *rest = comma == rest->len ? (struct slice){ 0 } : slice_from(*rest, comma + 1);
    return true;
}

bool slice_to_u64(struct slice s, uint64_t *value)
{
    uint64_t v = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}
