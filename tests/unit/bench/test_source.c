#include "bench/load/source.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PEOPLE 15200

static uint32_t addresses[PEOPLE];

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void draw(uint32_t slot, uint32_t shared_percent)
{
    struct source source;
    struct random random;
    seed_random(&random, 9);
    source_init(&source, slot, shared_percent);
    for (size_t i = 0; i < PEOPLE; i++)
        addresses[i] = source_next(&source, &random);
    qsort(addresses, PEOPLE, sizeof(addresses[0]), compare);
}

/* People at addresses[from], which is sorted. */
static size_t people_at(size_t from)
{
    size_t to = from;
    while (to < PEOPLE && addresses[to] == addresses[from])
        to++;
    return to - from;
}

static void everybody_may_have_an_address_of_their_own(void **state)
{
    (void)state;
    draw(0, 0);
    for (size_t i = 0; i < PEOPLE; i++)
        assert_int_equal(people_at(i), 1);
}

static void the_others_share_theirs_in_groups(void **state)
{
    (void)state;
    draw(3, 30);
    size_t sharing = 0, groups = 0, small = 0, people;
    for (size_t i = 0; i < PEOPLE; i += people) {
        people = people_at(i);
        if (people == 1)
            continue;
        assert_true(people <= SOURCE_GROUP_MAX);
        small += people < SOURCE_GROUP_MIN; /* only the last one may not be full */
        sharing += people;
        groups++;
    }
    assert_true(sharing > PEOPLE * 28 / 100 && sharing < PEOPLE * 32 / 100);
    assert_true(groups > 2 && small <= 1);
}

static void neighbours_may_be_in_different_networks(void **state)
{
    (void)state;
    struct source source;
    struct random random;
    seed_random(&random, 9);
    source_init_scattered(&source, 2);
    for (size_t i = 0; i < PEOPLE; i++) {
        addresses[i] = source_next(&source, &random);
        assert_true(i == 0 || addresses[i] >> 8 != addresses[i - 1] >> 8);
    }
    qsort(addresses, PEOPLE, sizeof(addresses[0]), compare);
    for (size_t i = 0; i < PEOPLE; i++)
        assert_int_equal(people_at(i), 1);
    uint32_t first = addresses[0], last = addresses[PEOPLE - 1];
    draw(1, 0);
    assert_true(addresses[PEOPLE - 1] < first);
    draw(3, 0);
    assert_true(addresses[0] > last);
}

static void generators_never_share_an_address_and_stay_on_the_loopback(void **state)
{
    (void)state;
    uint32_t last = 0x7f000000;
    for (uint32_t slot = 0; slot < 16; slot++) {
        draw(slot, 30);
        assert_true(addresses[0] > last);
        last = addresses[PEOPLE - 1];
        assert_true(last < 0x7fffffff);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_may_have_an_address_of_their_own),
        cmocka_unit_test(the_others_share_theirs_in_groups),
        cmocka_unit_test(neighbours_may_be_in_different_networks),
        cmocka_unit_test(generators_never_share_an_address_and_stay_on_the_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
