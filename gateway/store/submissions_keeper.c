/* Old files of the submissions' journal are deleted, off the loop: reading them takes a while. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/store_task.h"
#include "store/submission_journal.h"
#include "store/submission_replay.h"

#define PERIOD_MS (10 * 60 * 1000)

struct cleaning {
    uv_work_t work;
    char *dir; /* owned */
    uint64_t count;
};

static struct store_task *keeper_new(void)
{
    return mem_new(sizeof(struct store_task));
}

static void run(uv_work_t *work)
{
    struct cleaning *c = work->data;
    c->count = submission_replay_clean(c->dir, clock_wall_ms());
}

static void on_done(uv_work_t *work, int status)
{
    struct cleaning *c = work->data;
    (void)status; /* never cancelled */
    if (c->count)
        log_write(LOG_INFO, "%llu files of submissions deleted from %s, all of which had expired",
                  (unsigned long long)c->count, c->dir);
    mem_free(c->dir);
    mem_free(c);
}

static void keeper_tick(struct store_task *t)
{
    if (!t->store->journal)
        return;
    struct cleaning *c = mem_new(sizeof(*c));
    c->dir = mem_strdup(submission_journal_dir(t->store->journal));
    c->work.data = c;
    uv_queue_work(&t->store->loop->uv, &c->work, run, on_done);
}

static void keeper_free(struct store_task *t)
{
    mem_free(t);
}

const struct store_task_type submissions_keeper = {
    .new = keeper_new,
    .tick = keeper_tick,
    .free = keeper_free,
    .period_ms = PERIOD_MS,
};
