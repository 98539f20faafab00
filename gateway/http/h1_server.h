/* HTTP/1.1 towards the client, on one connection: reads requests, makes exchanges of them one after
 * the other, and writes their answers (RFC 9112). Pipelined requests wait, up to a limit, in the
 * order in which they came. */
#ifndef HTTP_H1_SERVER_H
#define HTTP_H1_SERVER_H

#include "common/buf.h"
#include "http/exchange.h"
#include "http/http_server.h"
#include "http/send_pace.h"
#include "net/stream.h"

enum h1_state {
    H1_IDLE, /* between requests; keep-alive timer */
    H1_READ_HEAD,
    H1_READ_BODY,
    H1_ANSWER,  /* request complete, answer under way: what comes is read ahead */
    H1_DISCARD, /* answer complete, a small rest of the body is read and dropped */
    H1_TUNNEL,
    H1_LINGER, /* our side is shut: read and drop until the client closes, so that it sees the
                  answer */
    H1_CLOSING,
};

struct h1_server {
    struct stream *stream;            /* borrowed from the connection that this is part of */
    struct http_server *server;       /* borrowed */
    const struct client_info *client; /* borrowed */
    void (*on_closed)(struct h1_server *h);
    struct exchange *ex; /* the one under way; NULL in between. Freed by itself */
    struct timer timer;
    struct defer proceed;  /* takes up what was read ahead */
    struct buf ahead;      /* owned: bytes that cannot be handled yet */
    struct send_pace pace; /* while blocked */
    uint8_t state;
    bool body_paused;   /* the handler wants no more body */
    bool read_paused;   /* the stream is stopped: `ahead` is full */
    bool blocked;       /* the client does not take what we send */
    bool chunked;       /* framing of the answer under way */
    bool closing_after; /* the connection ends with this answer */
    bool continue_due;  /* the client waits for 100 Continue */
    bool more_input;    /* behind what the parser has taken */
    bool tunnel_ended;  /* the client's side of it, but for what is read ahead */
};

/* ---- between h1_server.c (reading) and h1_answer.c (writing) ---- */

extern const struct exchange_transport h1_transport;

/* The only place where the state changes; starts the new state's timer. */
void h1_server_enter(struct h1_server *h, enum h1_state state);
/* The answer is complete, or the tunnel's client side is: moves on. */
void h1_server_answered(struct h1_server *h);
/* Takes up what was read ahead, once the current event is over. */
void h1_server_proceed(struct h1_server *h);
/* Ends the connection and its exchange. `hard`: with a reset, so that the end cannot be taken for
 * the end of an answer. */
void h1_server_close(struct h1_server *h, enum close_reason reason, bool hard);
/* Sends 100 Continue if the client waits for it and body is wanted. */
void h1_server_continue(struct h1_server *h);

/* ---- for the owner ---- */

/* Takes over the stream's handler and starts reading. */
void h1_server_init(struct h1_server *h, struct stream *stream, struct http_server *server,
                    const struct client_info *client, void (*on_closed)(struct h1_server *h));
/* Ends an idle connection now, a busy one after its answer. */
void h1_server_drain(struct h1_server *h);
/* Ends the connection at once, whatever it does. */
void h1_server_stop(struct h1_server *h);

#endif
