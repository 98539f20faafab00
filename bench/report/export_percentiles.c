#include "bench/report/export.h"

#include <inttypes.h>
#include <math.h>

#define ROWS_PER_HALF 5u /* as HdrHistogram's outputPercentileDistribution does by default */

static double deviation_ms(const struct hdr *h)
{
    double mean = hdr_mean(h);
    double squares = 0;
    for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
        double middle = (double)(hdr_bucket_low(i) + hdr_bucket_high(i)) / 2;
        squares += h->counts[i] * (middle - mean) * (middle - mean);
    }
    return h->count ? sqrt(squares / (double)h->count) / 1000 : 0;
}

static void put_row(struct buf *out, double ms, double quantile, uint64_t below)
{
    buf_printf(out, "%12.3f %14.12f %10" PRIu64, ms, quantile, below);
    if (quantile < 1)
        buf_printf(out, " %14.2f", 1 / (1 - quantile));
    buf_append_char(out, '\n');
}

/* Five rows on the way to 50%, five to 75%, five to 87.5%... */
static double quantile_of_row(uint32_t row)
{
    double left = ldexp(1, -(int)(row / ROWS_PER_HALF));
    return 1 - left + left / 2 * (row % ROWS_PER_HALF) / ROWS_PER_HALF;
}

static void put_rows(const struct hdr *h, struct buf *out)
{
    uint32_t row = 0;
    uint64_t below = 0;
    for (uint32_t i = 0; i < HDR_BUCKETS && below < h->count; i++) {
        if (h->counts[i] == 0)
            continue;
        below += h->counts[i];
        double ms = (double)MIN(hdr_bucket_high(i), h->max_us) / 1000;
        double reached = (double)below / (double)h->count;
        for (; below < h->count && quantile_of_row(row) <= reached; row++)
            put_row(out, ms, quantile_of_row(row), below);
        if (below == h->count)
            put_row(out, ms, 1, below);
    }
}

void export_percentiles(const struct hdr *h, struct buf *out)
{
    buf_append_str(out, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    put_rows(h, out);
    buf_printf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hdr_mean(h) / 1000,
               deviation_ms(h));
    buf_printf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
               (double)h->max_us / 1000, h->count);
    buf_printf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", HDR_BUCKETS / HDR_SUB_BUCKETS * 2,
               HDR_SUB_BUCKETS);
}
