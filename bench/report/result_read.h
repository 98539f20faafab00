/* Reads a result.json back. The scenario in it is rebuilt in the result's own arena. */
#ifndef BENCH_REPORT_RESULT_READ_H
#define BENCH_REPORT_RESULT_READ_H

#include "bench/measure/result.h"
#include "common/err.h"

/* `path`: the file, or the folder that holds a result.json. NULL with a sentence in `e`. */
struct result *result_read(const char *path, struct err *e) MUST_CHECK;

#endif
