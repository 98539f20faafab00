/* Where in the scenario an instant is. */
#ifndef RUN_SCHEDULE_H
#define RUN_SCHEDULE_H

#include "bench/scenario/scenario.h"

/* The phase under way at this time; the last one at the end and later. */
uint32_t schedule_phase(const struct scenario *s, uint64_t elapsed_ms);
/* When a phase begins. */
uint64_t schedule_phase_start_ms(const struct scenario *s, uint32_t phase);
/* How many users shall be connected. */
uint32_t schedule_users(const struct scenario *s, uint64_t elapsed_ms);
/* When the fault happens, from the start of the run. */
uint64_t schedule_fault_ms(const struct scenario *s, const struct scenario_fault *fault);

/* "45 s", "12 min 30 s", "4 h 05 min" */
void schedule_describe(uint64_t ms, char *out, size_t size);

#endif
