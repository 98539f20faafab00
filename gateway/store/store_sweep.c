/* Drops what has expired, so that tables are as full as they seem: each is gone through once a
 * minute, a bit at a time. */
#include "common/clock.h"
#include "common/mem.h"
#include "store/store_task.h"

#define PERIOD_MS 100
#define ROUND_MS 60000

struct sweep {
    struct store_task task;
    uint32_t cursors[STORE_TABLES];
};

static struct store_task *sweep_new(void)
{
    struct sweep *s = mem_new(sizeof(*s));
    return &s->task;
}

static void sweep_tick(struct store_task *t)
{
    struct sweep *s = CONTAINER_OF(t, struct sweep, task);
    for (int i = 0; i < STORE_TABLES; i++) {
        struct shm_table *table = t->store->tables[i];
        uint32_t buckets = shm_table_buckets(table) / (ROUND_MS / PERIOD_MS) + 1;
        shm_table_visit(table, &s->cursors[i], buckets, clock_wall_ms(), NULL, NULL);
    }
}

static void sweep_free(struct store_task *t)
{
    mem_free(CONTAINER_OF(t, struct sweep, task));
}

const struct store_task_type store_sweep = {
    .new = sweep_new,
    .tick = sweep_tick,
    .free = sweep_free,
    .period_ms = PERIOD_MS,
};
