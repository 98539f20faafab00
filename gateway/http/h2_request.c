#include "http/h2_request.h"

#include "common/random.h"
#include "http/url.h"

#include <llhttp.h>

static bool refuse(enum error_page_reason *why, enum error_page_reason reason)
{
    *why = reason;
    return false;
}

/* ---- fields ---- */

static struct slice *pseudo_of(struct h2_pseudo *p, struct slice name)
{
    if (slice_eq(name, SLICE(":method")))
        return &p->method;
    if (slice_eq(name, SLICE(":path")))
        return &p->path;
    if (slice_eq(name, SLICE(":authority")))
        return &p->authority;
    if (slice_eq(name, SLICE(":scheme")))
        return &p->scheme;
    if (slice_eq(name, SLICE(":protocol")))
        return &p->protocol;
    return NULL;
}

static bool add_field(struct headers *hs, struct arena *arena, struct slice name,
                      struct slice value)
{
    if (name.len == 0 || name.len > UINT16_MAX)
        return false;
    if (memchr(name.data, '_', name.len))
        return true; /* dropped, as in HTTP/1.1: see h1_head.c */
    if (!headers_add(hs, arena, name, slice_trim(value)))
        return false;
    return header_is_clean(&hs->items[hs->count - 1]);
}

bool h2_request_field(struct exchange *ex, struct h2_pseudo *pseudo, struct slice name,
                      struct slice value)
{
    if (name.len && name.data[0] == ':') {
        struct slice *at = pseudo_of(pseudo, name);
        if (!at || at->data)
            return false;
        *at = value;
        return true;
    }
    return add_field(&ex->request.headers, &ex->arena, name, value);
}

bool h2_request_trailer(struct exchange *ex, struct headers *trailers, struct slice name,
                        struct slice value)
{
    return name.len && name.data[0] != ':' && add_field(trailers, &ex->arena, name, value);
}

/* Appends the crumb to `joined`, and what stands between two. */
static size_t add_crumb(char *joined, size_t len, const struct header *crumb)
{
    if (len) {
        memcpy(joined + len, "; ", 2);
        len += 2;
    }
    memcpy(joined + len, crumb->value, crumb->value_len);
    return len + crumb->value_len;
}

/* Crumbs become the one field that HTTP/1.1 backends expect (RFC 9113 8.2.3). */
static bool join_cookies(struct headers *hs, struct arena *arena)
{
    size_t size = 0, crumbs = 0, len = 0;
    uint32_t kept = 0, first = UINT32_MAX;
    for (uint32_t i = 0; i < hs->count; i++) {
        if (hs->items[i].id != HEADER_COOKIE)
            continue;
        size += hs->items[i].value_len + 2u;
        crumbs++;
    }
    if (crumbs < 2)
        return true;
    char *joined = arena_alloc(arena, size);
    if (!joined)
        return false;
    for (uint32_t i = 0; i < hs->count; i++) {
        bool is_crumb = hs->items[i].id == HEADER_COOKIE;
        if (is_crumb)
            len = add_crumb(joined, len, &hs->items[i]);
        if (is_crumb && first != UINT32_MAX)
            continue;
        if (is_crumb)
            first = kept;
        hs->items[kept++] = hs->items[i];
    }
    hs->items[first].value = joined;
    hs->items[first].value_len = (uint32_t)len;
    hs->count = kept;
    return true;
}

/* ---- the head ---- */

static int method_of(struct slice name)
{
    static const struct {
        struct slice name;
        uint8_t method;
    } methods[] = {
#define METHOD(number, id, text) { { #text, sizeof(#text) - 1 }, number },
        HTTP_METHOD_MAP(METHOD)
#undef METHOD
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (slice_eq(methods[i].name, name))
            return methods[i].method;
    return -1;
}

/* Host may repeat :authority, and take its place when that is missing, but not differ from it. */
static int read_host(struct exchange *ex, const struct h2_pseudo *pseudo)
{
    struct request *req = &ex->request;
    const struct header *field = headers_find(&req->headers, HEADER_HOST);
    struct slice host = field ? header_value(field) : (struct slice){ 0 };
    uint32_t hosts = 0;
    for (uint32_t i = 0; i < req->headers.count; i++)
        hosts += req->headers.items[i].id == HEADER_HOST;
    req->authority = pseudo->authority.data ? pseudo->authority : host;
    if (hosts > 1 || req->authority.len == 0 || (field && !slice_eq_nocase(host, req->authority)))
        return ERR_INVALID;
    struct url_host parsed;
    int rc = url_host_parse(&parsed, req->authority, &ex->arena);
    if (rc == 0)
        req->host = parsed.name;
    return rc;
}

static int read_target(struct exchange *ex, const struct h2_pseudo *pseudo)
{
    struct request *req = &ex->request;
    struct url url;
    if (!slice_eq(pseudo->scheme, SLICE("https")) && !slice_eq(pseudo->scheme, SLICE("http")))
        return ERR_INVALID;
    req->target = pseudo->path;
    int rc = url_parse(&url, req->method_name, req->target, &ex->arena);
    if (rc < 0)
        return rc;
    if (url.form != URL_ORIGIN && url.form != URL_ASTERISK)
        return ERR_INVALID;
    req->forward = url.target;
    req->path = url.path;
    req->query = url.query;
    return read_host(ex, pseudo);
}

static bool read_framing(struct request *req, bool ended)
{
    const struct header *length = NULL;
    for (uint32_t i = 0; i < req->headers.count; i++) {
        const struct header *h = &req->headers.items[i];
        if (h->id == HEADER_TRANSFER_ENCODING || (h->id == HEADER_CONTENT_LENGTH && length))
            return false;
        if (h->id == HEADER_CONTENT_LENGTH)
            length = h;
    }
    if (length &&
        (length->value_len > 18 || !slice_to_u64(header_value(length), &req->content_length)))
        return false;
    if (ended) {
        req->body = BODY_NONE;
        return req->content_length == 0;
    }
    req->body = !length ? BODY_CHUNKED : req->content_length ? BODY_LENGTH : BODY_NONE;
    return true;
}

/* The key proves to a client of HTTP/1.1 that no cache answered it. In HTTP/2 there is none, and no
 * need (RFC 8441 5); the backend wants one nevertheless. */
static bool add_websocket_key(struct exchange *ex)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *key = arena_alloc(&ex->arena, 24);
    if (!key)
        return false;
    uint64_t bits = 0;
    for (size_t i = 0; i < 22; i++) {
        if (i % 10 == 0)
            bits = random_next(&ex->loop->random);
        key[i] = digits[bits & 63];
        bits >>= 6;
    }
    key[21] = 'A'; /* 16 bytes fill 21 digits and two bits of the next */
    key[22] = key[23] = '=';
    headers_remove(&ex->request.headers, SLICE("sec-websocket-key"));
    return headers_add(&ex->request.headers, &ex->arena, SLICE("Sec-WebSocket-Key"),
                       slice_of(key, 24));
}

static bool begin_websocket(struct exchange *ex, const struct h2_pseudo *pseudo)
{
    struct request *req = &ex->request;
    if (!slice_eq_nocase(pseudo->protocol, SLICE("websocket")) ||
        headers_find(&req->headers, HEADER_CONTENT_LENGTH))
        return false;
    req->method = HTTP_GET;
    req->method_name = SLICE("GET");
    req->wants_upgrade = true;
    req->upgrade = SLICE("websocket");
    return true;
}

bool h2_request_build(struct exchange *ex, const struct h2_pseudo *pseudo, bool ended,
                      enum error_page_reason *why)
{
    struct request *req = &ex->request;
    req->version_major = 2;
    req->method_name = pseudo->method;
    int method = method_of(req->method_name);
    if (method < 0)
        return refuse(why, ERROR_PAGE_BAD_REQUEST);
    req->method = (uint8_t)method;
    if (pseudo->protocol.data && method != HTTP_CONNECT)
        return refuse(why, ERROR_PAGE_BAD_REQUEST);
    bool websocket = pseudo->protocol.data && !ended && begin_websocket(ex, pseudo);
    if (req->method == HTTP_CONNECT || req->method == HTTP_TRACE || req->method == HTTP_PRI)
        return refuse(why, ERROR_PAGE_METHOD_NOT_ALLOWED);
    int rc = read_target(ex, pseudo);
    if (rc == ERR_NO_MEMORY || !join_cookies(&req->headers, &ex->arena) ||
        (websocket && !add_websocket_key(ex)))
        return refuse(why, ERROR_PAGE_UNAVAILABLE);
    if (rc < 0 || !read_framing(req, ended || websocket))
        return refuse(why, ERROR_PAGE_BAD_REQUEST);
    struct slice expect = headers_value(&req->headers, HEADER_EXPECT);
    if (expect.data && !slice_eq_nocase(expect, SLICE("100-continue")))
        return refuse(why, ERROR_PAGE_EXPECTATION_FAILED);
    req->expect_continue = expect.data && req->body != BODY_NONE;
    return true;
}
