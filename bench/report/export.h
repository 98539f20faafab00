/* The result for other programs. Each appends a whole file. */
#ifndef BENCH_REPORT_EXPORT_H
#define BENCH_REPORT_EXPORT_H

#include "bench/measure/result.h"
#include "common/buf.h"

/* One row a second: load, latency (from bands), machine. */
void export_csv(const struct result *r, struct buf *out);
/* Every metric of bench/verdict over the judged phases, and the histograms (Prometheus text 0.0.4).
 */
void export_prometheus(const struct result *r, struct buf *out);
/* One test case for each criterion and one for whether the run is valid. */
void export_junit(const struct result *r, struct buf *out);
/* The percentile distribution that HdrHistogram's tools print and plot, in milliseconds. */
void export_percentiles(const struct hdr *h, struct buf *out);

#endif
