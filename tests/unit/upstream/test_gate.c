#include "upstream/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MAX_IN_FLIGHT 2
#define PASSES (MAX_IN_FLIGHT + GATE_PLACES_LEAST + 2)

/* An upstream's gate and a shared system's, as worker 0 and as worker 1 see them. */
struct fixture {
    struct loop loop;
    struct board *board;
    struct gate upstream, system, upstream_elsewhere;
    struct gate *both[2], *alone[1], *elsewhere[1];
    struct gate_pass passes[PASSES];
    unsigned entered, refused;
    enum gate_shed why;
};

static struct fixture f;

static void on_entered(struct gate_pass *p)
{
    (void)p;
    f.entered++;
}

static void on_refused(struct gate_pass *p, enum gate_shed why)
{
    (void)p;
    f.refused++;
    f.why = why;
}

static void begin(void)
{
    struct err e;
    f = (struct fixture){ 0 };
    assert_int_equal(loop_init(&f.loop), 0);
    f.board = board_create(&e);
    assert_non_null(f.board);
    board_set_slot(f.board, 0, BOARD_SLOT_UP);
    board_set_slot(f.board, 1, BOARD_SLOT_UP);
    int upstream = board_register(f.board, SERIES_UPSTREAM, SLICE("ha-noi"));
    int system = board_register(f.board, SERIES_SYSTEM, SLICE("dan-cu"));
    int number = board_upstream_gate(upstream, GATE_READ);
    gate_init(&f.upstream, &f.loop, f.board, 0, number, number, MAX_IN_FLIGHT);
    gate_init(&f.upstream_elsewhere, &f.loop, f.board, 1, number, number, MAX_IN_FLIGHT);
    gate_init(&f.system, &f.loop, f.board, 0, board_system_gate(system), -1, 1);
    f.both[0] = f.alone[0] = &f.upstream;
    f.both[1] = &f.system;
    f.elsewhere[0] = &f.upstream_elsewhere;
    for (size_t i = 0; i < PASSES; i++) {
        struct gate_pass *p = &f.passes[i];
        gate_waiter_init(&p->waiter);
        p->waiter.priority = 4;
        p->on_entered = on_entered;
        p->on_refused = on_refused;
    }
}

static void finish(void)
{
    for (size_t i = 0; i < PASSES; i++)
        gate_leave(&f.passes[i]);
    assert_int_equal(gate_in_flight(&f.upstream), 0);
    assert_int_equal(gate_in_flight(&f.system), 0);
    gate_fini(&f.upstream);
    gate_fini(&f.upstream_elsewhere);
    gate_fini(&f.system);
    board_free(&f.board);
    loop_fini(&f.loop);
}

static enum gate_verdict enter(size_t i, struct gate *const *gates, uint8_t count)
{
    f.passes[i].gates = gates;
    f.passes[i].count = count;
    return gate_enter(&f.passes[i], &f.why);
}

static struct gate_state *state(void)
{
    return (struct gate_state *)f.upstream.breaker;
}

static void who_leaves_makes_room_for_who_waits(void **unused)
{
    (void)unused;
    begin();
    assert_int_equal(enter(0, f.alone, 1), GATE_ENTERED);
    assert_int_equal(enter(1, f.alone, 1), GATE_ENTERED);
    assert_int_equal(enter(2, f.alone, 1), GATE_WAITS);
    assert_int_equal(gate_read32(&f.upstream.mine->waiting), 1);
    gate_leave(&f.passes[0]);
    assert_int_equal(f.entered, 0); /* not within the call */
    loop_event_end(&f.loop);
    assert_int_equal(f.entered, 1);
    assert_int_equal(gate_in_flight(&f.upstream), 2);
    assert_int_equal(gate_read32(&f.upstream.mine->waiting), 0);
    finish();
}

/* Looks at the queue, `ms` after the last event. */
static void look_after(uint64_t ms)
{
    f.loop.now_us += ms * 1000;
    loop_defer(&f.loop, &f.upstream.wake);
    loop_event_end(&f.loop);
}

static void a_worker_that_was_away_does_not_call_others_late(void **unused)
{
    (void)unused;
    begin();
    for (size_t i = 0; i < 4; i++)
        (void)enter(i, f.alone, 1);
    look_after(10000);
    assert_int_equal(f.refused, 0);
    gate_leave(&f.passes[0]);
    look_after(10000);
    assert_true(f.passes[2].entered);
    for (int i = 0; i < 100 && f.refused == 0; i++)
        look_after(GATE_LOOK_MS);
    assert_int_equal(f.why, GATE_SHED_LATE);
    assert_int_equal(f.refused, 1);
    finish();
}

static void workers_share_the_limit(void **unused)
{
    (void)unused;
    begin();
    assert_int_equal(enter(0, f.alone, 1), GATE_ENTERED);
    assert_int_equal(enter(1, f.elsewhere, 1), GATE_ENTERED);
    assert_int_equal(enter(2, f.alone, 1), GATE_WAITS);
    board_set_slot(f.board, 1, BOARD_SLOT_DOWN); /* it has died with its request */
    assert_int_equal(gate_in_flight(&f.upstream), 1);
    gate_leave(&f.passes[1]); /* which is not counted twice */
    assert_int_equal(gate_in_flight(&f.upstream), 1);
    finish();
}

static void who_waits_goes_before_newcomers_and_may_leave(void **unused)
{
    (void)unused;
    begin();
    for (size_t i = 0; i < 4; i++)
        (void)enter(i, f.alone, 1);
    gate_leave(&f.passes[2]);
    gate_leave(&f.passes[0]);
    assert_int_equal(enter(4, f.alone, 1), GATE_WAITS); /* 3 came before */
    loop_event_end(&f.loop);
    assert_true(f.passes[3].entered);
    assert_false(f.passes[2].entered);
    assert_false(f.passes[4].entered);
    finish();
}

static void a_shared_system_is_waited_for_without_a_slot(void **unused)
{
    (void)unused;
    begin();
    assert_int_equal(enter(0, f.both, 2), GATE_ENTERED);
    assert_int_equal(enter(1, f.both, 2), GATE_WAITS);
    assert_ptr_equal(f.passes[1].at, &f.system);
    assert_int_equal(gate_in_flight(&f.upstream), 1); /* others get through to the upstream */
    assert_int_equal(enter(2, f.alone, 1), GATE_ENTERED);
    gate_leave(&f.passes[0]); /* the system is free, and so is the upstream */
    loop_event_end(&f.loop);
    assert_true(f.passes[1].entered);
    finish();
}

static void who_came_through_one_queue_may_wait_in_another(void **unused)
{
    (void)unused;
    begin();
    assert_int_equal(enter(0, f.both, 2), GATE_ENTERED);
    assert_int_equal(enter(1, f.both, 2), GATE_WAITS);
    assert_int_equal(enter(2, f.alone, 1), GATE_ENTERED);
    f.passes[0].count = 2;
    gate_leave(&f.passes[0]);
    assert_int_equal(enter(3, f.alone, 1), GATE_ENTERED); /* before the event is over */
    loop_event_end(&f.loop);
    assert_false(f.passes[1].entered);
    assert_ptr_equal(f.passes[1].at, &f.upstream);
    gate_leave(&f.passes[3]);
    loop_event_end(&f.loop);
    assert_true(f.passes[1].entered);
    finish();
}

/* The clock of one queue says nothing to another. */
static void who_changes_queues_takes_along_how_long_it_has_waited(void **unused)
{
    (void)unused;
    begin();
    f.system.watched_ms = 100000;
    f.upstream.watched_ms = 1000;
    assert_int_equal(enter(0, f.both, 2), GATE_ENTERED);
    assert_int_equal(enter(1, f.both, 2), GATE_WAITS);
    f.system.watched_ms += 10;
    gate_leave(&f.passes[0]);
    assert_int_equal(enter(2, f.alone, 1), GATE_ENTERED);
    assert_int_equal(enter(3, f.alone, 1), GATE_ENTERED);
    loop_event_end(&f.loop);
    assert_ptr_equal(f.passes[1].at, &f.upstream);
    assert_int_equal(f.upstream.watched_ms - f.passes[1].waiter.since_ms, 10);
    assert_int_equal(f.refused, 0);
    finish();
}

static void newcomers_do_not_put_off_the_look(void **unused)
{
    (void)unused;
    begin();
    for (size_t i = 0; i < MAX_IN_FLIGHT + 1; i++)
        (void)enter(i, f.alone, 1);
    assert_true(timer_is_set(&f.upstream.timer));
    f.upstream.timer.due_ms = 1; /* long ago */
    assert_int_equal(enter(MAX_IN_FLIGHT + 1, f.alone, 1), GATE_WAITS);
    assert_int_equal(f.upstream.timer.due_ms, 1);
    finish();
}

static void a_queue_has_an_end(void **unused)
{
    (void)unused;
    begin();
    const size_t all = MAX_IN_FLIGHT + GATE_PLACES_LEAST;
    for (size_t i = 0; i < all; i++)
        assert_int_equal(enter(i, f.alone, 1), i < MAX_IN_FLIGHT ? GATE_ENTERED : GATE_WAITS);
    assert_int_equal(enter(all, f.alone, 1), GATE_REFUSED);
    assert_int_equal(f.why, GATE_SHED_FULL);
    f.passes[all + 1].waiter.priority = 0;
    assert_int_equal(enter(all + 1, f.alone, 1), GATE_WAITS); /* another one gives way */
    assert_int_equal(f.refused, 1);
    assert_int_equal(counter_read(&f.upstream.mine->shed[GATE_SHED_FULL]), 2);
    finish();
}

static void the_keepers_limit_holds(void **unused)
{
    (void)unused;
    begin();
    gate_set32(&state()->limit, 1);
    assert_int_equal(enter(0, f.alone, 1), GATE_ENTERED);
    assert_int_equal(enter(1, f.alone, 1), GATE_WAITS);
    gate_set32(&state()->limit, 1000); /* never more than is configured */
    assert_int_equal(gate_limit(&f.upstream), MAX_IN_FLIGHT);
    finish();
}

static void an_open_breaker_lets_nobody_through_half_open_one_of_each_worker(void **unused)
{
    (void)unused;
    begin();
    gate_set32(&state()->breaker, GATE_OPEN);
    assert_int_equal(enter(0, f.alone, 1), GATE_REFUSED);
    assert_int_equal(f.why, GATE_SHED_BROKEN);
    assert_true(gate_is_overloaded(&f.upstream));
    gate_set32(&state()->trial, 1);
    gate_set32(&state()->breaker, GATE_HALF_OPEN);
    assert_int_equal(enter(0, f.alone, 1), GATE_ENTERED);
    assert_int_equal(enter(1, f.alone, 1), GATE_REFUSED);
    assert_int_equal(enter(2, f.elsewhere, 1), GATE_ENTERED);
    gate_set32(&state()->breaker, GATE_CLOSED);
    gate_leave(&f.passes[0]);
    assert_int_equal(enter(1, f.alone, 1), GATE_ENTERED);
    finish();
}

/* What became of a submission that was tried, somebody would have to find out. */
static void those_who_submit_are_tried_last(void **unused)
{
    (void)unused;
    begin();
    struct gate submits, *gates[1] = { &submits };
    int upstream = board_find(f.board, SERIES_UPSTREAM, SLICE("ha-noi"));
    gate_init(&submits, &f.loop, f.board, 0, board_upstream_gate(upstream, GATE_SUBMIT),
              board_upstream_gate(upstream, GATE_READ), MAX_IN_FLIGHT);
    gate_set32(&state()->trial, 1);
    gate_set32(&state()->breaker, GATE_HALF_OPEN);
    assert_int_equal(enter(0, gates, 1), GATE_REFUSED);
    gate_set32(&state()->breaker, GATE_HALF_OPEN_ALL);
    assert_int_equal(enter(0, gates, 1), GATE_ENTERED);
    assert_int_equal(enter(1, gates, 1), GATE_REFUSED);
    gate_leave(&f.passes[0]);
    gate_fini(&submits);
    finish();
}

static void a_slot_can_be_given_back_for_a_while(void **unused)
{
    (void)unused;
    begin();
    (void)enter(0, f.alone, 1);
    (void)enter(1, f.alone, 1);
    gate_leave(&f.passes[0]);
    assert_int_equal(enter(2, f.alone, 1), GATE_ENTERED);
    gate_come_back(&f.passes[0]);
    gate_come_back(&f.passes[0]);
    assert_int_equal(gate_in_flight(&f.upstream), 3);
    assert_int_equal(enter(3, f.alone, 1), GATE_WAITS);
    finish();
}

static void a_gate_without_a_place_counts_for_itself(void **unused)
{
    (void)unused;
    begin();
    struct gate g, *gates[1] = { &g };
    gate_init(&g, &f.loop, f.board, 0, -1, -1, 1);
    assert_int_equal(enter(0, gates, 1), GATE_ENTERED);
    assert_int_equal(enter(1, gates, 1), GATE_WAITS);
    gate_leave(&f.passes[1]);
    gate_leave(&f.passes[0]);
    assert_int_equal(gate_in_flight(&g), 0);
    gate_fini(&g);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_makes_room_for_who_waits),
        cmocka_unit_test(a_worker_that_was_away_does_not_call_others_late),
        cmocka_unit_test(workers_share_the_limit),
        cmocka_unit_test(who_waits_goes_before_newcomers_and_may_leave),
        cmocka_unit_test(a_shared_system_is_waited_for_without_a_slot),
        cmocka_unit_test(who_came_through_one_queue_may_wait_in_another),
        cmocka_unit_test(who_changes_queues_takes_along_how_long_it_has_waited),
        cmocka_unit_test(newcomers_do_not_put_off_the_look),
        cmocka_unit_test(a_queue_has_an_end),
        cmocka_unit_test(the_keepers_limit_holds),
        cmocka_unit_test(an_open_breaker_lets_nobody_through_half_open_one_of_each_worker),
        cmocka_unit_test(those_who_submit_are_tried_last),
        cmocka_unit_test(a_slot_can_be_given_back_for_a_while),
        cmocka_unit_test(a_gate_without_a_place_counts_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
