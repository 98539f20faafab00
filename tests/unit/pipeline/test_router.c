#include "pipeline/router.h"

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LIST_MAX 4

/* A route as a test writes it down; unused places of the lists stay NULL. */
struct spec {
    const char *path;
    const char *hosts[LIST_MAX];
    const char *methods[LIST_MAX];
};

/* A configuration made of specs: only what a router reads. */
struct table {
    struct config config;
    struct config_route routes[64];
    struct slice hosts[64][LIST_MAX], methods[64][LIST_MAX];
};

static size_t fill_list(struct slice *out, const char *const *strings)
{
    size_t count = 0;
    for (; count < LIST_MAX && strings[count]; count++)
        out[count] = slice_str(strings[count]);
    return count;
}

static void fill_table(struct table *t, const struct spec *specs, size_t count)
{
    memset(t, 0, sizeof(*t));
    assert_true(count <= ARRAY_LEN(t->routes));
    for (size_t i = 0; i < count; i++)
        t->routes[i] = (struct config_route){
            .path = slice_str(specs[i].path),
            .hosts = t->hosts[i],
            .host_count = fill_list(t->hosts[i], specs[i].hosts),
            .methods = t->methods[i],
            .method_count = fill_list(t->methods[i], specs[i].methods),
        };
    t->config.routes = t->routes;
    t->config.route_count = count;
}

/* Verdicts that are not a route, so that an expectation is one number. */
#define NO_ROUTE (-1)
#define NOT_ALLOWED (-2)

static int answer(enum router_verdict verdict, const struct router_match *match)
{
    if (verdict == ROUTER_FOUND)
        return (int)match->route;
    return verdict == ROUTER_NO_ROUTE ? NO_ROUTE : NOT_ALLOWED;
}

struct query {
    const char *method, *host, *path;
    int expected;
};

static void expect_all(const struct spec *specs, size_t spec_count, const struct query *queries,
                       size_t query_count)
{
    static struct table t;
    fill_table(&t, specs, spec_count);
    struct router *r = router_new(&t.config);
    for (size_t i = 0; i < query_count; i++) {
        const struct query *q = &queries[i];
        struct router_match match;
        enum router_verdict verdict =
            router_find(r, slice_str(q->host), slice_str(q->path), slice_str(q->method), &match);
        if (answer(verdict, &match) != q->expected)
            fail_msg("%s %s%s: %d, expected %d", q->method, q->host, q->path,
                     answer(verdict, &match), q->expected);
    }
    router_free(&r);
    assert_null(r);
}

#define EXPECT_ALL(specs, queries) expect_all(specs, ARRAY_LEN(specs), queries, ARRAY_LEN(queries))

static void matches_prefixes_on_whole_segments(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/tinh" }, { .path = "/tinh/ha-noi/mot-cua" } };
    const struct query queries[] = {
        { "GET", "a.vn", "/tinh", 0 },
        { "GET", "a.vn", "/tinh/", 0 },
        { "GET", "a.vn", "/tinh/x", 0 },
        { "GET", "a.vn", "/tinhx", NO_ROUTE },
        { "GET", "a.vn", "/tin", NO_ROUTE },
        { "GET", "a.vn", "/", NO_ROUTE },
        { "GET", "a.vn", "/x/tinh", NO_ROUTE },
        { "GET", "a.vn", "/tinh/ha-noi", 0 },
        { "GET", "a.vn", "/tinh/ha-noi/mot-cua", 1 },
        { "GET", "a.vn", "/tinh/ha-noi/mot-cua/1/2", 1 },
        { "GET", "a.vn", "/tinh/ha-noi/mot-cuaa", 0 },
    };
    EXPECT_ALL(specs, queries);
}

static void longest_prefix_wins_whatever_the_order(void **state)
{
    (void)state;
    const struct spec specs[] = {
        { .path = "/a/b" }, { .path = "/" }, { .path = "/a/b/c/d" }, { .path = "/a" }
    };
    const struct query queries[] = {
        { "GET", "", "/", 1 },        { "GET", "", "/x", 1 },        { "GET", "", "/a", 3 },
        { "GET", "", "/a/x", 3 },     { "GET", "", "/a/b", 0 },      { "GET", "", "/a/b/c", 0 },
        { "GET", "", "/a/b/c/d", 2 }, { "GET", "", "/a/b/c/d/", 2 },
    };
    EXPECT_ALL(specs, queries);
}

static void trailing_slash_matches_only_below(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/tinh/" }, { .path = "/so" }, { .path = "/so/" } };
    const struct query queries[] = {
        { "GET", "", "/tinh", NO_ROUTE }, { "GET", "", "/tinh/", 0 }, { "GET", "", "/tinh/x", 0 },
        { "GET", "", "/so", 1 },          { "GET", "", "/so/", 2 },   { "GET", "", "/so/x", 2 },
    };
    EXPECT_ALL(specs, queries);
}

static void path_without_a_slash_has_no_route(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/" } };
    const struct query queries[] = {
        { "OPTIONS", "a.vn", "*", NO_ROUTE },
        { "GET", "a.vn", "", NO_ROUTE },
        { "GET", "a.vn", "tinh", NO_ROUTE },
    };
    EXPECT_ALL(specs, queries);
}

static void exact_host_beats_longest_wildcard_beats_no_host(void **state)
{
    (void)state;
    const struct spec specs[] = {
        { .path = "/" },
        { .path = "/", .hosts = { "*.vn" } },
        { .path = "/", .hosts = { "*.gov.vn" } },
        { .path = "/", .hosts = { "dichvucong.gov.vn" } },
    };
    const struct query queries[] = {
        { "GET", "dichvucong.gov.vn", "/", 3 },
        { "GET", "hue.gov.vn", "/", 2 },
        { "GET", "a.b.gov.vn", "/", 2 },
        { "GET", "www.dichvucong.gov.vn", "/", 2 },
        { "GET", "gov.vn", "/", 1 },
        { "GET", "example.vn", "/", 1 },
        { "GET", "vn", "/", 0 },
        { "GET", "example.com", "/", 0 },
        { "GET", "", "/", 0 },
        { "GET", "[2001:db8::1]", "/", 0 },
        { "GET", "10.0.0.1", "/", 0 },
    };
    EXPECT_ALL(specs, queries);
}

static void wildcard_never_matches_the_bare_domain(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/", .hosts = { "*.example.vn" } } };
    const struct query queries[] = {
        { "GET", "www.example.vn", "/", 0 },         { "GET", "a.b.example.vn", "/", 0 },
        { "GET", "example.vn", "/", NO_ROUTE },      { "GET", ".example.vn", "/", NO_ROUTE },
        { "GET", "xexample.vn", "/", NO_ROUTE },     { "GET", "", "/", NO_ROUTE },
        { "GET", "example.vn.evil", "/", NO_ROUTE },
    };
    EXPECT_ALL(specs, queries);
}

static void host_without_a_matching_path_falls_back(void **state)
{
    (void)state;
    const struct spec specs[] = {
        { .path = "/api", .hosts = { "a.b.example.vn" } },
        { .path = "/anh", .hosts = { "*.b.example.vn" } },
        { .path = "/tep", .hosts = { "*.example.vn" } },
        { .path = "/chung" },
    };
    const struct query queries[] = {
        { "GET", "a.b.example.vn", "/api", 0 },      { "GET", "a.b.example.vn", "/anh", 1 },
        { "GET", "a.b.example.vn", "/tep", 2 },      { "GET", "a.b.example.vn", "/chung", 3 },
        { "GET", "a.b.example.vn", "/x", NO_ROUTE }, { "GET", "x.b.example.vn", "/api", NO_ROUTE },
        { "GET", "x.b.example.vn", "/tep", 2 },      { "GET", "b.example.vn", "/anh", NO_ROUTE },
        { "GET", "b.example.vn", "/tep", 2 },
    };
    EXPECT_ALL(specs, queries);
}

static void specific_host_wins_over_longer_path(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/tinh/ha-noi" },
                                  { .path = "/", .hosts = { "a.vn" } } };
    const struct query queries[] = { { "GET", "a.vn", "/tinh/ha-noi", 1 },
                                     { "GET", "b.vn", "/tinh/ha-noi", 0 } };
    EXPECT_ALL(specs, queries);
}

static void route_with_several_hosts_serves_each(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/", .hosts = { "a.vn", "*.b.vn", "c.com" } } };
    const struct query queries[] = {
        { "GET", "a.vn", "/", 0 },
        { "GET", "x.b.vn", "/", 0 },
        { "GET", "c.com", "/", 0 },
        { "GET", "b.vn", "/", NO_ROUTE },
    };
    EXPECT_ALL(specs, queries);
}

static void listed_method_beats_route_without_list(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/nop" },
                                  { .path = "/nop", .methods = { "POST", "PUT" } },
                                  { .path = "/nop", .methods = { "GET" } } };
    const struct query queries[] = {
        { "POST", "", "/nop", 1 }, { "PUT", "", "/nop", 1 },    { "GET", "", "/nop", 2 },
        { "HEAD", "", "/nop", 2 }, { "DELETE", "", "/nop", 0 }, { "post", "", "/nop", 0 },
    };
    EXPECT_ALL(specs, queries);
}

static void head_goes_to_its_own_route_when_there_is_one(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/", .methods = { "GET" } },
                                  { .path = "/", .methods = { "HEAD" } } };
    const struct query queries[] = { { "GET", "", "/", 0 }, { "HEAD", "", "/", 1 } };
    EXPECT_ALL(specs, queries);
}

static void wrong_method_does_not_fall_back(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/" },
                                  { .path = "/nop", .methods = { "POST" } },
                                  { .path = "/", .hosts = { "a.vn" }, .methods = { "GET" } } };
    const struct query queries[] = {
        { "GET", "", "/nop", NOT_ALLOWED },
        { "GET", "", "/", 0 },
        { "POST", "a.vn", "/nop", NOT_ALLOWED },
        { "GET", "a.vn", "/nop", 2 },
    };
    EXPECT_ALL(specs, queries);
}

static void allow_lists_each_method_once(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/", .methods = { "GET", "POST" } },
                                  { .path = "/", .methods = { "POST", "DELETE" } } };
    static struct table t;
    fill_table(&t, specs, ARRAY_LEN(specs));
    struct router *r = router_new(&t.config);
    struct router_match match;
    enum router_verdict verdict = router_find(r, SLICE("a.vn"), SLICE("/"), SLICE("PUT"), &match);
    assert_int_equal(verdict, ROUTER_METHOD_NOT_ALLOWED);
    assert_true(slice_eq(match.allow, SLICE("GET, POST, DELETE, HEAD")));
    router_free(&r);
}

static void first_in_the_file_wins_between_equals(void **state)
{
    (void)state;
    const struct spec specs[] = {
        { .path = "/a" },
        { .path = "/a" },
        { .path = "/b", .methods = { "GET" } },
        { .path = "/b", .methods = { "POST", "GET" } },
    };
    const struct query queries[] = { { "GET", "", "/a", 0 },
                                     { "GET", "", "/b", 2 },
                                     { "POST", "", "/b", 3 } };
    EXPECT_ALL(specs, queries);
}

static void empty_segments_are_segments(void **state)
{
    (void)state;
    const struct spec specs[] = { { .path = "/a" }, { .path = "/a//b" }, { .path = "/c//" } };
    const struct query queries[] = {
        { "GET", "", "/a//b", 1 },      { "GET", "", "/a/b", 0 }, { "GET", "", "/a//", 0 },
        { "GET", "", "/c/", NO_ROUTE }, { "GET", "", "/c//", 2 }, { "GET", "", "/c//x", 2 },
    };
    EXPECT_ALL(specs, queries);
}

static void no_routes_match_nothing(void **state)
{
    (void)state;
    static struct table t;
    fill_table(&t, NULL, 0);
    struct router *r = router_new(&t.config);
    struct router_match match;
    assert_int_equal(router_find(r, SLICE("a.vn"), SLICE("/"), SLICE("GET"), &match),
                     ROUTER_NO_ROUTE);
    router_free(&r);
    router_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_prefixes_on_whole_segments),
        cmocka_unit_test(longest_prefix_wins_whatever_the_order),
        cmocka_unit_test(trailing_slash_matches_only_below),
        cmocka_unit_test(path_without_a_slash_has_no_route),
        cmocka_unit_test(exact_host_beats_longest_wildcard_beats_no_host),
        cmocka_unit_test(wildcard_never_matches_the_bare_domain),
        cmocka_unit_test(host_without_a_matching_path_falls_back),
        cmocka_unit_test(specific_host_wins_over_longer_path),
        cmocka_unit_test(route_with_several_hosts_serves_each),
        cmocka_unit_test(listed_method_beats_route_without_list),
        cmocka_unit_test(head_goes_to_its_own_route_when_there_is_one),
        cmocka_unit_test(wrong_method_does_not_fall_back),
        cmocka_unit_test(allow_lists_each_method_once),
        cmocka_unit_test(first_in_the_file_wins_between_equals),
        cmocka_unit_test(empty_segments_are_segments),
        cmocka_unit_test(no_routes_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
