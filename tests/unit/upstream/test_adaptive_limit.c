#include "upstream/adaptive_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MAX_IN_FLIGHT 256

static struct adaptive_limit limit;
static struct adaptive_counts counts;
static uint64_t now_ms;

static void begin(void)
{
    limit = (struct adaptive_limit){ 0 };
    counts = (struct adaptive_counts){ .answers = 7777, .failures = 77 };
    now_ms = 5000;
    adaptive_limit_look(&limit, &counts, 0, MAX_IN_FLIGHT, now_ms);
}

/* A second passes with what came in it. */
static uint32_t second(uint64_t answers, uint64_t slow, uint64_t failures, bool pressed)
{
    counts.answers += answers;
    counts.slow += slow;
    counts.failures += failures;
    counts.pressed += pressed;
    now_ms += 1000;
    return adaptive_limit_look(&limit, &counts, 0, MAX_IN_FLIGHT, now_ms);
}

static void nobody_is_held_back_who_is_not_known_to_be_slow(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(second(4000, 100, 100, true), MAX_IN_FLIGHT);
}

static void bad_seconds_take_a_tenth_each(void **state)
{
    (void)state;
    begin();
    assert_int_equal(second(1000, 101, 0, true), 230);
    assert_int_equal(second(1000, 0, 60, true), 207);
    for (unsigned i = 0; i < 60; i++)
        second(100, 50, 0, true);
    assert_int_equal(second(100, 50, 0, true), ADAPTIVE_LIMIT_MIN);
}

static void it_is_back_within_half_a_minute(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 60; i++)
        second(100, 100, 0, true);
    for (unsigned i = 0; i < 30; i++)
        second(100, 0, 0, true);
    assert_int_equal(second(100, 0, 0, true), MAX_IN_FLIGHT);
}

static void what_is_not_used_does_not_grow(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 10; i++)
        second(100, 100, 0, true);
    uint32_t before = second(100, 0, 0, false);
    assert_int_equal(second(100, 0, 0, false), before);
    assert_true(second(100, 0, 0, true) > before);
}

static void a_few_answers_say_nothing_until_there_are_more(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(second(10, 10, 0, true), MAX_IN_FLIGHT);
    assert_int_equal(second(10, 10, 0, true), 230);
}

static void silence_with_half_of_it_in_use_is_bad(void **state)
{
    (void)state;
    begin();
    now_ms += 1000;
    assert_int_equal(adaptive_limit_look(&limit, &counts, 127, MAX_IN_FLIGHT, now_ms), 256);
    now_ms += 1000;
    assert_int_equal(adaptive_limit_look(&limit, &counts, 128, MAX_IN_FLIGHT, now_ms), 230);
    now_ms += 250;
    assert_int_equal(adaptive_limit_look(&limit, &counts, 128, MAX_IN_FLIGHT, now_ms), 230);
}

static void another_maximum_holds_at_once(void **state)
{
    (void)state;
    begin();
    assert_int_equal(adaptive_limit_look(&limit, &counts, 0, 4, now_ms), 4);
    assert_int_equal(adaptive_limit_look(&limit, &counts, 0, 512, now_ms), 512);
    second(100, 100, 0, true); /* at most MAX_IN_FLIGHT again, and less */
    assert_int_equal(adaptive_limit_look(&limit, &counts, 0, 512, now_ms), 230);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_held_back_who_is_not_known_to_be_slow),
        cmocka_unit_test(bad_seconds_take_a_tenth_each),
        cmocka_unit_test(it_is_back_within_half_a_minute),
        cmocka_unit_test(what_is_not_used_does_not_grow),
        cmocka_unit_test(a_few_answers_say_nothing_until_there_are_more),
        cmocka_unit_test(silence_with_half_of_it_in_use_is_bad),
        cmocka_unit_test(another_maximum_holds_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
