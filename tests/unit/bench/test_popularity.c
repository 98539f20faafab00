#include "bench/load/popularity.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 200000

static struct popularity popularity;
static struct random randomness;
static uint32_t seen[2000];

static void draw(uint32_t count, uint32_t hot, uint32_t hot_percent)
{
    memset(seen, 0, sizeof(seen));
    seed_random(&randomness, 5);
    popularity_init(&popularity, count, hot, hot_percent);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t procedure = popularity_draw(&popularity, &randomness);
        assert_true(procedure < count);
        seen[procedure]++;
    }
    popularity_fini(&popularity);
}

static uint32_t sum(uint32_t from, uint32_t to)
{
    uint32_t total = 0;
    for (uint32_t i = from; i < to; i++)
        total += seen[i];
    return total;
}

static void the_hot_ones_take_their_share(void **state)
{
    (void)state;
    draw(2000, 20, 70);
    assert_true(sum(0, 20) > DRAWS * 69 / 100 && sum(0, 20) < DRAWS * 71 / 100);
}

static void both_parts_follow_zipf(void **state)
{
    (void)state;
    draw(2000, 20, 70);
    /* 2^1.1 = 2.14: the first is asked for so much more often than the second */
    assert_true(seen[0] > seen[1] * 2 && seen[0] * 10 < seen[1] * 23);
    assert_true(seen[20] * 10 > seen[21] * 19 && seen[20] * 10 < seen[21] * 24);
    assert_true(seen[1] > seen[4] && seen[4] > seen[19]);
    assert_true(sum(1000, 2000) > 0);
}

static void one_procedure_is_always_it(void **state)
{
    (void)state;
    draw(1, 20, 70);
    assert_int_equal(seen[0], DRAWS);
}

static void without_hot_ones_there_is_one_part(void **state)
{
    (void)state;
    draw(100, 0, 70);
    assert_int_equal(sum(0, 100), DRAWS);
    assert_true(seen[0] > seen[1] * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hot_ones_take_their_share),
        cmocka_unit_test(both_parts_follow_zipf),
        cmocka_unit_test(one_procedure_is_always_it),
        cmocka_unit_test(without_hot_ones_there_is_one_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
