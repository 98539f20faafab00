#include "unit/bench/verdict_fixture.h"

static struct verdict_fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    result_free(&f.r);
    return 0;
}

static void expect(const char *name, int class, int phase, double value, double error)
{
    struct metric_value v = fixture_metric(&f, name, class, phase);
    assert_true(v.is_known);
    assert_near(v.value, value, error);
}

static void expect_unknown(const char *name, int class, int phase)
{
    assert_false(fixture_metric(&f, name, class, phase).is_known);
}

static void every_row_is_filled_in_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &metric_table[i];
        assert_non_null(m->name);
        assert_non_null(m->compute);
        assert_non_null(m->doc);
        assert_ptr_equal(metric_find(slice_str(m->name)), m); /* no name twice */
    }
    assert_null(metric_find(SLICE("response_p98")));
    assert_null(metric_find(SLICE("")));
}

static void every_metric_stands_an_empty_result(void **state)
{
    (void)state;
    struct result *empty = result_new(&f.s, 0);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        struct metric_scope scope = { .result = empty, .class = -1, .phase = -1 };
        struct metric_value v = metric_table[i].compute(&metric_table[i], &scope);
        assert_true(isnan(v.value) || v.value >= 0);
    }
    result_free(&empty);
}

static void quantiles_are_of_their_class_and_phase(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++)
        hdr_record(&f.r->phases[AFTER].response[CLASS_LOGIN], 400000);
    expect("response_p50", CLASS_READ, -1, 6, 0.05);
    expect("response_p99", CLASS_READ, -1, 10.9, 0.05);
    expect("service_p50", -1, HOLD, 3, 0.05);
    expect("response_p99", CLASS_LOGIN, AFTER, 400, 1);
    expect("response_p50", -1, AFTER, 9, 0.5);
    expect_unknown("response_p50", CLASS_LOGIN, HOLD);
}

static void a_quantile_needs_a_hundred_values_beyond_it(void **state)
{
    (void)state;
    expect("response_p999", -1, HOLD, 11, 0.05); /* 100,000 values */
    expect_unknown("response_p999", -1, AFTER);  /* 30,000 */
    expect("response_p99", -1, AFTER, 10.9, 0.05);
}

static void the_interval_of_a_quantile_comes_from_batches(void **state)
{
    (void)state;
    struct metric_value v = fixture_metric(&f, "response_p50", CLASS_READ, HOLD);
    assert_near(v.low, v.value, 1e-6); /* all seconds are alike */
    assert_near(v.high, v.value, 1e-6);
    for (uint32_t i = RAMP_S; i < RAMP_S + HOLD_S / 2; i++) {
        memset(f.r->seconds[i].response, 0, sizeof(f.r->seconds[i].response));
        f.r->seconds[i].response[band_of(10000)] = PER_S;
    }
    v = fixture_metric(&f, "response_p50", CLASS_READ, HOLD);
    assert_true(v.low < v.value * 0.9 && v.high > v.value * 1.1);
    /* Twenty seconds are too few for batches. */
    assert_true(isnan(fixture_metric(&f, "response_p99", CLASS_READ, RAMP).low));
}

static void the_probe_is_apart(void **state)
{
    (void)state;
    expect_unknown("probe_p50", -1, HOLD);
    for (int i = 0; i < 1000; i++)
        hdr_record(&f.r->probe_phases[HOLD].response[CLASS_READ], 70000);
    f.r->probe_phases[HOLD].errors[RESULTS_ERROR_TIMEOUT] = 2;
    expect("probe_p50", -1, HOLD, 70, 0.1);
    expect("probe_errors", -1, -1, 2, 0);
    expect("error_count", -1, -1, 0, 0);
    expect("response_p50", -1, HOLD, 6, 0.05);
}

static void drift_is_from_the_first_judged_phase(void **state)
{
    (void)state;
    f.s.phases[AFTER].judged = true;
    memset(&f.r->phases[AFTER].response, 0, sizeof(f.r->phases[AFTER].response));
    hdr_init(&f.r->phases[AFTER].response[CLASS_READ]);
    for (int i = 0; i < 20000; i++)
        hdr_record(&f.r->phases[AFTER].response[CLASS_READ], 12000);
    expect("response_p99_drift", CLASS_READ, AFTER, 10, 1);
    expect("response_p99_drift", CLASS_READ, -1, 10, 1);
    expect("response_p99_drift", CLASS_READ, HOLD, 0, 0.01);
    expect_unknown("response_p99_drift", CLASS_LOGIN, AFTER);
}

static void errors_are_counted_by_kind_and_class(void **state)
{
    (void)state;
    struct results_phase *p = &f.r->phases[HOLD];
    p->errors[RESULTS_ERROR_TIMEOUT] = 30;
    p->errors[RESULTS_ERROR_CUT] = 20;
    p->steps[STEP_LOGIN] = 200;
    p->step_errors[STEP_LOGIN] = 10;
    expect("error_count", -1, -1, 50, 0);
    expect("error_percent", -1, -1, 0.05, 1e-9);
    expect("error_percent", CLASS_LOGIN, -1, 5, 1e-9);
    expect("error_count", CLASS_LOGIN, HOLD, 10, 0);
    expect("error_count", CLASS_READ, HOLD, 0, 0);
    expect("timeout_errors", -1, -1, 30, 0);
    expect("cut_errors", -1, -1, 20, 0);
    expect("connect_errors", -1, -1, 0, 0);
    expect("error_count", -1, AFTER, 0, 0);
    expect_unknown("error_percent", CLASS_UPLOAD, -1);
}

static void errors_that_cannot_be_retried_are_excused(void **state)
{
    (void)state;
    struct results_phase *p = &f.r->phases[HOLD];
    p->errors[RESULTS_ERROR_CUT] = 3;
    p->errors[RESULTS_ERROR_STATUS_5XX] = 2;
    p->step_errors[STEP_HOME] = 3;
    p->step_errors[STEP_SUBMIT] = 1;
    p->step_errors[STEP_UPLOAD] = 1;
    expect("unretried_errors", -1, HOLD, 0, 0);
    p->errors[RESULTS_ERROR_STATUS_5XX]++;
    p->step_errors[STEP_HOME]++;
    expect("unretried_errors", -1, HOLD, 1, 0);
}

static void a_login_is_not_sent_again_either(void **state)
{
    (void)state;
    f.r->phases[HOLD].errors[RESULTS_ERROR_STATUS_5XX] = 1;
    f.r->phases[HOLD].step_errors[STEP_LOGIN] = 1;
    expect("unretried_errors", -1, HOLD, 0, 0);
}

static double of_group(const char *name, enum scenario_group group)
{
    struct metric_scope scope = { .result = f.r, .class = -1, .phase = HOLD, .group = (int)group };
    const struct metric *m = metric_find(slice_str(name));
    assert_true(m->has_groups);
    return m->compute(m, &scope).value;
}

static void groups_are_apart(void **state)
{
    struct results_group *healthy = &f.r->phases[HOLD].groups[GROUP_HEALTHY];
    struct results_group *broken = &f.r->phases[HOLD].groups[GROUP_BROKEN];
    (void)state;
    healthy->planned = healthy->done = 20000;
    broken->planned = 10000;
    broken->done = 9000;
    broken->errors = 1000;
    for (int i = 0; i < 20000; i++)
        hdr_record(&healthy->wait, 10000);
    for (int i = 0; i < 10000; i++)
        hdr_record(&broken->wait, 500000);
    assert_near(of_group("wait_p99", GROUP_HEALTHY), 10, 0.1);
    assert_near(of_group("wait_p99", GROUP_BROKEN), 500, 1);
    assert_near(of_group("wait_p50", GROUP_ANY), 10, 0.1);
    assert_near(of_group("error_percent", GROUP_BROKEN), 10, 1e-9);
    assert_near(of_group("error_count", GROUP_HEALTHY), 0, 0);
    assert_near(of_group("error_count", GROUP_ANY), 0, 0); /* by causes, which are none here */
}

static void nodes_tell_of_their_phase(void **state)
{
    (void)state;
    expect_unknown("node_connections", -1, HOLD);
    expect_unknown("repeated_percent", -1, HOLD);
    expect_unknown("peer_share_min", -1, HOLD);
    f.r->nodes[HOLD] = (struct results_nodes){
        .requests = 1000, .repeats = 50, .connections_max = 12, .share_min = 80
    };
    f.r->nodes[AFTER] = (struct results_nodes){
        .requests = 1000, .repeats = 0, .connections_max = 30, .share_min = NAN
    };
    expect("node_connections", -1, HOLD, 12, 0);
    expect("repeated_percent", -1, HOLD, 5, 1e-9);
    expect("peer_share_min", -1, HOLD, 80, 0);
    f.s.phases[AFTER].judged = true;
    expect_unknown("peer_share_loss", -1, AFTER);
    f.r->nodes[AFTER].share_min = 20;
    expect("peer_share_loss", -1, AFTER, 75, 1e-9);
    f.r->nodes[AFTER].share_min = 84; /* more than before is no loss */
    expect("peer_share_loss", -1, AFTER, -5, 1e-9);
    f.r->nodes[AFTER].share_min = NAN;
    expect("node_connections", -1, -1, 30, 0);
    expect("repeated_percent", -1, -1, 2.5, 1e-9);
    expect("peer_share_min", -1, -1, 80, 0);
}

static void rates_go_by_the_phase(void **state)
{
    (void)state;
    f.r->phases[HOLD].handshakes_full = 300;
    f.r->phases[HOLD].handshakes_resumed = 700;
    f.r->phases[AFTER].done = 15 * AFTER_S;
    f.r->phases[HOLD].steps[STEP_LOGIN] = 500;
    f.r->phases[HOLD].step_errors[STEP_LOGIN] = 100;
    expect("planned_per_s", -1, -1, PER_S, 1e-9);
    expect("done_per_s", -1, AFTER, 15, 1e-9);
    expect("done_per_s", CLASS_LOGIN, HOLD, 4, 1e-9);
    expect("handshakes_per_s", -1, HOLD, 10, 1e-9);
    expect("resumed_percent", -1, HOLD, 70, 1e-9);
    expect("goodput_of_peak", -1, AFTER, 1.5, 1e-9);
    expect_unknown("resumed_percent", -1, AFTER);
}

static void alive_is_of_the_worst_second(void **state)
{
    (void)state;
    expect("alive_min", -1, HOLD, USERS, 0);
    f.r->warm_up_s = 20; /* does not excuse a second */
    f.r->seconds[RAMP_S].alive = USERS - 7;
    expect("alive_min", -1, -1, USERS - 7, 0);
    expect("alive_min", -1, AFTER, USERS, 0);
}

static void closes_and_drops_are_those_of_the_phase(void **state)
{
    (void)state;
    f.r->seconds[RAMP_S - 1].closes = 5;
    f.r->seconds[RAMP_S].closes = 2;
    for (uint32_t i = RAMP_S - 1; i < f.r->second_count; i++)
        f.r->machine[i].listen_drops = i < RAMP_S + 10 ? 4 : 9;
    expect("closes", -1, HOLD, 2, 0);
    expect("listen_drops", -1, HOLD, 5, 0);
    expect("listen_drops", -1, RAMP, 4, 0);
    expect("listen_drops", -1, AFTER, 0, 0);
}

static void missing_steps_are_those_that_never_succeeded(void **state)
{
    (void)state;
    expect("steps_missing", -1, -1, STEP_COUNT - 1, 0);
    f.s.load.probe_users = 0;
    expect("steps_missing", -1, -1, STEP_COUNT - 2, 0);
    f.r->phases[HOLD].steps[STEP_LOGIN] = f.r->phases[HOLD].step_errors[STEP_LOGIN] = 4;
    expect("steps_missing", -1, -1, STEP_COUNT - 2, 0);
    f.r->phases[HOLD].steps[STEP_LOGIN]++;
    expect("steps_missing", -1, -1, STEP_COUNT - 3, 0);
}

static void memory_is_what_a_user_adds(void **state)
{
    (void)state;
    expect("gateway_memory", -1, -1, 5000000 + 10000.0 * USERS, 0);
    expect("gateway_memory_per_user", -1, -1, 10000, 1e-6);
    expect("generator_memory_per_user", -1, -1, 20000, 1e-6);
    expect("kernel_memory_per_user", -1, -1, 8000, 1e-6);
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_pss = 0;
    expect_unknown("gateway_memory", -1, -1);
    expect_unknown("gateway_memory_per_user", -1, -1);
}

static void processor_time_is_shared_out(void **state)
{
    (void)state;
    /* 40% of a second for a thousand requests. */
    expect("cpu_us_per_request", -1, HOLD, 400, 1e-6);
    expect_unknown("cpu_us_per_handshake", -1, HOLD);
    f.r->phases[HOLD].handshakes_full = 80000;
    expect("cpu_us_per_handshake", -1, HOLD, 500, 1e-6);
}

static void growth_is_nothing_while_it_may_be_chance(void **state)
{
    (void)state;
    expect("memory_growth", -1, -1, 0, 0);
    expect("fds_growth", -1, -1, 0, 0);
    expect("response_p99_growth", -1, -1, 0, 0);
    expect("done_growth", -1, -1, 0, 0);
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_rss += (i % 7) * 1000;
    expect("memory_growth", -1, -1, 0, 0);
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_rss += i * 1000;
    expect("memory_growth", -1, -1, 60000, 1500);
}

static void growth_of_each_measure_of_memory_is_told_apart(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_in_use += i * 2000;
    expect("memory_growth", -1, -1, 0, 0);
    expect("memory_in_use_growth", -1, -1, 120000, 1500);
    expect("allocated_growth", -1, -1, 0, 0);
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_allocated += i * 1000;
    expect("allocated_growth", -1, -1, 60000, 1500);
}

static void a_gateway_that_does_not_say_what_it_holds_is_not_taken_to_hold_nothing(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_in_use = f.r->machine[i].gateway_allocated = 0;
    expect_unknown("memory_in_use_growth", -1, -1);
    expect_unknown("allocated_growth", -1, -1);
}

static void memory_that_stops_growing_was_warm_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < f.r->second_count; i++) {
        uint32_t held_s = i > RAMP_S ? i - RAMP_S : 0;
        f.r->machine[i].gateway_rss += MIN(held_s, HOLD_S / 3) * 100000;
    }
    expect("memory_growth", -1, -1, 0, 0);
}

static void a_short_phase_has_no_growth(void **state)
{
    (void)state;
    expect_unknown("memory_growth", -1, RAMP);
}

static void dossiers_need_a_ledger(void **state)
{
    (void)state;
    f.r->ledger.lost = 3;
    f.r->phases[HOLD].steps[STEP_SUBMIT] = 10;
    expect("lost", -1, -1, 3, 0);
    expect("doubled", -1, -1, 0, 0);
    f.r->ledger.kept = false;
    expect_unknown("lost", -1, -1);
    f.r->phases[HOLD].steps[STEP_SUBMIT] = 0;
    f.r->ledger.lost = 0;
    expect("lost", -1, -1, 0, 0);
}

static void attackers_are_counted_by_phase(void **state)
{
    (void)state;
    struct results_attack *a = &f.r->attacks[HOLD].kinds[ATTACK_SLOW_BODY];
    *a = (struct results_attack){ .begun = 12, .held_max_us = 40000 };
    a->outcomes[ATTACK_STATUS_408] = 4;
    a->outcomes[ATTACK_CLOSED] = 3;
    a->outcomes[ATTACK_HANGING] = 5;
    a->outcomes[ATTACK_UNABLE] = 1;
    f.r->attacks[AFTER].kinds[ATTACK_RESET_FLOOD].outcomes[ATTACK_GOAWAY] = 9;
    f.r->attacks[AFTER].kinds[ATTACK_RESET_FLOOD].held_max_us = 90000;
    expect("attackers_sent_away", -1, -1, 7, 0);
    expect("attackers_sent_away", -1, AFTER, 9, 0);
    expect("attackers_hanging", -1, -1, 5, 0);
    expect("attackers_hanging", -1, AFTER, 0, 0);
    expect("attack_held_max", -1, -1, 40, 0);
    expect("attack_held_max", -1, AFTER, 90, 0);
    expect("error_count", -1, -1, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_is_filled_in_and_found),
        TEST(every_metric_stands_an_empty_result),
        TEST(quantiles_are_of_their_class_and_phase),
        TEST(a_quantile_needs_a_hundred_values_beyond_it),
        TEST(the_interval_of_a_quantile_comes_from_batches),
        TEST(the_probe_is_apart),
        TEST(drift_is_from_the_first_judged_phase),
        TEST(errors_are_counted_by_kind_and_class),
        TEST(errors_that_cannot_be_retried_are_excused),
        TEST(a_login_is_not_sent_again_either),
        TEST(groups_are_apart),
        TEST(nodes_tell_of_their_phase),
        TEST(rates_go_by_the_phase),
        TEST(alive_is_of_the_worst_second),
        TEST(closes_and_drops_are_those_of_the_phase),
        TEST(missing_steps_are_those_that_never_succeeded),
        TEST(attackers_are_counted_by_phase),
        TEST(memory_is_what_a_user_adds),
        TEST(processor_time_is_shared_out),
        TEST(growth_is_nothing_while_it_may_be_chance),
        TEST(growth_of_each_measure_of_memory_is_told_apart),
        TEST(a_gateway_that_does_not_say_what_it_holds_is_not_taken_to_hold_nothing),
        TEST(memory_that_stops_growing_was_warm_up),
        TEST(a_short_phase_has_no_growth),
        TEST(dossiers_need_a_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
