/* The answer on its way through. */
#include "http/reply.h"
#include "pipeline/proxy.h"
#include "pipeline/proxy_peer.h"
#include "pipeline/read_ahead.h"
#include "pipeline/stage.h"
#include "pipeline/submission.h"

/* The answer to a submission is taken for the record, whoever reads it. */
bool proxy_is_held_back(const struct passage *p)
{
    if (p->proxy.reads_ahead)
        return read_ahead_is_stalled(p);
    return p->proxy.client_blocked && (!p->submission || p->ex->response_begun);
}

bool proxy_answer_is_awaited(const struct passage *p)
{
    return p->proxy.state == PROXY_ANSWER ||
           (p->proxy.state == PROXY_REQUEST && p->proxy.request_ended);
}

/* While the client takes nothing the peer has to wait, and is not to blame: the codec times that.
 */
void proxy_touch_answer(struct passage *p)
{
    if (!proxy_is_held_back(p) && proxy_answer_is_awaited(p))
        timer_set(proxy_wheel(p), &p->proxy.timer,
                  p->proxy.state == PROXY_ANSWER ? p->upstream->config->idle_timeout_ms
                                                 : proxy_answer_ms(p));
}

void proxy_touch_tunnel(struct passage *p)
{
    timer_set(proxy_wheel(p), &p->proxy.timer, p->route->websocket_idle_ms);
}

void proxy_on_interim(void *user, const struct h1_head *head)
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
    proxy_touch_tunnel(p);
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
        proxy_drop_conn(p);
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
    proxy_touch_answer(p);
    upstream_conn_unhold(x->conn);
    if (x->conn && !proxy_is_held_back(p))
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

void proxy_on_head(void *user, const struct h1_head *head)
{
    struct passage *p = user;
    struct exchange *ex = p->ex;
    if (head->status == 101 && !is_upgrade_asked_for(ex, head)) {
        proxy_peer_failed(p, UPSTREAM_INVALID);
        proxy_failed(p, UPSTREAM_INVALID);
        return;
    }
    p->response_us = (int64_t)(ex->loop->now_us - p->proxy.attempt_us);
    proxy_note_answer(p, head->status);
    ex->response.status = head->status;
    ex->response.headers = head->headers;
    ex->response.has_content_length = head->has_content_length;
    ex->response.content_length = head->content_length;
    ex->response.body = head->body == BODY_UNTIL_CLOSE ? BODY_CHUNKED : head->body;
    proxy_peer_answered(p);
    if (head->status == 101) {
        begin_tunnel(p);
        exchange_send_head(ex);
        return;
    }
    p->proxy.state = PROXY_ANSWER;
    p->proxy.reads_ahead = read_ahead_is_wanted(p);
    proxy_touch_answer(p);
    if (!submission_takes_head(p))
        stage_proxy_offer(p);
}

void proxy_on_body(void *user, struct slice data)
{
    struct passage *p = user;
    if (p->proxy.state == PROXY_TUNNEL)
        proxy_touch_tunnel(p);
    else
        proxy_touch_answer(p);
    if (!submission_takes_body(p, data))
        read_ahead_body(p, data);
}

void proxy_on_end(void *user, const struct headers *trailers)
{
    struct passage *p = user;
    timer_cancel(&p->proxy.timer);
    proxy_peer_finished(p);
    upstream_conn_release(&p->proxy.conn, p->proxy.request_ended);
    if (p->proxy.state != PROXY_TUNNEL)
        p->proxy.state = PROXY_DONE;
    if (!submission_takes_end(p))
        read_ahead_end(p, trailers);
}
