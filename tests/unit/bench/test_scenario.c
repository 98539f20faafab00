#include "bench/scenario/describe.h"
#include "bench/scenario/province.h"
#include "bench/scenario/scenario.h"
#include "bench/verdict/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* One line each, so that a test knows the line of what it adds. */
#define HEAD "{ name: t, about: a test,\n"
#define PHASES "phases: [ { name: hold, duration: 60s, users: 100, judged: true } ],\n"
#define CRITERIA "criteria: [ error_percent at most 0.1% ] }\n"

struct loaded {
    struct diagnostics d;
    struct scenario *s;
    char path[32];
};

static struct loaded load_scaled(const char *text, double scale, double users_scale)
{
    struct loaded l = { .path = "/tmp/test_scenario.XXXXXX" };
    int fd = mkstemp(l.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    diagnostics_init(&l.d);
    l.s = scenario_load(l.path, scale, users_scale, &l.d);
    unlink(l.path);
    return l;
}

static void unload(struct loaded *l)
{
    scenario_free(&l->s);
    diagnostics_fini(&l->d);
}

static struct loaded load_good(const char *text)
{
    struct loaded l = load_scaled(text, 1, 1);
    buf_append_char(&l.d.text, '\0');
    assert_string_equal(l.d.text.data, "");
    assert_non_null(l.s);
    return l;
}

/* One problem at the end of "file:", such as "3:5: load.users: ...". */
static void expect_problem(const char *text, const char *expected)
{
    struct loaded l = load_scaled(text, 1, 1);
    buf_append_char(&l.d.text, '\0');
    assert_null(l.s);
    const char *line = l.d.text.data + strlen(l.path);
    assert_memory_equal(line, ":", 1);
    assert_string_equal(line + 1, expected);
    unload(&l);
}

static void fills_in_every_default(void **state)
{
    (void)state;
    struct loaded l = load_good(HEAD PHASES CRITERIA);
    assert_string_equal(l.s->name, "t");
    assert_string_equal(l.s->about, "a test");
    assert_null(l.s->not_available);
    assert_int_equal(l.s->seed, 1);
    assert_false(l.s->search);
    assert_int_equal(l.s->phases[0].think_median_ms, 15000);
    assert_int_equal(l.s->phases[0].think_mean_ms, 30000);
    assert_int_equal(l.s->phases[0].resumed_percent, 30);
    assert_int_equal(l.s->load.user_percent[USER_CITIZEN], 55);
    assert_int_equal(l.s->load.procedures, 2000);
    assert_int_equal(l.s->load.upload_bytes_max, 5 * 1024 * 1024);
    assert_int_equal(l.s->load.slow_bytes_per_s_min, 8000);
    assert_int_equal(l.s->testbed.nodes, 4);
    assert_string_equal(l.s->testbed.node_latency, "lognormal:median=5ms,mean=8ms");
    assert_string_equal(l.s->testbed.node_options, "");
    assert_string_equal(l.s->testbed.gateway_timeouts, "");
    assert_int_equal(l.s->load.attack_pace_ms, 3000);
    assert_int_equal(l.s->load.attack_return_ms, 1000);
    unload(&l);
}

static void a_phase_begins_with_the_users_of_the_one_before(void **state)
{
    (void)state;
    struct loaded l =
        load_good(HEAD "phases:\n"
                       "  [ { name: ramp, duration: 2m, users: 500 },\n"
                       "    { name: hold, duration: 30s, users: 500, judged: true },\n"
                       "    { name: ebb, duration: 1s, users: 20 } ],\n" CRITERIA);
    assert_int_equal(l.s->phase_count, 3);
    assert_int_equal(l.s->phases[0].users_from, 0);
    assert_int_equal(l.s->phases[0].users_to, 500);
    assert_int_equal(l.s->phases[1].users_from, 500);
    assert_int_equal(l.s->phases[2].users_from, 500);
    assert_int_equal(l.s->phases[2].users_to, 20);
    assert_false(l.s->phases[0].judged);
    assert_true(l.s->phases[1].judged);
    assert_int_equal(scenario_users_max(l.s), 500);
    assert_int_equal(scenario_duration_ms(l.s), 151000);
    unload(&l);
}

static void nothing_lost_nothing_doubled_is_always_asked(void **state)
{
    (void)state;
    struct loaded l = load_good(HEAD PHASES CRITERIA);
    assert_int_equal(l.s->criterion_count, 4);
    assert_string_equal(l.s->criteria[1].metric, "lost");
    assert_string_equal(l.s->criteria[2].metric, "doubled");
    assert_string_equal(l.s->criteria[3].metric, "wrong_content");
    unload(&l);
}

static void reads_a_criterion_word_by_word(void **state)
{
    (void)state;
    struct loaded l =
        load_good(HEAD PHASES "criteria:\n"
                              "  [ response_p99 of read in hold at most 250ms,\n"
                              "    alive_min  at least  99, error_percent at most 0.05%,\n"
                              "    gateway_memory_per_user at most 16KiB ] }\n");
    const struct scenario_criterion *c = l.s->criteria;
    assert_string_equal(c[0].metric, "response_p99");
    assert_int_equal(c[0].class, CLASS_READ);
    assert_int_equal(c[0].phase, 0);
    assert_false(c[0].at_least);
    assert_true(c[0].limit == 250);
    assert_int_equal(c[0].line, 4);
    assert_string_equal(c[0].text, "response_p99 of read in hold at most 250ms");
    assert_int_equal(c[1].class, -1);
    assert_int_equal(c[1].phase, -1);
    assert_true(c[1].at_least);
    assert_true(c[1].limit == 99);
    assert_true(c[2].limit == 0.05);
    assert_true(c[3].limit == 16384);
    unload(&l);
}

static void faults_are_put_into_their_phase(void **state)
{
    (void)state;
    struct loaded l =
        load_good(HEAD PHASES "faults:\n"
                              "  [ { action: kill_node, phase: hold, at: 5s, argument: 3 },\n"
                              "    { action: reload, phase: hold } ],\n" CRITERIA);
    assert_int_equal(l.s->fault_count, 2);
    assert_int_equal(l.s->faults[0].action, FAULT_KILL_NODE);
    assert_int_equal(l.s->faults[0].at_ms, 5000);
    assert_int_equal(l.s->faults[0].argument, 3);
    assert_int_equal(l.s->faults[0].line, 4);
    assert_int_equal(l.s->faults[1].action, FAULT_RELOAD);
    unload(&l);
}

static void a_phase_may_have_attackers(void **state)
{
    (void)state;
    struct loaded l = load_scaled(HEAD "phases: [ { name: quiet, duration: 1s, users: 9 },\n"
                                       "  { name: siege, duration: 1s, users: 9, judged: true,\n"
                                       "    attackers: { slow_head: 9, reset_flood: 20 } } ],\n"
                                       "load: { attack_pace: 2s, attack_return: 0s },\n"
                                       "testbed: { gateway_timeouts: 'send: 5s' },\n" CRITERIA,
                                  1, 0.5);
    assert_non_null(l.s);
    assert_int_equal(l.s->phases[0].attackers[ATTACK_SLOW_HEAD], 0);
    assert_int_equal(l.s->phases[1].attackers[ATTACK_SLOW_HEAD], 5);
    assert_int_equal(l.s->phases[1].attackers[ATTACK_SLOW_READ], 0);
    assert_int_equal(scenario_attackers_max(l.s, ATTACK_RESET_FLOOD), 10);
    assert_int_equal(scenario_attackers_max(l.s, ATTACK_SLOW_BODY), 0);
    assert_int_equal(l.s->load.attack_pace_ms, 2000);
    assert_int_equal(l.s->load.attack_return_ms, 0);
    assert_string_equal(l.s->testbed.gateway_timeouts, "send: 5s");
    unload(&l);
    expect_problem(HEAD "phases: [ { name: siege, duration: 1s, users: 9, judged: true,\n"
                        "  attackers: { slow_heads: 1 } } ],\n" CRITERIA,
                   "3:16: phases[0].attackers.slow_heads: unknown key; did you mean slow_head?\n");
    expect_problem(HEAD "phases: [ { name: siege, duration: 1s, users: 9, judged: true,\n"
                        "  attackers: { slow_read: many } } ],\n" CRITERIA,
                   "3:27: phases[0].attackers.slow_read: \"many\" is not a whole number; write "
                   "digits only, such as 120000\n");
}

#define PROVINCES "testbed: { provinces: 10, nodes: 1 },\n"

static void a_fault_may_be_of_a_province_or_of_what_all_share(void **state)
{
    (void)state;
    struct loaded l =
        load_good(HEAD PHASES PROVINCES
                  "faults: [ { action: flap, phase: hold, province: can-tho, time: 5s },\n"
                  "  { action: slow, phase: hold, system: dan-cu, time: 3s },\n"
                  "  { action: mend, phase: hold, at: 9s } ],\n"
                  "criteria: [ wait_p99_drift of healthy in hold at most 20%,\n"
                  "            error_count of broken at most 5 ] }\n");
    assert_int_equal(l.s->faults[0].action, FAULT_FLAP);
    assert_string_equal(province_name(l.s->faults[0].province), "can-tho");
    assert_int_equal(l.s->faults[0].time_ms, 5000);
    assert_true(l.s->faults[1].of_system);
    assert_int_equal(l.s->faults[2].province, FAULT_EVERYWHERE);
    assert_int_equal(l.s->criteria[0].group, GROUP_HEALTHY);
    assert_int_equal(l.s->criteria[1].group, GROUP_BROKEN);
    assert_int_equal(l.s->criteria[2].group, GROUP_ANY);
    assert_int_equal(scenario_group_of(l.s, 3, STEP_TRACK), GROUP_BROKEN);
    assert_int_equal(scenario_group_of(l.s, 4, STEP_TRACK), GROUP_HEALTHY);
    assert_int_equal(scenario_group_of(l.s, 4, STEP_AUTOFILL), GROUP_BROKEN);
    assert_int_equal(scenario_group_of(l.s, PROVINCES_MAX, STEP_TRACK), GROUP_HEALTHY);
    unload(&l);
}

static void an_outage_that_cannot_be_is_a_problem(void **state)
{
    (void)state;
    expect_problem(HEAD PHASES PROVINCES
                   "faults: [ { action: hang, phase: hold, province: can-to } ],\n" CRITERIA,
                   "4:50: faults[0].province: there is no province \"can-to\"; did you mean "
                   "can-tho?\n");
    expect_problem(HEAD PHASES PROVINCES
                   "faults: [ { action: hang, phase: hold, province: vinh-long } ],\n" CRITERIA,
                   "4:50: faults[0].province: there is no province \"vinh-long\" among the first "
                   "10\n");
    expect_problem(HEAD PHASES PROVINCES "faults: [ { action: hang, phase: hold } ],\n" CRITERIA,
                   "4:21: faults[0].action: needs a province, or a system\n");
    expect_problem(HEAD PHASES PROVINCES
                   "faults: [ { action: slow, phase: hold, province: ca-mau } ],\n" CRITERIA,
                   "4:11: faults[0]: is needed to be slow, or to flap\n");
    expect_problem(HEAD PHASES "faults: [ { action: mend, phase: hold } ],\n" CRITERIA,
                   "3:21: faults[0].action: needs testbed.provinces\n");
    expect_problem(HEAD PHASES "testbed: { provinces: 3 },\n" CRITERIA,
                   "3:10: testbed: must be 1 where there are provinces: all peers are the one's\n");
}

static void scales_time_and_users_and_what_is_asked_of_them(void **state)
{
    (void)state;
    struct loaded l =
        load_scaled(HEAD "phases: [ { name: hold, duration: 60s, users: 101, arrivals_per_s: 10,\n"
                         "            judged: true } ],\n"
                         "faults: [ { action: reload, phase: hold, at: 20s } ],\n"
                         "criteria: [ alive_min at least 101, response_p99 at most 1s ] }\n",
                    0.1, 0.5);
    assert_non_null(l.s);
    assert_int_equal(l.s->phases[0].duration_ms, 6000);
    assert_int_equal(l.s->phases[0].users_to, 51);
    assert_int_equal(l.s->phases[0].arrivals_per_s, 5);
    assert_int_equal(l.s->faults[0].at_ms, 2000);
    assert_true(l.s->criteria[0].limit == 50);
    assert_true(l.s->criteria[1].limit == 1000);
    assert_true(l.s->scale == 0.1);
    unload(&l);
}

static void a_metric_that_does_not_exist_is_a_problem_with_its_place(void **state)
{
    (void)state;
    expect_problem(HEAD PHASES "criteria: [ error_percent at most 1%,\n"
                               "  respons_p99 at most 250ms ] }\n",
                   "4:3: criteria[1]: there is no metric \"respons_p99\"; did you mean "
                   "response_p99?\n");
    expect_problem(HEAD PHASES "criteria: [ happiness at least 1 ] }\n",
                   "3:13: criteria[0]: there is no metric \"happiness\"; `cong-bench run --help` "
                   "lists them\n");
}

static void a_criterion_that_makes_no_sense_is_a_problem(void **state)
{
    (void)state;
    static const struct {
        const char *criterion, *problem;
    } cases[] = {
        { "response_p99 of uploads at most 1s",
          "\"uploads\" is no class; there are read, login, submit and upload, and the groups "
          "healthy and broken" },
        { "error_count of broken at most 0",
          "there are groups of users only with testbed.provinces" },
        { "response_p99 of healthy at most 1s", "response_p99 is not measured by group of users" },
        { "handshake_p99 of read at most 1s", "handshake_p99 is not measured by class" },
        { "response_p99 in held at most 1s", "there is no phase \"held\"" },
        { "lost in hold at most 0", "lost is only known for the whole run" },
        { "response_p99 below 1s",
          "is not \"METRIC [of CLASS] [in PHASE] at most|at least LIMIT\", such as \"response_p99 "
          "of read in hold at most 250ms\"" },
        { "response_p99 at most 1s or so",
          "\"1s or so\" is not a duration; write a whole number and ms, s, m, h or d, such as "
          "30s" },
        { "error_percent at most 1", "\"1\" is not a percentage; write one such as 0.05%" },
        { "error_percent at most .5%", "\".5%\" is not a percentage; write one such as 0.05%" },
        { "error_percent at most 1e3%", "\"1e3%\" is not a percentage; write one such as 0.05%" },
        { "closes at most 5s", "\"5s\" is not a whole number; write digits only, such as 120000" },
        { "closes at most", "\"\" is not a whole number; write digits only, such as 120000" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512], problem[512];
        snprintf(text, sizeof(text), HEAD PHASES "criteria:\n  [ '%s' ] }\n", cases[i].criterion);
        snprintf(problem, sizeof(problem), "4:5: criteria[0]: %s\n", cases[i].problem);
        expect_problem(text, problem);
    }
}

static void a_key_that_does_not_exist_is_a_problem(void **state)
{
    (void)state;
    expect_problem(HEAD PHASES "load: { http_percent: 1 },\n" CRITERIA,
                   "3:9: load.http_percent: unknown key; did you mean http2_percent?\n");
    expect_problem(HEAD "phases: [ { name: hold, users: 1, judged: true } ],\n" CRITERIA,
                   "2:11: phases[0].duration: is missing: how long it lasts\n");
}

static void what_does_not_fit_together_is_a_problem(void **state)
{
    (void)state;
    expect_problem(HEAD "phases: [ { name: hold, duration: 60s, users: 100 } ],\n" CRITERIA,
                   "2:9: phases: at least one phase must be judged\n");
    expect_problem(HEAD "phases: [ { name: a, duration: 60s, users: 1, judged: true },\n"
                        "  { name: a, duration: 60s, users: 1 } ],\n" CRITERIA,
                   "3:11: phases[1].name: is the name of another phase, too\n");
    expect_problem(HEAD "phases: [ { name: a, duration: 5h, users: 1, judged: true },\n"
                        "  { name: b, duration: 5h, users: 1 } ],\n" CRITERIA,
                   "2:9: phases: last longer than 20000 s together\n");
    expect_problem(HEAD "phases: [ { name: a, duration: 60s, users: 1, judged: true,\n"
                        "  think_median: 2s, think_mean: 2s } ],\n" CRITERIA,
                   "3:33: phases[0].think_mean: must be more than think_median\n");
    expect_problem(HEAD PHASES "load: { users: { citizen: 50 } },\n" CRITERIA,
                   "3:16: load.users: add up to 95%, not to 100%\n");
    expect_problem(HEAD PHASES "load: { upload_max: 1KiB },\n" CRITERIA,
                   "3:21: load.upload_max: must not be less than upload_min\n");
    expect_problem(HEAD PHASES "load: { hot_procedures: 30, procedures: 20 },\n" CRITERIA,
                   "3:25: load.hot_procedures: must not be more than procedures\n");
    expect_problem(HEAD PHASES "load: { slow_rate_min: 1MiB },\n" CRITERIA,
                   "3:7: load: must not be less than slow_rate_min\n");
    expect_problem(HEAD PHASES "testbed: { node_latency: fast },\n" CRITERIA,
                   "3:26: testbed.node_latency: \"fast\" is not a latency; write 0, 20ms, "
                   "uniform:5ms-50ms or lognormal:median=15ms,mean=30ms\n");
}

static void a_fault_that_cannot_be_is_a_problem(void **state)
{
    (void)state;
    expect_problem(HEAD PHASES "faults: [ { action: reload, phase: held } ],\n" CRITERIA,
                   "3:36: faults[0].phase: there is no phase \"held\"\n");
    expect_problem(HEAD PHASES "faults: [ { action: reload, phase: hold, at: 60s } ],\n" CRITERIA,
                   "3:46: faults[0].at: is after the end of the phase\n");
    expect_problem(
        HEAD PHASES "faults: [ { action: kill_node, phase: hold, argument: 4 } ],\n" CRITERIA,
        "3:55: faults[0].argument: is not the number of a node; they are counted from 0\n");
    expect_problem(HEAD PHASES "faults: [ { action: kill_redis, phase: hold } ],\n" CRITERIA,
                   "3:21: faults[0].action: needs testbed.redis\n");
}

static void every_problem_is_reported_at_once(void **state)
{
    (void)state;
    struct loaded l =
        load_scaled("{ name: t,\nphases: [ { name: hold, duration: 60, users: 100 } ],\n"
                    "criteria: [ what at most 1 ] }\n",
                    1, 1);
    assert_null(l.s);
    assert_int_equal(l.d.count, 4);
    unload(&l);
}

static void a_file_that_is_not_there_is_a_problem(void **state)
{
    (void)state;
    struct diagnostics d;
    diagnostics_init(&d);
    assert_null(scenario_load("/nonexistent/x.yaml", 1, 1, &d));
    assert_int_equal(d.count, 1);
    diagnostics_fini(&d);
}

/* The file's name is the scenario's, so that it runs by it. */
static void every_scenario_of_the_suite_can_be_read(void **state)
{
    (void)state;
    static const char *const suite[] = {
        "smoke",     "baseline",        "ramp",         "hold",          "surge",
        "soak",      "login-spike",     "slow-clients", "backend-death", "redis-death",
        "reload",    "handshake-storm", "capacity",     "overload",      "siege",
        "provinces", "node-kill",       "slow-uploads",
    };
    for (size_t i = 0; i < ARRAY_LEN(suite); i++) {
        char path[64];
        struct diagnostics d;
        diagnostics_init(&d);
        snprintf(path, sizeof(path), "bench/scenarios/%s.yaml", suite[i]);
        struct scenario *s = scenario_load(path, 1, 1, &d);
        if (!s)
            print_error("%.*s", SLICE_ARG(buf_slice(&d.text)));
        assert_non_null(s);
        assert_string_equal(s->name, suite[i]);
        scenario_free(&s);
        diagnostics_fini(&d);
    }
}

static void help_names_every_key_and_metric(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 65536);
    scenario_describe(&b);
    buf_append_char(&b, '\0');
    assert_true(buf_ok(&b));
    assert_non_null(strstr(b.data, "load.request_timeout"));
    assert_non_null(strstr(b.data, "faults[].action"));
    assert_non_null(strstr(b.data, "phases[].attackers.slow_head"));
    for (size_t i = 0; i < METRIC_COUNT; i++)
        assert_non_null(strstr(b.data, metric_table[i].name));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(a_phase_begins_with_the_users_of_the_one_before),
        cmocka_unit_test(nothing_lost_nothing_doubled_is_always_asked),
        cmocka_unit_test(reads_a_criterion_word_by_word),
        cmocka_unit_test(faults_are_put_into_their_phase),
        cmocka_unit_test(a_phase_may_have_attackers),
        cmocka_unit_test(a_fault_may_be_of_a_province_or_of_what_all_share),
        cmocka_unit_test(an_outage_that_cannot_be_is_a_problem),
        cmocka_unit_test(scales_time_and_users_and_what_is_asked_of_them),
        cmocka_unit_test(a_metric_that_does_not_exist_is_a_problem_with_its_place),
        cmocka_unit_test(a_criterion_that_makes_no_sense_is_a_problem),
        cmocka_unit_test(a_key_that_does_not_exist_is_a_problem),
        cmocka_unit_test(what_does_not_fit_together_is_a_problem),
        cmocka_unit_test(a_fault_that_cannot_be_is_a_problem),
        cmocka_unit_test(every_problem_is_reported_at_once),
        cmocka_unit_test(a_file_that_is_not_there_is_a_problem),
        cmocka_unit_test(every_scenario_of_the_suite_can_be_read),
        cmocka_unit_test(help_names_every_key_and_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
