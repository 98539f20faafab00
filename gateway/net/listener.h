/* Accepts connections from a listening socket that the supervisor made, bound and handed over.
 *
 * Not with uv_listen(): when descriptors run out libuv either closes whoever waits or, once its
 * spare one is gone too, tries again without an end. Here accepting rests for LISTENER_REST_MS
 * then, and those who wait stay in the kernel's queue. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/address.h"
#include "net/pacer.h"

#define LISTENER_REST_MS 100

struct listener;

/* Called once per connection that waits; the callee takes it with listener_accept(), or it is
 * closed. */
typedef void (*listener_fn)(struct listener *listener, void *user);

struct listener {
    uv_poll_t uv;
    int fd;            /* owned */
    int accepted;      /* owned: a connection that on_connection has not taken yet, or -1 */
    bool watching;     /* the kernel tells of those who wait */
    struct loop *loop; /* borrowed */
    /* Borrowed; NULL: all who wait are taken at once. Set by the owner; listener_hurry() ends it.
     */
    struct pacer *pacer;
    struct metrics *metrics; /* borrowed */
    struct address peer;     /* of the connection that on_connection is called for */
    struct defer turn;       /* waits for the pacer */
    struct timer rest;       /* after descriptors have run out */
    uint64_t told_ms;        /* when that was last logged */
    listener_fn on_connection;
    void *user; /* borrowed */
    void (*on_closed)(struct listener *l);
};

/* Takes over `fd`, also on failure. 0 or a negative libuv code. */
int listener_open(struct listener *l, struct loop *loop, int fd, struct metrics *metrics,
                  listener_fn on_connection, void *user) MUST_CHECK;
/* What the kernel takes of us for a client beyond what it can send now: of who is accepted from now
 * on, who inherit it. Without it a slow reader has megabytes queued, and is heard of again only
 * when a third of them is gone. */
void listener_bound_unsent(struct listener *l, uint32_t bytes);
/* Accepts into an initialised handle. 0 or a negative libuv code. */
int listener_accept(struct listener *l, uv_tcp_t *into) MUST_CHECK;
/* The listener is about to be closed: all who wait are taken when the current event is over, and
 * who comes later at once. */
void listener_hurry(struct listener *l);
/* Stops accepting; on_closed says when the memory may go. */
void listener_close(struct listener *l, void (*on_closed)(struct listener *l));

#endif
