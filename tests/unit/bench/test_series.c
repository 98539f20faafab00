#include "bench/verdict/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LENGTH 100

static void assert_near(double value, double expected, double error)
{
    assert_true(fabs(value - expected) <= error);
}

/* A little up, a little down. */
static double wobble(size_t i)
{
    static const double turns[] = { 1, -2, 3, -1, -3, 2, 0 };
    return turns[i % 7];
}

static void a_steady_series_needs_no_warm_up(void **state)
{
    (void)state;
    double v[LENGTH];
    for (size_t i = 0; i < LENGTH; i++)
        v[i] = 50;
    assert_int_equal(series_warm_up(v, LENGTH), 0);
}

static void a_high_start_is_cut_off(void **state)
{
    (void)state;
    double v[LENGTH];
    for (size_t i = 0; i < LENGTH; i++)
        v[i] = 50 + wobble(i) + (i < 20 ? 100 : 0);
    size_t cut = series_warm_up(v, LENGTH);
    assert_true(cut >= 20 && cut <= 35);
}

static void at_most_half_is_cut_off(void **state)
{
    (void)state;
    double v[LENGTH];
    for (size_t i = 0; i < LENGTH; i++)
        v[i] = (double)(LENGTH - i);
    assert_true(series_warm_up(v, LENGTH) <= LENGTH / 2);
}

static void a_short_series_is_left_alone(void **state)
{
    (void)state;
    const double v[] = { 1000, 1000, 1000, 1000, 1000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    assert_int_equal(series_warm_up(v, ARRAY_LEN(v)), 0);
}

static void the_interval_is_students(void **state)
{
    (void)state;
    /* Mean 5.5, variance 9.1667: 2.262 * sqrt(9.1667 / 10). */
    const double batches[SERIES_BATCHES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
    struct series_interval interval = series_interval(batches);
    assert_near(interval.mean, 5.5, 1e-9);
    assert_near(interval.half, 2.1656, 1e-3);
}

static void a_line_has_its_slope(void **state)
{
    (void)state;
    double v[LENGTH];
    struct series_slope line;
    for (size_t i = 0; i < LENGTH; i++)
        v[i] = 7 + 0.25 * (double)i;
    assert_true(series_slope(v, LENGTH, &line));
    assert_near(line.slope, 0.25, 1e-9);
    assert_near(line.low, 0.25, 1e-9);
    assert_near(line.high, 0.25, 1e-9);
}

static void noise_has_no_slope_to_speak_of(void **state)
{
    (void)state;
    double v[LENGTH];
    struct series_slope line;
    for (size_t i = 0; i < LENGTH; i++)
        v[i] = 1000 + wobble(i);
    assert_true(series_slope(v, LENGTH, &line));
    assert_true(line.low < 0 && line.high > 0);
}

static void growth_shows_through_noise(void **state)
{
    (void)state;
    double v[LENGTH];
    struct series_slope line;
    for (size_t i = 0; i < LENGTH; i++)
        v[i] = 1000 + wobble(i) + 0.1 * (double)i;
    assert_true(series_slope(v, LENGTH, &line));
    assert_true(line.low > 0 && line.high < 0.2);
}

static void too_short_a_series_has_no_slope(void **state)
{
    (void)state;
    double v[SERIES_MIN - 1] = { 0 };
    struct series_slope line;
    assert_false(series_slope(v, ARRAY_LEN(v), &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_series_needs_no_warm_up),
        cmocka_unit_test(a_high_start_is_cut_off),
        cmocka_unit_test(at_most_half_is_cut_off),
        cmocka_unit_test(a_short_series_is_left_alone),
        cmocka_unit_test(the_interval_is_students),
        cmocka_unit_test(a_line_has_its_slope),
        cmocka_unit_test(noise_has_no_slope_to_speak_of),
        cmocka_unit_test(growth_shows_through_noise),
        cmocka_unit_test(too_short_a_series_has_no_slope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
