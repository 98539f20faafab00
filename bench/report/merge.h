/* One result out of several load machines' that drove one gateway at the same time: histograms and
 * counts are added, users and the limits on them too, and the whole is judged anew. */
#ifndef BENCH_REPORT_MERGE_H
#define BENCH_REPORT_MERGE_H

#include "bench/measure/result.h"
#include "common/err.h"

/* Adds `other`, named `name`, to `r`. ERR_INVALID when the two did not run the same scenario. */
int merge_result(struct result *r, const struct result *other, const char *name,
                 struct err *e) MUST_CHECK;

/* cong-bench merge A B [C…] --output DIR. Exit codes as of a run: 0, 1, 2, 3. */
int merge_main(int argc, char **argv);

#endif
