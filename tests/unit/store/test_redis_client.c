/* The client against a scripted server: what a well-behaved one never does. */
#include "tests/unit/store/redis_scene.h"

static struct scene scene;
static struct fake_redis server;
static const char *next_answer;

static const char *say_next(struct fake_redis *f, const redisReply *command)
{
    (void)f, (void)command;
    return next_answer;
}

static int set_up(void **state)
{
    (void)state;
    next_answer = "+OK\r\n";
    memset(&scene.metrics, 0, sizeof(scene.metrics));
    assert_int_equal(loop_init(&scene.loop), 0);
    fake_redis_init(&server, &scene.loop, say_next, NULL);
    scene_begin(&scene, CONFIG_REDIS_SINGLE, &server.port, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_free(&scene.client);
    fake_redis_fini(&server);
    loop_fini(&scene.loop);
    return 0;
}

static uint64_t counted(enum metric_counter id)
{
    return metrics_counter(&scene.metrics, id);
}

static void before_it_is_connected_calls_fail_at_once(void **state)
{
    (void)state;
    struct noted_call noted = noted_call(true);
    assert_false(redis_client_is_up(scene.client));
    assert_true(strlen(redis_client_problem(scene.client)) > 0);
    assert_int_equal(scene_call(&scene, &noted, "GET a", SOON_MS), ERR_LIMIT);
    assert_false(redis_call_is_pending(&noted.call));
    redis_call_cancel(&noted.call);
    scene_wait_until_up(&scene);
    assert_int_equal(noted.times, 0);
    assert_string_equal(redis_client_problem(scene.client), "");
}

static void a_call_is_answered(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    struct noted_call noted = scene_ask(&scene, "SET a b");
    assert_int_equal(noted.outcome, REDIS_ANSWERED);
    assert_string_equal(noted.text, "OK");
}

static void an_error_of_redis_is_an_answer(void **state)
{
    (void)state;
    next_answer = "-ERR no such thing\r\n";
    scene_wait_until_up(&scene);
    struct noted_call noted = scene_ask(&scene, "SET a b");
    assert_int_equal(noted.outcome, REDIS_ANSWERED);
    assert_int_equal(noted.type, REDIS_REPLY_ERROR);
}

static const char *echo(struct fake_redis *f, const redisReply *command)
{
    static char text[64];
    struct slice word = fake_redis_argument(command, 1);
    if (slice_eq(word, SLICE("mute")))
        return NULL;
    snprintf(text, sizeof(text), "%s$%zu\r\n%.*s\r\n", (const char *)f->user, word.len,
             SLICE_ARG(word));
    return text;
}

static void a_late_answer_is_dropped_in_its_turn(void **state)
{
    (void)state;
    struct noted_call late = noted_call(false), next = noted_call(false);
    server.answer = echo;
    server.user = "";
    scene_wait_until_up(&scene);
    assert_int_equal(scene_call(&scene, &late, "GET mute", 30), 0);
    fake_redis_run(&scene.loop, call_is_over, &late);
    assert_int_equal(late.outcome, REDIS_TIMED_OUT);
    server.user = "$5\r\nstale\r\n"; /* comes first, and belongs to the first */
    assert_int_equal(scene_call(&scene, &next, "GET fresh", SOON_MS), 0);
    fake_redis_run(&scene.loop, call_is_over, &next);
    assert_string_equal(next.text, "fresh");
    assert_int_equal(late.times, 1);
}

static void a_cancelled_call_hears_nothing(void **state)
{
    (void)state;
    struct noted_call gone = noted_call(false);
    server.answer = echo;
    server.user = "";
    scene_wait_until_up(&scene);
    assert_int_equal(scene_call(&scene, &gone, "GET gone", SOON_MS), 0);
    assert_true(redis_call_is_pending(&gone.call));
    redis_call_cancel(&gone.call);
    redis_call_cancel(&gone.call);
    assert_string_equal(scene_ask(&scene, "GET next").text, "next");
    assert_int_equal(gone.times, 0);
}

static bool has_two_connections(void *user)
{
    return ((struct fake_redis *)user)->connections >= 2;
}

static const char *hang_up(struct fake_redis *f, const redisReply *command)
{
    (void)command;
    fake_redis_hang_up(f);
    f->answer = say_next;
    return NULL;
}

static void a_call_that_may_have_been_carried_out_is_lost_with_its_connection(void **state)
{
    (void)state;
    server.answer = hang_up;
    scene_wait_until_up(&scene);
    assert_int_equal(scene_ask(&scene, "INCR a").outcome, REDIS_LOST);
    fake_redis_run(&scene.loop, has_two_connections, &server);
    assert_int_equal(server.commands, 1);
    assert_int_equal(counted(COUNTER_REDIS_LOST), 1);
}

struct pair {
    struct redis_call first;
    struct noted_call second;
    unsigned lost;
};

static void cancel_the_second(struct redis_call *c, enum redis_outcome outcome,
                              const struct redisReply *reply)
{
    struct pair *pair = CONTAINER_OF(c, struct pair, first);
    (void)reply;
    pair->lost += outcome == REDIS_LOST;
    redis_call_cancel(&pair->second.call);
    memset(&pair->second.call, 0xdd, sizeof(pair->second.call)); /* its memory goes */
}

static bool is_lost(void *user)
{
    return ((struct pair *)user)->lost > 0;
}

static void a_call_may_be_cancelled_by_one_that_is_lost_before_it(void **state)
{
    (void)state;
    struct pair pair = { .first = { .on_outcome = cancel_the_second },
                         .second = noted_call(false) };
    const struct slice args[] = { SLICE("GET"), SLICE("mute") };
    server.answer = echo;
    server.user = "";
    scene_wait_until_up(&scene);
    assert_int_equal(redis_client_command(scene.client, &pair.first, args[1], args, 2, SOON_MS), 0);
    assert_int_equal(scene_call(&scene, &pair.second, "GET mute", SOON_MS), 0);
    fake_redis_hang_up_all(&server);
    fake_redis_run(&scene.loop, is_lost, &pair);
    assert_int_equal(pair.second.times, 0);
    fake_redis_run(&scene.loop, has_two_connections, &server);
}

static void a_repeatable_call_is_sent_again_on_the_next_connection(void **state)
{
    (void)state;
    struct noted_call noted = noted_call(true);
    server.answer = hang_up;
    scene_wait_until_up(&scene);
    assert_int_equal(scene_call(&scene, &noted, "SET a b", 2000), 0);
    fake_redis_run(&scene.loop, call_is_over, &noted);
    assert_int_equal(noted.outcome, REDIS_ANSWERED);
    assert_int_equal(server.commands, 2);
    assert_int_equal(server.connections, 2);
}

static void a_repeatable_call_is_lost_when_nobody_comes_back_in_time(void **state)
{
    (void)state;
    struct noted_call noted = noted_call(true);
    server.answer = hang_up;
    scene_wait_until_up(&scene);
    uv_close((uv_handle_t *)&server.listener, NULL);
    assert_int_equal(scene_call(&scene, &noted, "SET a b", 100), 0);
    fake_redis_run(&scene.loop, call_is_over, &noted);
    assert_int_equal(noted.outcome, REDIS_LOST);
    redis_client_free(&scene.client);
    fake_redis_hang_up_all(&server);
    loop_fini(&scene.loop);
    set_up(NULL); /* for the tear-down */
}

static void a_full_pipeline_refuses_more_at_once(void **state)
{
    (void)state;
    enum { LIMIT = 128 };
    static struct noted_call calls[LIMIT + 1];
    scene_wait_until_up(&scene);
    for (size_t i = 0; i <= LIMIT; i++) {
        calls[i] = noted_call(false);
        assert_int_equal(scene_call(&scene, &calls[i], "GET a", SOON_MS),
                         i < LIMIT ? 0 : ERR_LIMIT);
    }
    fake_redis_run(&scene.loop, call_is_over, &calls[LIMIT - 1]);
    for (size_t i = 0; i < LIMIT; i++)
        assert_int_equal(calls[i].times, 1);
    assert_int_equal(scene_ask(&scene, "GET a").outcome, REDIS_ANSWERED);
}

static void a_command_that_fills_the_pipeline_is_refused(void **state)
{
    (void)state;
    static char big[1024 * 1024];
    struct noted_call noted = noted_call(false);
    const struct slice args[] = { SLICE("SET"), SLICE("a"), slice_of(big, sizeof(big)) };
    scene_wait_until_up(&scene);
    int rc = redis_client_command(scene.client, &noted.call, args[1], args, 3, SOON_MS);
    assert_int_equal(rc, ERR_LIMIT);
    assert_false(redis_call_is_pending(&noted.call));
}

/* ---- the breaker ---- */

static void time_out_in_a_row(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct noted_call noted = noted_call(false);
        assert_int_equal(scene_call(&scene, &noted, "GET mute", 20), 0);
        fake_redis_run(&scene.loop, call_is_over, &noted);
        assert_int_equal(noted.outcome, REDIS_TIMED_OUT);
    }
}

static void timeouts_open_the_breaker_and_a_probe_closes_it(void **state)
{
    (void)state;
    struct noted_call noted = noted_call(false);
    server.answer = echo;
    server.user = "";
    scene_wait_until_up(&scene);
    time_out_in_a_row(5);
    assert_false(redis_client_is_up(scene.client));
    assert_non_null(strstr(redis_client_problem(scene.client), "too late"));
    assert_int_equal(scene_call(&scene, &noted, "GET a", SOON_MS), ERR_LIMIT);
    fake_redis_say(&server, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"); /* late, but the pipe moves */
    scene_wait_until_up(&scene);
    assert_int_equal(server.connections, 1);
    assert_int_equal(counted(COUNTER_REDIS_CALLS), 5);
    assert_int_equal(counted(COUNTER_REDIS_TIMEOUTS), 5);
    assert_int_equal(counted(COUNTER_REDIS_REFUSED), 1);
    assert_int_equal(counted(COUNTER_REDIS_CONNECTS), 1);
}

static void a_server_that_is_stopped_is_left_and_found_again(void **state)
{
    (void)state;
    server.answer = echo;
    server.user = "";
    scene_wait_until_up(&scene);
    server.is_mute = true;
    time_out_in_a_row(5);
    unsigned before = server.connections;
    server.is_mute = false;
    scene_wait_until_up(&scene); /* what was asked while it was mute is never answered */
    assert_true(server.connections > before);
    assert_string_equal(scene_ask(&scene, "GET again").text, "again");
}

/* ---- nonsense ---- */

static const char *say_nonsense(struct fake_redis *f, const redisReply *command)
{
    (void)command;
    return f->user;
}

static void what_is_not_resp_ends_the_connection(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n", ":12a\r\n", "$-2\r\n", "*65537\r\n", "*2147483647\r\n",
        "$99999999999999999999\r\n",
    };
    server.answer = say_nonsense;
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        scene_wait_until_up(&scene);
        server.user = (void *)nonsense[i];
        assert_int_equal(scene_ask(&scene, "GET a").outcome, REDIS_LOST);
        assert_false(redis_client_is_up(scene.client));
    }
}

static void what_was_not_asked_ends_the_connection(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    fake_redis_say(&server, "+OK\r\n");
    scene_wait_until_down(&scene);
    assert_non_null(strstr(redis_client_problem(scene.client), "not asked"));
    scene_wait_until_up(&scene);
}

/* ---- greetings ---- */

static const char *refuse(struct fake_redis *f, const redisReply *command)
{
    return fake_redis_is(command, f->user) ? "-LOADING Redis is loading\r\n" : "+PONG\r\n";
}

static const char *be_a_replica(struct fake_redis *f, const redisReply *command)
{
    (void)f;
    if (fake_redis_is(command, "ROLE"))
        return "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:0\r\n";
    return "+PONG\r\n";
}

static bool has_said(void *user)
{
    return strstr(redis_client_problem(scene.client), user) != NULL;
}

static void a_server_that_loads_or_is_no_master_is_not_used(void **state)
{
    (void)state;
    server.answers_all = true;
    server.answer = refuse;
    server.user = "PING";
    fake_redis_run(&scene.loop, has_said, "LOADING");
    server.user = "ROLE";
    fake_redis_hang_up_all(&server);
    fake_redis_run(&scene.loop, has_said, "LOADING");
    server.answer = be_a_replica;
    fake_redis_hang_up_all(&server);
    fake_redis_run(&scene.loop, has_said, "no master");
    assert_false(redis_client_is_up(scene.client));
    server.answers_all = false;
    scene_wait_until_up(&scene);
}

static const char *be_read_only_once(struct fake_redis *f, const redisReply *command)
{
    (void)command;
    f->answer = say_next;
    return "-READONLY You can't write against a read only replica.\r\n";
}

static void a_server_that_turned_into_a_replica_is_left(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    server.answer = be_read_only_once;
    assert_int_equal(scene_ask(&scene, "SET a b").outcome, REDIS_AWAY);
    assert_false(redis_client_is_up(scene.client));
    scene_wait_until_up(&scene);
    assert_int_equal(scene_ask(&scene, "SET a b").outcome, REDIS_ANSWERED);
}

static const char *hang_up_then_be_read_only(struct fake_redis *f, const redisReply *command)
{
    (void)command;
    fake_redis_hang_up(f);
    f->answer = be_read_only_once;
    return NULL;
}

/* The refusal is of the second attempt; nobody knows what became of the first. */
static void a_call_that_is_refused_when_repeated_is_lost(void **state)
{
    (void)state;
    struct noted_call noted = noted_call(true);
    server.answer = hang_up_then_be_read_only;
    scene_wait_until_up(&scene);
    assert_int_equal(scene_call(&scene, &noted, "SET a b", 2000), 0);
    fake_redis_run(&scene.loop, call_is_over, &noted);
    assert_int_equal(noted.outcome, REDIS_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(before_it_is_connected_calls_fail_at_once),
        TEST(a_call_is_answered),
        TEST(an_error_of_redis_is_an_answer),
        TEST(a_late_answer_is_dropped_in_its_turn),
        TEST(a_cancelled_call_hears_nothing),
        TEST(a_call_that_may_have_been_carried_out_is_lost_with_its_connection),
        TEST(a_call_may_be_cancelled_by_one_that_is_lost_before_it),
        TEST(a_repeatable_call_is_sent_again_on_the_next_connection),
        TEST(a_repeatable_call_is_lost_when_nobody_comes_back_in_time),
        TEST(a_full_pipeline_refuses_more_at_once),
        TEST(a_command_that_fills_the_pipeline_is_refused),
        TEST(timeouts_open_the_breaker_and_a_probe_closes_it),
        TEST(a_server_that_is_stopped_is_left_and_found_again),
        TEST(what_is_not_resp_ends_the_connection),
        TEST(what_was_not_asked_ends_the_connection),
        TEST(a_server_that_loads_or_is_no_master_is_not_used),
        TEST(a_call_that_is_refused_when_repeated_is_lost),
        TEST(a_server_that_turned_into_a_replica_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
