#include "upstream/gate.h"

static const struct gate_state unset;

static struct gate_pass *pass_of(struct gate_waiter *w)
{
    return CONTAINER_OF(w, struct gate_pass, waiter);
}

/* ---- numbers ---- */

uint32_t gate_limit(const struct gate *g)
{
    uint32_t limit = gate_read32(&g->state->limit);
    return limit && limit < g->max ? limit : g->max;
}

uint32_t gate_in_flight(const struct gate *g)
{
    if (!g->cells)
        return gate_read32(&g->spare.in_flight);
    uint32_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(g->board); slot < end; slot++)
        sum += gate_read32(&g->cells[slot].in_flight);
    return sum;
}

/* Adding up is the dearest part of entering, and done once. */
static bool has_slot(struct gate *g)
{
    uint32_t in_flight = gate_in_flight(g), limit = gate_limit(g);
    if (UNLIKELY((in_flight + 1) * 2 >= limit))
        counter_add(&g->mine->pressed, 1);
    return in_flight < limit;
}

static void take_slot(struct gate *g)
{
    gate_set32(&g->mine->in_flight, gate_read32(&g->mine->in_flight) + 1);
}

/* Never below 0: the place on the board may have been given to another name in between. */
static void give_slot(struct gate *g)
{
    uint32_t mine = gate_read32(&g->mine->in_flight);
    if (mine)
        gate_set32(&g->mine->in_flight, mine - 1);
    if (g->queue.count)
        loop_defer(g->loop, &g->wake);
}

static void note_waiting(struct gate *g)
{
    gate_set32(&g->mine->waiting, g->queue.count);
}

static void count_shed(struct gate *g, enum gate_shed why)
{
    counter_add(&g->mine->shed[why], 1);
}

/* The queue's clock: it stands still while nobody looks. */
static uint64_t watched_ms(struct gate *g)
{
    uint64_t now_ms = g->loop->now_us / 1000;
    g->watched_ms += MIN(now_ms - g->looked_ms, 2 * GATE_LOOK_MS);
    g->looked_ms = now_ms;
    return g->watched_ms;
}

/* ---- the way through ---- */

/* The first gate without room; NULL when all have some. Those who wait go before newcomers. */
static struct gate *find_full(const struct gate_pass *p, bool is_newcomer)
{
    for (size_t i = 0; i < p->count; i++)
        if ((is_newcomer && p->gates[i]->queue.count) || !has_slot(p->gates[i]))
            return p->gates[i];
    return NULL;
}

static void enter(struct gate_pass *p)
{
    for (size_t i = 0; i < p->count; i++)
        take_slot(p->gates[i]);
    p->entered = true;
}

static void enter_at_once(struct gate_pass *p)
{
    for (size_t i = 0; i < p->count; i++)
        gate_queue_passed(&p->gates[i]->queue);
    enter(p);
}

static void refuse(struct gate_pass *p, struct gate *g, enum gate_shed why)
{
    p->at = g;
    count_shed(g, why);
    p->on_refused(p, why);
}

/* Four times as many as may be in flight: who waits is bounded by time, this only bounds memory. A
 * small upstream's queue has room for who comes while it pauses. */
static bool wait_at(struct gate_pass *p, struct gate *g)
{
    uint32_t places = MAX(4 * gate_limit(g), GATE_PLACES_LEAST);
    struct gate_waiter *gives_way = gate_queue_push(&g->queue, &p->waiter, places, watched_ms(g));
    note_waiting(g);
    p->at = g;
    if (gives_way == &p->waiter)
        return false;
    /* Newcomers do not put off the look: who comes more often than that would keep all waiting. */
    if (!timer_is_set(&g->timer))
        timer_set(&g->loop->timers, &g->timer, GATE_LOOK_MS);
    if (gives_way)
        refuse(pass_of(gives_way), g, GATE_SHED_FULL);
    return true;
}

/* Half-open, each worker tries one: of those that read, if there are any, for of a submission that
 * is not answered somebody has to find out what became of it. */
static bool may_try(struct gate *g, uint32_t breaker)
{
    uint32_t trial = gate_read32(&g->breaker->trial);
    bool is_reading = g->state == g->breaker;
    if (breaker == GATE_OPEN || (breaker == GATE_HALF_OPEN && !is_reading) ||
        g->trial_taken == trial)
        return false;
    g->trial_taken = trial;
    return true;
}

static bool is_broken(struct gate *g)
{
    uint32_t breaker = g->breaker ? gate_read32(&g->breaker->breaker) : GATE_CLOSED;
    return UNLIKELY(breaker != GATE_CLOSED) && !may_try(g, breaker);
}

enum gate_verdict gate_enter(struct gate_pass *p, enum gate_shed *why)
{
    p->at = p->gates[0];
    *why = GATE_SHED_BROKEN;
    if (UNLIKELY(is_broken(p->gates[0]))) {
        count_shed(p->at, *why);
        return GATE_REFUSED;
    }
    struct gate *full = find_full(p, true);
    if (LIKELY(!full)) {
        enter_at_once(p);
        return GATE_ENTERED;
    }
    *why = GATE_SHED_FULL;
    if (wait_at(p, full))
        return GATE_WAITS;
    count_shed(full, *why);
    return GATE_REFUSED;
}

void gate_leave(struct gate_pass *p)
{
    if (gate_waiter_waits(&p->waiter)) {
        gate_queue_remove(&p->at->queue, &p->waiter);
        note_waiting(p->at);
    }
    if (!p->entered)
        return;
    p->entered = false;
    for (size_t i = 0; i < p->count; i++)
        give_slot(p->gates[i]);
}

void gate_turn_away(struct gate_pass *p, enum gate_shed why)
{
    p->at = p->gates[0];
    count_shed(p->at, why);
    gate_leave(p);
}

void gate_come_back(struct gate_pass *p)
{
    if (!p->entered)
        enter(p);
}

/* ---- those who wait ---- */

/* It came to the front of this queue; another gate may still be in its way. Each queue has a clock
 * of its own. */
static void go_on(struct gate_pass *p)
{
    struct gate *full = find_full(p, false);
    uint64_t waited_ms = p->at->watched_ms - p->waiter.since_ms;
    if (!full) {
        enter(p);
        p->on_entered(p);
    } else if (wait_at(p, full)) {
        p->waiter.since_ms -= MIN(waited_ms, p->waiter.since_ms);
    } else {
        refuse(p, full, GATE_SHED_FULL);
    }
}

static void serve(struct gate *g)
{
    uint64_t now_ms = watched_ms(g);
    struct gate_waiter *w;
    while (has_slot(g) && (w = gate_queue_pop(&g->queue, now_ms)) != NULL)
        go_on(pass_of(w));
    while ((w = gate_queue_late(&g->queue, now_ms)) != NULL)
        refuse(pass_of(w), g, GATE_SHED_LATE);
    note_waiting(g);
    if (g->queue.count)
        timer_set(&g->loop->timers, &g->timer, GATE_LOOK_MS);
}

static void on_timer(struct timer *t)
{
    serve(CONTAINER_OF(t, struct gate, timer));
}

static void on_wake(struct defer *d)
{
    serve(CONTAINER_OF(d, struct gate, wake));
}

/* ---- what became of it ---- */

void gate_answered(struct gate *g, bool slow)
{
    counter_add(&g->mine->answers, 1);
    if (UNLIKELY(slow))
        counter_add(&g->mine->slow, 1);
}

void gate_failed(struct gate *g)
{
    counter_add(&g->mine->failures, 1);
}

bool gate_is_overloaded(const struct gate *g)
{
    return g->queue.overloaded || (g->breaker && gate_read32(&g->breaker->breaker) == GATE_OPEN);
}

uint32_t gate_retry_after_s(struct gate *g, enum gate_shed why)
{
    uint64_t reopens_ms = why == GATE_SHED_BROKEN ? counter_read(&g->breaker->reopens_ms) : 0;
    uint64_t now_ms = loop_now_ms(g->loop);
    uint32_t least_s =
        reopens_ms > now_ms ? (uint32_t)MIN((reopens_ms - now_ms) / 1000 + 1, 60) : 2;
    return least_s + random_below(&g->loop->random, least_s + 3);
}

/* ---- life ---- */

void gate_init(struct gate *g, struct loop *loop, struct board *board, uint32_t slot, int number,
               int breaker, uint32_t max)
{
    *g = (struct gate){ .loop = loop, .board = board, .max = max };
    g->cells = number >= 0 ? board_gate_cells(board, number) : NULL;
    g->mine = g->cells ? &g->cells[slot] : &g->spare;
    g->state = number >= 0 ? board_gate_state(board, number) : &unset;
    g->breaker = breaker >= 0 ? board_gate_state(board, breaker) : NULL;
    gate_queue_init(&g->queue);
    timer_init(&g->timer, on_timer);
    defer_init(&g->wake, on_wake);
}

void gate_fini(struct gate *g)
{
    assert(g->queue.count == 0);
    timer_cancel(&g->timer);
    list_remove(&g->wake.node);
}
