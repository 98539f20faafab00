#include "unit/config/load_fixture.h"

#include <cmocka.h>

#define REST LISTENERS UPSTREAMS ROUTES
#define SECRET "0123456789abcdef0123456789abcdef"

static void fills_in_every_default(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, REST);
    assert_int_equal(c->store.sessions, 200000);
    assert_int_equal(c->store.limits, 300000);
    assert_int_equal(c->store.submissions, 65536);
    assert_string_equal(c->store.journal_dir, "/var/lib/cong/journal");
    assert_true(c->store.journal_sync);
    assert_null(c->store.secret.path);
    assert_null(c->store.redis);
    load_fixture_fini(&f);
}

/* Loads a configuration of which the files are there as well. */
static struct config *load_with_files(struct load_fixture *f, const char *yaml)
{
    load_fixture_init(f);
    bundle_add(f->bundle, "secret", SLICE(SECRET));
    bundle_add(f->bundle, "password", SLICE("open sesame\r\n"));
    load_fixture_load(f, yaml);
    buf_append_char(&f->d.text, '\0');
    return f->config;
}

static void reads_what_is_given(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_with_files(
        &f,
        REST "store:\n"
             "  sessions: 1000\n"
             "  limits: 2000\n"
             "  submissions: 3000\n"
             "  journal: /j\n"
             "  journal_sync: false\n"
             "  secret: secret\n"
             "  redis:\n"
             "    kind: sentinel\n"
             "    servers: [ '10.0.0.1:26379', '[::1]:26379' ]\n"
             "    master: cong\n"
             "    username: gateway\n"
             "    password: password\n"
             "    timeouts: { connect: 1s, command: 20ms }\n"
             "    tls: { ca: portal.crt, cert: portal.crt, key: portal.key, name: redis.vn }\n");
    assert_string_equal(f.d.text.data, "");
    const struct config_redis *r = c->store.redis;
    assert_int_equal(c->store.sessions, 1000);
    assert_int_equal(c->store.limits, 2000);
    assert_int_equal(c->store.submissions, 3000);
    assert_string_equal(c->store.journal_dir, "/j");
    assert_false(c->store.journal_sync);
    assert_int_equal(c->store.secret.data.len, 32);
    assert_int_equal(r->kind, CONFIG_REDIS_SENTINEL);
    assert_int_equal(r->server_count, 2);
    assert_string_equal(r->servers[1].text, "[::1]:26379");
    assert_string_equal(r->master, "cong");
    assert_string_equal(r->username, "gateway");
    assert_true(slice_eq(r->password.data, SLICE("open sesame")));
    assert_int_equal(r->connect_timeout_ms, 1000);
    assert_int_equal(r->command_timeout_ms, 20);
    assert_true(r->tls);
    assert_non_null(r->tls_ca.data.data);
    assert_non_null(r->tls_cert.data.data);
    assert_non_null(r->tls_key.data.data);
    assert_string_equal(r->tls_name, "redis.vn");
    load_fixture_fini(&f);
}

static void redis_needs_a_secret_that_is_long_enough(void **state)
{
    (void)state;
    expect_problems(REST "store: { redis: { servers: [ '10.0.0.1:6379' ] } }\n",
                    "4:17: store.redis: needs store.secret, a file of random bytes that all nodes "
                    "share\n");
    struct load_fixture f;
    load_fixture_init(&f);
    bundle_add(f.bundle, "secret", SLICE("too short"));
    load_fixture_load(&f, REST "store: { secret: secret }\n");
    buf_append_char(&f.d.text, '\0');
    assert_string_equal(f.d.text.data,
                        "t.yaml:4:18: store.secret: secret holds less than 32 bytes\n");
    load_fixture_fini(&f);
}

#define WITH_REDIS(text) REST "store: { secret: portal.key, redis: { " text " } }\n"

static void refuses_what_contradicts_itself(void **state)
{
    (void)state;
    expect_problems(WITH_REDIS("servers: [ '10.0.0.1:1' ], kind: sentinel"),
                    "4:72: store.redis.kind: needs master, the name by which the Sentinels know "
                    "it\n");
    expect_problems(WITH_REDIS("servers: [ '10.0.0.1:1' ], master: m, username: u"),
                    "4:74: store.redis.master: has no effect unless kind is sentinel\n"
                    "4:87: store.redis.username: needs password, a file with the password of this "
                    "user\n");
    expect_problems(WITH_REDIS("servers: [ '10.0.0.1:1' ], tls: { cert: portal.crt }"),
                    "4:79: store.redis.tls.cert: needs key, the certificate's private key\n");
    expect_problems(
        WITH_REDIS("servers: [ '10.0.0.1:1' ], tls: { cert: portal.crt, key: "
                   "other.key }"),
        "4:96: store.redis.tls.key: cannot use other.key: its key does not belong to the "
        "certificate\n");
}

static void knows_the_same_redis_again(void **state)
{
    (void)state;
    static const char yaml[] = WITH_REDIS("servers: [ '10.0.0.1:1' ], username: u, "
                                          "password: password, tls: { name: a }");
    struct load_fixture f, g, h;
    struct arena arena;
    arena_init(&arena, NULL, 1 << 20);
    const struct config_redis *a = load_with_files(&f, yaml)->store.redis;
    const struct config_redis *b = load_with_files(&g, yaml)->store.redis;
    struct config_redis *copy = config_redis_copy(a, &arena);
    /* What it was copied from, and its password, are gone. */
    assert_true(config_redis_equal(a, copy));
    const struct config_redis *c =
        load_good(&h, WITH_REDIS("servers: [ '10.0.0.1:2' ], tls: {}"))->store.redis;
    load_fixture_fini(&f);
    assert_true(config_redis_equal(copy, b));
    assert_false(config_redis_equal(copy, c));
    assert_false(config_redis_equal(copy, NULL));
    assert_true(config_redis_equal(NULL, NULL));
    copy->command_timeout_ms++;
    assert_false(config_redis_equal(copy, b));
    load_fixture_fini(&g);
    load_fixture_fini(&h);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(redis_needs_a_secret_that_is_long_enough),
        cmocka_unit_test(refuses_what_contradicts_itself),
        cmocka_unit_test(knows_the_same_redis_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
