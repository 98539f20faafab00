/* The router against the same rules written as a scan over all routes, on generated configurations
 * and requests. */
#include "common/random.h"
#include "config/config.h"
#include "pipeline/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUTES_MAX 24
#define LIST_MAX 2
#define NAME_BYTES 32

/* What is not a route, so that an answer is one number. */
#define NO_ROUTE (-1)
#define NOT_ALLOWED (-2)

/* ---- the rules as a scan ---- */

/* How well the pattern fits: 0 not at all, more for a longer wildcard, most for the exact host. */
static size_t rank_host(struct slice pattern, struct slice host)
{
    if (slice_eq(pattern, host))
        return SIZE_MAX;
    if (!slice_starts_with(pattern, SLICE("*.")))
        return 0;
    struct slice suffix = slice_from(pattern, 1);
    bool ends = host.len > suffix.len && slice_eq(slice_from(host, host.len - suffix.len), suffix);
    return ends ? 1 + suffix.len : 0;
}

static size_t rank_route_host(const struct config_route *route, struct slice host)
{
    size_t best = route->host_count == 0 ? 1 : 0;
    for (size_t i = 0; i < route->host_count; i++)
        best = MAX(best, rank_host(route->hosts[i], host));
    return best;
}

static bool lists_method(const struct config_route *route, struct slice method)
{
    for (size_t i = 0; i < route->method_count; i++)
        if (slice_eq(route->methods[i], method))
            return true;
    return false;
}

static bool path_matches(struct slice prefix, struct slice path)
{
    if (!slice_starts_with(path, prefix))
        return false;
    return path.len == prefix.len || prefix.data[prefix.len - 1] == '/' ||
           path.data[prefix.len] == '/';
}

/* 0: cannot serve the method. */
static int rank_method(const struct config_route *route, struct slice method)
{
    if (lists_method(route, method))
        return 3;
    if (slice_eq(method, SLICE("HEAD")) && lists_method(route, SLICE("GET")))
        return 2;
    return route->method_count == 0 ? 1 : 0;
}

static bool host_fits(const struct config_route *route, struct slice host, size_t rank)
{
    if (route->host_count == 0)
        return rank == 1;
    for (size_t i = 0; i < route->host_count; i++)
        if (rank_host(route->hosts[i], host) == rank)
            return true;
    return false;
}

/* The best host group and prefix length of all routes whose path matches. */
static bool best_place(const struct config *config, struct slice host, struct slice path,
                       size_t *host_rank, size_t *prefix_len)
{
    *host_rank = *prefix_len = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        size_t rank = rank_route_host(route, host);
        if (rank == 0 || rank < *host_rank || !path_matches(route->path, path))
            continue;
        *prefix_len = rank > *host_rank ? route->path.len : MAX(*prefix_len, route->path.len);
        *host_rank = rank;
    }
    return *host_rank > 0;
}

static int scan_answer(const struct config *config, struct slice host, struct slice path,
                       struct slice method)
{
    size_t host_rank, prefix_len;
    if (!best_place(config, host, path, &host_rank, &prefix_len))
        return NO_ROUTE;
    int best = NOT_ALLOWED, best_rank = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (route->path.len != prefix_len || !path_matches(route->path, path) ||
            !host_fits(route, host, host_rank) || rank_method(route, method) <= best_rank)
            continue;
        best = (int)i;
        best_rank = rank_method(route, method);
    }
    return best;
}

/* ---- generated cases ---- */

/* Few and short labels, so that most names collide somewhere. */
static const char *const labels[] = { "a", "b", "ab", "ba", "aa" };
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT" };

static const char *pick(struct random *random, const char *const *from, size_t count)
{
    return from[random_below(random, (uint32_t)count)];
}

static struct slice make_host(struct random *random, char out[NAME_BYTES], bool may_be_wildcard)
{
    size_t len = 0;
    if (may_be_wildcard && random_below(random, 2))
        len += (size_t)snprintf(out, NAME_BYTES, "*.");
    uint32_t extra = random_below(random, 4);
    for (uint32_t i = 0; i <= extra; i++)
        len += (size_t)snprintf(out + len, NAME_BYTES - len, "%s%s", i ? "." : "",
                                pick(random, labels, ARRAY_LEN(labels)));
    return slice_of(out, len);
}

static struct slice make_path(struct random *random, char out[NAME_BYTES])
{
    size_t len = 0;
    uint32_t segments = random_below(random, 5);
    for (uint32_t i = 0; i < segments; i++) {
        bool is_empty = random_below(random, 12) == 0;
        len += (size_t)snprintf(out + len, NAME_BYTES - len, "/%s",
                                is_empty ? "" : pick(random, labels, ARRAY_LEN(labels)));
    }
    if (segments == 0 || random_below(random, 3) == 0)
        len += (size_t)snprintf(out + len, NAME_BYTES - len, "/");
    return slice_of(out, len);
}

/* Only what a router reads; the names are slices of the text. */
struct table {
    struct config config;
    struct config_route routes[ROUTES_MAX];
    struct slice hosts[ROUTES_MAX][LIST_MAX], methods[ROUTES_MAX][LIST_MAX];
    char host_text[ROUTES_MAX][LIST_MAX][NAME_BYTES], path_text[ROUTES_MAX][NAME_BYTES];
};

static void make_table(struct random *random, struct table *t)
{
    t->config.routes = t->routes;
    t->config.route_count = 1 + random_below(random, ROUTES_MAX);
    for (size_t i = 0; i < t->config.route_count; i++) {
        t->routes[i] = (struct config_route){
            .path = make_path(random, t->path_text[i]),
            .hosts = t->hosts[i],
            .host_count = random_below(random, LIST_MAX + 1),
            .methods = t->methods[i],
            .method_count = random_below(random, LIST_MAX + 1),
        };
        for (size_t h = 0; h < LIST_MAX; h++)
            t->hosts[i][h] = make_host(random, t->host_text[i][h], true);
        for (size_t m = 0; m < LIST_MAX; m++)
            t->methods[i][m] = slice_str(pick(random, methods, ARRAY_LEN(methods)));
    }
}

static int router_answer(const struct router *r, struct slice host, struct slice path,
                         struct slice method)
{
    struct router_match match;
    enum router_verdict verdict = router_find(r, host, path, method, &match);
    if (verdict == ROUTER_FOUND)
        return (int)match.route;
    return verdict == ROUTER_NO_ROUTE ? NO_ROUTE : NOT_ALLOWED;
}

struct tally {
    size_t found, not_allowed, none;
};

static void ask_once(struct random *random, const struct config *config, const struct router *r,
                     struct tally *tally)
{
    char host_text[NAME_BYTES], path_text[NAME_BYTES];
    struct slice host = make_host(random, host_text, false);
    struct slice path = make_path(random, path_text);
    struct slice method = slice_str(pick(random, methods, ARRAY_LEN(methods)));
    int expected = scan_answer(config, host, path, method);
    int answer = router_answer(r, host, path, method);
    if (answer != expected)
        fail_msg("%.*s %.*s%.*s: %d, expected %d", SLICE_ARG(method), SLICE_ARG(host),
                 SLICE_ARG(path), answer, expected);
    tally->found += expected >= 0;
    tally->not_allowed += expected == NOT_ALLOWED;
    tally->none += expected == NO_ROUTE;
}

static void agrees_with_a_scan_over_all_routes(void **state)
{
    (void)state;
    struct random random = { .s = { 2026, 7, 1, 34 } };
    static struct table t;
    struct tally tally = { 0 };
    for (int round = 0; round < 2000; round++) {
        make_table(&random, &t);
        struct router *r = router_new(&t.config);
        for (int i = 0; i < 50; i++)
            ask_once(&random, &t.config, r, &tally);
        router_free(&r);
    }
    /* The generator must reach all three verdicts often, or the comparison proves little. */
    assert_true(tally.found > 10000 && tally.not_allowed > 5000 && tally.none > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_scan_over_all_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
