#include "net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct probe {
    struct timer timer;
    struct loop *loop;
    uint64_t set_ms, after_ms, fired_ms;
    unsigned fired;
    uint64_t again_ms; /* arms itself anew, once */
};

static struct loop loop;
static uv_idle_t alive; /* timers alone keep no loop running */
static unsigned waiting;

static void keep_alive(uv_idle_t *idle)
{
    if (waiting == 0)
        uv_stop(idle->loop);
}

static int set_up(void **state)
{
    (void)state;
    waiting = 0;
    if (loop_init(&loop) < 0)
        return -1;
    uv_idle_init(&loop.uv, &alive);
    return uv_idle_start(&alive, keep_alive);
}

static int tear_down(void **state)
{
    (void)state;
    loop_fini(&loop);
    return 0;
}

static void arm(struct probe *p, uint64_t after_ms)
{
    p->set_ms = loop_now_ms(&loop);
    p->after_ms = after_ms;
    timer_set(&loop.timers, &p->timer, after_ms);
}

static void on_expired(struct timer *t)
{
    struct probe *p = CONTAINER_OF(t, struct probe, timer);
    p->fired++;
    p->fired_ms = loop_now_ms(&loop);
    assert_true(p->fired_ms >= p->set_ms + p->after_ms);
    if (p->again_ms) {
        arm(p, p->again_ms);
        p->again_ms = 0;
        return;
    }
    waiting--;
}

static void probe_init(struct probe *p)
{
    *p = (struct probe){ .loop = &loop };
    timer_init(&p->timer, on_expired);
}

static void fires_once_and_never_early(void **state)
{
    (void)state;
    static const uint64_t after_ms[] = { 0, 1, 15, 16, 17, 40, 100, 33 };
    struct probe probes[ARRAY_LEN(after_ms)];
    for (size_t i = 0; i < ARRAY_LEN(after_ms); i++) {
        probe_init(&probes[i]);
        arm(&probes[i], after_ms[i]);
        waiting++;
    }
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    for (size_t i = 0; i < ARRAY_LEN(after_ms); i++)
        assert_int_equal(probes[i].fired, 1);
}

static void a_later_time_replaces_an_earlier_one(void **state)
{
    (void)state;
    struct probe p;
    probe_init(&p);
    waiting++;
    arm(&p, 20);
    arm(&p, 90);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
}

static void an_earlier_time_replaces_a_later_one(void **state)
{
    (void)state;
    struct probe p, last;
    probe_init(&p);
    probe_init(&last);
    waiting = 2;
    arm(&last, 200);
    arm(&p, 3600 * 1000); /* beyond the wheel's reach */
    arm(&p, 20);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    assert_true(p.fired_ms <= last.fired_ms);
}

static void a_stopped_timer_does_not_fire_and_can_be_set_again(void **state)
{
    (void)state;
    struct probe p, last;
    probe_init(&p);
    probe_init(&last);
    waiting = 1;
    arm(&p, 20);
    timer_stop(&p.timer);
    arm(&last, 60);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 0);
    waiting = 1;
    arm(&p, 10);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    timer_cancel(&p.timer);
}

static void a_timer_may_set_itself_from_its_callback(void **state)
{
    (void)state;
    struct probe p;
    probe_init(&p);
    waiting = 1;
    p.again_ms = 30;
    arm(&p, 10);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_once_and_never_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_time_replaces_an_earlier_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_earlier_time_replaces_a_later_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_timer_does_not_fire_and_can_be_set_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_set_itself_from_its_callback, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
