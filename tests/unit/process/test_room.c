#include "process/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MOST 100

static struct loop loop;
static struct metrics metrics;
static struct room room;
static uv_async_t alive;
static unsigned changes;

static void on_async(uv_async_t *async)
{
    (void)async;
}

static void on_change(struct room *r)
{
    assert_ptr_equal(r, &room);
    changes++;
    if (!r->full)
        uv_stop(&loop.uv);
}

static int set_up(void **state)
{
    (void)state;
    metrics = (struct metrics){ 0 };
    changes = 0;
    if (loop_init(&loop) < 0 || uv_async_init(&loop.uv, &alive, on_async) < 0)
        return -1;
    room_init(&room, &loop, &metrics, MOST, on_change);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_fini(&loop);
    return 0;
}

static void set_open(uint64_t connections)
{
    metrics_gauge_set(&metrics, GAUGE_CONNECTIONS_OPEN, connections);
}

static void a_full_worker_says_so_once_and_takes_a_few_more(void **state)
{
    (void)state;
    set_open(MOST - 1);
    room_taken(&room);
    assert_false(room.full);
    set_open(MOST);
    room_taken(&room);
    room_taken(&room);
    assert_true(room.full);
    assert_int_equal(changes, 1);
    assert_true(room_admits(&room));
    set_open(MOST + MOST / 16);
    assert_false(room_admits(&room));
}

static void there_is_room_again_when_some_have_left(void **state)
{
    (void)state;
    set_open(MOST);
    room_taken(&room);
    set_open(MOST - MOST / 20);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_false(room.full);
    assert_int_equal(changes, 2);
}

static void while_it_is_closed_nobody_is_admitted_however_empty_it_is(void **state)
{
    (void)state;
    room_close(&room, true);
    room_close(&room, true);
    assert_true(room.full);
    assert_int_equal(changes, 1);
    assert_false(room_admits(&room));
    room_close(&room, false);
    assert_true(room_admits(&room));
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_false(room.full);
    assert_int_equal(changes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_worker_says_so_once_and_takes_a_few_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(there_is_room_again_when_some_have_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_it_is_closed_nobody_is_admitted_however_empty_it_is,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
