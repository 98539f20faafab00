/* The guards of a keeper and of a worker, both in this process. */
#include "process/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define GIB (1024ull * 1024 * 1024)
#define MIB (1024ull * 1024)

static struct loop loop;
static struct board *board;
static struct guard keeper, worker;
static unsigned steps, steps_wanted;
static uint64_t sockets_pages, sockets_limit;
static uv_async_t alive;

static void on_async(uv_async_t *async)
{
    (void)async;
}

static void on_step(struct guard *g)
{
    assert_ptr_equal(g, &worker);
    if (++steps >= steps_wanted)
        uv_stop(&loop.uv);
}

static int set_up(void **state)
{
    struct err e;
    (void)state;
    sockets_pages = sockets_limit = 0;
    board = board_create(&e);
    if (!board || loop_init(&loop) < 0 || uv_async_init(&loop.uv, &alive, on_async) < 0)
        return -1;
    board_set_slot(board, 0, BOARD_SLOT_UP);
    board_set_slot(board, BOARD_KEEPER, BOARD_SLOT_UP);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_fini(&loop);
    board_free(&board);
    return 0;
}

/* What others have open on this machine is no matter here. */
static void pretend_sockets(struct socket_memory *m)
{
    socket_memory_close(m);
    m->sockstat = memfd_create("sockstat", MFD_CLOEXEC);
    m->group = -1;
    m->limit_bytes = sockets_limit;
    assert_true(dprintf(m->sockstat, "TCP: inuse 1 mem %llu\n", (unsigned long long)sockets_pages) >
                0);
}

/* Until the worker has looked so many times, each time after the keeper. */
static void watch(unsigned times, uint64_t descriptors_max)
{
    steps = 0;
    steps_wanted = times;
    guard_init(&keeper, &loop, board, BOARD_KEEPER, 0, NULL);
    pretend_sockets(&keeper.socket_memory);
    guard_init(&worker, &loop, board, 0, descriptors_max, on_step);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    guard_fini(&worker);
    guard_fini(&keeper);
}

static uint64_t gauge(enum metric_gauge id)
{
    return board_gauge_max(board, id);
}

static void with_enough_of_everything_all_is_calm(void **state)
{
    (void)state;
    board_set_state(board, BOARD_MEMORY_LIMIT, 64 * GIB);
    watch(2, 1000000);
    assert_int_equal(guard_level(&worker), PRESSURE_CALM);
    assert_int_equal(guard_keep_alive_level(&worker), PRESSURE_CALM);
    assert_int_equal(gauge(GAUGE_PRESSURE), PRESSURE_CALM);
    assert_true(gauge(GAUGE_MEMORY) >= gauge(GAUGE_MEMORY_PRIVATE));
    assert_true(gauge(GAUGE_MEMORY_PRIVATE) > 0);
    assert_true(gauge(GAUGE_DESCRIPTORS_OPEN) > 3);
}

static void without_a_limit_memory_is_never_short(void **state)
{
    (void)state;
    watch(2, 1000000);
    assert_int_equal(gauge(GAUGE_PRESSURE_MEMORY), PRESSURE_CALM);
}

static void a_worker_learns_from_the_keeper_that_memory_is_short(void **state)
{
    (void)state;
    board_set_state(board, BOARD_MEMORY_LIMIT, 1);
    watch(2, 1000000);
    assert_int_equal(guard_level(&worker), PRESSURE_CRITICAL);
    assert_int_equal(guard_keep_alive_level(&worker), PRESSURE_CRITICAL);
    assert_int_equal(gauge(GAUGE_PRESSURE_MEMORY), PRESSURE_CRITICAL);
    assert_int_equal(gauge(GAUGE_PRESSURE_DESCRIPTORS), PRESSURE_CALM);
}

static void memory_of_all_processes_is_added_up(void **state)
{
    (void)state;
    board_set_slot(board, 1, BOARD_SLOT_UP);
    metrics_gauge_set(board_metrics(board, 1), GAUGE_MEMORY_PRIVATE, 10 * GIB);
    metrics_gauge_set(board_metrics(board, 1), GAUGE_MEMORY_SHARED, 20 * GIB);
    watch(2, 1000000);
    assert_in_range(gauge(GAUGE_MEMORY), 30 * GIB, 31 * GIB);
}

static void what_the_kernel_keeps_for_sockets_counts_as_memory(void **state)
{
    (void)state;
    board_set_state(board, BOARD_MEMORY_LIMIT, 64 * GIB);
    sockets_pages = 64 * GIB / (uint64_t)sysconf(_SC_PAGESIZE);
    watch(2, 1000000);
    assert_int_equal(gauge(GAUGE_MEMORY_SOCKETS), 64 * GIB);
    assert_true(gauge(GAUGE_MEMORY) < 64 * GIB);
    assert_int_equal(gauge(GAUGE_PRESSURE_SOCKETS), PRESSURE_CALM);
    assert_int_equal(guard_keep_alive_level(&worker), PRESSURE_CRITICAL);
}

static void where_the_kernels_limit_is_near_idle_connections_stay(void **state)
{
    (void)state;
    sockets_pages = 90;
    sockets_limit = 100 * (uint64_t)sysconf(_SC_PAGESIZE);
    watch(2, 1000000);
    assert_int_equal(gauge(GAUGE_PRESSURE_SOCKETS), PRESSURE_CRITICAL);
    assert_int_equal(guard_level(&worker), PRESSURE_CRITICAL);
    assert_int_equal(guard_blocked_level(&worker), PRESSURE_CRITICAL);
    assert_int_equal(guard_keep_alive_level(&worker), PRESSURE_CALM);
}

static void descriptors_that_run_out_are_noticed(void **state)
{
    (void)state;
    watch(1, 4);
    assert_int_equal(guard_level(&worker), PRESSURE_CRITICAL);
    assert_int_equal(gauge(GAUGE_PRESSURE_DESCRIPTORS), PRESSURE_CRITICAL);
    assert_int_equal(gauge(GAUGE_PRESSURE_MEMORY), PRESSURE_CALM);
}

/* As late as the turns of the loop are long. */
static void delay(uv_prepare_t *prepare)
{
    (void)prepare;
    uv_sleep(GUARD_PERIOD_MS + 150);
}

static void a_loop_that_is_late_again_and_again_is_noticed_and_ends_no_connection(void **state)
{
    (void)state;
    static uv_prepare_t slow; /* closed with the loop */
    uv_prepare_init(&loop.uv, &slow);
    uv_prepare_start(&slow, delay);
    watch(GUARD_LAGS - 1, 1000000);
    assert_int_equal(gauge(GAUGE_PRESSURE_TIME), PRESSURE_CALM);
    watch(GUARD_LAGS, 1000000);
    assert_true(gauge(GAUGE_PRESSURE_TIME) >= PRESSURE_TIGHT);
    assert_true(gauge(GAUGE_LOOP_LAG) >= 100);
    worker.lag.level = PRESSURE_CRITICAL;
    assert_int_equal(guard_level(&worker), PRESSURE_CRITICAL);
    assert_int_equal(guard_keep_alive_level(&worker), PRESSURE_CALM);
}

static void the_limit_is_what_is_configured_or_what_the_machine_has(void **state)
{
    (void)state;
    struct capacity machine = { .memory_bytes = 8 * GIB }, unknown = { 0 };
    struct config fixed = { .guard_memory_bytes = 100 * MIB, .capacity_users = 1000 };
    struct config few = { .capacity_users = 1000 }, many = { .capacity_users = 420000 },
                  too_many = { .capacity_users = 10000000 };
    assert_int_equal(guard_memory_limit(&machine, &fixed, 4), 100 * MIB);
    assert_int_equal(guard_memory_limit(&unknown, &fixed, 4), 100 * MIB);
    assert_int_equal(guard_memory_limit(&machine, &few, 4), 6 * GIB);
    assert_int_equal(guard_memory_limit(&machine, &many, 4), capacity_memory_needed(4, &many));
    assert_int_equal(guard_memory_limit(&machine, &too_many, 4), 8 * GIB / 10 * 9);
    assert_int_equal(guard_memory_limit(&unknown, &few, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(with_enough_of_everything_all_is_calm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_limit_memory_is_never_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_learns_from_the_keeper_that_memory_is_short,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_of_all_processes_is_added_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_kernel_keeps_for_sockets_counts_as_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_the_kernels_limit_is_near_idle_connections_stay,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptors_that_run_out_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_loop_that_is_late_again_and_again_is_noticed_and_ends_no_connection, set_up,
            tear_down),
        cmocka_unit_test(the_limit_is_what_is_configured_or_what_the_machine_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
