/* What is to be done when, to the microsecond: a binary heap under one timerfd.
 *
 * A heap and not a wheel: a generator has some ten thousand items and a few thousand changes a
 * second, so the logarithm costs nothing, and nothing is ever rounded to a tick: how late an item
 * runs is how late the process was. Items are embedded in the objects that wait. */
#ifndef LOAD_AGENDA_H
#define LOAD_AGENDA_H

#include "common/err.h"

#include <uv.h>

struct agenda_item;
/* Runs once at or after the item's time; may set or cancel any item, this one too. */
typedef void (*agenda_fn)(struct agenda_item *item);

/* Zero-initialised but for on_due: not on the agenda. */
struct agenda_item {
    agenda_fn on_due;
    uint64_t due_us;   /* monotonic */
    uint32_t position; /* in the heap, from 1; 0: not on the agenda */
};

/* The time stands here as well, so that sorting need not look at the items. */
struct agenda_place {
    uint64_t due_us;
    struct agenda_item *item; /* borrowed */
};

struct agenda {
    struct agenda_place *heap; /* owned; [0] is not used */
    uint32_t count, size;
    uint64_t armed_us; /* what the timer is set to; 0: nothing */
    bool running;
    int timer_fd; /* -1: nobody waits, the owner calls agenda_run() himself */
    uv_poll_t poll;
};

/* Without a timer: agenda_open() adds it. */
void agenda_init(struct agenda *a);
void agenda_fini(struct agenda *a);
/* Runs items from `loop` from now on. Negative ERR_SYSTEM with a sentence in `e`. */
int agenda_open(struct agenda *a, uv_loop_t *loop, struct err *e) MUST_CHECK;

/* Puts the item on the agenda, or moves it. A time in the past is due at once, never inside the
 * call. */
void agenda_set(struct agenda *a, struct agenda_item *item, uint64_t due_us);
/* Before the item's memory goes. Safe when it is not on the agenda. */
void agenda_cancel(struct agenda *a, struct agenda_item *item);
static inline bool agenda_has(const struct agenda_item *item)
{
    return item->position != 0;
}

/* When what was due at `due_us` is due again, so that its pace does not suffer from how late it
 * ran; whoever is later than AGENDA_CATCH_UP_US had paused, and begins anew. */
#define AGENDA_CATCH_UP_US 1000000
static inline uint64_t agenda_after(uint64_t due_us, uint64_t interval_us, uint64_t now_us)
{
    bool is_late = now_us > due_us && now_us - due_us <= AGENDA_CATCH_UP_US;
    return (is_late ? due_us : now_us) + interval_us;
}

/* Runs what is due at `now_us`, in the order of time, and what is added meanwhile if that is due,
 * too. */
void agenda_run(struct agenda *a, uint64_t now_us);

#endif
