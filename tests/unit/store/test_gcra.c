#include "store/gcra.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS 1000000ull
#define SECOND (1000 * MS)

static const uint64_t begin_ns = 5000 * SECOND; /* a machine that has been up for a while */

static void a_fresh_key_has_its_whole_burst(void **state)
{
    (void)state;
    struct gcra g = gcra_share(60, 60000, 10, 1);
    uint64_t tat = 0;
    for (uint32_t left = 10; left > 0; left--) {
        assert_int_equal(gcra_room(&g, tat, begin_ns), left);
        assert_int_equal(gcra_retry_ns(&g, tat, begin_ns), 0);
        assert_true(gcra_take(&g, &tat, begin_ns, 1));
    }
    assert_int_equal(gcra_room(&g, tat, begin_ns), 0);
    assert_false(gcra_take(&g, &tat, begin_ns, 1));
}

static void what_is_refused_takes_nothing(void **state)
{
    (void)state;
    struct gcra g = gcra_share(60, 60000, 2, 1);
    uint64_t tat = 0;
    assert_true(gcra_take(&g, &tat, begin_ns, 2));
    uint64_t before = tat;
    assert_false(gcra_take(&g, &tat, begin_ns, 1));
    assert_int_equal(tat, before);
    assert_int_equal(gcra_retry_ns(&g, tat, begin_ns), SECOND);
    assert_int_equal(gcra_reset_ns(&g, tat, begin_ns), 2 * SECOND);
}

static void one_comes_back_with_every_interval(void **state)
{
    (void)state;
    struct gcra g = gcra_share(60, 60000, 3, 1);
    uint64_t tat = 0;
    assert_true(gcra_take(&g, &tat, begin_ns, 3));
    assert_int_equal(gcra_room(&g, tat, begin_ns + SECOND - 1), 0);
    assert_int_equal(gcra_retry_ns(&g, tat, begin_ns + SECOND - 1), 1);
    assert_int_equal(gcra_room(&g, tat, begin_ns + SECOND), 1);
    assert_int_equal(gcra_room(&g, tat, begin_ns + 3 * SECOND), 3);
    assert_int_equal(gcra_room(&g, tat, begin_ns + 300 * SECOND), 3);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
    (void)state;
    struct gcra g = gcra_share(60, 60000, 1, 1);
    uint64_t tat = 0;
    assert_true(gcra_take(&g, &tat, begin_ns, 1));
    gcra_return(&g, &tat);
    assert_true(gcra_take(&g, &tat, begin_ns, 1));
    assert_false(gcra_take(&g, &tat, begin_ns, 1));
}

static void draining_stops_at_nothing_left(void **state)
{
    (void)state;
    struct gcra g = gcra_share(60, 60000, 5, 1);
    uint64_t tat = 0;
    gcra_drain(&g, &tat, begin_ns, 3);
    assert_int_equal(gcra_room(&g, tat, begin_ns), 2);
    gcra_drain(&g, &tat, begin_ns, 100);
    assert_int_equal(gcra_room(&g, tat, begin_ns), 0);
    assert_int_equal(gcra_retry_ns(&g, tat, begin_ns), SECOND);
}

static void a_time_that_cannot_be_counts_as_nothing_left(void **state)
{
    (void)state;
    struct gcra g = gcra_share(60, 60000, 5, 1);
    uint64_t tat = UINT64_MAX;
    assert_int_equal(gcra_room(&g, tat, begin_ns), 0);
    assert_int_equal(gcra_reset_ns(&g, tat, begin_ns), 5 * SECOND);
    gcra_drain(&g, &tat, begin_ns, 1);
    assert_int_equal(gcra_room(&g, tat, begin_ns + 5 * SECOND), 5);
}

static void shares_are_equal_parts_and_never_nothing(void **state)
{
    (void)state;
    struct gcra whole = gcra_share(100, 1000, 20, 1), half = gcra_share(100, 1000, 20, 2);
    assert_int_equal(half.interval_ns, 2 * whole.interval_ns);
    assert_int_equal(gcra_room(&half, 0, begin_ns), 10);
    struct gcra tiny = gcra_share(1, 1000, 1, 50);
    assert_int_equal(gcra_room(&tiny, 0, begin_ns), 1);
    assert_int_equal(tiny.interval_ns, 50 * SECOND);
}

static void the_largest_limits_do_not_overflow(void **state)
{
    (void)state;
    struct gcra g = gcra_share(1, 86400000, 7, 1024);
    uint64_t tat = 0;
    assert_int_equal(g.interval_ns, 1024ull * 86400 * SECOND);
    assert_true(gcra_take(&g, &tat, begin_ns, 1));
    assert_int_equal(gcra_reset_ns(&g, tat, begin_ns), g.interval_ns);
    g = gcra_share(1000000, 1000, 1000000, 1);
    assert_int_equal(g.interval_ns, 1000);
    assert_int_equal(gcra_room(&g, 0, begin_ns), 1000000);
}

/* ---- whatever the limit and however they come ---- */

#define ROUNDS 400
#define REQUESTS 600

struct past {
    uint64_t at_ns[REQUESTS]; /* of those that were let through */
    size_t count;
};

static uint64_t roll(uint64_t sides)
{
    return ((uint64_t)random() << 31 | (uint64_t)random()) % sides;
}

/* In any stretch that begins and ends with one that passed: at most burst + stretch / T. */
static void check_bound(const struct gcra *g, const struct past *past)
{
    uint64_t burst = g->tolerance_ns / g->interval_ns;
    size_t last = past->count - 1;
    for (size_t i = 0; i <= last; i++) {
        uint64_t stretch = past->at_ns[last] - past->at_ns[i];
        assert_true(last - i + 1 <= burst + stretch / g->interval_ns);
    }
}

static void never_lets_more_than_burst_and_rate_pass(void **state)
{
    (void)state;
    static struct past past;
    srandom(4);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t limit = 1 + (uint32_t)roll(500), burst = 1 + (uint32_t)roll(40);
        struct gcra g = gcra_share(limit, 1000 + (uint32_t)roll(60000), burst, 1);
        uint64_t now = begin_ns, tat = 0;
        past.count = 0;
        for (unsigned i = 0; i < REQUESTS; i++) {
            now += roll(4) ? roll(g.interval_ns) : roll(5 * g.interval_ns);
            uint32_t room = gcra_room(&g, tat, now);
            uint64_t retry = gcra_retry_ns(&g, tat, now);
            bool taken = gcra_take(&g, &tat, now, 1);
            assert_int_equal(taken, room > 0);
            assert_int_equal(taken, retry == 0);
            if (!taken) {
                assert_int_equal(gcra_room(&g, tat, now + retry), 1);
                assert_int_equal(gcra_room(&g, tat, now + retry - 1), 0);
                continue;
            }
            past.at_ns[past.count++] = now;
            check_bound(&g, &past);
        }
    }
}

/* Who keeps to the rate is never refused. */
static void lets_all_pass_who_keep_to_the_rate(void **state)
{
    (void)state;
    srandom(5);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct gcra g = gcra_share(1 + (uint32_t)roll(500), 60000, 1 + (uint32_t)roll(5), 1);
        uint64_t now = begin_ns, tat = 0;
        for (unsigned i = 0; i < REQUESTS; i++) {
            assert_true(gcra_take(&g, &tat, now, 1));
            now += g.interval_ns + roll(3) * roll(g.interval_ns);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_key_has_its_whole_burst),
        cmocka_unit_test(what_is_refused_takes_nothing),
        cmocka_unit_test(one_comes_back_with_every_interval),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(draining_stops_at_nothing_left),
        cmocka_unit_test(a_time_that_cannot_be_counts_as_nothing_left),
        cmocka_unit_test(shares_are_equal_parts_and_never_nothing),
        cmocka_unit_test(the_largest_limits_do_not_overflow),
        cmocka_unit_test(never_lets_more_than_burst_and_rate_pass),
        cmocka_unit_test(lets_all_pass_who_keep_to_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
