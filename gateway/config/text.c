#include "config/text.h"

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* U+0080 to U+009F, two bytes in UTF-8, are terminal controls as well. */
static bool is_high_control(struct slice s, size_t at)
{
    return (unsigned char)s.data[at] == 0xc2 && at + 1 < s.len &&
           (unsigned char)s.data[at + 1] < 0xa0;
}

bool text_has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (is_control(s.data[i]) || is_high_control(s, i))
            return true;
    return false;
}

/* A cut may not fall inside a UTF-8 sequence. */
static size_t shortened_len(struct slice s)
{
    size_t len = MIN(s.len, TEXT_QUOTE_BYTES);
    if (len == s.len)
        return len;
    while (len > 0 && ((unsigned char)s.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

struct text_quote text_quote(struct slice s)
{
    struct text_quote q;
    char *out = q.text;
    size_t len = shortened_len(s);
    *out++ = '"';
    for (size_t i = 0; i < len; i++) {
        bool high = is_high_control(s, i);
        *out++ = high || is_control(s.data[i]) ? '?' : s.data[i];
        i += high;
    }
    if (len < s.len) {
        memcpy(out, "…", 3);
        out += 3;
    }
    *out++ = '"';
    *out = '\0';
    return q;
}

#define WORD_BYTES_MAX 32

/* Levenshtein's distance: how many characters to insert, remove or replace. */
static size_t distance(struct slice a, struct slice b)
{
    size_t row[WORD_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (ascii_lower(a.data[i - 1]) != ascii_lower(b.data[j - 1]));
            diagonal = row[j];
            row[j] = MIN(replaced, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

const char *text_nearest(struct slice given, const char *const *known, size_t count)
{
    const char *nearest = NULL;
    if (given.len > WORD_BYTES_MAX)
        return NULL;
    size_t best = given.len / 3 + 2; /* further away it is another word */
    for (size_t i = 0; i < count; i++) {
        struct slice word = slice_str(known[i]);
        if (word.len > WORD_BYTES_MAX)
            continue;
        size_t d = distance(given, word);
        if (d < best && d < word.len) {
            best = d;
            nearest = known[i];
        }
    }
    return nearest;
}

size_t text_choice(const char *choices, struct slice word)
{
    struct slice rest = slice_str(choices);
    for (size_t i = 0; word.len > 0; i++) {
        size_t end = slice_find(rest, '|');
        if (slice_eq_nocase(slice_of(rest.data, end), word))
            return i;
        if (end == rest.len)
            break;
        rest = slice_from(rest, end + 1);
    }
    return TEXT_NO_CHOICE;
}

bool text_is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.data[i]);
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0;
}
