/* What the pipeline knows of one exchange on its way through the stages. In the exchange's arena.
 */
#ifndef PIPELINE_PASSAGE_H
#define PIPELINE_PASSAGE_H

#include "pipeline/pipeline.h"
#include "store/limits.h"
#include "store/sessions.h"
#include "upstream/upstream_conn.h"

enum proxy_state {
    PROXY_NONE,
    PROXY_QUEUED, /* for a slot */
    PROXY_CONNECTING,
    PROXY_CONNECTED, /* nothing may leave yet */
    PROXY_REQUEST,   /* sending the request or waiting for the answer's head */
    PROXY_ANSWER,
    PROXY_TUNNEL,
    PROXY_DONE,
};

/* The state of stage_proxy. */
struct proxy {
    enum proxy_state state;
    struct peer *peer;          /* borrowed: the snapshot holds it */
    struct upstream_conn *conn; /* lent */
    struct timer timer;
    struct gate_pass pass;
    uint64_t attempt_us; /* when the current attempt began */
    uint64_t sent_us;    /* when all of the request had been handed on; 0: not yet */
    uint64_t whole_us;   /* when its last byte was known, whatever the attempt; 0: not yet */
    const char *shed;    /* why it was refused a slot, for the access log; NULL: it was not */
    uint32_t retries;
    bool nothing_sent; /* in this attempt */
    bool peer_judged;  /* its upstream knows how this attempt ended */
    bool blamed;       /* an attempt failed by its peer's fault */
    bool body_begun;   /* bytes of the body are gone, and cannot be sent again */
    bool request_ended;
    bool reused;
    bool is_unread;      /* it took nothing while the answer was due: when that came is not known */
    bool tunnel;         /* counted as open */
    bool held;           /* the answer's head waits for a stage */
    bool client_blocked; /* it takes no more of the answer for now */
    bool reads_ahead;    /* the peer need not wait for it */
};

/* Who asks, as far as the cookie's signature tells. */
struct identity {
    bool is_signed;                   /* by us: there is, or was, such a session */
    uint8_t hash[SESSION_HASH_BYTES]; /* what the stores know it by */
};

struct session_talk;

/* The state of stage_rate_limit. */
struct limiting_item {
    struct limit_op op;
    struct passage *passage; /* borrowed: it holds us */
};

struct limiting {
    struct limiting_item *items; /* as many as the route has limits; NULL: none was looked at */
    size_t at;                   /* those before it have allowed the request */
    const struct limit_op *tightest;
    const struct config_rate_limit *refused_by;
};

struct submission;
struct upload;
struct read_ahead;
struct status_look;

struct passage {
    struct exchange *ex;       /* borrowed: we live in its arena */
    struct pipeline *pipeline; /* borrowed */
    struct snapshot *snapshot; /* counted */
    size_t entered;   /* stages so far: they see the answer, and the last of them the body */
    size_t answering; /* stages that have not seen the peer's answer yet */
    const struct config_route *route; /* borrowed from the snapshot; NULL until it is found */
    struct route_flow *flow;          /* of that route */
    struct upstream *upstream;        /* borrowed from the snapshot */
    bool told_by_proxy;               /* the client is who X-Forwarded-For says */
    struct slice forwarded_for;       /* the hops that trusted proxies told of, to be handed on */
    struct headers added;             /* fields of ours that the backend gets beside the client's */
    struct identity identity;
    struct session_talk *session; /* in the arena: the state of stage_session; NULL: none */
    uint64_t affinity;            /* of the session, where a peer may follow from it; 0: none */
    struct limiting limiting;
    struct slice user;             /* who is signed in, as the backends call them; empty: nobody */
    struct status_look *status;    /* in the arena: the state of stage_status; NULL: none */
    struct submission *submission; /* in the arena; NULL: it is none */
    struct upload *upload;         /* in the arena: a body taken whole; NULL: it flows through */
    struct proxy proxy;
    struct read_ahead *ahead;        /* in the arena: of the answer; NULL: nothing has waited yet */
    int64_t connect_us, response_us; /* ACCESS_UNKNOWN until known */
};

static inline struct passage *passage_of(const struct exchange *ex)
{
    return ex->handler_state;
}

/* Writes the exchange's line into the access log and counts it. */
void passage_account(struct passage *p);

#endif
