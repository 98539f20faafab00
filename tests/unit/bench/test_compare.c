#include "bench/report/compare.h"
#include "fakes/fake_result.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct metric_value value(double value, double half)
{
    return (struct metric_value){ true, value, value - half, value + half };
}

static struct metric_value alone(double value)
{
    return (struct metric_value){ true, value, NAN, NAN };
}

static struct result *make(double slowness, uint64_t seed)
{
    const struct fake_result f = {
        .hold_s = 120, .users = 1000, .requests_per_s = 400, .slowness = slowness, .seed = seed
    };
    return fake_result_new(&f);
}

static void a_change_within_the_spread_is_no_change(void **state)
{
    (void)state;
    struct comparison c = compare_values(COMPARE_RATIO, -1, value(100, 10), value(108, 10));
    assert_true(c.has_interval && c.low < 0 && c.high > 0);
    assert_false(c.is_significant);
    assert_false(c.is_regression);
}

static void a_change_beyond_the_spread_is_one(void **state)
{
    (void)state;
    struct comparison c = compare_values(COMPARE_RATIO, -1, value(100, 3), value(120, 3));
    assert_true(fabs(c.delta - 20) < 1e-9);
    assert_true(c.low > 10 && c.low < 20 && c.high > 20 && c.high < 30);
    assert_true(c.is_significant && c.is_regression);
}

static void getting_better_is_no_regression(void **state)
{
    (void)state;
    assert_false(compare_values(COMPARE_RATIO, -1, value(100, 3), value(80, 3)).is_regression);
    assert_false(compare_values(COMPARE_RATIO, 1, value(100, 3), value(120, 3)).is_regression);
    assert_true(compare_values(COMPARE_RATIO, 1, value(100, 3), value(80, 3)).is_regression);
    assert_false(compare_values(COMPARE_RATIO, 0, value(100, 3), value(200, 3)).is_regression);
}

static void less_than_five_percent_is_shown_but_no_regression(void **state)
{
    (void)state;
    struct comparison c = compare_values(COMPARE_RATIO, -1, value(100, 0.5), value(103, 0.5));
    assert_true(c.is_significant);
    assert_false(c.is_regression);
}

static void without_an_interval_five_percent_decide(void **state)
{
    (void)state;
    assert_false(compare_values(COMPARE_RATIO, -1, alone(100), alone(104)).is_significant);
    assert_true(compare_values(COMPARE_RATIO, -1, alone(100), alone(106)).is_regression);
}

static void shares_are_compared_in_points(void **state)
{
    (void)state;
    struct comparison c = compare_values(COMPARE_POINTS, -1, value(0, 0), value(0.5, 0.1));
    assert_true(fabs(c.delta - 0.5) < 1e-9);
    assert_true(c.is_regression);
    assert_false(compare_values(COMPARE_POINTS, -1, value(0, 0), value(0.004, 0)).is_regression);
}

static void one_lost_dossier_is_a_regression(void **state)
{
    (void)state;
    assert_true(compare_values(COMPARE_COUNT, -1, alone(0), alone(1)).is_regression);
    assert_false(compare_values(COMPARE_COUNT, -1, alone(0), alone(0)).is_significant);
}

static void what_was_not_measured_cannot_get_worse(void **state)
{
    const struct metric_value unknown = { .value = NAN, .low = NAN, .high = NAN };
    (void)state;
    assert_false(compare_values(COMPARE_RATIO, -1, alone(1), unknown).is_known);
    assert_false(compare_values(COMPARE_RATIO, -1, alone(0), alone(3)).is_known);
    assert_true(compare_values(COMPARE_RATIO, -1, alone(0), alone(0)).is_known);
}

static void the_same_program_twice_shows_no_regression(void **state)
{
    struct buf table;
    (void)state;
    struct result *a = make(1, 1);
    struct result *b = make(1, 2);
    buf_init(&table, 100000);
    assert_int_equal(compare_check(a, b, NULL), 0);
    assert_int_equal(compare_write(a, b, &table), 0);
    buf_append_char(&table, '\0');
    assert_non_null(strstr(table.data, "~"));
    assert_null(strstr(table.data, "worse"));
    buf_fini(&table);
    result_free(&a);
    result_free(&b);
}

static void a_slower_program_is_found_out(void **state)
{
    struct buf table;
    (void)state;
    struct result *a = make(1, 1);
    struct result *b = make(1.5, 2);
    buf_init(&table, 100000);
    assert_true(compare_write(a, b, &table) >= 2);
    buf_append_char(&table, '\0');
    assert_non_null(strstr(table.data, "worse"));
    buf_fini(&table);
    result_free(&a);
    result_free(&b);
}

static void refuses_runs_that_say_nothing_about_each_other(void **state)
{
    struct err e;
    (void)state;
    struct result *a = make(1, 1);
    struct result *b = make(1, 2);
    b->facts[1].value = "48 GiB";
    assert_int_equal(compare_check(a, b, &e), ERR_INVALID);
    assert_string_equal(e.text, "the machines differ in memory: \"24 GiB\" and \"48 GiB\"");
    b->facts[1].value = a->facts[1].value;
    b->facts[3].value = "another OpenSSL"; /* that is what one wants to compare */
    assert_int_equal(compare_check(a, b, &e), 0);
    b->scenario_text = "name: hold, but otherwise";
    assert_int_equal(compare_check(a, b, &e), ERR_INVALID);
    b->scenario_text = a->scenario_text;
    b->verdict = RESULT_INVALID;
    assert_int_equal(compare_check(a, b, &e), ERR_INVALID);
    result_free(&a);
    result_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_within_the_spread_is_no_change),
        cmocka_unit_test(a_change_beyond_the_spread_is_one),
        cmocka_unit_test(getting_better_is_no_regression),
        cmocka_unit_test(less_than_five_percent_is_shown_but_no_regression),
        cmocka_unit_test(without_an_interval_five_percent_decide),
        cmocka_unit_test(shares_are_compared_in_points),
        cmocka_unit_test(one_lost_dossier_is_a_regression),
        cmocka_unit_test(what_was_not_measured_cannot_get_worse),
        cmocka_unit_test(the_same_program_twice_shows_no_regression),
        cmocka_unit_test(a_slower_program_is_found_out),
        cmocka_unit_test(refuses_runs_that_say_nothing_about_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
