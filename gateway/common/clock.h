/* Time. Durations are measured on the monotonic clock; only log lines and dates carry wall time. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/base.h"

/* Monotonic microseconds and milliseconds. */
uint64_t clock_now_us(void);
uint64_t clock_now_ms(void);
/* Milliseconds since 1970-01-01T00:00:00Z. */
uint64_t clock_wall_ms(void);

#define CLOCK_ISO_LEN 24 /* 2026-11-21T08:15:30.123Z */
/* Writes CLOCK_ISO_LEN characters and a terminator (RFC 3339, UTC). */
void clock_format_iso(char out[CLOCK_ISO_LEN + 1], uint64_t wall_ms);

#define CLOCK_HTTP_LEN 29 /* Sat, 21 Nov 2026 08:15:30 GMT */
/* Writes CLOCK_HTTP_LEN characters and a terminator (IMF-fixdate, RFC 9110 5.6.7). */
void clock_format_http(char out[CLOCK_HTTP_LEN + 1], uint64_t wall_ms);

#endif
