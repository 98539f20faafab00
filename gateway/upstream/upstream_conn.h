/* A connection to a peer, with TLS where the peer's link says so, and HTTP/1.1 on it, one request
 * at a time.
 *
 * It is lent to one exchange, which writes its request to the stream and gets the answer as events,
 * and then goes back to the peer's pool or is closed. In the pool it keeps reading, so that its end
 * is seen before it is lent again. */
#ifndef UPSTREAM_UPSTREAM_CONN_H
#define UPSTREAM_UPSTREAM_CONN_H

#include "common/buf.h"
#include "http/h1_parser.h"
#include "net/tcp_stream.h"
#include "tls/tls_stream.h"
#include "upstream/peer.h"

struct upstream_conn;

enum upstream_failure {
    UPSTREAM_CONNECT, /* nobody answered, or refused */
    UPSTREAM_CLOSED,  /* closed before or in the middle of the answer */
    UPSTREAM_INVALID, /* an answer that does not follow RFC 9112, or is ambiguous */
    UPSTREAM_TIMED_OUT,
    UPSTREAM_TLS, /* it cannot be trusted, or does not trust us; nothing was sent */
};

/* Events go to the borrower. After on_end and on_failed no event comes, until it is lent anew. */
struct upstream_conn_handler {
    void (*on_connected)(void *user);
    void (*on_interim)(void *user, const struct h1_head *head); /* 1xx but 101 */
    void (*on_head)(void *user, const struct h1_head *head);
    void (*on_body)(void *user, struct slice data); /* after a 101: whatever comes */
    void (*on_end)(void *user, const struct headers *trailers);
    void (*on_failed)(void *user, enum upstream_failure failure);
    void (*on_blocked)(void *user);
    void (*on_drained)(void *user);
};

enum upstream_conn_state {
    UPSTREAM_CONN_CONNECTING,
    UPSTREAM_CONN_LENT,
    UPSTREAM_CONN_IDLE,
    UPSTREAM_CONN_CLOSED,
};

struct upstream_conn {
    struct tcp_stream tcp;
    struct tls_stream *tls; /* owned, on top of tcp; NULL: plain, or not yet */
    struct stream *stream;  /* the upper one of the two */
    uv_connect_t connect;
    struct link_user link;
    struct slice preface; /* borrowed, while connecting: sent before anything else */
    struct peer *peer;    /* counted except while idle */
    struct list node;     /* in peer->idle */
    struct timer timer;   /* while idle, and while closing */
    const struct upstream_conn_handler *handler;
    void *user;
    struct h1_parser *parser; /* in the borrower's arena */
    struct metrics *metrics;  /* borrowed */
    struct buf ahead;         /* owned: what came behind a head that is held */
    uint32_t idle_ms;         /* how long it may be idle, when its answer is complete */
    uint64_t address_turn;    /* of the peer's addresses, when it began */
    uint8_t state;
    uint8_t interim_count; /* of the answer under way */
    bool reused;           /* has answered a request before */
    bool answer_begun;     /* a byte of the answer has been seen */
    bool answer_complete;
    bool tunnel;
    bool single;   /* it is its borrower's, and nobody else's */
    bool held;     /* the borrower wants nothing of the answer for now */
    bool reusable; /* as far as the answer's head says */
};

/* Takes an idle connection (unless `fresh`), or begins a new one: then on_connected or on_failed
 * follows. NULL when neither is possible. Takes over the request that balancer_pick() counted, even
 * when it fails; every connection is given back by upstream_conn_release() or
 * upstream_conn_close().
 *
 * A `preface`, which lives until then, says whose connection it is (a PROXY header): it is sent
 * once, so such a connection is new, and is not kept for others. */
struct upstream_conn *upstream_conn_borrow(struct peer *peer, struct metrics *metrics, bool fresh,
                                           struct slice preface,
                                           const struct upstream_conn_handler *handler,
                                           void *user) MUST_CHECK;

/* The request is about to be written: where its answer is parsed. False when memory is out. */
bool upstream_conn_expect(struct upstream_conn *c, struct arena *arena,
                          const struct h1_limits *limits, bool to_head) MUST_CHECK;

static inline struct stream *upstream_conn_stream(struct upstream_conn *c)
{
    return c->stream;
}

/* In on_head: no more of the answer comes until it is let go of. What has come already is kept, and
 * told by upstream_conn_unhold(), after which the borrower's pointer may be NULL; reading goes on
 * when it resumes the stream. A connection that fails meanwhile says so. */
void upstream_conn_hold(struct upstream_conn *c);
void upstream_conn_unhold(struct upstream_conn *c);

/* Both NULL the borrower's pointer. Release keeps the connection if `complete` (the request has
 * been written to its end) and the answer allows it. */
void upstream_conn_release(struct upstream_conn **pointer, bool complete);
void upstream_conn_close(struct upstream_conn **pointer);

void upstream_conn_close_idle(struct peer *peer);

#endif
