/* One request and its answer, from the head's last byte to the answer's. Pooled: a node that is
 * busy allocates nothing, and an idle connection owns none. */
#ifndef NODE_EXCHANGE_H
#define NODE_EXCHANGE_H

#include "bench/node/node_answer.h"
#include "bench/node/node_chance.h"
#include "bench/node/node_plan.h"
#include "bench/node/node_request.h"
#include "common/err.h"
#include "common/list.h"

struct node;
struct node_listener;
struct node_route;

struct node_exchange {
    struct list link; /* in the pool, while at rest */
    struct node_request request;
    struct node_plan plan;
    struct node_answer answer;
    const struct node_route *route;
    struct node_listener *listener; /* borrowed: where it came */
    enum node_fault fault;
    struct err problem;          /* text empty: none; else the query made no sense */
    uint64_t connection, number; /* the connection's number, and the request's on it; from 1 */
};

struct node_pool {
    struct list spare;
    size_t count;
};

void node_pool_init(struct node_pool *p);
void node_pool_fini(struct node_pool *p);

/* Ready for a new request. */
struct node_exchange *node_exchange_take(struct node_pool *p);
/* NULL-safe; *x is NULL after. */
void node_exchange_give(struct node_pool *p, struct node_exchange **x);

/* Its head has come. */
void node_exchange_count(struct node *node, const struct node_exchange *x);

/* The answer to a request that asks for nothing special; empty when this is not one of those. */
struct slice node_exchange_canned(struct node *node, const struct node_exchange *x);

/* Decides, once the request is complete, on delay and fault: outages come first, and chance has a
 * say only in what the query leaves open. */
void node_exchange_decide(struct node *node, struct node_exchange *x);

/* Does the work and makes the answer ready to be written. */
void node_exchange_answer(struct node *node, struct node_exchange *x);

#endif
