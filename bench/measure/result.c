#include "bench/measure/result.h"

#include "bench/measure/result_sums.h"
#include "common/mem.h"

#include <math.h>

#define RESULT_ARENA_BYTES (64U << 20)

struct result *result_new(const struct scenario *s, uint32_t second_count)
{
    struct result *r = mem_new(sizeof(*r));
    arena_init(&r->arena, NULL, RESULT_ARENA_BYTES);
    r->scenario = s;
    r->machines = 1;
    r->second_count = second_count;
    r->phases = mem_new_array(SCENARIO_PHASES_MAX, sizeof(*r->phases));
    r->probe_phases = mem_new_array(SCENARIO_PHASES_MAX, sizeof(*r->probe_phases));
    r->attacks = mem_new_array(SCENARIO_PHASES_MAX, sizeof(*r->attacks));
    r->nodes = mem_new_array(SCENARIO_PHASES_MAX, sizeof(*r->nodes));
    for (uint32_t i = 0; i < SCENARIO_PHASES_MAX; i++) {
        r->nodes[i].share_min = NAN;
        results_phase_init(&r->phases[i]);
        results_phase_init(&r->probe_phases[i]);
    }
    r->seconds = mem_new_array(second_count + 1, sizeof(*r->seconds));
    r->machine = mem_new_array(second_count + 1, sizeof(*r->machine));
    return r;
}

void result_free(struct result **r)
{
    struct result *old = *r;
    *r = NULL;
    if (!old)
        return;
    mem_free(old->phases);
    mem_free(old->probe_phases);
    mem_free(old->attacks);
    mem_free(old->nodes);
    mem_free(old->seconds);
    mem_free(old->machine);
    mem_free(old->procedures);
    arena_fini(&old->arena);
    mem_free(old);
}
