#include "bench/run/placement.h"

void placement_choose(struct placement *p)
{
    cpu_set_t all;
    CPU_ZERO(&p->gateway);
    CPU_ZERO(&p->generators);
    sched_getaffinity(0, sizeof(all), &all);
    int count = CPU_COUNT(&all), seen = 0;
    for (size_t core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &all))
            continue;
        if (seen < (count + 1) / 2)
            CPU_SET(core, &p->gateway);
        if (count == 1 || seen >= (count + 1) / 2)
            CPU_SET(core, &p->generators);
        seen++;
    }
    p->generator_cores = (uint32_t)CPU_COUNT(&p->generators);
}
