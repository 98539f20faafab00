/* Requests that wait for a slot of a gate, in one worker. No clock and no timer of its own: whoever
 * calls says what time it is.
 *
 * Controlled delay (Nichols and Jacobson, 2012, as folly's executors have it). As long as somebody
 * is served soon, a queue is only a burst that drains: first come, first served, for at most
 * GATE_QUEUE_WAIT_MS. When nobody was served within GATE_QUEUE_TARGET_MS for a whole interval the
 * queue is *overloaded*: then who came last is served first, for the others will have given up, and
 * who has waited GATE_QUEUE_OVERLOADED_WAIT_MS is told so. Priorities go before that order. */
#ifndef UPSTREAM_GATE_QUEUE_H
#define UPSTREAM_GATE_QUEUE_H

#include "common/list.h"

#define GATE_QUEUE_WAIT_MS 500
#define GATE_QUEUE_OVERLOADED_WAIT_MS 40
#define GATE_QUEUE_TARGET_MS 20
/* Not the 100 ms of programs that call each other: a backend that collects its garbage for 200 ms
 * comes back, and people wait that long without noticing. */
#define GATE_QUEUE_INTERVAL_MS 500
#define GATE_QUEUE_PRIORITIES 8 /* 0 goes first */

struct gate_waiter {
    struct list node;
    uint64_t since_ms;
    uint8_t priority;
};

struct gate_queue {
    struct list waiters[GATE_QUEUE_PRIORITIES]; /* the oldest first */
    uint32_t count;
    uint32_t least_wait_ms; /* of those who were served in this interval */
    uint64_t interval_end_ms;
    bool overloaded;
};

void gate_queue_init(struct gate_queue *q);
void gate_waiter_init(struct gate_waiter *w);

static inline bool gate_waiter_waits(const struct gate_waiter *w)
{
    return list_is_linked(&w->node);
}

/* Puts it in, unless `max` wait already and none of them is less urgent. Returns who has no place:
 * `w`, or another one who gave way to it, or NULL. */
struct gate_waiter *gate_queue_push(struct gate_queue *q, struct gate_waiter *w, uint32_t max,
                                    uint64_t now_ms) MUST_CHECK;
/* Somebody was served who did not have to wait: without this, those who did would alone say how
 * long one waits. */
static inline void gate_queue_passed(struct gate_queue *q)
{
    q->least_wait_ms = 0;
    q->overloaded = false;
}
/* Takes out whose turn it is; NULL when nobody waits. */
struct gate_waiter *gate_queue_pop(struct gate_queue *q, uint64_t now_ms);
/* Takes out one who has waited too long; NULL when nobody has. */
struct gate_waiter *gate_queue_late(struct gate_queue *q, uint64_t now_ms);
/* It leaves; nothing happens when it is in no queue. */
void gate_queue_remove(struct gate_queue *q, struct gate_waiter *w);

#endif
