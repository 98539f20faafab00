#include "bench/load/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define START 1000000000ull
#define MS 1000ull

static struct scenario scenario;
static struct results_generator *out;
static struct tally tally;

static int set_up(void **state)
{
    (void)state;
    scenario = (struct scenario){ .phase_count = 2,
                                  .phases = { { .duration_ms = 2000 }, { .duration_ms = 3000 } } };
    out = calloc(1, sizeof(*out));
    tally_init(&tally, &scenario, out);
    tally_start(&tally, START);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(out);
    return 0;
}

static struct tally_action action(enum scenario_step step, uint64_t planned_us)
{
    return (struct tally_action){
        .step = step, .procedure = 3, .planned_us = planned_us, .sent_us = planned_us + 2 * MS
    };
}

static void phases_follow_each_other(void **state)
{
    (void)state;
    assert_int_equal(tally_phase_at(&tally, 0), 0);
    assert_int_equal(tally_phase_at(&tally, START + 1999 * MS), 0);
    assert_int_equal(tally_phase_at(&tally, START + 2000 * MS), 1);
    assert_int_equal(tally_phase_at(&tally, START + 90000 * MS), 1);
}

static void an_action_belongs_to_the_phase_that_it_was_planned_in(void **state)
{
    (void)state;
    struct tally_action a = action(STEP_SUBMIT, START + 1999 * MS);
    tally_planned(&tally, &a);
    tally_issued(&tally, &a, 1);
    tally_done(&tally, &a, START + 2500 * MS);
    assert_int_equal(out->phases[0].planned, 1);
    assert_int_equal(out->phases[0].issued, 1);
    assert_int_equal(out->phases[0].done, 1);
    assert_int_equal(out->phases[0].steps[STEP_SUBMIT], 1);
    assert_int_equal(out->phases[1].done, 0);
    assert_int_equal(out->seconds[1].planned, 1);
    assert_int_equal(out->seconds[2].done, 1);
}

static void both_clocks_are_kept(void **state)
{
    (void)state;
    struct tally_action a = action(STEP_LOGIN, START);
    tally_done(&tally, &a, START + 5 * MS);
    assert_int_equal(out->phases[0].response[CLASS_LOGIN].sum_us, 5000);
    assert_int_equal(out->phases[0].service[CLASS_LOGIN].sum_us, 3000);
    assert_int_equal(out->seconds[0].response_max_us, 5000);
    assert_int_equal(out->seconds[0].response[band_of(5000)], 1);
}

static void a_slow_link_counts_but_not_on_the_clocks_of_the_others(void **state)
{
    (void)state;
    struct tally_action a = action(STEP_PROCEDURE, START);
    a.is_slow = true;
    tally_done(&tally, &a, START + 500 * MS);
    assert_int_equal(out->phases[0].done, 1);
    assert_int_equal(out->phases[0].slow_response.count, 1);
    assert_int_equal(out->phases[0].response[CLASS_READ].count, 0);
    assert_int_equal(out->seconds[0].response_max_us, 0);
    assert_int_equal(out->procedures[3].done, 1);
    assert_int_equal(band_total(out->procedures[3].response), 0);
}

static void late_is_more_than_fifty_milliseconds(void **state)
{
    (void)state;
    struct tally_action a = action(STEP_HOME, START);
    tally_issued(&tally, &a, 50 * MS);
    tally_issued(&tally, &a, 51 * MS);
    assert_int_equal(out->phases[0].sent_late, 1);
    assert_int_equal(out->phases[0].lag.count, 2);
}

static void an_error_is_counted_by_kind_step_and_second(void **state)
{
    (void)state;
    struct tally_action a = action(STEP_PROCEDURE, START + 1900 * MS);
    tally_failed(&tally, &a, RESULTS_ERROR_TIMEOUT, START + 4000 * MS);
    assert_int_equal(out->phases[0].errors[RESULTS_ERROR_TIMEOUT], 1);
    assert_int_equal(out->phases[0].step_errors[STEP_PROCEDURE], 1);
    assert_int_equal(out->seconds[4].errors, 1);
    assert_int_equal(out->procedures[3].errors, 1);
    assert_int_equal(out->phases[0].done, 0);
}

static void groups_wait_for_whatever_comes(void **state)
{
    (void)state;
    struct tally_action healthy = action(STEP_HOME, START), broken = healthy, slow = healthy;
    healthy.group = GROUP_HEALTHY;
    broken.group = GROUP_BROKEN;
    slow.group = GROUP_HEALTHY;
    slow.is_slow = true;
    tally_planned(&tally, &healthy);
    tally_done(&tally, &healthy, START + 5 * MS);
    tally_planned(&tally, &broken);
    tally_failed(&tally, &broken, RESULTS_ERROR_STATUS_5XX, START + 700 * MS);
    tally_done(&tally, &slow, START + 900 * MS);
    const struct results_group *groups = out->phases[0].groups;
    assert_int_equal(groups[GROUP_HEALTHY].planned, 1);
    assert_int_equal(groups[GROUP_HEALTHY].done, 2);
    assert_int_equal(groups[GROUP_HEALTHY].errors, 0);
    assert_int_equal(groups[GROUP_HEALTHY].wait.count, 1);
    assert_int_equal(groups[GROUP_HEALTHY].wait.max_us, 5 * MS);
    assert_int_equal(groups[GROUP_BROKEN].errors, 1);
    assert_int_equal(groups[GROUP_BROKEN].wait.max_us, 700 * MS);
}

static void only_the_pages_of_procedures_are_told_apart(void **state)
{
    (void)state;
    struct tally_action page = action(STEP_PROCEDURE, START), home = action(STEP_HOME, START);
    struct tally_action beyond = page;
    beyond.procedure = RESULTS_PROCEDURES_MAX;
    tally_done(&tally, &page, START + MS);
    tally_done(&tally, &home, START + MS);
    tally_done(&tally, &beyond, START + MS);
    assert_int_equal(out->procedures[3].done, 1);
    assert_int_equal(out->phases[0].done, 3);
}

static void a_second_ends_with_its_quantiles(void **state)
{
    (void)state;
    struct tally_action a = action(STEP_HOME, START);
    for (int i = 0; i < 100; i++) {
        tally_done(&tally, &a, START + 10 * MS);
        tally_lag(&tally, START, START + 3 * MS);
    }
    tally_lag(&tally, START + 9, START); /* too early is not late */
    tally_second(&tally, 0, 7, 6);
    assert_int_equal(out->seconds[0].users, 7);
    assert_int_equal(out->seconds[0].alive, 6);
    assert_true(out->seconds[0].response_p99_us > 9000 && out->seconds[0].response_p99_us < 12000);
    assert_true(out->seconds[0].lag_p99_us > 2500 && out->seconds[0].lag_p99_us < 3600);
    tally_second(&tally, 1, 7, 6);
    assert_int_equal(out->seconds[1].lag_p99_us, 0);
}

static void connections_and_traffic_are_counted(void **state)
{
    (void)state;
    tally_connected(&tally, START, START + 4 * MS, false);
    tally_connected(&tally, START, START + 1001 * MS, true);
    tally_closed(&tally, START + 1500 * MS);
    tally_traffic(&tally, 10, 20, START + 2001 * MS);
    tally_unable(&tally, START);
    assert_int_equal(out->phases[0].handshakes_full, 1);
    assert_int_equal(out->phases[0].handshakes_resumed, 1);
    assert_int_equal(out->phases[0].handshake.min_us, 4000);
    assert_int_equal(out->seconds[1].connects, 1);
    assert_int_equal(out->seconds[1].closes, 1);
    assert_int_equal(out->phases[1].bytes_sent, 10);
    assert_int_equal(out->phases[1].bytes_received, 20);
    assert_int_equal(out->phases[0].errors[RESULTS_ERROR_GENERATOR], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(phases_follow_each_other),
        TEST(an_action_belongs_to_the_phase_that_it_was_planned_in),
        TEST(both_clocks_are_kept),
        TEST(a_slow_link_counts_but_not_on_the_clocks_of_the_others),
        TEST(late_is_more_than_fifty_milliseconds),
        TEST(an_error_is_counted_by_kind_step_and_second),
        TEST(groups_wait_for_whatever_comes),
        TEST(only_the_pages_of_procedures_are_told_apart),
        TEST(a_second_ends_with_its_quantiles),
        TEST(connections_and_traffic_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
