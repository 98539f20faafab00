/* SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): places for keys that clients
 * choose, which they cannot make collide without the secret. */
#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include "common/slice.h"

struct siphash_key {
    uint64_t k0, k1;
};

struct siphash {
    uint64_t low, high;
};

struct siphash siphash_of(struct siphash_key key, struct slice data);

#endif
