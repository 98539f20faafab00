/* Lets those who are in go before those who come.
 *
 * A TLS handshake takes as much processor time as some thirty requests. Were each one carried on
 * the moment its bytes come, a storm of new connections would hold up everybody. So in each turn of
 * the loop newcomers have PACER_TURN_US together, for being accepted and for their handshakes. Who
 * comes when that is used up waits in a queue here, the bytes and further connections in the
 * kernel's, and goes on in the next turn, before the loop looks for events again. A turn without
 * other work takes no time, so that nothing is lost while nobody else wants anything; and whoever
 * is in waits for newcomers for about one handshake a turn, however many they are.
 *
 * Handshakes that wait go before connections that wait to be accepted. Deadlines are their owners'
 * affair. One a loop; owns none of those who wait. */
#ifndef NET_PACER_H
#define NET_PACER_H

#include "net/loop.h"
#include "observe/metrics.h"

#define PACER_TURN_US 1000

enum pacer_queue {
    PACER_HANDSHAKES,
    PACER_ACCEPTS,
    PACER_QUEUES,
};

struct pacer {
    uv_prepare_t turn;
    uv_idle_t awake;                   /* started while somebody waits: the loop must not sleep */
    struct list waiting[PACER_QUEUES]; /* struct defer */
    struct metrics *metrics;           /* borrowed */
    uint64_t spent_us;                 /* in this turn */
};

/* Its handles are closed with the loop. */
void pacer_init(struct pacer *p, struct loop *loop, struct metrics *metrics);

/* May a newcomer go on now? Whoever may not has to wait with pacer_wait(). */
static inline bool pacer_admits(const struct pacer *p)
{
    return p->spent_us < PACER_TURN_US;
}

/* What the newcomer has cost that was admitted, or whose turn it was. */
static inline void pacer_charge(struct pacer *p, uint64_t us)
{
    p->spent_us += us;
}

/* d->run(d) when the turn has come; it makes an event of its own, and may wait again. Who waits
 * already keeps the place. list_remove(&d->node) to leave. */
void pacer_wait(struct pacer *p, struct defer *d, enum pacer_queue queue);

#endif
