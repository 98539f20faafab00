/* One run of a scenario, from nothing to a judged result: testbed, generators, clock, faults,
 * observation, collection, verdict. It leaves no process behind, whatever happens; should the
 * coordinator itself be killed, the kernel ends what it has started.
 *
 *   prepare ──► generators ready ──► watch, second by second ──► collect ──► judge
 *      └── testbed answers              ends early by Ctrl-C, a dead process, memory */
#ifndef RUN_COORDINATOR_H
#define RUN_COORDINATOR_H

#include "bench/measure/result.h"
#include "bench/run/interrupt.h"
#include "bench/run/run_options.h"

struct coordinator_setup {
    const struct run_options *options; /* borrowed, like all here */
    const struct scenario *scenario;
    double users_scale; /* what the scenario was loaded with */
    const char *folder; /* exists; gets all files */
    struct interrupt *interrupt;
    const char *command; /* the command line, for the report */
};

/* NULL with a sentence in `e` when it could not even begin. */
struct result *coordinator_run(const struct coordinator_setup *setup, struct err *e) MUST_CHECK;

#endif
