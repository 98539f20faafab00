#include "bench/node/node_chance.h"

#include "bench/node/seed.h"

bool node_chance_is_calm(const struct node_chance *c)
{
    return latency_is_zero(&c->latency) && c->error_rate + c->hang_rate + c->reset_rate <= 0;
}

enum node_fault node_chance_fault(struct node_chance *c)
{
    double drawn = seed_fraction(&c->random);
    if (drawn < c->error_rate)
        return NODE_FAULT_ERROR;
    if (drawn < c->error_rate + c->hang_rate)
        return NODE_FAULT_HANG;
    if (drawn < c->error_rate + c->hang_rate + c->reset_rate)
        return NODE_FAULT_RESET;
    return NODE_FAULT_NONE;
}
