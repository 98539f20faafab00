#include "process/spread.h"

/* Shares of what is open, in connections a period, below which no rate of arrivals is believed. */
#define ARRIVALS_PART 256
#define ARRIVALS_LEAST 8 /* a worker */

#define OPEN_MAX (1ULL << 32) /* the numbers come from workers, who may be compromised */

static uint32_t weight(double lacks, double fair_arrivals)
{
    double share = 1 + lacks / fair_arrivals;
    share = share < 0.5 ? 0.5 : share > 2 ? 2 : share;
    return (uint32_t)(share * SPREAD_FAIR + 0.5);
}

void spread_weigh(const uint64_t open[CONFIG_WORKERS_MAX], uint64_t live, uint64_t arrivals,
                  uint32_t weights[CONFIG_WORKERS_MAX])
{
    uint64_t count = 0, all = 0;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++) {
        bool is_live = live >> slot & 1;
        count += is_live;
        all += is_live ? MIN(open[slot], OPEN_MAX) : 0;
        weights[slot] = 0;
    }
    if (count == 0)
        return;
    uint64_t expected = MAX(MIN(arrivals, OPEN_MAX), all / ARRIVALS_PART);
    double fair_arrivals = (double)MAX(expected, ARRIVALS_LEAST * count) / (double)count;
    double mean = (double)all / (double)count;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        if (live >> slot & 1)
            weights[slot] = weight(mean - (double)MIN(open[slot], OPEN_MAX), fair_arrivals);
}
