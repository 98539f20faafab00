#include "unit/config/load_fixture.h"

#define BEGIN LISTENERS UPSTREAMS

static void isolation_has_safe_defaults(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, BEGIN ROUTES);
    const struct config_upstream *u = &c->upstreams[0];
    assert_int_equal(u->isolation.max_inflight, 256);
    assert_int_equal(u->isolation.slow_ms, 1000);
    assert_true(u->isolation.breaker);
    assert_true(slice_eq(u->deadline_header, SLICE("X-Cong-Deadline")));
    assert_int_equal(u->deadline_ms, 0);
    assert_int_equal(u->title.vi.len, 0);
    assert_int_equal(c->system_count, 0);
    assert_int_equal(c->routes[0].use_count, 0);
    assert_int_equal(c->routes[0].priority, 4);
    load_fixture_fini(&f);
}

static void routes_name_the_systems_they_use(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(
        &f, LISTENERS "upstreams:\n"
                      "  - name: portal\n"
                      "    title: Huế\n"
                      "    title_en: Hue\n"
                      "    isolation: { max_inflight: 9, slow: 2s, breaker: false }\n"
                      "    timeouts: { deadline: 7s }\n"
                      "    deadline_header: X-Left\n"
                      "    peers: [ { address: 127.0.0.1:9001 } ]\n"
                      "systems:\n"
                      "  - { name: dan-cu, title: Dân cư }\n"
                      "  - { name: dat-dai, max_inflight: 5 }\n"
                      "routes: [ { upstream: portal, uses: [ dat-dai, dan-cu ], priority: 1 } ]\n");
    const struct config_upstream *u = &c->upstreams[0];
    assert_true(slice_eq(u->title.en, SLICE("Hue")));
    assert_int_equal(u->isolation.max_inflight, 9);
    assert_int_equal(u->isolation.slow_ms, 2000);
    assert_false(u->isolation.breaker);
    assert_int_equal(u->deadline_ms, 7000);
    assert_int_equal(c->system_count, 2);
    assert_int_equal(c->systems[0].max_inflight, 64);
    assert_true(slice_eq(c->systems[0].title.vi, SLICE("Dân cư")));
    assert_int_equal(c->systems[1].max_inflight, 5);
    const struct config_route *route = &c->routes[0];
    assert_int_equal(route->use_count, 2);
    assert_int_equal(route->uses[0], 1);
    assert_int_equal(route->uses[1], 0);
    assert_int_equal(route->priority, 1);
    load_fixture_fini(&f);
}

static void rejects_systems_that_nobody_knows(void **state)
{
    (void)state;
    expect_problems(BEGIN "systems: [ { name: dan-cu }, { name: dan-cu } ]\n"
                          "routes: [ { upstream: portal, uses: [ dancu, dan-cu, dan-cu ] } ]\n",
                    "3:38: systems[1].name: \"dan-cu\" is also the name of the system on line 3\n"
                    "4:39: routes[0].uses[0]: no system is named \"dancu\"; did you mean dan-cu?\n"
                    "4:54: routes[0].uses[2]: \"dan-cu\" is given twice\n");
}

static void rejects_a_header_that_frames(void **state)
{
    (void)state;
    expect_problems(LISTENERS ROUTES "upstreams:\n"
                                     "  - { name: portal, deadline_header: Content-Length,\n"
                                     "      peers: [ { address: 127.0.0.1:9001 } ] }\n",
                    "4:38: upstreams[0].deadline_header: \"Content-Length\" is not the name of a "
                    "header that begins with X-\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isolation_has_safe_defaults),
        cmocka_unit_test(routes_name_the_systems_they_use),
        cmocka_unit_test(rejects_systems_that_nobody_knows),
        cmocka_unit_test(rejects_a_header_that_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
