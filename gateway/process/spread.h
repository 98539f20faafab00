/* How many of the new connections each worker is given, so that all come to hold the same number.
 *
 * The kernel's own choice, a hash, leaves the numbers to chance: with 15,000 connections a worker
 * they wander by hundreds, each worker's memory keeps the highest mark that it ever had, and a
 * worker that was restarted stays behind the others for as long as connections live. A weight above
 * the fair one corrects what a worker lacks, over the next period or, when few connections come,
 * over some: how many come next is not known, and a crowd must not be sent to the one that lacked
 * three. For the same reason nobody gets more than twice, or less than half, the fair weight. */
#ifndef PROCESS_SPREAD_H
#define PROCESS_SPREAD_H

#include "config/config.h"

#define SPREAD_FAIR 16U

/* By slot: `open` connections; of the slots in `live` the weights come to be SPREAD_FAIR / 2 to
 * 2 * SPREAD_FAIR, of the others 0. `arrivals` is how many connections the last period brought. */
void spread_weigh(const uint64_t open[CONFIG_WORKERS_MAX], uint64_t live, uint64_t arrivals,
                  uint32_t weights[CONFIG_WORKERS_MAX]);

#endif
