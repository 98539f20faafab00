/* Keepers of two nodes on one loop, and a real Redis between them. */
#include "store/store_keeper.h"

#include "fakes/fake_redis.h"
#include "fakes/real_redis.h"
#include "tls/tls_tickets.h"

#include "common/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"

struct node {
    char path[80];
    struct store_region *region;
    struct store_keeper *keeper;
    struct tls_tickets tickets;
};

static struct fixture {
    char folder[64];
    struct loop loop;
    struct metrics metrics;
    struct config embedded, shared;
    struct fake_redis_config redis;
    struct node nodes[2];
} f;

static void open_node(struct node *n, const char *name)
{
    struct err e;
    snprintf(n->path, sizeof(n->path), "%s/%s", f.folder, name);
    n->region = store_region_open(n->path, &f.embedded.store, NULL, &e);
    assert_non_null(n->region);
    n->keeper = store_keeper_new(&f.loop, n->region, &f.metrics, &n->tickets);
}

static int begin(void **state)
{
    (void)state;
    f = (struct fixture){ .folder = "/tmp/test_store_keeper.XXXXXX" };
    if (!mkdtemp(f.folder) || loop_init(&f.loop) < 0)
        return -1;
    f.embedded.store.sessions = f.embedded.store.limits = f.embedded.store.submissions = 1000;
    f.shared.store = f.embedded.store;
    f.embedded.ticket_rotation_ms = f.shared.ticket_rotation_ms = 3600000;
    f.shared.store.secret = (struct config_file){ "secret", SLICE(SECRET) };
    f.shared.store.redis = &f.redis.redis;
    open_node(&f.nodes[0], "one");
    open_node(&f.nodes[1], "two");
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        store_keeper_free(&f.nodes[i].keeper);
        store_region_free(&f.nodes[i].region);
        unlink(f.nodes[i].path);
    }
    loop_fini(&f.loop);
    return rmdir(f.folder);
}

static void apply(struct node *n, const struct config *config)
{
    uv_update_time(&f.loop.uv);
    loop_event_begin(&f.loop);
    store_keeper_apply(n->keeper, config);
    loop_event_end(&f.loop);
}

static enum store_mode mode_of(const struct node *n)
{
    return (enum store_mode)atomic_load(&store_region_node(n->region)->mode);
}

static uint32_t live_nodes(const struct node *n)
{
    return atomic_load(&store_region_node(n->region)->live_nodes);
}

static bool both_see_both(void *user)
{
    (void)user;
    bool seen = true;
    for (int i = 0; i < 2; i++)
        seen = seen && mode_of(&f.nodes[i]) == STORE_MODE_REDIS && live_nodes(&f.nodes[i]) == 2;
    return seen;
}

static bool first_is_local(void *user)
{
    (void)user;
    return mode_of(&f.nodes[0]) == STORE_MODE_LOCAL;
}

static bool first_is_shared(void *user)
{
    (void)user;
    return mode_of(&f.nodes[0]) == STORE_MODE_REDIS;
}

static void without_redis_the_node_is_alone(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES];
    apply(&f.nodes[0], &f.embedded);
    assert_int_equal(mode_of(&f.nodes[0]), STORE_MODE_EMBEDDED);
    assert_int_equal(live_nodes(&f.nodes[0]), 1);
    store_region_why(f.nodes[0].region, why);
    assert_string_equal(why, "");
}

static void start_redis(struct real_redis *redis)
{
    real_redis_start(redis);
    fake_redis_config(&f.redis, CONFIG_REDIS_SINGLE, &redis->port, 1);
}

static void nodes_that_share_a_redis_see_each_other(void **state)
{
    (void)state;
    struct real_redis redis = { 0 };
    start_redis(&redis);
    apply(&f.nodes[0], &f.shared);
    apply(&f.nodes[1], &f.shared);
    assert_int_equal(mode_of(&f.nodes[0]), STORE_MODE_LOCAL); /* until Redis has answered */
    fake_redis_run(&f.loop, both_see_both, NULL);
    assert_true(atomic_load(&store_region_node(f.nodes[0].region)->redis_seen_ms) > 0);
    real_redis_stop(&redis);
}

static void a_node_is_local_while_redis_is_stopped_and_says_why(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES];
    struct real_redis redis = { 0 };
    start_redis(&redis);
    apply(&f.nodes[0], &f.shared);
    apply(&f.nodes[1], &f.shared);
    fake_redis_run(&f.loop, both_see_both, NULL);
    real_redis_signal(&redis, SIGSTOP);
    fake_redis_run(&f.loop, first_is_local, NULL);
    store_region_why(f.nodes[0].region, why);
    assert_string_not_equal(why, "");
    assert_int_equal(live_nodes(&f.nodes[0]), 2); /* as far as it knows */
    real_redis_signal(&redis, SIGCONT);
    fake_redis_run(&f.loop, first_is_shared, NULL);
    store_region_why(f.nodes[0].region, why);
    assert_string_equal(why, "");
    real_redis_stop(&redis);
}

static bool first_is_warned(void *user)
{
    (void)user;
    return atomic_load(&store_region_node(f.nodes[0].region)->redis_may_evict);
}

static bool first_is_not_warned(void *user)
{
    return !first_is_warned(user);
}

static void a_redis_that_may_evict_keys_is_warned_of(void **state)
{
    (void)state;
    struct real_redis redis = { .options = { "--maxmemory", "100mb", "--maxmemory-policy",
                                             "volatile-lru" } };
    start_redis(&redis);
    apply(&f.nodes[0], &f.shared);
    fake_redis_run(&f.loop, first_is_warned, NULL);
    apply(&f.nodes[0], &f.embedded);
    assert_false(first_is_warned(NULL));
    real_redis_stop(&redis);
}

static void a_redis_that_keeps_its_keys_is_not_warned_of(void **state)
{
    static const char *const options[][4] = {
        { "--maxmemory", "100mb", "--maxmemory-policy", "noeviction" },
        { "--maxmemory", "0", "--maxmemory-policy", "allkeys-lru" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct real_redis redis = { 0 };
        memcpy(redis.options, options[i], sizeof(options[i]));
        start_redis(&redis);
        atomic_store(&store_region_node(f.nodes[0].region)->redis_may_evict, true); /* formerly */
        apply(&f.nodes[0], &f.shared);
        fake_redis_run(&f.loop, first_is_not_warned, NULL);
        apply(&f.nodes[0], &f.embedded);
        real_redis_stop(&redis);
    }
}

static const char *forbid_info(struct fake_redis *server, const redisReply *command)
{
    if (!fake_redis_is(command, "INFO"))
        return ":1\r\n";
    *(unsigned *)server->user = server->commands + 2; /* when that many have come, this is read */
    return "-NOPERM this user has no permissions to run the 'info' command\r\n";
}

struct talk {
    struct fake_redis server;
    unsigned commands; /* to be waited for; 0: INFO has not come */
};

static bool is_told(void *user)
{
    const struct talk *t = user;
    return t->commands && t->server.commands >= t->commands;
}

static void a_redis_that_does_not_tell_is_not_warned_of(void **state)
{
    (void)state;
    struct talk t = { .commands = 0 };
    fake_redis_init(&t.server, &f.loop, forbid_info, &t.commands);
    fake_redis_config(&f.redis, CONFIG_REDIS_SINGLE, &t.server.port, 1);
    apply(&f.nodes[0], &f.shared);
    fake_redis_run(&f.loop, is_told, &t);
    assert_false(first_is_warned(NULL));
    apply(&f.nodes[0], &f.embedded);
    fake_redis_fini(&t.server);
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
}

static void follows_a_configuration_that_names_another_redis_or_none(void **state)
{
    (void)state;
    struct real_redis redis = { 0 };
    struct fake_redis_config nobody;
    struct config elsewhere = f.shared;
    uint16_t port = 1;
    start_redis(&redis);
    fake_redis_config(&nobody, CONFIG_REDIS_SINGLE, &port, 1);
    elsewhere.store.redis = &nobody.redis;
    apply(&f.nodes[0], &elsewhere);
    assert_int_equal(mode_of(&f.nodes[0]), STORE_MODE_LOCAL);
    apply(&f.nodes[0], &f.shared);
    fake_redis_run(&f.loop, first_is_shared, NULL);
    apply(&f.nodes[0], &f.shared); /* nothing has changed */
    assert_int_equal(mode_of(&f.nodes[0]), STORE_MODE_REDIS);
    apply(&f.nodes[0], &elsewhere);
    fake_redis_run(&f.loop, first_is_local, NULL);
    apply(&f.nodes[0], &f.embedded);
    assert_int_equal(mode_of(&f.nodes[0]), STORE_MODE_EMBEDDED);
    real_redis_stop(&redis);
}

static bool table_is_empty(void *user)
{
    return shm_table_count(user) == 0;
}

static void is_one_again_without_the_redis_that_it_shared(void **state)
{
    (void)state;
    struct real_redis redis = { 0 };
    start_redis(&redis);
    apply(&f.nodes[0], &f.shared);
    apply(&f.nodes[1], &f.shared);
    fake_redis_run(&f.loop, both_see_both, NULL);
    apply(&f.nodes[0], &f.embedded);
    assert_int_equal(live_nodes(&f.nodes[0]), 1);
    real_redis_stop(&redis);
}

static void sweeps_what_has_expired(void **state)
{
    (void)state;
    struct shm_table *t = store_region_table(f.nodes[0].region, STORE_LIMITS);
    struct siphash key = { 1, 2 };
    assert_int_equal(shm_table_lock(t, key), 0);
    assert_non_null(shm_table_insert(t, key, clock_wall_ms(), clock_wall_ms()));
    shm_table_unlock(t, key);
    assert_int_equal(shm_table_count(t), 1);
    apply(&f.nodes[0], &f.embedded);
    fake_redis_run(&f.loop, table_is_empty, t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_redis_the_node_is_alone, begin, end),
        cmocka_unit_test_setup_teardown(nodes_that_share_a_redis_see_each_other, begin, end),
        cmocka_unit_test_setup_teardown(a_node_is_local_while_redis_is_stopped_and_says_why, begin,
                                        end),
        cmocka_unit_test_setup_teardown(follows_a_configuration_that_names_another_redis_or_none,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_redis_that_may_evict_keys_is_warned_of, begin, end),
        cmocka_unit_test_setup_teardown(a_redis_that_keeps_its_keys_is_not_warned_of, begin, end),
        cmocka_unit_test_setup_teardown(a_redis_that_does_not_tell_is_not_warned_of, begin, end),
        cmocka_unit_test_setup_teardown(is_one_again_without_the_redis_that_it_shared, begin, end),
        cmocka_unit_test_setup_teardown(sweeps_what_has_expired, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
