#include "net/pacer.h"

static struct list *next_queue(struct pacer *p)
{
    for (size_t i = 0; i < PACER_QUEUES; i++)
        if (!list_is_empty(&p->waiting[i]))
            return &p->waiting[i];
    return NULL;
}

static void on_awake(uv_idle_t *idle)
{
    (void)idle; /* that it is there is all that is wanted of it */
}

static void on_turn(uv_prepare_t *turn)
{
    struct pacer *p = turn->data;
    struct list *queue = next_queue(p);
    p->spent_us = 0;
    for (; queue && pacer_admits(p); queue = next_queue(p)) {
        struct defer *d = CONTAINER_OF(queue->next, struct defer, node);
        list_remove(&d->node);
        d->run(d);
    }
    if (!queue)
        uv_idle_stop(&p->awake);
}

void pacer_init(struct pacer *p, struct loop *loop, struct metrics *metrics)
{
    *p = (struct pacer){ .metrics = metrics };
    for (size_t i = 0; i < PACER_QUEUES; i++)
        list_init(&p->waiting[i]);
    uv_prepare_init(&loop->uv, &p->turn);
    uv_idle_init(&loop->uv, &p->awake);
    p->turn.data = p;
    uv_prepare_start(&p->turn, on_turn);
    uv_unref((uv_handle_t *)&p->turn);
}

void pacer_wait(struct pacer *p, struct defer *d, enum pacer_queue queue)
{
    if (list_is_linked(&d->node))
        return;
    metrics_add(p->metrics, COUNTER_NEWCOMERS_PACED, 1);
    list_push_back(&p->waiting[queue], &d->node);
    uv_idle_start(&p->awake, on_awake);
}
