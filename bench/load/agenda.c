#include "bench/load/agenda.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

void agenda_init(struct agenda *a)
{
    *a = (struct agenda){ .size = 64, .timer_fd = -1 };
    a->heap = mem_new_array(a->size, sizeof(*a->heap));
}

void agenda_fini(struct agenda *a)
{
    mem_free(a->heap);
    if (a->timer_fd >= 0)
        close(a->timer_fd);
    a->heap = NULL;
    a->timer_fd = -1;
}

/* --- the heap --------------------------------------------------------------------------------- */

static void put(struct agenda *a, uint32_t position, struct agenda_place place)
{
    a->heap[position] = place;
    place.item->position = position;
}

static void sift_up(struct agenda *a, struct agenda_item *item)
{
    uint32_t at = item->position;
    while (at > 1 && a->heap[at / 2].due_us > item->due_us) {
        put(a, at, a->heap[at / 2]);
        at /= 2;
    }
    put(a, at, (struct agenda_place){ item->due_us, item });
}

static void sift_down(struct agenda *a, struct agenda_item *item)
{
    uint32_t at = item->position;
    for (uint32_t child = at * 2; child <= a->count; child = at * 2) {
        if (child < a->count && a->heap[child + 1].due_us < a->heap[child].due_us)
            child++;
        if (a->heap[child].due_us >= item->due_us)
            break;
        put(a, at, a->heap[child]);
        at = child;
    }
    put(a, at, (struct agenda_place){ item->due_us, item });
}

static void add(struct agenda *a, struct agenda_item *item)
{
    if (a->count + 1 == a->size) {
        struct agenda_place *larger = mem_new_array(a->size * 2, sizeof(*larger));
        memcpy(larger, a->heap, a->size * sizeof(*larger));
        mem_free(a->heap);
        a->heap = larger;
        a->size *= 2;
    }
    item->position = ++a->count;
    sift_up(a, item);
}

static void take_out(struct agenda *a, struct agenda_item *item)
{
    struct agenda_place last = a->heap[a->count--];
    if (last.item != item) {
        put(a, item->position, last);
        sift_up(a, last.item);
        sift_down(a, last.item);
    }
    item->position = 0;
}

/* --- the timer -------------------------------------------------------------------------------- */

/* Setting it anew also takes back that it has expired, so that it is never read. */
static void arm(struct agenda *a)
{
    uint64_t due_us = a->count ? MAX(a->heap[1].due_us, 1) : 0;
    if (a->timer_fd < 0 || a->running)
        return;
    struct itimerspec when = { .it_value = { .tv_sec = (time_t)(due_us / 1000000),
                                             .tv_nsec = (long)(due_us % 1000000) * 1000 } };
    timerfd_settime(a->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    a->armed_us = due_us;
}

static void on_expired(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    agenda_run(poll->data, clock_now_us());
}

int agenda_open(struct agenda *a, uv_loop_t *loop, struct err *e)
{
    a->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (a->timer_fd < 0)
        return err_system(e, "cannot create a timer");
    uv_poll_init(loop, &a->poll, a->timer_fd);
    a->poll.data = a;
    uv_poll_start(&a->poll, UV_READABLE, on_expired);
    arm(a);
    return 0;
}

/* --- its users -------------------------------------------------------------------------------- */

void agenda_set(struct agenda *a, struct agenda_item *item, uint64_t due_us)
{
    item->due_us = due_us;
    if (item->position) {
        sift_up(a, item);
        sift_down(a, item);
    } else {
        add(a, item);
    }
    /* A timer that rings too early is set right when it rings. */
    if (!a->armed_us || due_us < a->armed_us)
        arm(a);
}

void agenda_cancel(struct agenda *a, struct agenda_item *item)
{
    if (item->position)
        take_out(a, item);
}

void agenda_run(struct agenda *a, uint64_t now_us)
{
    a->running = true;
    while (a->count && a->heap[1].due_us <= now_us) {
        struct agenda_item *item = a->heap[1].item;
        take_out(a, item);
        item->on_due(item);
    }
    a->running = false;
    arm(a);
}
