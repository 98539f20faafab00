#include "process/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint32_t weights[CONFIG_WORKERS_MAX];

static void nobody_is_weighed_who_is_not_live(void **state)
{
    (void)state;
    const uint64_t open[CONFIG_WORKERS_MAX] = { 10, 10, 10 };
    spread_weigh(open, 0, 0, weights);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        assert_int_equal(weights[slot], 0);
    spread_weigh(open, 0x5, 0, weights);
    assert_int_equal(weights[0], SPREAD_FAIR);
    assert_int_equal(weights[1], 0);
    assert_int_equal(weights[2], SPREAD_FAIR);
}

static void equals_get_the_same(void **state)
{
    (void)state;
    const uint64_t open[CONFIG_WORKERS_MAX] = { 15200, 15200, 15200, 15200 };
    spread_weigh(open, 0xf, 140, weights);
    for (uint32_t slot = 0; slot < 4; slot++)
        assert_int_equal(weights[slot], SPREAD_FAIR);
}

static void who_lacks_is_given_what_it_lacks(void **state)
{
    (void)state;
    /* 400 come a period, so 100 each: one lacks 50 of them, one has 50 too many. */
    const uint64_t open[CONFIG_WORKERS_MAX] = { 1000, 950, 1050, 1000 };
    spread_weigh(open, 0xf, 400, weights);
    assert_int_equal(weights[0], SPREAD_FAIR);
    assert_int_equal(weights[1], SPREAD_FAIR * 3 / 2);
    assert_int_equal(weights[2], SPREAD_FAIR / 2);
    assert_int_equal(weights[3], SPREAD_FAIR);
}

static void a_restarted_worker_gets_at_most_twice_the_fair_share(void **state)
{
    (void)state;
    const uint64_t open[CONFIG_WORKERS_MAX] = { 15200, 0, 15200 };
    spread_weigh(open, 0x7, 100, weights);
    assert_int_equal(weights[1], 2 * SPREAD_FAIR);
    assert_int_equal(weights[0], SPREAD_FAIR / 2);
}

static void a_crowd_is_not_sent_to_who_lacked_three(void **state)
{
    (void)state;
    const uint64_t open[CONFIG_WORKERS_MAX] = { 15203, 15200, 15203, 15203 };
    spread_weigh(open, 0xf, 0, weights);
    assert_in_range(weights[1], SPREAD_FAIR, SPREAD_FAIR + 1);
}

static void absurd_numbers_do_no_harm(void **state)
{
    (void)state;
    uint64_t open[CONFIG_WORKERS_MAX];
    memset(open, 0xff, sizeof(open));
    open[3] = 0;
    spread_weigh(open, UINT64_MAX, UINT64_MAX, weights);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        assert_in_range(weights[slot], SPREAD_FAIR / 2, 2 * SPREAD_FAIR);
}

/* What the arithmetic is for: many come and go, and the numbers stay together. */
static void numbers_stay_together(void **state)
{
    enum { WORKERS = 8, EACH = 1000, COME = 100, PERIODS = 200 };
    uint64_t open[CONFIG_WORKERS_MAX] = { 0 };
    (void)state;
    for (uint32_t slot = 0; slot < WORKERS; slot++)
        open[slot] = EACH + slot * 40;
    for (int period = 0; period < PERIODS; period++) {
        uint32_t all = 0;
        spread_weigh(open, (1 << WORKERS) - 1, COME, weights);
        for (uint32_t slot = 0; slot < WORKERS; slot++)
            all += weights[slot];
        for (uint32_t slot = 0; slot < WORKERS; slot++)
            open[slot] += COME * weights[slot] / all;
        for (uint32_t slot = 0; slot < WORKERS; slot++)
            open[slot] -= MIN(open[slot], COME / WORKERS);
    }
    for (uint32_t slot = 1; slot < WORKERS; slot++)
        assert_in_range(open[slot] + EACH / 50 - open[0], 0, EACH / 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_weighed_who_is_not_live),
        cmocka_unit_test(equals_get_the_same),
        cmocka_unit_test(who_lacks_is_given_what_it_lacks),
        cmocka_unit_test(a_restarted_worker_gets_at_most_twice_the_fair_share),
        cmocka_unit_test(a_crowd_is_not_sent_to_who_lacked_three),
        cmocka_unit_test(absurd_numbers_do_no_harm),
        cmocka_unit_test(numbers_stay_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
