#include "bench/load/journey.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ACTIONS 200000

static struct random randomness;
static struct scenario_load load;
static uint32_t seen[STEP_COUNT];

static int set_up(void **state)
{
    (void)state;
    load = (struct scenario_load){ .user_percent = { 55, 20, 15, 7, 3 } };
    memset(seen, 0, sizeof(seen));
    seed_random(&randomness, 3);
    return 0;
}

static void walk(enum scenario_user kind, uint32_t actions)
{
    struct journey j = { 0 };
    for (uint32_t i = 0; i < actions; i++)
        seen[journey_next(&j, kind, &load, &randomness)]++;
}

static double percent(enum scenario_step step, uint32_t of)
{
    return 100.0 * seen[step] / of;
}

static void a_citizen_begins_at_the_home_page_and_goes_on_to_a_procedure(void **state)
{
    (void)state;
    struct journey j = { 0 };
    assert_int_equal(journey_next(&j, USER_CITIZEN, &load, &randomness), STEP_HOME);
    enum scenario_step step = STEP_CATALOGUE;
    for (int i = 0; i < 4 && step == STEP_CATALOGUE; i++)
        step = journey_next(&j, USER_CITIZEN, &load, &randomness);
    assert_int_equal(step, STEP_PROCEDURE);
}

static void a_submission_follows_a_login_and_its_attachments(void **state)
{
    (void)state;
    struct journey j = { 0 };
    bool signed_in = false, attached = false;
    for (uint32_t i = 0; i < ACTIONS; i++) {
        enum scenario_step step = journey_next(&j, USER_CITIZEN, &load, &randomness);
        if (step == STEP_HOME)
            signed_in = attached = false;
        signed_in = signed_in || step == STEP_LOGIN;
        attached = attached || step == STEP_UPLOAD;
        if (step == STEP_SUBMIT)
            assert_true(signed_in && attached);
        seen[step]++;
    }
    assert_true(seen[STEP_SUBMIT] > 100);
}

static void counters_and_officials_sign_in_once(void **state)
{
    (void)state;
    walk(USER_COUNTER, 1000);
    assert_int_equal(seen[STEP_LOGIN], 1);
    walk(USER_OFFICIAL, 1000);
    assert_int_equal(seen[STEP_LOGIN], 2);
    assert_true(seen[STEP_SUBMIT] > 100 && seen[STEP_DECIDE] > 200);
}

static void the_app_only_asks_for_its_number(void **state)
{
    (void)state;
    load.login_percent = load.submit_percent = 50;
    walk(USER_APP, 100);
    assert_int_equal(seen[STEP_QUEUE_NUMBER], 100);
}

static void the_crowd_signs_in_and_uploads_as_often_as_the_portal_says(void **state)
{
    (void)state;
    for (int kind = 0; kind < USER_KINDS; kind++)
        walk((enum scenario_user)kind, ACTIONS / 100 * load.user_percent[kind]);
    double login = percent(STEP_LOGIN, ACTIONS), upload = percent(STEP_UPLOAD, ACTIONS);
    double submit = percent(STEP_SUBMIT, ACTIONS) + percent(STEP_DECIDE, ACTIONS);
    assert_true(login > 2 && login < 4);
    assert_true(upload > 0.7 && upload < 1.3);
    assert_true(submit > 3 && submit < 5);
}

static void a_scenario_can_set_the_share_of_logins(void **state)
{
    (void)state;
    load.login_percent = 60;
    walk(USER_CITIZEN, ACTIONS);
    assert_true(percent(STEP_LOGIN, ACTIONS) > 59 && percent(STEP_LOGIN, ACTIONS) < 61);
    assert_true(seen[STEP_HOME] > 1000);
}

static void a_scenario_can_set_the_share_of_submissions(void **state)
{
    (void)state;
    load.submit_percent = 2;
    walk(USER_COUNTER, ACTIONS);
    assert_true(percent(STEP_SUBMIT, ACTIONS) > 1.8 && percent(STEP_SUBMIT, ACTIONS) < 2.2);
    assert_true(seen[STEP_UPLOAD] - seen[STEP_SUBMIT] <= 1);
    set_up(NULL);
    load.submit_percent = 2;
    walk(USER_OFFICIAL, ACTIONS);
    assert_true(percent(STEP_DECIDE, ACTIONS) > 1.8 && percent(STEP_DECIDE, ACTIONS) < 2.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_citizen_begins_at_the_home_page_and_goes_on_to_a_procedure,
                               set_up),
        cmocka_unit_test_setup(a_submission_follows_a_login_and_its_attachments, set_up),
        cmocka_unit_test_setup(counters_and_officials_sign_in_once, set_up),
        cmocka_unit_test_setup(the_app_only_asks_for_its_number, set_up),
        cmocka_unit_test_setup(the_crowd_signs_in_and_uploads_as_often_as_the_portal_says, set_up),
        cmocka_unit_test_setup(a_scenario_can_set_the_share_of_logins, set_up),
        cmocka_unit_test_setup(a_scenario_can_set_the_share_of_submissions, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
