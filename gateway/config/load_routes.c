/* routes: what is matched, where it goes, and that no two want the same requests. */
#include "common/mem.h"
#include "config/loader.h"
#include "config/route_syntax.h"
#include "config/text.h"

#include <stdlib.h>

#define ROUTE_NAME_BYTES_MAX 255

/* Host and path of a route as one claim on requests. */
struct claim {
    struct slice host; /* empty: any */
    struct slice path;
    uint32_t methods; /* bits; ANY_METHOD for a route without a list */
    struct node node;
};

#define ANY_METHOD (1u << 31)

/* All claims of the file; owned by load_routes(). */
struct claims {
    struct claim *items;
    size_t count, room;
};

static void claims_add(struct claims *claims, struct claim claim)
{
    if (claims->count == claims->room) {
        size_t room = MAX(64, claims->room * 2);
        struct claim *items = mem_new_array(room, sizeof(*items));
        if (claims->count)
            memcpy(items, claims->items, claims->count * sizeof(*items));
        mem_free(claims->items);
        claims->items = items;
        claims->room = room;
    }
    claims->items[claims->count++] = claim;
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t len = MIN(a.len, b.len);
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = compare_slices(a->host, b->host);
    if (!order)
        order = compare_slices(a->path, b->path);
    return order ? order : (a->node.id > b->node.id) - (a->node.id < b->node.id);
}

/* Two routes may share host and path when one has no methods, or both have different ones. */
static void check_claims(struct loader *l, struct claims *claims)
{
    struct claim *first = NULL;
    uint32_t taken = 0;
    if (claims->count)
        qsort(claims->items, claims->count, sizeof(*claims->items), compare_claims);
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *claim = &claims->items[i];
        if (!first || !slice_eq(first->host, claim->host) || !slice_eq(first->path, claim->path)) {
            first = claim;
            taken = 0;
        }
        if (taken & claim->methods)
            reader_problem(l->reader, claim->node,
                           "host, path and methods are those of another route; the first for this "
                           "host and path is on line %zu",
                           reader_line(l->reader, first->node));
        taken |= claim->methods;
    }
}

static void load_host(struct loader *l, struct node node, struct config_route *route)
{
    struct err e;
    struct slice text;
    if (!section_text(l->reader, node, 1, ROUTE_SYNTAX_HOST_MAX + 2, &text))
        return;
    if (route_syntax_host(text, &e)) {
        reader_problem(l->reader, node, "%s", e.text);
        return;
    }
    struct slice copy = reader_copy(l->reader, text);
    if (!copy.data)
        return;
    for (size_t i = 0; i < copy.len; i++)
        ((char *)copy.data)[i] = ascii_lower(copy.data[i]);
    for (size_t i = 0; i < route->host_count; i++) {
        if (slice_eq(route->hosts[i], copy)) {
            reader_problem(l->reader, node, "%s is given twice", text_quote(copy).text);
            return;
        }
    }
    route->hosts[route->host_count++] = copy;
}

static void load_hosts(struct loader *l, struct node node, struct config_route *route)
{
    struct reader *r = l->reader;
    struct node host = section_part(r, node, &settings_route, "host");
    struct node list = section_part(r, node, &settings_route, "hosts");
    size_t count = reader_count(r, list);
    route->hosts = reader_alloc(r, count + 1, sizeof(*route->hosts));
    if (!route->hosts)
        return;
    if (host.id && list.id)
        reader_problem(r, host, "either host or hosts, not both");
    if (host.id)
        load_host(l, host, route);
    for (size_t i = 0; i < count; i++)
        load_host(l, reader_item(r, list, i), route);
}

/* Returns the methods as bits. */
static uint32_t load_methods(struct loader *l, struct node node, struct config_route *route)
{
    uint32_t bits = 0;
    struct node list = section_part(l->reader, node, &settings_route, "methods");
    size_t count = reader_count(l->reader, list);
    route->methods = reader_alloc(l->reader, count, sizeof(*route->methods));
    if (!route->methods)
        return 0;
    for (size_t i = 0; i < count; i++) {
        struct err e;
        struct slice text;
        uint32_t bit;
        struct node item = reader_item(l->reader, list, i);
        if (!section_text(l->reader, item, 1, 64, &text))
            continue;
        if (route_syntax_method(text, &bit, &e))
            reader_problem(l->reader, item, "%s", e.text);
        else if (bits & bit)
            reader_problem(l->reader, item, "%s is given twice", text_quote(text).text);
        else
            route->methods[route->method_count++] = reader_copy(l->reader, text);
        bits |= bit;
    }
    return list.id ? bits : ANY_METHOD;
}

static void check_path(struct loader *l, struct node node, const char *key, struct slice path)
{
    struct err e;
    if (path.data && route_syntax_path(path, &e))
        reader_problem(l->reader, reader_get(l->reader, node, key), "%s", e.text);
}

static void report_unknown_upstream(struct loader *l, struct node node, struct slice name)
{
    const struct config *c = l->config;
    const char **known = mem_new_array(c->upstream_count, sizeof(*known));
    size_t count = 0;
    for (size_t i = 0; i < c->upstream_count; i++)
        if (c->upstreams[i].name)
            known[count++] = c->upstreams[i].name;
    const char *nearest = text_nearest(name, known, count);
    reader_problem(l->reader, node, "no upstream is named %s%s%s%s", text_quote(name).text,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    mem_free(known);
}

static size_t load_upstream_of(struct loader *l, struct node node)
{
    struct slice name;
    if (!section_text(l->reader, node, 1, 64, &name))
        return CONFIG_NONE;
    for (size_t i = 0; i < l->config->upstream_count; i++) {
        const char *known = l->config->upstreams[i].name;
        if (known && slice_eq(name, slice_str(known)))
            return i;
    }
    report_unknown_upstream(l, node, name);
    return CONFIG_NONE;
}

/* Where matching requests go: exactly one of upstream and redirect. */
static void load_target(struct loader *l, struct node node, struct config_route *route)
{
    struct err e;
    struct reader *r = l->reader;
    struct node upstream = reader_get(r, node, "upstream");
    struct node redirect = reader_get(r, node, "redirect");
    route->upstream = CONFIG_NONE;
    if (!upstream.id && !redirect.id)
        reader_problem(r, node, "needs an upstream or a redirect");
    if (upstream.id && redirect.id)
        reader_problem(r, redirect, "either upstream or redirect, not both");
    if (section_part(r, node, &settings_route, "upstream").id)
        route->upstream = load_upstream_of(l, upstream);
    if (route->redirect_to.data && route_syntax_redirect(route->redirect_to, &e))
        reader_problem(r, redirect, "%s", e.text);
    if (route->rewrite.data && redirect.id)
        reader_problem(r, reader_get(r, node, "rewrite"), "has no effect on a redirect");
}

static void check_session(struct loader *l, struct node node, const struct config_route *route)
{
    struct reader *r = l->reader;
    if (route->affinity != CONFIG_AFFINITY_NONE && route->session == CONFIG_SESSION_OFF)
        reader_problem(r, reader_get(r, node, "affinity"),
                       "needs to know the session: set session to optional, required or fresh");
    if (route->session != CONFIG_SESSION_OFF && route->redirect_to.data)
        reader_problem(r, reader_get(r, node, "session"), "has no effect on a redirect");
}

static void load_route_headers(struct loader *l, struct node node, struct config_route *route)
{
    struct header_rules rules = l->all_routes;
    struct node headers = section_part(l->reader, node, &settings_route, "response_headers");
    if (headers.id)
        load_headers(l, headers, &settings_route_headers, &rules);
    route->add_headers = rules.add;
    route->add_header_count = rules.add_count;
    route->remove_headers = rules.remove;
    route->remove_header_count = rules.remove_count;
}

/* Host and path say best which route a line of the log is about; methods only where two routes
 * share these. */
static void name_by_default(struct loader *l, struct node node, struct config_route *route)
{
    struct buf name;
    buf_init(&name, 4096);
    if (route->host_count)
        buf_append_slice(&name, route->hosts[0]);
    buf_append_slice(&name, route->path);
    for (size_t i = 0; i < route->method_count; i++) {
        buf_append_char(&name, i ? ',' : ' ');
        buf_append_slice(&name, route->methods[i]);
    }
    if (name.len > ROUTE_NAME_BYTES_MAX)
        reader_problem(l->reader, node, "needs a name: host and path are longer than %d bytes",
                       ROUTE_NAME_BYTES_MAX);
    else
        route->name = reader_copy(l->reader, buf_slice(&name)).data;
    buf_fini(&name);
}

static void load_route(struct loader *l, struct node node, struct config_route *route,
                       struct claims *claims)
{
    struct reader *r = l->reader;
    route->body_limit_bytes = l->config->limits.body_bytes;
    section_read(r, node, &settings_route, route);
    section_read(r, section_part(r, node, &settings_route, "timeouts"), &settings_route_timeouts,
                 route);
    check_path(l, node, "path", route->path);
    check_path(l, node, "rewrite", route->rewrite);
    load_hosts(l, node, route);
    uint32_t methods = load_methods(l, node, route);
    load_target(l, node, route);
    check_session(l, node, route);
    load_route_headers(l, node, route);
    load_route_limits(l, section_part(r, node, &settings_route, "rate_limits"), route);
    load_route_systems(l, section_part(r, node, &settings_route, "uses"), route);
    load_submission(l, section_part(r, node, &settings_route, "submission"), route);
    if (!route->name)
        name_by_default(l, node, route);
    struct claim claim = { SLICE(""), route->path, methods, node };
    if (route->host_count == 0)
        claims_add(claims, claim);
    for (size_t i = 0; i < route->host_count; i++) {
        claim.host = route->hosts[i];
        claims_add(claims, claim);
    }
}

void load_routes(struct loader *l, struct node list)
{
    struct config *c = l->config;
    struct claims claims = { 0 };
    size_t count = reader_count(l->reader, list);
    c->routes = reader_alloc(l->reader, count, sizeof(*c->routes));
    if (!c->routes)
        return;
    c->route_count = count;
    struct load_name *names = mem_new_array(count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        struct node node = reader_item(l->reader, list, i);
        load_route(l, node, &c->routes[i], &claims);
        names[i] = (struct load_name){ c->routes[i].name, reader_get(l->reader, node, "name") };
        if (!names[i].node.id)
            names[i].node = node;
    }
    check_claims(l, &claims);
    load_check_unique(l, names, count, "route");
    mem_free(names);
    mem_free(claims.items);
}
