#include "upstream/gate_queue.h"

#define NOBODY_SERVED UINT32_MAX

void gate_queue_init(struct gate_queue *q)
{
    *q = (struct gate_queue){ .least_wait_ms = NOBODY_SERVED };
    for (size_t i = 0; i < GATE_QUEUE_PRIORITIES; i++)
        list_init(&q->waiters[i]);
}

void gate_waiter_init(struct gate_waiter *w)
{
    *w = (struct gate_waiter){ 0 };
    list_init(&w->node);
}

static struct gate_waiter *waiter_of(struct list *node)
{
    return CONTAINER_OF(node, struct gate_waiter, node);
}

static uint32_t longest_wait_ms(const struct gate_queue *q, uint64_t now_ms)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < GATE_QUEUE_PRIORITIES; i++)
        if (!list_is_empty(&q->waiters[i]))
            longest = MAX(longest, now_ms - waiter_of(q->waiters[i].next)->since_ms);
    return (uint32_t)MIN(longest, NOBODY_SERVED);
}

/* An interval begins when somebody comes to an empty queue, or with the end of the one before,
 * which says whether the queue is overloaded now. */
static void look_at_interval(struct gate_queue *q, uint64_t now_ms)
{
    if (now_ms < q->interval_end_ms)
        return;
    uint32_t wait_ms =
        q->least_wait_ms == NOBODY_SERVED ? longest_wait_ms(q, now_ms) : q->least_wait_ms;
    q->overloaded = q->count > 0 && wait_ms > GATE_QUEUE_TARGET_MS;
    q->least_wait_ms = NOBODY_SERVED;
    q->interval_end_ms = now_ms + GATE_QUEUE_INTERVAL_MS;
}

static struct gate_waiter *take(struct gate_queue *q, struct gate_waiter *w)
{
    list_remove(&w->node);
    q->count--;
    return w;
}

/* Of those less urgent than `priority` the newest of the least urgent. */
static struct gate_waiter *find_less_urgent(struct gate_queue *q, uint8_t priority)
{
    for (size_t i = GATE_QUEUE_PRIORITIES - 1; i > priority; i--)
        if (!list_is_empty(&q->waiters[i]))
            return waiter_of(q->waiters[i].prev);
    return NULL;
}

struct gate_waiter *gate_queue_push(struct gate_queue *q, struct gate_waiter *w, uint32_t max,
                                    uint64_t now_ms)
{
    assert(w->priority < GATE_QUEUE_PRIORITIES && !gate_waiter_waits(w));
    struct gate_waiter *gives_way = NULL;
    look_at_interval(q, now_ms);
    if (q->count >= max) {
        gives_way = find_less_urgent(q, w->priority);
        if (!gives_way)
            return w;
        take(q, gives_way);
    }
    w->since_ms = now_ms;
    list_push_back(&q->waiters[w->priority], &w->node);
    q->count++;
    return gives_way;
}

struct gate_waiter *gate_queue_pop(struct gate_queue *q, uint64_t now_ms)
{
    look_at_interval(q, now_ms);
    for (size_t i = 0; i < GATE_QUEUE_PRIORITIES; i++) {
        struct list *l = &q->waiters[i];
        if (list_is_empty(l))
            continue;
        struct gate_waiter *w = waiter_of(q->overloaded ? l->prev : l->next);
        uint64_t wait_ms = now_ms - w->since_ms;
        q->least_wait_ms = (uint32_t)MIN(wait_ms, q->least_wait_ms);
        return take(q, w);
    }
    return NULL;
}

struct gate_waiter *gate_queue_late(struct gate_queue *q, uint64_t now_ms)
{
    look_at_interval(q, now_ms);
    uint64_t most_ms = q->overloaded ? GATE_QUEUE_OVERLOADED_WAIT_MS : GATE_QUEUE_WAIT_MS;
    for (size_t i = 0; i < GATE_QUEUE_PRIORITIES; i++) {
        struct list *l = &q->waiters[i];
        if (!list_is_empty(l) && now_ms - waiter_of(l->next)->since_ms >= most_ms)
            return take(q, waiter_of(l->next));
    }
    return NULL;
}

void gate_queue_remove(struct gate_queue *q, struct gate_waiter *w)
{
    if (gate_waiter_waits(w))
        take(q, w);
}
