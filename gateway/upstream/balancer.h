/* Chooses the peer for a request.
 *
 * Whom there is to choose from is decided in one place, every BALANCER_LOOK_US and
 * for all policies: peers whose probes fail or that are ejected (upstream/ejection.h) get nothing,
 * unless so few are left that they would be buried under everybody's requests (panic); backups get
 * requests when there is nobody else. What a look finds, and what it reckons from it (shares,
 * costs), is kept for the choices until the next. Only requests under way are counted for each
 * choice, over all workers.
 *
 * A policy (`balance` in the configuration) is a row in balancer_policy.c. */
#ifndef UPSTREAM_BALANCER_H
#define UPSTREAM_BALANCER_H

#include "upstream/peer.h"

#define BALANCER_LOOK_US 10000

/* A peer's place in one upstream. */
struct balancer_place {
    struct peer *peer; /* counted */
    uint32_t weight;
    uint32_t max_connections; /* 0: any number */
    bool backup;
    int64_t credit; /* of round robin */
    uint64_t seed;  /* of the peer's name: the same in every worker, on every node */
    /* As of the last look: */
    enum peer_condition condition;
    uint64_t share; /* of the requests: weight, times how far its slow start has come */
    uint64_t reach; /* the shares of those that may be chosen, added up to this one */
    double cost;    /* of one request: microseconds, for its share */
};

struct balancer {
    const struct config_upstream *config; /* borrowed from the snapshot's configuration */
    struct peer_set *set;                 /* borrowed */
    struct balancer_place *places;        /* owned */
    struct balancer_place **usable;       /* owned: who may be chosen, as of the last look */
    size_t count, usable_count;
    uint64_t look_us;   /* when the next look is due */
    bool panics;        /* so few are available that all are used */
    bool awaits_trials; /* somebody is ejected */
    uint32_t next;      /* where least connections begins to look, so that ties take turns */
};

/* What is known of a request. */
struct balancer_ask {
    uint64_t key;              /* requests with the same go to the same peer; 0: none */
    bool key_binds;            /* however much that peer has to do, and whatever the policy */
    bool may_fail;             /* it could be sent again to another peer */
    const struct peer *except; /* it has just failed there; or NULL */
};

/* Starts at a random place, so that workers do not march in step. */
void balancer_init(struct balancer *b, const struct config_upstream *config, struct peer_set *set);
void balancer_fini(struct balancer *b);

/* The peer for a request, on which a request is counted as under way: upstream_conn_borrow() takes
 * that over, or peer_let_go() gives it back. Borrowed; NULL when no peer can take it now. */
struct peer *balancer_pick(struct balancer *b, const struct balancer_ask *ask) MUST_CHECK;

/* Something has changed that shall be seen at once. */
static inline void balancer_forget(struct balancer *b)
{
    b->look_us = 0;
}

/* So few peers are available that all are used: probes and answers may be wrong about everybody at
 * once, and few would not carry what all did. Backups are left out of the numbers. */
bool balancer_would_panic(const struct config_upstream *config, size_t available, size_t primaries,
                          bool has_backups);

/* Backups left out. */
size_t balancer_count_primaries(const struct balancer *b);
size_t balancer_count_ejected(const struct balancer *b);

#endif
