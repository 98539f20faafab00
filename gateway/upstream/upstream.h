/* A named group of peers with one policy: what routes point to. Part of one configuration snapshot;
 * its peers are shared with other snapshots. */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "upstream/balancer.h"
#include "upstream/gate.h"
#include "upstream/retry_budget.h"

struct upstream {
    const struct config_upstream *config; /* borrowed from the snapshot's configuration */
    struct series series;
    const struct closure *closure; /* borrowed from the board; NULL: there was no room for it */
    struct balancer balancer;
    struct gate gates[GATE_CLASSES];
    struct retry_budget retries;
};

void upstream_init(struct upstream *u, const struct config_upstream *config, struct peer_set *set);
void upstream_fini(struct upstream *u);

#endif
