/* Latencies in microseconds, from 1 µs to 1 h, in 1.9 KiB of shared memory.
 *
 * Log-linear: each power of two is cut into eight equal buckets, so a bucket is at most 12.5% as
 * wide as its smallest value, and its middle, which every reader reports, is at most 6.25% off.
 * Values below 16 are exact; values above HISTOGRAM_MAX_US count as that. One writer, any
 * readers: see counter.h. Zeroed memory is an empty histogram. */
#ifndef OBSERVE_HISTOGRAM_H
#define OBSERVE_HISTOGRAM_H

#include "observe/counter.h"

#define HISTOGRAM_MAX_US 3600000000u
#define HISTOGRAM_BUCKETS 238

struct histogram {
    _Atomic uint64_t sum_us;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

_Static_assert(sizeof(struct histogram) <= 2048, "a histogram stays compact");

/* The bucket of a value of at most HISTOGRAM_MAX_US: the shift that leaves its four highest bits,
 * then the bits. */
static inline uint32_t histogram_bucket(uint64_t us)
{
    uint32_t shift = 60u - (uint32_t)__builtin_clzll(us | 8);
    return shift * 8 + (uint32_t)(us >> shift);
}

static inline void histogram_record(struct histogram *h, uint64_t us)
{
    us = MIN(us, HISTOGRAM_MAX_US);
    counter_add(&h->buckets[histogram_bucket(us)], 1);
    counter_add(&h->sum_us, us);
}

/* The value in the middle of a bucket. */
uint64_t histogram_middle_us(uint32_t bucket);

/* Adds what `from` holds; the caller is the writer of `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);
void histogram_clear(struct histogram *h);

uint64_t histogram_count(const struct histogram *h);
/* The value that the share `q` (0 to 1) of all values does not exceed; 0 for an empty histogram. */
uint64_t histogram_quantile_us(const struct histogram *h, double q);

#endif
