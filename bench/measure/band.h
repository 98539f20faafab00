/* A coarse latency histogram for where a whole `struct hdr` would be too large: one second of one
 * generator, one of 2,000 procedures. Four bands to a doubling from 64 µs to 67 s, so a quantile
 * read from it, interpolated, is within a few percent. Plain arrays of BAND_COUNT counters; they
 * merge by addition. Good for drawings and for the spread between batches, not for verdicts. */
#ifndef BENCH_MEASURE_BAND_H
#define BENCH_MEASURE_BAND_H

#include "common/base.h"

#define BAND_FIRST_BIT 6 /* band 0 holds all below 2^6 + 2^4 µs */
#define BAND_DOUBLINGS 20
#define BAND_COUNT (BAND_DOUBLINGS * 4)

/* The band that `us` belongs to: its highest bit and the two bits below that. */
static inline uint32_t band_of(uint64_t us)
{
    if (us < (1U << BAND_FIRST_BIT))
        return 0;
    uint32_t bit = 63U - (uint32_t)__builtin_clzll(us);
    uint32_t band = (bit - BAND_FIRST_BIT) * 4 + (uint32_t)((us >> (bit - 2)) & 3);
    return band < BAND_COUNT ? band : BAND_COUNT - 1;
}

/* Bounds in µs: a band holds low <= value < high. */
uint64_t band_low(uint32_t band);
uint64_t band_high(uint32_t band);
void band_merge(uint32_t into[BAND_COUNT], const uint32_t from[BAND_COUNT]);
uint64_t band_total(const uint32_t counts[BAND_COUNT]);
/* Interpolated within its band, in µs; 0 when empty. */
double band_quantile(const uint32_t counts[BAND_COUNT], double q);

#endif
