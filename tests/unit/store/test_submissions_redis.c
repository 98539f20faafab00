/* What is said about replicas, by a Redis that loses its connections; and what Debian's does with
 * fences. */
#include "store/submissions.h"

#include "tests/unit/store/shared_scene.h"

#define TIMEOUT_MS 1000

static struct limits_scene s;
static struct fake_redis server;
static struct real_redis real;
static struct config_submission submission;
static struct config_route route = { .submission = &submission };
static unsigned waits;
static bool done;

/* One replica is there. The first WAIT gets no answer, those of other connections a wrong one. */
static const char *answer(struct fake_redis *f, const redisReply *command)
{
    static const char sent[] = "*2\r\n$4\r\nDONE\r\n$1\r\n1\r\n";
    if (!fake_redis_is(command, "WAIT"))
        return sent;
    if (waits++ > 0)
        return ":1\r\n";
    fake_redis_hang_up(f);
    return NULL;
}

static bool is_done(void *user)
{
    (void)user;
    return done;
}

static void on_done(struct store_op *op)
{
    (void)op;
    done = true;
}

static void connect_with_submissions(uint16_t port)
{
    s.config.routes = &route;
    s.config.route_count = 1;
    shared_scene_connect(&s, port, TIMEOUT_MS);
    assert_non_null(s.store.redis_waiting);
}

static int set_up(void **state)
{
    (void)state;
    waits = 0;
    done = false;
    shared_scene_open(&s, &server, answer);
    connect_with_submissions(server.port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shared_scene_close(&s, &server);
    return 0;
}

static void begin_sent(struct submission_op *op)
{
    *op = (struct submission_op){
        .op.on_done = on_done, .owner = 1, .fence = 1, .lease_ms = 1000, .ttl_ms = 1000
    };
    loop_event_begin(&s.loop);
    assert_int_equal(submissions_sent(&s.store, op), STORE_PENDING);
    loop_event_end(&s.loop);
}

static void end_sent(const struct submission_op *op)
{
    fake_redis_run(&s.loop, is_done, NULL);
    assert_int_equal(op->verdict, SUBMISSION_DONE);
}

static void replicas_are_confirmed_only_where_it_was_written(void **state)
{
    struct submission_op op;
    (void)state;
    begin_sent(&op);
    end_sent(&op);
    assert_true(op.unconfirmed);
    assert_int_equal(waits, 1);
}

static void replicas_are_confirmed(void **state)
{
    struct submission_op op;
    (void)state;
    waits = 1;
    begin_sent(&op);
    end_sent(&op);
    assert_false(op.unconfirmed);
}

static void nobody_to_wait_for_confirms_nothing(void **state)
{
    struct submission_op op;
    (void)state;
    begin_sent(&op);
    s.store.redis_waiting = NULL; /* as when a reload has taken Redis away */
    end_sent(&op);
    assert_true(op.unconfirmed);
}

static int set_up_real(void **state)
{
    (void)state;
    shared_scene_open_real(&s, &real);
    connect_with_submissions(real.port);
    return 0;
}

static int tear_down_real(void **state)
{
    (void)state;
    shared_scene_close_real(&s, &real);
    return 0;
}

static enum submission_verdict step(enum store_result (*fn)(struct store *, struct submission_op *),
                                    struct submission_op *op)
{
    done = false;
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    assert_int_equal(fn(&s.store, op), STORE_PENDING);
    loop_event_end(&s.loop);
    fake_redis_run(&s.loop, is_done, NULL);
    return op->verdict;
}

static struct submission_op begun(void)
{
    struct submission_op op = { .op.on_done = on_done, .lease_ms = DAY_MS, .ttl_ms = DAY_MS };
    assert_int_equal(step(submissions_begin, &op), SUBMISSION_NEW);
    return op;
}

static void release(struct submission_op *op)
{
    assert_int_equal(step(submissions_release, op), SUBMISSION_DONE);
    assert_int_equal(step(submissions_look, op), SUBMISSION_NONE);
    assert_int_equal(step(submissions_complete, op), SUBMISSION_LOST);
}

static void no_fence_is_seen_twice(void **state)
{
    (void)state;
    struct submission_op op = begun();
    release(&op);
    op = begun();
    assert_int_equal(op.fence, 1);
    assert_int_equal(step(submissions_sent, &op), SUBMISSION_DONE);
    release(&op);
    op = begun();
    assert_int_equal(op.fence, 2);
    assert_false(op.doubtful);
    release(&op);
    op = begun();
    assert_int_equal(op.fence, 3);
    assert_int_equal(step(submissions_sent, &op), SUBMISSION_DONE);
    release(&op);
    assert_int_equal(begun().fence, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(replicas_are_confirmed),
        TEST(replicas_are_confirmed_only_where_it_was_written),
        TEST(nobody_to_wait_for_confirms_nothing),
        cmocka_unit_test_setup_teardown(no_fence_is_seen_twice, set_up_real, tear_down_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
