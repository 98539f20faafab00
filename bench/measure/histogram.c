#include "bench/measure/histogram.h"

#include <math.h>

#define HALF (HDR_SUB_BUCKETS / 2)
#define SAMPLES_BEYOND 100 /* below that a quantile is chance */

static uint32_t index_of(uint64_t us)
{
    uint64_t value = MIN(us, (uint64_t)UINT32_MAX);
    if (value < HDR_SUB_BUCKETS)
        return (uint32_t)value;
    uint32_t shift = 53 - (uint32_t)__builtin_clzll(value); /* leaves HALF to 2 * HALF - 1 */
    return shift * HALF + (uint32_t)(value >> shift);
}

static uint32_t shift_of(uint32_t index)
{
    return index < HDR_SUB_BUCKETS ? 0 : index / HALF - 1;
}

uint64_t hdr_bucket_low(uint32_t index)
{
    uint32_t shift = shift_of(index);
    return (uint64_t)(index - shift * HALF) << shift;
}

uint64_t hdr_bucket_high(uint32_t index)
{
    return hdr_bucket_low(index) + (1ull << shift_of(index)) - 1;
}

void hdr_init(struct hdr *h)
{
    h->min_us = UINT64_MAX;
}

void hdr_record(struct hdr *h, uint64_t us)
{
    h->counts[index_of(us)]++;
    h->count++;
    h->sum_us += us;
    h->min_us = MIN(h->min_us, us);
    h->max_us = MAX(h->max_us, us);
}

void hdr_merge(struct hdr *into, const struct hdr *from)
{
    if (from->count == 0)
        return;
    for (uint32_t i = 0; i < HDR_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->count += from->count;
    into->sum_us += from->sum_us;
    into->min_us = MIN(into->min_us, from->min_us);
    into->max_us = MAX(into->max_us, from->max_us);
}

/* The position, from 1, of the value that quantile `q` asks for. */
static uint64_t rank_of(const struct hdr *h, double q)
{
    double rank = ceil(q * (double)h->count);
    if (rank < 1)
        return 1;
    return MIN((uint64_t)rank, h->count);
}

uint64_t hdr_quantile(const struct hdr *h, double q)
{
    if (h->count == 0)
        return 0;
    uint64_t left = rank_of(h, q);
    uint32_t i = 0;
    while (i < HDR_BUCKETS - 1 && h->counts[i] < left)
        left -= h->counts[i++];
    return hdr_bucket_high(i);
}

bool hdr_can_tell(const struct hdr *h, double q)
{
    return h->count > 0 && h->count - rank_of(h, q) >= SAMPLES_BEYOND;
}

double hdr_mean(const struct hdr *h)
{
    return h->count ? (double)h->sum_us / (double)h->count : 0;
}

uint64_t hdr_count_above(const struct hdr *h, uint64_t us)
{
    uint64_t above = 0;
    for (uint32_t i = index_of(us) + 1; i < HDR_BUCKETS; i++)
        above += h->counts[i];
    return above;
}
