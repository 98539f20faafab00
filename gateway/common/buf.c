#include "common/buf.h"

#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t cap_bytes)
{
    *b = (struct buf){ .cap = cap_bytes };
}

void buf_fini(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){ .cap = b->cap };
}

static bool reserve(struct buf *b, size_t more)
{
    if (b->failed || more > b->cap - b->len) {
        b->failed = true;
        return false;
    }
    if (b->size - b->len >= more)
        return true;
    size_t size = b->size ? b->size : 256;
    while (size - b->len < more)
        size *= 2;
    size = MIN(size, b->cap);
    char *grown = realloc(b->data, size);
    if (!grown) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->size = size;
    return true;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !reserve(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_append_slice(struct buf *b, struct slice s)
{
    buf_append(b, s.data, s.len);
}

void buf_append_str(struct buf *b, const char *str)
{
    buf_append(b, str, strlen(str));
}

void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

size_t format_u64(char *out, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

void buf_append_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    buf_append(b, digits, format_u64(digits, value));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    /* vsnprintf wants room for its terminator; it is not counted in len. */
    if (len < 0 || !reserve(b, (size_t)len + 1)) {
        b->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len -= len;
    if (b->len)
        memmove(b->data, b->data + len, b->len);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}
