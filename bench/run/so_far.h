/* What the verdict would be by what is known while the run is under way: for the live line only. */
#ifndef RUN_SO_FAR_H
#define RUN_SO_FAR_H

#include "bench/measure/result.h"

/* "PASS", "FAIL" or "INVALID"; NULL before the first judged phase has something to tell. `r` is the
 * result in the making: its machine seconds, what was before, its findings. */
const char *so_far_verdict(const struct result *r, const struct results_board *board,
                           uint32_t seconds);

#endif
