/* A growable run of bytes with a mandatory cap (curl's habit). Appending past the cap, or without
 * memory, marks the buffer failed and drops what came: check once at the end with buf_ok(). */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/base.h"
#include "common/slice.h"

struct buf {
    char *data; /* owned */
    size_t len, size, cap;
    bool failed;
};

void buf_init(struct buf *b, size_t cap_bytes);
void buf_fini(struct buf *b);

void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_slice(struct buf *b, struct slice s);
void buf_append_str(struct buf *b, const char *str);
void buf_append_char(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t value);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);
void buf_clear(struct buf *b);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->len);
}

/* Writes the decimal digits of `value` to `out` (room for 20) and returns how many. */
size_t format_u64(char *out, uint64_t value);

#endif
