#include "bench/load/coalesce.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TURNS 10

static uint32_t turns;
static struct coalesce coalesce;

/* With an idle handle a loop never sleeps of its own accord. */
static void on_idle(uv_idle_t *idle)
{
    if (++turns < TURNS)
        return;
    uv_close((uv_handle_t *)idle, NULL);
    coalesce_stop(&coalesce);
}

static uint64_t busy_loop_us(bool coalesces)
{
    uv_loop_t loop;
    uv_idle_t idle;
    uint64_t began_us = clock_now_us();
    turns = 0;
    coalesce = (struct coalesce){ 0 };
    uv_loop_init(&loop);
    uv_idle_init(&loop, &idle);
    uv_idle_start(&idle, on_idle);
    if (coalesces)
        coalesce_start(&coalesce, &loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return clock_now_us() - began_us;
}

static void a_busy_loop_looks_no_more_often(void **state)
{
    (void)state;
    assert_true(busy_loop_us(true) >= (uint64_t)(TURNS - 2) * COALESCE_US);
    assert_int_equal(turns, TURNS);
}

static void one_that_was_never_started_can_be_stopped(void **state)
{
    (void)state;
    busy_loop_us(false);
    coalesce_stop(&coalesce);
    assert_int_equal(turns, TURNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_loop_looks_no_more_often),
        cmocka_unit_test(one_that_was_never_started_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
