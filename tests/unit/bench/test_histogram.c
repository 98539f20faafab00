#include "bench/measure/histogram.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct hdr histogram, other;

static int set_up(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    memset(&other, 0, sizeof(other));
    hdr_init(&histogram);
    hdr_init(&other);
    return 0;
}

static void buckets_follow_each_other_without_gap_or_overlap(void **state)
{
    (void)state;
    uint64_t next = 0;
    for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
        assert_true(hdr_bucket_low(i) == next);
        assert_true(hdr_bucket_high(i) >= next);
        next = hdr_bucket_high(i) + 1;
    }
    assert_true(next == 1ull << 32);
}

static void a_value_is_found_again_within_a_thousandth(void **state)
{
    (void)state;
    for (uint64_t us = 1; us < 3600000000; us += us / 7 + 1) {
        set_up(NULL);
        hdr_record(&histogram, us);
        uint64_t found = hdr_quantile(&histogram, 0.5);
        assert_true(found >= us);
        assert_true((double)(found - us) <= (double)us / 1000);
    }
}

static void what_is_longer_than_an_hour_stays_in_the_last_bucket(void **state)
{
    (void)state;
    hdr_record(&histogram, UINT64_MAX / 2);
    assert_int_equal(histogram.counts[HDR_BUCKETS - 1], 1);
    assert_true(hdr_quantile(&histogram, 1) == UINT32_MAX);
    assert_true(histogram.max_us == UINT64_MAX / 2);
}

static void an_empty_histogram_says_nothing(void **state)
{
    (void)state;
    assert_true(hdr_quantile(&histogram, 0.99) == 0);
    assert_false(hdr_can_tell(&histogram, 0.5));
    assert_true(hdr_count_above(&histogram, 0) == 0);
    assert_true(hdr_mean(&histogram) < 1e-9);
    assert_true(histogram.min_us == UINT64_MAX);
}

static void quantiles_are_ranks(void **state)
{
    (void)state;
    for (uint64_t us = 1; us <= 1000; us++)
        hdr_record(&histogram, us);
    assert_true(hdr_quantile(&histogram, 0) == 1);
    assert_true(hdr_quantile(&histogram, 0.5) == 500);
    assert_true(hdr_quantile(&histogram, 0.99) == 990);
    assert_true(hdr_quantile(&histogram, 1) == 1000);
    assert_true(hdr_count_above(&histogram, 990) == 10);
    assert_true(histogram.min_us == 1 && histogram.max_us == 1000);
    assert_true(hdr_mean(&histogram) > 500.4 && hdr_mean(&histogram) < 500.6);
}

static void a_quantile_needs_a_hundred_samples_beyond_it(void **state)
{
    (void)state;
    for (int i = 0; i < 9999; i++)
        hdr_record(&histogram, 5);
    assert_false(hdr_can_tell(&histogram, 0.99));
    hdr_record(&histogram, 5);
    assert_true(hdr_can_tell(&histogram, 0.99));
    assert_false(hdr_can_tell(&histogram, 0.999));
}

static void merging_is_recording_everything_in_one(void **state)
{
    (void)state;
    static struct hdr whole;
    memset(&whole, 0, sizeof(whole));
    hdr_init(&whole);
    struct random random;
    seed_random(&random, 7);
    for (int i = 0; i < 5000; i++) {
        uint64_t us = random_next(&random) >> (20 + i % 40);
        hdr_record(i % 3 ? &histogram : &other, us);
        hdr_record(&whole, us);
    }
    hdr_merge(&histogram, &other);
    assert_memory_equal(&histogram, &whole, sizeof(whole));
}

static void merging_nothing_changes_nothing(void **state)
{
    (void)state;
    hdr_record(&histogram, 12);
    memset(&other, 0, sizeof(other)); /* never initialised: its min_us is 0 */
    hdr_merge(&histogram, &other);
    assert_true(histogram.min_us == 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(buckets_follow_each_other_without_gap_or_overlap, set_up),
        cmocka_unit_test_setup(a_value_is_found_again_within_a_thousandth, set_up),
        cmocka_unit_test_setup(what_is_longer_than_an_hour_stays_in_the_last_bucket, set_up),
        cmocka_unit_test_setup(an_empty_histogram_says_nothing, set_up),
        cmocka_unit_test_setup(quantiles_are_ranks, set_up),
        cmocka_unit_test_setup(a_quantile_needs_a_hundred_samples_beyond_it, set_up),
        cmocka_unit_test_setup(merging_is_recording_everything_in_one, set_up),
        cmocka_unit_test_setup(merging_nothing_changes_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
