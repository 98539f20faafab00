/* Ends of sessions that whoever ordered them has left. */
#include "common/clock.h"
#include "store/session_engine.h"
#include "tests/unit/store/limits_scene.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define IDLE_MS 60000

static struct limits_scene s;
static struct fake_redis server;
static unsigned stored, published;
/* Of different stripes, where there are several. */
static const uint8_t hash[SESSION_HASH_BYTES] = { 1, 2, 3 };
static const uint8_t other[SESSION_HASH_BYTES] = { 1, 2, 3, 0, 1 };

static const char *answer(struct fake_redis *f, const redisReply *command)
{
    (void)f;
    if (fake_redis_is(command, "PUBLISH")) {
        published++;
        return ":1\r\n";
    }
    stored++;
    return "+OK\r\n";
}

static bool is_shared(void *user)
{
    (void)user;
    return store_is_shared(&s.store);
}

static bool is_stored(void *user)
{
    (void)user;
    return stored > 0;
}

static enum session_kind kind_of(const uint8_t which[SESSION_HASH_BYTES])
{
    struct session_copy copy;
    assert_int_equal(
        session_cache_look(session_table(&s.store), which, clock_wall_ms(), IDLE_MS, &copy), 0);
    return copy.kind;
}

static bool is_gone(void *user)
{
    (void)user;
    return kind_of(hash) == SESSION_KIND_NOTHING && list_is_empty(&s.store.sessions->endings);
}

static bool is_other_gone(void *user)
{
    (void)user;
    return kind_of(other) == SESSION_KIND_NOTHING;
}

static void put(const uint8_t which[SESSION_HASH_BYTES])
{
    struct session session = { .uid = "an", .absolute_ms = clock_wall_ms() + DAY_MS };
    assert_true(
        session_cache_put(session_table(&s.store), which, clock_wall_ms(), IDLE_MS, &session));
}

static void nobody_is_told(struct store_op *op)
{
    (void)op;
    fail_msg("whoever cancelled it was called");
}

static int set_up(void **state)
{
    (void)state;
    stored = published = 0;
    limits_scene_open(&s);
    s.config.sessions =
        (struct config_sessions){ .idle_ms = IDLE_MS, .absolute_ms = DAY_MS, .cache_ms = IDLE_MS };
    put(hash);
    fake_redis_init(&server, &s.loop, answer, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_fini(&s.store);
    fake_redis_fini(&server);
    loop_fini(&s.loop);
    store_region_free(&s.region);
    return 0;
}

static void connect_redis(void)
{
    fake_redis_config(&s.redis, CONFIG_REDIS_SINGLE, &server.port, 1);
    s.config.store.redis = &s.redis.redis;
    store_apply(&s.store, &s.config);
    fake_redis_run(&s.loop, is_shared, NULL);
}

typedef enum store_result (*end_fn)(struct store *store, struct session_op *op);

static void begin(struct session_op *op, end_fn end)
{
    *op = (struct session_op){ .op.on_done = nobody_is_told };
    memcpy(op->hash, hash, sizeof(op->hash));
    op->uid = end == sessions_drop_user ? "an" : NULL;
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    assert_int_equal(end(&s.store, op), STORE_PENDING);
    loop_event_end(&s.loop);
}

static void leave(struct session_op *op)
{
    loop_event_begin(&s.loop);
    store_op_cancel(&op->op);
    loop_event_end(&s.loop);
    memset(op, 0xa5, sizeof(*op)); /* the exchange's memory goes */
}

static void in_redis_and_everywhere(end_fn end)
{
    struct session_op op;
    connect_redis();
    begin(&op, end);
    fake_redis_run(&s.loop, is_stored, NULL);
    leave(&op);
    assert_int_equal(published, 0);
    fake_redis_run(&s.loop, is_gone, NULL);
    assert_int_equal(published, 1);
}

static void a_session_ends_though_its_client_leaves(void **state)
{
    (void)state;
    in_redis_and_everywhere(sessions_drop);
}

static void all_of_a_user_end_though_their_client_leaves(void **state)
{
    (void)state;
    in_redis_and_everywhere(sessions_drop_user);
}

static void all_of_a_user_end_in_the_nodes_memory_too(void **state)
{
    struct session_op op;
    (void)state;
    begin(&op, sessions_drop_user);
    leave(&op);
    assert_int_equal(kind_of(hash), SESSION_KIND_LIVE);
    fake_redis_run(&s.loop, is_gone, NULL);
}

/* Another process has the first session's stripe, until it is killed. */
static pid_t hold_stripe(void *memory, const struct shm_table_shape *shape)
{
    int ends[2];
    char byte;
    struct err e;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct shm_table *t = shm_table_new(memory, shape, &e);
        if (!t || shm_table_lock(t, session_record_key(hash)) < 0 || write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void all_of_a_user_end_though_some_cannot_be_had_now(void **state)
{
    static const struct shm_table_shape shape = { 12000, STORE_SESSION_BYTES, true };
    struct shm_table *whole = session_table(&s.store);
    struct session_op op;
    struct err e;
    (void)state;
    size_t bytes = shm_table_bytes(&shape);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s.store.tables[STORE_SESSIONS] = shm_table_new(memory, &shape, &e);
    put(hash);
    put(other);
    pid_t pid = hold_stripe(memory, &shape);
    begin(&op, sessions_drop_user);
    leave(&op);
    fake_redis_run(&s.loop, is_other_gone, NULL);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(kind_of(hash), SESSION_KIND_LIVE);
    fake_redis_run(&s.loop, is_gone, NULL);
    shm_table_free(&s.store.tables[STORE_SESSIONS]);
    s.store.tables[STORE_SESSIONS] = whole;
    munmap(memory, bytes);
}

static void what_is_under_way_goes_with_the_store(void **state)
{
    struct session_op op, user;
    (void)state;
    connect_redis();
    begin(&op, sessions_drop);
    begin(&user, sessions_drop_user);
    leave(&op);
    leave(&user);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_session_ends_though_its_client_leaves),
        TEST(all_of_a_user_end_though_their_client_leaves),
        TEST(all_of_a_user_end_in_the_nodes_memory_too),
        TEST(all_of_a_user_end_though_some_cannot_be_had_now),
        TEST(what_is_under_way_goes_with_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
