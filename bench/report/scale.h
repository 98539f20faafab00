/* From values to places on an axis, 0 to 1, and the values worth a label. */
#ifndef BENCH_REPORT_SCALE_H
#define BENCH_REPORT_SCALE_H

#include "common/base.h"

#define SCALE_TICKS_MAX 8

struct scale {
    double low, high;
    bool is_log;
    double ticks[SCALE_TICKS_MAX];
    uint32_t tick_count;
};

/* From 0 to a round number at or above `max`. */
struct scale scale_linear(double max);
/* Powers of ten around `min` to `max`, both above 0. */
struct scale scale_log(double min, double max);
/* Of a run's time, in seconds: ends exactly there; ticks at round minutes. */
struct scale scale_time(double seconds);
/* Values outside come to lie at the edge. */
double scale_place(const struct scale *s, double value);

#endif
