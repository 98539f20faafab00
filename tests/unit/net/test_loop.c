#include "net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;
static struct defer once;
static unsigned events, runs, runs_during_events;

static void run(struct defer *d)
{
    (void)d;
    runs++;
}

static void on_event(void)
{
    loop_event_begin(&loop);
    loop_defer_to_turn(&loop, &once);
    events++;
    loop_event_end(&loop);
    runs_during_events = runs;
}

static void on_readable(uv_poll_t *handle, int status, int what)
{
    (void)status, (void)what;
    uv_poll_stop(handle);
    on_event();
}

static void on_uv_timer(uv_timer_t *handle)
{
    (void)handle;
    on_event();
}

static int set_up(void **state)
{
    (void)state;
    events = runs = runs_during_events = 0;
    defer_init(&once, run);
    return loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    loop_fini(&loop);
    return 0;
}

static void what_a_turn_adds_up_runs_once_behind_all_its_events(void **state)
{
    (void)state;
    uv_poll_t polls[3];
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_int_equal(uv_poll_init(&loop.uv, &polls[i], fds[i]), 0);
        assert_int_equal(uv_poll_start(&polls[i], UV_READABLE, on_readable), 0);
    }
    uv_run(&loop.uv, UV_RUN_ONCE);
    assert_int_equal(events, 3);
    assert_int_equal(runs_during_events, 0);
    assert_int_equal(runs, 1);
    for (size_t i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&polls[i], NULL);
        close(fds[i]);
    }
    uv_run(&loop.uv, UV_RUN_DEFAULT);
}

/* Nothing might come for a long time after it. */
static void outside_of_a_turn_it_runs_when_the_event_is_over(void **state)
{
    (void)state;
    uv_timer_t timer;
    uv_timer_init(&loop.uv, &timer);
    uv_timer_start(&timer, on_uv_timer, 0, 0);
    uv_run(&loop.uv, UV_RUN_ONCE);
    assert_int_equal(events, 1);
    assert_int_equal(runs_during_events, 1);
    on_event();
    assert_int_equal(runs_during_events, 2);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
}

static void turns_keep_no_loop_alive(void **state)
{
    (void)state;
    assert_int_equal(uv_run(&loop.uv, UV_RUN_DEFAULT), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_turn_adds_up_runs_once_behind_all_its_events),
        TEST(outside_of_a_turn_it_runs_when_the_event_is_over),
        TEST(turns_keep_no_loop_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
