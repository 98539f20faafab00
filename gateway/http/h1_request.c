#include "http/h1_request.h"

#include "http/url.h"

static bool refuse(enum error_page_reason *why, enum error_page_reason reason)
{
    *why = reason;
    return false;
}

/* Only WebSocket: a client must not be able to talk a backend into another protocol (h2c). */
static void read_upgrade(struct request *req)
{
    struct slice protocol = headers_value(&req->headers, HEADER_UPGRADE);
    req->wants_upgrade = req->version_minor >= 1 && req->method == HTTP_GET &&
                         req->body == BODY_NONE && slice_eq_nocase(protocol, SLICE("websocket")) &&
                         headers_list_has(&req->headers, HEADER_CONNECTION, SLICE("upgrade"));
    if (req->wants_upgrade)
        req->upgrade = protocol;
}

/* The target's authority, where it has one, takes the place of Host (RFC 9112 3.2.2). */
static int read_host(struct exchange *ex, struct url *url)
{
    struct request *req = &ex->request;
    req->authority = headers_value(&req->headers, HEADER_HOST);
    struct url_host host = { 0 };
    int rc = req->authority.data ? url_host_parse(&host, req->authority, &ex->arena) : 0;
    if (rc < 0)
        return rc;
    if (url->host.name.data) {
        host = url->host;
        req->authority = host.name;
        if (host.port) {
            char *text = arena_printf(&ex->arena, "%.*s:%u", SLICE_ARG(host.name), host.port);
            if (!text)
                return ERR_NO_MEMORY;
            req->authority = slice_str(text);
        }
    }
    req->host = host.name;
    return 0;
}

bool h1_request_build(struct exchange *ex, const struct h1_head *head, enum error_page_reason *why)
{
    struct request *req = &ex->request;
    req->method = head->method;
    req->method_name = head->method_name;
    req->version_minor = head->version_minor;
    req->target = head->target;
    req->headers = head->headers;
    req->body = head->body;
    req->content_length = head->content_length;
    if (req->method == HTTP_CONNECT || req->method == HTTP_TRACE || req->method == HTTP_PRI)
        return refuse(why, ERROR_PAGE_METHOD_NOT_ALLOWED);
    struct url url;
    int rc = url_parse(&url, req->method_name, req->target, &ex->arena);
    if (rc == 0)
        rc = read_host(ex, &url);
    if (rc < 0)
        return refuse(why, rc == ERR_NO_MEMORY ? ERROR_PAGE_UNAVAILABLE : ERROR_PAGE_BAD_REQUEST);
    req->forward = url.target;
    req->path = url.path;
    req->query = url.query;
    struct slice expect = headers_value(&req->headers, HEADER_EXPECT);
    if (expect.data && req->version_minor >= 1) {
        if (!slice_eq_nocase(expect, SLICE("100-continue")))
            return refuse(why, ERROR_PAGE_EXPECTATION_FAILED);
        req->expect_continue = req->body != BODY_NONE;
    }
    read_upgrade(req);
    return true;
}
