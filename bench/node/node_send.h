/* Sends what a node_out has gathered: one system call, and libuv's queue for what is left over. */
#ifndef NODE_SEND_H
#define NODE_SEND_H

#include "bench/node/node_out.h"

#include <uv.h>

/* Called when what was left over is out, or never will be. */
typedef void node_sent_fn(void *owner, int status);

/* Sends all of `out` and clears it. 0: it is gone; 1: the rest is under way, and on_sent comes; or
 * a negative libuv code. With `queued` the stream is known to be full. */
int node_send(struct node_out *out, uv_stream_t *stream, bool queued, node_sent_fn *on_sent,
              void *owner) MUST_CHECK;

#endif
