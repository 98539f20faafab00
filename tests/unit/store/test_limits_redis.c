/* Rate limits of nodes that share a Redis: a scripted one, and Debian's for the script itself. */
#include "tests/unit/store/shared_scene.h"

#define TIMEOUT_MS 50

static struct limits_scene s;
static struct fake_redis server;
static struct real_redis real;
static const char *next_answer; /* NULL: none */

static const struct config_rate_limit strict = {
    .name = "once", .limit = 1, .period_ms = DAY_MS, .burst = 8, .mode = CONFIG_LIMIT_STRICT
};
/* On two nodes: leases of up to 10, and 10 are free. */
static const struct config_rate_limit leased = {
    .name = "pages", .limit = 160, .period_ms = 60000, .burst = 160, .mode = CONFIG_LIMIT_LEASE
};

static const char *say_next(struct fake_redis *f, const redisReply *command)
{
    (void)f;
    assert_true(fake_redis_is(command, "EVALSHA"));
    return next_answer;
}

static bool is_done(void *user)
{
    return ((struct taken *)user)->done;
}

static void connect_as_one_of_two_nodes(uint16_t port)
{
    atomic_store(&store_region_node(s.region)->live_nodes, 2);
    shared_scene_connect(&s, port, TIMEOUT_MS);
}

static int set_up(void **state)
{
    (void)state;
    next_answer = "*2\r\n:1\r\n:1000\r\n";
    shared_scene_open(&s, &server, say_next);
    connect_as_one_of_two_nodes(server.port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shared_scene_close(&s, &server);
    return 0;
}

/* As in an event, whose end sends the question off. */
static void begin_take(struct taken *t, const struct config_rate_limit *limit, const char *key)
{
    loop_event_begin(&s.loop);
    limits_scene_take(&s, t, limit, key);
    loop_event_end(&s.loop);
}

static struct limit_op take(const struct config_rate_limit *limit, const char *key)
{
    struct taken t;
    begin_take(&t, limit, key);
    fake_redis_run(&s.loop, is_done, &t);
    return t.op;
}

/* Let them pass which no answer is waited for. */
static unsigned take_at_once(const struct config_rate_limit *limit, const char *key)
{
    struct taken t;
    unsigned count = 0;
    for (;; count++) {
        begin_take(&t, limit, key);
        if (!t.done || !t.op.allowed)
            break;
    }
    store_op_cancel(&t.op.op);
    return count;
}

static uint64_t fallbacks(void)
{
    return metrics_counter(&s.metrics, COUNTER_RATE_LIMIT_FALLBACKS);
}

/* ---- strict ---- */

static void a_strict_limit_asks_each_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct limit_op op = take(&strict, "a");
        assert_true(op.allowed);
        assert_int_equal(op.remaining, 7);
    }
    assert_int_equal(server.commands, 20);
    assert_int_equal(fallbacks(), 0);
}

static void what_redis_refuses_is_refused_without_asking(void **state)
{
    (void)state;
    next_answer = "*2\r\n:0\r\n:691200000000\r\n"; /* eight days */
    struct limit_op op = take(&strict, "a");
    assert_false(op.allowed);
    assert_in_range(op.retry_ms, DAY_MS - 1, DAY_MS);
    for (unsigned i = 0; i < 20; i++)
        assert_false(take(&strict, "a").allowed);
    assert_int_equal(server.commands, 1);
}

/* Two nodes, of which each lets half of its half of eight pass. */
static void check_half_share(const char *key)
{
    assert_true(take(&strict, key).allowed);
    assert_true(take(&strict, key).allowed);
    struct limit_op op = take(&strict, key);
    assert_false(op.allowed);
    assert_in_range(op.retry_ms, 4 * (uint64_t)DAY_MS - 20000, 4 * (uint64_t)DAY_MS);
    assert_int_equal(fallbacks(), 3);
}

static void a_silent_redis_leaves_half_of_a_nodes_share(void **state)
{
    (void)state;
    server.is_mute = true;
    check_half_share("a");
}

static void an_answer_that_makes_no_sense_is_none(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "$2\r\nOK\r\n",        "*2\r\n:2\r\n:1\r\n",      "*2\r\n:-1\r\n:1\r\n", "*1\r\n:1\r\n",
        "*2\r\n:1\r\n:-1\r\n", "*2\r\n:1\r\n$1\r\nx\r\n", "-ERR wrong\r\n",      "*-1\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        next_answer = answers[i];
        assert_true(take(&strict, answers[i]).allowed);
        assert_int_equal(fallbacks(), i + 1);
    }
}

static void an_absent_redis_is_not_waited_for(void **state)
{
    (void)state;
    struct taken t;
    uint16_t nobodys = real_redis_free_port();
    fake_redis_config(&s.redis, CONFIG_REDIS_SINGLE, &nobodys, 1);
    store_apply(&s.store, &s.config);
    for (unsigned i = 0; i < 2; i++) {
        begin_take(&t, &strict, "a");
        assert_true(t.done && t.op.allowed);
    }
    begin_take(&t, &strict, "a");
    assert_true(t.done);
    assert_false(t.op.allowed);
}

static void nobody_is_called_back_who_has_left(void **state)
{
    (void)state;
    struct taken left, stays;
    begin_take(&left, &strict, "a");
    begin_take(&stays, &strict, "b");
    store_op_cancel(&left.op.op);
    fake_redis_run(&s.loop, is_done, &stays);
    assert_false(left.done);
}

/* ---- lease ---- */

static bool is_asked(void *user)
{
    return server.commands >= *(unsigned *)user;
}

static void wait_for_commands(unsigned count)
{
    fake_redis_run(&s.loop, is_asked, &count);
}

static bool has_lease(void *user)
{
    struct taken t;
    (void)user;
    begin_take(&t, &leased, "a");
    bool spent = t.done && t.op.verdict == LIMIT_LEASE_SPENT;
    if (t.done)
        limits_return(&t.op);
    store_op_cancel(&t.op.op);
    return spent;
}

static void a_leased_limit_is_fetched_ahead(void **state)
{
    (void)state;
    struct taken t;
    next_answer = "*2\r\n:10\r\n:6000000\r\n";
    for (unsigned i = 0; i < 10; i++) {
        begin_take(&t, &leased, "a");
        assert_true(t.done && t.op.allowed);
    }
    wait_for_commands(1);
    fake_redis_run(&s.loop, has_lease, NULL);
    assert_int_equal(take_at_once(&leased, "a"), 10);
    assert_int_equal(fallbacks(), 0);
}

/* Nothing is free any more, and no lease is in hand: the request asks for itself. */
static void without_a_lease_a_request_waits_for_its_answer(void **state)
{
    (void)state;
    server.is_mute = true;
    assert_int_equal(take_at_once(&leased, "a"), 10);
    server.is_mute = false;
    struct limit_op op = take(&leased, "a");
    assert_true(op.allowed);
    assert_int_equal(op.source, LIMIT_BY_REDIS);
    limits_return(&op);
    assert_true(has_lease(NULL));
}

static void at_the_limit_redis_is_not_asked_about_each(void **state)
{
    (void)state;
    next_answer = "*2\r\n:0\r\n:60000000\r\n";
    take_at_once(&leased, "a");
    assert_false(take(&leased, "a").allowed);
    unsigned asked = server.commands;
    for (unsigned i = 0; i < 100; i++)
        assert_false(take(&leased, "a").allowed);
    assert_int_equal(server.commands, asked);
}

static void a_silent_redis_leaves_a_nodes_share(void **state)
{
    (void)state;
    server.is_mute = true;
    unsigned allowed = 0;
    for (unsigned i = 0; i < 200; i++)
        allowed += take(&leased, "a").allowed;
    assert_in_range(allowed, 80, 82); /* and what comes back meanwhile */
    assert_in_range(fallbacks(), 70, 191);
}

static void a_local_limit_never_asks(void **state)
{
    (void)state;
    struct config_rate_limit local = leased;
    local.mode = CONFIG_LIMIT_LOCAL;
    local.limit = 1;
    local.period_ms = DAY_MS;
    local.burst = 8;
    assert_int_equal(take_at_once(&local, "a"), 4);
    assert_int_equal(server.commands, 0);
    assert_int_equal(fallbacks(), 0);
}

/* ---- the script ---- */

static int set_up_real(void **state)
{
    (void)state;
    shared_scene_open_real(&s, &real);
    connect_as_one_of_two_nodes(real.port);
    return 0;
}

static int tear_down_real(void **state)
{
    (void)state;
    shared_scene_close_real(&s, &real);
    return 0;
}

static void redis_counts_exactly(void **state)
{
    (void)state;
    for (unsigned left = 8; left > 0; left--) {
        struct limit_op op = take(&strict, "a");
        assert_true(op.allowed);
        assert_int_equal(op.remaining, left - 1);
        assert_in_range(op.reset_ms, (9 - left) * (uint64_t)DAY_MS - 20000,
                        (9 - left) * (uint64_t)DAY_MS);
    }
    assert_false(take(&strict, "a").allowed);
    assert_true(take(&strict, "b").allowed);
    assert_int_equal(fallbacks(), 0);
}

/* Thirds of a microsecond, and a burst that is full: rounding cheats nobody. */
static void odd_intervals_give_the_whole_burst(void **state)
{
    (void)state;
    struct config_rate_limit odd = {
        .name = "odd", .limit = 7, .period_ms = DAY_MS, .burst = 21, .mode = CONFIG_LIMIT_STRICT
    };
    for (unsigned i = 0; i < 21; i++)
        assert_true(take(&odd, "a").allowed);
    assert_false(take(&odd, "a").allowed);
}

/* A second node would be told the same: what is asked for is what Redis counts. */
static void leases_and_single_requests_count_together(void **state)
{
    (void)state;
    struct config_rate_limit limit = {
        .name = "both", .limit = 160, .period_ms = DAY_MS, .burst = 160, .mode = CONFIG_LIMIT_LEASE
    };
    unsigned allowed = 0;
    for (unsigned i = 0; i < 400; i++)
        allowed += take(&limit, "a").allowed;
    assert_in_range(allowed, 150, 170); /* a lease may be on its way, and 10 were free */
    assert_int_equal(fallbacks(), 0);
    assert_true(metrics_counter(&s.metrics, COUNTER_RATE_LIMIT_ASKS) < allowed / 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_REAL(name) cmocka_unit_test_setup_teardown(name, set_up_real, tear_down_real)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_strict_limit_asks_each_time),
        TEST(what_redis_refuses_is_refused_without_asking),
        TEST(a_silent_redis_leaves_half_of_a_nodes_share),
        TEST(an_answer_that_makes_no_sense_is_none),
        TEST(an_absent_redis_is_not_waited_for),
        TEST(nobody_is_called_back_who_has_left),
        TEST(a_leased_limit_is_fetched_ahead),
        TEST(without_a_lease_a_request_waits_for_its_answer),
        TEST(at_the_limit_redis_is_not_asked_about_each),
        TEST(a_silent_redis_leaves_a_nodes_share),
        TEST(a_local_limit_never_asks),
        TEST_REAL(redis_counts_exactly),
        TEST_REAL(odd_intervals_give_the_whole_burst),
        TEST_REAL(leases_and_single_requests_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
