#include "observe/metrics.h"

void metrics_reset_gauges(struct metrics *m)
{
    for (uint32_t i = 0; i < METRICS_GAUGE_COUNT; i++)
        counter_set(&m->gauges[i], 0);
}
