/* Numbers of the configuration. Units are strict: a duration or a size without its unit, or with
 * one that could mean two things, is refused with the spelling that would be right. Whole numbers
 * only, no sign, no space. */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include "common/err.h"
#include "common/slice.h"

enum unit {
    UNIT_COUNT,    /* 120000 */
    UNIT_DURATION, /* 500ms 30s 5m 2h 1d; the value is in milliseconds */
    UNIT_SIZE,     /* 512B 64KiB 1MiB 1GiB; the value is in bytes */
};

/* 0, or ERR_INVALID with a sentence in `e`. */
int units_parse(enum unit unit, struct slice text, uint64_t *value, struct err *e) MUST_CHECK;

#endif
