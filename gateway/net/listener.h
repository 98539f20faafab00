/* Accepts connections from a listening socket that the supervisor made, bound and handed over. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/loop.h"

struct listener;

/* Called once per connection that waits; the callee takes it with listener_accept(). */
typedef void (*listener_fn)(struct listener *listener, void *user);

struct listener {
    uv_tcp_t uv;
    struct loop *loop; /* borrowed */
    listener_fn on_connection;
    void *user; /* borrowed */
    void (*on_closed)(struct listener *l);
};

/* Takes over `fd`, also on failure. 0 or a negative libuv code. */
int listener_open(struct listener *l, struct loop *loop, int fd, listener_fn on_connection,
                  void *user) MUST_CHECK;
/* Accepts into an initialised handle. 0 or a negative libuv code. */
int listener_accept(struct listener *l, uv_tcp_t *into) MUST_CHECK;
/* Stops accepting; on_closed says when the memory may go. */
void listener_close(struct listener *l, void (*on_closed)(struct listener *l));

#endif
