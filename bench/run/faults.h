/* What a scenario breaks, at its instant. */
#ifndef RUN_FAULTS_H
#define RUN_FAULTS_H

#include "bench/run/generators.h"
#include "bench/run/testbed.h"

/* What there is to be broken; all borrowed. */
struct faults_target {
    struct testbed *testbed;
    struct generators *generators;
    const struct generators_setup *generators_setup;
};

/* Does it, and tells in one sentence for the time line what was done; or returns false, and tells
 * why not. */
bool faults_apply(const struct scenario_fault *fault, const struct faults_target *target, char *out,
                  size_t size);
/* Whether it can be done to a gateway that somebody else has started. */
bool faults_need_testbed(const struct scenario *s);

#endif
