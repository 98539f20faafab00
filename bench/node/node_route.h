/* Which path answers what. */
#ifndef NODE_ROUTE_H
#define NODE_ROUTE_H

#include "bench/node/node_canned.h"
#include "bench/node/node_exchange.h"

typedef void node_answer_fn(struct node *node, struct node_exchange *x);

struct node_route {
    const char *path;    /* one that ends in "/" and has more after it is a prefix */
    const char *methods; /* comma-separated; NULL: any */
    bool wants_digest;   /* of the body */
    bool may_keep_body;  /* ?body=1 */
    bool stores;         /* an answer of 400 or more must leave nothing behind */
    bool is_control;     /* never counted, delayed or failed */
    enum node_canned_kind canned;
    node_answer_fn *answer;
};

/* Never NULL: any path is answered. */
const struct node_route *node_route_find(struct slice path);

bool node_route_allows(const struct node_route *route, const struct node_request *r);
void node_route_refuse(const struct node_route *route, struct node_answer *a);

/* Makes ready what can be. */
void node_route_prepare(struct node *node);

#endif
