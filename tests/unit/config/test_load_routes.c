#include "unit/config/load_fixture.h"

#include <cmocka.h>

#define REST LISTENERS UPSTREAMS

static void fills_in_every_default(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, REST "routes: [ { upstream: portal } ]\n");
    const struct config_route *r = &c->routes[0];
    assert_string_equal(r->name, "/");
    assert_int_equal(r->host_count, 0);
    assert_true(slice_eq(r->path, SLICE("/")));
    assert_int_equal(r->method_count, 0);
    assert_int_equal(r->upstream, 0);
    assert_null(r->redirect_to.data);
    assert_null(r->rewrite.data);
    assert_int_equal(r->body_limit_bytes, 32 * 1024 * 1024);
    assert_int_equal(r->response_timeout_ms, 0);
    assert_int_equal(r->websocket_idle_ms, 300000);
    assert_int_equal(r->session, CONFIG_SESSION_OFF);
    assert_int_equal(r->affinity, CONFIG_AFFINITY_NONE);
    load_fixture_fini(&f);
}

static void reads_what_is_given(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, REST "routes:\n"
                           "  - name: ha-noi\n"
                           "    hosts: [ DichVuCong.gov.vn, '*.Gov.vn' ]\n"
                           "    path: /tinh/ha-noi\n"
                           "    methods: [ GET, POST ]\n"
                           "    upstream: portal\n"
                           "    rewrite: /hn\n"
                           "    body_limit: 1KiB\n"
                           "    timeouts: { response: 60s, websocket_idle: 1m }\n"
                           "  - { host: cu.vn, redirect: https://moi.vn/x }\n");
    const struct config_route *r = c->routes;
    assert_string_equal(r[0].name, "ha-noi");
    assert_int_equal(r[0].host_count, 2);
    assert_string_equal(r[0].hosts[0].data, "dichvucong.gov.vn");
    assert_string_equal(r[0].hosts[1].data, "*.gov.vn");
    assert_string_equal(r[0].path.data, "/tinh/ha-noi");
    assert_int_equal(r[0].method_count, 2);
    assert_string_equal(r[0].methods[1].data, "POST");
    assert_string_equal(r[0].rewrite.data, "/hn");
    assert_int_equal(r[0].body_limit_bytes, 1024);
    assert_int_equal(r[0].response_timeout_ms, 60000);
    assert_int_equal(r[0].websocket_idle_ms, 60000);
    assert_string_equal(r[1].name, "cu.vn/");
    assert_true(r[1].upstream == CONFIG_NONE);
    assert_string_equal(r[1].redirect_to.data, "https://moi.vn/x");
    load_fixture_fini(&f);
}

static void affinity_needs_a_session(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(
        &f, REST "routes: [ { upstream: portal, session: optional, affinity: session } ]\n");
    assert_int_equal(c->routes[0].session, CONFIG_SESSION_OPTIONAL);
    assert_int_equal(c->routes[0].affinity, CONFIG_AFFINITY_SESSION);
    load_fixture_fini(&f);
    expect_problems(REST "routes: [ { upstream: portal, affinity: session } ]\n",
                    "3:41: routes[0].affinity: needs to know the session: set session to optional, "
                    "required or fresh\n");
}

static void needs_exactly_one_of_upstream_and_redirect(void **state)
{
    (void)state;
    expect_problems(REST "routes:\n"
                         "  - { path: /a }\n"
                         "  - { path: /b, upstream: portal, redirect: https://a.vn }\n",
                    "4:5: routes[0]: needs an upstream or a redirect\n"
                    "5:45: routes[1].redirect: either upstream or redirect, not both\n");
}

static void rejects_an_upstream_that_does_not_exist(void **state)
{
    (void)state;
    expect_problems(REST "routes: [ { upstream: portl } ]\n",
                    "3:23: routes[0].upstream: no upstream is named \"portl\"; did you mean "
                    "portal?\n");
    expect_problems(LISTENERS "routes: [ { upstream: portal } ]\n",
                    "2:23: routes[0].upstream: no upstream is named \"portal\"\n");
}

static void rejects_a_rewrite_of_a_redirect(void **state)
{
    (void)state;
    expect_problems(REST "routes: [ { redirect: https://a.vn, rewrite: /b } ]\n",
                    "3:46: routes[0].rewrite: has no effect on a redirect\n");
}

static void rejects_paths_that_are_not_canonical(void **state)
{
    (void)state;
    expect_problems(REST "routes:\n"
                         "  - { upstream: portal, path: a }\n"
                         "  - { upstream: portal, path: /a//b }\n"
                         "  - { upstream: portal, path: /c, rewrite: /./ }\n",
                    "4:31: routes[0].path: \"a\" is not a canonical path: it must begin with /\n"
                    "5:31: routes[1].path: \"/a//b\" is not a canonical path: // stands for an "
                    "empty segment; write a single slash\n"
                    "6:44: routes[2].rewrite: \"/./\" is not a canonical path: no request has a . "
                    "or .. segment left when it is matched\n");
}

static void rejects_bad_hosts(void **state)
{
    (void)state;
    expect_problems(REST "routes:\n"
                         "  - { upstream: portal, host: 'a.vn:80' }\n"
                         "  - { upstream: portal, host: a.vn, hosts: [ b.vn ] }\n"
                         "  - { upstream: portal, hosts: [ c.vn, C.vn ], name: c }\n"
                         "  - { upstream: portal, hosts: [], name: d, path: /d }\n",
                    "4:31: routes[0].host: \"a.vn:80\" is not a host name: write the host alone, "
                    "without scheme, port and path\n"
                    "5:31: routes[1].host: either host or hosts, not both\n"
                    "6:40: routes[2].hosts[1]: \"c.vn\" is given twice\n"
                    "7:32: routes[3].hosts: has 0 entries; it may have 1 to 256\n");
}

static void rejects_bad_methods(void **state)
{
    (void)state;
    expect_problems(REST "routes: [ { upstream: portal, methods: [ GET, get, GET, CONNECT ] } ]\n",
                    "3:47: routes[0].methods[1]: \"get\" is not one of "
                    "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS\n"
                    "3:52: routes[0].methods[2]: \"GET\" is given twice\n"
                    "3:57: routes[0].methods[3]: \"CONNECT\" is not one of "
                    "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS\n");
}

static void rejects_two_routes_for_the_same_requests(void **state)
{
    (void)state;
    expect_problems(REST "routes:\n"
                         "  - { name: a, upstream: portal, hosts: [ a.vn, b.vn ], path: /x }\n"
                         "  - { name: b, upstream: portal, host: c.vn, path: /x }\n"
                         "  - { name: c, upstream: portal, host: b.vn, path: /x }\n",
                    "6:5: routes[2]: host, path and methods are those of another route; the first "
                    "for this host and path is on line 4\n");
    expect_problems(REST "routes:\n"
                         "  - { name: a, upstream: portal, methods: [ GET, POST ] }\n"
                         "  - { name: b, upstream: portal }\n"
                         "  - { name: c, upstream: portal, methods: [ PUT ] }\n"
                         "  - { name: d, upstream: portal, methods: [ POST, DELETE ] }\n",
                    "7:5: routes[3]: host, path and methods are those of another route; the first "
                    "for this host and path is on line 4\n");
}

static void routes_may_share_a_path_by_method(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, REST "routes:\n"
                           "  - { upstream: portal, path: /x }\n"
                           "  - { upstream: portal, path: /x/ }\n"
                           "  - { upstream: portal, path: /x, methods: [ GET, HEAD ] }\n"
                           "  - { upstream: portal, path: /x, methods: [ POST ] }\n");
    assert_string_equal(c->routes[0].name, "/x");
    assert_string_equal(c->routes[1].name, "/x/");
    assert_string_equal(c->routes[2].name, "/x GET,HEAD");
    assert_string_equal(c->routes[3].name, "/x POST");
    load_fixture_fini(&f);
}

static void rejects_the_same_name_twice(void **state)
{
    (void)state;
    expect_problems(REST "routes:\n"
                         "  - { name: a, path: /a, upstream: portal }\n"
                         "  - { name: a, path: /b, upstream: portal }\n",
                    "5:13: routes[1].name: \"a\" is also the name of the route on line 4\n");
}

static void wants_a_name_where_the_default_is_too_long(void **state)
{
    (void)state;
    char yaml[1024], path[300];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    snprintf(yaml, sizeof(yaml), "%sroutes: [ { path: %s, upstream: portal } ]\n", REST, path);
    expect_problems(yaml, "3:11: routes[0]: needs a name: host and path are longer than 255 "
                          "bytes\n");
}

static void anchors_keep_a_file_short(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, REST "routes:\n"
                                                "  - { path: /a, host: &h a.vn, upstream: portal, "
                                                "timeouts: &t { response: 1s } }\n"
                                                "  - { path: /b, host: *h, upstream: portal, "
                                                "timeouts: *t }\n");
    assert_string_equal(c->routes[1].name, "a.vn/b");
    assert_int_equal(c->routes[1].response_timeout_ms, 1000);
    load_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(affinity_needs_a_session),
        cmocka_unit_test(needs_exactly_one_of_upstream_and_redirect),
        cmocka_unit_test(rejects_an_upstream_that_does_not_exist),
        cmocka_unit_test(rejects_a_rewrite_of_a_redirect),
        cmocka_unit_test(rejects_paths_that_are_not_canonical),
        cmocka_unit_test(rejects_bad_hosts),
        cmocka_unit_test(rejects_bad_methods),
        cmocka_unit_test(rejects_two_routes_for_the_same_requests),
        cmocka_unit_test(routes_may_share_a_path_by_method),
        cmocka_unit_test(rejects_the_same_name_twice),
        cmocka_unit_test(wants_a_name_where_the_default_is_too_long),
        cmocka_unit_test(anchors_keep_a_file_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
