#include "unit/config/load_fixture.h"

#include <cmocka.h>

#define REST LISTENERS UPSTREAMS

/* "+Name: value\n" for each header added, "-Name\n" for each removed. */
static void assert_headers(const struct config_route *route, const char *expected)
{
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < route->add_header_count; i++)
        buf_printf(&b, "+%s: %s\n", route->add_headers[i].name.data,
                   route->add_headers[i].value.data);
    for (size_t i = 0; i < route->remove_header_count; i++)
        buf_printf(&b, "-%s\n", route->remove_headers[i].data);
    buf_append_char(&b, '\0');
    assert_string_equal(b.data, expected);
    buf_fini(&b);
}

static void every_route_has_hsts_by_default(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, REST ROUTES);
    assert_headers(&c->routes[0],
                   "+Strict-Transport-Security: max-age=31536000; includeSubDomains\n");
    load_fixture_fini(&f);
}

static void the_top_level_may_replace_hsts(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, REST ROUTES
                  "response_headers: { add: { strict-transport-security: max-age=60, X-A: 1 } }\n");
    assert_headers(&c->routes[0], "+strict-transport-security: max-age=60\n+X-A: 1\n");
    load_fixture_fini(&f);
}

static void routes_build_on_the_top_level(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c = load_good(&f, REST "response_headers:\n"
                                                "  add: { X-A: 1, X-B: 2 }\n"
                                                "  remove: [ Server, X-C ]\n"
                                                "routes:\n"
                                                "  - { path: /a, upstream: portal }\n"
                                                "  - path: /b\n"
                                                "    upstream: portal\n"
                                                "    response_headers:\n"
                                                "      add: { x-c: 3, X-A: '' }\n"
                                                "      remove: [ x-b, Strict-Transport-Security ]\n"
                                                "  - { path: /c, upstream: portal }\n");
    static const char inherited[] =
        "+Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
        "+X-A: 1\n+X-B: 2\n-Server\n-X-C\n";
    assert_headers(&c->routes[0], inherited);
    assert_headers(&c->routes[1], "+x-c: 3\n+X-A: \n-Server\n-x-b\n-Strict-Transport-Security\n");
    assert_headers(&c->routes[2], inherited);
    load_fixture_fini(&f);
}

static void rejects_bad_names_and_values(void **state)
{
    (void)state;
    expect_problems(REST ROUTES "response_headers:\n"
                                "  add: { 'X A': 1, X-B: \"a\\r\\nSet-Cookie: b\", X-C: [] }\n"
                                "  remove: [ 'X:', '' ]\n",
                    "5:10: response_headers.add.X A: \"X A\" is not a header name\n"
                    "5:25: response_headers.add.X-B: must be one line without control characters\n"
                    "5:52: response_headers.add.X-C: must be a single value, not a list\n"
                    "6:13: response_headers.remove[0]: \"X:\" is not a header name\n"
                    "6:19: response_headers.remove[1]: must be 1 to 128 bytes long\n");
}

static void leaves_framing_to_the_gateway(void **state)
{
    (void)state;
    expect_problems(REST ROUTES "response_headers:\n"
                                "  add: { content-length: 5 }\n"
                                "  remove: [ Transfer-Encoding ]\n",
                    "5:10: response_headers.add.content-length: Content-Length belongs to the "
                    "connection and is set by the gateway\n"
                    "6:13: response_headers.remove[0]: Transfer-Encoding belongs to the connection "
                    "and is set by the gateway\n");
}

static void rejects_a_header_given_twice(void **state)
{
    (void)state;
    expect_problems(REST ROUTES "response_headers:\n"
                                "  add: { X-A: 1, x-a: 2, X-B: 3 }\n"
                                "  remove: [ x-b ]\n",
                    "5:18: response_headers.add.x-a: this header is given twice\n"
                    "5:26: response_headers.add.X-B: this header is given twice\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_has_hsts_by_default),
        cmocka_unit_test(the_top_level_may_replace_hsts),
        cmocka_unit_test(routes_build_on_the_top_level),
        cmocka_unit_test(rejects_bad_names_and_values),
        cmocka_unit_test(leaves_framing_to_the_gateway),
        cmocka_unit_test(rejects_a_header_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
