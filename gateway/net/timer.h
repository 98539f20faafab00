/* Timeouts: a hashed timing wheel (Varghese and Lauck, 1987) driven by one libuv timer.
 *
 * Almost every timeout is set again before it fires, so setting is made to cost a store: a timer
 * that is already in the wheel only notes its new time, and is moved when its old slot comes up.
 * A timer is embedded in the object that waits; it must be cancelled before that object is freed.
 * Resolution TIMER_TICK_MS; never early. */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "common/list.h"

#include <uv.h>

#define TIMER_TICK_MS 16
#define TIMER_SLOTS 1024

struct timer;
typedef void (*timer_fn)(struct timer *t);

struct timer {
    struct list node;
    timer_fn on_expired; /* runs in an event of its own; may set or cancel any timer */
    uint64_t due_ms;     /* 0: not armed */
    uint64_t slot_tick;  /* where the node is, while it is linked */
};

/* Called before and after the timers of one wake-up run. */
typedef void (*timer_event_fn)(void *user, bool begins);

struct timer_wheel {
    uv_timer_t uv;
    struct list slots[TIMER_SLOTS];
    uint64_t occupied[TIMER_SLOTS / 64];
    uint64_t tick;    /* all slots up to here have been visited */
    uint64_t late_ms; /* how much later than it should the last wake-up came */
    bool visiting;
    timer_event_fn on_event;
    void *user;
};

/* Its uv timer is closed with the loop. */
void timer_wheel_init(struct timer_wheel *w, uv_loop_t *loop, timer_event_fn on_event, void *user);

void timer_init(struct timer *t, timer_fn on_expired);
/* Arms, or arms anew. */
void timer_set(struct timer_wheel *w, struct timer *t, uint64_t after_ms);
static inline bool timer_is_set(const struct timer *t)
{
    return t->due_ms != 0;
}
/* Disarms; the node may stay in the wheel. Cheap, for timers that will be set again. */
static inline void timer_stop(struct timer *t)
{
    t->due_ms = 0;
}
/* Disarms and leaves the wheel: before the memory goes. */
void timer_cancel(struct timer *t);

#endif
