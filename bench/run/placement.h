/* Which cores belong to whom: the first half to what is measured, the second to what measures. With
 * one core only, everybody shares it. */
#ifndef RUN_PLACEMENT_H
#define RUN_PLACEMENT_H

#include "common/base.h"

#include <sched.h>

struct placement {
    cpu_set_t gateway, generators;
    uint32_t generator_cores;
};

void placement_choose(struct placement *p);

#endif
