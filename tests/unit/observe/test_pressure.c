#include "observe/pressure.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct pressure_scale scale = {
    .begins = { 0, 80, 90, 95 },
    .ends = { 0, 75, 85, 90 },
};

static const struct pressure_scale without_scarce = {
    .begins = { 0, 100, PRESSURE_NEVER, 1000 },
    .ends = { 0, 50, PRESSURE_NEVER, 500 },
};

static void a_level_rises_at_once_to_where_the_value_is(void **state)
{
    (void)state;
    struct pressure p = { 0 };
    assert_false(pressure_step(&p, &scale, 79, 1));
    assert_true(pressure_step(&p, &scale, 80, 1));
    assert_int_equal(p.level, PRESSURE_TIGHT);
    assert_true(pressure_step(&p, &scale, 99, 1));
    assert_int_equal(p.level, PRESSURE_CRITICAL);
    assert_false(pressure_step(&p, &scale, 99, 1));
}

static void a_level_falls_when_the_value_has_been_below_its_end_for_a_while(void **state)
{
    (void)state;
    struct pressure p = { .level = PRESSURE_CRITICAL };
    assert_false(pressure_step(&p, &scale, 89, 1000));
    assert_false(pressure_step(&p, &scale, 89, 1000 + PRESSURE_HOLD_MS - 1));
    assert_true(pressure_step(&p, &scale, 89, 1000 + PRESSURE_HOLD_MS));
    assert_int_equal(p.level, PRESSURE_SCARCE);
    assert_false(pressure_step(&p, &scale, 10, 5000));
    assert_true(pressure_step(&p, &scale, 10, 5000 + PRESSURE_HOLD_MS));
    assert_int_equal(p.level, PRESSURE_CALM);
}

static void between_its_end_and_its_begin_a_level_stays(void **state)
{
    (void)state;
    struct pressure p = { .level = PRESSURE_SCARCE };
    for (uint64_t now_ms = 1; now_ms < 10 * PRESSURE_HOLD_MS; now_ms += 100)
        assert_false(pressure_step(&p, &scale, (uint32_t)(85 + now_ms % 5), now_ms));
    assert_int_equal(p.level, PRESSURE_SCARCE);
}

static void a_value_that_comes_back_begins_the_wait_anew(void **state)
{
    (void)state;
    struct pressure p = { .level = PRESSURE_TIGHT };
    assert_false(pressure_step(&p, &scale, 10, 1000));
    assert_false(pressure_step(&p, &scale, 76, 1500));
    assert_false(pressure_step(&p, &scale, 10, 2000));
    assert_false(pressure_step(&p, &scale, 10, 1000 + PRESSURE_HOLD_MS));
    assert_true(pressure_step(&p, &scale, 10, 2000 + PRESSURE_HOLD_MS));
    assert_int_equal(p.level, PRESSURE_CALM);
}

static void a_level_may_be_left_out(void **state)
{
    (void)state;
    struct pressure p = { 0 };
    pressure_step(&p, &without_scarce, 999, 1);
    assert_int_equal(p.level, PRESSURE_TIGHT);
    pressure_step(&p, &without_scarce, UINT32_MAX, 1);
    assert_int_equal(p.level, PRESSURE_CRITICAL);
    pressure_step(&p, &without_scarce, 499, 1);
    pressure_step(&p, &without_scarce, 499, 1 + PRESSURE_HOLD_MS);
    assert_int_equal(p.level, PRESSURE_TIGHT);
}

static void every_level_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(pressure_name(PRESSURE_CALM), "calm");
    assert_string_equal(pressure_name(PRESSURE_CRITICAL), "critical");
    assert_string_equal(pressure_name(UINT64_MAX), "critical");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_rises_at_once_to_where_the_value_is),
        cmocka_unit_test(a_level_falls_when_the_value_has_been_below_its_end_for_a_while),
        cmocka_unit_test(between_its_end_and_its_begin_a_level_stays),
        cmocka_unit_test(a_value_that_comes_back_begins_the_wait_anew),
        cmocka_unit_test(a_level_may_be_left_out),
        cmocka_unit_test(every_level_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
