/* All attackers of a run, in one process: as many of each kind as the phase has, which connect at
 * most as fast as new users may. */
#ifndef LOAD_HORDE_H
#define LOAD_HORDE_H

#include "bench/load/attacker.h"

struct horde {
    struct engine *engine;      /* borrowed */
    struct attacker *attackers; /* owned; kind after kind */
    uint32_t first[ATTACK_KIND_COUNT], present[ATTACK_KIND_COUNT];
    uint32_t count;
    uint32_t phase; /* the one that they are here for */
    double connects_left;
    struct agenda_item tick;
};

void horde_init(struct horde *h, struct engine *engine);
void horde_fini(struct horde *h);

/* engine->tally has started. */
void horde_begin(struct horde *h);
/* Everybody is called off. */
void horde_end(struct horde *h);

#endif
