/* HTTP/2 connections that have nothing to do, without a session of nghttp2 and all that goes with
 * it. The client cannot tell.
 *
 * Falling asleep: a connection without streams for timeouts.http2_sleep is *tired*. It asks the
 * client to keep no table of fields (SETTINGS_HEADER_TABLE_SIZE 0), for what that holds cannot be
 * asked for; gives back what is left to give of the window; and when all SETTINGS are acknowledged
 * and no frame is half there, its h2_server makes way for a struct h2_sleep. Who does not
 * acknowledge within H2_SLEEP_ANSWER_MS keeps its session; of such there may be
 * H2_SLEEPLESS_MAX in a process, more are sent away. The table is allowed again at the second
 * request after that: for a single one it would not pay. It is asked back only after use: there are
 * clients that announce both sizes in their next request, the one that is no longer allowed too.
 *
 * Asleep, the first byte that comes wakes it: a new session is brought to where the former one was
 * (h2_snapshot), and reads on. What we have to say ourselves while it sleeps, that is GOAWAY, needs
 * no session.
 *
 *   ASLEEP -> NOTICED -> LINGER -> CLOSING     told to go away, by us
 *     |         `-----------^--------^
 *     `---------------------'--------'         idle for too long; the client has gone */
#ifndef HTTP_H2_SLEEP_H
#define HTTP_H2_SLEEP_H

#include "http/h2_server.h"
#include "http/h2_snapshot.h"

#define H2_SLEEP_ANSWER_MS 10000
#define H2_SLEEPLESS_MAX 1000

/* How long a client may go on sending after GOAWAY; closing at once would make its kernel throw it
 * away. */
#define H2_LINGER_MS 5000
/* Until the second GOAWAY, should the client not answer the PING that went with the first. */
#define H2_DRAIN_MS 1000

/* ---- falling asleep: for h2_server.c ---- */

/* Where in the idle time a h2_server is. */
enum h2_rest {
    H2_AWAKE,
    H2_TIRED,     /* something is still to come, as the acknowledgement of SETTINGS */
    H2_SLEEPLESS, /* and has not come in time */
};

/* Nothing to do from now on, and the end is due in `left_ms`. Returns when to look, in milliseconds
 * from now. */
uint64_t h2_sleep_wait(const struct h2_server *h, uint64_t left_ms);
/* That time is over. */
void h2_sleep_look(struct h2_server *h);
/* If it is time, and nothing is in the way, the owner is told to let it sleep: `h` is gone then. */
void h2_sleep_try(struct h2_server *h);
/* A stream begins. */
void h2_sleep_stir(struct h2_server *h);
/* The connection ends. */
void h2_sleep_forget(struct h2_server *h);

/* ---- asleep ---- */

enum h2_sleep_state {
    H2_ASLEEP,
    H2_NOTICED, /* told that the end is near */
    H2_SLEEP_LINGER,
    H2_SLEEP_CLOSING,
};

struct h2_sleep {
    struct stream *stream;      /* borrowed from the connection that this is part of */
    struct http_server *server; /* borrowed */
    /* Bytes have come: the owner makes an h2_server of it, and hands them on. */
    void (*on_woken)(struct h2_sleep *s, char *data, size_t len);
    void (*on_closed)(struct h2_sleep *s);
    struct timer timer;
    uint64_t idle_due_ms;
    struct h2_flood flood;
    struct h2_snapshot snapshot;
    uint8_t state;
    bool blocked, table_off;
};

/* Takes over from `h`, which may be freed when the event is over, and its stream's handler. `s` has
 * its callbacks. */
void h2_sleep_begin(struct h2_sleep *s, struct h2_server *h);
/* The timer may go, for an h2_server takes over (h2_server_wake). */
void h2_sleep_end(struct h2_sleep *s);
/* As h2_server_drain(), h2_server_stop(). */
void h2_sleep_drain(struct h2_sleep *s);
void h2_sleep_stop(struct h2_sleep *s);

#endif
