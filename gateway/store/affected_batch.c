#include "store/affected_batch.h"

#include "common/mem.h"

struct affected_batch *affected_batch_new(void)
{
    return mem_new(sizeof(struct affected_batch));
}

static void destroy(struct affected_batch *b)
{
    mem_free(b->dir);
    mem_free(b);
}

void affected_batch_free(struct affected_batch **pointer)
{
    struct affected_batch *b = *pointer;
    *pointer = NULL;
    if (!b)
        return;
    b->on_written = NULL;
    if (!b->loop)
        destroy(b);
}

void affected_batch_add(struct affected_batch *b, const struct dispatch_record *r)
{
    if (b->count == AFFECTED_BATCH_MAX)
        return;
    b->records[b->count] = *r;
    b->entries[b->count++] = affected_entry_of(r);
}

static void run(uv_work_t *work)
{
    struct affected_batch *b = work->data;
    b->status = affected_list_append(b->dir, b->entries, b->count, b->unknown, &b->unlisted);
}

static void on_done(uv_work_t *work, int status)
{
    struct affected_batch *b = work->data;
    struct loop *loop = b->loop;
    (void)status; /* never cancelled */
    b->loop = NULL;
    if (!b->on_written) {
        destroy(b);
        return;
    }
    loop_event_begin(loop);
    b->on_written(b->user, b, b->status);
    loop_event_end(loop);
}

void affected_batch_write(struct affected_batch *b, struct loop *loop, const char *dir,
                          uint64_t unknown, affected_batch_fn on_written, void *user)
{
    b->loop = loop;
    b->dir = mem_strdup(dir);
    b->unknown = unknown;
    b->on_written = on_written;
    b->user = user;
    b->work.data = b;
    uv_queue_work(&loop->uv, &b->work, run, on_done);
}
