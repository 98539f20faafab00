/* A worker's store and its node's keeper on one loop, and a real Redis that forgets. */
#include "store/affected_list.h"
#include "store/dispatches.h"
#include "store/store_keeper.h"
#include "store/submission_name.h"
#include "tls/tls_tickets.h"

#include "store/redis_reply.h"
#include "tests/unit/store/shared_scene.h"

#include <sys/stat.h>

#define TIMEOUT_MS 1000

static struct config_submission submission;
static struct config_route route = { .submission = &submission };
static struct limits_scene s;
static struct real_redis redis;
static struct store_keeper *keeper;
static struct tls_tickets tickets;
static char folder[64], path[80], text[64];
static bool done;
static struct affected_entry listed;
static size_t listed_count;

/* ---- the scene ---- */

static int set_up(void **state)
{
    (void)state;
    shared_scene_open_real(&s, &redis);
    snprintf(folder, sizeof(folder), "/tmp/test_dispatches_keeper.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/affected", folder);
    s.config.store.journal_dir = folder;
    s.config.store.secret = (struct config_file){ "secret", SLICE("0123456789abcdef") };
    s.config.ticket_rotation_ms = DAY_MS;
    s.config.routes = &route;
    s.config.route_count = 1;
    keeper = NULL;
    shared_scene_connect(&s, redis.port, TIMEOUT_MS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_keeper_free(&keeper);
    shared_scene_close_real(&s, &redis);
    unlink(path);
    rmdir(folder);
    return 0;
}

static bool is_done(void *user)
{
    (void)user;
    return done;
}

static void run(void)
{
    fake_redis_run(&s.loop, is_done, NULL);
}

static void start_keeper(void)
{
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    keeper = store_keeper_new(&s.loop, s.region, &s.metrics, &tickets);
    store_keeper_apply(keeper, &s.config);
    loop_event_end(&s.loop);
}

static void on_done(struct store_op *op)
{
    (void)op;
    done = true;
}

static enum submission_verdict step(enum store_result (*fn)(struct store *, struct submission_op *),
                                    struct submission_op *op)
{
    done = false;
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    assert_int_equal(fn(&s.store, op), STORE_PENDING);
    loop_event_end(&s.loop);
    run();
    return op->verdict;
}

static const struct submission_about to_none = { "AAAA-BBBB-CCCC", "dossiers", "portal", false };
static const struct submission_about to_lookup = { "DDDD-EEEE-FFFF", "dossiers", "portal", true };

static struct submission_op dispatched(const struct submission_about *about)
{
    struct submission_op op = { .op.on_done = on_done,
                                .key = { 1, 2 },
                                .fingerprint = { 3 },
                                .about = about,
                                .lease_ms = DAY_MS,
                                .ttl_ms = DAY_MS };
    assert_int_equal(step(submissions_begin, &op), SUBMISSION_NEW);
    assert_int_equal(step(submissions_sent, &op), SUBMISSION_DONE);
    return op;
}

/* ---- what Redis is told behind the gateway's back ---- */

static void on_said(struct redis_call *call, enum redis_outcome outcome,
                    const struct redisReply *reply)
{
    struct slice answer = redis_reply_text(reply);
    (void)call;
    assert_int_equal(outcome, REDIS_ANSWERED);
    assert_false(redis_reply_is_error(reply));
    snprintf(text, sizeof(text), "%.*s", SLICE_ARG(answer));
    done = true;
}

static void say(const struct slice *args, size_t count)
{
    struct redis_call call = { .on_outcome = on_said };
    done = false;
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    assert_int_equal(
        redis_client_command(s.store.redis, &call, slice_of(NULL, 0), args, count, TIMEOUT_MS), 0);
    loop_event_end(&s.loop);
    run();
}

static void forget_all(void)
{
    const struct slice args[] = { SLICE("FLUSHALL") };
    say(args, 1);
}

static struct submission_name name_of(const struct submission_op *op)
{
    return submission_name_of(op->key);
}

static const char *field(const struct submission_op *op, const char *field_name)
{
    struct submission_name name = name_of(op);
    const struct slice args[] = { SLICE("HGET"), slice_of(name.text, name.len),
                                  slice_str(field_name) };
    say(args, ARRAY_LEN(args));
    return text;
}

static void set(const struct submission_op *op, const char *field_name, const char *value)
{
    struct submission_name name = name_of(op);
    const struct slice args[] = { SLICE("HSET"), slice_of(name.text, name.len),
                                  slice_str(field_name), slice_str(value) };
    say(args, ARRAY_LEN(args));
}

/* ---- what comes of it ---- */

static uint64_t put_back(void)
{
    return atomic_load(&store_region_node(s.region)->put_back);
}

static uint64_t sent_again(void)
{
    return atomic_load(&store_region_node(s.region)->sent_again);
}

static bool is_put_back(void *user)
{
    (void)user;
    return put_back() > 0;
}

static bool is_forgotten(void *user)
{
    (void)user;
    return shm_table_count(s.store.tables[STORE_DISPATCHES]) == 0;
}

static bool has_asked(void *user)
{
    const struct submission_op *op = user;
    const struct dispatch_record *r = dispatches_lock(&s.store, op->key, op->owner, op->fence);
    if (!r)
        return false;
    bool asked = r->asked != 0;
    dispatches_unlock(&s.store, op->key);
    return asked;
}

static void note(void *user, const struct affected_entry *e)
{
    (void)user;
    listed = *e;
    listed_count++;
}

static bool is_listed(void *user)
{
    struct affected_head head;
    struct err e;
    (void)user;
    listed_count = 0;
    assert_int_equal(affected_list_read(folder, &head, note, NULL, &e), 0);
    return listed_count > 0;
}

static void what_is_under_way_is_put_back_for_its_owner(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none);
    forget_all();
    start_keeper();
    fake_redis_run(&s.loop, is_listed, NULL);
    assert_int_equal(listed.state, SUBMISSION_DISPATCHED);
    assert_string_equal(listed.reference, "AAAA-BBBB-CCCC");
    assert_false(listed.sent_again);
    assert_string_equal(field(&op, "s"), "D");
    op.head = SLICE("a: b\r\n");
    op.body = SLICE("body");
    op.whole = true;
    op.status = 201;
    assert_int_equal(step(submissions_complete, &op), SUBMISSION_DONE);
    assert_string_equal(field(&op, "b"), "body");
}

static void a_dispatch_that_did_not_reach_the_replica_is_lost_although_it_was_begun(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none);
    set(&op, "s", "P");
    start_keeper();
    fake_redis_run(&s.loop, is_listed, NULL);
    assert_int_equal(listed_count, 1);
    assert_string_equal(field(&op, "s"), "D");
}

static void an_answer_alone_is_put_right_without_a_word(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none);
    op.status = 201;
    assert_int_equal(step(submissions_complete, &op), SUBMISSION_DONE);
    set(&op, "s", "D");
    start_keeper();
    fake_redis_run(&s.loop, has_asked, &op);
    assert_string_equal(field(&op, "s"), "C");
    assert_string_equal(field(&op, "st"), "201");
    assert_false(is_listed(NULL));
    assert_int_equal(put_back(), 0);
}

static void what_has_begun_again_and_was_not_sent_is_written_over(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none), other = op;
    forget_all();
    other.about = NULL; /* as another node, which does not know of it */
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_NEW);
    start_keeper();
    fake_redis_run(&s.loop, is_listed, NULL);
    assert_int_equal(step(submissions_sent, &other), SUBMISSION_LOST);
    assert_int_equal(sent_again(), 0);
}

static void what_was_sent_again_is_listed_and_forgotten(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none), other = op;
    forget_all();
    other.about = NULL;
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_NEW);
    assert_int_equal(step(submissions_sent, &other), SUBMISSION_DONE);
    start_keeper();
    fake_redis_run(&s.loop, is_forgotten, NULL);
    assert_true(is_listed(NULL));
    assert_int_equal(listed_count, 1);
    assert_true(listed.sent_again);
    assert_int_equal(sent_again(), 1);
    assert_int_equal(put_back(), 0);
    assert_int_equal(step(submissions_complete, &other), SUBMISSION_DONE);
}

static void a_later_attempt_that_knows_of_it_is_no_loss(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_lookup);
    set(&op, "f", "2");
    set(&op, "o", "77");
    set(&op, "d", "1");
    start_keeper();
    fake_redis_run(&s.loop, is_forgotten, NULL);
    assert_int_equal(put_back() + sent_again(), 0);
    assert_false(is_listed(NULL));
}

static void what_a_backend_can_be_asked_about_is_put_back_and_not_listed(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_lookup);
    op.ending = SUBMISSION_ENDS_IN_DOUBT;
    assert_int_equal(step(submissions_doubt, &op), SUBMISSION_DONE);
    forget_all();
    start_keeper();
    fake_redis_run(&s.loop, is_put_back, NULL);
    assert_string_equal(field(&op, "s"), "U");
    struct submission_op again = op;
    again.take_over = true;
    assert_int_equal(step(submissions_begin, &again), SUBMISSION_NEW);
    assert_true(again.doubtful);
    assert_int_equal(again.fence, op.fence + 1);
    assert_false(is_listed(NULL));
}

static void a_keeper_that_died_leaves_the_list_to_the_next_one(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none);
    struct dispatch_record *r = dispatches_lock(&s.store, op.key, op.owner, op.fence);
    assert_non_null(r);
    r->loss = DISPATCH_LOST; /* it had put it back, and was about to say so */
    r->lost_ms = 1;
    dispatches_unlock(&s.store, op.key);
    start_keeper();
    fake_redis_run(&s.loop, is_listed, NULL);
    assert_int_equal(listed.lost_ms, 1);
}

static void a_list_that_cannot_be_written_is_written_later(void **state)
{
    (void)state;
    dispatched(&to_none);
    forget_all();
    assert_int_equal(mkdir(path, 0700), 0); /* where the file is to be */
    start_keeper();
    fake_redis_run(&s.loop, is_put_back, NULL);
    assert_int_equal(rmdir(path), 0);
    fake_redis_run(&s.loop, is_listed, NULL);
    assert_int_equal(listed_count, 1);
}

static bool are_all_put_back(void *user)
{
    return put_back() == *(const uint64_t *)user;
}

static bool are_all_listed(void *user)
{
    return is_listed(NULL) && listed_count == *(const uint64_t *)user;
}

/* More than fit into one question or one write; noted without Redis, as if it had lost them. */
static void many_are_put_back_and_listed_once_each(void **state)
{
    (void)state;
    uint64_t many = 1000;
    for (uint64_t i = 1; i <= many; i++) {
        struct submission_op op = {
            .about = &to_none, .owner = i, .fence = 1, .lease_ms = 1, .ttl_ms = DAY_MS
        };
        memcpy(op.key, &i, sizeof(i));
        assert_true(dispatches_note_sent(&s.store, &op));
    }
    start_keeper();
    fake_redis_run(&s.loop, are_all_put_back, &many);
    fake_redis_run(&s.loop, are_all_listed, &many);
}

static void without_a_sign_a_loss_is_found_all_the_same(void **state)
{
    (void)state;
    struct submission_op op = dispatched(&to_none);
    start_keeper();
    fake_redis_run(&s.loop, has_asked, &op);
    forget_all();
    fake_redis_run(&s.loop, is_listed, NULL);
    assert_string_equal(field(&op, "s"), "D");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_under_way_is_put_back_for_its_owner),
        TEST(a_dispatch_that_did_not_reach_the_replica_is_lost_although_it_was_begun),
        TEST(an_answer_alone_is_put_right_without_a_word),
        TEST(what_has_begun_again_and_was_not_sent_is_written_over),
        TEST(what_was_sent_again_is_listed_and_forgotten),
        TEST(a_later_attempt_that_knows_of_it_is_no_loss),
        TEST(what_a_backend_can_be_asked_about_is_put_back_and_not_listed),
        TEST(a_keeper_that_died_leaves_the_list_to_the_next_one),
        TEST(a_list_that_cannot_be_written_is_written_later),
        TEST(many_are_put_back_and_listed_once_each),
        TEST(without_a_sign_a_loss_is_found_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
