/* How close something is to running out: a level that rises at once and falls with hysteresis.
 *
 * What is short is a process's or the node's affair: memory of the node, descriptors and time of a
 * worker. Each has a level of its own, on the board as a gauge; what is done about it stands in
 * process/guard.h. */
#ifndef OBSERVE_PRESSURE_H
#define OBSERVE_PRESSURE_H

#include "common/base.h"

enum pressure_level {
    PRESSURE_CALM,
    PRESSURE_TIGHT,
    PRESSURE_SCARCE,
    PRESSURE_CRITICAL,
    PRESSURE_LEVELS,
};

/* A level has fallen when the value has been below its end for so long. */
#define PRESSURE_HOLD_MS 2000
#define PRESSURE_NEVER UINT32_MAX

/* The values from which on a level holds, and below which it may fall. PRESSURE_NEVER leaves a
 * level out. */
struct pressure_scale {
    uint32_t begins[PRESSURE_LEVELS], ends[PRESSURE_LEVELS];
};

struct pressure {
    enum pressure_level level;
    uint64_t below_since_ms; /* 0: the value is not below the level's end */
};

const char *pressure_name(uint64_t level);

/* Takes a new value into account; true when the level has changed. */
bool pressure_step(struct pressure *p, const struct pressure_scale *scale, uint32_t value,
                   uint64_t now_ms);

#endif
