#include "bench/load/agenda.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ITEMS 500

static struct agenda agenda;
static struct agenda_item items[ITEMS];
static uint64_t last_us;
static uint32_t runs;

static void note(struct agenda_item *item)
{
    assert_true(item->due_us >= last_us);
    assert_false(agenda_has(item));
    last_us = item->due_us;
    runs++;
}

static int set_up(void **state)
{
    (void)state;
    last_us = runs = 0;
    agenda_init(&agenda);
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = (struct agenda_item){ .on_due = note };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    agenda_fini(&agenda);
    return 0;
}

static void runs_in_the_order_of_time(void **state)
{
    (void)state;
    struct random random;
    seed_random(&random, 1);
    for (size_t i = 0; i < ITEMS; i++)
        agenda_set(&agenda, &items[i], random_below(&random, 1000));
    for (uint64_t now = 0; now < 1000; now += 100)
        agenda_run(&agenda, now);
    assert_true(runs < ITEMS);
    agenda_run(&agenda, 1000);
    assert_int_equal(runs, ITEMS);
}

static void runs_nothing_before_its_time(void **state)
{
    (void)state;
    agenda_set(&agenda, &items[0], 100);
    agenda_run(&agenda, 99);
    assert_int_equal(runs, 0);
    agenda_run(&agenda, 100);
    assert_int_equal(runs, 1);
    agenda_run(&agenda, 200);
    assert_int_equal(runs, 1);
}

static void moves_an_item_that_is_set_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++)
        agenda_set(&agenda, &items[i], 100 + i);
    agenda_set(&agenda, &items[0], 500);
    agenda_set(&agenda, &items[9], 50);
    agenda_run(&agenda, 60);
    assert_int_equal(runs, 1);
    agenda_run(&agenda, 499);
    assert_int_equal(runs, 9);
    agenda_run(&agenda, 500);
    assert_int_equal(runs, 10);
}

static void forgets_what_is_cancelled_wherever_it_stands(void **state)
{
    (void)state;
    struct random random;
    seed_random(&random, 2);
    for (size_t i = 0; i < ITEMS; i++)
        agenda_set(&agenda, &items[i], random_below(&random, 1000));
    for (size_t i = 0; i < ITEMS; i += 2)
        agenda_cancel(&agenda, &items[i]);
    agenda_cancel(&agenda, &items[0]);
    agenda_run(&agenda, 1000);
    assert_int_equal(runs, ITEMS / 2);
}

static void set_another(struct agenda_item *item)
{
    runs++;
    if (runs == 1)
        agenda_set(&agenda, &items[1], 0); /* in the past */
    if (runs == 2)
        agenda_cancel(&agenda, &items[2]);
    (void)item;
}

static void an_item_may_set_and_cancel_others(void **state)
{
    (void)state;
    items[0].on_due = items[1].on_due = set_another;
    agenda_set(&agenda, &items[0], 10);
    agenda_set(&agenda, &items[2], 20);
    agenda_run(&agenda, 30);
    assert_int_equal(runs, 2);
    assert_false(agenda_has(&items[2]));
}

static uv_loop_t loop;

static void end_loop(struct agenda_item *item)
{
    (void)item;
    runs++;
    uv_close((uv_handle_t *)&agenda.poll, NULL); /* nothing else keeps the loop going */
}

static void a_loop_runs_it(void **state)
{
    (void)state;
    struct err e;
    uv_loop_init(&loop);
    assert_int_equal(agenda_open(&agenda, &loop, &e), 0);
    items[1].on_due = end_loop;
    agenda_set(&agenda, &items[1], 2);
    agenda_set(&agenda, &items[0], 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(runs, 2);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_late_pace_is_made_up_for(void **state)
{
    (void)state;
    assert_int_equal(agenda_after(5000000, 20000, 5000000), 5020000);
    assert_int_equal(agenda_after(5000000, 20000, 5300000), 5020000);
    assert_int_equal(agenda_after(5000000, 20000, 5000000 + AGENDA_CATCH_UP_US + 1),
                     5020000 + AGENDA_CATCH_UP_US + 1);
    assert_int_equal(agenda_after(0, 20000, 5000000), 5020000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_pace_is_made_up_for),
        cmocka_unit_test_setup_teardown(runs_in_the_order_of_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_nothing_before_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves_an_item_that_is_set_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_what_is_cancelled_wherever_it_stands, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_item_may_set_and_cancel_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loop_runs_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
