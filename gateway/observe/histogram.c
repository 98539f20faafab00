#include "observe/histogram.h"

uint64_t histogram_middle_us(uint32_t bucket)
{
    if (bucket < 16)
        return bucket;
    uint32_t shift = bucket / 8 - 1;
    uint64_t lowest = (uint64_t)(8 + bucket % 8) << shift;
    return lowest + ((1ull << shift) - 1) / 2;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        counter_add(&into->buckets[i], counter_read(&from->buckets[i]));
    counter_add(&into->sum_us, counter_read(&from->sum_us));
}

void histogram_clear(struct histogram *h)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        counter_set(&h->buckets[i], 0);
    counter_set(&h->sum_us, 0);
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += counter_read(&h->buckets[i]);
    return count;
}

uint64_t histogram_quantile_us(const struct histogram *h, double q)
{
    uint64_t count = histogram_count(h);
    if (count == 0)
        return 0;
    uint64_t wanted = (uint64_t)(q * (double)count);
    if ((double)wanted < q * (double)count || wanted == 0)
        wanted++;
    uint64_t seen = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && seen < wanted; i++) {
        uint64_t here = counter_read(&h->buckets[i]);
        seen += here;
        if (here)
            last = i;
    }
    return histogram_middle_us(last);
}
