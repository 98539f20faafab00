#include "http/http_conn.h"

#include "common/mem.h"
#include "http/h1_server.h"
#include "http/h2_sleep.h"
#include "net/proxy_protocol.h"
#include "net/tcp_stream.h"

#define HTTP_CONN_MAGIC 0x68636f6eu

struct http_conn {
    uint32_t magic;
    struct list node; /* in from->connections */
    struct tcp_stream tcp;
    struct tls_stream tls; /* unused on plain listeners */
    union {
        struct h1_server h1;   /* its timer also serves the time before it begins */
        struct h2_sleep sleep; /* while h2_asleep */
    };
    struct h2_server *h2; /* owned; NULL unless the client chose HTTP/2, and it is awake */
    struct client_info client;
    struct http_server *server;   /* borrowed */
    struct tls_engine *engine;    /* borrowed */
    struct tls_context *context;  /* counted; NULL: plain */
    struct proxy_protocol *proxy; /* owned; while its header is awaited */
    bool h1_begun, h2_asleep;
    bool is_counted; /* by server->admission */
};

/* What the allocator gives for a little less, too. */
_Static_assert(sizeof(struct http_conn) <= HTTP_CONN_CLASS, "an idle client costs more");
_Static_assert(sizeof(struct http_conn) > HTTP_CONN_CLASS_BELOW, "it is of another class");

static struct http_conn *conn_of(struct stream *s)
{
    struct http_conn *c = s->user;
    CHECK_MAGIC(c, HTTP_CONN_MAGIC);
    return c;
}

static struct timer_wheel *wheel(struct http_conn *c)
{
    return &c->server->loop->timers;
}

static void conn_free(struct http_conn *c)
{
    metrics_add(c->server->metrics, COUNTER_CONNECTIONS_CLOSED, 1);
    metrics_gauge_decrement(c->server->metrics, GAUGE_CONNECTIONS_OPEN);
    if (c->is_counted)
        admission_release(c->server->admission, &c->client.address);
    list_remove(&c->node);
    tls_context_unref(&c->context);
    mem_free(c->proxy);
    mem_free(c->h2);
    c->magic = 0;
    mem_free(c);
}

static void on_h1_closed(struct h1_server *h)
{
    timer_cancel(&h->timer);
    conn_free(CONTAINER_OF(h, struct http_conn, h1));
}

static void begin_h1(struct http_conn *c, struct stream *s)
{
    timer_cancel(&c->h1.timer);
    c->h1_begun = true;
    h1_server_init(&c->h1, s, c->server, &c->client, on_h1_closed);
}

static void on_h2_closed(struct h2_server *h)
{
    conn_free(h->user);
}

static void on_sleep_closed(struct h2_sleep *s)
{
    conn_free(CONTAINER_OF(s, struct http_conn, sleep));
}

static void on_rest(struct h2_server *h);

static struct h2_server *new_h2(struct http_conn *c)
{
    c->h2 = mem_new(sizeof(*c->h2));
    c->h2->user = c;
    c->h2->on_rest = on_rest;
    return c->h2;
}

static void on_woken(struct h2_sleep *s, char *data, size_t len)
{
    struct http_conn *c = CONTAINER_OF(s, struct http_conn, sleep);
    struct stream *stream = s->stream;
    h2_sleep_end(s);
    c->h2_asleep = false;
    h2_server_wake(new_h2(c), s, &c->client, on_h2_closed);
    stream->handler->on_data(stream, data, len);
}

static void on_rest(struct h2_server *h)
{
    struct http_conn *c = h->user;
    c->h2_asleep = true;
    c->h2 = NULL;
    c->sleep = (struct h2_sleep){ .on_woken = on_woken, .on_closed = on_sleep_closed };
    h2_sleep_begin(&c->sleep, h);
    h2_server_free_later(h);
}

static void begin_h2(struct http_conn *c, struct stream *s)
{
    timer_cancel(&c->h1.timer);
    metrics_add(c->server->metrics, COUNTER_HTTP2_CONNECTIONS, 1);
    h2_server_init(new_h2(c), s, c->server, &c->client, on_h2_closed);
}

/* ---- TLS ---- */

static void on_tls_open(struct stream *s)
{
    struct http_conn *c = conn_of(s);
    const struct tls_facts *facts = &c->engine->facts;
    c->tcp.pacer = NULL;
    c->client.tls_version = facts->version;
    c->client.tls_resumed = facts->is_resumed;
    metrics_add(c->server->metrics,
                facts->is_resumed ? COUNTER_HANDSHAKES_RESUMED : COUNTER_HANDSHAKES_FULL, 1);
    if (c->tls.has_records)
        metrics_add(c->server->metrics, COUNTER_HANDSHAKES_HANDED_OVER, 1);
    else
        tls_context_handshake_done(c->tls.ssl);
    if (facts->chose_http2)
        begin_h2(c, s);
    else
        begin_h1(c, s);
}

static void on_tls_end(struct stream *s, int status)
{
    struct http_conn *c = conn_of(s);
    (void)status;
    metrics_add(c->server->metrics, COUNTER_HANDSHAKES_FAILED, 1);
    stream_close(s); /* an alert may be on its way */
}

static void on_early_data(struct stream *s, char *data, size_t len)
{
    (void)s, (void)data, (void)len; /* no plaintext comes before on_open */
}

static void on_flow(struct stream *s)
{
    (void)s; /* nothing is sent before the codec begins */
}

static void on_closed(struct stream *s)
{
    struct http_conn *c = conn_of(s);
    timer_cancel(&c->h1.timer);
    conn_free(c);
}

static const struct stream_handler tls_handler = {
    .on_open = on_tls_open,
    .on_data = on_early_data,
    .on_end = on_tls_end,
    .on_blocked = on_flow,
    .on_drained = on_flow,
    .on_closed = on_closed,
};

static void refuse(struct http_conn *c)
{
    metrics_add(c->server->metrics, COUNTER_CONNECTIONS_REFUSED, 1);
    stream_reset(&c->tcp.base);
}

/* Its address is known. False: it has been refused. */
static bool is_admitted(struct http_conn *c)
{
    if (!c->server->admission)
        return true;
    enum admission_verdict verdict = admission_ask(
        c->server->admission, &c->client.address, c->context != NULL, loop_now_ms(c->server->loop));
    c->is_counted = verdict == ADMISSION_COUNTED;
    if (verdict != ADMISSION_REFUSED)
        return true;
    refuse(c);
    return false;
}

static struct stream *top_stream(struct http_conn *c)
{
    return c->tls.lower ? &c->tls.base : &c->tcp.base;
}

static void on_first_data(struct stream *s, char *data, size_t len)
{
    struct http_conn *c = conn_of(s);
    SSL *ssl = tls_context_new_ssl(c->context);
    if (!ssl) {
        stream_reset(s);
        return;
    }
    tls_stream_init(&c->tls, s, c->engine, ssl);
    if (tls_context_wants_records(c->context))
        tls_stream_want_records(&c->tls);
    stream_set_handler(&c->tls.base, &tls_handler, c);
    s->handler->on_data(s, data, len); /* it is the TLS stream's now */
}

/* OpenSSL's objects are ten times as large as all that we have of a connection: who says nothing
 * gets none. */
static const struct stream_handler silent_handler = {
    .on_open = on_flow,
    .on_data = on_first_data,
    .on_end = on_tls_end,
    .on_blocked = on_flow,
    .on_drained = on_flow,
    .on_closed = on_closed,
};

/* Whatever comes after the PROXY header, if there is one. */
static void begin(struct http_conn *c)
{
    if (!c->context) {
        begin_h1(c, &c->tcp.base);
        return;
    }
    stream_set_handler(&c->tcp.base, &silent_handler, c);
    stream_resume(&c->tcp.base);
}

/* ---- PROXY protocol ---- */

static void on_proxy_data(struct stream *s, char *data, size_t len)
{
    struct http_conn *c = conn_of(s);
    size_t used = 0;
    switch (proxy_protocol_feed(c->proxy, slice_of(data, len), &used)) {
    case PROXY_PROTOCOL_NEED_MORE:
        return;
    case PROXY_PROTOCOL_INVALID:
        metrics_add(c->server->metrics, COUNTER_REQUESTS_INVALID, 1);
        stream_reset(s);
        return;
    case PROXY_PROTOCOL_DONE:
        break;
    }
    if (c->proxy->source.family != AF_UNSPEC) {
        c->client.proxy = c->client.address;
        c->client.address = c->proxy->source;
    }
    mem_free(c->proxy);
    c->proxy = NULL;
    if (!is_admitted(c))
        return;
    begin(c);
    if (used < len)
        s->handler->on_data(s, data + used, len - used);
}

static void on_proxy_end(struct stream *s, int status)
{
    (void)status;
    stream_close(s);
}

static const struct stream_handler proxy_handler = {
    .on_open = on_flow,
    .on_data = on_proxy_data,
    .on_end = on_proxy_end,
    .on_blocked = on_flow,
    .on_drained = on_flow,
    .on_closed = on_closed,
};

static void on_handshake_timeout(struct timer *t)
{
    struct http_conn *c = CONTAINER_OF(t, struct http_conn, h1.timer);
    metrics_add(c->server->metrics, COUNTER_HANDSHAKES_FAILED, 1);
    stream_reset(top_stream(c));
}

/* ---- accept ---- */

/* NULL when libuv does not take the socket. */
static struct http_conn *take(struct listener *l, const struct http_listener *from)
{
    struct http_conn *c = mem_new(sizeof(*c));
    c->magic = HTTP_CONN_MAGIC;
    c->server = from->server;
    c->engine = from->engine;
    c->context = from->tls ? tls_context_ref(from->tls) : NULL;
    c->client.redirect_https = from->redirect_https;
    c->client.address = l->peer;
    list_push_back(from->connections, &c->node);
    timer_init(&c->h1.timer, on_handshake_timeout);
    int rc = tcp_stream_init(&c->tcp, from->server->loop);
    stream_set_handler(&c->tcp.base, &proxy_handler, c);
    metrics_add(c->server->metrics, COUNTER_CONNECTIONS_ACCEPTED, 1);
    metrics_gauge_increment(c->server->metrics, GAUGE_CONNECTIONS_OPEN);
    if (rc == 0)
        rc = listener_accept(l, &c->tcp.uv);
    if (rc == 0)
        return c;
    refuse(c);
    return NULL;
}

void http_conn_refuse(struct listener *l, const struct http_listener *from)
{
    struct http_conn *c = take(l, from);
    if (c)
        refuse(c);
}

void http_conn_accept(struct listener *l, const struct http_listener *from)
{
    struct http_conn *c = take(l, from);
    if (!c)
        return;
    if (!from->proxy_protocol && !is_admitted(c))
        return;
    if (c->context) /* its handshake, and the PROXY header that it may come with */
        c->tcp.pacer = c->server->pacer;
    timer_set(wheel(c), &c->h1.timer, c->server->timeouts.handshake_ms);
    if (!from->proxy_protocol) {
        begin(c);
        return;
    }
    if (!address_is_in(&c->client.address, from->trusted, from->trusted_count)) {
        refuse(c); /* anybody could claim to be anybody */
        return;
    }
    c->proxy = mem_new(sizeof(*c->proxy));
    proxy_protocol_init(c->proxy);
    stream_resume(&c->tcp.base);
}

/* ---- shutdown ---- */

struct http_conn *http_conn_of(struct list *node)
{
    return CONTAINER_OF(node, struct http_conn, node);
}

void http_conn_drain(struct http_conn *c)
{
    if (c->h2)
        h2_server_drain(c->h2);
    else if (c->h2_asleep)
        h2_sleep_drain(&c->sleep);
    else if (c->h1_begun)
        h1_server_drain(&c->h1);
}

/* Between two requests. Before the first one the time is short anyway. */
static bool is_idle(const struct http_conn *c)
{
    if (c->h2)
        return c->h2->state == H2_OPEN && c->h2->begun && !c->h2->stream_count &&
               !c->h2->draining && !c->h2->blocked;
    if (c->h2_asleep)
        return c->sleep.state == H2_ASLEEP && !c->sleep.blocked;
    return c->h1_begun && c->h1.state == H1_IDLE && !c->h1.blocked;
}

static struct timer *timer_of(struct http_conn *c)
{
    if (c->h2_asleep)
        return &c->sleep.timer;
    return c->h2 ? &c->h2->timer : &c->h1.timer;
}

static uint64_t left_ms_of(struct http_conn *c)
{
    uint64_t now_ms = loop_now_ms(c->server->loop);
    uint64_t due_ms = c->h2 ? h2_server_due_ms(c->h2) : timer_of(c)->due_ms;
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

/* When it became idle follows from its timer, which may have been set before the time was cut. */
bool http_conn_shed(struct http_conn *c, uint32_t usual_ms, uint32_t short_ms)
{
    uint64_t left_ms = left_ms_of(c);
    if (!is_idle(c) || left_ms <= MAX(short_ms, c->server->timeouts.request_head_ms))
        return false;
    if (usual_ms < left_ms + short_ms)
        return false;
    http_conn_drain(c);
    return true;
}

void http_conn_hurry(struct http_conn *c)
{
    bool blocked = c->h2 ? c->h2->blocked : c->h1_begun && c->h1.blocked;
    if (blocked && left_ms_of(c) > c->server->timeouts.send_ms)
        timer_set(wheel(c), timer_of(c), c->server->timeouts.send_ms);
}

void http_conn_stop(struct http_conn *c)
{
    if (c->h2)
        h2_server_stop(c->h2);
    else if (c->h2_asleep)
        h2_sleep_stop(&c->sleep);
    else if (c->h1_begun)
        h1_server_stop(&c->h1);
    else
        stream_reset(top_stream(c));
}
