/* Which route a request takes, by host, path and method.
 *
 * A router is built once from a configuration, borrows its strings (so the configuration must live
 * longer) and never changes: a reload builds another. A look-up allocates nothing, and its cost
 * depends on the labels of the host and of the path, not on the number of routes.
 *
 * 1. Host. The group of routes that name this host exactly comes first, then those with a wildcard,
 *    longest first, then those without hosts. "*.example.vn" matches one or more labels before
 *    ".example.vn", never "example.vn" itself. A group in which no path matches is passed over for
 *    the next one. Port, trailing dot and upper case are for the caller to remove.
 * 2. Path. Within a group the longest prefix wins, on whole segments: "/tinh" matches "/tinh",
 *    "/tinh/" and "/tinh/x", never "/tinhx". A prefix that ends in a slash matches only what begins
 *    with it, as in nginx and HAProxy: "/tinh/" matches "/tinh/" and "/tinh/x", not "/tinh". A path
 *    that does not begin with a slash (the "*" of OPTIONS) has no route.
 * 3. Method, among the routes of that same host and prefix: one that lists the method goes before
 *    one without a list; whoever lists GET serves HEAD too (RFC 9110 9.3.2), unless another lists
 *    HEAD. When all have lists and none has the method, the answer is 405: neither a shorter prefix
 *    nor a less specific host is tried. Methods are case-sensitive (RFC 9110 9.1).
 * Where two routes are equal in all three, the first in the file wins. */
#ifndef PIPELINE_ROUTER_H
#define PIPELINE_ROUTER_H

#include "common/base.h"
#include "common/slice.h"

struct config;
struct router;

enum router_verdict { ROUTER_FOUND, ROUTER_NO_ROUTE, ROUTER_METHOD_NOT_ALLOWED };

struct router_match {
    size_t route;       /* ROUTER_FOUND: index into config.routes */
    struct slice allow; /* ROUTER_METHOD_NOT_ALLOWED: value of Allow; lives as long as the router */
};

struct router *router_new(const struct config *config) MUST_CHECK;
void router_free(struct router **r);

/* `host` is in lower case and without a port, or empty; `path` is canonical, without a query. */
enum router_verdict router_find(const struct router *r, struct slice host, struct slice path,
                                struct slice method, struct router_match *match) MUST_CHECK;

#endif
