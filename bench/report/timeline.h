/* A run's seconds, joined into so few columns that a page can draw them however long it was. Rates
 * are means over a column's seconds, quantiles those of all its answers; of `alive` the least, of
 * lag the most is kept, for a mean would hide what matters. No number where nothing was seen. */
#ifndef BENCH_REPORT_TIMELINE_H
#define BENCH_REPORT_TIMELINE_H

#include "bench/measure/result.h"

#define TIMELINE_COLUMNS_MAX 400

struct timeline_column {
    double at_s; /* its middle */
    double users_planned, users, alive;
    double planned, done, errors;      /* a second */
    double p50_us, p99_us, lag_p99_us; /* response clock */
    double core_busy[2], foreign, gateway_cpu, generators_cpu, nodes_cpu;
    double gateway_pss, generators_pss, kernel; /* kernel: growth of slab and TCP memory */
    uint32_t response[BAND_COUNT];
};

struct timeline {
    uint32_t count, seconds_per_column;
    struct timeline_column columns[TIMELINE_COLUMNS_MAX];
};

struct timeline *timeline_new(const struct result *r) MUST_CHECK;
void timeline_free(struct timeline **t);

/* Of the whole run, in seconds. */
double timeline_seconds(const struct result *r);

#endif
