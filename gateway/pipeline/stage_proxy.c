/* The last stage: a peer answers.
 *
 *   QUEUED -> CONNECTING -> REQUEST -> ANSWER -> DONE
 *     |            |           |  `--> TUNNEL -> DONE
 *     |            `-----------`--> CONNECTING      once more, on another peer, where that is safe
 *     `-> DONE     no slot becomes free
 *
 * It holds a slot of its gates (upstream/gate.h) from QUEUED to ANSWER, while the backend has the
 * word. */
#include "http/h1_write.h"
#include "http/reply.h"
#include "pipeline/preface.h"
#include "pipeline/proxy.h"
#include "pipeline/proxy_peer.h"
#include "pipeline/read_ahead.h"
#include "pipeline/stage.h"
#include "pipeline/submission.h"
#include "pipeline/upload.h"

static const struct upstream_conn_handler proxy_conn_handler;

static void attempt(struct passage *p, const struct peer *except, bool fresh);

uint32_t stage_proxy_response_timeout_ms(const struct passage *p)
{
    return p->route->response_timeout_ms ? p->route->response_timeout_ms
                                         : p->upstream->config->response_timeout_ms;
}

void proxy_drop_conn(struct passage *p)
{
    timer_cancel(&p->proxy.timer);
    upstream_conn_close(&p->proxy.conn);
    p->proxy.held = false;
    p->proxy.state = PROXY_DONE;
}

/* ---- failure ---- */

static void try_again(struct passage *p)
{
    const struct peer *failed = proxy_has_other_peers(p) ? p->proxy.peer : NULL;
    p->proxy.retries++;
    upload_rewind(p);
    metrics_add(p->pipeline->metrics, COUNTER_UPSTREAM_RETRIES, 1);
    proxy_backend_has_the_word(p);
    attempt(p, failed, true);
}

void proxy_failed(struct passage *p, enum upstream_failure failure)
{
    const struct upstream_conn *c = p->proxy.conn;
    struct proxy_failure f = { .what = failure,
                               .answer_begun = c && c->answer_begun,
                               .stale = c && c->reused };
    proxy_drop_conn(p);
    if (proxy_may_retry(p, &f))
        try_again(p);
    else
        proxy_give_up(p, failure);
}

void stage_proxy_fail(struct passage *p)
{
    proxy_failed(p, UPSTREAM_CLOSED);
}

static void on_timer(struct timer *t)
{
    struct passage *p = CONTAINER_OF(t, struct passage, proxy.timer);
    if (p->proxy.state == PROXY_TUNNEL) {
        proxy_drop_conn(p);
        exchange_send_end(p->ex, NULL);
        return;
    }
    if (p->proxy.state == PROXY_CONNECTING)
        metrics_add(p->pipeline->metrics, COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
    series_peer_count(p->proxy.peer->series, SERIES_PEER_FAILURE);
    proxy_peer_failed(p, UPSTREAM_TIMED_OUT);
    proxy_failed(p, UPSTREAM_TIMED_OUT);
}

/* ---- the request ---- */

static bool write_head(struct passage *p)
{
    struct exchange *ex = p->ex;
    const struct config_upstream *config = p->upstream->config;
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
        .deadline_name = config->deadline_header,
        .deadline_ms = proxy_answer_ms(p),
        .upgrade = ex->request.wants_upgrade,
    };
    char *out = ex->loop->scratch;
    size_t len = h1_write_request_head(out, LOOP_SCRATCH_BYTES, ex, &forward);
    if (len == 0)
        return false;
    stream_write(upstream_conn_stream(p->proxy.conn), slice_of(out, len));
    return true;
}

static void send_request(struct passage *p)
{
    p->proxy.state = PROXY_CONNECTED;
    if (!submission_may_send(p))
        return;
    exchange_resume_body(p->ex); /* first: writing the head may hold it back again */
    if (!write_head(p)) {
        proxy_drop_conn(p);
        if (!submission_failed(p))
            reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
        return;
    }
    p->proxy.state = PROXY_REQUEST;
    p->proxy.nothing_sent = false;
    p->ex->request_forwarded = true;
    if (p->proxy.request_ended)
        proxy_peer_sent(p);
    else
        proxy_client_has_the_word(p);
    if (proxy_is_held_back(p)) {
        stream_pause(upstream_conn_stream(p->proxy.conn));
        proxy_client_takes_nothing(p);
    }
    proxy_touch_answer(p);
    upload_feed(p);
}

void stage_proxy_proceed(struct passage *p)
{
    if (p->proxy.state == PROXY_CONNECTED)
        send_request(p);
}

static void attempt(struct passage *p, const struct peer *except, bool fresh)
{
    struct proxy *x = &p->proxy;
    struct peer *peer = proxy_peer_pick(p, except, proxy_may_fail(p));
    if (!peer && x->retries == 0) {
        gate_turn_away(&x->pass, GATE_SHED_FULL); /* all have as many connections as they may */
        proxy_shed(p, GATE_SHED_FULL);
        return;
    }
    x->nothing_sent = true;
    x->conn = peer ? upstream_conn_borrow(peer, p->pipeline->metrics, fresh, preface_of(p),
                                          &proxy_conn_handler, p)
                   : NULL;
    if (!x->conn) {
        proxy_failed(p, UPSTREAM_CONNECT);
        return;
    }
    x->reused = x->conn->reused;
    if (x->reused) {
        send_request(p);
        return;
    }
    x->state = PROXY_CONNECTING;
    timer_set(proxy_wheel(p), &x->timer,
              MIN(proxy_left_ms(p), p->upstream->config->connect_timeout_ms));
    if (!x->request_ended)
        exchange_pause_body(p->ex);
}

void proxy_begin(struct passage *p)
{
    attempt(p, NULL, submission_wants_fresh(p));
}

/* Whatever clients say under the name of a field of ours is not handed on. Of names that begin with
 * X-Cong- all are ours. */
static void drop_forged_deadline(struct passage *p)
{
    struct slice name = p->upstream->config->deadline_header, prefix = SLICE(HEADER_PREFIX_OURS);
    if (name.len < prefix.len || !slice_eq_nocase(slice_of(name.data, prefix.len), prefix))
        headers_remove(&p->ex->request.headers, name);
}

static enum stage_verdict on_request(struct passage *p)
{
    timer_init(&p->proxy.timer, on_timer);
    p->proxy.state = PROXY_QUEUED;
    drop_forged_deadline(p);
    if (p->ex->request.body == BODY_NONE)
        proxy_request_is_whole(p);
    switch (proxy_enter(p)) {
    case GATE_ENTERED:
        proxy_begin(p);
        return STAGE_WAIT;
    case GATE_WAITS:
        if (!p->proxy.request_ended)
            exchange_pause_body(p->ex);
        return STAGE_WAIT;
    default:
        return STAGE_ANSWERED;
    }
}

static void on_connected(void *user)
{
    struct passage *p = user;
    p->connect_us = (int64_t)(p->ex->loop->now_us - p->proxy.attempt_us);
    timer_stop(&p->proxy.timer);
    send_request(p);
}

static void on_request_body(struct passage *p, struct slice data)
{
    struct proxy *x = &p->proxy;
    if (!x->conn)
        return;
    struct stream *s = upstream_conn_stream(x->conn);
    x->body_begun = true;
    if (x->state == PROXY_TUNNEL) {
        proxy_touch_tunnel(p);
        stream_write(s, data);
        return;
    }
    if (x->state == PROXY_ANSWER)
        proxy_touch_answer(p); /* it answers and reads at the same time */
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
    proxy_request_is_whole(p);
    if (x->state == PROXY_REQUEST) {
        proxy_peer_sent(p);
        if (!proxy_is_held_back(p))
            proxy_backend_has_the_word(p);
    }
    proxy_touch_answer(p);
}

static void on_failed(void *user, enum upstream_failure failure)
{
    struct passage *p = user;
    if (p->proxy.state == PROXY_TUNNEL) {
        proxy_drop_conn(p);
        exchange_send_end(p->ex, NULL);
        return;
    }
    proxy_peer_failed(p, failure);
    proxy_failed(p, failure);
}

/* ---- back-pressure ---- */

/* The peer takes no more of the body: it has its idle timeout to go on. */
static void on_conn_blocked(void *user)
{
    struct passage *p = user;
    upload_block(p, true);
    exchange_pause_body(p->ex);
    if (p->proxy.state != PROXY_REQUEST)
        return;
    proxy_backend_has_the_word(p);
    timer_set(proxy_wheel(p), &p->proxy.timer, p->upstream->config->idle_timeout_ms);
}

static void on_conn_drained(void *user)
{
    struct passage *p = user;
    if (p->proxy.state == PROXY_REQUEST) {
        timer_stop(&p->proxy.timer);
        if (!p->proxy.request_ended)
            proxy_client_has_the_word(p);
        proxy_touch_answer(p);
    }
    exchange_resume_body(p->ex);
    upload_block(p, false);
    upload_feed(p);
}

/* The client takes no more of the answer, or will take none. */
void stage_proxy_on_blocked(struct passage *p)
{
    p->proxy.client_blocked = true;
    if (!p->proxy.conn || !proxy_is_held_back(p))
        return;
    stream_pause(upstream_conn_stream(p->proxy.conn));
    if (proxy_answer_is_awaited(p))
        timer_stop(&p->proxy.timer);
    if (p->proxy.state == PROXY_REQUEST)
        proxy_client_takes_nothing(p);
}

void stage_proxy_on_drained(struct passage *p)
{
    p->proxy.client_blocked = false;
    read_ahead_go_on(p);
    if (!p->proxy.conn || p->proxy.held || proxy_is_held_back(p))
        return;
    stream_resume(upstream_conn_stream(p->proxy.conn));
    if (p->proxy.state == PROXY_REQUEST && p->proxy.request_ended)
        proxy_backend_has_the_word(p);
    proxy_touch_answer(p);
}

void stage_proxy_drop(struct passage *p)
{
    if (p->proxy.state == PROXY_NONE)
        return;
    if (p->proxy.tunnel)
        metrics_gauge_decrement(p->pipeline->metrics, GAUGE_TUNNELS_OPEN);
    p->proxy.tunnel = false;
    proxy_peer_abandoned(p);
    proxy_note_abandoned(p);
    proxy_leave_gates(p);
    proxy_drop_conn(p);
}

static void on_leave(struct passage *p)
{
    stage_proxy_drop(p);
    read_ahead_drop(p);
}

static const struct upstream_conn_handler proxy_conn_handler = {
    .on_connected = on_connected,
    .on_interim = proxy_on_interim,
    .on_head = proxy_on_head,
    .on_body = proxy_on_body,
    .on_end = proxy_on_end,
    .on_failed = on_failed,
    .on_blocked = on_conn_blocked,
    .on_drained = on_conn_drained,
};

const struct stage stage_proxy = {
    .name = "proxy",
    .on_request = on_request,
    .on_body = on_request_body,
    .on_body_end = on_request_end,
    .on_leave = on_leave,
};
