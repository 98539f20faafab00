#include "net/loop.h"

#include "common/mem.h"
#include "net/stream.h"

#define LOOP_ARENA_CHUNKS 512

static void on_timers(void *user, bool begins)
{
    if (begins)
        loop_event_begin(user);
    else
        loop_event_end(user);
}

static void on_turn_begin(uv_prepare_t *handle)
{
    struct loop *l = loop_of(handle->loop);
    l->in_turn = true;
    l->reader = NULL;
}

static void on_turn_end(uv_check_t *handle)
{
    struct loop *l = loop_of(handle->loop);
    l->in_turn = false;
    if (list_is_empty(&l->turn))
        return;
    loop_event_begin(l);
    list_splice(&l->deferred, &l->turn);
    loop_event_end(l);
}

/* libuv looks at the kernel between the two. They keep no loop alive. */
static int watch_turns(struct loop *l)
{
    list_init(&l->turn);
    int rc = uv_prepare_init(&l->uv, &l->turn_begin);
    if (rc == 0)
        rc = uv_check_init(&l->uv, &l->turn_end);
    if (rc == 0)
        rc = uv_prepare_start(&l->turn_begin, on_turn_begin);
    if (rc == 0)
        rc = uv_check_start(&l->turn_end, on_turn_end);
    if (rc < 0)
        return rc;
    uv_unref((uv_handle_t *)&l->turn_begin);
    uv_unref((uv_handle_t *)&l->turn_end);
    return 0;
}

static void gather_init(struct loop_gather *g, size_t bytes)
{
    *g = (struct loop_gather){ .data = mem_new(bytes), .size = bytes };
}

int loop_init(struct loop *l)
{
    *l = (struct loop){ 0 };
    int rc = uv_loop_init(&l->uv);
    if (rc < 0)
        return rc;
    l->arenas.max = LOOP_ARENA_CHUNKS;
    l->read_buffer = mem_new(LOOP_READ_BYTES);
    l->plain_buffer = mem_new(LOOP_PLAIN_BYTES);
    l->scratch = mem_new(LOOP_SCRATCH_BYTES);
    l->frame = mem_new(LOOP_FRAME_BYTES);
    gather_init(&l->plain_output, LOOP_PLAIN_OUTPUT_BYTES);
    gather_init(&l->output, LOOP_OUTPUT_BYTES);
    list_init(&l->deferred);
    random_init(&l->random);
    timer_wheel_init(&l->timers, &l->uv, on_timers, l);
    l->now_us = clock_now_us();
    return watch_turns(l);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_fini(struct loop *l)
{
    uv_walk(&l->uv, close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_loop_close(&l->uv);
    arena_cache_fini(&l->arenas);
    mem_free(l->read_buffer);
    mem_free(l->plain_buffer);
    mem_free(l->scratch);
    mem_free(l->frame);
    mem_free(l->plain_output.data);
    mem_free(l->output.data);
}

void loop_event_begin(struct loop *l)
{
    l->now_us = clock_now_us();
    l->wall_ms = 0;
}

static void send_all(struct loop *l)
{
    if (l->plain_output.owner)
        stream_flush(l->plain_output.owner);
    if (l->output.owner)
        stream_flush(l->output.owner);
}

void loop_event_end(struct loop *l)
{
    send_all(l);
    while (!list_is_empty(&l->deferred)) {
        struct defer *d = CONTAINER_OF(l->deferred.next, struct defer, node);
        list_remove(&d->node);
        d->run(d);
        send_all(l);
    }
}

void loop_defer(struct loop *l, struct defer *d)
{
    if (!list_is_linked(&d->node))
        list_push_back(&l->deferred, &d->node);
}

void loop_defer_to_turn(struct loop *l, struct defer *d)
{
    if (!list_is_linked(&d->node))
        list_push_back(l->in_turn ? &l->turn : &l->deferred, &d->node);
}
