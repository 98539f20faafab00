#include "upstream/upstream.h"

void upstream_init(struct upstream *u, const struct config_upstream *config, struct peer_set *set)
{
    int index = board_find(set->board, SERIES_UPSTREAM, slice_str(config->name));
    *u = (struct upstream){ .config = config };
    u->series = board_series(set->board, set->slot, SERIES_UPSTREAM, index);
    u->closure = board_closure(set->board, index);
    for (int i = 0; i < (int)GATE_CLASSES; i++)
        gate_init(&u->gates[i], set->loop, set->board, set->slot,
                  board_upstream_gate(index, (enum gate_class)i),
                  board_upstream_gate(index, GATE_READ), config->isolation.max_inflight);
    balancer_init(&u->balancer, config, set);
}

void upstream_fini(struct upstream *u)
{
    for (size_t i = 0; i < GATE_CLASSES; i++)
        gate_fini(&u->gates[i]);
    balancer_fini(&u->balancer);
}
