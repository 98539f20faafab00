#include "upstream/gate_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MANY 64

static struct gate_queue q;
static struct gate_waiter w[MANY];

static void begin(void)
{
    gate_queue_init(&q);
    for (size_t i = 0; i < MANY; i++) {
        gate_waiter_init(&w[i]);
        w[i].priority = 4;
    }
}

static void push(size_t i, uint64_t now_ms)
{
    assert_null(gate_queue_push(&q, &w[i], MANY, now_ms));
}

static void a_burst_is_served_in_its_order(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < 5; i++)
        push(i, 1000);
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(gate_queue_pop(&q, 1010), &w[i]);
    assert_null(gate_queue_pop(&q, 1010));
    assert_int_equal(q.count, 0);
}

static void who_has_waited_for_half_a_second_is_late(void **state)
{
    (void)state;
    begin();
    push(0, 1000);
    q.interval_end_ms = 9999; /* as long as others are served soon, that is no overload */
    push(1, 1400);
    assert_null(gate_queue_late(&q, 1499));
    assert_ptr_equal(gate_queue_late(&q, 1500), &w[0]);
    assert_null(gate_queue_late(&q, 1500));
    assert_int_equal(q.count, 1);
}

/* One is served each 50 ms, two come: the wait grows past the target. */
static void a_queue_that_does_not_drain_is_overloaded(void **state)
{
    (void)state;
    begin();
    uint64_t now = 1000;
    for (size_t i = 0; i < 24; i += 2, now += 50) {
        push(i, now);
        push(i + 1, now);
        gate_queue_pop(&q, now);
    }
    assert_false(q.overloaded); /* the first were served at once */
    for (size_t i = 24; i < 48; i += 2, now += 50) {
        push(i, now);
        push(i + 1, now);
        gate_queue_pop(&q, now);
    }
    assert_true(q.overloaded);
    assert_ptr_equal(gate_queue_pop(&q, now), &w[46]); /* the newest; 47 has been served */
    size_t late = 0;
    while (gate_queue_late(&q, now))
        late++;
    assert_true(late > 10);
    for (size_t i = 0; i < 48; i++)
        assert_true(!gate_waiter_waits(&w[i]) || now - w[i].since_ms < 40);
}

static void nobody_served_for_an_interval_is_overload(void **state)
{
    (void)state;
    begin();
    push(0, 1000);
    assert_null(gate_queue_late(&q, 1499));
    assert_ptr_equal(gate_queue_late(&q, 1500), &w[0]); /* 40 ms have passed long ago */
    assert_true(q.overloaded);
}

static void who_came_at_the_end_of_an_interval_does_not_overload(void **state)
{
    (void)state;
    begin();
    push(0, 1000);
    assert_ptr_equal(gate_queue_pop(&q, 1001), &w[0]);
    push(1, 1495);
    assert_null(gate_queue_late(&q, 1505));
    assert_false(q.overloaded);
}

static void who_does_not_have_to_wait_shows_that_there_is_no_overload(void **state)
{
    (void)state;
    begin();
    push(0, 1000);
    assert_ptr_equal(gate_queue_pop(&q, 1030), &w[0]);
    gate_queue_passed(&q);
    push(1, 1480);
    assert_null(gate_queue_late(&q, 1510));
    assert_false(q.overloaded);
}

static void overload_ends_when_the_queue_has_drained(void **state)
{
    (void)state;
    begin();
    push(0, 1000);
    assert_ptr_equal(gate_queue_late(&q, 1500), &w[0]);
    push(1, 2100);
    assert_false(q.overloaded);
}

static void the_urgent_go_first(void **state)
{
    (void)state;
    begin();
    w[1].priority = 1;
    w[2].priority = 7;
    for (size_t i = 0; i < 3; i++)
        push(i, 1000);
    assert_ptr_equal(gate_queue_pop(&q, 1000), &w[1]);
    assert_ptr_equal(gate_queue_pop(&q, 1000), &w[0]);
    assert_ptr_equal(gate_queue_pop(&q, 1000), &w[2]);
}

static void a_full_queue_makes_room_for_the_more_urgent_only(void **state)
{
    (void)state;
    begin();
    w[1].priority = 7;
    w[2].priority = 7;
    w[4].priority = 0;
    push(0, 1000);
    push(1, 1000);
    push(2, 1001);
    assert_ptr_equal(gate_queue_push(&q, &w[3], 3, 1002), &w[2]); /* the newest of the least */
    assert_ptr_equal(gate_queue_push(&q, &w[4], 3, 1003), &w[1]);
    assert_ptr_equal(gate_queue_push(&q, &w[5], 3, 1004), &w[5]); /* nobody is less urgent */
    assert_false(gate_waiter_waits(&w[5]));
    assert_int_equal(q.count, 3);
}

static void who_leaves_is_not_served(void **state)
{
    (void)state;
    begin();
    push(0, 1000);
    push(1, 1000);
    gate_queue_remove(&q, &w[0]);
    gate_queue_remove(&q, &w[0]); /* twice is no matter */
    assert_int_equal(q.count, 1);
    assert_ptr_equal(gate_queue_pop(&q, 1000), &w[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_served_in_its_order),
        cmocka_unit_test(who_has_waited_for_half_a_second_is_late),
        cmocka_unit_test(a_queue_that_does_not_drain_is_overloaded),
        cmocka_unit_test(nobody_served_for_an_interval_is_overload),
        cmocka_unit_test(who_came_at_the_end_of_an_interval_does_not_overload),
        cmocka_unit_test(who_does_not_have_to_wait_shows_that_there_is_no_overload),
        cmocka_unit_test(overload_ends_when_the_queue_has_drained),
        cmocka_unit_test(the_urgent_go_first),
        cmocka_unit_test(a_full_queue_makes_room_for_the_more_urgent_only),
        cmocka_unit_test(who_leaves_is_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
