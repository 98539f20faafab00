#include "unit/config/load_fixture.h"

#include <stdio.h>

#include <cmocka.h>

#define ROUTE_ONLY LISTENERS "routes: [ { upstream: a } ]\n"

static void fills_in_every_default(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(
        &f, ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: '[::1]:80' } ] } ]\n");
    const struct config_upstream *u = &c->upstreams[0];
    assert_string_equal(u->name, "a");
    assert_int_equal(u->balance, CONFIG_BALANCE_P2C);
    assert_int_equal(u->slow_start_ms, 20000);
    assert_int_equal(u->panic_share, 50);
    assert_int_equal(u->ejection.failures, 5);
    assert_int_equal(u->ejection.rate, 50);
    assert_int_equal(u->ejection.time_ms, 5000);
    assert_int_equal(u->ejection.max_time_ms, 15000);
    assert_int_equal(u->ejection.max_share, 50);
    assert_int_equal(u->peer_count, 1);
    assert_int_equal(u->peers[0].max_connections, 0);
    assert_false(u->peers[0].backup);
    assert_string_equal(u->peers[0].address.text, "[::1]:80");
    assert_int_equal(u->peers[0].weight, 1);
    assert_int_equal(u->connect_timeout_ms, 1000);
    assert_int_equal(u->response_timeout_ms, 15000);
    assert_int_equal(u->idle_timeout_ms, 60000);
    assert_int_equal(u->keep_alive_connections, 256);
    assert_int_equal(u->keep_alive_timeout_ms, 60000);
    assert_int_equal(u->retries, 1);
    assert_int_equal(u->response_head_bytes, 16384);
    assert_null(u->identity_key.path);
    assert_null(u->tls);
    assert_null(u->peers[0].tls);
    assert_int_equal(u->send_proxy, CONFIG_SEND_PROXY_OFF);
    load_fixture_fini(&f);
}

/* A file of so many bytes, and a newline. */
static void load_with_key(struct load_fixture *f, size_t bytes)
{
    char key[100];
    memset(key, 'k', bytes);
    key[bytes] = '\n';
    load_fixture_init(f);
    bundle_add(f->bundle, "portal.id", slice_of(key, bytes + 1));
    load_fixture_load(f, ROUTE_ONLY "upstreams: [ { name: a, identity_key: portal.id, peers: [ { "
                                    "address: 10.0.0.1:80 } ] } ]\n");
}

static void a_key_for_identities_is_long_and_ends_before_the_newline(void **state)
{
    (void)state;
    struct load_fixture f;
    load_with_key(&f, 32);
    assert_non_null(f.config);
    assert_int_equal(f.config->upstreams[0].identity_key.data.len, 32);
    load_fixture_fini(&f);
    load_with_key(&f, 31);
    assert_null(f.config);
    assert_non_null(strstr(f.d.text.data, "identity_key: holds 31 bytes; a key has 32 to 4096"));
    load_fixture_fini(&f);
}

static void reads_what_is_given(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, ROUTE_ONLY "upstreams:\n"
                                 "  - name: a\n"
                                 "    balance: least_connections\n"
                                 "    peers: [ { address: 10.0.0.1:80, weight: 5 }, { address: "
                                 "10.0.0.2:80 } ]\n"
                                 "    timeouts: { connect: 5ms, response: 1m, idle: 2h }\n"
                                 "    keep_alive: { connections: 0, timeout: 5s }\n"
                                 "    retries: 0\n"
                                 "    response_head: 64KiB\n"
                                 "  - { name: b, peers: [ { address: 10.0.0.1:80 } ] }\n");
    const struct config_upstream *u = &c->upstreams[0];
    assert_int_equal(c->upstream_count, 2);
    assert_int_equal(u->balance, CONFIG_BALANCE_LEAST_CONNECTIONS);
    assert_int_equal(u->peer_count, 2);
    assert_int_equal(u->peers[0].weight, 5);
    assert_int_equal(u->connect_timeout_ms, 5);
    assert_int_equal(u->response_timeout_ms, 60000);
    assert_int_equal(u->idle_timeout_ms, 7200000);
    assert_int_equal(u->keep_alive_connections, 0);
    assert_int_equal(u->keep_alive_timeout_ms, 5000);
    assert_int_equal(u->retries, 0);
    assert_int_equal(u->response_head_bytes, 65536);
    load_fixture_fini(&f);
}

static void reads_how_peers_are_chosen(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, ROUTE_ONLY "upstreams:\n"
                                 "  - name: a\n"
                                 "    balance: hash\n"
                                 "    hash: { key: cookie, name: province }\n"
                                 "    slow_start: 0s\n"
                                 "    panic: 0\n"
                                 "    ejection: { failures: 0, rate: 20, time: 10ms, max_time: "
                                 "1m, max_share: 10 }\n"
                                 "    peers: [ { address: 10.0.0.1:80, max_connections: 7 },\n"
                                 "      { address: 10.0.0.2:80, backup: true } ]\n");
    const struct config_upstream *u = &c->upstreams[0];
    assert_int_equal(u->balance, CONFIG_BALANCE_HASH);
    assert_int_equal(u->hash_key, CONFIG_HASH_COOKIE);
    assert_true(slice_eq(u->hash_name, SLICE("province")));
    assert_int_equal(u->slow_start_ms, 0);
    assert_int_equal(u->panic_share, 0);
    assert_int_equal(u->ejection.failures, 0);
    assert_int_equal(u->ejection.rate, 20);
    assert_int_equal(u->ejection.time_ms, 10);
    assert_int_equal(u->ejection.max_time_ms, 60000);
    assert_int_equal(u->ejection.max_share, 10);
    assert_int_equal(u->peers[0].max_connections, 7);
    assert_false(u->peers[0].backup);
    assert_true(u->peers[1].backup);
    load_fixture_fini(&f);
}

static void rejects_what_cannot_choose_a_peer(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY "upstreams:\n"
                               "  - { name: a, balance: hash, hash: { key: header },\n"
                               "      ejection: { time: 20s },\n"
                               "      peers: [ { address: '[::1]:80', backup: true } ] }\n"
                               "  - { name: b, hash: { key: session, name: x },\n"
                               "      peers: [ { address: '[::1]:80' } ] }\n",
                    "4:37: upstreams[0].hash: needs the name of the header or cookie\n"
                    "5:17: upstreams[0].ejection: max_time, 15000 ms, is less than time, 20000 ms\n"
                    "6:14: upstreams[0].peers: needs a peer that is no backup\n"
                    "7:44: upstreams[1].hash.name: is for key: header and key: cookie\n");
}

static void tls_of_an_upstream_is_verified_unless_it_says_otherwise(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(
        &f, ROUTE_ONLY "upstreams:\n"
                       "  - name: a\n"
                       "    send_proxy_protocol: v2\n"
                       "    tls: { ca: portal.crt, cert: portal.crt, key: portal.key }\n"
                       "    peers:\n"
                       "      - { address: 10.0.0.1:80 }\n"
                       "      - { address: 10.0.0.2:80, tls: { server_name: b.gov.vn } }\n");
    const struct config_upstream *u = &c->upstreams[0];
    assert_int_equal(u->send_proxy, CONFIG_SEND_PROXY_V2);
    assert_true(u->tls->verify);
    assert_null(u->tls->server_name);
    assert_true(slice_starts_with(u->tls->key.data, SLICE("-----BEGIN")));
    assert_null(u->peers[0].tls);
    assert_string_equal(u->peers[1].tls->server_name, "b.gov.vn");
    assert_null(u->peers[1].tls->ca.path);
    load_fixture_fini(&f);
}

static void rejects_tls_that_contradicts_itself(void **state)
{
    (void)state;
    expect_problems(
        ROUTE_ONLY
        "upstreams:\n"
        "  - { name: a, peers: [ { address: '[::1]:80' } ], tls: { cert: portal.crt } }\n"
        "  - { name: b, peers: [ { address: '[::1]:80' } ], tls: { key: portal.key } }\n"
        "  - { name: c, peers: [ { address: '[::1]:80' } ],\n"
        "      tls: { ca: portal.crt, verify: false } }\n"
        "  - { name: d, peers: [ { address: '[::1]:80' } ],\n"
        "      tls: { cert: portal.crt, key: other.key } }\n",
        "4:65: upstreams[0].tls.cert: needs key, the certificate's private key\n"
        "5:64: upstreams[1].tls.key: needs cert, the certificate of this key\n"
        "7:18: upstreams[2].tls.ca: has no effect while verify is false\n"
        "9:37: upstreams[3].tls.key: cannot use other.key: its key does not belong to the "
        "certificate\n");
}

static void rejects_the_same_name_twice(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY "upstreams:\n"
                               "  - { name: a, peers: [ { address: '[::1]:80' } ] }\n"
                               "  - { name: b, peers: [ { address: '[::1]:80' } ] }\n"
                               "  - { name: a, peers: [ { address: '[::1]:80' } ] }\n",
                    "6:13: upstreams[2].name: \"a\" is also the name of the upstream on line 4\n");
}

static void rejects_an_upstream_without_name_or_peers(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY "upstreams:\n"
                               "  - { name: a }\n"
                               "  - { peers: [ { address: '[::1]:80' } ] }\n"
                               "  - { name: b, peers: [] }\n",
                    "4:5: upstreams[0].peers: is missing: the servers of the group\n"
                    "5:5: upstreams[1].name: is missing: name for routes, logs and metrics\n"
                    "6:23: upstreams[2].peers: has 0 entries; it may have 1 to 256\n");
}

static void rejects_the_same_peer_twice(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY "upstreams:\n"
                               "  - name: a\n"
                               "    peers:\n"
                               "      - { address: '[::1]:80' }\n"
                               "      - { address: '[0::1]:80' }\n",
                    "7:20: upstreams[0].peers[1].address: is already peers[0] of this upstream; "
                    "use weight to send it more\n");
}

static void rejects_more_than_one_retry(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY
                    "upstreams: [ { name: a, peers: [ { address: '[::1]:80', weight: 0 } ],\n"
                    "  retries: 2, balance: random } ]\n",
                    "3:65: upstreams[0].peers[0].weight: \"0\" is out of range; it may be 1 to "
                    "256\n"
                    "4:12: upstreams[0].retries: \"2\" is out of range; it may be 0 to 1\n"
                    "4:24: upstreams[0].balance: \"random\" is not one of "
                    "p2c|round_robin|least_connections|hash\n");
}

static void bounds_the_peers_of_all_upstreams(void **state)
{
    (void)state;
    struct buf yaml;
    buf_init(&yaml, 65536);
    buf_append_str(&yaml, ROUTE_ONLY "upstreams:\n  - name: a\n    peers: &p [ ");
    for (int i = 0; i < 256; i++)
        buf_printf(&yaml, "{ address: 127.0.0.%d:80 }, ", i);
    buf_append_str(&yaml, "]\n");
    for (int i = 0; i < 8; i++)
        buf_printf(&yaml, "  - { name: b%d, peers: *p }\n", i);
    buf_append_char(&yaml, '\0');
    expect_problems(yaml.data, "4:3: upstreams: has 2304 peers; all upstreams together may have "
                               "2048\n");
    buf_fini(&yaml);
}

#define HEALTH(settings)                                                                           \
    ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: 10.0.0.1:80 } ], health: { " settings  \
               " } } ]\n"

static void peers_are_probed_only_when_that_is_asked_for(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(
        &f, ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: 10.0.0.1:80 } ] } ]\n");
    assert_null(c->upstreams[0].health);
    load_fixture_fini(&f);
    c = load_good(&f, HEALTH(""));
    const struct config_health *h = c->upstreams[0].health;
    assert_int_equal(h->kind, CONFIG_HEALTH_HTTP);
    assert_string_equal(h->path.data, "/");
    assert_null(h->host.data);
    assert_null(h->body.data);
    assert_int_equal(h->status, 0);
    assert_int_equal(h->interval_ms, 5000);
    assert_int_equal(h->timeout_ms, 2000);
    assert_int_equal(h->rise, 2);
    assert_int_equal(h->fall, 3);
    load_fixture_fini(&f);
}

static void a_probe_that_cannot_be_sent_is_reported(void **state)
{
    (void)state;
    expect_problems(HEALTH("path: tot, host: 'a b'"),
                    "3:78: upstreams[0].health.path: must begin with / and hold printable ASCII "
                    "without spaces\n"
                    "3:89: upstreams[0].health.host: must be a host name, perhaps with a port\n");
    expect_problems(HEALTH("kind: tcp, status: 200"),
                    "3:91: upstreams[0].health.status: means nothing with kind: tcp\n");
    expect_problems(HEALTH("interval: 1s"),
                    "3:82: upstreams[0].health.interval: a probe's timeout is longer than the "
                    "interval\n");
}

static void an_upstream_may_be_closed_for_work(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(
        &f, ROUTE_ONLY "upstreams: [ { name: a, title: Huế, peers: [ { address: 10.0.0.1:80 } ], "
                       "maintenance: { until: 2026-11-23T06:00, message: m } } ]\n");
    assert_string_equal(c->upstreams[0].title.vi.data, "Huế");
    assert_int_equal(c->upstreams[0].maintenance->until_ms, 1795388400000);
    assert_string_equal(c->upstreams[0].maintenance->message.data, "m");
    load_fixture_fini(&f);
    c = load_good(&f, ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: 10.0.0.1:80 } ], "
                                 "maintenance: {} } ]\n");
    assert_non_null(c->upstreams[0].maintenance);
    assert_int_equal(c->upstreams[0].maintenance->until_ms, 0);
    load_fixture_fini(&f);
    expect_problems(ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: 10.0.0.1:80 } ], "
                               "maintenance: { until: mai } } ]\n",
                    "3:84: upstreams[0].maintenance.until: must be a time such as "
                    "2026-11-23T06:00+07:00\n");
}

static void a_peer_may_have_a_name(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, ROUTE_ONLY
                  "resolver: { servers: [ '192.0.2.1:53', '[::1]:5353' ], interval: 1m }\n"
                  "upstreams: [ { name: a, peers: [ { address: nut-1.ha_noi.vn:8080 } ] } ]\n");
    const struct config_address *address = &c->upstreams[0].peers[0].address;
    assert_string_equal(address->text, "nut-1.ha_noi.vn:8080");
    assert_string_equal(address->host, "nut-1.ha_noi.vn");
    assert_int_equal(address->port, 8080);
    assert_int_equal(address->len, 0);
    assert_string_equal(c->resolver.servers, "192.0.2.1:53,[::1]:5353");
    assert_int_equal(c->resolver.interval_ms, 60000);
    assert_int_equal(c->resolver.timeout_ms, 1000);
    load_fixture_fini(&f);
}

static void names_that_cannot_be_are_reported(void **state)
{
    (void)state;
    static const char *const wrong[] = { "nut.vn",        "nut.vn:0",   "nut.vn:65536",
                                         "-nut.vn:80",    "nut..vn:80", ".nut.vn:80",
                                         "nut.vn.:80",    "nut-.vn:80", "'nut vn:80'",
                                         "10.0.0.256:80", "10.0.0:80",  "nut.vn/x:80",
                                         "http://n.vn:80" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct load_fixture f;
        char yaml[512];
        snprintf(yaml, sizeof(yaml),
                 ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: %s } ] } ]\n", wrong[i]);
        load_fixture_init(&f);
        load_fixture_load(&f, yaml);
        if (f.config)
            fail_msg("%s was taken for a peer", wrong[i]);
        load_fixture_fini(&f);
    }
}

static void a_name_stands_in_an_upstream_once(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: nut.vn:80 }, "
                               "{ address: NUT.vn:80 } ] } ]\n",
                    "3:69: upstreams[0].peers[1].address: is already peers[0] of this upstream; "
                    "use weight to send it more\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(a_key_for_identities_is_long_and_ends_before_the_newline),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(reads_how_peers_are_chosen),
        cmocka_unit_test(rejects_what_cannot_choose_a_peer),
        cmocka_unit_test(tls_of_an_upstream_is_verified_unless_it_says_otherwise),
        cmocka_unit_test(rejects_tls_that_contradicts_itself),
        cmocka_unit_test(rejects_the_same_name_twice),
        cmocka_unit_test(rejects_an_upstream_without_name_or_peers),
        cmocka_unit_test(rejects_the_same_peer_twice),
        cmocka_unit_test(rejects_more_than_one_retry),
        cmocka_unit_test(bounds_the_peers_of_all_upstreams),
        cmocka_unit_test(peers_are_probed_only_when_that_is_asked_for),
        cmocka_unit_test(a_peer_may_have_a_name),
        cmocka_unit_test(names_that_cannot_be_are_reported),
        cmocka_unit_test(a_name_stands_in_an_upstream_once),
        cmocka_unit_test(an_upstream_may_be_closed_for_work),
        cmocka_unit_test(a_probe_that_cannot_be_sent_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
