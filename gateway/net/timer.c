#include "net/timer.h"

static uint64_t tick_of(uint64_t ms)
{
    return (ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
}

static void slot_mark(struct timer_wheel *w, uint64_t tick)
{
    w->occupied[tick % TIMER_SLOTS / 64] |= 1ull << (tick % 64);
}

static void slot_unmark(struct timer_wheel *w, uint64_t tick)
{
    w->occupied[tick % TIMER_SLOTS / 64] &= ~(1ull << (tick % 64));
}

/* Ticks from w->tick to the next occupied slot, at most TIMER_SLOTS; 0 when the wheel is empty. */
static uint64_t next_occupied(const struct timer_wheel *w)
{
    for (uint64_t ahead = 1; ahead <= TIMER_SLOTS;) {
        uint64_t tick = w->tick + ahead;
        uint64_t word = w->occupied[tick % TIMER_SLOTS / 64] >> (tick % 64);
        if (word)
            return ahead + (uint64_t)__builtin_ctzll(word);
        ahead += 64 - tick % 64;
    }
    return 0;
}

static void on_wake(uv_timer_t *uv);

static void arm_uv(struct timer_wheel *w)
{
    uint64_t ahead = next_occupied(w);
    if (ahead == 0) {
        uv_timer_stop(&w->uv);
        return;
    }
    uint64_t at_ms = (w->tick + ahead) * TIMER_TICK_MS;
    uint64_t now_ms = uv_now(w->uv.loop);
    uv_timer_start(&w->uv, on_wake, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

/* A time beyond the wheel's reach waits in the farthest slot and is looked at again there. */
static void insert(struct timer_wheel *w, struct timer *t)
{
    uint64_t tick = tick_of(t->due_ms);
    tick = MAX(tick, w->tick + 1);
    tick = MIN(tick, w->tick + TIMER_SLOTS - 1);
    t->slot_tick = tick;
    list_push_back(&w->slots[tick % TIMER_SLOTS], &t->node);
    slot_mark(w, tick);
}

static void visit(struct timer_wheel *w, uint64_t now_ms)
{
    struct list due;
    list_init(&due);
    list_splice(&due, &w->slots[w->tick % TIMER_SLOTS]);
    slot_unmark(w, w->tick);
    while (!list_is_empty(&due)) {
        struct timer *t = CONTAINER_OF(due.next, struct timer, node);
        list_remove(&t->node);
        if (t->due_ms == 0)
            continue;
        if (t->due_ms > now_ms) {
            insert(w, t);
            continue;
        }
        t->due_ms = 0;
        t->on_expired(t);
    }
}

static void on_wake(uv_timer_t *uv)
{
    struct timer_wheel *w = uv->data;
    uint64_t now_ms = uv_now(uv->loop);
    uint64_t now_tick = now_ms / TIMER_TICK_MS;
    uint64_t due_ms = (w->tick + next_occupied(w)) * TIMER_TICK_MS;
    w->late_ms = now_ms > due_ms ? now_ms - due_ms : 0;
    w->on_event(w->user, true);
    w->visiting = true;
    for (uint64_t ahead = next_occupied(w); ahead && w->tick + ahead <= now_tick;
         ahead = next_occupied(w)) {
        w->tick += ahead;
        visit(w, now_ms);
    }
    w->tick = MAX(w->tick, now_tick);
    w->visiting = false;
    arm_uv(w);
    w->on_event(w->user, false);
}

void timer_wheel_init(struct timer_wheel *w, uv_loop_t *loop, timer_event_fn on_event, void *user)
{
    *w = (struct timer_wheel){ .on_event = on_event, .user = user };
    for (size_t i = 0; i < TIMER_SLOTS; i++)
        list_init(&w->slots[i]);
    w->tick = uv_now(loop) / TIMER_TICK_MS;
    uv_timer_init(loop, &w->uv);
    uv_unref((uv_handle_t *)&w->uv); /* waiting for a timeout alone keeps no loop alive */
    w->uv.data = w;
}

void timer_init(struct timer *t, timer_fn on_expired)
{
    *t = (struct timer){ .on_expired = on_expired };
    list_init(&t->node);
}

void timer_set(struct timer_wheel *w, struct timer *t, uint64_t after_ms)
{
    t->due_ms = uv_now(w->uv.loop) + after_ms;
    if (list_is_linked(&t->node)) {
        if (tick_of(t->due_ms) >= t->slot_tick)
            return; /* visited in its old slot first, and moved there */
        list_remove(&t->node);
    }
    bool standing = !w->visiting && !uv_is_active((uv_handle_t *)&w->uv);
    /* An empty wheel stood still: bring it to the present before anything is put in relation. */
    if (standing)
        w->tick = uv_now(w->uv.loop) / TIMER_TICK_MS;
    insert(w, t);
    uint64_t wake_ms = t->slot_tick * TIMER_TICK_MS;
    if (standing || (!w->visiting && uv_now(w->uv.loop) + uv_timer_get_due_in(&w->uv) > wake_ms))
        arm_uv(w);
}

void timer_cancel(struct timer *t)
{
    t->due_ms = 0;
    list_remove(&t->node);
}
