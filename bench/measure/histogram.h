/* A latency histogram of three significant digits (Tene's HDR histogram): 1 µs to 1 h, every value
 * within 0.1% of what was recorded. Counts merge by addition, over processes and machines; averages
 * of quantiles are never made.
 *
 * Flat memory without pointers, so that it can lie in shared memory; one writer. */
#ifndef BENCH_MEASURE_HISTOGRAM_H
#define BENCH_MEASURE_HISTOGRAM_H

#include "common/base.h"

/* 2048 sub-buckets for the first range, 1024 for each doubling above it, up to 2^32 µs. */
#define HDR_SUB_BUCKETS 2048
#define HDR_BUCKETS (HDR_SUB_BUCKETS + 21 * (HDR_SUB_BUCKETS / 2))

struct hdr {
    uint64_t count;
    uint64_t sum_us;
    uint64_t min_us, max_us; /* of the recorded values; min is UINT64_MAX while empty */
    uint32_t counts[HDR_BUCKETS];
};

/* Zeroed memory is empty, but for min_us: call this once. */
void hdr_init(struct hdr *h);
void hdr_record(struct hdr *h, uint64_t us);
void hdr_merge(struct hdr *into, const struct hdr *from);
/* The largest value of the bucket that holds quantile `q` (0 to 1); 0 when empty. */
uint64_t hdr_quantile(const struct hdr *h, double q);
/* Are there at least 100 samples beyond it? Otherwise it is not to be printed (proof.md, rule 5).
 */
bool hdr_can_tell(const struct hdr *h, double q);
double hdr_mean(const struct hdr *h);
/* How many recorded values are above `us`. */
uint64_t hdr_count_above(const struct hdr *h, uint64_t us);
/* Bounds of bucket `index`, for drawing and for the HDR-compatible log. */
uint64_t hdr_bucket_low(uint32_t index);
uint64_t hdr_bucket_high(uint32_t index);

#endif
