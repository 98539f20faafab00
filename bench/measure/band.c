#include "bench/measure/band.h"

uint64_t band_low(uint32_t band)
{
    if (band == 0)
        return 0;
    uint64_t quarter = 1ULL << (BAND_FIRST_BIT - 2 + band / 4);
    return quarter * (4 + band % 4);
}

uint64_t band_high(uint32_t band)
{
    uint64_t quarter = 1ULL << (BAND_FIRST_BIT - 2 + band / 4);
    return quarter * (5 + band % 4);
}

void band_merge(uint32_t into[BAND_COUNT], const uint32_t from[BAND_COUNT])
{
    for (uint32_t i = 0; i < BAND_COUNT; i++)
        into[i] += from[i];
}

uint64_t band_total(const uint32_t counts[BAND_COUNT])
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < BAND_COUNT; i++)
        total += counts[i];
    return total;
}

double band_quantile(const uint32_t counts[BAND_COUNT], double q)
{
    double wanted = q * (double)band_total(counts);
    double below = 0;
    for (uint32_t i = 0; i < BAND_COUNT; i++) {
        double here = counts[i];
        if (here > 0 && below + here >= wanted) {
            double low = (double)band_low(i);
            return low + ((double)band_high(i) - low) * (wanted - below) / here;
        }
        below += here;
    }
    return 0;
}
