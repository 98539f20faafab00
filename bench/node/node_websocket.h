/* WebSocket echo (RFC 6455): the handshake, and what happens to the bytes that follow it. */
#ifndef NODE_WEBSOCKET_H
#define NODE_WEBSOCKET_H

#include "bench/node/node_exchange.h"
#include "bench/node/node_out.h"
#include "bench/node/ws_frame.h"

/* The handshake's answer: 101, or why not. */
void node_websocket_answer(struct node *node, struct node_exchange *x);

/* Echoes messages, answers pings. Takes off `input` what it used: all of it, unless `out` is full.
 * Returns false when a close frame was written: nothing may follow. *messages counts. */
bool node_websocket_echo(struct ws_reader *r, struct slice *input, struct node_out *out,
                         uint64_t *messages) MUST_CHECK;

#endif
