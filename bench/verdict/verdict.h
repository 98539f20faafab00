/* PASS, FAIL or INVALID: judges a result by its scenario's criteria, and by whether its numbers can
 * be believed at all.
 *
 *   1. the planned load was not delivered, or the witnesses' counts disagree: INVALID
 *   2. dossiers lost, doubled or changed: FAIL
 *   3. a criterion missed: FAIL; INVALID when the run was disturbed, for that hurts
 *   4. a criterion with too little to tell: INVALID
 *   5. else PASS, disturbed or not */
#ifndef BENCH_VERDICT_VERDICT_H
#define BENCH_VERDICT_VERDICT_H

#include "bench/measure/result.h"

/* Fills in warm_up_s, outcomes, verdict and reason. Findings are added to those that are there and
 * count with them: a merged result is to be judged without those of its parts. */
void verdict_judge(struct result *r);

const char *verdict_name(enum result_verdict verdict); /* "PASS" */

#endif
