/* Chooses the peer for a request. One implementation per policy of `balance` in the configuration;
 * a new one is a row in balancer.c. */
#ifndef UPSTREAM_BALANCER_H
#define UPSTREAM_BALANCER_H

#include "common/random.h"
#include "upstream/peer.h"

/* A peer's place in one upstream. */
struct balancer_place {
    struct peer *peer; /* counted */
    uint32_t weight;
    int64_t credit; /* of round robin */
    uint64_t seed;  /* of the peer's name: the same in every worker, on every node */
};

struct balancer {
    struct balancer_place *places; /* owned */
    size_t count;
    struct peer *(*pick)(struct balancer *b, const struct peer *except);
    bool asks_all; /* this time: all are down */
    uint32_t next; /* where least connections begins to look, so that ties take turns */
};

/* Starts at a random place, so that workers do not march in step. */
void balancer_init(struct balancer *b, enum config_balance policy, struct balancer_place *places,
                   size_t count, struct random *random);
void balancer_fini(struct balancer *b);

/* Borrowed; NULL when there is no peer other than `except` (which may be NULL). Those that are down
 * are left out, unless all are. */
struct peer *balancer_pick(struct balancer *b, const struct peer *except);

/* The peer that belongs to `key`, whatever the policy: the same on every worker and node, each peer
 * with its weight's share of the keys. When peers come and go, only keys of theirs move (rendezvous
 * hashing, Thaler and Ravishankar, 1998). */
struct peer *balancer_pick_for(struct balancer *b, uint64_t key, const struct peer *except);

#endif
