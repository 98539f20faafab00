/* The policies of `balance`: each chooses among the usable places of a balancer, without the one
 * that is excepted and those that have as many requests as they may. */
#ifndef UPSTREAM_BALANCER_POLICY_H
#define UPSTREAM_BALANCER_POLICY_H

#include "upstream/balancer.h"

/* NULL when there is none. */
struct balancer_place *balancer_policy_pick(struct balancer *b, const struct balancer_ask *ask);

/* The same on every worker and node. */
uint64_t balancer_policy_seed(const char *peer_name);

static inline bool balancer_place_is_full(const struct balancer_place *place)
{
    return place->max_connections && peer_in_flight(place->peer) >= place->max_connections;
}

static inline bool balancer_place_can_take(const struct balancer_place *place,
                                           const struct balancer_ask *ask)
{
    return place->peer != ask->except && !balancer_place_is_full(place);
}

#endif
