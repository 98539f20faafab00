#include "upstream/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS 1000ull
#define SLO (1000 * MS)

static struct pace pace;

/* Nine of ten answers in `often_us`, one in `seldom_us`, so many a second; returns the slow ones.
 */
static unsigned go_on(uint64_t from, uint64_t seconds, uint64_t often_us, uint64_t seldom_us)
{
    unsigned slow = 0;
    for (uint64_t second = from; second < from + seconds; second++)
        for (unsigned i = 0; i < 40; i++)
            slow += pace_is_slow(&pace, i % 10 == 9 ? seldom_us : often_us, SLO, second);
    return slow;
}

static void a_quick_route_that_becomes_slow_is_slow(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    assert_int_equal(go_on(0, 60, 20 * MS, 80 * MS), 0);
    assert_int_equal(go_on(60, 60, 3000 * MS, 3000 * MS), 60 * 40);
}

static void a_route_that_always_takes_long_is_not(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    assert_int_equal(go_on(0, 60, 3000 * MS, 6000 * MS), 0);
}

static void nor_one_where_some_take_long(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    unsigned slow = go_on(0, 600, 20 * MS, 2000 * MS);
    assert_true(slow * 10 <= 600 * 40); /* a tenth at most, which is not yet bad */
}

static void what_is_soon_is_never_slow(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    go_on(0, 60, 2 * MS, 2 * MS);
    assert_int_equal(go_on(60, 60, 900 * MS, 900 * MS), 0);
}

static void trouble_does_not_become_usual_soon_and_is_forgotten_quickly(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    go_on(0, 60, 400 * MS, 400 * MS);
    uint64_t before = pace.usual_us;
    go_on(60, 300, 2000 * MS, 2000 * MS);
    assert_in_range(pace.usual_us, before, before * 3 / 2);
    go_on(360, 120, 50 * MS, 50 * MS);
    assert_true(pace.usual_us < before / 3);
}

static void a_few_answers_change_nothing(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    for (unsigned i = 0; i < PACE_LEARNT_FROM; i++)
        assert_false(pace_is_slow(&pace, 5000 * MS, SLO, i));
    for (unsigned i = 0; i < PACE_SAMPLES; i++)
        pace_is_slow(&pace, 10 * MS, SLO, 100 + i);
    assert_int_equal(pace.usual_us, 5000 * MS);
}

static void who_waits_is_overdue_once_the_pace_is_known(void **state)
{
    (void)state;
    pace = (struct pace){ 0 };
    assert_false(pace_is_overdue(&pace, 60000 * MS, SLO));
    go_on(0, 1, 500 * MS, 500 * MS);
    assert_false(pace_is_overdue(&pace, 1400 * MS, SLO));
    assert_true(pace_is_overdue(&pace, 1600 * MS, SLO));
    assert_false(pace_is_overdue(&pace, 1600 * MS, 2 * SLO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quick_route_that_becomes_slow_is_slow),
        cmocka_unit_test(a_route_that_always_takes_long_is_not),
        cmocka_unit_test(nor_one_where_some_take_long),
        cmocka_unit_test(what_is_soon_is_never_slow),
        cmocka_unit_test(trouble_does_not_become_usual_soon_and_is_forgotten_quickly),
        cmocka_unit_test(a_few_answers_change_nothing),
        cmocka_unit_test(who_waits_is_overdue_once_the_pace_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
