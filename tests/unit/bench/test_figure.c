#include "bench/report/figure.h"
#include "bench/report/scale.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void counts_have_thousands_apart(void **state)
{
    (void)state;
    assert_string_equal(figure_count(0).text, "0");
    assert_string_equal(figure_count(999).text, "999");
    assert_string_equal(figure_count(120000).text, "120,000");
    assert_string_equal(figure_count(2398763).text, "2,398,763");
    assert_string_equal(figure_count(-1234).text, "-1,234");
    assert_string_equal(figure_count(98.25).text, "98.2");
}

static void times_choose_their_unit(void **state)
{
    (void)state;
    assert_string_equal(figure_us(0).text, "0 µs");
    assert_string_equal(figure_us(850).text, "850 µs");
    assert_string_equal(figure_us(2140).text, "2.14 ms");
    assert_string_equal(figure_us(250000).text, "250 ms");
    assert_string_equal(figure_us(999700).text, "1.00 s");
    assert_string_equal(figure_us(12345678).text, "12.3 s");
}

static void small_shares_keep_their_digits(void **state)
{
    (void)state;
    assert_string_equal(figure_percent(0).text, "0%");
    assert_string_equal(figure_percent(0.0123).text, "0.012%");
    assert_string_equal(figure_percent(12.34).text, "12.3%");
    assert_string_equal(figure_percent(100).text, "100%");
}

static void values_follow_the_unit_of_their_criterion(void **state)
{
    (void)state;
    assert_string_equal(figure_in(217, "ms").text, "217 ms");
    assert_string_equal(figure_in(16384, "bytes").text, "16 KiB");
    assert_string_equal(figure_in(0.05, "%").text, "0.05%");
    assert_string_equal(figure_in(120000, "").text, "120,000");
    assert_string_equal(figure_in(NAN, "ms").text, "–");
    assert_string_equal(figure_in(INFINITY, "").text, "–");
}

static void elapsed_time_is_written_as_on_a_clock(void **state)
{
    (void)state;
    assert_string_equal(figure_elapsed(90).text, "1:30");
    assert_string_equal(figure_elapsed(3725).text, "1:02:05");
}

static void a_linear_scale_covers_its_values_with_few_round_ticks(void **state)
{
    (void)state;
    for (double max = 0.003; max < 1e9; max *= 1.7) {
        struct scale s = scale_linear(max);
        assert_true(s.high >= max && s.high <= max * 2);
        assert_in_range(s.tick_count, 2, 6);
        assert_true(fabs(s.ticks[s.tick_count - 1] - s.high) < s.high * 1e-9);
    }
    assert_true(scale_linear(0).high == 1);
    assert_true(scale_linear(-INFINITY).high == 1);
}

static void a_log_scale_ends_at_powers_of_ten(void **state)
{
    (void)state;
    struct scale s = scale_log(300, 70000);
    assert_true(fabs(s.low - 100) < 1e-6 && fabs(s.high - 100000) < 1e-6);
    assert_true(fabs(scale_place(&s, 1000) - 1.0 / 3) < 1e-9);
    assert_true(scale_place(&s, 1) == 0 && scale_place(&s, 1e9) == 1);
    s = scale_log(1000, 1000);
    assert_true(s.high > s.low);
}

static void a_time_scale_ends_with_the_run(void **state)
{
    (void)state;
    assert_true(scale_time(915).high == 915);
    assert_in_range(scale_time(20).tick_count, 3, 7);
    assert_in_range(scale_time(14400).tick_count, 3, 7);
    assert_true(scale_time(0).high > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_have_thousands_apart),
        cmocka_unit_test(times_choose_their_unit),
        cmocka_unit_test(small_shares_keep_their_digits),
        cmocka_unit_test(values_follow_the_unit_of_their_criterion),
        cmocka_unit_test(elapsed_time_is_written_as_on_a_clock),
        cmocka_unit_test(a_linear_scale_covers_its_values_with_few_round_ticks),
        cmocka_unit_test(a_log_scale_ends_at_powers_of_ten),
        cmocka_unit_test(a_time_scale_ends_with_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
