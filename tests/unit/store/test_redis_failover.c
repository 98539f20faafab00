/* Real Sentinels and a real Cluster: masters die, and slots move. */
#include "fakes/real_redis.h"
#include "tests/unit/store/redis_scene.h"

#include <stdlib.h>

#define SENTINELS 3
#define CLUSTER_NODES 6
#define OPTION_BYTES 96

static struct scene scene;
static struct real_redis servers[CLUSTER_NODES], sentinels[SENTINELS];

static int set_up(void **state)
{
    (void)state;
    memset(servers, 0, sizeof(servers));
    memset(sentinels, 0, sizeof(sentinels));
    assert_int_equal(loop_init(&scene.loop), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_free(&scene.client);
    loop_fini(&scene.loop);
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        real_redis_stop(&servers[i]);
    for (size_t i = 0; i < SENTINELS; i++)
        real_redis_stop(&sentinels[i]);
    return 0;
}

/* What redis-cli prints of a server; its first bytes. */
static const char *cli(uint16_t port, const char *words)
{
    static char out[8192];
    char command[256];
    snprintf(command, sizeof(command), "exec redis-cli -h 127.0.0.1 -p %u %s 2>&1", port, words);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(f);
    size_t len = fread(out, 1, sizeof(out) - 1, f);
    out[len] = '\0';
    pclose(f);
    return out;
}

struct expectation {
    uint16_t port;
    const char *words, *text;
};

static bool says(void *user)
{
    const struct expectation *e = user;
    return strstr(cli(e->port, e->words), e->text) != NULL;
}

/* Until the server's answer has this in it. */
static void wait_for(uint16_t port, const char *words, const char *text)
{
    struct expectation e = { port, words, text };
    fake_redis_run(&scene.loop, says, &e);
}

/* A call that is tried until it is answered with +OK. */
static bool is_written(void *user)
{
    struct noted_call *noted = user;
    if (noted->times && noted->outcome == REDIS_ANSWERED && noted->type == REDIS_REPLY_STATUS)
        return true;
    if (!redis_call_is_pending(&noted->call)) {
        *noted = noted_call(false);
        (void)scene_call(&scene, noted, "SET foo bar", 200);
    }
    return false;
}

static uint64_t write_takes_ms(void)
{
    struct noted_call noted = noted_call(false);
    uint64_t began_ms = loop_now_ms(&scene.loop);
    fake_redis_run(&scene.loop, is_written, &noted);
    return loop_now_ms(&scene.loop) - began_ms;
}

/* ---- Sentinel ---- */

static void start_with_replica(void)
{
    static char replica_of[OPTION_BYTES];
    real_redis_start(&servers[0]);
    snprintf(replica_of, sizeof(replica_of), "127.0.0.1 %u", servers[0].port);
    servers[1].options[0] = "--replicaof";
    servers[1].options[1] = replica_of;
    real_redis_start(&servers[1]);
    wait_for(servers[1].port, "INFO replication", "master_link_status:up");
}

static void start_sentinels(uint16_t *ports)
{
    static char config[512];
    snprintf(config, sizeof(config),
             "sentinel monitor cong 127.0.0.1 %u 2\n"
             "sentinel down-after-milliseconds cong 500\n"
             "sentinel failover-timeout cong 3000\n",
             servers[0].port);
    for (size_t i = 0; i < SENTINELS; i++) {
        sentinels[i].sentinel = config;
        real_redis_start(&sentinels[i]);
        ports[i] = sentinels[i].port;
    }
    for (size_t i = 0; i < SENTINELS; i++)
        wait_for(ports[i], "INFO sentinel", "slaves=1,sentinels=3");
}

static void the_master_that_sentinels_make_is_found(void **state)
{
    (void)state;
    uint16_t ports[SENTINELS];
    start_with_replica();
    start_sentinels(ports);
    scene_begin(&scene, CONFIG_REDIS_SENTINEL, ports, SENTINELS);
    scene.config.redis.master = "cong";
    scene_wait_until_up(&scene);
    write_takes_ms();
    real_redis_kill(&servers[0]);
    scene_wait_until_down(&scene);
    print_message("kill -9 of the master: writing again after %llu ms\n",
                  (unsigned long long)write_takes_ms());
    assert_non_null(strstr(cli(servers[1].port, "GET foo"), "bar"));
    /* Who comes back is made a replica; nobody writes to it. */
    real_redis_restart(&servers[0]);
    wait_for(servers[0].port, "INFO replication", "role:slave");
    assert_string_equal(scene_ask(&scene, "SET foo later").text, "OK");
    assert_non_null(strstr(cli(servers[1].port, "GET foo"), "later"));
}

/* ---- Cluster ---- */

static void start_cluster(uint16_t *ports)
{
    static char bus[CLUSTER_NODES][OPTION_BYTES];
    char words[256] = "--cluster create";
    for (size_t i = 0; i < CLUSTER_NODES; i++) {
        snprintf(bus[i], sizeof(bus[i]), "%u", real_redis_free_port());
        const char *const options[] = { "--cluster-enabled",      "yes", "--cluster-port", bus[i],
                                        "--cluster-node-timeout", "1000" };
        memcpy(servers[i].options, options, sizeof(options));
        real_redis_start(&servers[i]);
        ports[i] = servers[i].port;
        size_t len = strlen(words);
        snprintf(words + len, sizeof(words) - len, " 127.0.0.1:%u", ports[i]);
    }
    size_t len = strlen(words);
    snprintf(words + len, sizeof(words) - len, " --cluster-replicas 1 --cluster-yes");
    assert_non_null(strstr(cli(ports[0], words), "All 16384 slots covered"));
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        wait_for(ports[i], "CLUSTER INFO", "cluster_state:ok");
    for (size_t i = CLUSTER_NODES / 2; i < CLUSTER_NODES; i++)
        wait_for(ports[i], "INFO replication", "master_link_status:up");
}

/* redis-cli --cluster create gives the slots to the first three in turn: "foo" (12182) to the
 * third, "bar" (5061) to the first. */
static void a_master_of_a_cluster_that_dies_is_replaced_and_the_others_go_on(void **state)
{
    (void)state;
    uint16_t ports[CLUSTER_NODES];
    start_cluster(ports);
    scene_begin(&scene, CONFIG_REDIS_CLUSTER, ports, 2);
    write_takes_ms();
    real_redis_kill(&servers[2]);
    assert_string_equal(scene_ask(&scene, "SET bar foo").text, "OK");
    assert_true(redis_client_is_up(scene.client));
    print_message("kill -9 of a Cluster's master: writing again after %llu ms\n",
                  (unsigned long long)write_takes_ms());
}

static const char *node_id(uint16_t port)
{
    static char ids[2][64];
    static unsigned turn;
    char *id = ids[turn++ % 2];
    snprintf(id, sizeof(ids[0]), "%.40s", cli(port, "CLUSTER MYID"));
    return id;
}

static void a_slot_that_moves_is_followed_while_and_after_it_moves(void **state)
{
    (void)state;
    enum { FROM = 2, TO = 0 };
    uint16_t ports[CLUSTER_NODES];
    char words[160];
    start_cluster(ports);
    scene_begin(&scene, CONFIG_REDIS_CLUSTER, ports, 2);
    write_takes_ms();
    const char *from = node_id(ports[FROM]), *to = node_id(ports[TO]);
    snprintf(words, sizeof(words), "CLUSTER SETSLOT 12182 IMPORTING %s", from);
    assert_non_null(strstr(cli(ports[TO], words), "OK"));
    snprintf(words, sizeof(words), "CLUSTER SETSLOT 12182 MIGRATING %s", to);
    assert_non_null(strstr(cli(ports[FROM], words), "OK"));
    assert_string_equal(scene_ask(&scene, "GET foo").text, "bar");
    assert_string_equal(scene_ask(&scene, "SET {foo}new here").text, "OK"); /* ASK: not there yet */
    assert_non_null(strstr(cli(ports[TO], "INFO commandstats"), "cmdstat_asking:calls=1,"));
    snprintf(words, sizeof(words), "MIGRATE 127.0.0.1 %u foo 0 1000", ports[TO]);
    assert_non_null(strstr(cli(ports[FROM], words), "OK"));
    snprintf(words, sizeof(words), "CLUSTER SETSLOT 12182 NODE %s", to);
    assert_non_null(strstr(cli(ports[TO], words), "OK"));
    assert_non_null(strstr(cli(ports[FROM], words), "OK"));
    assert_string_equal(scene_ask(&scene, "GET foo").text, "bar"); /* MOVED */
    assert_string_equal(scene_ask(&scene, "GET {foo}new").text, "here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_master_that_sentinels_make_is_found),
        TEST(a_master_of_a_cluster_that_dies_is_replaced_and_the_others_go_on),
        TEST(a_slot_that_moves_is_followed_while_and_after_it_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
