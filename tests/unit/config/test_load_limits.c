#include "unit/config/load_fixture.h"

#include <cmocka.h>

#define BEGIN LISTENERS UPSTREAMS

static void a_limit_has_defaults(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, BEGIN ROUTES "rate_limits: [ { name: a, limit: 30 } ]\n");
    const struct config_rate_limit *limit = &c->rate_limits[0];
    assert_int_equal(c->rate_limit_count, 1);
    assert_string_equal(limit->name, "a");
    assert_int_equal(limit->key, CONFIG_LIMIT_ADDRESS);
    assert_int_equal(limit->limit, 30);
    assert_int_equal(limit->period_ms, 60000);
    assert_int_equal(limit->burst, 30);
    assert_int_equal(limit->mode, CONFIG_LIMIT_LEASE);
    assert_true(c->rate_limit_headers);
    assert_int_equal(c->routes[0].rate_limit_count, 0);
    load_fixture_fini(&f);
}

static void routes_name_their_limits(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, BEGIN "routes: [ { upstream: portal, rate_limits: [ b, a ] } ]\n"
                            "rate_limit_headers: false\n"
                            "rate_limits:\n"
                            "  - { name: a, limit: 1, key: session, mode: strict }\n"
                            "  - { name: b, limit: 9, period: 1h, burst: 2, key: header,\n"
                            "      header: X-Key, mode: local }\n");
    const struct config_route *route = &c->routes[0];
    assert_int_equal(route->rate_limit_count, 2);
    assert_ptr_equal(route->rate_limits[1], &c->rate_limits[0]);
    const struct config_rate_limit *b = route->rate_limits[0];
    assert_string_equal(b->name, "b");
    assert_int_equal(b->key, CONFIG_LIMIT_HEADER);
    assert_true(slice_eq(b->header, SLICE("X-Key")));
    assert_int_equal(b->period_ms, 3600000);
    assert_int_equal(b->burst, 2);
    assert_int_equal(b->mode, CONFIG_LIMIT_LOCAL);
    assert_int_equal(c->rate_limits[0].key, CONFIG_LIMIT_SESSION);
    assert_int_equal(c->rate_limits[0].mode, CONFIG_LIMIT_STRICT);
    assert_false(c->rate_limit_headers);
    load_fixture_fini(&f);
}

static void rejects_names_that_nobody_has(void **state)
{
    (void)state;
    expect_problems(BEGIN "routes: [ { upstream: portal, rate_limits: [ page, pages, pages ] } ]\n"
                          "rate_limits: [ { name: pages, limit: 1 }, { name: pages, limit: 2 } ]\n",
                    "3:46: routes[0].rate_limits[0]: no rate limit is named \"page\"; did you mean "
                    "pages?\n"
                    "3:59: routes[0].rate_limits[2]: \"pages\" is given twice\n"
                    "4:51: rate_limits[1].name: \"pages\" is also the name of the rate limit on "
                    "line 4\n");
}

static void rejects_a_key_without_its_header(void **state)
{
    (void)state;
    expect_problems(BEGIN ROUTES "rate_limits:\n"
                                 "  - { name: a, limit: 1, key: header }\n"
                                 "  - { name: b, limit: 1, header: X-Key }\n"
                                 "  - { name: c, limit: 1, key: header, header: 'X Key' }\n",
                    "5:5: rate_limits[0]: needs a header, for its key is `header`\n"
                    "6:34: rate_limits[1].header: has no effect unless key is `header`\n"
                    "7:47: rate_limits[2].header: \"X Key\" is not a header name\n");
}

static void rejects_a_burst_that_takes_forever(void **state)
{
    (void)state;
    expect_problems(BEGIN ROUTES "rate_limits: [ { name: a, limit: 1, period: 1d, burst: 8 } ]\n",
                    "4:56: rate_limits[0].burst: takes more than 7 days to be there again at this "
                    "limit\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_has_defaults),
        cmocka_unit_test(routes_name_their_limits),
        cmocka_unit_test(rejects_names_that_nobody_has),
        cmocka_unit_test(rejects_a_key_without_its_header),
        cmocka_unit_test(rejects_a_burst_that_takes_forever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
