/* A group of peers as one worker has it, without connections: a balancer over peers that are names
 * on a board, with a loop that does not run and a clock that stands still. */
#ifndef FAKES_FAKE_GROUP_H
#define FAKES_FAKE_GROUP_H

#include "upstream/balancer.h"

#define FAKE_PEERS_MAX 16

struct fake_group {
    struct board *board;
    struct loop loop;
    struct peer_set set;
    struct config_peer configs[FAKE_PEERS_MAX];
    struct config_upstream upstream;
    struct balancer balancer;
};

/* Peers of weight 1 and settings as by default; what is changed in configs and upstream before
 * fake_group_start() counts. */
void fake_group_prepare(struct fake_group *g, enum config_balance policy, size_t peers);
void fake_group_start(struct fake_group *g);
void fake_group_end(struct fake_group *g);

/* Another worker's view of the same board: shares nothing else. Ended by balancer_fini(). */
void fake_group_join(struct fake_group *other, struct fake_group *g);
void fake_group_leave(struct fake_group *other);

void fake_group_pass(struct fake_group *g, uint64_t ms);

/* The index of the place that is chosen, on which a request is under way then; -1: none. */
int fake_group_pick(struct fake_group *g, const struct balancer_ask *ask);
/* The same, and it is over at once. */
int fake_group_touch(struct fake_group *g, const struct balancer_ask *ask);
struct peer *fake_group_peer(struct fake_group *g, size_t index);
/* What the keeper's probes say of it from the next look on; a return begins a slow start. */
void fake_group_probe(struct fake_group *g, size_t index, bool is_up);

#endif
