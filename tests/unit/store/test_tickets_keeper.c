/* The ticket keys of a node alone, and with a Redis that says what the test wants. What nodes agree
 * on through a real one is in tests/e2e/test_tickets.py. */
#include "common/clock.h"
#include "store/store_task.h"
#include "tests/unit/store/redis_scene.h"
#include "tls/tls_tickets.h"

#define ROTATION_MS 3600000
#define HOW_EVAL_BEGINS 4 /* EVALSHA, its name, how many keys, the key: then the arguments */

static struct scene s;
static struct fake_redis server;
static struct config config;
static struct store store;
static struct tls_tickets tickets;
static struct store_task *task;
static char file[CONFIG_TICKET_KEYS * CONFIG_TICKET_KEY_BYTES];

static const char *next_answer;
static unsigned proposals;
static char proposed_after[32], proposed[32]; /* generations */

static const char *answer(struct fake_redis *f, const redisReply *command)
{
    (void)f;
    assert_true(fake_redis_is(command, "EVALSHA"));
    if (command->elements == HOW_EVAL_BEGINS + 4) {
        proposals++;
        snprintf(proposed_after, sizeof(proposed_after), "%.*s",
                 SLICE_ARG(fake_redis_argument(command, HOW_EVAL_BEGINS + 1)));
        snprintf(proposed, sizeof(proposed), "%.*s",
                 SLICE_ARG(fake_redis_argument(command, HOW_EVAL_BEGINS + 2)));
        assert_int_equal(fake_redis_argument(command, HOW_EVAL_BEGINS + 3).len,
                         TLS_TICKETS_SEALED_BYTES);
        return "*0\r\n";
    }
    assert_int_equal(command->elements, HOW_EVAL_BEGINS + 1);
    return next_answer;
}

static void apply(void)
{
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    tickets_keeper.apply(task);
    loop_event_end(&s.loop);
}

static void tick(void)
{
    uv_update_time(&s.loop.uv);
    loop_event_begin(&s.loop);
    tickets_keeper.tick(task);
    loop_event_end(&s.loop);
}

static int set_up(void **state)
{
    (void)state;
    s = (struct scene){ 0 };
    server = (struct fake_redis){ 0 };
    tickets = (struct tls_tickets){ 0 };
    proposals = 0;
    config = (struct config){ .ticket_rotation_ms = ROTATION_MS };
    if (loop_init(&s.loop) < 0)
        return -1;
    tls_tickets_init(&tickets);
    store = (struct store){ .loop = &s.loop, .config = &config, .secret = { 7 } };
    task = tickets_keeper.new();
    task->store = &store;
    task->tickets = &tickets;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tickets_keeper.free(task);
    redis_client_free(&s.client);
    if (server.loop)
        fake_redis_fini(&server);
    loop_fini(&s.loop);
    return 0;
}

static void connect_to_redis(void)
{
    fake_redis_init(&server, &s.loop, answer, NULL);
    scene_begin(&s, CONFIG_REDIS_SINGLE, &server.port, 1);
    scene_wait_until_up(&s);
    store.redis = s.client;
    apply();
}

static struct tls_ticket_keys keys(void)
{
    struct tls_ticket_keys found;
    assert_true(tls_tickets_read(&tickets, &found));
    return found;
}

static bool has_rotated(const struct tls_ticket_keys *before)
{
    struct tls_ticket_keys now = keys();
    return memcmp(&now.slots[1], &before->slots[0], 3 * sizeof(now.slots[0])) == 0;
}

static bool are_the_same(const struct tls_ticket_keys *before)
{
    struct tls_ticket_keys now = keys();
    return memcmp(&now, before, sizeof(now)) == 0;
}

/* --- alone ------------------------------------------------------------------------------------ */

static void a_node_alone_rotates_once_a_period(void **state)
{
    (void)state;
    struct tls_ticket_keys first = keys();
    apply();
    tick();
    assert_true(are_the_same(&first)); /* it is not known how old they are */
    assert_int_equal(tickets.period, clock_wall_ms() / ROTATION_MS);
    tickets.period -= 1;
    tick();
    assert_true(has_rotated(&first));
    struct tls_ticket_keys second = keys();
    tick();
    assert_true(are_the_same(&second));
    assert_int_equal(tickets.source, TLS_TICKETS_OWN);
}

static void other_periods_begin_anew(void **state)
{
    (void)state;
    apply();
    tick();
    struct tls_ticket_keys before = keys();
    config.ticket_rotation_ms = ROTATION_MS / 2;
    apply();
    tick();
    assert_true(are_the_same(&before));
}

static void keys_of_a_file_are_used_as_they_are(void **state)
{
    (void)state;
    struct tls_ticket_keys found;
    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (char)(i * 7 % 251);
    config.ticket_file = (struct config_file){ "tickets.key", slice_of(file, sizeof(file)) };
    apply();
    found = keys();
    assert_memory_equal(&found, file, sizeof(file));
    assert_int_equal(tickets.source, TLS_TICKETS_FILE);
    tickets.period = 1;
    tick();
    assert_true(are_the_same(&found));
    config.ticket_file = (struct config_file){ 0 };
    apply();
    assert_int_equal(tickets.source, TLS_TICKETS_OWN);
    assert_true(are_the_same(&found)); /* until they are rotated: sessions go on */
}

/* --- with a Redis that makes no sense --------------------------------------------------------- */

static bool period_is_current(void *user)
{
    (void)user;
    return tickets.period == clock_wall_ms() / ROTATION_MS;
}

static bool has_proposed(void *user)
{
    (void)user;
    tick(); /* the answer to the last one may be on its way */
    return proposals > 0;
}

static void nonsense_is_as_if_redis_were_away(void **state)
{
    static const char *const answers[] = {
        "-ERR no such thing\r\n",
        "*3\r\n:1\r\n:2\r\n:3\r\n",
        "*3\r\n$1\r\n1\r\n$2\r\nxx\r\n$3\r\nyes\r\n",
        "*2\r\n$1\r\n1\r\n$2\r\nxx\r\n",
        "*4\r\n$1\r\n1\r\n$2\r\nxx\r\n:0\r\n:0\r\n",
    };
    (void)state;
    connect_to_redis();
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct tls_ticket_keys before = keys();
        next_answer = answers[i];
        tickets.period = 1; /* long ago: whoever is alone rotates */
        apply();
        tickets.period = 1;
        tick();
        fake_redis_run(&s.loop, period_is_current, NULL);
        assert_true(has_rotated(&before));
        assert_int_equal(tickets.source, TLS_TICKETS_OWN);
    }
    assert_int_equal(proposals, 0);
}

static void assert_proposes(const char *said, const char *after, const char *generation)
{
    struct tls_ticket_keys before = keys();
    next_answer = said;
    proposals = 0;
    apply();
    fake_redis_run(&s.loop, has_proposed, NULL);
    assert_string_equal(proposed_after, after);
    assert_string_equal(proposed, generation);
    assert_true(are_the_same(&before));
}

static void keys_that_are_not_ours_are_not_used_but_replaced(void **state)
{
    (void)state;
    connect_to_redis();
    assert_proposes("*0\r\n", "", "1");
    tickets.generation = 6;
    assert_proposes("*0\r\n", "", "6");
    assert_proposes("*3\r\n$1\r\n9\r\n$6\r\nspoilt\r\n:0\r\n", "9", "6");
    assert_proposes("*3\r\n$3\r\n-12\r\n$6\r\nspoilt\r\n:1\r\n", "-12", "6");
    assert_proposes("*3\r\n$20\r\n18446744073709551615\r\n$0\r\n\r\n:1\r\n", "18446744073709551615",
                    "6");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_alone_rotates_once_a_period),
        TEST(other_periods_begin_anew),
        TEST(keys_of_a_file_are_used_as_they_are),
        TEST(nonsense_is_as_if_redis_were_away),
        TEST(keys_that_are_not_ours_are_not_used_but_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
