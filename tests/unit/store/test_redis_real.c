/* The client against Debian's redis-server. */
#include "common/mem.h"
#include "fakes/fake_pki.h"
#include "fakes/real_redis.h"
#include "tests/unit/store/redis_scene.h"

#include <signal.h>

static struct scene scene;
static struct real_redis server;

static void begin(void)
{
    scene_begin(&scene, CONFIG_REDIS_SINGLE, &server.port, 1);
}

static int set_up(void **state)
{
    (void)state;
    server = (struct real_redis){ 0 };
    real_redis_start(&server);
    assert_int_equal(loop_init(&scene.loop), 0);
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_free(&scene.client);
    loop_fini(&scene.loop);
    real_redis_stop(&server);
    return 0;
}

static void commands_are_carried_out(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "SET a b").text, "OK");
    assert_string_equal(scene_ask(&scene, "GET a").text, "b");
    assert_int_equal(scene_ask(&scene, "GET none").type, REDIS_REPLY_NIL);
    assert_int_equal(scene_ask(&scene, "INCR a").type, REDIS_REPLY_ERROR);
}

/* ---- scripts ---- */

static struct redis_script sum = { .text = "return redis.call('INCRBY', KEYS[1], ARGV[1])" };

static struct noted_call run_script(void)
{
    const struct slice key = SLICE("counter"), argument = SLICE("5");
    struct noted_call noted = noted_call(false);
    int rc = redis_client_script(scene.client, &noted.call, &sum, &key, 1, &argument, 1, SOON_MS);
    assert_int_equal(rc, 0);
    assert_string_equal(scene_ask(&scene, "PING").text, "PONG"); /* sends it off */
    fake_redis_run(&scene.loop, call_is_over, &noted);
    return noted;
}

static void a_script_is_loaded_when_it_is_missing_and_runs_once(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    assert_int_equal(run_script().number, 5);
    assert_int_equal(run_script().number, 10);
    assert_string_equal(scene_ask(&scene, "SCRIPT FLUSH").text, "OK");
    assert_int_equal(run_script().number, 15);
}

static void a_new_connection_brings_the_scripts_along(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    run_script();
    real_redis_kill(&server);
    scene_wait_until_down(&scene);
    real_redis_restart(&server);
    scene_wait_until_up(&scene);
    assert_int_equal(run_script().number, 5);
    struct noted_call noted = noted_call(false);
    const struct slice ask[] = { SLICE("INFO"), SLICE("errorstats") };
    assert_int_equal(redis_client_command(scene.client, &noted.call, ask[0], ask, 2, SOON_MS), 0);
    scene_ask(&scene, "PING");
    fake_redis_run(&scene.loop, call_is_over, &noted);
    assert_null(strstr(noted.text, "NOSCRIPT"));
}

/* ---- death ---- */

static void a_killed_server_is_noticed_and_found_again(void **state)
{
    (void)state;
    struct noted_call noted = noted_call(false);
    scene_wait_until_up(&scene);
    real_redis_kill(&server);
    scene_wait_until_down(&scene);
    assert_int_equal(scene_call(&scene, &noted, "GET a", SOON_MS), ERR_LIMIT);
    real_redis_restart(&server);
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "SET a b").text, "OK");
}

static void a_stopped_server_is_noticed_even_without_calls_and_found_again(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    real_redis_signal(&server, SIGSTOP);
    scene_wait_until_down(&scene);
    real_redis_signal(&server, SIGCONT);
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "SET a b").text, "OK");
}

static void a_server_that_turns_into_a_replica_is_left_until_it_is_a_master_again(void **state)
{
    (void)state;
    struct scene other = { 0 };
    assert_int_equal(loop_init(&other.loop), 0);
    scene_wait_until_up(&scene);
    scene_begin(&other, CONFIG_REDIS_SINGLE, &server.port, 1);
    scene_wait_until_up(&other);
    assert_string_equal(scene_ask(&other, "REPLICAOF 127.0.0.1 1").text, "OK");
    assert_int_equal(scene_ask(&scene, "SET a b").outcome, REDIS_AWAY);
    scene_wait_until_down(&scene);
    assert_string_equal(scene_ask(&other, "REPLICAOF NO ONE").text, "OK");
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "SET a b").text, "OK");
    redis_client_free(&other.client);
    loop_fini(&other.loop);
}

/* ---- who we are ---- */

static bool has_problem(void *user)
{
    return strstr(redis_client_problem(scene.client), user) != NULL;
}

static void set_password(const char *user, const char *password)
{
    redis_client_free(&scene.client);
    fake_redis_config(&scene.config, CONFIG_REDIS_SINGLE, &server.port, 1);
    scene.config.redis.username = user;
    scene.config.redis.password = (struct config_file){ "password", slice_str(password) };
    scene.client = redis_client_new(&scene.loop, &scene.config.redis, &scene.metrics);
}

static void a_password_opens_the_server_and_another_one_does_not(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "CONFIG SET requirepass secret").text, "OK");
    set_password(NULL, "wrong");
    fake_redis_run(&scene.loop, has_problem, "WRONGPASS");
    set_password(NULL, "");
    fake_redis_run(&scene.loop, has_problem, "NOAUTH");
    set_password(NULL, "secret\n");
    scene_wait_until_up(&scene);
}

static void a_user_of_the_access_list_is_named(void **state)
{
    (void)state;
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "ACL SETUSER gate on >secret ~* &* +@all").text, "OK");
    set_password("gate", "secret");
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "ACL WHOAMI").text, "gate");
}

/* ---- TLS ---- */

static struct fake_certificate authority, stranger, certificate;

static const char *write_file(const char *name, struct slice data)
{
    static char paths[4][128];
    static unsigned used;
    char *path = paths[used++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", server.folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data.data, 1, data.len, f), data.len);
    fclose(f);
    return path;
}

/* The server that runs is given TLS on another port. */
static uint16_t offer_tls(void)
{
    static char words[256];
    uint16_t port = real_redis_free_port();
    snprintf(words, sizeof(words), "CONFIG SET tls-cert-file %s tls-key-file %s",
             write_file("redis.crt", certificate.cert_pem),
             write_file("redis.key", certificate.key_pem));
    assert_string_equal(scene_ask(&scene, words).text, "OK");
    snprintf(words, sizeof(words), "CONFIG SET tls-auth-clients no tls-port %u", port);
    assert_string_equal(scene_ask(&scene, words).text, "OK");
    return port;
}

static void connect_with_tls(uint16_t port, const struct fake_certificate *ca, const char *name)
{
    redis_client_free(&scene.client);
    fake_redis_config(&scene.config, CONFIG_REDIS_SINGLE, &port, 1);
    scene.config.redis.tls = true;
    scene.config.redis.tls_ca = (struct config_file){ "ca.crt", ca->cert_pem };
    scene.config.redis.tls_name = name;
    scene.client = redis_client_new(&scene.loop, &scene.config.redis, &scene.metrics);
}

static void tls_is_spoken_with_who_proves_to_be_the_server_and_nobody_else(void **state)
{
    (void)state;
    fake_certificate_init(&authority, "EC", NULL, NULL);
    fake_certificate_init(&stranger, "RSA", NULL, NULL);
    fake_certificate_init(&certificate, "EC", "DNS:redis.test,IP:127.0.0.1", &authority);
    scene_wait_until_up(&scene);
    uint16_t port = offer_tls();
    connect_with_tls(port, &authority, NULL);
    scene_wait_until_up(&scene);
    assert_string_equal(scene_ask(&scene, "SET a b").text, "OK");
    connect_with_tls(port, &authority, "redis.test");
    scene_wait_until_up(&scene);
    connect_with_tls(port, &authority, "other.test");
    fake_redis_run(&scene.loop, has_problem, "mismatch");
    connect_with_tls(port, &stranger, NULL);
    fake_redis_run(&scene.loop, has_problem, "certificate");
    connect_with_tls(server.port, &authority, NULL); /* which speaks no TLS */
    fake_redis_run(&scene.loop, has_problem, "not answer");
    struct fake_certificate nonsense = { .cert_pem = SLICE("nonsense") };
    connect_with_tls(port, &nonsense, NULL);
    fake_redis_run(&scene.loop, has_problem, "cannot be read");
    fake_certificate_fini(&certificate);
    fake_certificate_fini(&stranger);
    fake_certificate_fini(&authority);
}

/* ---- messages ---- */

struct heard {
    unsigned states, messages;
    bool stands;
    char last[64];
};

static void on_message(void *user, struct slice channel, struct slice message)
{
    struct heard *h = user;
    assert_true(slice_eq(channel, SLICE("news")));
    h->messages++;
    snprintf(h->last, sizeof(h->last), "%.*s", SLICE_ARG(message));
}

static void on_state(void *user, bool stands)
{
    struct heard *h = user;
    assert_true(stands != h->stands);
    h->stands = stands;
    h->states++;
}

static bool stands(void *user)
{
    return ((struct heard *)user)->stands;
}

static bool is_lost(void *user)
{
    return !stands(user);
}

static bool has_message(void *user)
{
    return ((struct heard *)user)->messages > 0;
}

static void messages_come_and_a_lost_subscription_is_told_and_made_again(void **state)
{
    (void)state;
    struct heard heard = { 0 };
    struct redis_subscription *s =
        redis_subscription_new(scene.client, "news", on_message, on_state, &heard);
    fake_redis_run(&scene.loop, stands, &heard);
    assert_int_equal(scene_ask(&scene, "PUBLISH news one").number, 1);
    fake_redis_run(&scene.loop, has_message, &heard);
    assert_string_equal(heard.last, "one");
    real_redis_kill(&server);
    fake_redis_run(&scene.loop, is_lost, &heard);
    real_redis_restart(&server);
    fake_redis_run(&scene.loop, stands, &heard);
    heard.messages = 0;
    scene_wait_until_up(&scene);
    assert_int_equal(scene_ask(&scene, "PUBLISH news two").number, 1);
    fake_redis_run(&scene.loop, has_message, &heard);
    assert_string_equal(heard.last, "two");
    redis_subscription_free(&s);
    assert_null(s);
}

static void a_subscription_whose_server_is_stopped_is_lost(void **state)
{
    (void)state;
    struct heard heard = { 0 };
    struct redis_subscription *s =
        redis_subscription_new(scene.client, "news", on_message, on_state, &heard);
    fake_redis_run(&scene.loop, stands, &heard);
    real_redis_signal(&server, SIGSTOP);
    fake_redis_run(&scene.loop, is_lost, &heard);
    real_redis_signal(&server, SIGCONT);
    fake_redis_run(&scene.loop, stands, &heard);
    assert_int_equal(heard.states, 3);
    redis_subscription_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(commands_are_carried_out),
        TEST(a_script_is_loaded_when_it_is_missing_and_runs_once),
        TEST(a_new_connection_brings_the_scripts_along),
        TEST(a_killed_server_is_noticed_and_found_again),
        TEST(a_stopped_server_is_noticed_even_without_calls_and_found_again),
        TEST(a_server_that_turns_into_a_replica_is_left_until_it_is_a_master_again),
        TEST(a_password_opens_the_server_and_another_one_does_not),
        TEST(a_user_of_the_access_list_is_named),
        TEST(tls_is_spoken_with_who_proves_to_be_the_server_and_nobody_else),
        TEST(messages_come_and_a_lost_subscription_is_told_and_made_again),
        TEST(a_subscription_whose_server_is_stopped_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
