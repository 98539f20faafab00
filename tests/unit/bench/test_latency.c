#include "bench/node/latency.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DRAWS 20000

static struct latency parsed(const char *text)
{
    struct latency l;
    struct err e;
    assert_int_equal(latency_parse(&l, slice_str(text), &e), 0);
    return l;
}

static void assert_refused(const char *text, const char *because)
{
    struct latency l;
    struct err e = { "" };
    assert_true(latency_parse(&l, slice_str(text), &e) < 0);
    assert_non_null(strstr(e.text, because));
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted. */
static void draw(const struct latency *l, uint64_t *draws)
{
    struct random random;
    seed_random(&random, 7);
    for (size_t i = 0; i < DRAWS; i++)
        draws[i] = latency_draw_ms(l, &random);
    qsort(draws, DRAWS, sizeof(*draws), compare);
}

static void nothing_is_drawn_from_zero(void **state)
{
    (void)state;
    uint64_t draws[DRAWS];
    struct latency l = parsed("0");
    assert_true(latency_is_zero(&l));
    draw(&l, draws);
    assert_int_equal(draws[DRAWS - 1], 0);
}

static void a_duration_is_drawn_every_time(void **state)
{
    (void)state;
    uint64_t draws[DRAWS];
    struct latency l = parsed("2s");
    assert_false(latency_is_zero(&l));
    draw(&l, draws);
    assert_int_equal(draws[0], 2000);
    assert_int_equal(draws[DRAWS - 1], 2000);
}

static void a_range_is_drawn_evenly_with_both_ends(void **state)
{
    (void)state;
    uint64_t draws[DRAWS];
    struct latency l = parsed("uniform:5ms-50ms");
    draw(&l, draws);
    assert_int_equal(draws[0], 5);
    assert_int_equal(draws[DRAWS - 1], 50);
    assert_in_range(draws[DRAWS / 2], 26, 29);
}

static void a_lognormal_has_the_median_and_the_mean_that_were_asked_for(void **state)
{
    (void)state;
    uint64_t draws[DRAWS], sum = 0;
    struct latency l = parsed("lognormal:median=150ms,mean=300ms");
    draw(&l, draws);
    for (size_t i = 0; i < DRAWS; i++)
        sum += draws[i];
    assert_in_range(draws[DRAWS / 2], 145, 155);
    assert_in_range(sum / DRAWS, 285, 315);
}

static void the_same_seed_draws_the_same(void **state)
{
    (void)state;
    uint64_t first[DRAWS], second[DRAWS];
    struct latency l = parsed("lognormal:median=15ms,mean=30ms");
    draw(&l, first);
    draw(&l, second);
    assert_memory_equal(first, second, sizeof(first));
}

static void refuses_what_is_no_latency(void **state)
{
    (void)state;
    assert_refused("", "is not a latency");
    assert_refused("fast", "is not a latency");
    assert_refused("normal:5ms", "is not a latency");
    assert_refused("20", "needs a unit");
    assert_refused("20sec", "write 20s");
    assert_refused("2h", "more than 1h");
}

static void refuses_faulty_ranges(void **state)
{
    (void)state;
    assert_refused("uniform:5ms", "is not a latency");
    assert_refused("uniform:50ms-5ms", "ends before it begins");
    assert_refused("uniform:5-50ms", "needs a unit");
}

/* How many of a crowd's pauses end in its first seconds. */
static void a_crowd_met_in_the_middle_acts_at_its_long_run_rate_at_once(void **state)
{
    const uint64_t window_ms = 5000;
    static const char *const texts[] = { "lognormal:median=15s,mean=30s", "uniform:10s-50s",
                                         "30s" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct latency l = parsed(texts[i]);
        struct random random;
        uint64_t ends = 0;
        seed_random(&random, 11);
        for (size_t person = 0; person < DRAWS; person++) {
            uint64_t at_ms = latency_draw_rest_ms(&l, &random);
            for (; at_ms < window_ms; at_ms += latency_draw_ms(&l, &random) + 1)
                ends++;
        }
        double expected = DRAWS * (double)window_ms / 30000;
        assert_true((double)ends > expected * 0.9 && (double)ends < expected * 1.1);
    }
}

static void refuses_faulty_lognormals(void **state)
{
    (void)state;
    assert_refused("lognormal:", "is not a latency");
    assert_refused("lognormal:median=5ms", "is not a latency");
    assert_refused("lognormal:mean=30ms,median=15ms", "is not a latency");
    assert_refused("lognormal:median=30ms,mean=15ms", "no less than it");
    assert_refused("lognormal:median=0ms,mean=15ms", "at least 1ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_drawn_from_zero),
        cmocka_unit_test(a_duration_is_drawn_every_time),
        cmocka_unit_test(a_range_is_drawn_evenly_with_both_ends),
        cmocka_unit_test(a_crowd_met_in_the_middle_acts_at_its_long_run_rate_at_once),
        cmocka_unit_test(a_lognormal_has_the_median_and_the_mean_that_were_asked_for),
        cmocka_unit_test(the_same_seed_draws_the_same),
        cmocka_unit_test(refuses_what_is_no_latency),
        cmocka_unit_test(refuses_faulty_ranges),
        cmocka_unit_test(refuses_faulty_lognormals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
