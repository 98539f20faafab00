#include "bench/node/node_route.h"

#include "bench/node/node.h"
#include "bench/node/node_websocket.h"

#include <stdio.h>

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"

static void answer_page(struct node *node, struct node_exchange *x)
{
    const char *name = node->options->name;
    node_answer_set_text(&x->answer, 200, "text/html; charset=utf-8");
    buf_printf(
        &x->answer.text,
        "<!doctype html>\n<html lang=\"vi\">\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>%s</title>\n<h1>Nút xử lý %s</h1>\n"
        "<p>Nút mô phỏng của cổng dịch vụ công.\n<ul>\n"
        "<li><a href=\"/echo\">/echo</a>\n"
        "<li><a href=\"/download?bytes=100000\">/download?bytes=100000</a>\n"
        "<li><a href=\"/events?count=10&amp;interval=1s\">/events?count=10&amp;interval=1s</a>\n"
        "<li><a href=\"/stats\">/stats</a>\n</ul>\n</html>\n",
        name, name);
}

static void answer_any(struct node *node, struct node_exchange *x)
{
    x->answer.status = 200;
    uint64_t bytes = x->plan.bytes == NODE_PLAN_UNSET ? node->options->body_bytes : x->plan.bytes;
    node_answer_set_content(&x->answer, TEXT, node_content_text(node->content), bytes);
}

/* Opens the object that most answers are; end with end_json(). */
static void begin_json(struct node *node, struct node_exchange *x, unsigned status, struct json *j)
{
    node_answer_set_text(&x->answer, status, JSON);
    json_init(j, &x->answer.text);
    json_object(j, NULL);
    json_string(j, "node", slice_str(node->options->name));
}

static void end_json(struct node_exchange *x, struct json *j)
{
    json_end_object(j);
    buf_append_char(&x->answer.text, '\n');
}

static void write_headers(struct json *j, const char *key, const struct node_request *r,
                          size_t from, size_t to)
{
    json_array(j, key);
    for (size_t i = from; i < to; i++) {
        json_array(j, NULL);
        json_string(j, NULL, r->headers[i].name);
        json_string(j, NULL, r->headers[i].value);
        json_end_array(j);
    }
    json_end_array(j);
}

static void answer_echo_body(struct node_exchange *x, const struct node_digest *digest)
{
    node_answer_set_text(&x->answer, 200, "application/octet-stream");
    node_answer_add_header(&x->answer, "X-SHA256", digest->hex);
    buf_append_slice(&x->answer.text, buf_slice(&x->request.body));
}

static void answer_echo(struct node *node, struct node_exchange *x)
{
    struct node_request *r = &x->request;
    struct node_digest digest;
    struct json j;
    node_request_digest(r, &digest);
    if (x->plan.echo_body) {
        answer_echo_body(x, &digest);
        return;
    }
    begin_json(node, x, 200, &j);
    json_string(&j, "method", slice_str(llhttp_method_name((llhttp_method_t)r->method)));
    json_string(&j, "target", r->target);
    json_string(&j, "version", r->minor ? SLICE("1.1") : SLICE("1.0"));
    write_headers(&j, "headers", r, 0, r->trailers_from);
    write_headers(&j, "trailers", r, r->trailers_from, r->header_count);
    json_u64(&j, "bytes", r->body_bytes);
    json_string(&j, "sha256", slice_str(digest.hex));
    json_u64(&j, "connection", x->connection);
    json_u64(&j, "request", x->number);
    end_json(x, &j);
}

static void answer_dossiers(struct node *node, struct node_exchange *x)
{
    struct node_request *r = &x->request;
    struct node_digest digest;
    struct node_receipt receipt;
    struct json j;
    node_request_digest(r, &digest);
    struct node_dossier dossier = { .idempotency_key =
                                        node_request_header(r, SLICE("idempotency-key")),
                                    .ref = node_request_header(r, SLICE("x-request-id")),
                                    .bytes = r->body_bytes,
                                    .sha256 = digest.hex,
                                    .node = node->options->name };
    if (node_journal_add(node->journal, &dossier, &receipt)) {
        node_answer_refuse(&x->answer, 500, "the journal could not be written");
        return;
    }
    node->stats.dossiers += !receipt.is_repeated;
    begin_json(node, x, 201, &j);
    json_string(&j, "receipt", slice_str(receipt.text));
    json_u64(&j, "bytes", r->body_bytes);
    json_string(&j, "sha256", slice_str(digest.hex));
    end_json(x, &j);
    node_answer_add_header(&x->answer, "X-Receipt", receipt.text);
}

static void answer_key(struct node *node, struct node_exchange *x)
{
    struct slice key = slice_from(x->request.path, sizeof("/keys/") - 1);
    struct node_receipt receipt;
    struct json j;
    bool stored = node_journal_find(node->journal, key, &receipt);
    begin_json(node, x, stored ? 200 : 404, &j);
    json_bool(&j, "stored", stored);
    if (stored)
        json_string(&j, "receipt", slice_str(receipt.text));
    end_json(x, &j);
    if (stored)
        node_answer_add_header(&x->answer, "X-Receipt", receipt.text);
}

static void answer_dossier(struct node *node, struct node_exchange *x)
{
    struct slice receipt = slice_from(x->request.path, sizeof("/dossiers/") - 1);
    bool stored = node_journal_has(node->journal, receipt);
    struct json j;
    begin_json(node, x, stored ? 200 : 404, &j);
    json_string(&j, "receipt", receipt);
    json_bool(&j, "stored", stored);
    end_json(x, &j);
}

static void answer_upload(struct node *node, struct node_exchange *x)
{
    struct node_digest digest;
    struct json j;
    node_request_digest(&x->request, &digest);
    begin_json(node, x, 200, &j);
    json_u64(&j, "bytes", x->request.body_bytes);
    json_string(&j, "sha256", slice_str(digest.hex));
    end_json(x, &j);
}

static void answer_download(struct node *node, struct node_exchange *x)
{
    struct node_digest digest;
    answer_any(node, x);
    x->answer.type = "application/octet-stream";
    x->answer.block = node_content_binary(node->content);
    node_content_digest(node->content, x->answer.body_bytes, &digest);
    node_answer_add_header(&x->answer, "X-SHA256", digest.hex);
}

static void answer_events(struct node *node, struct node_exchange *x)
{
    (void)node;
    x->answer.status = 200;
    x->answer.type = "text/event-stream";
    x->answer.body = NODE_BODY_EVENTS;
    x->answer.event_count = x->plan.count;
    x->answer.interval_ms = x->plan.interval_ms;
    node_answer_add_header(&x->answer, "Cache-Control", "no-cache");
}

static void answer_stats(struct node *node, struct node_exchange *x)
{
    struct json j;
    begin_json(node, x, 200, &j);
    node_stats_write(&node->stats, &j);
    json_array(&j, "listeners");
    for (size_t i = 0; i < node->options->listen_count; i++)
        json_u64(&j, NULL, node->listeners[i].requests);
    json_end_array(&j);
    end_json(x, &j);
}

static void answer_stats_reset(struct node *node, struct node_exchange *x)
{
    node_stats_reset(&node->stats);
    for (size_t i = 0; i < node->options->listen_count; i++)
        node->listeners[i].requests = 0;
    answer_stats(node, x);
}

/* Going down, an address resets its connections: the order has to come on another one. */
static int change_outages(struct node *node, const struct node_exchange *x, struct err *e)
{
    struct node_outage wanted;
    int rc = node_outage_read(&wanted, x->request.query, node->options->listen_count, e);
    if (rc)
        return rc;
    if (wanted.kind == NODE_OUTAGE_FLAP && wanted.listener == x->listener->index)
        return err_set(e, ERR_INVALID, "ask for that at another listener");
    return node_outages_change(&node->outages, &wanted, e);
}

static void answer_outages(struct node *node, struct node_exchange *x)
{
    struct err e;
    struct json j;
    if (change_outages(node, x, &e) != 0) {
        node_answer_refuse(&x->answer, 400, "%s", e.text);
        return;
    }
    for (uint32_t i = 0; i < node->options->listen_count; i++)
        node_listener_flap(&node->listeners[i], node_outages_flap_ms(&node->outages, i));
    begin_json(node, x, 200, &j);
    json_u64(&j, "outages", node->outages.count);
    end_json(x, &j);
}

static const struct node_route routes[] = {
    { .path = "/", .canned = NODE_CANNED_PAGE, .answer = answer_page },
    { .path = "/echo", .wants_digest = true, .may_keep_body = true, .answer = answer_echo },
    { .path = "/dossiers",
      .methods = "POST",
      .wants_digest = true,
      .stores = true,
      .answer = answer_dossiers },
    { .path = "/dossiers/", .methods = "GET, HEAD", .answer = answer_dossier },
    { .path = "/keys/", .methods = "GET, HEAD", .answer = answer_key },
    { .path = "/upload", .methods = "PUT, POST", .wants_digest = true, .answer = answer_upload },
    { .path = "/download", .methods = "GET, HEAD", .answer = answer_download },
    { .path = "/events", .methods = "GET, HEAD", .answer = answer_events },
    { .path = "/ws", .methods = "GET", .answer = node_websocket_answer },
    { .path = "/stats", .methods = "GET, HEAD", .is_control = true, .answer = answer_stats },
    { .path = "/stats/reset", .methods = "POST", .is_control = true, .answer = answer_stats_reset },
    { .path = "/outages", .methods = "POST", .is_control = true, .answer = answer_outages },
};

static const struct node_route any = { .canned = NODE_CANNED_PLAIN, .answer = answer_any };

static bool matches(const struct node_route *route, struct slice path)
{
    struct slice pattern = slice_str(route->path);
    bool is_prefix = pattern.len > 1 && pattern.data[pattern.len - 1] == '/';
    return is_prefix ? path.len > pattern.len && slice_starts_with(path, pattern)
                     : slice_eq(path, pattern);
}

const struct node_route *node_route_find(struct slice path)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (matches(&routes[i], path))
            return &routes[i];
    return &any;
}

bool node_route_allows(const struct node_route *route, const struct node_request *r)
{
    struct slice method = slice_str(llhttp_method_name((llhttp_method_t)r->method));
    struct slice rest = slice_str(route->methods), element;
    if (!route->methods)
        return true;
    while (slice_next_element(&rest, &element))
        if (slice_eq(element, method))
            return true;
    return false;
}

void node_route_refuse(const struct node_route *route, struct node_answer *a)
{
    node_answer_refuse(a, 405, "this path takes %s", route->methods);
    node_answer_add_header(a, "Allow", route->methods);
}

static void prepare(struct node *node, const struct node_route *route)
{
    struct node_exchange *x = node_exchange_take(&node->pool);
    x->route = route;
    x->request.method = HTTP_GET;
    x->request.keep_alive = true;
    route->answer(node, x);
    node_answer_plan(&x->answer, &x->plan, &x->request);
    node_canned_add(&node->canned, route->canned, &x->answer);
    node_exchange_give(&node->pool, &x);
}

void node_route_prepare(struct node *node)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (routes[i].canned != NODE_CANNED_NONE)
            prepare(node, &routes[i]);
    prepare(node, &any);
}
