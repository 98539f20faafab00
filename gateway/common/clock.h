/* Time. Durations are measured on the monotonic clock; only log lines and dates carry wall time. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/slice.h"

/* Monotonic microseconds and milliseconds. */
uint64_t clock_now_us(void);
uint64_t clock_now_ms(void);
/* Milliseconds since 1970-01-01T00:00:00Z. */
uint64_t clock_wall_ms(void);

#define CLOCK_ISO_LEN 24 /* 2026-11-21T08:15:30.123Z */
/* Writes CLOCK_ISO_LEN characters and a terminator (RFC 3339, UTC). */
void clock_format_iso(char out[CLOCK_ISO_LEN + 1], uint64_t wall_ms);

#define CLOCK_ISO_EXAMPLE "2026-11-23T06:00+07:00"
/* Reads a time that an operator wrote, to the minute or the second. Without a zone it is Vietnam's,
 * UTC+7. False when it is none. */
bool clock_parse_iso(struct slice text, uint64_t *wall_ms);

/* Vietnam has one zone, and no summer time. */
#define CLOCK_VIETNAM_MS (7 * 3600 * 1000ull)

#define CLOCK_AGE_BYTES 24
/* The two largest units that matter: "3d4h", "12m30s", "45s". Returns `out`. */
const char *clock_format_age(uint64_t ms, char out[CLOCK_AGE_BYTES]);

#define CLOCK_HTTP_LEN 29 /* Sat, 21 Nov 2026 08:15:30 GMT */
/* Writes CLOCK_HTTP_LEN characters and a terminator (IMF-fixdate, RFC 9110 5.6.7). */
void clock_format_http(char out[CLOCK_HTTP_LEN + 1], uint64_t wall_ms);

#endif
