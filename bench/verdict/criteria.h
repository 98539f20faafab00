/* The criteria of the scenario, each judged: value, limit, margin, ok. */
#ifndef BENCH_VERDICT_CRITERIA_H
#define BENCH_VERDICT_CRITERIA_H

#include "bench/measure/result.h"

/* Fills in the outcomes. warm_up_s has been set.
 *
 * A quantile of too few values (see hdr_can_tell()) is not known, and its outcome has no value. A
 * limit on it is kept when no single value is above it, or surely fewer than the quantile allows,
 * and missed when surely more are; else there is too little to tell.
 *
 * In a run that was shortened (--scale), criteria on growth that need longer phases are left out,
 * and a finding says so. */
void criteria_judge(struct result *r);

#endif
