/* One connection of the node: an uv_tcp_t, a parser, and what is between them.
 *
 *                        +--------------------- keep-alive ----------------------+
 *                        v                                                       |
 *     accepted --> HEAD ---> BODY ---> WAIT ---> ANSWER --+--> LINGER --> CLOSED |
 *                    |         (complete)  (delay over)   +--> DYING  --> CLOSED |
 *                    |                                    +--> SOCKET --> LINGER |
 *                    +-- fast: a canned answer ---------------------------------+
 *
 * The connection is read in every state, so that a client that leaves is seen at once; what cannot
 * be used yet is kept, up to a limit. All output of an event goes out with one system call; the
 * next step waits while anything is left of it. A connection frees itself. */
#ifndef NODE_CONN_H
#define NODE_CONN_H

#include "bench/node/node.h"

/* Accepts what waits at `listener`. */
void node_conn_accept(struct node_listener *listener);
/* Resets the connections that came to `listener`. */
void node_conn_reset_all(const struct node_listener *listener);

/* Closes every connection. */
void node_conn_close_all(struct node *node);

#endif
