/* What is left to chance in a node: how long it takes, and whether it fails. */
#ifndef NODE_CHANCE_H
#define NODE_CHANCE_H

#include "bench/node/latency.h"

enum node_fault {
    NODE_FAULT_NONE,
    NODE_FAULT_ERROR, /* 500, nothing stored */
    NODE_FAULT_HANG,  /* no answer, nothing stored */
    NODE_FAULT_RESET, /* the work is done, and the connection reset instead of an answer */
};

struct node_chance {
    struct random random;
    struct latency latency;
    double error_rate, hang_rate, reset_rate; /* their sum is at most 1 */
};

/* True when every answer comes at once and as it should. */
bool node_chance_is_calm(const struct node_chance *c);

enum node_fault node_chance_fault(struct node_chance *c);

#endif
