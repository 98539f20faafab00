#include "bench/node/node_conn.h"

#include "bench/node/node_route.h"
#include "bench/node/node_send.h"
#include "bench/node/node_websocket.h"
#include "common/mem.h"

#define CONN_MAGIC 0x6e6f6465
#define PENDING_BYTES (64 * 1024) /* input kept aside; beyond it nothing is read */
#define LINGER_MS 2000            /* how long the client has to see our end and send its own */

enum state {
    CONN_HEAD,   /* waits for a head, or for the rest of it */
    CONN_BODY,   /* reads a request's body */
    CONN_WAIT,   /* the request is complete, the answer delayed (timer) or never to come */
    CONN_ANSWER, /* writes an answer */
    CONN_SOCKET, /* speaks WebSocket */
    CONN_LINGER, /* all is written and our side shut; drops input until the client's end */
    CONN_DYING,  /* closes as soon as what was written is out: a body cut short */
    CONN_CLOSED, /* waits for its handles' close callbacks */
};

struct node_conn {
    uint32_t magic;
    enum state state;
    struct node *node;              /* borrowed */
    struct node_listener *listener; /* borrowed: where it came */
    struct list link;               /* in node->conns */
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_shutdown_t shutdown;
    llhttp_t parser;
    struct node_exchange *exchange; /* owned; NULL between requests */
    struct ws_reader *socket;       /* owned; CONN_SOCKET only */
    struct slice input;             /* borrowed, within an event: what is still to be used */
    struct buf pending;             /* input that has to wait */
    uint64_t number, request_count;
    unsigned writes; /* under way */
    unsigned handles;
    bool reads, paused; /* paused: a paced answer waits for the timer */
};

static struct node_conn *conn_of(void *data)
{
    struct node_conn *c = data;
    CHECK_MAGIC(c, CONN_MAGIC);
    return c;
}

static void resume(struct node_conn *c);

/* --- the end ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct node_conn *c = conn_of(handle->data);
    if (--c->handles)
        return;
    buf_fini(&c->pending);
    mem_free(c);
}

static void close_conn(struct node_conn *c, bool aborted)
{
    struct node *node = c->node;
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    node->stats.aborted += aborted;
    node->stats.open--;
    node_exchange_give(&node->pool, &c->exchange);
    if (c->socket)
        ws_reader_fini(c->socket);
    mem_free(c->socket);
    c->socket = NULL;
    list_remove(&c->link);
    node_out_clear(&node->out);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* The client is gone. It has lost an answer when one was due or not yet out. */
static void close_gone(struct node_conn *c)
{
    bool control = c->exchange && c->exchange->route && c->exchange->route->is_control;
    close_conn(c, c->state != CONN_SOCKET && !control && (c->exchange || c->writes));
}

static void close_with_reset(struct node_conn *c)
{
    if (uv_tcp_close_reset(&c->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
    close_conn(c, false);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void on_sent(void *owner, int status)
{
    struct node_conn *c = conn_of(owner);
    c->writes--;
    if (c->state == CONN_CLOSED)
        return;
    if (status < 0)
        close_conn(c, c->state != CONN_SOCKET);
    else if (c->writes == 0)
        resume(c);
}

/* Sends what was gathered. */
static void flush(struct node_conn *c)
{
    uv_stream_t *stream = (uv_stream_t *)&c->tcp;
    int rc = node_send(&c->node->out, stream, c->writes > 0, on_sent, c);
    if (rc > 0)
        c->writes++;
    else if (rc < 0)
        close_conn(c, c->state != CONN_SOCKET);
}

/* --- the timer -------------------------------------------------------------------------------- */

static void begin_answer(struct node_conn *c);

static void on_timer(uv_timer_t *timer)
{
    struct node_conn *c = conn_of(timer->data);
    if (c->state == CONN_LINGER) {
        close_conn(c, false);
        return;
    }
    c->paused = false;
    if (c->state == CONN_WAIT)
        begin_answer(c);
    resume(c);
}

static void start_timer(struct node_conn *c, uint64_t ms)
{
    uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct node_conn *c = conn_of(req->data);
    if (c->state != CONN_LINGER)
        return;
    if (status < 0)
        close_conn(c, false);
    else
        start_timer(c, LINGER_MS);
}

/* RFC 9112 9.6: closing at once would reset the connection and could take the answer with it. */
static void linger(struct node_conn *c)
{
    flush(c);
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_LINGER;
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0)
        close_conn(c, false);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void write_head(struct node_conn *c)
{
    struct node *node = c->node;
    struct slice common = node_canned_common(&node->canned, uv_now(&node->loop));
    c->state = CONN_ANSWER;
    node_answer_begin(&c->exchange->answer, common, &node->out);
}

/* An answer before its time: what was not read of the request is dropped with the connection. */
static void refuse(struct node_conn *c, unsigned status, const char *why)
{
    if (!c->exchange)
        c->exchange = node_exchange_take(&c->node->pool);
    struct node_exchange *x = c->exchange;
    node_plan_reset(&x->plan);
    x->request.keep_alive = false;
    node_answer_refuse(&x->answer, status, "%s", why);
    node_answer_plan(&x->answer, &x->plan, &x->request);
    write_head(c);
}

static void begin_answer(struct node_conn *c)
{
    struct node_exchange *x = c->exchange;
    node_exchange_answer(c->node, x);
    if (x->fault == NODE_FAULT_RESET)
        close_with_reset(c);
    else if (x->plan.close == NODE_CLOSE_HEAD)
        close_conn(c, false);
    else
        write_head(c);
}

static void begin_socket(struct node_conn *c)
{
    c->socket = mem_new(sizeof(*c->socket));
    ws_reader_init(c->socket);
    c->state = CONN_SOCKET;
}

static void end_answer(struct node_conn *c)
{
    bool upgrades = c->exchange->answer.upgrades;
    bool keep_alive = c->exchange->answer.keep_alive;
    node_exchange_give(&c->node->pool, &c->exchange);
    if (upgrades)
        begin_socket(c);
    else if (keep_alive)
        c->state = CONN_HEAD;
    else
        linger(c);
}

static bool step_answer(struct node_conn *c)
{
    uint64_t pause_ms = 0;
    if (c->paused)
        return false;
    switch (node_answer_continue(&c->exchange->answer, &c->node->out, &pause_ms)) {
    case NODE_ANSWER_SEND:
        flush(c);
        return true;
    case NODE_ANSWER_PAUSE:
        c->paused = true;
        start_timer(c, pause_ms);
        return false;
    case NODE_ANSWER_DONE:
        end_answer(c);
        return true;
    case NODE_ANSWER_DIE:
        c->state = CONN_DYING;
        flush(c);
        return true;
    }
    return false;
}

/* --- requests --------------------------------------------------------------------------------- */

static void end_request(struct node_conn *c)
{
    struct node_exchange *x = c->exchange;
    if (x->request.has_body && !x->route->is_control)
        c->node->stats.bodies++;
    node_exchange_decide(c->node, x);
    if (x->plan.interim && x->request.minor)
        node_answer_interim((unsigned)x->plan.interim, &c->node->out);
    if (x->plan.hang) {
        c->state = CONN_WAIT;
    } else if (x->plan.delay_ms) {
        c->state = CONN_WAIT;
        start_timer(c, x->plan.delay_ms);
    } else {
        begin_answer(c);
    }
}

static void begin_body(struct node_conn *c)
{
    struct node_exchange *x = c->exchange;
    c->state = CONN_BODY;
    x->request.wants_digest = x->route->wants_digest;
    x->request.wants_body = x->route->may_keep_body && x->plan.echo_body;
    if (!x->request.expects_continue)
        return;
    if (x->plan.expect)
        refuse(c, (unsigned)x->plan.expect, "the expectation is refused, as it was asked for");
    else
        node_out_copy(&c->node->out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

static bool answer_canned(struct node_conn *c)
{
    struct slice answer = node_exchange_canned(c->node, c->exchange);
    if (answer.len == 0)
        return false;
    node_out_copy(&c->node->out, answer);
    node_exchange_give(&c->node->pool, &c->exchange);
    if (node_out_is_full(&c->node->out))
        flush(c);
    return true;
}

static void begin_request(struct node_conn *c)
{
    struct node_exchange *x = c->exchange;
    x->connection = c->number;
    x->number = ++c->request_count;
    x->route = node_route_find(x->request.path);
    x->listener = c->listener;
    node_exchange_count(c->node, x);
    if (answer_canned(c))
        return;
    if (node_plan_read(&x->plan, x->request.query, &x->problem))
        node_plan_reset(&x->plan);
    if (x->request.complete)
        end_request(c);
    else
        begin_body(c);
}

static bool step_head(struct node_conn *c)
{
    size_t len = node_request_find_head(&c->input);
    if (len == 0 && c->input.len < NODE_HEAD_BYTES)
        return false;
    c->exchange = node_exchange_take(&c->node->pool);
    int refusal = 431;
    if (len > 0 && len <= NODE_HEAD_BYTES) {
        struct slice head = slice_of(c->input.data, len);
        refusal = node_request_read_head(&c->exchange->request, &c->parser, head);
        c->input = slice_from(c->input, len);
    }
    if (refusal) {
        c->node->stats.bad_requests++;
        refuse(c, (unsigned)refusal, "the head cannot be read");
    } else {
        begin_request(c);
    }
    return true;
}

static bool step_body(struct node_conn *c)
{
    struct node_request *r = &c->exchange->request;
    uint64_t before = r->body_bytes;
    if (c->input.len == 0)
        return false;
    int refusal = node_request_read_body(r, &c->parser, &c->input);
    if (!c->exchange->route->is_control)
        c->node->stats.body_bytes += r->body_bytes - before;
    if (refusal) {
        c->node->stats.bad_requests++;
        refuse(c, (unsigned)refusal, "the body cannot be read");
    } else if (r->complete) {
        end_request(c);
    }
    return true;
}

static bool step_socket(struct node_conn *c)
{
    if (c->input.len == 0)
        return false;
    if (node_websocket_echo(c->socket, &c->input, &c->node->out, &c->node->stats.messages))
        flush(c);
    else
        linger(c);
    return true;
}

/* --- the story -------------------------------------------------------------------------------- */

/* True when something moved; false when only another event can help. */
static bool step(struct node_conn *c)
{
    if (c->writes)
        return false;
    switch (c->state) {
    case CONN_HEAD:
        return step_head(c);
    case CONN_BODY:
        return step_body(c);
    case CONN_ANSWER:
        return step_answer(c);
    case CONN_SOCKET:
        return step_socket(c);
    case CONN_DYING:
        close_conn(c, false);
        return false;
    case CONN_LINGER:
    case CONN_WAIT:
    case CONN_CLOSED:
        break;
    }
    return false;
}

/* At the end of an event: what was not used of the input is kept. */
static void keep_input(struct node_conn *c)
{
    if (c->state == CONN_LINGER || c->state == CONN_DYING)
        c->input.len = 0;
    if (c->pending.len)
        buf_consume(&c->pending, c->pending.len - c->input.len);
    else
        buf_append_slice(&c->pending, c->input);
    c->input = (struct slice){ 0 };
    if (c->pending.len == 0)
        buf_fini(&c->pending);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct node *node = conn_of(handle->data)->node;
    (void)suggested;
    *buf = uv_buf_init(node->read_buffer, sizeof(node->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);

/* Touched only when it changes: each change is an epoll_ctl. */
static void set_reading(struct node_conn *c)
{
    bool wants = c->pending.len < PENDING_BYTES;
    if (wants && !c->reads)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    else if (!wants && c->reads)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reads = wants;
}

static void run(struct node_conn *c)
{
    while (step(c))
        ;
    flush(c);
    /* A request that outlives the event must not point into its input. */
    if (c->exchange && node_request_keep(&c->exchange->request) != 0)
        close_conn(c, true);
    if (c->state == CONN_CLOSED)
        return;
    keep_input(c);
    set_reading(c);
}

static void resume(struct node_conn *c)
{
    c->input = buf_slice(&c->pending);
    run(c);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct node_conn *c = conn_of(stream->data);
    if (len < 0) {
        close_gone(c);
        return;
    }
    c->input = slice_of(buf->base, (size_t)len);
    if (c->pending.len) {
        buf_append_slice(&c->pending, c->input);
        c->input = buf_slice(&c->pending);
    }
    run(c);
}

void node_conn_accept(struct node_listener *listener)
{
    struct node_conn *c = mem_new(sizeof(*c));
    struct node *node = listener->node;
    c->magic = CONN_MAGIC;
    c->node = node;
    c->listener = listener;
    c->handles = 2;
    c->number = ++node->conn_number;
    c->tcp.data = c->timer.data = c->shutdown.data = c;
    buf_init(&c->pending, PENDING_BYTES + sizeof(node->read_buffer));
    node_request_parser_init(&c->parser);
    list_init(&c->link);
    list_push_back(&node->conns, &c->link);
    uv_tcp_init(&node->loop, &c->tcp);
    uv_timer_init(&node->loop, &c->timer);
    node->stats.accepted++;
    node->stats.open++;
    node->stats.peak = MAX(node->stats.peak, node->stats.open);
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&c->tcp) != 0) {
        close_conn(c, false);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    set_reading(c);
}

void node_conn_close_all(struct node *node)
{
    LIST_FOREACH (link, &node->conns)
        close_conn(CONTAINER_OF(link, struct node_conn, link), false);
}

void node_conn_reset_all(const struct node_listener *listener)
{
    LIST_FOREACH (link, &listener->node->conns) {
        struct node_conn *c = CONTAINER_OF(link, struct node_conn, link);
        if (c->listener == listener)
            close_with_reset(c);
    }
}
