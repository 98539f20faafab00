/* Each rule of the verdict, both ways. */
#include "unit/bench/verdict_fixture.h"

static struct verdict_fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_criterion(&f, "response_p99", CLASS_READ, -1, false, 250);
    fixture_criterion(&f, "error_percent", -1, -1, false, 0.05);
    fixture_criterion(&f, "alive_min", -1, HOLD, true, USERS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    result_free(&f.r);
    return 0;
}

static void expect(enum result_verdict verdict, const char *reason)
{
    f.r->finding_count = 0;
    verdict_judge(f.r);
    if (f.r->verdict != verdict || !strstr(f.r->reason, reason))
        fail_msg("%s: %s", verdict_name(f.r->verdict), f.r->reason);
}

static bool has_finding(enum result_gravity gravity, const char *text)
{
    for (uint32_t i = 0; i < f.r->finding_count; i++)
        if (f.r->findings[i].gravity == gravity && strstr(f.r->findings[i].text, text))
            return true;
    return false;
}

/* Any rule that was broken would be broken by a criterion, too. */
static void miss_a_criterion(void)
{
    f.s.criteria[2].limit = USERS + 1;
}

/* --- criteria --------------------------------------------------------------------------------- */

static void passes_when_all_is_well(void **state)
{
    (void)state;
    expect(RESULT_PASS, "all 3 criteria hold");
    assert_int_equal(f.r->finding_count, 0);
    assert_int_equal(f.r->outcome_count, 3);
    assert_int_equal(f.r->warm_up_s, 0);
}

static void fails_when_a_criterion_is_missed(void **state)
{
    (void)state;
    f.r->seconds[RAMP_S + 50].alive = USERS - 1;
    expect(RESULT_FAIL, "missed: alive_min");
    assert_false(f.r->outcomes[2].ok);
    assert_true(f.r->outcomes[2].margin < 0);
}

static void a_limit_is_kept_by_reaching_it(void **state)
{
    (void)state;
    f.r->phases[HOLD].errors[RESULTS_ERROR_TIMEOUT] = HOLD_S * PER_S / 2000;
    expect(RESULT_PASS, "");
    f.r->phases[HOLD].errors[RESULTS_ERROR_TIMEOUT]++;
    expect(RESULT_FAIL, "missed: error_percent");
}

static void a_phase_that_is_not_judged_cannot_fail(void **state)
{
    (void)state;
    f.r->phases[AFTER].errors[RESULTS_ERROR_TIMEOUT] = 10000;
    f.r->phases[AFTER].issued = 0;
    expect(RESULT_PASS, "");
}

static void does_not_know_when_nothing_was_measured(void **state)
{
    (void)state;
    fixture_criterion(&f, "response_p99", CLASS_UPLOAD, -1, false, 250);
    expect(RESULT_INVALID, "too little was measured to tell: response_p99");
    assert_false(f.r->outcomes[3].measured);
    assert_false(f.r->outcomes[3].ok);
    assert_true(isnan(f.r->outcomes[3].value));
}

static void a_miss_weighs_more_than_not_knowing(void **state)
{
    (void)state;
    fixture_criterion(&f, "response_p99", CLASS_UPLOAD, -1, false, 250);
    miss_a_criterion();
    expect(RESULT_FAIL, "missed: alive_min");
}

/* --- was the load delivered? ------------------------------------------------------------------ */

static void actions_not_issued_make_it_invalid_whatever_the_numbers(void **state)
{
    (void)state;
    uint64_t planned = f.r->phases[HOLD].planned;
    f.r->phases[HOLD].issued = planned * 995 / 1000;
    expect(RESULT_PASS, "");
    f.r->phases[HOLD].issued = planned * 995 / 1000 - 1;
    expect(RESULT_INVALID, "hold: 99.50% of the planned actions were issued");
    miss_a_criterion();
    expect(RESULT_INVALID, "issued");
}

static void late_sends_make_it_invalid_whatever_the_numbers(void **state)
{
    (void)state;
    uint64_t issued = f.r->phases[HOLD].issued;
    f.r->phases[HOLD].sent_late = issued / 100;
    expect(RESULT_PASS, "");
    f.r->phases[HOLD].sent_late = issued / 100 + 10;
    expect(RESULT_INVALID, "within 50 ms of their plan");
    miss_a_criterion();
    expect(RESULT_INVALID, "within 50 ms of their plan");
}

static void the_probe_has_to_be_delivered_too(void **state)
{
    (void)state;
    f.r->probe_phases[HOLD].planned = 1000;
    f.r->probe_phases[HOLD].issued = 995;
    expect(RESULT_PASS, "");
    f.r->probe_phases[HOLD].issued = 900;
    expect(RESULT_INVALID, "the probe in hold: 90.00%");
}

static void users_that_the_generator_could_not_start_make_it_invalid(void **state)
{
    (void)state;
    f.r->phases[RAMP].errors[RESULTS_ERROR_GENERATOR] = 1;
    expect(RESULT_INVALID, "1 times a generator could not start");
}

static void a_run_without_actions_is_invalid(void **state)
{
    (void)state;
    f.r->phases[HOLD].planned = f.r->phases[HOLD].issued = 0;
    expect(RESULT_INVALID, "no action was planned");
}

static void an_interrupted_run_is_invalid(void **state)
{
    (void)state;
    f.r->interrupted = true;
    expect(RESULT_INVALID, "interrupted");
}

static void what_others_found_counts(void **state)
{
    (void)state;
    f.r->findings[0] = (struct result_finding){ FINDING_NOT_DELIVERED, "generator-3 was killed" };
    f.r->finding_count = 1;
    verdict_judge(f.r);
    assert_int_equal(f.r->verdict, RESULT_INVALID);
    assert_string_equal(f.r->reason, "generator-3 was killed");
}

static void a_gateway_that_ends_fails(void **state)
{
    (void)state;
    f.r->second_count = RAMP_S - 1;
    f.r->phases[HOLD].planned = f.r->phases[HOLD].issued = 0;
    expect(RESULT_FAIL, "the gateway ended, and the run with it, after 19 s of 150 s");
}

/* --- do the witnesses agree? ------------------------------------------------------------------ */

static void set_gateway_connections(uint32_t count)
{
    for (uint32_t i = RAMP_S; i < RAMP_S + HOLD_S; i++)
        f.r->machine[i].gateway_connections = count;
}

static void set_kernel_sockets(uint32_t from_second, uint32_t count)
{
    for (uint32_t i = from_second; i < RAMP_S + HOLD_S; i++)
        f.r->machine[i].kernel_sockets = count;
}

static void a_gateway_that_counts_other_connections_makes_it_invalid(void **state)
{
    (void)state;
    set_gateway_connections(USERS + PROBE_USERS + 12); /* 0.1%, and three */
    expect(RESULT_PASS, "");
    set_gateway_connections(USERS + PROBE_USERS + 14);
    expect(RESULT_INVALID, "the clients had 10020 connections, but the gateway counted 10034");
    set_gateway_connections(USERS + PROBE_USERS - 14);
    expect(RESULT_INVALID, "but the gateway counted 10006");
    miss_a_criterion();
    expect(RESULT_INVALID, "the gateway counted");
}

static void a_kernel_that_counts_other_connections_makes_it_invalid(void **state)
{
    (void)state;
    set_kernel_sockets(RAMP_S, USERS + PROBE_USERS - 12);
    expect(RESULT_PASS, "");
    set_kernel_sockets(RAMP_S, USERS - 500);
    expect(RESULT_INVALID, "but the kernel counted 9500");
}

static void counts_of_the_phase_before_are_not_held_against_it(void **state)
{
    (void)state;
    set_kernel_sockets(RAMP_S, USERS / 2);
    set_kernel_sockets(RAMP_S + HOLD_S / 2, USERS + PROBE_USERS);
    expect(RESULT_PASS, "");
}

static void guests_may_be_missed_between_two_counts(void **state)
{
    (void)state;
    f.s.phases[HOLD].arrivals_per_s = 100;
    set_gateway_connections(USERS + PROBE_USERS + 112);
    expect(RESULT_PASS, "");
    set_gateway_connections(USERS + PROBE_USERS + 114);
    expect(RESULT_INVALID, "the gateway counted");
}

static void attackers_may_be_among_those_counted(void **state)
{
    (void)state;
    f.s.phases[HOLD].attackers[ATTACK_SLOW_HEAD] = 300;
    f.s.phases[HOLD].attackers[ATTACK_RESET_FLOOD] = 20;
    set_gateway_connections(USERS + PROBE_USERS);
    expect(RESULT_PASS, "");
    set_gateway_connections(USERS + PROBE_USERS + 320);
    expect(RESULT_PASS, "");
    set_gateway_connections(USERS + PROBE_USERS + 334);
    expect(RESULT_INVALID, "the clients had 10020 connections, but the gateway counted 10354");
    set_gateway_connections(USERS + PROBE_USERS - 14);
    expect(RESULT_INVALID, "but the gateway counted 10006");
}

static void attackers_that_could_not_be_started_make_it_invalid(void **state)
{
    (void)state;
    f.r->attacks[HOLD].kinds[ATTACK_SLOW_READ].outcomes[ATTACK_UNABLE] = 2;
    expect(RESULT_INVALID, "2 times a generator could not start what it had to");
}

static void a_witness_that_is_not_there_is_noted(void **state)
{
    (void)state;
    set_gateway_connections(0);
    expect(RESULT_PASS, "");
    assert_true(has_finding(FINDING_NOTE, "the gateway did not count connections"));
}

/* --- was anything else in the way? ------------------------------------------------------------ */

/* A pass stands, a miss is not the gateway's. */
static void expect_disturbed(const char *text)
{
    expect(RESULT_PASS, "");
    assert_true(has_finding(FINDING_DISTURBED, text));
    miss_a_criterion();
    expect(RESULT_INVALID, text);
}

static void expect_undisturbed(void)
{
    expect(RESULT_PASS, "");
    assert_int_equal(f.r->finding_count, 0);
}

static void late_generators_disturb(void **state)
{
    (void)state;
    for (int i = 0; i < HOLD_S * PER_S / 101; i++) /* not yet one in a hundred */
        hdr_record(&f.r->phases[HOLD].lag, 30000);
    expect_undisturbed();
    for (int i = 0; i < HOLD_S * PER_S / 101; i++)
        hdr_record(&f.r->phases[HOLD].lag, 30000);
    expect_disturbed("hold: the generators were late by 30.0 ms (p99), more than 20 ms");
}

static void set_machine(double busy, double steal, double foreign)
{
    for (uint32_t i = RAMP_S; i < RAMP_S + HOLD_S; i++) {
        f.r->machine[i].core_busy[1] = busy;
        f.r->machine[i].steal = steal;
        f.r->machine[i].foreign = foreign;
    }
}

static void a_busy_core_of_the_generators_disturbs(void **state)
{
    (void)state;
    set_machine(84.9, 0, 0);
    expect_undisturbed();
    set_machine(86, 0, 0);
    expect_disturbed("hold: the generators' core was 14.0% idle, less than 15%");
}

static void attackers_who_take_what_is_left_do_not_disturb(void **state)
{
    (void)state;
    set_machine(99, 0, 0);
    for (uint32_t i = RAMP_S; i < RAMP_S + HOLD_S; i++)
        f.r->machine[i].attackers_cpu = 15;
    expect_undisturbed();
    for (uint32_t i = RAMP_S; i < RAMP_S + HOLD_S; i++)
        f.r->machine[i].attackers_cpu = 13;
    expect_disturbed("hold: the generators' core was 14.0% idle, less than 15%");
}

static void stolen_time_disturbs(void **state)
{
    (void)state;
    set_machine(50, 1.9, 0);
    expect_undisturbed();
    set_machine(50, 2.5, 0);
    expect_disturbed("2.5% of the processor was taken by other machines");
}

static void other_programs_disturb(void **state)
{
    (void)state;
    set_machine(50, 0, 2.9);
    expect_undisturbed();
    set_machine(50, 0, 3.5);
    expect_disturbed("3.5% of the processor was taken by other programs");
}

static void what_happened_elsewhere_does_not_disturb(void **state)
{
    (void)state;
    for (uint32_t i = RAMP_S + HOLD_S; i < f.r->second_count; i++)
        f.r->machine[i].foreign = 50;
    expect_undisturbed();
}

/* --- dossiers --------------------------------------------------------------------------------- */

static void a_lost_dossier_fails(void **state)
{
    (void)state;
    f.r->ledger.lost = 1;
    expect(RESULT_FAIL, "1 were lost");
}

static void a_doubled_dossier_fails(void **state)
{
    (void)state;
    f.r->ledger.doubled = 1;
    expect(RESULT_FAIL, "1 stored twice");
}

static void a_changed_dossier_fails(void **state)
{
    (void)state;
    f.r->ledger.wrong_content = 1;
    expect(RESULT_FAIL, "1 changed");
}

static void an_unacknowledged_dossier_does_not_fail(void **state)
{
    (void)state;
    f.r->ledger.unacknowledged = 5;
    expect(RESULT_PASS, "");
}

static void no_disturbance_excuses_a_lost_dossier(void **state)
{
    (void)state;
    f.r->ledger.lost = 1;
    set_machine(99, 9, 9);
    expect(RESULT_FAIL, "1 were lost");
    f.r->phases[HOLD].issued = 0;
    expect(RESULT_INVALID, "issued");
}

/* --- warm-up ---------------------------------------------------------------------------------- */

static void a_warm_up_is_cut_from_the_first_judged_phase(void **state)
{
    (void)state;
    for (uint32_t i = RAMP_S; i < RAMP_S + 15; i++)
        f.r->seconds[i].response_p99_us = 900000;
    expect(RESULT_PASS, "");
    assert_int_equal(f.r->warm_up_s, 15);
}

static void no_warm_up_is_cut_where_something_is_to_happen(void **state)
{
    (void)state;
    for (uint32_t i = RAMP_S; i < RAMP_S + 15; i++)
        f.r->seconds[i].response_p99_us = 900000;
    f.s.faults[0] = (struct scenario_fault){ .action = FAULT_RELOAD, .phase = HOLD };
    f.s.fault_count = 1;
    expect(RESULT_PASS, "");
    assert_int_equal(f.r->warm_up_s, 0);
    f.s.fault_count = 0;
    f.s.phases[HOLD].users_from--;
    expect(RESULT_PASS, "");
    assert_int_equal(f.r->warm_up_s, 0);
}

static void a_phase_that_never_becomes_steady_is_noted(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < HOLD_S; i++)
        f.r->seconds[RAMP_S + i].response_p99_us = 1000 * (HOLD_S - i);
    expect(RESULT_PASS, "");
    assert_true(has_finding(FINDING_NOTE, "hold: it did not become steady"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(passes_when_all_is_well),
        TEST(fails_when_a_criterion_is_missed),
        TEST(a_limit_is_kept_by_reaching_it),
        TEST(a_phase_that_is_not_judged_cannot_fail),
        TEST(does_not_know_when_nothing_was_measured),
        TEST(a_miss_weighs_more_than_not_knowing),
        TEST(actions_not_issued_make_it_invalid_whatever_the_numbers),
        TEST(late_sends_make_it_invalid_whatever_the_numbers),
        TEST(the_probe_has_to_be_delivered_too),
        TEST(users_that_the_generator_could_not_start_make_it_invalid),
        TEST(a_run_without_actions_is_invalid),
        TEST(an_interrupted_run_is_invalid),
        TEST(what_others_found_counts),
        TEST(a_gateway_that_ends_fails),
        TEST(a_gateway_that_counts_other_connections_makes_it_invalid),
        TEST(a_kernel_that_counts_other_connections_makes_it_invalid),
        TEST(counts_of_the_phase_before_are_not_held_against_it),
        TEST(guests_may_be_missed_between_two_counts),
        TEST(attackers_may_be_among_those_counted),
        TEST(attackers_that_could_not_be_started_make_it_invalid),
        TEST(a_witness_that_is_not_there_is_noted),
        TEST(late_generators_disturb),
        TEST(a_busy_core_of_the_generators_disturbs),
        TEST(attackers_who_take_what_is_left_do_not_disturb),
        TEST(stolen_time_disturbs),
        TEST(other_programs_disturb),
        TEST(what_happened_elsewhere_does_not_disturb),
        TEST(a_lost_dossier_fails),
        TEST(a_doubled_dossier_fails),
        TEST(a_changed_dossier_fails),
        TEST(an_unacknowledged_dossier_does_not_fail),
        TEST(no_disturbance_excuses_a_lost_dossier),
        TEST(a_warm_up_is_cut_from_the_first_judged_phase),
        TEST(no_warm_up_is_cut_where_something_is_to_happen),
        TEST(a_phase_that_never_becomes_steady_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
