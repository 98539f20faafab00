/* Bytes as the RFCs print them. */
#ifndef UNIT_TLS_HEX_H
#define UNIT_TLS_HEX_H

#include "common/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* Returns how many bytes it made. */
static inline size_t from_hex(const char *hex, uint8_t *out)
{
    size_t bytes = strlen(hex) / 2;
    for (size_t i = 0; i < bytes; i++) {
        char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static inline void assert_hex(const uint8_t *bytes, const char *hex)
{
    uint8_t expected[64];
    size_t len = from_hex(hex, expected);
    assert_memory_equal(bytes, expected, len);
}

#endif
