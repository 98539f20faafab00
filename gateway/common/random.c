#include "common/random.h"

#include "common/log.h"

#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
    char *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0) {
            log_write(LOG_ERROR, "getrandom failed; this process stops");
            abort();
        }
        p += n;
        len -= (size_t)n;
    }
}

void random_init(struct random *r)
{
    random_bytes(r->s, sizeof(r->s));
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t random_next(struct random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint32_t random_below(struct random *r, uint32_t bound)
{
    /* Lemire's multiply-shift; its bias is below 2^-32 and of no matter here. */
    return (uint32_t)(((random_next(r) >> 32) * bound) >> 32);
}
