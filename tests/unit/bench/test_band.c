#include "bench/measure/band.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_value_lies_within_its_band(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < 60000000; us += us / 100 + 1) {
        uint32_t band = band_of(us);
        assert_in_range(band, 0, BAND_COUNT - 1);
        assert_true(us >= band_low(band) && us < band_high(band));
    }
}

static void bands_touch_and_do_not_overlap(void **state)
{
    (void)state;
    for (uint32_t band = 1; band < BAND_COUNT; band++)
        assert_int_equal(band_low(band), band_high(band - 1));
}

static void what_is_above_all_bands_counts_in_the_last(void **state)
{
    (void)state;
    assert_int_equal(band_of(UINT64_MAX), BAND_COUNT - 1);
}

static void a_quantile_is_within_its_band(void **state)
{
    uint32_t counts[BAND_COUNT] = { 0 };
    (void)state;
    for (uint64_t us = 1; us <= 100000; us++)
        counts[band_of(us)]++;
    assert_in_range(band_quantile(counts, 0.5), 47000, 53000);
    assert_in_range(band_quantile(counts, 0.99), 94000, 106000);
}

static void nothing_has_no_quantile(void **state)
{
    uint32_t counts[BAND_COUNT] = { 0 };
    (void)state;
    assert_true(band_quantile(counts, 0.5) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_lies_within_its_band),
        cmocka_unit_test(bands_touch_and_do_not_overlap),
        cmocka_unit_test(what_is_above_all_bands_counts_in_the_last),
        cmocka_unit_test(a_quantile_is_within_its_band),
        cmocka_unit_test(nothing_has_no_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
