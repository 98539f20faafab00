/* Under what circumstances a run was made: facts of the machine, which must be the same for two
 * results to be compared, and of the programs. */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include "bench/measure/result.h"
#include "bench/run/placement.h"

void environment_add(struct result *r, const struct placement *p);

#endif
