#include "unit/config/load_fixture.h"

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
    assert_int_equal(u->balance, CONFIG_BALANCE_ROUND_ROBIN);
    assert_int_equal(u->peer_count, 1);
    assert_string_equal(u->peers[0].address.text, "[::1]:80");
    assert_int_equal(u->peers[0].weight, 1);
    assert_int_equal(u->connect_timeout_ms, 1000);
    assert_int_equal(u->response_timeout_ms, 15000);
    assert_int_equal(u->idle_timeout_ms, 60000);
    assert_int_equal(u->keep_alive_connections, 64);
    assert_int_equal(u->keep_alive_timeout_ms, 60000);
    assert_int_equal(u->retries, 1);
    assert_int_equal(u->response_head_bytes, 16384);
    assert_null(u->identity_key.path);
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

static void rejects_host_names_as_peers(void **state)
{
    (void)state;
    expect_problems(ROUTE_ONLY "upstreams: [ { name: a, peers: [ { address: node-1:80 } ] } ]\n",
                    "3:45: upstreams[0].peers[0].address: \"node-1:80\" is not a numeric address "
                    "and port; host names are not looked up, write 192.0.2.10:8443 or "
                    "[2001:db8::1]:8443\n");
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
                    "round_robin|least_connections\n");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(a_key_for_identities_is_long_and_ends_before_the_newline),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(rejects_the_same_name_twice),
        cmocka_unit_test(rejects_an_upstream_without_name_or_peers),
        cmocka_unit_test(rejects_the_same_peer_twice),
        cmocka_unit_test(rejects_host_names_as_peers),
        cmocka_unit_test(rejects_more_than_one_retry),
        cmocka_unit_test(bounds_the_peers_of_all_upstreams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
