/* Whether a Redis server is still worth asking: not after REDIS_BREAKER_ROW timeouts in a row, nor
 * when half of the calls of a second have failed. Pure: time is given. */
#ifndef STORE_REDIS_BREAKER_H
#define STORE_REDIS_BREAKER_H

#include "common/base.h"

#define REDIS_BREAKER_ROW 5
#define REDIS_BREAKER_WINDOW_MS 1000
#define REDIS_BREAKER_CALLS_MIN 10 /* in a window, before a share of them means anything */

struct redis_breaker {
    uint64_t window_ms; /* when it began */
    uint32_t calls, failures;
    uint32_t row; /* of failures, up to now */
};

void redis_breaker_reset(struct redis_breaker *b);
/* Counts the end of a call. True: open it. */
bool redis_breaker_count(struct redis_breaker *b, uint64_t now_ms, bool failed) MUST_CHECK;

#endif
