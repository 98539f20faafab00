/* The last stage: a peer answers.
 *
 *   CONNECTING -> REQUEST -> ANSWER -> DONE
 *        |           |  `--> TUNNEL -> DONE
 *        `-----------`--> CONNECTING      once more, on another peer, where that is safe
 *
 * A request is sent again only when nothing of it was sent, or when its method is idempotent (RFC
 * 9110 9.2.2) and no byte of its body or of an answer has passed. */
#include "http/h1_write.h"
#include "http/reply.h"
#include "pipeline/stage.h"
#include "pipeline/submission.h"

static const struct upstream_conn_handler proxy_conn_handler;

static void attempt(struct passage *p, const struct peer *except, bool fresh);

static struct timer_wheel *wheel(struct passage *p)
{
    return &p->ex->loop->timers;
}

static const struct config_upstream *upstream_config(const struct passage *p)
{
    return p->upstream->config;
}

uint32_t stage_proxy_response_timeout_ms(const struct passage *p)
{
    return p->route->response_timeout_ms ? p->route->response_timeout_ms
                                         : upstream_config(p)->response_timeout_ms;
}

static void drop_conn(struct passage *p)
{
    timer_cancel(&p->proxy.timer);
    upstream_conn_close(&p->proxy.conn);
    p->proxy.held = false;
    p->proxy.state = PROXY_DONE;
}

/* ---- failure ---- */

static bool is_idempotent(uint8_t method)
{
    return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_PUT ||
           method == HTTP_DELETE || method == HTTP_OPTIONS;
}

static bool may_retry(const struct passage *p, bool answer_begun)
{
    const struct proxy *x = &p->proxy;
    if (x->retries >= upstream_config(p)->retries || answer_begun)
        return false;
    if (p->submission)
        return x->nothing_sent || submission_may_resend(p);
    if (x->body_begun)
        return false;
    return x->nothing_sent || is_idempotent(p->ex->request.method);
}

/* Without another peer, one whose pooled connection merely was stale is worth a new connection. */
static bool try_again(struct passage *p, enum upstream_failure failure, bool stale)
{
    struct peer *failed = p->proxy.peer;
    bool alone = p->upstream->balancer.count < 2;
    if (alone && !(stale && failure == UPSTREAM_CLOSED))
        return false;
    p->proxy.retries++;
    submission_rewind(p);
    metrics_add(p->pipeline->metrics, COUNTER_UPSTREAM_RETRIES, 1);
    attempt(p, alone ? NULL : failed, true);
    return true;
}

static void give_up(struct passage *p, enum upstream_failure failure)
{
    static const enum error_page_reason pages[] = {
        [UPSTREAM_CONNECT] = ERROR_PAGE_UPSTREAM_CONNECT,
        [UPSTREAM_CLOSED] = ERROR_PAGE_UPSTREAM_CLOSED,
        [UPSTREAM_INVALID] = ERROR_PAGE_UPSTREAM_INVALID,
        [UPSTREAM_TIMED_OUT] = ERROR_PAGE_UPSTREAM_TIMEOUT,
    };
    static const enum close_reason reasons[] = {
        [UPSTREAM_CONNECT] = CLOSE_UPSTREAM_ABORTED,
        [UPSTREAM_CLOSED] = CLOSE_UPSTREAM_ABORTED,
        [UPSTREAM_INVALID] = CLOSE_UPSTREAM_INVALID,
        [UPSTREAM_TIMED_OUT] = CLOSE_UPSTREAM_TIMEOUT,
    };
    if (submission_failed(p))
        return;
    if (p->ex->response_begun)
        exchange_abort(p->ex, reasons[failure]);
    else
        reply_error(p->ex, pages[failure]);
}

static void failed(struct passage *p, enum upstream_failure failure)
{
    struct upstream_conn *c = p->proxy.conn;
    bool answer_begun = c && c->answer_begun;
    bool stale = c && c->reused;
    drop_conn(p);
    if (may_retry(p, answer_begun) && try_again(p, failure, stale))
        return;
    give_up(p, failure);
}

void stage_proxy_fail(struct passage *p)
{
    failed(p, UPSTREAM_CLOSED);
}

static void on_timer(struct timer *t)
{
    struct passage *p = CONTAINER_OF(t, struct passage, proxy.timer);
    if (p->proxy.state == PROXY_TUNNEL) {
        drop_conn(p);
        exchange_send_end(p->ex, NULL);
        return;
    }
    if (p->proxy.state == PROXY_CONNECTING)
        metrics_add(p->pipeline->metrics, COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
    series_peer_count(p->proxy.peer->series, SERIES_PEER_FAILURE);
    failed(p, UPSTREAM_TIMED_OUT);
}

/* ---- the request ---- */

static bool write_head(struct passage *p)
{
    struct exchange *ex = p->ex;
    const struct config_upstream *config = upstream_config(p);
    struct h1_limits limits = { .head_bytes = config->response_head_bytes,
                                .header_count = p->snapshot->config->limits.header_count };
    bool to_head = ex->request.method == HTTP_HEAD;
    if (!upstream_conn_expect(p->proxy.conn, &ex->arena, &limits, to_head))
        return false;
    char client[ADDRESS_TEXT_BYTES];
    struct h1_forward forward = {
        .target = ex->request.forward,
        .forwarded_for = p->forwarded_for,
        .client = slice_of(client, address_format(&ex->client->address, client)),
        .added = &p->added,
        .upgrade = ex->request.wants_upgrade,
    };
    char *out = ex->loop->scratch;
    size_t len = h1_write_request_head(out, LOOP_SCRATCH_BYTES, ex, &forward);
    if (len == 0)
        return false;
    stream_write(upstream_conn_stream(p->proxy.conn), slice_of(out, len));
    return true;
}

/* The answer to a submission is taken for the record, whoever reads it. */
static bool is_held_back(const struct passage *p)
{
    return p->proxy.client_blocked && (!p->submission || p->ex->response_begun);
}

static bool answer_is_awaited(const struct passage *p)
{
    return p->proxy.state == PROXY_ANSWER ||
           (p->proxy.state == PROXY_REQUEST && p->proxy.request_ended);
}

/* While the client takes nothing the peer has to wait, and is not to blame: the codec times that.
 */
static void touch_answer(struct passage *p)
{
    if (!is_held_back(p) && answer_is_awaited(p))
        timer_set(wheel(p), &p->proxy.timer,
                  p->proxy.state == PROXY_ANSWER ? upstream_config(p)->idle_timeout_ms
                                                 : stage_proxy_response_timeout_ms(p));
}

static void send_request(struct passage *p)
{
    p->proxy.state = PROXY_CONNECTED;
    if (!submission_may_send(p))
        return;
    exchange_resume_body(p->ex); /* first: writing the head may hold it back again */
    if (!write_head(p)) {
        drop_conn(p);
        if (!submission_failed(p))
            reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
        return;
    }
    p->proxy.state = PROXY_REQUEST;
    p->proxy.nothing_sent = false;
    p->ex->request_forwarded = true;
    if (is_held_back(p))
        stream_pause(upstream_conn_stream(p->proxy.conn));
    touch_answer(p);
    submission_feed(p);
}

void stage_proxy_proceed(struct passage *p)
{
    if (p->proxy.state == PROXY_CONNECTED)
        send_request(p);
}

static void attempt(struct passage *p, const struct peer *except, bool fresh)
{
    struct proxy *x = &p->proxy;
    x->peer = p->affinity ? balancer_pick_for(&p->upstream->balancer, p->affinity, except)
                          : balancer_pick(&p->upstream->balancer, except);
    x->nothing_sent = true;
    x->attempt_us = p->ex->loop->now_us;
    x->conn =
        x->peer ? upstream_conn_borrow(x->peer, p->pipeline->metrics, fresh, &proxy_conn_handler, p)
                : NULL;
    if (!x->conn) {
        failed(p, UPSTREAM_CONNECT);
        return;
    }
    x->reused = x->conn->reused;
    if (x->reused) {
        send_request(p);
        return;
    }
    x->state = PROXY_CONNECTING;
    timer_set(wheel(p), &x->timer, upstream_config(p)->connect_timeout_ms);
    if (!x->request_ended)
        exchange_pause_body(p->ex);
}

static enum stage_verdict on_request(struct passage *p)
{
    timer_init(&p->proxy.timer, on_timer);
    p->proxy.request_ended = p->ex->request.body == BODY_NONE;
    attempt(p, NULL, submission_wants_fresh(p));
    return STAGE_WAIT;
}

static void on_connected(void *user)
{
    struct passage *p = user;
    p->connect_us = (int64_t)(p->ex->loop->now_us - p->proxy.attempt_us);
    timer_stop(&p->proxy.timer);
    send_request(p);
}

static void touch_tunnel(struct passage *p)
{
    timer_set(wheel(p), &p->proxy.timer, p->route->websocket_idle_ms);
}

static void on_request_body(struct passage *p, struct slice data)
{
    struct proxy *x = &p->proxy;
    if (!x->conn)
        return;
    struct stream *s = upstream_conn_stream(x->conn);
    x->body_begun = true;
    if (x->state == PROXY_TUNNEL) {
        touch_tunnel(p);
        stream_write(s, data);
        return;
    }
    if (x->state == PROXY_ANSWER)
        touch_answer(p); /* it answers and reads at the same time */
    if (p->ex->request.body != BODY_CHUNKED) {
        stream_write(s, data);
        return;
    }
    char head[H1_CHUNK_HEAD_BYTES];
    stream_write(s, slice_of(head, h1_write_chunk_head(head, data.len)));
    stream_write(s, data);
    stream_write(s, SLICE("\r\n"));
}

static void on_request_end(struct passage *p, const struct headers *trailers)
{
    struct proxy *x = &p->proxy;
    if (!x->conn || (x->request_ended && x->state != PROXY_TUNNEL))
        return;
    struct stream *s = upstream_conn_stream(x->conn);
    if (x->state == PROXY_TUNNEL) {
        stream_shutdown(s); /* the client's side of the tunnel ended */
        return;
    }
    if (p->ex->request.body == BODY_CHUNKED) {
        char *out = p->ex->loop->scratch;
        size_t len = h1_write_last_chunk(out, LOOP_SCRATCH_BYTES, trailers);
        x->body_begun = true; /* even an empty body has an end, which is not sent twice */
        stream_write(s, slice_of(out, len));
    }
    x->request_ended = true;
    touch_answer(p);
}

/* ---- the answer ---- */

static void on_interim(void *user, const struct h1_head *head)
{
    struct passage *p = user;
    /* 100 is between the gateway and each side; the client got its own. */
    if (head->status != 100)
        exchange_send_interim(p->ex, head->status, &head->headers);
}

static void begin_tunnel(struct passage *p)
{
    p->proxy.state = PROXY_TUNNEL;
    p->proxy.tunnel = true;
    touch_tunnel(p);
    metrics_add(p->pipeline->metrics, COUNTER_TUNNELS, 1);
    metrics_gauge_increment(p->pipeline->metrics, GAUGE_TUNNELS_OPEN);
}

static bool is_upgrade_asked_for(const struct exchange *ex, const struct h1_head *head)
{
    return ex->request.wants_upgrade &&
           slice_eq_nocase(headers_value(&head->headers, HEADER_UPGRADE), ex->request.upgrade);
}

/* The fields lie in the event's input: whoever waits needs a copy. */
static void hold(struct passage *p)
{
    if (!headers_keep(&p->ex->response.headers, &p->ex->arena)) {
        drop_conn(p);
        reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
        return;
    }
    p->proxy.held = true;
    timer_stop(&p->proxy.timer);
    if (p->proxy.conn && !p->proxy.conn->held)
        upstream_conn_hold(p->proxy.conn);
}

/* The head, and what has been kept behind it. */
static void send_answer(struct passage *p)
{
    struct proxy *x = &p->proxy;
    exchange_send_head(p->ex);
    submission_send_kept(p);
    if (!x->conn || !x->conn->held)
        return;
    touch_answer(p);
    upstream_conn_unhold(x->conn);
    if (x->conn && !x->client_blocked)
        stream_resume(upstream_conn_stream(x->conn));
}

void stage_proxy_release(struct passage *p)
{
    if (!p->proxy.held)
        return;
    p->proxy.held = false;
    send_answer(p);
}

void stage_proxy_offer(struct passage *p)
{
    switch (pipeline_answer(p)) {
    case STAGE_NEXT:
        send_answer(p);
        break;
    case STAGE_WAIT:
        hold(p);
        break;
    default:
        break;
    }
}

static void on_head(void *user, const struct h1_head *head)
{
    struct passage *p = user;
    struct exchange *ex = p->ex;
    if (head->status == 101 && !is_upgrade_asked_for(ex, head)) {
        failed(p, UPSTREAM_INVALID);
        return;
    }
    p->response_us = (int64_t)(ex->loop->now_us - p->proxy.attempt_us);
    ex->response.status = head->status;
    ex->response.headers = head->headers;
    ex->response.has_content_length = head->has_content_length;
    ex->response.content_length = head->content_length;
    ex->response.body = head->body == BODY_UNTIL_CLOSE ? BODY_CHUNKED : head->body;
    if (head->status == 101) {
        begin_tunnel(p);
        exchange_send_head(ex);
        return;
    }
    p->proxy.state = PROXY_ANSWER;
    touch_answer(p);
    if (!submission_takes_head(p))
        stage_proxy_offer(p);
}

static void on_body(void *user, struct slice data)
{
    struct passage *p = user;
    if (p->proxy.state == PROXY_TUNNEL)
        touch_tunnel(p);
    else
        touch_answer(p);
    if (!submission_takes_body(p, data))
        exchange_send_body(p->ex, data);
}

static void on_end(void *user, const struct headers *trailers)
{
    struct passage *p = user;
    timer_cancel(&p->proxy.timer);
    upstream_conn_release(&p->proxy.conn, p->proxy.request_ended);
    if (p->proxy.state != PROXY_TUNNEL)
        p->proxy.state = PROXY_DONE;
    if (!submission_takes_end(p))
        exchange_send_end(p->ex, trailers);
}

static void on_failed(void *user, enum upstream_failure failure)
{
    struct passage *p = user;
    if (p->proxy.state == PROXY_TUNNEL) {
        drop_conn(p);
        exchange_send_end(p->ex, NULL);
        return;
    }
    failed(p, failure);
}

/* ---- back-pressure ---- */

/* The peer takes no more of the body: it has its idle timeout to go on. */
static void on_conn_blocked(void *user)
{
    struct passage *p = user;
    submission_block(p, true);
    exchange_pause_body(p->ex);
    if (p->proxy.state == PROXY_REQUEST)
        timer_set(wheel(p), &p->proxy.timer, upstream_config(p)->idle_timeout_ms);
}

static void on_conn_drained(void *user)
{
    struct passage *p = user;
    if (p->proxy.state == PROXY_REQUEST) {
        timer_stop(&p->proxy.timer);
        touch_answer(p);
    }
    exchange_resume_body(p->ex);
    submission_block(p, false);
    submission_feed(p);
}

/* The client takes no more of the answer, or will take none. */
void stage_proxy_on_blocked(struct passage *p)
{
    p->proxy.client_blocked = true;
    if (!p->proxy.conn || !is_held_back(p))
        return;
    stream_pause(upstream_conn_stream(p->proxy.conn));
    if (answer_is_awaited(p))
        timer_stop(&p->proxy.timer);
}

void stage_proxy_on_drained(struct passage *p)
{
    p->proxy.client_blocked = false;
    if (!p->proxy.conn || p->proxy.held)
        return;
    stream_resume(upstream_conn_stream(p->proxy.conn));
    touch_answer(p);
}

void stage_proxy_drop(struct passage *p)
{
    if (p->proxy.state == PROXY_NONE)
        return;
    if (p->proxy.tunnel)
        metrics_gauge_decrement(p->pipeline->metrics, GAUGE_TUNNELS_OPEN);
    p->proxy.tunnel = false;
    drop_conn(p);
}

static const struct upstream_conn_handler proxy_conn_handler = {
    .on_connected = on_connected,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_failed = on_failed,
    .on_blocked = on_conn_blocked,
    .on_drained = on_conn_drained,
};

const struct stage stage_proxy = {
    .name = "proxy",
    .on_request = on_request,
    .on_body = on_request_body,
    .on_body_end = on_request_end,
    .on_leave = stage_proxy_drop,
};
