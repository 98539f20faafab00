/* What must hold, as a sentence:
 *
 *     METRIC [of CLASS|GROUP] [in PHASE] at most|at least LIMIT
 *     response_p99 of read in hold at most 250ms
 *     error_count of healthy in faults at most 0
 *
 * Metrics and their units: bench/verdict/metric_table.c. Without a class all count, without a phase
 * the judged phases together. A limit on users, or on something a second, is for the users as
 * written and is scaled with them. */
#ifndef BENCH_SCENARIO_CRITERION_H
#define BENCH_SCENARIO_CRITERION_H

#include "bench/scenario/scenario.h"
#include "common/err.h"

/* Fills in all but `text` and `line`; `s` has its phases and testbed. 0, or ERR_INVALID with a
 * sentence. */
int criterion_parse(struct scenario_criterion *c, const struct scenario *s, double users_scale,
                    struct slice text, struct err *e) MUST_CHECK;

#endif
