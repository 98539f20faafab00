/* Between the files of stage_proxy: its states (stage_proxy.c), slots (proxy_gate.c), deadlines
 * (proxy_deadline.c), the answer on its way through (proxy_answer.c), who is asked once more
 * (proxy_retry.c), and what is said when nobody answers (proxy_failure.c). Not for other stages. */
#ifndef PIPELINE_PROXY_H
#define PIPELINE_PROXY_H

#include "pipeline/passage.h"

static inline struct timer_wheel *proxy_wheel(struct passage *p)
{
    return &p->ex->loop->timers;
}

/* How an attempt ended. */
struct proxy_failure {
    enum upstream_failure what;
    bool answer_begun;
    bool stale; /* the connection had been used before */
};

static inline bool proxy_has_other_peers(const struct passage *p)
{
    return p->upstream->balancer.count > 1;
}

/* ---- stage_proxy.c ---- */

/* There is a slot: the first attempt. */
void proxy_begin(struct passage *p);
void proxy_drop_conn(struct passage *p);
/* The attempt is over; another one follows, or the client is told. */
void proxy_failed(struct passage *p, enum upstream_failure failure);

/* ---- proxy_gate.c ---- */

/* WAITS: proxy_begin() or proxy_shed() follows. REFUSED: the client has been told. */
enum gate_verdict proxy_enter(struct passage *p) MUST_CHECK;
/* Gives back slots, or the place in the queue. */
void proxy_leave_gates(struct passage *p);
/* Whom the request waits for: its slot is held while that is the backend. */
void proxy_client_has_the_word(struct passage *p);
void proxy_client_takes_nothing(struct passage *p);
void proxy_backend_has_the_word(struct passage *p);
/* The head of an answer is there; or none will come. */
void proxy_note_answer(struct passage *p, uint16_t status);
void proxy_note_failure(struct passage *p);
/* The client has left. */
void proxy_note_abandoned(struct passage *p);
/* Whether there are time and budget for a second attempt, which is then counted. */
bool proxy_may_spend_a_retry(struct passage *p) MUST_CHECK;

/* ---- proxy_deadline.c ---- */

/* Its last byte is known. */
void proxy_request_is_whole(struct passage *p);
/* How long the head of the answer is still waited for, whatever happens; from this attempt. */
uint64_t proxy_left_ms(const struct passage *p);
uint64_t proxy_answer_ms(const struct passage *p);

/* ---- proxy_retry.c ---- */

bool proxy_may_retry(struct passage *p, const struct proxy_failure *f) MUST_CHECK;

/* Whatever becomes of the attempt that is about to begin, another one could follow. */
bool proxy_may_fail(const struct passage *p);

/* ---- proxy_failure.c ---- */

/* Tells the client, or cuts off the answer that has begun. */
void proxy_give_up(struct passage *p, enum upstream_failure failure);
/* Nothing was sent, and nothing will be. */
void proxy_shed(struct passage *p, enum gate_shed why);

/* ---- proxy_answer.c ---- */

/* Nothing more of the answer is taken for now: the client is slower than the peer. */
bool proxy_is_held_back(const struct passage *p);
bool proxy_answer_is_awaited(const struct passage *p);
/* The peer has so long again to say something. */
void proxy_touch_answer(struct passage *p);
void proxy_touch_tunnel(struct passage *p);

/* Of the upstream's connection. */
void proxy_on_interim(void *user, const struct h1_head *head);
void proxy_on_head(void *user, const struct h1_head *head);
void proxy_on_body(void *user, struct slice data);
void proxy_on_end(void *user, const struct headers *trailers);

#endif
