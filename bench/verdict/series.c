#include "bench/verdict/series.h"

#include "common/mem.h"

#include <math.h>

#define MSER_BATCH 5
/* Student's t, two-sided 95%. */
#define T_9 2.262 /* the mean of ten: nine degrees of freedom */
#define T_8 2.306 /* a line through ten: eight */

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

/* The squared standard error of the mean of what is left after `from`; what MSER makes smallest. */
static double remaining_error(const double *batches, size_t from, size_t count)
{
    size_t left = count - from;
    double mean = mean_of(batches + from, left), squares = 0;
    for (size_t i = from; i < count; i++)
        squares += (batches[i] - mean) * (batches[i] - mean);
    return squares / ((double)left * (double)left);
}

size_t series_warm_up(const double *values, size_t count)
{
    size_t batch_count = count / MSER_BATCH, best = 0;
    if (count < SERIES_MIN)
        return 0;
    double *batches = mem_new_array(batch_count, sizeof(*batches));
    for (size_t i = 0; i < batch_count; i++)
        batches[i] = mean_of(values + i * MSER_BATCH, MSER_BATCH);
    double least = remaining_error(batches, 0, batch_count);
    for (size_t from = 1; from <= batch_count / 2; from++) {
        double error = remaining_error(batches, from, batch_count);
        if (error < least) {
            least = error;
            best = from;
        }
    }
    mem_free(batches);
    return best * MSER_BATCH;
}

struct series_interval series_interval(const double batches[SERIES_BATCHES])
{
    struct series_interval interval = { .mean = mean_of(batches, SERIES_BATCHES) };
    double squares = 0;
    for (size_t i = 0; i < SERIES_BATCHES; i++)
        squares += (batches[i] - interval.mean) * (batches[i] - interval.mean);
    interval.half = T_9 * sqrt(squares / (SERIES_BATCHES - 1) / SERIES_BATCHES);
    return interval;
}

bool series_slope(const double *values, size_t count, struct series_slope *out)
{
    size_t length = count / SERIES_BATCHES;
    double y[SERIES_BATCHES], across = 0, along = 0, residues = 0;
    const double middle = (SERIES_BATCHES - 1) / 2.0;
    if (count < SERIES_MIN)
        return false;
    for (size_t i = 0; i < SERIES_BATCHES; i++)
        y[i] = mean_of(values + i * length, length);
    double mean = mean_of(y, SERIES_BATCHES);
    for (size_t i = 0; i < SERIES_BATCHES; i++) {
        double x = (double)i - middle;
        across += x * x;
        along += x * (y[i] - mean);
    }
    double slope = along / across;
    for (size_t i = 0; i < SERIES_BATCHES; i++) {
        double residue = y[i] - mean - slope * ((double)i - middle);
        residues += residue * residue;
    }
    double half = T_8 * sqrt(residues / (SERIES_BATCHES - 2) / across);
    *out = (struct series_slope){ .slope = slope / (double)length,
                                  .low = (slope - half) / (double)length,
                                  .high = (slope + half) / (double)length };
    return true;
}
