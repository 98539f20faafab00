#include "upstream/upstream.h"

#include "common/mem.h"

void upstream_init(struct upstream *u, const struct config_upstream *config, struct peer_set *set)
{
    int index = board_find(set->board, SERIES_UPSTREAM, slice_str(config->name));
    *u = (struct upstream){ .config = config };
    u->series = board_series(set->board, set->slot, SERIES_UPSTREAM, index);
    u->closure = board_closure(set->board, index);
    struct balancer_place *places = mem_new_array(config->peer_count, sizeof(*places));
    for (size_t i = 0; i < config->peer_count; i++) {
        places[i].peer = peer_get(set, config, &config->peers[i]);
        places[i].weight = config->peers[i].weight;
    }
    balancer_init(&u->balancer, config->balance, places, config->peer_count, &set->loop->random);
}

void upstream_fini(struct upstream *u)
{
    balancer_fini(&u->balancer);
}
