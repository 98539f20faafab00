/* All that a run leaves in its folder: result.json, and made from the same result report.html,
 * seconds.csv, metrics.prom, junit.xml, response.hgrm and service.hgrm (judged phases, all
 * classes). */
#ifndef BENCH_REPORT_REPORT_H
#define BENCH_REPORT_REPORT_H

#include "bench/measure/result.h"
#include "common/err.h"

/* `dir` is made if it is not there; its parent has to be. */
int report_write_all(const struct result *r, const char *dir, struct err *e) MUST_CHECK;
/* The same without result.json. */
int report_render(const struct result *r, const char *dir, struct err *e) MUST_CHECK;

/* cong-bench report FILE [--output DIR]: makes the reports again. Exit codes 0 and 3. */
int report_main(int argc, char **argv);

#endif
