/* Every key of a scenario file, one row each, with its default: the only place where they are
 * listed. Read by gateway/config's section_read(). */
#ifndef BENCH_SCENARIO_SCENARIO_SETTINGS_H
#define BENCH_SCENARIO_SCENARIO_SETTINGS_H

#include "bench/scenario/scenario.h"
#include "config/settings.h"

/* What section_read() fills in where the scenario's own struct holds plain strings. */
struct scenario_top {
    const char *name;
    struct slice about, not_available;
    uint64_t seed;
    bool search;
};

struct scenario_testbed_row {
    struct scenario_testbed testbed;
    struct slice node_latency, node_options, gateway_timeouts, gateway_settings, gateway_upstream,
        gateway_route, gateway_system_route;
};

/* Of struct scenario_top, scenario_phase (twice), scenario_load (twice), scenario_fault and
 * scenario_testbed_row. */
extern const struct section scenario_settings_top, scenario_settings_phase,
    scenario_settings_attackers, scenario_settings_load, scenario_settings_users,
    scenario_settings_fault, scenario_settings_testbed;

#endif
