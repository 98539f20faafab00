/* Random numbers of two kinds: the kernel's for secrets, and a fast generator for jitter, choice
 * and reference codes, which are not secrets. */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include "common/base.h"

/* Cryptographic; aborts when the kernel has none to give. */
void random_bytes(void *out, size_t len);

/* xoshiro256** (Blackman and Vigna, 2018). */
struct random {
    uint64_t s[4];
};

/* Seeded from the kernel. */
void random_init(struct random *r);
uint64_t random_next(struct random *r);
/* Uniform in [0, bound); bound > 0. */
uint32_t random_below(struct random *r, uint32_t bound);

#endif
