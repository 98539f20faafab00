/* HTTP/2 towards the client, on one connection (RFC 9113): nghttp2 reads and writes frames, without
 * I/O of its own; streams become exchanges, each as if it had a connection to itself.
 *
 * Flow control is the back-pressure. Towards us: a window grows only by what a handler has taken
 * (h2_stream.c). From us: what the client's window or its socket does not take waits in the stream,
 * and its source is paused (h2_answer.c). While the socket takes nothing no frame is made, so that
 * priorities (RFC 9218) decide among those who wait; reading goes on, up to a cap of replies.
 *
 * All streams of a connection together may let H2_UNREAD_BYTES wait. Beyond it only streams that
 * can pass a whole event's bytes on go on, the others' sources are paused, begun or not: so the
 * most that waits is that and one event's bytes. When H2_UNREAD_WORKER_BYTES wait in a process, the
 * first bytes that wait on a connection have that effect. */
#ifndef HTTP_H2_SERVER_H
#define HTTP_H2_SERVER_H

#include "http/exchange.h"
#include "http/h2_flood.h"
#include "http/http_server.h"
#include "http/send_pace.h"
#include "net/stream.h"

#include <nghttp2/nghttp2.h>

#define H2_UNREAD_BYTES (256 * 1024)
#define H2_UNREAD_WORKER_BYTES (64 * 1024 * 1024)

struct h2_stream;
struct h2_snapshot;
struct h2_sleep;

enum h2_state {
    H2_OPEN,
    H2_LINGER, /* our side is shut: read and drop, so that the client sees why */
    H2_CLOSING,
};

struct h2_server {
    struct stream *stream;            /* borrowed from the connection that this is for */
    struct http_server *server;       /* borrowed */
    const struct client_info *client; /* borrowed */
    void (*on_closed)(struct h2_server *h);
    /* It can sleep: the owner calls h2_sleep_begin(). NULL: it never does. Like `user`, it is set
     * before it begins. */
    void (*on_rest)(struct h2_server *h);
    void *user;               /* the owner's */
    nghttp2_session *session; /* owned */
    struct list streams;      /* struct h2_stream: all that have an exchange */
    struct list queued;       /* those of them with data that waits for a window or the socket */
    struct timer timer;
    uint64_t idle_due_ms; /* without streams it ends then */
    struct timer drain_timer;
    struct defer pump; /* writes what there is, when the turn is over */
    struct h2_flood flood;
    uint32_t stream_count;
    uint32_t unread_bytes; /* in `pending` of its streams */
    int32_t last_id;       /* of the streams that the client has begun */
    int32_t handed_id;     /* the last of which more than a beginning has come */
    int32_t priority_id;   /* the highest of a stream that the client has given a priority */
    uint32_t taken_bytes;  /* of answers that have left so far; wraps around */
    struct send_pace pace; /* while blocked */
    uint8_t state;
    uint8_t rest;         /* enum h2_rest */
    uint8_t settings_due; /* sent, and not acknowledged */
    uint8_t begun_since;  /* streams, since table_off */
    bool table_off;       /* the client has been told to keep no table of fields */
    bool table_empty;     /* and has none, whatever it may keep now */
    bool unreadable;      /* the client's fields: it has been told to go */
    bool scarce;          /* too much is unread */
    bool busy;            /* nghttp2 is at work and must not be entered */
    bool settling;        /* streams are told to stop or go on */
    bool blocked;         /* the client's socket takes nothing */
    bool begun;           /* a request has come */
    bool draining;        /* the client has been told that the end is near */
    bool goaway_sent;     /* it has been told which requests were the last */
    bool is_flood;        /* and of what: */
    uint8_t flood_kind;
};

/* ---- between the h2_ files ---- */

/* Has the frames written that nghttp2 holds: when the turn is over, or now. */
void h2_server_schedule(struct h2_server *h);
void h2_server_pump(struct h2_server *h);
/* Counts one more of `kind`. False when it was too many: the caller returns to nghttp2 with
 * NGHTTP2_ERR_CALLBACK_FAILURE. */
bool h2_server_charge(struct h2_server *h, enum h2_flood_kind kind) MUST_CHECK;
/* A stream begins or ends: starts or ends the connection's own waiting. */
void h2_server_count(struct h2_server *h, int change);

void h2_server_pong(struct h2_server *h); /* the client has answered a PING */
/* Ends the connection and its exchanges: GOAWAY with `code`, then a close that lets it be read. Not
 * from within nghttp2. */
void h2_server_end(struct h2_server *h, uint32_t code, enum close_reason reason);

/* nghttp2's part (h2_session.c). False: memory is short. */
bool h2_session_new(struct h2_server *h) MUST_CHECK;
bool h2_session_revive(struct h2_server *h, const struct h2_snapshot *from) MUST_CHECK;
/* How large a table of fields the client may keep. */
bool h2_session_limit_table(struct h2_server *h, uint32_t bytes) MUST_CHECK;
/* The frame, where nghttp2 has none to write or would write another. */
void h2_session_write_goaway(struct stream *s, int32_t last_id, uint32_t code);

/* ---- for the owner ---- */

/* Takes over the stream's handler and starts reading. `h` is zeroed. */
void h2_server_init(struct h2_server *h, struct stream *stream, struct http_server *server,
                    const struct client_info *client, void (*on_closed)(struct h2_server *h));
/* The same for one that has slept. */
void h2_server_wake(struct h2_server *h, const struct h2_sleep *from,
                    const struct client_info *client, void (*on_closed)(struct h2_server *h));
void h2_server_let_go(struct h2_server *h); /* of all but its memory: it sleeps now */
/* Frees one that mem_new() made and that was let go of, when the event is over. */
void h2_server_free_later(struct h2_server *h);
uint64_t h2_server_due_ms(const struct h2_server *h); /* when an idle one ends */
/* Lets the streams under way end, and refuses new ones: GOAWAY in two steps (RFC 9113 6.8). */
void h2_server_drain(struct h2_server *h);
/* Ends the connection at once, whatever it does. */
void h2_server_stop(struct h2_server *h);

#endif
