#include "upstream/upstream.h"

void upstream_init(struct upstream *u, const struct config_upstream *config, struct peer_set *set)
{
    int index = board_find(set->board, SERIES_UPSTREAM, slice_str(config->name));
    *u = (struct upstream){ .config = config };
    u->series = board_series(set->board, set->slot, SERIES_UPSTREAM, index);
    u->closure = board_closure(set->board, index);
    balancer_init(&u->balancer, config, set);
}

void upstream_fini(struct upstream *u)
{
    balancer_fini(&u->balancer);
}
