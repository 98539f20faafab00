/* A borrowed run of bytes: pointer and length, not terminated, never owned. */
#ifndef COMMON_SLICE_H
#define COMMON_SLICE_H

#include "common/base.h"

#include <string.h>

struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })
/* For printf's %.*s */
#define SLICE_ARG(s) (int)(s).len, (s).data

static inline struct slice slice_of(const char *data, size_t len)
{
    return (struct slice){ data, len };
}

static inline struct slice slice_str(const char *str)
{
    return (struct slice){ str, str ? strlen(str) : 0 };
}

static inline struct slice slice_from(struct slice s, size_t at)
{
    return (struct slice){ s.data + at, s.len - at };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

/* ASCII only: header names, host names and schemes are ASCII by their RFCs. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* Position of `c`, or s.len. */
size_t slice_find(struct slice s, char c);

/* Without spaces and tabs at both ends (the OWS of RFC 9110 5.6.3). */
struct slice slice_trim(struct slice s);

/* Cuts the next element off a comma-separated list (RFC 9110 5.6.1), trimmed; empty elements are
 * given as they are. Returns false when nothing is left. */
bool slice_next_element(struct slice *rest, struct slice *element);

/* Decimal digits only: no sign, no space, at least one digit. Returns false on anything else and
 * on overflow. */
bool slice_to_u64(struct slice s, uint64_t *value);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
