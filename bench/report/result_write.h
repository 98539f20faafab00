/* Writes a result as JSON: the single source from which every report can be made again. Histograms
 * and bands are stored sparsely, as index, count, index, count...; seconds as columns. */
#ifndef BENCH_REPORT_RESULT_WRITE_H
#define BENCH_REPORT_RESULT_WRITE_H

#include "bench/measure/result.h"
#include "common/buf.h"

#define RESULT_JSON_MAX_BYTES (256U << 20)

void result_write(const struct result *r, struct buf *out);

#endif
