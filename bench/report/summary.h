/* What a terminal shows when a run has ended: the criteria as a table, what was found about the
 * run's worth, and one line that says it all:
 *     PASS hold users=120000 alive=120000 rps=4,003 p50=2.1ms ... */
#ifndef BENCH_REPORT_SUMMARY_H
#define BENCH_REPORT_SUMMARY_H

#include "bench/measure/result.h"
#include "common/buf.h"

#include <stdio.h>

/* Colours, where `out` is a terminal and NO_COLOR is not set, and the reports' folder, unless NULL.
 */
void summary_print(const struct result *r, const char *folder, FILE *out);
/* For tests and logs: the same without a file. */
void summary_write(const struct result *r, bool has_colours, struct buf *out);
void summary_line(const struct result *r, struct buf *out);

#endif
