/* A step on the way of every request. A stage looks at the request and lets it pass, answers it
 * itself, or waits: for a store, for the body, and the last one for a peer's answer. Answers climb
 * back through the stages that were entered, in reverse; each may edit the answer's fields.
 *
 * Whoever waits without on_body has the body held back meanwhile. Whoever has on_body is given the
 * body while it waits, and itself holds it back and lets it come: an earlier stage may have held
 * it, so that it comes after exchange_resume_body() only. A wait ends with pipeline_resume(), with
 * an answer, or when the exchange closes; every wait has a deadline, which is the stage's affair.
 */
#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include "pipeline/passage.h"

enum stage_verdict {
    STAGE_NEXT,
    STAGE_ANSWERED, /* an answer has been sent or begun */
    STAGE_WAIT,     /* pipeline_resume() follows, or an answer */
};

struct stage {
    const char *name;
    enum stage_verdict (*on_request)(struct passage *p);
    /* The rest may be NULL. */
    void (*on_body)(struct passage *p, struct slice data);
    void (*on_body_end)(struct passage *p, const struct headers *trailers);
    /* A peer's answer has come, and ex->response is set; before any on_response. STAGE_WAIT holds
     * it until pipeline_release(), STAGE_ANSWERED says that the stage has dropped the peer and
     * answered in its place. */
    enum stage_verdict (*on_answer)(struct passage *p);
    void (*on_response)(struct passage *p);
    /* The exchange closes: what is pending is cancelled, what is held is given back. Comes once,
     * after the exchange has been accounted for. */
    void (*on_leave)(struct passage *p);
};

extern const struct stage stage_client; /* who asks, as far as trusted proxies tell */
extern const struct stage stage_https;  /* plain listeners that redirect */
extern const struct stage stage_route;  /* which route; its redirect, its edits of the answer */
extern const struct stage stage_maintenance; /* upstreams that are closed for work */
extern const struct stage stage_identify;    /* whether the cookie carries our signature */
extern const struct stage stage_rate_limit;  /* how often this client may ask */
extern const struct stage stage_session;     /* who that is, and what backends order about it */
extern const struct stage stage_body;        /* the announced size of the body */
extern const struct stage stage_status;      /* the gateway's own pages about submissions */
extern const struct stage stage_submission;  /* what is to be dispatched once */
extern const struct stage stage_upload;      /* a body that is taken whole */
extern const struct stage stage_proxy;       /* a peer answers */

/* The wait of the stage entered last is over: the walk goes on with the next one. Not from within
 * on_request, which returns STAGE_NEXT instead. Does nothing when the request has been answered, or
 * its exchange is closed. */
void pipeline_resume(struct passage *p);

/* For stage_proxy: shows the peer's answer to the stages, the last one first. */
enum stage_verdict pipeline_answer(struct passage *p);
/* The wait of an on_answer is over: the answer goes on to the stages before it, and out. Does
 * nothing when something else has been answered meanwhile. */
void pipeline_release(struct passage *p);

/* The events of the exchange that belong to stage_proxy alone. */
void stage_proxy_on_blocked(struct passage *p);
void stage_proxy_on_drained(struct passage *p);
/* Sends the answer that was held, and what follows it. */
void stage_proxy_release(struct passage *p);
/* For submissions. What waits for leave to be sent, goes. */
void stage_proxy_proceed(struct passage *p);
/* As if the peer had broken off. */
void stage_proxy_fail(struct passage *p);
/* The answer, which was taken as it came, goes out by way of the stages. */
void stage_proxy_offer(struct passage *p);
uint32_t stage_proxy_response_timeout_ms(const struct passage *p);
/* Lets go of the peer. */
void stage_proxy_drop(struct passage *p);

#endif
