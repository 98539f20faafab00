#include "bench/node/seed.h"

/* splitmix64 (Steele, Lea and Flood, 2014): what xoshiro's authors advise to fill its state. */
static uint64_t splitmix(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void seed_random(struct random *r, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(r->s); i++)
        r->s[i] = splitmix(&seed);
}

double seed_fraction(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1p-53;
}
