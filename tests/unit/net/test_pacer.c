/* A turn is one uv_run() without waiting; what newcomers cost is said, not measured. */
#include "net/pacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct newcomer {
    struct defer turn;
    uint64_t costs_us;
    unsigned again; /* so often it has to wait anew */
};

static struct loop loop;
static struct metrics metrics;
static struct pacer pacer;
static uv_async_t alive; /* a loop without handles does not turn */
static struct newcomer *served[16];
static size_t served_count;

static void on_async(uv_async_t *async)
{
    (void)async;
}

static int set_up(void **state)
{
    (void)state;
    served_count = 0;
    metrics = (struct metrics){ 0 };
    if (loop_init(&loop) < 0 || uv_async_init(&loop.uv, &alive, on_async) < 0)
        return -1;
    pacer_init(&pacer, &loop, &metrics);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_fini(&loop);
    return 0;
}

static void run(struct defer *d)
{
    struct newcomer *n = CONTAINER_OF(d, struct newcomer, turn);
    assert_true(served_count < ARRAY_LEN(served));
    served[served_count++] = n;
    pacer_charge(&pacer, n->costs_us);
    if (n->again > 0) {
        n->again--;
        pacer_wait(&pacer, d, PACER_HANDSHAKES);
    }
}

static void come(struct newcomer *n, uint64_t costs_us, enum pacer_queue queue)
{
    *n = (struct newcomer){ .costs_us = costs_us };
    defer_init(&n->turn, run);
    pacer_wait(&pacer, &n->turn, queue);
}

static void turn(void)
{
    uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void newcomers_are_admitted_until_their_time_is_used_up(void **state)
{
    (void)state;
    turn();
    assert_true(pacer_admits(&pacer));
    pacer_charge(&pacer, PACER_TURN_US - 1);
    assert_true(pacer_admits(&pacer));
    pacer_charge(&pacer, 1);
    assert_false(pacer_admits(&pacer));
    turn();
    assert_true(pacer_admits(&pacer));
}

static void those_who_wait_are_served_in_order_as_many_a_turn_as_there_is_time_for(void **state)
{
    (void)state;
    struct newcomer n[5];
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        come(&n[i], PACER_TURN_US / 2, PACER_HANDSHAKES);
    for (size_t expected = 2; expected <= 4; expected += 2) {
        turn();
        assert_int_equal(served_count, expected);
        assert_false(pacer_admits(&pacer));
    }
    turn();
    assert_int_equal(served_count, 5);
    assert_true(pacer_admits(&pacer));
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        assert_ptr_equal(served[i], &n[i]);
    assert_int_equal(metrics_counter(&metrics, COUNTER_NEWCOMERS_PACED), 5);
}

/* One that takes long is served all the same, but nobody with it. */
static void each_turn_serves_at_least_one(void **state)
{
    (void)state;
    struct newcomer n[3];
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        come(&n[i], 50 * PACER_TURN_US, PACER_HANDSHAKES);
    for (size_t i = 1; i <= ARRAY_LEN(n); i++) {
        turn();
        assert_int_equal(served_count, i);
    }
}

static void handshakes_go_before_connections_that_wait_to_be_accepted(void **state)
{
    (void)state;
    struct newcomer listener, client;
    come(&listener, PACER_TURN_US, PACER_ACCEPTS);
    come(&client, PACER_TURN_US, PACER_HANDSHAKES);
    turn();
    assert_ptr_equal(served[0], &client);
    turn();
    assert_ptr_equal(served[1], &listener);
}

static void who_waits_anew_goes_to_the_end(void **state)
{
    (void)state;
    struct newcomer n[2];
    come(&n[0], PACER_TURN_US, PACER_HANDSHAKES);
    come(&n[1], PACER_TURN_US, PACER_HANDSHAKES);
    n[0].again = 1;
    for (int i = 0; i < 3; i++)
        turn();
    assert_ptr_equal(served[0], &n[0]);
    assert_ptr_equal(served[1], &n[1]);
    assert_ptr_equal(served[2], &n[0]);
    assert_int_equal(served_count, 3);
}

static void who_waits_already_keeps_the_place_and_who_leaves_is_not_served(void **state)
{
    (void)state;
    struct newcomer n[3];
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        come(&n[i], PACER_TURN_US, PACER_HANDSHAKES);
    pacer_wait(&pacer, &n[0].turn, PACER_HANDSHAKES);
    list_remove(&n[1].turn.node);
    for (int i = 0; i < 3; i++)
        turn();
    assert_int_equal(served_count, 2);
    assert_ptr_equal(served[0], &n[0]);
    assert_ptr_equal(served[1], &n[2]);
}

static void the_loop_does_not_sleep_while_somebody_waits(void **state)
{
    (void)state;
    struct newcomer n;
    turn();
    assert_int_not_equal(uv_backend_timeout(&loop.uv), 0);
    come(&n, 1, PACER_HANDSHAKES);
    assert_int_equal(uv_backend_timeout(&loop.uv), 0);
    turn();
    assert_int_equal(served_count, 1);
    assert_int_not_equal(uv_backend_timeout(&loop.uv), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newcomers_are_admitted_until_their_time_is_used_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            those_who_wait_are_served_in_order_as_many_a_turn_as_there_is_time_for, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(each_turn_serves_at_least_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(handshakes_go_before_connections_that_wait_to_be_accepted,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_anew_goes_to_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            who_waits_already_keeps_the_place_and_who_leaves_is_not_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_loop_does_not_sleep_while_somebody_waits, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
