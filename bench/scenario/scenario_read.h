/* From the text of a scenario file to a struct scenario, or to the complete list of what is wrong
 * with it. */
#ifndef BENCH_SCENARIO_SCENARIO_READ_H
#define BENCH_SCENARIO_SCENARIO_READ_H

#include "bench/scenario/scenario.h"

/* `s` is zeroed but for arena, file and scale. Reports every problem in `d`. */
void scenario_read(struct scenario *s, struct slice text, double users_scale,
                   struct diagnostics *d);

#endif
