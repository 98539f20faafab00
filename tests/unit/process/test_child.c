#include "process/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A process that started at `started_ms` dies at `died_ms`; returns how long its successor waits.
 */
static uint64_t live_and_die(struct child *c, uint64_t started_ms, uint64_t died_ms)
{
    c->state = CHILD_RUNNING;
    c->started_ms = started_ms;
    child_died(c, died_ms);
    assert_int_equal(c->state, CHILD_WAITING);
    return c->due_ms - died_ms;
}

static void starts_again_at_once_after_the_first_death(void **state)
{
    (void)state;
    struct child c;
    child_init(&c, 3);
    assert_int_equal(live_and_die(&c, 1000, 1001), 0);
    assert_int_equal(c.restarts, 1);
}

static void waits_longer_each_time_it_dies_young(void **state)
{
    (void)state;
    static const uint64_t waits[] = { 0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000 };
    struct child c;
    child_init(&c, 3);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++)
        assert_int_equal(live_and_die(&c, 5000, 14999), waits[i]);
}

static void forgives_who_lived_for_a_minute(void **state)
{
    (void)state;
    struct child c;
    child_init(&c, 3);
    for (int i = 0; i < 5; i++)
        live_and_die(&c, 0, 1);
    assert_int_equal(live_and_die(&c, 0, 59999), 1600); /* neither better nor worse */
    assert_int_equal(live_and_die(&c, 0, 60000), 0);
    assert_int_equal(live_and_die(&c, 0, 1), 0);
    assert_int_equal(live_and_die(&c, 0, 1), 100);
}

static void is_not_replaced_when_it_was_leaving(void **state)
{
    (void)state;
    struct child c;
    child_init(&c, 3);
    c.state = CHILD_LEAVING;
    child_died(&c, 1);
    assert_int_equal(c.state, CHILD_ABSENT);
    c.state = CHILD_RETIRING;
    child_died(&c, 1);
    assert_int_equal(c.state, CHILD_ABSENT);
}

static void is_not_started_again_when_it_is_not_needed(void **state)
{
    (void)state;
    struct child c;
    child_init(&c, 3);
    live_and_die(&c, 0, 1);
    child_retire(&c, 2);
    assert_int_equal(c.state, CHILD_ABSENT);
    assert_int_equal(c.due_ms, 0);
}

static void is_told_how_it_died(void **state)
{
    (void)state;
    char text[64];
    child_describe_status(7 << 8, text, sizeof(text));
    assert_string_equal(text, "exited with status 7");
    child_describe_status(SIGSEGV, text, sizeof(text));
    assert_string_equal(text, "was killed by SIGSEGV");
    child_describe_status(SIGABRT | 0x80, text, sizeof(text));
    assert_string_equal(text, "was killed by SIGABRT (core dumped)");
    child_describe_status(SIGRTMIN, text, sizeof(text));
    assert_string_equal(text, "was killed by signal 34");
}

static void has_the_name_of_its_slot(void **state)
{
    (void)state;
    char name[16];
    struct child c;
    child_init(&c, 63);
    assert_string_equal(child_name(&c, name), "worker 63");
    child_init(&c, CHILD_KEEPER);
    assert_string_equal(child_name(&c, name), "keeper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_again_at_once_after_the_first_death),
        cmocka_unit_test(waits_longer_each_time_it_dies_young),
        cmocka_unit_test(forgives_who_lived_for_a_minute),
        cmocka_unit_test(is_not_replaced_when_it_was_leaving),
        cmocka_unit_test(is_not_started_again_when_it_is_not_needed),
        cmocka_unit_test(is_told_how_it_died),
        cmocka_unit_test(has_the_name_of_its_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
