#include "store/store_keeper.h"

#include "common/mem.h"
#include "store/store_task.h"

static const struct store_task_type *const types[] = {
    &store_pulse,    &store_eviction,     &store_sweep,       &sessions_keeper,
    &tickets_keeper, &submissions_keeper, &dispatches_keeper,
};

struct store_keeper {
    struct store store;
    struct store_task *tasks[ARRAY_LEN(types)]; /* owned */
};

static void on_timer(struct timer *timer)
{
    struct store_task *t = CONTAINER_OF(timer, struct store_task, timer);
    t->type->tick(t);
    timer_set(&t->store->loop->timers, timer, t->type->period_ms);
}

struct store_keeper *store_keeper_new(struct loop *loop, struct store_region *region,
                                      struct metrics *metrics, struct tls_tickets *tickets)
{
    struct store_keeper *k = mem_new(sizeof(*k));
    store_init(&k->store, loop, region, BOARD_KEEPER, metrics);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct store_task *t = types[i]->new ();
        t->type = types[i];
        t->store = &k->store;
        t->tickets = tickets;
        timer_init(&t->timer, on_timer);
        k->tasks[i] = t;
    }
    return k;
}

void store_keeper_apply(struct store_keeper *k, const struct config *config)
{
    store_apply(&k->store, config);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct store_task *t = k->tasks[i];
        if (t->type->apply)
            t->type->apply(t);
        timer_set(&k->store.loop->timers, &t->timer, t->type->period_ms);
    }
}

void store_keeper_free(struct store_keeper **k)
{
    if (!*k)
        return;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        timer_cancel(&(*k)->tasks[i]->timer);
        types[i]->free((*k)->tasks[i]);
    }
    store_fini(&(*k)->store);
    mem_free(*k);
    *k = NULL;
}
