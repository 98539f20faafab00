/* Rate limits of a node by itself. */
#include "tests/unit/store/limits_scene.h"

static struct limits_scene s;
static const struct config_rate_limit five = {
    .name = "five", .limit = 1, .period_ms = DAY_MS, .burst = 5
};
static const struct config_rate_limit other = {
    .name = "other", .limit = 1, .period_ms = DAY_MS, .burst = 5
};

static int set_up(void **state)
{
    (void)state;
    limits_scene_open(&s);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    limits_scene_close(&s);
    return 0;
}

static struct limit_op take(const struct config_rate_limit *limit, const char *key)
{
    struct taken t;
    limits_scene_take(&s, &t, limit, key);
    assert_true(t.done);
    return t.op;
}

static void burst_and_no_more_is_allowed(void **state)
{
    (void)state;
    for (unsigned left = 5; left > 0; left--) {
        struct limit_op op = take(&five, "a");
        assert_true(op.allowed);
        assert_int_equal(op.remaining, left - 1);
        assert_int_equal(op.retry_ms, 0);
        assert_int_equal(op.reset_ms, (6 - left) * (uint64_t)DAY_MS);
    }
    struct limit_op op = take(&five, "a");
    assert_false(op.allowed);
    assert_int_equal(op.remaining, 0);
    assert_int_equal(op.retry_ms, DAY_MS);
}

static void keys_and_limits_do_not_mix(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++)
        take(&five, "a");
    assert_int_equal(take(&five, "b").remaining, 4);
    assert_int_equal(take(&other, "a").remaining, 4);
    assert_int_equal(take(&five, "").remaining, 4);
    assert_false(take(&five, "a").allowed);
}

static void time_brings_it_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        take(&five, "a");
    s.loop.now_us += DAY_US - 1;
    assert_int_equal(take(&five, "a").retry_ms, 1);
    s.loop.now_us += 1;
    assert_true(take(&five, "a").allowed);
    assert_false(take(&five, "a").allowed);
}

static void what_is_returned_can_be_taken_again(void **state)
{
    (void)state;
    struct limit_op op = take(&five, "a");
    for (unsigned i = 0; i < 4; i++)
        op = take(&five, "a");
    limits_return(&op);
    op = take(&five, "a");
    assert_true(op.allowed);
    op = take(&five, "a");
    assert_false(op.allowed);
    limits_return(&op); /* it took nothing */
    assert_false(take(&five, "a").allowed);
}

static void all_modes_are_exact_on_one_node(void **state)
{
    (void)state;
    for (int mode = CONFIG_LIMIT_LEASE; mode <= CONFIG_LIMIT_STRICT; mode++) {
        struct config_rate_limit limit = five;
        char key[2] = { (char)('0' + mode), '\0' };
        unsigned allowed = 0;
        limit.mode = (enum config_limit_mode)mode;
        for (unsigned i = 0; i < 20; i++)
            allowed += take(&limit, key).allowed;
        assert_int_equal(allowed, 5);
    }
    assert_int_equal(metrics_counter(&s.metrics, COUNTER_RATE_LIMIT_FALLBACKS), 0);
}

static void processes_of_a_node_count_together(void **state)
{
    (void)state;
    struct store second;
    store_init(&second, &s.loop, s.region, 1, &s.metrics);
    store_apply(&second, &s.config);
    for (unsigned i = 0; i < 5; i++)
        assert_true(take(&five, "a").allowed);
    struct taken t = { .op = { .limit = &five, .key = SLICE("a") } };
    assert_int_equal(limits_take(&second, &t.op), STORE_DONE);
    assert_false(t.op.allowed);
    store_fini(&second);
}

/* More keys than records: what is forgotten begins anew, and nothing fails. */
static void more_keys_than_room_do_no_harm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%u", i);
        assert_true(take(&five, key).allowed);
    }
    assert_true(shm_table_evictions(s.store.tables[STORE_LIMITS]) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(burst_and_no_more_is_allowed),
        TEST(keys_and_limits_do_not_mix),
        TEST(time_brings_it_back),
        TEST(what_is_returned_can_be_taken_again),
        TEST(all_modes_are_exact_on_one_node),
        TEST(processes_of_a_node_count_together),
        TEST(more_keys_than_room_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
