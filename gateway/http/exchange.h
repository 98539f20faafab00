/* One request and its answer, free of any protocol version. It points two ways. Downward,
 * *transport*: the codec of the client's connection (h1_server) sends what the exchange is told to
 * send. Upward, *handler*: the pipeline (or the admin pages) decides what to answer.
 *
 * Life: the codec makes an exchange when a request begins, and hands it up when its head is there.
 * It ends once, by exchange_close(): both halves are done, or either side gives up; on_closed comes
 * after the current event, and the arena goes with it.
 * Back-pressure: the handler pauses and resumes the request's body; on_blocked and on_drained tell
 * it to pause the source of the answer's. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/body_pace.h"
#include "http/close_reason.h"
#include "http/h1_parser.h"
#include "http/message.h"
#include "net/loop.h"
#include "observe/reference.h"

struct exchange;

/* What the codec does for the exchange. */
struct exchange_transport {
    void (*send_interim)(struct exchange *ex, uint16_t status, const struct headers *headers);
    void (*send_head)(struct exchange *ex);
    void (*send_body)(struct exchange *ex, struct slice data);
    void (*send_end)(struct exchange *ex, const struct headers *trailers);
    void (*pause_body)(struct exchange *ex);
    void (*resume_body)(struct exchange *ex);
    void (*abort)(struct exchange *ex, enum close_reason reason);
    struct address (*local_address)(const struct exchange *ex); /* a system call */
};

/* What the pipeline does for it. */
struct exchange_handler {
    void (*on_request)(struct exchange *ex);
    void (*on_body)(struct exchange *ex, struct slice data); /* after a 101, tunnel bytes */
    void (*on_body_end)(struct exchange *ex, const struct headers *trailers);
    /* ex->response, of whatever origin, is about to be sent: the place to edit its fields. */
    void (*on_response)(struct exchange *ex);
    void (*on_blocked)(struct exchange *ex);
    void (*on_drained)(struct exchange *ex);
    void (*on_closed)(struct exchange *ex); /* the last; ex->close_reason says why */
};

struct exchange {
    const struct exchange_transport *transport;
    void *connection; /* borrowed: the transport's, until closed */
    const struct exchange_handler *handler;
    void *handler_context;            /* borrowed: the handler's, shared by its exchanges */
    void *handler_state;              /* in the arena: the handler's, of this exchange */
    const struct client_info *client; /* borrowed until closed */
    struct address client_address;    /* the client's own, as far as trusted proxies told it */
    struct loop *loop;
    struct arena arena;
    struct defer closed;
    struct request request;
    struct response response;
    char reference[REFERENCE_LEN + 1];
    const struct config_title *affected;    /* borrowed: what error pages name; or NULL */
    bool request_forwarded;                 /* a byte of it may have reached a backend */
    bool request_complete;                  /* its last byte has been handed up */
    bool response_begun, response_complete; /* its head has been sent; and its end */
    bool tunnel, is_closed, is_held;        /* tunnel: 101 sent, bytes both ways */
    enum close_reason close_reason;
    uint64_t started_us;          /* the head was complete */
    uint64_t bytes_in, bytes_out; /* of bodies */
    struct body_pace pace;        /* of the request's; the codec's */
    struct h1_parser parser;      /* of the request; the codec's */
};

/* NULL when memory is short. The exchange lives in its own arena, capped at `arena_bytes`. */
struct exchange *exchange_new(struct loop *loop, size_t arena_bytes) MUST_CHECK;
/* Ends it: no call and no event but on_closed comes after. Freed when the event is over; while it
 * is held, for its handler has something to finish, not before it is let go. */
void exchange_close(struct exchange *ex, enum close_reason reason);
void exchange_hold(struct exchange *ex);
void exchange_let_go(struct exchange *ex); /* safe when it is not held */

static inline void exchange_send_interim(struct exchange *ex, uint16_t status,
                                         const struct headers *fields)
{
    ex->transport->send_interim(ex, status, fields);
}

/* Sends ex->response: its slices need not live longer. */
static inline void exchange_send_head(struct exchange *ex)
{
    ex->handler->on_response(ex);
    ex->transport->send_head(ex);
}

static inline void exchange_send_body(struct exchange *ex, struct slice data)
{
    ex->transport->send_body(ex, data);
}

/* The answer, or our side of the tunnel, is complete. trailers may be NULL. */
static inline void exchange_send_end(struct exchange *ex, const struct headers *trailers)
{
    ex->transport->send_end(ex, trailers);
}

static inline void exchange_pause_body(struct exchange *ex)
{
    ex->transport->pause_body(ex);
}

static inline void exchange_resume_body(struct exchange *ex)
{
    ex->transport->resume_body(ex);
}

/* The answer cannot be completed: the client's connection or stream is cut off, visibly. */
static inline void exchange_abort(struct exchange *ex, enum close_reason reason)
{
    ex->transport->abort(ex, reason);
}

#endif
