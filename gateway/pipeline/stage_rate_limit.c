/* The rate limits of the route: all must allow a request, one after the other. What those before
 * it have taken is given back when one refuses. Answers tell of the limit that leaves least
 * (draft-ietf-httpapi-ratelimit-headers). */
#include "common/buf.h"
#include "http/reply.h"
#include "pipeline/stage.h"

/* What keys are of, so that no value of a header is taken for an address. */
enum key_kind { KEY_ADDRESS = 'a', KEY_HEADER = 'h', KEY_ROUTE = 'r' };

#define NUMBER_MAX 20 /* digits of 64 bits */
_Static_assert(sizeof(struct siphash) == SESSION_HASH_BYTES,
               "a session's hash is a limit's digest");

#define IPV6_SITE_BYTES 8 /* a /64 is what one customer has at least (RFC 6177) */

static struct slice make_key(struct passage *p, enum key_kind kind, struct slice of)
{
    char *key = arena_alloc(&p->ex->arena, of.len + 1);
    if (!key)
        return (struct slice){ 0 };
    key[0] = (char)kind;
    if (of.len)
        memcpy(key + 1, of.data, of.len);
    return slice_of(key, of.len + 1);
}

static struct slice address_key(struct passage *p)
{
    const struct address *a = &p->ex->client_address;
    size_t len = a->family == AF_INET6 ? IPV6_SITE_BYTES : a->family == AF_INET ? 4 : 0;
    return make_key(p, KEY_ADDRESS, slice_of((const char *)a->ip, len));
}

static struct slice key_of(struct passage *p, const struct config_rate_limit *limit)
{
    struct slice value;
    switch (limit->key) {
    case CONFIG_LIMIT_ROUTE:
        return make_key(p, KEY_ROUTE, slice_str(p->route->name));
    case CONFIG_LIMIT_HEADER:
        value = headers_value_named(&p->ex->request.headers, limit->header);
        return value.len ? make_key(p, KEY_HEADER, value) : address_key(p);
    case CONFIG_LIMIT_SESSION:
    case CONFIG_LIMIT_ADDRESS:
    default:
        return address_key(p);
    }
}

static bool set_key(struct passage *p, struct limit_op *op)
{
    if (op->limit->key == CONFIG_LIMIT_SESSION && p->identity.is_signed) {
        memcpy(&op->digest, p->identity.hash, sizeof(op->digest));
        return true;
    }
    op->key = key_of(p, op->limit);
    return op->key.data != NULL;
}

/* ---- the fields of answers ---- */

static uint64_t whole_seconds(uint64_t ms)
{
    return (ms + 999) / 1000;
}

#define STATE_NAME SLICE("RateLimit")
#define POLICY_NAME SLICE("RateLimit-Policy")

static bool is_ours(const struct header *h)
{
    return (h->name_len == STATE_NAME.len || h->name_len == POLICY_NAME.len) &&
           (slice_eq_nocase(header_name(h), STATE_NAME) ||
            slice_eq_nocase(header_name(h), POLICY_NAME));
}

/* What a backend says of limits of its own would contradict ours. */
static void drop_foreign(struct headers *hs)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hs->count; i++) {
        if (is_ours(&hs->items[i]))
            continue;
        if (kept < i)
            hs->items[kept] = hs->items[i];
        kept++;
    }
    hs->count = kept;
}

/* Nobody looks for these, so they need no id. Without memory the answer goes without them. */
static void add(struct passage *p, struct slice name, struct slice value)
{
    struct header *h = value.data ? headers_push(&p->ex->response.headers, &p->ex->arena) : NULL;
    if (!h)
        return;
    h->name = name.data;
    h->name_len = (uint16_t)name.len;
    h->value = value.data;
    h->value_len = (uint32_t)value.len;
}

static char *put(char *at, struct slice text)
{
    memcpy(at, text.data, text.len);
    return at + text.len;
}

/* Without printf, as it goes with every answer: "pages";r=12;t=30 */
static struct slice write_state(struct passage *p, const struct limit_op *op)
{
    struct slice name = slice_str(op->limit->name);
    char *text = arena_alloc(&p->ex->arena, name.len + 2 * NUMBER_MAX + sizeof("\"\";r=;t="));
    if (!text)
        return (struct slice){ 0 };
    char *at = put(put(put(text, SLICE("\"")), name), SLICE("\";r="));
    at += format_u64(at, op->remaining);
    at = put(at, SLICE(";t="));
    at += format_u64(at, whole_seconds(op->reset_ms));
    return slice_of(text, (size_t)(at - text));
}

static void on_response(struct passage *p)
{
    const struct limit_op *op = p->limiting.tightest;
    if (!op || !p->snapshot->config->rate_limit_headers)
        return;
    drop_foreign(&p->ex->response.headers);
    add(p, POLICY_NAME, op->limit->policy);
    add(p, STATE_NAME, write_state(p, op));
}

/* ---- one limit after the other ---- */

static void refuse(struct passage *p, const struct limit_op *op)
{
    struct limiting *x = &p->limiting;
    for (size_t i = 0; i < x->at; i++)
        limits_return(&x->items[i].op);
    x->tightest = op;
    x->refused_by = op->limit;
    metrics_add(p->pipeline->metrics, COUNTER_RATE_LIMITED, 1);
    reply_error_retry(p->ex, ERROR_PAGE_TOO_MANY_REQUESTS,
                      (uint32_t)MAX(whole_seconds(op->retry_ms), 1u));
}

/* False when the request has been answered. */
static bool judge(struct passage *p, const struct limit_op *op)
{
    struct limiting *x = &p->limiting;
    if (!op->allowed) {
        refuse(p, op);
        return false;
    }
    if (!x->tightest || op->remaining < x->tightest->remaining)
        x->tightest = op;
    x->at++;
    return true;
}

static enum stage_verdict take_rest(struct passage *p)
{
    struct limiting *x = &p->limiting;
    while (x->at < p->route->rate_limit_count) {
        struct limit_op *op = &x->items[x->at].op;
        if (limits_take(p->pipeline->store, op) == STORE_PENDING)
            return STAGE_WAIT;
        if (!judge(p, op))
            return STAGE_ANSWERED;
    }
    return STAGE_NEXT;
}

static void on_done(struct store_op *store_op)
{
    struct limiting_item *item = CONTAINER_OF(store_op, struct limiting_item, op.op);
    struct passage *p = item->passage;
    if (p->ex->response_begun || p->ex->is_closed)
        return; /* a timeout has answered meanwhile */
    if (judge(p, &item->op) && take_rest(p) == STAGE_NEXT)
        pipeline_resume(p);
}

static enum stage_verdict on_request(struct passage *p)
{
    const struct config_route *route = p->route;
    if (route->rate_limit_count == 0)
        return STAGE_NEXT;
    struct limiting_item *items =
        arena_zalloc(&p->ex->arena, route->rate_limit_count * sizeof(*items));
    p->limiting.items = items;
    for (size_t i = 0; items && i < route->rate_limit_count; i++) {
        items[i].passage = p;
        items[i].op.op.on_done = on_done;
        items[i].op.limit = route->rate_limits[i];
        if (!set_key(p, &items[i].op))
            items = NULL;
    }
    if (items)
        return take_rest(p);
    reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
    return STAGE_ANSWERED;
}

static void on_leave(struct passage *p)
{
    struct limiting *x = &p->limiting;
    if (x->items && x->at < p->route->rate_limit_count)
        store_op_cancel(&x->items[x->at].op.op);
}

const struct stage stage_rate_limit = {
    .name = "rate_limit",
    .on_request = on_request,
    .on_response = on_response,
    .on_leave = on_leave,
};
