/* One backend address of an upstream, as one worker sees it: its pool of idle connections and its
 * counters. A peer outlives reloads that keep it, with its connections and counts; it is shared by
 * the configurations that name it and freed with the last one. */
#ifndef UPSTREAM_PEER_H
#define UPSTREAM_PEER_H

#include "common/list.h"
#include "config/config.h"
#include "net/loop.h"
#include "observe/board.h"
#include "upstream/peer_address.h"
#include "upstream/peer_link.h"

struct tls_engine;

/* All peers of a worker, by name. Its owner gives it the engine, for peers with TLS.
 * Zero-initialise `peers` with list_init(). */
struct peer_set {
    struct list peers;
    struct list link_contexts; /* struct link_context */
    struct loop *loop;         /* borrowed */
    struct board *board;       /* borrowed */
    struct tls_engine *engine; /* borrowed */
    uint32_t slot;             /* this worker's, on the board */
};

struct peer {
    struct list node; /* in the set */
    struct peer_set *set;
    uint32_t references;
    char *name;               /* owned: "upstream/address" */
    const char *address_text; /* the part of name after '/' */
    struct peer_address where;
    struct peer_link link;
    int board_index;
    struct series_peer series;
    const struct peer_health *health; /* borrowed from the board; NULL: nobody knows */
    struct peer_state *state;         /* borrowed from the board; own_state without a place there */
    struct peer_state own_state;
    struct list idle; /* struct upstream_conn, the most recently used first */
    uint32_t idle_count;
    uint32_t idle_max; /* of all workers together */
    uint32_t idle_timeout_ms;
    uint32_t receive_buffer_bytes; /* of each connection */
};

void peer_set_init(struct peer_set *set, struct loop *loop, struct board *board, uint32_t slot);

/* The peer of that name, made if it is new; its pool limits are set from `upstream`. Counted. */
struct peer *peer_get(struct peer_set *set, const struct config_upstream *upstream,
                      const struct config_peer *config);
struct peer *peer_ref(struct peer *p);
/* NULL-safe; *pointer is NULL after. The last reference closes the idle connections. */
void peer_unref(struct peer **pointer);

/* Before a connection is borrowed. When the addresses of its name have changed idle connections are
 * closed; those that are lent end with their requests. */
void peer_refresh_address(struct peer *p);

/* Requests under way at this peer, of all workers. */
uint32_t peer_in_flight(const struct peer *p);
/* One that was counted is no longer. */
static inline void peer_let_go(struct peer *p)
{
    series_peer_end(p->series);
}

static inline uint64_t peer_now_ms(const struct peer *p)
{
    return p->set->loop->now_us / 1000;
}

#endif
