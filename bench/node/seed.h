/* A random generator that repeats itself: the same seed gives the same run. */
#ifndef NODE_SEED_H
#define NODE_SEED_H

#include "common/random.h"

void seed_random(struct random *r, uint64_t seed);

/* Uniform in [0, 1), 53 bits. */
double seed_fraction(struct random *r);

#endif
