/* Ends of sessions that whoever ordered them has left, and ids that were rotated meanwhile. */
#include "common/clock.h"
#include "store/session_engine.h"
#include "tests/unit/store/shared_scene.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define IDLE_MS 60000

static struct limits_scene s;
static struct fake_redis server;
static unsigned stored, published;
static bool is_rotated_at_question, found;
static struct session_op *leaving; /* when the first command arrives */
/* Of different stripes, where there are several. */
static const uint8_t hash[SESSION_HASH_BYTES] = { 1, 2, 3 };
static const uint8_t other[SESSION_HASH_BYTES] = { 1, 2, 3, 0, 1 };

static void put(const uint8_t which[SESSION_HASH_BYTES])
{
    struct session session = { .uid = "an", .absolute_ms = clock_wall_ms() + DAY_MS };
    assert_true(
        session_cache_put(session_table(&s.store), which, clock_wall_ms(), IDLE_MS, &session));
}

/* As the answer to another worker's question says. */
static void rotate_elsewhere(void)
{
    struct session_answer a = { .kind = SESSION_KIND_ALIAS, .asked_ms = clock_wall_ms() };
    struct shm_table *t = session_table(&s.store);
    memcpy(a.successor, other, sizeof(other));
    put(other);
    assert_true(session_cache_forget(t, hash));
    assert_int_equal(session_cache_claim(t, hash, 7, a.asked_ms, a.asked_ms + DAY_MS),
                     SESSION_CLAIM_OURS);
    assert_true(session_cache_fill(t, hash, 7, a.asked_ms, IDLE_MS, &a));
}

static void leave(struct session_op *op)
{
    loop_event_begin(&s.loop);
    store_op_cancel(&op->op);
    loop_event_end(&s.loop);
    memset(op, 0xa5, sizeof(*op)); /* the exchange's memory goes */
}

static const char *answer(struct fake_redis *f, const redisReply *command)
{
    (void)f;
    if (fake_redis_is(command, "PUBLISH")) {
        published++;
        return ":1\r\n";
    }
    if (is_rotated_at_question) {
        rotate_elsewhere();
        return "-ERR today there are no answers\r\n";
    }
    if (leaving)
        leave(leaving);
    leaving = NULL;
    stored++;
    return "+OK\r\n";
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

static bool is_found(void *user)
{
    (void)user;
    return found;
}

static void on_found(struct store_op *op)
{
    (void)op;
    found = true;
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
    is_rotated_at_question = found = false;
    leaving = NULL;
    shared_scene_open(&s, &server, answer);
    s.config.sessions =
        (struct config_sessions){ .idle_ms = IDLE_MS, .absolute_ms = DAY_MS, .cache_ms = IDLE_MS };
    put(hash);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shared_scene_close(&s, &server);
    return 0;
}

static void connect_redis(void)
{
    shared_scene_connect(&s, server.port, 1000);
}

static void begin_find(struct session_op *op)
{
    *op = (struct session_op){ .op.on_done = on_found };
    memcpy(op->hash, hash, sizeof(op->hash));
    assert_true(session_cache_forget(session_table(&s.store), hash));
    uv_update_time(&s.loop.uv);
}

static void end_find(const struct session_op *op)
{
    fake_redis_run(&s.loop, is_found, NULL);
    assert_int_equal(op->status, SESSION_FOUND);
    assert_string_equal(op->session.uid, "an");
    assert_memory_equal(op->hash, other, sizeof(other));
}

static void start(struct session_op *op)
{
    loop_event_begin(&s.loop);
    assert_int_equal(sessions_find(&s.store, op), STORE_PENDING);
    loop_event_end(&s.loop);
}

static void where_a_rotated_id_leads_is_told_though_redis_does_not(void **state)
{
    struct session_op op;
    (void)state;
    connect_redis();
    is_rotated_at_question = true;
    begin_find(&op);
    start(&op);
    end_find(&op);
}

static void where_a_rotated_id_leads_is_told_when_another_has_asked(void **state)
{
    struct session_op op;
    uint64_t now_ms = clock_wall_ms();
    (void)state;
    connect_redis();
    begin_find(&op);
    assert_int_equal(session_cache_claim(session_table(&s.store), hash, 7, now_ms, now_ms + DAY_MS),
                     SESSION_CLAIM_OURS);
    start(&op);
    rotate_elsewhere();
    end_find(&op);
    assert_int_equal(stored, 0);
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

static void in_redis_and_everywhere(end_fn end)
{
    struct session_op op;
    connect_redis();
    leaving = &op;
    begin(&op, end);
    fake_redis_run(&s.loop, is_gone, NULL);
    assert_int_equal(stored, 2);
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

/* A table of several stripes in the place of the store's. Another process has the first session's,
 * until it is killed. */
static const struct shm_table_shape shape = { 12000, STORE_SESSION_BYTES, true };
static struct {
    struct shm_table *whole;
    void *memory;
    pid_t pid;
} held;

static void hold_stripe(void)
{
    int ends[2];
    char byte;
    struct err e;
    assert_int_equal(pipe(ends), 0);
    held.pid = fork();
    if (held.pid == 0) {
        struct shm_table *t = shm_table_new(held.memory, &shape, &e);
        if (!t || shm_table_lock(t, session_record_key(hash)) < 0 || write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
}

static int set_up_held(void **state)
{
    struct err e;
    set_up(state);
    held.whole = session_table(&s.store);
    held.memory = mmap(NULL, shm_table_bytes(&shape), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s.store.tables[STORE_SESSIONS] = shm_table_new(held.memory, &shape, &e);
    put(hash);
    put(other);
    hold_stripe();
    return 0;
}

static int tear_down_held(void **state)
{
    shm_table_free(&s.store.tables[STORE_SESSIONS]);
    s.store.tables[STORE_SESSIONS] = held.whole;
    munmap(held.memory, shm_table_bytes(&shape));
    return tear_down(state);
}

static void let_go(void)
{
    kill(held.pid, SIGKILL);
    assert_int_equal(waitpid(held.pid, NULL, 0), held.pid);
    assert_int_equal(kind_of(hash), SESSION_KIND_LIVE);
}

static void all_of_a_user_end_though_some_cannot_be_had_now(void **state)
{
    struct session_op op;
    (void)state;
    begin(&op, sessions_drop_user);
    leave(&op);
    fake_redis_run(&s.loop, is_other_gone, NULL);
    let_go();
    fake_redis_run(&s.loop, is_gone, NULL);
}

static void a_session_ends_though_it_cannot_be_had_now(void **state)
{
    struct session_op op;
    (void)state;
    begin(&op, sessions_drop);
    leave(&op);
    let_go();
    fake_redis_run(&s.loop, is_gone, NULL);
    assert_int_equal(kind_of(other), SESSION_KIND_LIVE);
}

static void who_orders_it_again_does_not_end_it_twice(void **state)
{
    struct session_op op;
    struct list *endings = &s.store.sessions->endings;
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin(&op, sessions_drop);
        leave(&op);
    }
    assert_ptr_equal(endings->next, endings->prev);
    let_go();
    fake_redis_run(&s.loop, is_gone, NULL);
}

static void who_waits_hears_when_it_has_ended(void **state)
{
    struct session_op op;
    (void)state;
    begin(&op, sessions_drop);
    op.op.on_done = on_found;
    let_go();
    fake_redis_run(&s.loop, is_found, NULL);
    assert_int_equal(op.status, SESSION_NONE);
    assert_int_equal(kind_of(hash), SESSION_KIND_NOTHING);
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
#define TEST_HELD(name) cmocka_unit_test_setup_teardown(name, set_up_held, tear_down_held)
    const struct CMUnitTest tests[] = {
        TEST(a_session_ends_though_its_client_leaves),
        TEST(all_of_a_user_end_though_their_client_leaves),
        TEST(all_of_a_user_end_in_the_nodes_memory_too),
        TEST_HELD(all_of_a_user_end_though_some_cannot_be_had_now),
        TEST_HELD(a_session_ends_though_it_cannot_be_had_now),
        TEST_HELD(who_orders_it_again_does_not_end_it_twice),
        TEST_HELD(who_waits_hears_when_it_has_ended),
        TEST(what_is_under_way_goes_with_the_store),
        TEST(where_a_rotated_id_leads_is_told_though_redis_does_not),
        TEST(where_a_rotated_id_leads_is_told_when_another_has_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
