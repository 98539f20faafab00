/* The handful of macros that every file may use. */
#ifndef COMMON_BASE_H
#define COMMON_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* A function that is rarely called, and kept out of those that would call it. */
#define COLD __attribute__((cold, noinline))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* A byte times this is eight of it: for work on a word of text. */
#define EACH_BYTE 0x0101010101010101ull

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Magic numbers: a cast from void * is checked in every build (Varnish's habit). */
void base_bad_magic(const char *type) __attribute__((noreturn, cold));

#define CHECK_MAGIC(obj, value)                                                                    \
    do {                                                                                           \
        if (UNLIKELY((obj)->magic != (value)))                                                     \
            base_bad_magic(#value);                                                                \
    } while (0)

#endif
