/* One address that a node listens at. It may flap: refuse connections, and reset those that it has,
 * for a time, then work for as long, and so on. */
#ifndef NODE_LISTENER_H
#define NODE_LISTENER_H

#include "common/err.h"

#include <sys/socket.h>
#include <uv.h>

struct node;

struct node_listener {
    struct node *node;               /* borrowed */
    uint32_t index;                  /* in the order of --listen */
    struct sockaddr_storage address; /* a port of 0 is replaced by the one that it got */
    uv_tcp_t tcp;
    uv_timer_t flapping;
    bool is_open;      /* `tcp` is: listening, or about to close */
    uint64_t flap_ms;  /* 0: it stays up */
    uint64_t requests; /* since the counters were reset */
};

/* Listens at `address`; `l` is zeroed. Negative ERR_SYSTEM with a sentence in `e`. */
int node_listener_open(struct node_listener *l, struct node *node, uint32_t index,
                       const struct sockaddr_storage *address, struct err *e) MUST_CHECK;
/* Says on standard output where it listens. */
void node_listener_announce(const struct node_listener *l, const char *name);

/* Goes down now, and up and down from then on; 0: stays up. */
void node_listener_flap(struct node_listener *l, uint64_t flap_ms);

#endif
