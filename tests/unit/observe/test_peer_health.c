#include "observe/peer_health.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RISE 2
#define FALL 3

static const struct health_report passed = { HEALTH_PASSED, 200 };
static const struct health_report refused = { HEALTH_CONNECT, 0 };
static const struct health_report broken = { HEALTH_STATUS, 503 };

/* How often the state changed in `count` reports alike. */
static unsigned note(struct peer_health *h, const struct health_report *report, unsigned count)
{
    unsigned changes = 0;
    for (unsigned i = 0; i < count; i++)
        changes += peer_health_note(h, report, RISE, FALL, 1000 + i);
    return changes;
}

static enum health_state state_of(const struct peer_health *h)
{
    return peer_health_view(h).state;
}

static void nobody_is_down_before_it_was_probed(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    assert_int_equal(state_of(&h), HEALTH_UNPROBED);
    assert_false(peer_health_is_down(&h));
}

static void one_pass_is_enough_at_first(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    assert_int_equal(note(&h, &passed, 1), 1);
    assert_int_equal(state_of(&h), HEALTH_UP);
}

static void goes_down_when_enough_fail_in_a_row(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    note(&h, &passed, 1);
    assert_int_equal(note(&h, &refused, FALL - 1), 0);
    assert_int_equal(note(&h, &passed, 1), 0);
    assert_int_equal(note(&h, &refused, FALL - 1), 0);
    assert_int_equal(state_of(&h), HEALTH_UP);
    assert_true(peer_health_note(&h, &broken, RISE, FALL, 77));
    assert_true(peer_health_is_down(&h));
    struct health_view v = peer_health_view(&h);
    assert_int_equal(v.since_ms, 77);
    assert_int_equal(v.streak, FALL);
    assert_int_equal(v.last.status, 503);
    assert_int_equal(v.failed, 2 * FALL - 1);
}

static void goes_down_though_it_never_was_up(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    assert_int_equal(note(&h, &refused, FALL), 1);
    assert_true(peer_health_is_down(&h));
}

static void comes_back_when_enough_pass_in_a_row(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    note(&h, &refused, FALL + 5);
    assert_int_equal(note(&h, &passed, RISE - 1), 0);
    assert_int_equal(note(&h, &broken, 1), 0);
    assert_int_equal(note(&h, &passed, RISE - 1), 0);
    assert_true(peer_health_is_down(&h));
    assert_int_equal(note(&h, &passed, 1), 1);
    assert_int_equal(state_of(&h), HEALTH_UP);
}

static void a_successor_goes_on_in_the_middle_of_a_row(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    note(&h, &refused, FALL - 1);
    struct peer_health left_behind = h; /* all there is: the words */
    assert_int_equal(note(&left_behind, &refused, 1), 1);
}

static void what_is_probed_no_more_is_not_down(void **state)
{
    (void)state;
    struct peer_health h = { 0 };
    note(&h, &refused, FALL);
    peer_health_forget(&h);
    assert_int_equal(state_of(&h), HEALTH_UNPROBED);
    assert_int_equal(peer_health_view(&h).streak, 0);
    assert_int_equal(peer_health_view(&h).failed, FALL); /* counters do not go back */
}

static void words_that_somebody_spoiled_are_read_all_the_same(void **state)
{
    (void)state;
    struct peer_health h = { .verdict = UINT64_MAX };
    char text[HEALTH_TEXT_BYTES];
    struct health_view v = peer_health_view(&h);
    assert_int_equal(v.state, HEALTH_UNPROBED);
    assert_non_null(health_report_text(&v.last, text));
    assert_non_null(health_state_name(v.state));
}

static void says_why(void **state)
{
    (void)state;
    char text[HEALTH_TEXT_BYTES];
    assert_string_equal(health_report_text(&broken, text), "answered 503");
    assert_string_equal(health_report_text(&refused, text), "could not be connected to");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_down_before_it_was_probed),
        cmocka_unit_test(one_pass_is_enough_at_first),
        cmocka_unit_test(goes_down_when_enough_fail_in_a_row),
        cmocka_unit_test(goes_down_though_it_never_was_up),
        cmocka_unit_test(comes_back_when_enough_pass_in_a_row),
        cmocka_unit_test(a_successor_goes_on_in_the_middle_of_a_row),
        cmocka_unit_test(what_is_probed_no_more_is_not_down),
        cmocka_unit_test(words_that_somebody_spoiled_are_read_all_the_same),
        cmocka_unit_test(says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
