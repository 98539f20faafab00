/* Sentinels and Clusters that are scripted: what real ones say in rare moments only. */
#include "common/mem.h"
#include "store/redis_setup.h"
#include "tests/unit/store/redis_scene.h"

#define NODES 2
#define TEXT_BYTES 512

/* `fakes` are Sentinels, or a Cluster's nodes; `masters` are who Sentinels speak of. */
static struct scene scene;
static struct fake_redis fakes[NODES], masters[NODES];

static struct part {
    const char *says; /* to all commands but CLUSTER SLOTS; NULL: "+OK" */
    unsigned asking;  /* how often ASKING was heard */
    unsigned maps;    /* how often the map was asked for */
    char map[TEXT_BYTES];
    char text[TEXT_BYTES];
} parts[NODES];

static const char *answer_as_part(struct fake_redis *f, const redisReply *command)
{
    struct part *p = f->user;
    if (fake_redis_is(command, "CLUSTER")) {
        p->maps++;
        return p->map;
    }
    if (fake_redis_is(command, "ASKING")) {
        p->asking++;
        return "+OK\r\n";
    }
    return p->says ? p->says : "+OK\r\n";
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(loop_init(&scene.loop), 0);
    for (size_t i = 0; i < NODES; i++) {
        parts[i] = (struct part){ 0 };
        fake_redis_init(&fakes[i], &scene.loop, answer_as_part, &parts[i]);
        fake_redis_init(&masters[i], &scene.loop, answer_as_part, &parts[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_free(&scene.client);
    for (size_t i = 0; i < NODES; i++) {
        fake_redis_fini(&fakes[i]);
        fake_redis_fini(&masters[i]);
    }
    loop_fini(&scene.loop);
    return 0;
}

/* ---- Sentinels ---- */

static void name_master(struct part *p, const char *ip, unsigned port)
{
    char digits[16];
    int len = snprintf(digits, sizeof(digits), "%u", port);
    snprintf(p->text, sizeof(p->text), "*2\r\n$%zu\r\n%s\r\n$%d\r\n%s\r\n", strlen(ip), ip, len,
             digits);
    p->says = p->text;
}

static void begin_with_sentinels(void)
{
    const uint16_t ports[NODES] = { fakes[0].port, fakes[1].port };
    scene_begin(&scene, CONFIG_REDIS_SENTINEL, ports, NODES);
    scene.config.redis.master = "cong";
}

static bool has_problem(void *user)
{
    return strstr(redis_client_problem(scene.client), user) != NULL;
}

static void the_master_that_a_sentinel_names_is_used(void **state)
{
    (void)state;
    name_master(&parts[0], "127.0.0.1", masters[1].port);
    begin_with_sentinels();
    scene_wait_until_up(&scene);
    assert_int_equal(masters[1].connections, 1);
    assert_int_equal(fakes[1].connections, 0);
}

static void a_sentinel_of_no_use_is_passed_over(void **state)
{
    (void)state;
    static const char *const useless[] = {
        "*-1\r\n",
        "-IDONTKNOW who that is\r\n",
        "*1\r\n$9\r\n127.0.0.1\r\n",
        "*2\r\n$10\r\nredis.test\r\n$4\r\n6379\r\n",
        "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n99999\r\n",
        ":1\r\n",
        "nonsense\r\n",
    };
    name_master(&parts[1], "127.0.0.1", masters[0].port);
    for (size_t i = 0; i < ARRAY_LEN(useless); i++) {
        parts[0].says = useless[i];
        begin_with_sentinels();
        scene_wait_until_up(&scene);
        redis_client_free(&scene.client);
    }
    assert_int_equal(fakes[1].connections, ARRAY_LEN(useless));
}

static void a_mute_sentinel_is_not_waited_for_longer_than_a_moment(void **state)
{
    (void)state;
    fakes[0].is_mute = true;
    name_master(&parts[1], "127.0.0.1", masters[0].port);
    begin_with_sentinels();
    scene_wait_until_up(&scene);
}

static void when_no_sentinel_helps_they_are_asked_again(void **state)
{
    (void)state;
    parts[0].says = parts[1].says = "*-1\r\n";
    begin_with_sentinels();
    fake_redis_run(&scene.loop, has_problem, "knows no master");
    assert_false(redis_client_is_up(scene.client));
    name_master(&parts[1], "127.0.0.1", masters[0].port);
    scene_wait_until_up(&scene);
}

static void a_lost_master_is_asked_for_anew(void **state)
{
    (void)state;
    name_master(&parts[0], "127.0.0.1", masters[0].port);
    name_master(&parts[1], "127.0.0.1", masters[0].port);
    begin_with_sentinels();
    scene_wait_until_up(&scene);
    name_master(&parts[0], "127.0.0.1", masters[1].port);
    fake_redis_hang_up_all(&masters[0]);
    scene_wait_until_down(&scene);
    scene_wait_until_up(&scene);
    assert_int_equal(masters[1].connections, 1);
}

static const char *want_password(struct fake_redis *f, const redisReply *command)
{
    struct part *p = f->user;
    if (!fake_redis_is(command, "AUTH"))
        return p->asking ? p->text : "-NOAUTH Authentication required.\r\n";
    p->asking += slice_eq(fake_redis_argument(command, 1), SLICE("secret"));
    return "+OK\r\n";
}

static void a_sentinel_that_wants_the_password_gets_it(void **state)
{
    (void)state;
    const uint16_t ports[] = { fakes[0].port };
    name_master(&parts[0], "127.0.0.1", masters[0].port);
    fakes[0].answers_all = true;
    fakes[0].answer = want_password;
    fake_redis_config(&scene.config, CONFIG_REDIS_SENTINEL, ports, 1);
    scene.config.redis.master = "cong";
    scene.config.redis.password = (struct config_file){ "password", SLICE("secret\n") };
    scene.client = redis_client_new(&scene.loop, &scene.config.redis, &scene.metrics);
    scene_wait_until_up(&scene);
    assert_int_equal(parts[0].asking, 1);
}

/* ---- Cluster ---- */

/* "foo" is in slot 12182, "bar" in 5061. */
#define FOO 12182

/* Slots up to 9999 at the first node, the rest at the second one. */
static void write_map(struct part *p, uint16_t low, uint16_t high, const char *host)
{
    snprintf(p->map, sizeof(p->map),
             "*2\r\n"
             "*3\r\n:0\r\n:9999\r\n*3\r\n$%zu\r\n%s\r\n:%u\r\n$1\r\nx\r\n"
             "*4\r\n:10000\r\n:16383\r\n*3\r\n$%zu\r\n%s\r\n:%u\r\n$1\r\ny\r\n"
             "*3\r\n$9\r\n127.0.0.1\r\n:1\r\n$1\r\nz\r\n",
             strlen(host), host, low, strlen(host), host, high);
}

static bool both_are_connected(void *user)
{
    (void)user;
    return redis_client_is_up(scene.client) && fakes[0].connections && fakes[1].connections &&
           parts[0].maps + parts[1].maps > 0;
}

/* A node takes calls when its greeting has been heard. */
static bool foo_is_served(void *user)
{
    return scene_call(&scene, user, "GET foo", SOON_MS) == 0;
}

static void begin_with_cluster(const char *host)
{
    struct noted_call noted = noted_call(false);
    const uint16_t ports[] = { fakes[0].port };
    for (size_t i = 0; i < NODES; i++)
        write_map(&parts[i], fakes[0].port, fakes[1].port, host);
    scene_begin(&scene, CONFIG_REDIS_CLUSTER, ports, 1);
    fake_redis_run(&scene.loop, both_are_connected, NULL);
    fake_redis_run(&scene.loop, foo_is_served, &noted);
    fake_redis_run(&scene.loop, call_is_over, &noted);
    fakes[0].commands = fakes[1].commands = 0;
}

static void a_key_goes_to_the_node_of_its_slot(void **state)
{
    (void)state;
    begin_with_cluster("127.0.0.1");
    scene_ask(&scene, "GET foo");
    assert_int_equal(fakes[1].commands, 1);
    scene_ask(&scene, "GET bar");
    assert_int_equal(fakes[0].commands, 1);
    scene_ask(&scene, "GET cong:{foo}:x");
    assert_int_equal(fakes[1].commands, 2);
}

static void a_host_that_is_not_named_is_that_of_who_tells_the_map(void **state)
{
    (void)state;
    begin_with_cluster("");
    scene_ask(&scene, "GET foo");
    assert_int_equal(fakes[1].commands, 1);
}

static void a_moved_slot_is_followed_and_remembered(void **state)
{
    (void)state;
    char moved[TEXT_BYTES];
    begin_with_cluster("127.0.0.1");
    snprintf(moved, sizeof(moved), "-MOVED %d 127.0.0.1:%u\r\n", FOO, fakes[0].port);
    parts[1].says = moved;
    struct noted_call noted = scene_ask(&scene, "GET foo");
    assert_string_equal(noted.text, "OK");
    assert_int_equal(fakes[0].commands, 1);
    scene_ask(&scene, "GET foo");
    assert_int_equal(fakes[1].commands, 1);
    assert_int_equal(fakes[0].commands, 2);
}

static void ask_is_followed_once_and_not_remembered(void **state)
{
    (void)state;
    char ask[TEXT_BYTES];
    begin_with_cluster("127.0.0.1");
    snprintf(ask, sizeof(ask), "-ASK %d 127.0.0.1:%u\r\n", FOO, fakes[0].port);
    parts[1].says = ask;
    assert_string_equal(scene_ask(&scene, "GET foo").text, "OK");
    assert_int_equal(parts[0].asking, 1);
    parts[1].says = NULL;
    scene_ask(&scene, "GET foo");
    assert_int_equal(parts[0].asking, 1);
    assert_int_equal(fakes[1].commands, 2);
}

static void moved_in_a_circle_ends(void **state)
{
    (void)state;
    char to_low[TEXT_BYTES], to_high[TEXT_BYTES];
    begin_with_cluster("127.0.0.1");
    snprintf(to_low, sizeof(to_low), "-MOVED %d 127.0.0.1:%u\r\n", FOO, fakes[0].port);
    snprintf(to_high, sizeof(to_high), "-MOVED %d 127.0.0.1:%u\r\n", FOO, fakes[1].port);
    parts[0].says = to_high;
    parts[1].says = to_low;
    struct noted_call noted = scene_ask(&scene, "GET foo");
    assert_int_equal(noted.type, REDIS_REPLY_ERROR);
    assert_int_equal(fakes[0].commands + fakes[1].commands, 4);
}

static const char *try_again_once(struct fake_redis *f, const redisReply *command)
{
    (void)command;
    f->answer = answer_as_part;
    return "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
}

static void what_is_to_be_tried_again_is(void **state)
{
    (void)state;
    begin_with_cluster("127.0.0.1");
    fakes[1].answer = try_again_once;
    assert_string_equal(scene_ask(&scene, "GET foo").text, "OK");
    assert_int_equal(fakes[1].commands, 2);
}

static void a_cluster_that_is_down_is_away_until_it_is_not(void **state)
{
    (void)state;
    begin_with_cluster("127.0.0.1");
    parts[1].says = "-CLUSTERDOWN The cluster is down\r\n";
    assert_int_equal(scene_ask(&scene, "GET foo").outcome, REDIS_AWAY);
    parts[1].says = NULL;
    assert_int_equal(scene_ask(&scene, "GET foo").outcome, REDIS_ANSWERED);
}

static bool map_was_asked_again(void *user)
{
    return parts[0].maps + parts[1].maps > *(unsigned *)user;
}

static void nonsense_in_the_map_is_refused(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        "*0\r\n",
        "+OK\r\n",
        "*1\r\n+OK\r\n",
        "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n",
        "*1\r\n*3\r\n:9\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:-1\r\n",
        "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$5\r\nthere\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n",
    };
    const uint16_t ports[] = { fakes[0].port };
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        unsigned before = parts[0].maps;
        snprintf(parts[0].map, TEXT_BYTES, "%s", nonsense[i]);
        scene_begin(&scene, CONFIG_REDIS_CLUSTER, ports, 1);
        fake_redis_run(&scene.loop, map_was_asked_again, &before);
        struct noted_call noted = noted_call(false);
        uv_run(&scene.loop.uv, UV_RUN_NOWAIT);
        assert_int_equal(scene_call(&scene, &noted, "GET foo", SOON_MS), ERR_LIMIT);
        redis_client_free(&scene.client);
    }
}

static bool first_is_left(void *user)
{
    (void)user;
    return fakes[0].peers == NULL;
}

static void a_node_that_serves_nothing_any_more_is_left(void **state)
{
    (void)state;
    begin_with_cluster("127.0.0.1");
    for (size_t i = 0; i < NODES; i++)
        write_map(&parts[i], fakes[1].port, fakes[1].port, "127.0.0.1");
    parts[0].says = "-CLUSTERDOWN hint: ask for the map\r\n";
    scene_ask(&scene, "GET bar");
    fake_redis_run(&scene.loop, first_is_left, NULL);
    assert_string_equal(scene_ask(&scene, "GET bar").text, "OK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_master_that_a_sentinel_names_is_used),
        TEST(a_sentinel_of_no_use_is_passed_over),
        TEST(a_mute_sentinel_is_not_waited_for_longer_than_a_moment),
        TEST(when_no_sentinel_helps_they_are_asked_again),
        TEST(a_lost_master_is_asked_for_anew),
        TEST(a_sentinel_that_wants_the_password_gets_it),
        TEST(a_key_goes_to_the_node_of_its_slot),
        TEST(a_host_that_is_not_named_is_that_of_who_tells_the_map),
        TEST(a_moved_slot_is_followed_and_remembered),
        TEST(ask_is_followed_once_and_not_remembered),
        TEST(moved_in_a_circle_ends),
        TEST(what_is_to_be_tried_again_is),
        TEST(a_cluster_that_is_down_is_away_until_it_is_not),
        TEST(nonsense_in_the_map_is_refused),
        TEST(a_node_that_serves_nothing_any_more_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
