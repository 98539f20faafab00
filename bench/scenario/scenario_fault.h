/* What a scenario breaks on purpose, and when (see scenario.h). */
#ifndef BENCH_SCENARIO_SCENARIO_FAULT_H
#define BENCH_SCENARIO_SCENARIO_FAULT_H

#include "common/base.h"

enum scenario_fault_action {
    FAULT_KILL_NODE,
    FAULT_STOP_NODE,
    FAULT_CONTINUE_NODE,
    FAULT_START_NODE,
    FAULT_RELOAD,
    FAULT_KILL_WORKER,
    FAULT_KILL_REDIS,
    FAULT_START_REDIS,
    /* built-in self-tests of the judge */
    FAULT_DROP_CONNECTIONS,
    FAULT_LOSE_DOSSIER,
    FAULT_STARVE_GENERATOR,
    /* and of whole gateways, of which there may be two */
    FAULT_KILL_GATEWAY,
    FAULT_START_GATEWAY,
    /* and of a province's backends, or of a shared system behind all of them */
    FAULT_HANG,
    FAULT_SLOW,
    FAULT_RESET,
    FAULT_FLAP,
    FAULT_MEND,
};

#define FAULT_EVERYWHERE UINT32_MAX

struct scenario_fault {
    enum scenario_fault_action action;
    uint32_t phase;    /* index */
    uint64_t at_ms;    /* from the phase's start */
    uint32_t argument; /* node (from 0), percent, … */
    uint32_t province; /* whose backends, or FAULT_EVERYWHERE */
    bool of_system;    /* the shared one, in all provinces */
    uint64_t time_ms;  /* how slow; how long down, and up */
    uint32_t line;
};

static inline bool scenario_fault_is_outage(const struct scenario_fault *f)
{
    return f->action >= FAULT_HANG;
}

#endif
