#include "upstream/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct breaker b;
static struct random dice;
static struct breaker_counts counts;
static uint64_t now_ms;

static void begin(void)
{
    b = (struct breaker){ 0 };
    random_init(&dice);
    counts = (struct breaker_counts){ 0 };
    now_ms = 100000;
}

/* What has come since the last look, 250 ms ago. */
static enum gate_breaker look(uint64_t answered, uint64_t failed)
{
    now_ms += 250;
    counts.answers += answered;
    counts.failures += failed;
    breaker_look(&b, &counts, now_ms, &dice);
    return b.state;
}

static void wait_for_trial(void)
{
    while (look(0, 0) == GATE_OPEN)
        ;
    assert_int_equal(b.state, GATE_HALF_OPEN);
}

static void an_upstream_that_fails_often_stays_in_use(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(look(10, 39), GATE_CLOSED);
}

static void four_failures_do_not_open_it_five_do(void **state)
{
    (void)state;
    begin();
    assert_int_equal(look(0, 4), GATE_CLOSED);
    assert_int_equal(look(0, 1), GATE_OPEN);
    assert_int_equal(b.window_failures, 5);
}

static void failures_of_long_ago_do_not_add_up(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(look(0, 4), GATE_CLOSED);
        now_ms += 11000;
    }
}

static void it_is_tried_after_a_pause_and_closes_with_an_answer(void **state)
{
    (void)state;
    begin();
    look(0, 5);
    uint64_t opened_ms = now_ms;
    wait_for_trial();
    assert_in_range(now_ms - opened_ms, BREAKER_PAUSE_MS, BREAKER_PAUSE_MS * 6 / 5 + 250);
    assert_int_equal(b.trial, 1);
    assert_int_equal(look(1, 0), GATE_CLOSED);
    assert_int_equal(look(0, 4), GATE_CLOSED); /* what was before is forgotten */
}

static void the_pause_doubles_up_to_half_a_minute(void **state)
{
    (void)state;
    begin();
    look(0, 5);
    uint32_t expected = BREAKER_PAUSE_MS;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(b.pause_ms, expected);
        wait_for_trial();
        assert_int_equal(look(0, 1), GATE_OPEN);
        expected = MIN(expected * 2, BREAKER_PAUSE_MAX_MS);
    }
    wait_for_trial();
    look(3, 0);
    look(0, 5);
    assert_int_equal(b.pause_ms, BREAKER_PAUSE_MS);
}

static void a_trial_without_an_end_is_followed_by_another(void **state)
{
    (void)state;
    begin();
    look(0, 5);
    wait_for_trial();
    counts.is_tried = true;
    uint32_t trial = b.trial;
    for (unsigned i = 0; i < BREAKER_PAUSE_MS / 250 - 1; i++)
        look(0, 0);
    assert_int_equal(b.trial, trial);
    assert_int_equal(look(0, 0), GATE_HALF_OPEN);
    assert_int_equal(b.trial, trial + 1);
}

static void where_nobody_reads_another_is_tried(void **state)
{
    (void)state;
    begin();
    look(0, 5);
    wait_for_trial();
    for (unsigned i = 0; i < BREAKER_PAUSE_MS / 250 - 1; i++)
        look(0, 0);
    assert_int_equal(look(0, 0), GATE_HALF_OPEN_ALL);
    assert_int_equal(look(1, 0), GATE_CLOSED);
}

static void an_answer_that_comes_late_closes_it_too(void **state)
{
    (void)state;
    begin();
    look(0, 5);
    assert_int_equal(look(1, 1), GATE_OPEN);
    assert_int_equal(look(1, 0), GATE_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upstream_that_fails_often_stays_in_use),
        cmocka_unit_test(four_failures_do_not_open_it_five_do),
        cmocka_unit_test(failures_of_long_ago_do_not_add_up),
        cmocka_unit_test(it_is_tried_after_a_pause_and_closes_with_an_answer),
        cmocka_unit_test(the_pause_doubles_up_to_half_a_minute),
        cmocka_unit_test(a_trial_without_an_end_is_followed_by_another),
        cmocka_unit_test(where_nobody_reads_another_is_tried),
        cmocka_unit_test(an_answer_that_comes_late_closes_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
