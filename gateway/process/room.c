#include "process/room.h"

#include "common/log.h"

/* How often a worker without room looks whether there is some again. */
#define ROOM_LOOK_MS 250

static uint64_t connections(const struct room *r)
{
    return metrics_gauge(r->metrics, GAUGE_CONNECTIONS_OPEN);
}

static void set_full(struct room *r, bool full)
{
    if (r->full == full)
        return;
    r->full = full;
    if (full)
        timer_set(&r->loop->timers, &r->timer, ROOM_LOOK_MS);
    r->on_change(r);
}

static void on_timer(struct timer *t)
{
    struct room *r = CONTAINER_OF(t, struct room, timer);
    if (r->closed || connections(r) > r->connections_max - r->connections_max / 20)
        timer_set(&r->loop->timers, t, ROOM_LOOK_MS);
    else
        set_full(r, false);
}

void room_init(struct room *r, struct loop *loop, struct metrics *metrics, uint32_t connections_max,
               void (*on_change)(struct room *r))
{
    *r = (struct room){
        .loop = loop, .metrics = metrics, .connections_max = connections_max, .on_change = on_change
    };
    timer_init(&r->timer, on_timer);
}

/* Some more may come before they are steered elsewhere. */
bool room_admits(const struct room *r)
{
    return !r->closed && connections(r) < r->connections_max + r->connections_max / 16;
}

void room_taken(struct room *r)
{
    if (r->full || connections(r) < r->connections_max)
        return;
    log_write(
        LOG_WARN,
        "%u connections are open, all that the descriptors allow; new ones go to other workers",
        r->connections_max);
    set_full(r, true);
}

void room_close(struct room *r, bool closed)
{
    r->closed = closed;
    if (closed)
        set_full(r, true);
}
