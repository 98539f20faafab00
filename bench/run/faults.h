/* What a scenario breaks, at its instant. */
#ifndef RUN_FAULTS_H
#define RUN_FAULTS_H

#include "bench/run/generators.h"
#include "bench/run/node_watch.h"
#include "bench/run/testbed.h"

/* What there is to be broken; all borrowed. */
struct faults_target {
    struct testbed *testbed;
    struct generators *generators;
    const struct generators_setup *generators_setup;
    const struct node_watch *nodes;
};

/* Does it, and tells in one sentence for the time line what was done; or returns false, and tells
 * why not. */
bool faults_apply(const struct scenario_fault *fault, const struct faults_target *target, char *out,
                  size_t size);
/* Whether what it breaks has to be of its own; what a node that is named can do to itself has not.
 */
bool faults_need_testbed(const struct scenario *s, bool has_node);

#endif
