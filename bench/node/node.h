/* The simulated processing node: what its connections share. One thread, one loop. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "bench/node/node_canned.h"
#include "bench/node/node_chance.h"
#include "bench/node/node_content.h"
#include "bench/node/node_exchange.h"
#include "bench/node/node_journal.h"
#include "bench/node/node_listener.h"
#include "bench/node/node_options.h"
#include "bench/node/node_out.h"
#include "bench/node/node_outage.h"
#include "bench/node/node_seen.h"
#include "bench/node/node_stats.h"
#include "common/list.h"

#include <uv.h>

struct node {
    uv_loop_t loop;
    const struct node_options *options; /* borrowed */
    struct node_chance chance;
    bool is_calm;
    struct node_outages outages;
    struct node_seen refs; /* X-Request-ID */
    struct node_content *content;
    struct node_journal *journal;
    struct node_canned canned;
    struct node_stats stats;

    struct list conns;     /* struct node_conn, by its `link` */
    uint64_t conn_number;  /* of the newest */
    struct node_pool pool; /* exchanges at rest */
    struct node_out out;   /* of the event being handled */
    char read_buffer[65536];

    struct node_listener listeners[NODE_LISTENS]; /* options->listen_count of them */
    uv_signal_t signals[2], lose_signal;
};

/* Listens, says so on standard output, and serves until SIGTERM or SIGINT. Returns 0, or negative
 * ERR_* with a sentence in `e` when it could not begin. */
int node_run(const struct node_options *options, struct err *e) MUST_CHECK;

#endif
