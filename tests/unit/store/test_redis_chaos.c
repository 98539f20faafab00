/* A server that stalls, dies, refuses and talks nonsense at random, and a client with random calls:
 * what was promised holds for each of them. */
#include "tests/unit/store/redis_scene.h"

#define CALLS 4000
#define ROUND_CALLS_MAX 40
#define ROUND_MS 8
#define QUEUE_BYTES (1024 * 1024)

struct chaos_call {
    struct redis_call call;
    unsigned number;
    unsigned carried_out; /* as the server knows */
    unsigned outcomes;
    enum redis_outcome outcome;
    bool refused, cancelled, wrong;
};

static struct scene scene;
static struct fake_redis server;
static struct random dice;
static struct chaos_call calls[CALLS];
static unsigned started;

/* Answers that wait while the server stalls. */
static struct {
    char text[QUEUE_BYTES];
    size_t len;
    bool stalls;
    unsigned connection;
} queue;

static bool once_in(uint32_t times)
{
    return random_below(&dice, times) == 0;
}

/* ---- the server ---- */

/* In order, or never: a new connection has nothing to do with what the former one was asked. */
static const char *queued(const char *text)
{
    if (queue.connection != server.connections)
        queue.len = 0;
    queue.connection = server.connections;
    if (!queue.stalls && queue.len == 0)
        return text;
    size_t len = strlen(text);
    assert_true(queue.len + len < sizeof(queue.text));
    memcpy(queue.text + queue.len, text, len + 1);
    queue.len += len;
    return NULL;
}

static void go_on(void)
{
    queue.stalls = false;
    if (queue.len && queue.connection == server.connections)
        fake_redis_say(&server, queue.text);
    queue.len = 0;
}

static const char *refusal(void)
{
    static const char *const errors[] = {
        "-READONLY You can't write against a read only replica.\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-BUSY Redis is busy running a script.\r\n",
    };
    return errors[random_below(&dice, ARRAY_LEN(errors))];
}

static const char *answer(struct fake_redis *f, const redisReply *command)
{
    static char text[64];
    uint64_t number;
    const char *greeting = fake_redis_greet(command);
    if (greeting)
        return queued(greeting);
    if (once_in(300))
        return queued(refusal());
    assert_true(slice_to_u64(fake_redis_argument(command, 1), &number) && number < CALLS);
    calls[number].carried_out++;
    if (once_in(500)) {
        fake_redis_hang_up(f);
        return NULL;
    }
    if (once_in(700))
        return queued("nonsense\r\n");
    snprintf(text, sizeof(text), ":%u\r\n", (unsigned)number);
    return queued(text);
}

/* ---- the client ---- */

static void on_outcome(struct redis_call *c, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct chaos_call *call = CONTAINER_OF(c, struct chaos_call, call);
    int64_t number = -1;
    call->outcomes++;
    call->outcome = outcome;
    if (outcome == REDIS_ANSWERED)
        call->wrong = !redis_reply_integer(reply, &number) || number != call->number;
}

static void start_one(void)
{
    struct chaos_call *call = &calls[started];
    char number[16];
    int len = snprintf(number, sizeof(number), "%u", started);
    const struct slice args[] = { SLICE("INCR"), slice_of(number, (size_t)len) };
    call->number = started++;
    call->call.on_outcome = on_outcome;
    call->call.repeatable = once_in(2);
    call->refused = redis_client_command(scene.client, &call->call, args[1], args, 2,
                                         10 + random_below(&dice, 150)) != 0;
}

static void cancel_one(void)
{
    struct chaos_call *call = &calls[random_below(&dice, started)];
    call->cancelled = call->cancelled || redis_call_is_pending(&call->call);
    redis_call_cancel(&call->call);
}

static bool all_have_ended(void *user)
{
    (void)user;
    for (unsigned i = 0; i < started; i++)
        if (redis_call_is_pending(&calls[i].call))
            return false;
    return true;
}

static bool play_a_round(void *user)
{
    uint64_t *played_ms = user;
    if (loop_now_ms(&scene.loop) - *played_ms < ROUND_MS)
        return false;
    *played_ms = loop_now_ms(&scene.loop);
    if (!redis_client_is_up(scene.client) && !once_in(10)) {
        go_on();
        return false;
    }
    loop_event_begin(&scene.loop);
    for (uint32_t i = random_below(&dice, ROUND_CALLS_MAX); i > 0 && started < CALLS; i--)
        start_one();
    if (started && once_in(10))
        cancel_one();
    loop_event_end(&scene.loop);
    if (once_in(40))
        queue.stalls = true;
    else if (once_in(8))
        go_on();
    return started == CALLS;
}

static void judge(const struct chaos_call *call)
{
    assert_false(call->wrong);
    if (call->refused) {
        assert_int_equal(call->outcomes + call->carried_out, 0);
        return;
    }
    assert_int_equal(call->outcomes, call->cancelled ? 0 : 1);
    if (!call->call.repeatable)
        assert_true(call->carried_out <= 1);
    if (call->outcomes && call->outcome == REDIS_ANSWERED)
        assert_true(call->carried_out >= 1);
    if (call->outcomes && call->outcome == REDIS_AWAY)
        assert_int_equal(call->carried_out, 0);
}

static void every_call_ends_once_with_the_truth(void **state)
{
    (void)state;
    unsigned counts[4] = { 0 }, refused = 0;
    uint64_t played_ms = 0;
    random_init(&dice);
    print_message("seed %016llx %016llx %016llx %016llx\n", (unsigned long long)dice.s[0],
                  (unsigned long long)dice.s[1], (unsigned long long)dice.s[2],
                  (unsigned long long)dice.s[3]);
    assert_int_equal(loop_init(&scene.loop), 0);
    fake_redis_init(&server, &scene.loop, answer, NULL);
    server.answers_all = true;
    scene_begin(&scene, CONFIG_REDIS_SINGLE, &server.port, 1);
    scene_wait_until_up(&scene);
    fake_redis_run(&scene.loop, play_a_round, &played_ms);
    fake_redis_run(&scene.loop, all_have_ended, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        judge(&calls[i]);
        refused += calls[i].refused;
        if (calls[i].outcomes)
            counts[calls[i].outcome]++;
    }
    print_message("%u answered, %u timed out, %u lost, %u away, %u refused\n",
                  counts[REDIS_ANSWERED], counts[REDIS_TIMED_OUT], counts[REDIS_LOST],
                  counts[REDIS_AWAY], refused);
    go_on();
    scene_wait_until_up(&scene);
    redis_client_free(&scene.client);
    fake_redis_fini(&server);
    loop_fini(&scene.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_ends_once_with_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
