/* Can the numbers be believed? Looks for what the generators, and the machine that they share with
 * the gateway, did to the measurement; each judged phase by itself, so that a long calm one does
 * not hide a short one. */
#ifndef BENCH_VERDICT_VALIDITY_H
#define BENCH_VERDICT_VALIDITY_H

#include "bench/measure/result.h"

/* Adds findings to the result. */
void validity_check(struct result *r);

/* Were fewer seconds run than the scenario has? */
bool validity_ended_early(const struct result *r);

void validity_find(struct result *r, enum result_gravity gravity, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
