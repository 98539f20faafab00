/* Who is there: brings people in and sends them away as the scenario's phases say, lets those
 * connect again whose connection was closed while they thought, brings guests (open arrivals: one
 * request, then gone), or keeps the probe's fixed schedule.
 *
 * One generator has its fair share of everything. */
#ifndef LOAD_CROWD_H
#define LOAD_CROWD_H

#include "bench/load/user.h"

struct crowd_share {
    uint32_t index, of; /* this generator is the index-th (from 0) of so many */
    bool is_probe;
};

struct crowd {
    struct engine *engine; /* borrowed */
    struct crowd_share share;
    struct user *users; /* owned */
    uint32_t user_count;
    uint32_t present; /* users[0] to users[present - 1] are to be there */
    double connects_left;
    uint32_t phase; /* whose pace people keep */
    struct agenda_item tick, arrival;
    struct list guests; /* struct user, by `link` */
};

/* How many of `total` fall to this share: all shares together hold exactly `total`. */
uint32_t crowd_share_of(const struct crowd_share *share, uint32_t total);
/* How many users the whole scenario wants `at_us` after its start. */
uint32_t crowd_target(const struct scenario *s, uint64_t at_us);

void crowd_init(struct crowd *c, struct engine *engine, struct crowd_share share);
void crowd_fini(struct crowd *c);

/* engine->tally has started. */
void crowd_begin(struct crowd *c);
/* Nobody begins anything any more; who is connected stays so, and actions in flight go on. */
void crowd_settle(struct crowd *c);
/* Everybody goes at once. */
void crowd_disperse(struct crowd *c);

#endif
