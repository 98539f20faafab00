/* The operators' HTTP listener: reads only, changes nothing.
 *
 *   GET /health   200 while the keeper lives
 *   GET /ready    200 while load balancers may send work here, else 503
 *   GET /metrics  Prometheus text of the whole gateway
 *
 * Served by the keeper, so that it answers when the data plane is busy. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "http/http_conn.h"
#include "observe/board.h"
#include "store/store_region.h"

struct admin {
    struct board *board;        /* borrowed */
    struct store_region *store; /* borrowed */
    const char *version;        /* borrowed */
    struct http_server server;
    struct list connections;
    struct admin_listener *listener; /* owned; NULL: none */
};

void admin_init(struct admin *a, struct loop *loop, struct board *board, struct store_region *store,
                const char *version);
/* Follows a configuration. `fd` is the listening socket for config->admin, or -1 for none; it is
 * taken over. An unchanged address keeps its listener. */
void admin_apply(struct admin *a, const struct config *config, int fd);
/* Stops accepting and ends all connections; the loop has to run once more. */
void admin_fini(struct admin *a);

#endif
