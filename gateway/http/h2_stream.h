/* One stream of an HTTP/2 connection: the transport of one exchange, in whose arena it lies.
 *
 * It begins with the first field of a request, and ends when both directions have, or either side
 * gives up: then it lets go of nghttp2's stream and closes the exchange. */
#ifndef HTTP_H2_STREAM_H
#define HTTP_H2_STREAM_H

#include "common/buf.h"
#include "http/h2_request.h"
#include "http/h2_server.h"

struct h2_stream {
    struct h2_server *h; /* borrowed */
    struct exchange *ex; /* that this lies in */
    struct list node;    /* in h->streams */
    struct list queue;   /* in h->queued, or alone */
    struct timer timer;  /* of the head, the body, or the client that takes nothing */
    struct defer proceed;
    int32_t id;
    struct h2_pseudo pseudo;
    struct headers trailers, answer_trailers;
    uint32_t field_count, field_bytes; /* so far, of all blocks */

    struct buf ahead;      /* owned: body that the handler does not take yet */
    struct buf pending;    /* owned: answer that the client does not take yet */
    size_t pending_at;     /* of it, so much is gone */
    struct slice direct;   /* behind it, and borrowed: a block on its way without a copy */
    uint32_t taken_bytes;  /* of it, by the client since the timer was set */
    uint32_t taken_before; /* and of the whole connection, before that */

    bool head_complete, head_too_large;
    bool body_paused;    /* the handler wants no more body */
    bool body_ended;     /* by the client; what is in `ahead` comes before */
    bool continue_due;   /* the client waits for 100 Continue */
    bool has_body;       /* the answer's head is not its end */
    bool answer_ended;   /* behind `pending` comes nothing, but for trailers */
    bool end_sent;       /* the answer has been written to its end */
    bool blocked;        /* the handler has been told to stop: the client takes too little */
    bool reset_received; /* by the client */
};

extern const struct exchange_transport h2_transport;

/* ---- what nghttp2 tells (h2_stream.c) ---- */

/* NULL when memory is short. */
struct h2_stream *h2_stream_new(struct h2_server *h, int32_t id) MUST_CHECK;
/* False: the stream is to be reset. */
bool h2_stream_field(struct h2_stream *st, struct slice name, struct slice value) MUST_CHECK;
/* The request's head is complete. `ended`: and so is the request. */
void h2_stream_head(struct h2_stream *st, bool ended);
void h2_stream_data(struct h2_stream *st, struct slice data);
/* The client's direction has ended, after trailers or without. */
void h2_stream_end(struct h2_stream *st);

/* Lets go, and closes the exchange. nghttp2's stream has ended, or has been told to. */
void h2_stream_finish(struct h2_stream *st, enum close_reason reason);
/* Resets nghttp2's stream, then does the same. */
void h2_stream_reset(struct h2_stream *st, uint32_t code, enum close_reason reason);
/* Sets the timer to what is being waited for. */
void h2_stream_watch(struct h2_stream *st);

/* ---- the answer (h2_answer.c) ---- */

void h2_stream_continue(struct h2_stream *st);
/* After a pump: tells the sources of the streams to stop, or to go on. */
void h2_answer_settle(struct h2_server *h);
/* Nothing of it waits, and the client would take some: others' unread bytes hold it back. */
bool h2_answer_is_held_back(const struct h2_stream *st);
/* What waits will not be sent. */
void h2_answer_drop(struct h2_stream *st);
/* nghttp2 writes a DATA frame of `len` bytes. */
void h2_answer_write(struct h2_stream *st, const uint8_t *frame_head, size_t len);

#endif
