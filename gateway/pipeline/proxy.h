/* Between the files of stage_proxy: its states (stage_proxy.c), the answer on its way through
 * (proxy_answer.c), who is asked once more (proxy_retry.c), and what is said when nobody answers
 * (proxy_failure.c). Not for other stages. */
#ifndef PIPELINE_PROXY_H
#define PIPELINE_PROXY_H

#include "pipeline/passage.h"

static inline struct timer_wheel *proxy_wheel(struct passage *p)
{
    return &p->ex->loop->timers;
}

/* ---- stage_proxy.c ---- */

void proxy_drop_conn(struct passage *p);
/* The attempt is over; another one follows, or the client is told. */
void proxy_failed(struct passage *p, enum upstream_failure failure);

/* ---- proxy_retry.c ---- */

/* Whether the same request may be sent once more, as far as the request itself goes. */
bool proxy_may_retry(const struct passage *p, bool answer_begun);

/* Whatever becomes of the attempt that is about to begin, another one could follow. */
bool proxy_may_fail(const struct passage *p);

/* ---- proxy_failure.c ---- */

/* Tells the client, or cuts off the answer that has begun. */
void proxy_give_up(struct passage *p, enum upstream_failure failure);

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
