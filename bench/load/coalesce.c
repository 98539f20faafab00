#include "bench/load/coalesce.h"

#include "common/clock.h"

#include <time.h>

static void on_prepare(uv_prepare_t *prepare)
{
    struct coalesce *c = prepare->data;
    uint64_t now_us = clock_now_us(), due_us = c->looked_us + COALESCE_US;
    c->looked_us = now_us;
    if (now_us >= due_us)
        return;
    struct timespec until = { .tv_sec = (time_t)(due_us / 1000000),
                              .tv_nsec = (long)(due_us % 1000000) * 1000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    c->looked_us = due_us;
}

void coalesce_start(struct coalesce *c, uv_loop_t *loop)
{
    uv_prepare_init(loop, &c->prepare);
    c->prepare.data = c;
    c->looked_us = 0;
    uv_prepare_start(&c->prepare, on_prepare);
}

void coalesce_stop(struct coalesce *c)
{
    if (c->prepare.data && !uv_is_closing((uv_handle_t *)&c->prepare))
        uv_close((uv_handle_t *)&c->prepare, NULL);
}
