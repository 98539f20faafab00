#include "http/body_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SECOND 1000000ull

static const struct config_timeouts timeouts = { .request_body_ms = 30000, .min_body_rate = 512 };

static void a_body_has_a_whole_stretch_before_it_is_judged(void **state)
{
    (void)state;
    struct body_pace p = { 0 };
    body_pace_begin(&p, 0, 7 * SECOND);
    assert_true(body_pace_is_kept(&p, &timeouts, 1, 66 * SECOND));
    assert_false(body_pace_is_kept(&p, &timeouts, 2, 67 * SECOND));
}

static void a_body_at_the_least_rate_goes_on_for_ever(void **state)
{
    (void)state;
    struct body_pace p = { 0 };
    body_pace_begin(&p, 0, 1);
    for (uint64_t s = 1; s < 100000; s++)
        assert_true(body_pace_is_kept(&p, &timeouts, s * 512, 1 + s * SECOND));
}

static void a_fast_beginning_pays_for_one_stretch_only(void **state)
{
    (void)state;
    struct body_pace p = { 0 };
    body_pace_begin(&p, 0, 1);
    assert_true(body_pace_is_kept(&p, &timeouts, 1 << 30, 1 + 60 * SECOND));
    assert_true(body_pace_is_kept(&p, &timeouts, (1 << 30) + 9, 1 + 119 * SECOND));
    assert_false(body_pace_is_kept(&p, &timeouts, (1 << 30) + 10, 1 + 120 * SECOND));
}

static void the_longest_pause_can_be_made_up_for(void **state)
{
    (void)state;
    struct body_pace p = { 0 };
    body_pace_begin(&p, 0, 1);
    assert_true(body_pace_is_kept(&p, &timeouts, 0, 1 + 30 * SECOND));
    assert_true(body_pace_is_kept(&p, &timeouts, 30 * 1024, 1 + 60 * SECOND));
}

static void time_in_which_we_did_not_read_does_not_count(void **state)
{
    (void)state;
    struct body_pace p = { 0 };
    body_pace_begin(&p, 0, 1);
    body_pace_stop(&p, 1 + 10 * SECOND);
    body_pace_stop(&p, 1 + 500 * SECOND);
    assert_true(body_pace_is_kept(&p, &timeouts, 1, 1 + 900 * SECOND));
    body_pace_go_on(&p, 1 + 1000 * SECOND);
    body_pace_go_on(&p, 1 + 1001 * SECOND);
    assert_true(body_pace_is_kept(&p, &timeouts, 2, 1 + 1049 * SECOND));
    assert_false(body_pace_is_kept(&p, &timeouts, 3, 1 + 1050 * SECOND));
}

static void without_a_rate_every_body_keeps_pace(void **state)
{
    (void)state;
    struct config_timeouts none = timeouts;
    struct body_pace p = { 0 };
    none.min_body_rate = 0;
    body_pace_begin(&p, 0, 1);
    assert_true(body_pace_is_kept(&p, &none, 1, 1 + 1000000 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_a_whole_stretch_before_it_is_judged),
        cmocka_unit_test(a_body_at_the_least_rate_goes_on_for_ever),
        cmocka_unit_test(a_fast_beginning_pays_for_one_stretch_only),
        cmocka_unit_test(the_longest_pause_can_be_made_up_for),
        cmocka_unit_test(time_in_which_we_did_not_read_does_not_count),
        cmocka_unit_test(without_a_rate_every_body_keeps_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
