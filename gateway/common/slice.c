#include "common/slice.h"

/* ascii_lower() of eight bytes. Without their highest bits no sum carries into the next one. */
static uint64_t lower_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    uint64_t low = word & EACH_BYTE * 0x7f;
    uint64_t from_a = low + EACH_BYTE * (0x80 - 'A'), beyond_z = low + EACH_BYTE * (0x7f - 'Z');
    uint64_t capitals = (from_a ^ beyond_z) & ~word & EACH_BYTE * 0x80;
    return word | capitals >> 2;
}

/* The last eight bytes of a longer text overlap those before them. */
static bool words_eq_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i + 8 < len; i += 8)
        if (lower_word(a + i) != lower_word(b + i))
            return false;
    return lower_word(a + len - 8) == lower_word(b + len - 8);
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    if (a.len >= 8)
        return words_eq_nocase(a.data, b.data, a.len);
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
