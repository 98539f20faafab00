#include "upstream/ejection.h"

#include "fakes/fake_group.h"
#include "observe/pressure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct fake_group g;

static const struct balancer_ask may_fail = { .may_fail = true };

static void begin(size_t peers)
{
    fake_group_prepare(&g, CONFIG_BALANCE_ROUND_ROBIN, peers);
    fake_group_start(&g);
}

static void finish(void)
{
    fake_group_end(&g);
}

static struct peer_state *state_of(size_t index)
{
    return fake_group_peer(&g, index)->state;
}

static struct peer_ejection ejection_of(size_t index)
{
    return peer_ejection_of(counter_read(&state_of(index)->ejection));
}

static bool is_ejected(size_t index)
{
    return peer_state_is_ejected(state_of(index));
}

static void break_down(struct fake_group *group, size_t index, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        ejection_note_failure(&group->balancer, fake_group_peer(group, index), group->loop.now_us,
                              0);
}

static void succeed(size_t index, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        ejection_note_success(&g.balancer, fake_group_peer(&g, index), g.loop.now_us);
}

/* So often a look finds the peer chosen among so many choices. */
static unsigned touches(size_t index, unsigned among, const struct balancer_ask *ask)
{
    unsigned found = 0;
    for (unsigned i = 0; i < among; i++)
        found += fake_group_touch(&g, ask) == (int)index;
    return found;
}

static void five_failures_in_a_row_eject(void **state)
{
    (void)state;
    begin(3);
    break_down(&g, 0, 4);
    assert_false(is_ejected(0));
    succeed(0, 1);
    break_down(&g, 0, 4);
    assert_false(is_ejected(0));
    break_down(&g, 0, 1);
    assert_true(is_ejected(0));
    assert_int_equal(ejection_of(0).times, 1);
    assert_int_equal(touches(0, 30, NULL), 0);
    finish();
}

static void workers_count_and_eject_together(void **state)
{
    (void)state;
    struct fake_group other;
    begin(3);
    fake_group_join(&other, &g);
    break_down(&g, 0, 2);
    assert_int_equal(touches(0, 30, NULL), 10);
    break_down(&other, 0, 3);
    assert_true(is_ejected(0));
    assert_int_equal(touches(0, 30, NULL), 10); /* until the next look */
    fake_group_pass(&g, 10);
    assert_int_equal(touches(0, 30, NULL), 0);
    fake_group_leave(&other);
    finish();
}

static void a_high_rate_of_failures_ejects_without_a_row(void **state)
{
    (void)state;
    begin(3);
    for (unsigned i = 0; i < 9; i++) {
        succeed(0, 1);
        break_down(&g, 0, 1);
    }
    assert_false(is_ejected(0)); /* 18 requests tell too little */
    succeed(0, 1);
    break_down(&g, 0, 1);
    assert_true(is_ejected(0));
    finish();
}

static void failures_of_the_past_are_no_rate(void **state)
{
    (void)state;
    begin(3);
    for (unsigned i = 0; i < 30; i++) { /* at most ten requests in ten seconds */
        succeed(0, 1);
        break_down(&g, 0, 1);
        fake_group_pass(&g, 2000);
        assert_false(is_ejected(0));
    }
    finish();
}

static void both_rules_can_be_switched_off(void **state)
{
    (void)state;
    fake_group_prepare(&g, CONFIG_BALANCE_ROUND_ROBIN, 2);
    g.upstream.ejection.failures = g.upstream.ejection.rate = 0;
    fake_group_start(&g);
    break_down(&g, 0, 100);
    assert_false(is_ejected(0));
    finish();
}

static void no_more_than_the_share_and_never_the_last_is_ejected(void **state)
{
    (void)state;
    static const struct {
        size_t peers, share, ejected;
    } cases[] = { { 1, 50, 0 }, { 2, 50, 1 }, { 2, 99, 1 }, { 3, 50, 1 },
                  { 3, 10, 1 }, { 4, 50, 2 }, { 10, 30, 3 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fake_group_prepare(&g, CONFIG_BALANCE_ROUND_ROBIN, cases[i].peers);
        g.upstream.ejection.max_share = (uint32_t)cases[i].share;
        fake_group_start(&g);
        for (size_t k = 0; k < cases[i].peers; k++)
            break_down(&g, k, 10);
        assert_int_equal(balancer_count_ejected(&g.balancer), cases[i].ejected);
        assert_true(fake_group_touch(&g, NULL) >= 0);
        finish();
    }
}

static void an_ejected_peer_gets_one_trial_at_a_time(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    fake_group_pass(&g, 3999); /* 5 s, give or take a fifth */
    assert_int_equal(touches(0, 10, &may_fail), 0);
    fake_group_pass(&g, 2002);
    assert_int_equal(touches(0, 10, &may_fail), 1);
    assert_int_equal(touches(0, 10, &may_fail), 0);
    fake_group_pass(&g, 6001); /* nobody knows what became of it: its client may have left */
    assert_int_equal(touches(0, 10, &may_fail), 1);
    finish();
}

static void a_request_that_must_not_fail_is_a_trial_only_when_no_other_comes(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    fake_group_pass(&g, 6001);
    assert_int_equal(touches(0, 10, NULL), 0);
    fake_group_pass(&g, 5000);
    assert_int_equal(touches(0, 10, NULL), 1);
    finish();
}

static void a_good_trial_brings_it_back_slowly(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    fake_group_pass(&g, 6001);
    assert_int_equal(touches(0, 10, &may_fail), 1);
    succeed(0, 1);
    assert_false(is_ejected(0));
    assert_in_range(touches(0, 100, NULL), 8, 10);
    fake_group_pass(&g, 20000);
    assert_int_equal(touches(0, 100, NULL), 50);
    finish();
}

static void a_failed_trial_makes_the_wait_longer_up_to_a_bound(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    static const unsigned waits_ms[] = { 5000, 10000, 15000, 15000 };
    for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
        fake_group_pass(&g, waits_ms[i] * 4 / 5 - 10);
        assert_int_equal(touches(0, 10, &may_fail), 0);
        fake_group_pass(&g, waits_ms[i] * 2 / 5 + 20);
        assert_int_equal(touches(0, 10, &may_fail), 1);
        break_down(&g, 0, 1);
        assert_int_equal(ejection_of(0).times, i + 2);
    }
    finish();
}

static void who_failed_trials_has_to_do_well_in_three(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    for (unsigned i = 0; i < 6; i++) {
        fake_group_pass(&g, 18001);
        assert_int_equal(touches(0, 10, &may_fail), 1);
        break_down(&g, 0, 1);
    }
    fake_group_pass(&g, 18001);
    for (unsigned good = 1; good <= 3; good++) {
        assert_int_equal(touches(0, 10, &may_fail), 1);
        succeed(0, 1);
        assert_int_equal(is_ejected(0), good < 3);
        fake_group_pass(&g, 1000);
    }
    finish();
}

static void it_is_full_again_within_a_minute_of_its_recovery(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    for (unsigned i = 0; i < 20; i++) { /* dead for minutes */
        fake_group_pass(&g, 18001);
        touches(0, 10, &may_fail);
        break_down(&g, 0, 1);
    }
    unsigned seconds = 0; /* it recovers right after a trial has failed */
    while (is_ejected(0) || peer_state_share(state_of(0), 20000, g.loop.now_us / 1000) < 1000) {
        fake_group_pass(&g, 1000);
        seconds++;
        assert_true(seconds <= 60);
        for (unsigned i = 0; i < 10; i++)
            if (fake_group_touch(&g, &may_fail) == 0)
                succeed(0, 1);
    }
    finish();
}

static void ejected_again_soon_it_waits_longer_and_later_begins_anew(void **state)
{
    (void)state;
    begin(2);
    break_down(&g, 0, 5);
    fake_group_pass(&g, 6001);
    assert_int_equal(touches(0, 10, &may_fail), 1);
    succeed(0, 1);
    fake_group_pass(&g, 30000);
    break_down(&g, 0, 5);
    assert_int_equal(ejection_of(0).times, 2);
    fake_group_pass(&g, 12001);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(touches(0, 10, &may_fail), 1);
        succeed(0, 1);
        fake_group_pass(&g, 1000);
    }
    assert_false(is_ejected(0));
    fake_group_pass(&g, 60000);
    break_down(&g, 0, 5);
    assert_int_equal(ejection_of(0).times, 1);
    finish();
}

static void requests_from_before_tell_nothing(void **state)
{
    (void)state;
    begin(2);
    uint64_t before_us = g.loop.now_us;
    fake_group_pass(&g, 1000);
    break_down(&g, 0, 5);
    ejection_note_success(&g.balancer, fake_group_peer(&g, 0), before_us);
    assert_true(is_ejected(0));
    ejection_note_failure(&g.balancer, fake_group_peer(&g, 0), before_us, 0);
    assert_int_equal(ejection_of(0).times, 1);
    fake_group_pass(&g, 6001);
    assert_int_equal(touches(0, 10, &may_fail), 1);
    succeed(0, 1);
    for (unsigned i = 0; i < 10; i++) /* those that hung there until now */
        ejection_note_failure(&g.balancer, fake_group_peer(&g, 0), before_us, 0);
    assert_false(is_ejected(0));
    finish();
}

static void retry_after_is_heeded_within_reason(void **state)
{
    (void)state;
    static const uint64_t asked_ms[] = { 0, 7000, 86400000 }, given_ms[] = { 5000, 7000, 60000 };
    begin(2);
    for (size_t i = 0; i < ARRAY_LEN(asked_ms); i++) {
        ejection_note_failure(&g.balancer, fake_group_peer(&g, 0), g.loop.now_us, asked_ms[i]);
        assert_int_equal(counter_read(&state_of(0)->avoid_until_ms),
                         g.loop.now_us / 1000 + given_ms[i]);
    }
    finish();
}

static void an_ejected_backup_serves_again_by_itself(void **state)
{
    (void)state;
    fake_group_prepare(&g, CONFIG_BALANCE_P2C, 3);
    g.configs[1].backup = g.configs[2].backup = true;
    g.upstream.panic_share = 0;
    fake_group_start(&g);
    counter_set(&state_of(1)->ejection,
                peer_ejection_word((struct peer_ejection){ 1000000, 1, 0 }));
    counter_set(&state_of(1)->trial_ms, 1005000);
    fake_group_probe(&g, 0, false);
    assert_int_equal(touches(1, 20, NULL), 0);
    fake_group_pass(&g, 5000);
    assert_true(touches(1, 20, NULL) > 0);
    succeed(1, 1);
    assert_false(is_ejected(1));
    finish();
}

static void lateness_of_ones_own_is_seen(void **state)
{
    (void)state;
    begin(2);
    assert_false(ejection_is_late(fake_group_peer(&g, 0)));
    g.loop.timers.late_ms = 100;
    assert_true(ejection_is_late(fake_group_peer(&g, 0)));
    g.loop.timers.late_ms = 0;
    metrics_gauge_set(board_metrics(g.board, 0), GAUGE_PRESSURE_TIME, PRESSURE_TIGHT);
    assert_true(ejection_is_late(fake_group_peer(&g, 0)));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_in_a_row_eject),
        cmocka_unit_test(workers_count_and_eject_together),
        cmocka_unit_test(a_high_rate_of_failures_ejects_without_a_row),
        cmocka_unit_test(failures_of_the_past_are_no_rate),
        cmocka_unit_test(both_rules_can_be_switched_off),
        cmocka_unit_test(no_more_than_the_share_and_never_the_last_is_ejected),
        cmocka_unit_test(an_ejected_peer_gets_one_trial_at_a_time),
        cmocka_unit_test(a_request_that_must_not_fail_is_a_trial_only_when_no_other_comes),
        cmocka_unit_test(a_good_trial_brings_it_back_slowly),
        cmocka_unit_test(a_failed_trial_makes_the_wait_longer_up_to_a_bound),
        cmocka_unit_test(who_failed_trials_has_to_do_well_in_three),
        cmocka_unit_test(it_is_full_again_within_a_minute_of_its_recovery),
        cmocka_unit_test(ejected_again_soon_it_waits_longer_and_later_begins_anew),
        cmocka_unit_test(requests_from_before_tell_nothing),
        cmocka_unit_test(retry_after_is_heeded_within_reason),
        cmocka_unit_test(an_ejected_backup_serves_again_by_itself),
        cmocka_unit_test(lateness_of_ones_own_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
