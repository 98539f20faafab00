#include "store/redis_breaker.h"

void redis_breaker_reset(struct redis_breaker *b)
{
    *b = (struct redis_breaker){ 0 };
}

bool redis_breaker_count(struct redis_breaker *b, uint64_t now_ms, bool failed)
{
    if (now_ms - b->window_ms >= REDIS_BREAKER_WINDOW_MS) {
        b->window_ms = now_ms;
        b->calls = b->failures = 0;
    }
    b->calls++;
    b->failures += failed;
    b->row = failed ? b->row + 1 : 0;
    return b->row >= REDIS_BREAKER_ROW ||
           (b->calls >= REDIS_BREAKER_CALLS_MIN && b->failures * 2 >= b->calls);
}
