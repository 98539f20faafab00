#include "observe/histogram.h"

#include "common/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_value_lies_in_a_bucket_that_is_narrow_enough(void **state)
{
    (void)state;
    uint32_t before = 0;
    for (uint64_t us = 0; us <= HISTOGRAM_MAX_US; us += 1 + us / 100) {
        uint32_t bucket = histogram_bucket(us);
        assert_true(bucket < HISTOGRAM_BUCKETS);
        assert_true(bucket == before || bucket == before + 1);
        before = bucket;
        uint64_t middle = histogram_middle_us(bucket);
        uint64_t off = middle > us ? middle - us : us - middle;
        assert_true(off * 16 <= us);
    }
    assert_int_equal(histogram_bucket(HISTOGRAM_MAX_US), HISTOGRAM_BUCKETS - 1);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < 16; us++)
        assert_int_equal(histogram_middle_us(histogram_bucket(us)), us);
}

static void values_above_the_limit_count_as_the_limit(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    histogram_record(&h, UINT64_MAX);
    assert_int_equal(histogram_count(&h), 1);
    assert_int_equal(h.sum_us, HISTOGRAM_MAX_US);
    assert_int_equal(h.buckets[HISTOGRAM_BUCKETS - 1], 1);
}

static void an_empty_histogram_has_quantiles_of_zero(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    assert_int_equal(histogram_count(&h), 0);
    assert_int_equal(histogram_quantile_us(&h, 0.5), 0);
}

#define VALUES 10000

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void quantiles_agree_with_a_sorted_array(void **state)
{
    (void)state;
    static const double shares[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };
    static uint64_t values[VALUES];
    struct random random = { { 1, 2, 3, 4 } };
    struct histogram h = { 0 };
    for (size_t i = 0; i < VALUES; i++) {
        /* From microseconds to an hour, all magnitudes alike. */
        values[i] = MIN(random_next(&random) >> (33 + random_below(&random, 31)), HISTOGRAM_MAX_US);
        histogram_record(&h, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), compare_u64);
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        size_t rank = (size_t)(shares[i] * VALUES);
        rank += (double)rank < shares[i] * VALUES || rank == 0;
        uint64_t exact = values[rank - 1];
        uint64_t found = histogram_quantile_us(&h, shares[i]);
        assert_int_equal(found, histogram_middle_us(histogram_bucket(exact)));
    }
}

static void merging_is_the_same_as_recording_in_one(void **state)
{
    (void)state;
    struct random random = { { 5, 6, 7, 8 } };
    struct histogram parts[3] = { 0 }, whole = { 0 }, merged = { 0 };
    for (size_t i = 0; i < 3000; i++) {
        uint64_t us = random_below(&random, 10000000);
        histogram_record(&parts[i % 3], us);
        histogram_record(&whole, us);
    }
    for (size_t i = 0; i < 3; i++)
        histogram_merge(&merged, &parts[i]);
    assert_memory_equal(&merged, &whole, sizeof(whole));
    assert_int_equal(histogram_count(&merged), 3000);
    histogram_clear(&merged);
    assert_int_equal(histogram_count(&merged), 0);
    assert_int_equal(merged.sum_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_lies_in_a_bucket_that_is_narrow_enough),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(values_above_the_limit_count_as_the_limit),
        cmocka_unit_test(an_empty_histogram_has_quantiles_of_zero),
        cmocka_unit_test(quantiles_agree_with_a_sorted_array),
        cmocka_unit_test(merging_is_the_same_as_recording_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
