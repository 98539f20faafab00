/* The whole file: what every section has in common, the top level, and the files that we ship. */
#include "unit/config/load_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD LISTENERS UPSTREAMS ROUTES

static void fills_in_every_default(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, GOOD);
    assert_string_equal(c->file, "t.yaml");
    assert_int_equal(c->workers, 0);
    assert_int_equal(c->capacity_users, 10000);
    assert_null(c->user);
    assert_string_equal(c->runtime_dir, "/run/cong");
    assert_int_equal(c->log_level, LOG_INFO);
    assert_null(c->log_file);
    assert_null(c->access_log_file);
    assert_int_equal(c->access_log_flush_ms, 1000);
    assert_int_equal(c->limits.head_bytes, 32768);
    assert_int_equal(c->limits.target_bytes, 8192);
    assert_int_equal(c->limits.header_count, 100);
    assert_int_equal(c->limits.pipeline_bytes, 16384);
    assert_int_equal(c->limits.body_bytes, 32 * 1024 * 1024);
    assert_string_equal(c->sessions.cookie, "__Host-cong_sid");
    assert_int_equal(c->sessions.idle_ms, 30 * 60 * 1000);
    assert_int_equal(c->sessions.absolute_ms, 12 * 60 * 60 * 1000);
    assert_int_equal(c->sessions.cache_ms, 5 * 60 * 1000);
    assert_int_equal(c->timeouts.handshake_ms, 10000);
    assert_int_equal(c->timeouts.request_head_ms, 10000);
    assert_int_equal(c->timeouts.request_body_ms, 30000);
    assert_int_equal(c->timeouts.send_ms, 60000);
    assert_int_equal(c->timeouts.keep_alive_ms, 300000);
    assert_int_equal(c->timeouts.shutdown_ms, 30000);
    assert_int_equal(c->timeouts.drain_notice_ms, 0);
    assert_int_equal(c->trusted_proxy_count, 0);
    assert_null(c->admin);
    assert_int_equal(c->ocsp_refresh_ms, 3600000);
    assert_int_equal(c->ticket_rotation_ms, 8 * 3600000);
    load_fixture_fini(&f);
}

static void reads_what_is_given(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, GOOD "workers: 3\n"
                                                "capacity: { users: 120000 }\n"
                                                "user: cong\n"
                                                "runtime_dir: run\n"
                                                "log: { file: /var/log/e.log, level: debug }\n"
                                                "access_log: { file: stdout, flush: 20ms }\n"
                                                "limits: { body: 5GiB }\n"
                                                "timeouts: { drain_notice: 2m }\n"
                                                "trusted_proxies: [ 10.0.0.0/8, '::1' ]\n"
                                                "tls_tickets: { rotation: 1d }\n"
                                                "admin: { address: '[::1]:9100' }\n");
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->capacity_users, 120000);
    assert_string_equal(c->user, "cong");
    assert_string_equal(c->runtime_dir, "run");
    assert_string_equal(c->log_file, "/var/log/e.log");
    assert_int_equal(c->log_level, LOG_DEBUG);
    assert_string_equal(c->access_log_file, "stdout");
    assert_int_equal(c->access_log_flush_ms, 20);
    assert_true(c->limits.body_bytes == 5ull << 30);
    assert_true(c->routes[0].body_limit_bytes == 5ull << 30);
    assert_int_equal(c->timeouts.drain_notice_ms, 120000);
    assert_int_equal(c->trusted_proxy_count, 2);
    assert_int_equal(c->trusted_proxies[0].prefix_bits, 8);
    assert_int_equal(c->ticket_rotation_ms, 86400000);
    assert_string_equal(c->admin->text, "[::1]:9100");
    load_fixture_fini(&f);
}

static void reads_four_different_ticket_keys(void **state)
{
    char keys[CONFIG_TICKET_KEYS * CONFIG_TICKET_KEY_BYTES] = { 0 };
    static const size_t lengths[] = { 0, 80, sizeof(keys) - 1, sizeof(keys) };
    (void)state;
    for (size_t i = 0; i < CONFIG_TICKET_KEYS; i++)
        keys[i * CONFIG_TICKET_KEY_BYTES] = (char)i;
    for (int same = 0; same < 2; same++) {
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
            struct load_fixture f;
            bool is_good = lengths[i] == sizeof(keys) && !same;
            load_fixture_init(&f);
            bundle_add(f.bundle, "tickets.key", slice_of(keys, lengths[i]));
            load_fixture_load(&f, GOOD "tls_tickets: { file: tickets.key }\n");
            buf_append_char(&f.d.text, '\0');
            assert_int_equal(f.config != NULL, is_good);
            if (is_good)
                assert_memory_equal(f.config->ticket_file.data.data, keys, sizeof(keys));
            else
                assert_non_null(strstr(f.d.text.data, "tls_tickets.file: tickets.key: must be four "
                                                      "different keys of 80 random bytes each"));
            load_fixture_fini(&f);
        }
        keys[3 * CONFIG_TICKET_KEY_BYTES] = keys[0];
    }
}

static void rejects_a_syntax_error(void **state)
{
    (void)state;
    expect_problems(GOOD "workers: [\n",
                    "5:1: not valid YAML: did not find expected node content (while parsing a "
                    "flow node, which begins on line 5)\n");
}

static void rejects_a_file_that_is_no_mapping(void **state)
{
    (void)state;
    expect_problems("- a\n", "1:1: must be a mapping of keys to values, not a list\n");
    expect_problems("a\n", "1:1: must be a mapping of keys to values, not a single value\n");
}

static void rejects_missing_keys(void **state)
{
    (void)state;
    expect_problems("workers: 1\n", "1:1: listeners: is missing: the addresses to listen on\n"
                                    "1:1: routes: is missing: which requests go where\n");
}

static void rejects_an_unknown_key(void **state)
{
    (void)state;
    expect_problems(GOOD "worker: 1\n", "4:1: worker: unknown key; did you mean workers?\n");
    expect_problems(GOOD "timeouts:\n  body: 1s\n",
                    "5:3: timeouts.body: unknown key; here may stand: handshake, request_head, "
                    "request_body, min_body_rate, send, min_send_rate, keep_alive, "
                    "http2_sleep, shutdown, drain_notice\n");
    expect_problems(GOOD "? [ a ]\n: 1\n", "4:3: a key must be a word\n");
}

static void rejects_a_doubled_key(void **state)
{
    (void)state;
    expect_problems(GOOD "workers: 1\nuser: a\nworkers: 2\n",
                    "6:1: workers: is given twice; the first is on line 4\n");
}

static void rejects_a_wrong_unit(void **state)
{
    (void)state;
    expect_problems(GOOD "timeouts: { send: 30 }\n",
                    "4:19: timeouts.send: \"30\" needs a unit: ms, s, m, h or d, such as 30s\n");
    expect_problems(GOOD "limits:\n  head: 30s\n",
                    "5:9: limits.head: \"30s\" is not a size; write a whole number and B, KiB, MiB "
                    "or GiB, such as 64KiB\n");
    expect_problems(GOOD "capacity: { users: 120k }\n",
                    "4:20: capacity.users: \"120k\" is not a whole number; write digits only, such "
                    "as 120000\n");
}

static void rejects_what_is_out_of_range(void **state)
{
    (void)state;
    expect_problems(GOOD "timeouts: { keep_alive: 2d }\n",
                    "4:25: timeouts.keep_alive: \"2d\" is out of range; it may be 1s to 1d\n");
    expect_problems(GOOD "limits: { head: 1023B }\n",
                    "4:17: limits.head: \"1023B\" is out of range; it may be 1KiB to 64KiB\n");
    expect_problems(GOOD "workers: 65\n",
                    "4:10: workers: \"65\" is neither auto nor a number from 1 to 64\n");
    expect_problems(GOOD "workers: 0\n",
                    "4:10: workers: \"0\" is neither auto nor a number from 1 to 64\n");
}

static void rejects_a_wrong_type(void **state)
{
    (void)state;
    expect_problems(GOOD "workers: [ 1 ]\n", "4:10: workers: must be a single value, not a list\n");
    expect_problems(GOOD "limits: 3\n",
                    "4:9: limits: must be a mapping of keys to values, not a single value\n");
    expect_problems(GOOD "trusted_proxies: { a: b }\n",
                    "4:18: trusted_proxies: must be a list, not a mapping of keys to values\n");
    expect_problems(GOOD "log: { level: loud }\n",
                    "4:15: log.level: \"loud\" is not one of error|warn|info|debug\n");
}

static void rejects_a_key_without_a_value(void **state)
{
    (void)state;
    expect_problems(GOOD "user:\nlimits:\n",
                    "4:6: user: has no value; give it one or remove the key\n"
                    "5:8: limits: has no value; give it one or remove the key\n");
}

static void rejects_odd_names_and_texts(void **state)
{
    (void)state;
    expect_problems(GOOD "user: 'a b'\n",
                    "4:7: user: \"a b\" may only hold letters, digits, '.', '_' and '-'\n");
    expect_problems(GOOD "user: ''\n", "4:7: user: must be 1 to 32 bytes long\n");
    expect_problems(GOOD "runtime_dir: \"a\\0b\"\n",
                    "4:14: runtime_dir: must be one line without control characters\n");
}

static void rejects_networks_that_are_none(void **state)
{
    (void)state;
    expect_problems(GOOD "trusted_proxies: [ 10.0.0.0/8, 10.0.0.1/8, lb.vn, ~ ]\n",
                    "4:32: trusted_proxies[1]: \"10.0.0.1/8\" has bits outside its /8 prefix\n"
                    "4:44: trusted_proxies[2]: \"lb.vn\" is not a network; write 10.0.0.0/8, "
                    "2001:db8::/32 or one address\n"
                    "4:51: trusted_proxies[3]: has no value; give it one or remove it\n");
}

static void rejects_a_target_longer_than_the_head(void **state)
{
    (void)state;
    expect_problems(GOOD "limits: { head: 4KiB, target: 8KiB }\n",
                    "4:31: limits.target: is larger than limits.head, of which it is a part\n");
    expect_problems(GOOD "limits: { head: 4KiB }\n",
                    "4:17: limits.head: is smaller than limits.target, which is a part of it\n");
}

static void collects_all_problems_in_the_order_of_the_file(void **state)
{
    (void)state;
    expect_problems("routes: [ { upstream: x } ]\n"
                    "workers: many\n"
                    "listeners: [ { address: 80 } ]\n"
                    "limits: { heads: 1KiB }\n",
                    "1:23: routes[0].upstream: no upstream is named \"x\"\n"
                    "2:10: workers: \"many\" is neither auto nor a number from 1 to 64\n"
                    "3:25: listeners[0].address: \"80\" has no address; write 0.0.0.0:80 or "
                    "[::]:80\n"
                    "4:11: limits.heads: unknown key; did you mean head?\n");
}

static void shortens_what_it_quotes(void **state)
{
    (void)state;
    expect_problems(
        GOOD "workers: '123456789 123456789 123456789 123456789 123456789 123456789'\n",
        "4:10: workers: \"123456789 123456789 123456789 123456789 12345678…\" is neither auto "
        "nor a number from 1 to 64\n");
}

static void bounds_what_aliases_multiply(void **state)
{
    (void)state;
    struct load_fixture f;
    struct buf yaml;
    buf_init(&yaml, 1 << 20);
    buf_append_str(&yaml, LISTENERS UPSTREAMS "routes:\n"
                                              "  - &r\n    upstream: portal\n    hosts: &h [ ");
    for (int i = 0; i < 256; i++)
        buf_printf(&yaml, "%sh%d.vn", i ? "," : "", i);
    buf_append_str(&yaml, " ]\n");
    for (int i = 0; i < 1023; i++)
        buf_append_str(&yaml, "  - *r\n");
    buf_append_char(&yaml, '\0');
    load_fixture_init(&f);
    load_fixture_load(&f, yaml.data);
    assert_null(f.config);
    assert_int_equal(f.d.count, 1023 * 256 + 1023); /* doubled claims, doubled names */
    load_fixture_fini(&f);
    buf_fini(&yaml);
}

static void rejects_a_missing_file(void **state)
{
    (void)state;
    struct load_fixture f;
    load_fixture_init(&f);
    f.config = config_load(f.bundle, "missing.yaml", &f.d);
    assert_null(f.config);
    buf_append_char(&f.d.text, '\0');
    assert_string_equal(f.d.text.data, "missing.yaml: cannot read missing.yaml: No such file or "
                                       "directory\n");
    load_fixture_fini(&f);
}

static void rejects_a_file_that_is_too_large(void **state)
{
    (void)state;
    struct load_fixture f;
    size_t len = CONFIG_FILE_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '#', len);
    load_fixture_init(&f);
    bundle_add(f.bundle, "t.yaml", slice_of(text, len));
    f.config = config_load(f.bundle, "t.yaml", &f.d);
    assert_null(f.config);
    buf_append_char(&f.d.text, '\0');
    assert_string_equal(f.d.text.data, "t.yaml: the file is larger than 4 MiB\n");
    load_fixture_fini(&f);
    free(text);
}

/* Loads a file of ours; the certificates that it names are put into the bundle beforehand. */
static struct config *load_shipped(struct load_fixture *f, const char *path, const char *folder)
{
    char name[256];
    struct certificate_pair pair;
    load_fixture_init(f);
    certificate_pair_make(&pair, "dichvucong.gov.vn");
    snprintf(name, sizeof(name), "%s/portal.crt", folder);
    bundle_add(f->bundle, name, slice_str(pair.cert));
    snprintf(name, sizeof(name), "%s/portal.key", folder);
    bundle_add(f->bundle, name, slice_str(pair.key));
    f->config = config_load(f->bundle, path, &f->d);
    buf_append_char(&f->d.text, '\0');
    assert_string_equal(f->d.text.data, "");
    assert_non_null(f->config);
    return f->config;
}

static void the_minimal_file_is_complete(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_shipped(&f, "config/minimal.yaml", "config");
    assert_int_equal(c->listener_count, 1);
    assert_int_equal(c->listeners[0].tls->certificate_count, 1);
    assert_string_equal(c->listeners[0].tls->certificates[0].key.path, "config/portal.key");
    assert_string_equal(c->admin->text, "127.0.0.1:9100");
    assert_int_equal(c->upstream_count, 1);
    assert_int_equal(c->route_count, 1);
    load_fixture_fini(&f);
}

static void the_annotated_file_shows_the_defaults(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_shipped(&f, "config/cong.yaml", "config");
    assert_int_equal(c->capacity_users, 10000);
    assert_int_equal(c->routes[0].body_limit_bytes, c->limits.body_bytes);
    load_fixture_fini(&f);
}

static void the_demo_takes_an_upload_of_50_mb(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_shipped(&f, "config/demo.yaml", "config/../build/demo");
    assert_true(c->routes[0].body_limit_bytes > 50 * 1000 * 1000);
    assert_true(c->listeners[1].redirect_https);
    assert_string_equal(c->runtime_dir, "config/../build/demo/run");
    assert_string_equal(c->access_log_file, "config/../build/demo/access.log");
    load_fixture_fini(&f);
}

static void the_portal_has_all_provinces(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_shipped(&f, "config/portal.yaml", "config/../build/demo");
    assert_int_equal(c->capacity_users, 120000);
    assert_int_equal(c->upstream_count, 34 + 5 + 3);
    size_t provinces = 0, closed = 0;
    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *route = &c->routes[i];
        provinces += slice_starts_with(route->path, SLICE("/tinh/"));
        for (size_t k = 0; route->redirect_to.data && k < route->host_count; k++)
            closed += slice_starts_with(route->hosts[k], SLICE("dichvucong."));
    }
    assert_int_equal(provinces, 34);
    assert_int_equal(closed, 34);
    load_fixture_fini(&f);
}

static void assert_same_portal(const struct config *a, const struct config *b)
{
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->runtime_dir, b->runtime_dir);
    assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
    assert_memory_equal(&a->timeouts, &b->timeouts, sizeof(a->timeouts));
    const struct config_certificate *x = a->listeners[0].tls->certificates;
    const struct config_certificate *y = b->listeners[0].tls->certificates;
    assert_string_equal(x->cert.path, y->cert.path);
    assert_true(slice_eq(x->cert.data, y->cert.data));
    assert_true(slice_eq(x->key.data, y->key.data));
    assert_int_equal(a->upstream_count, b->upstream_count);
    assert_int_equal(a->route_count, b->route_count);
    for (size_t i = 0; i < a->route_count; i++) {
        const struct config_route *s = &a->routes[i], *t = &b->routes[i];
        assert_string_equal(s->name, t->name);
        assert_int_equal(s->upstream, t->upstream);
        assert_true(slice_eq(s->path, t->path));
        assert_int_equal(s->host_count, t->host_count);
        assert_int_equal(s->add_header_count, t->add_header_count);
    }
}

static void a_sealed_bundle_gives_the_same_tree(void **state)
{
    (void)state;
    struct load_fixture f;
    struct err e = { "" };
    struct diagnostics d;
    const struct config *first = load_shipped(&f, "config/portal.yaml", "config/../build/demo");
    struct bundle *sealed = bundle_open(bundle_seal(f.bundle, &e), &e);
    assert_string_equal(e.text, "");
    assert_non_null(sealed);
    bundle_free(&f.bundle); /* the tree borrows nothing from it */
    diagnostics_init(&d);
    assert_int_equal(chdir("/"), 0); /* nor the other one anything from the disk */
    struct config *second = config_load(sealed, "config/portal.yaml", &d);
    assert_non_null(second);
    bundle_free(&sealed);
    assert_same_portal(first, second);
    config_free(&second);
    diagnostics_fini(&d);
    load_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(reads_four_different_ticket_keys),
        cmocka_unit_test(rejects_a_syntax_error),
        cmocka_unit_test(rejects_a_file_that_is_no_mapping),
        cmocka_unit_test(rejects_missing_keys),
        cmocka_unit_test(rejects_an_unknown_key),
        cmocka_unit_test(rejects_a_doubled_key),
        cmocka_unit_test(rejects_a_wrong_unit),
        cmocka_unit_test(rejects_what_is_out_of_range),
        cmocka_unit_test(rejects_a_wrong_type),
        cmocka_unit_test(rejects_a_key_without_a_value),
        cmocka_unit_test(rejects_odd_names_and_texts),
        cmocka_unit_test(rejects_networks_that_are_none),
        cmocka_unit_test(rejects_a_target_longer_than_the_head),
        cmocka_unit_test(collects_all_problems_in_the_order_of_the_file),
        cmocka_unit_test(shortens_what_it_quotes),
        cmocka_unit_test(bounds_what_aliases_multiply),
        cmocka_unit_test(rejects_a_missing_file),
        cmocka_unit_test(rejects_a_file_that_is_too_large),
        cmocka_unit_test(the_minimal_file_is_complete),
        cmocka_unit_test(the_annotated_file_shows_the_defaults),
        cmocka_unit_test(the_demo_takes_an_upload_of_50_mb),
        cmocka_unit_test(the_portal_has_all_provinces),
        cmocka_unit_test(a_sealed_bundle_gives_the_same_tree), /* last: it leaves the folder */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
