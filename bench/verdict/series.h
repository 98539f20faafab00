/* What a series of figures, one a second, says: when it has become steady, how sure its mean is,
 * and whether it grows. Seconds that follow each other are alike, so nothing here takes them for
 * independent: intervals come from the means of SERIES_BATCHES equal runs of seconds. */
#ifndef BENCH_VERDICT_SERIES_H
#define BENCH_VERDICT_SERIES_H

#include "common/base.h"

#define SERIES_BATCHES 10
#define SERIES_MIN (3 * SERIES_BATCHES) /* with fewer values there is no interval */

/* MSER-5 (White, Cobb and Spratt, 2000): how many values at the front to leave out so that the
 * mean of the others is as sure as it gets; never more than half of them. 0 for short series. */
size_t series_warm_up(const double *values, size_t count);

/* 95% confidence interval of the mean of SERIES_BATCHES batches. */
struct series_interval {
    double mean, half; /* mean - half to mean + half */
};
struct series_interval series_interval(const double batches[SERIES_BATCHES]);

/* Least squares through the means of the batches, per value of the series. False when the series is
 * too short. */
struct series_slope {
    double slope, low, high;
};
bool series_slope(const double *values, size_t count, struct series_slope *out) MUST_CHECK;

#endif
