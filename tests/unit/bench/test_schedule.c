#include "bench/run/schedule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct scenario three = {
    .phases = { { .name = "ramp", .duration_ms = 10000, .users_from = 0, .users_to = 1000 },
                { .name = "hold", .duration_ms = 20000, .users_from = 1000, .users_to = 1000 },
                { .name = "fall", .duration_ms = 5000, .users_from = 1000, .users_to = 500 } },
    .phase_count = 3,
};

static void knows_the_phase_of_an_instant(void **state)
{
    (void)state;
    assert_int_equal(schedule_phase(&three, 0), 0);
    assert_int_equal(schedule_phase(&three, 9999), 0);
    assert_int_equal(schedule_phase(&three, 10000), 1);
    assert_int_equal(schedule_phase(&three, 34999), 2);
    assert_int_equal(schedule_phase(&three, 35000), 2);
    assert_int_equal(schedule_phase(&three, 100000), 2);
}

static void users_follow_a_line_through_each_phase(void **state)
{
    (void)state;
    assert_int_equal(schedule_users(&three, 0), 0);
    assert_int_equal(schedule_users(&three, 2500), 250);
    assert_int_equal(schedule_users(&three, 20000), 1000);
    assert_int_equal(schedule_users(&three, 32500), 750);
    assert_int_equal(schedule_users(&three, 99999), 500);
}

static void faults_are_timed_from_their_phase(void **state)
{
    struct scenario_fault fault = { .phase = 1, .at_ms = 500 };
    (void)state;
    assert_int_equal(schedule_fault_ms(&three, &fault), 10500);
}

static void assert_described(uint64_t ms, const char *text)
{
    char out[32];
    schedule_describe(ms, out, sizeof(out));
    assert_string_equal(out, text);
}

static void durations_read_well(void **state)
{
    (void)state;
    assert_described(0, "0 s");
    assert_described(59400, "59 s");
    assert_described(60000, "1 min 00 s");
    assert_described(750000, "12 min 30 s");
    assert_described(14700000, "4 h 05 min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_phase_of_an_instant),
        cmocka_unit_test(users_follow_a_line_through_each_phase),
        cmocka_unit_test(faults_are_timed_from_their_phase),
        cmocka_unit_test(durations_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
