#include "http/reply.h"
#include "pipeline/stage.h"

/* What follows the route's prefix in the path: empty, or beginning with a slash. */
static struct slice rest_of_path(const struct passage *p)
{
    struct slice prefix = p->route->path;
    if (prefix.len && prefix.data[prefix.len - 1] == '/')
        prefix.len--;
    return slice_from(p->ex->request.path, MIN(prefix.len, p->ex->request.path.len));
}

/* `base` in place of the prefix, and the query as it came. data is NULL without memory. */
static struct slice replace_prefix(const struct passage *p, struct slice base)
{
    struct slice rest = rest_of_path(p), query = p->ex->request.query;
    if (rest.len && base.len && base.data[base.len - 1] == '/')
        base.len--;
    return slice_str(arena_printf(&p->ex->arena, "%.*s%.*s%s%.*s", SLICE_ARG(base), SLICE_ARG(rest),
                                  query.data ? "?" : "", SLICE_ARG(query)));
}

static enum stage_verdict follow_route(struct passage *p)
{
    struct exchange *ex = p->ex;
    const struct config_route *route = p->route;
    if (route->upstream == CONFIG_NONE) {
        struct slice to = replace_prefix(p, route->redirect_to);
        if (to.data)
            reply_redirect(ex, to);
        else
            reply_error(ex, ERROR_PAGE_UNAVAILABLE);
        return STAGE_ANSWERED;
    }
    p->upstream = &p->snapshot->upstreams[route->upstream];
    if (route->rewrite.data) {
        ex->request.forward = replace_prefix(p, route->rewrite);
        if (!ex->request.forward.data) {
            reply_error(ex, ERROR_PAGE_UNAVAILABLE);
            return STAGE_ANSWERED;
        }
    }
    return STAGE_NEXT;
}

static enum stage_verdict on_request(struct passage *p)
{
    struct exchange *ex = p->ex;
    struct router_match match;
    switch (router_find(p->snapshot->router, ex->request.host, ex->request.path,
                        ex->request.method_name, &match)) {
    case ROUTER_FOUND:
        p->route = &p->snapshot->config->routes[match.route];
        p->flow = &p->snapshot->routes[match.route];
        return follow_route(p);
    case ROUTER_METHOD_NOT_ALLOWED:
        reply_error_with(ex, ERROR_PAGE_METHOD_NOT_ALLOWED, SLICE("Allow"), match.allow);
        return STAGE_ANSWERED;
    default:
        reply_error(ex, ERROR_PAGE_NO_ROUTE);
        return STAGE_ANSWERED;
    }
}

/* HSTS said over plain HTTP is to be ignored (RFC 6797 7.2): it is not said. */
static bool is_sent(const struct exchange *ex, const struct config_header *h)
{
    return ex->request.https || !slice_eq_nocase(h->name, SLICE("strict-transport-security"));
}

static void on_response(struct passage *p)
{
    struct exchange *ex = p->ex;
    const struct config_route *route = p->route;
    struct headers *hs = &ex->response.headers;
    if (!route)
        return;
    for (size_t i = 0; i < route->remove_header_count; i++)
        headers_remove(hs, route->remove_headers[i]);
    bool ok = true;
    for (size_t i = 0; i < route->add_header_count; i++) {
        const struct config_header *h = &route->add_headers[i];
        if (!is_sent(ex, h))
            continue;
        headers_remove(hs, h->name);
        ok = ok && headers_add(hs, &ex->arena, h->name, h->value);
    }
    (void)ok; /* without memory for a field the answer goes without it */
}

const struct stage stage_route = {
    .name = "route",
    .on_request = on_request,
    .on_response = on_response,
};
