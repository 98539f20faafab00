#include "observe/peer_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1000000ull
#define SLOW_START_MS 20000

static void expect(const struct peer_state *s, const struct peer_health *health, uint64_t now_ms,
                   enum peer_condition condition, const char *text)
{
    char explained[PEER_STATE_TEXT_BYTES];
    assert_int_equal(peer_state_condition(s, health, SLOW_START_MS, now_ms), condition);
    assert_string_equal(peer_state_explain(s, SLOW_START_MS, now_ms, explained), text);
}

static void zeroes_are_a_peer_that_serves(void **state)
{
    (void)state;
    struct peer_state s = { 0 };
    struct peer_health health = { 0 };
    expect(&s, &health, NOW_MS, PEER_SERVING, "");
    expect(&s, NULL, NOW_MS, PEER_SERVING, "");
    assert_int_equal(peer_state_share(&s, SLOW_START_MS, 5), PEER_SHARE_FULL);
    assert_true(peer_state_latency_us(&s, NOW_MS) == 0);
}

static void the_condition_is_the_first_that_applies(void **state)
{
    (void)state;
    struct peer_state s = { 0 };
    struct peer_health health = { 0 };
    struct peer_ejection e = { NOW_MS, 2, 1 };
    static const char *const ejected =
        "ejected for 5 s (2 times), at last it answered 503; 1 good trials, next in 3 s";
    peer_state_return(&s, NOW_MS);
    expect(&s, &health, NOW_MS + 5000, PEER_RAMPING, "back for 5 s, at 25 % of its share");
    counter_set(&s.ejection, peer_ejection_word(e));
    counter_set(&s.trial_ms, NOW_MS + 8000);
    peer_state_blame(&s, (struct health_report){ HEALTH_STATUS, 503 });
    expect(&s, &health, NOW_MS + 5000, PEER_EJECTED, ejected);
    peer_health_note(&health, &(struct health_report){ HEALTH_TIMEOUT, 0 }, 1, 1, 1);
    expect(&s, &health, NOW_MS + 5000, PEER_DOWN, ejected);
}

static void who_comes_back_starts_slowly(void **state)
{
    (void)state;
    struct peer_state s = { 0 };
    assert_int_equal(peer_state_share(&s, SLOW_START_MS, NOW_MS), PEER_SHARE_FULL);
    peer_state_return(&s, NOW_MS);
    assert_int_equal(peer_state_share(&s, SLOW_START_MS, NOW_MS), PEER_SHARE_LEAST);
    assert_int_equal(peer_state_share(&s, SLOW_START_MS, NOW_MS - 1), PEER_SHARE_LEAST);
    assert_int_equal(peer_state_share(&s, SLOW_START_MS, NOW_MS + 10000), 500);
    assert_int_equal(peer_state_share(&s, SLOW_START_MS, NOW_MS + 20000), PEER_SHARE_FULL);
    assert_int_equal(peer_state_share(&s, 0, NOW_MS), PEER_SHARE_FULL);
}

static void latency_rises_at_once_and_falls_with_time(void **state)
{
    (void)state;
    struct peer_state s = { 0 };
    peer_state_observe(&s, 1000, NOW_MS);
    peer_state_observe(&s, 80000, NOW_MS);
    assert_in_range((uint64_t)peer_state_latency_us(&s, NOW_MS), 79999, 80001);
    peer_state_observe(&s, 1000, NOW_MS); /* one fast answer in the same moment tells little */
    assert_in_range((uint64_t)peer_state_latency_us(&s, NOW_MS), 79999, 80002);
    for (uint64_t ms = 100; ms <= 10000; ms += 100)
        peer_state_observe(&s, 1000, NOW_MS + ms);
    double later = peer_state_latency_us(&s, NOW_MS + 10150);
    for (uint64_t ms = 10149; ms > 10000; ms--) { /* it fades evenly, however it is reckoned */
        double sooner = peer_state_latency_us(&s, NOW_MS + ms);
        assert_in_range((uint64_t)(1e7 * later / sooner), 9998997, 9999003);
        later = sooner;
    }
    assert_in_range((uint64_t)peer_state_latency_us(&s, NOW_MS + 10000), 29900, 30300);
    assert_in_range((uint64_t)peer_state_latency_us(&s, NOW_MS + 20000), 10900, 11300);
    assert_true(peer_state_latency_us(&s, NOW_MS + 41000) == 0); /* nobody knows any more */
}

static void a_clock_that_is_behind_does_no_harm(void **state)
{
    (void)state;
    struct peer_state s = { 0 };
    peer_state_observe(&s, 5000, NOW_MS);
    assert_in_range((uint64_t)peer_state_latency_us(&s, NOW_MS - 20), 4999, 5001);
    peer_state_observe(&s, 1000, NOW_MS - 20);
    assert_in_range((uint64_t)peer_state_latency_us(&s, NOW_MS), 4980, 5002);
}

static void extreme_latencies_keep_their_order(void **state)
{
    (void)state;
    struct peer_state never = { 0 }, at_once = { 0 }, ages = { 0 };
    peer_state_observe(&at_once, 0, NOW_MS);
    peer_state_observe(&ages, UINT64_MAX, NOW_MS);
    assert_true(peer_state_latency_us(&never, NOW_MS) < peer_state_latency_us(&at_once, NOW_MS));
    assert_true(peer_state_latency_us(&ages, NOW_MS) > 4e9);
}

static void an_ejection_is_one_word(void **state)
{
    (void)state;
    struct peer_ejection e = { 0xffffffffffull, 300, 3 };
    struct peer_ejection read = peer_ejection_of(peer_ejection_word(e));
    assert_int_equal(read.since_ms, 0xffffffffffull);
    assert_int_equal(read.times, 255);
    assert_int_equal(read.trials, 3);
}

static void what_a_wild_writer_left_is_read_within_bounds(void **state)
{
    (void)state;
    struct peer_state s;
    char text[PEER_STATE_TEXT_BYTES];
    memset(&s, 0xff, sizeof(s));
    assert_in_range(peer_state_condition(&s, NULL, SLOW_START_MS, NOW_MS), 0, PEER_CONDITIONS - 1);
    assert_true(strlen(peer_state_explain(&s, SLOW_START_MS, NOW_MS, text)) < sizeof(text));
    assert_in_range(peer_state_last_failure(&s).result, 0, HEALTH_RESULTS - 1);
    counter_set(&s.ejection, 0);
    assert_in_range(peer_state_share(&s, SLOW_START_MS, NOW_MS), 0, PEER_SHARE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroes_are_a_peer_that_serves),
        cmocka_unit_test(the_condition_is_the_first_that_applies),
        cmocka_unit_test(who_comes_back_starts_slowly),
        cmocka_unit_test(latency_rises_at_once_and_falls_with_time),
        cmocka_unit_test(a_clock_that_is_behind_does_no_harm),
        cmocka_unit_test(extreme_latencies_keep_their_order),
        cmocka_unit_test(an_ejection_is_one_word),
        cmocka_unit_test(what_a_wild_writer_left_is_read_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
