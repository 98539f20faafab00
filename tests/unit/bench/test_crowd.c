#include "bench/load/crowd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S 1000000ull

static const struct scenario scenario = {
    .phase_count = 3,
    .phases = { { .duration_ms = 10000, .users_from = 0, .users_to = 1000 },
                { .duration_ms = 5000, .users_from = 1000, .users_to = 1000 },
                { .duration_ms = 10000, .users_from = 1000, .users_to = 500 } },
};

static void shares_add_up_to_the_whole(void **state)
{
    (void)state;
    static const uint32_t totals[] = { 0, 1, 7, 1000, 121600, 4000000000u };
    for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
        uint64_t sum = 0;
        for (uint32_t index = 0; index < 9; index++) {
            struct crowd_share share = { .index = index, .of = 9 };
            uint32_t part = crowd_share_of(&share, totals[i]);
            assert_true(part == totals[i] / 9 || part == totals[i] / 9 + 1);
            sum += part;
        }
        assert_true(sum == totals[i]);
    }
}

static void the_target_is_a_straight_line_within_a_phase(void **state)
{
    (void)state;
    assert_int_equal(crowd_target(&scenario, 0), 0);
    assert_int_equal(crowd_target(&scenario, 1 * S), 100);
    assert_int_equal(crowd_target(&scenario, 10 * S), 1000);
    assert_int_equal(crowd_target(&scenario, 12 * S), 1000);
    assert_int_equal(crowd_target(&scenario, 20 * S), 750);
    assert_int_equal(crowd_target(&scenario, 25 * S), 500);
}

static void the_last_target_stays(void **state)
{
    (void)state;
    assert_int_equal(crowd_target(&scenario, 1000 * S), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_to_the_whole),
        cmocka_unit_test(the_target_is_a_straight_line_within_a_phase),
        cmocka_unit_test(the_last_target_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
