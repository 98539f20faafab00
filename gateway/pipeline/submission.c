#include "pipeline/submission.h"

#include "common/log.h"
#include "http/reply.h"
#include "pipeline/stage.h"
#include "pipeline/submission_lookup.h"
#include "pipeline/submission_reply.h"

#define LEASE_MARGIN_MS 10000 /* beyond the time that a backend has to answer */

static struct store *store_of(struct submission *s)
{
    return s->passage->pipeline->store;
}

static void hold(struct submission *s)
{
    exchange_hold(s->passage->ex);
    list_push_back(&s->passage->pipeline->held, &s->node);
}

static void let_go(struct submission *s)
{
    list_remove(&s->node);
    exchange_let_go(s->passage->ex);
}

/* Nothing was sent: whoever asks again may begin at once. */
static void give_back(struct submission *s)
{
    store_op_cancel(&s->op.op);
    if (submissions_release(store_of(s), &s->op) == STORE_PENDING)
        store_op_cancel(&s->op.op); /* it has been asked; nobody waits for it */
}

/* ---- before the first byte ---- */

static void refuse(struct submission *s, void (*tell)(struct submission *))
{
    struct passage *p = s->passage;
    give_back(s);
    s->phase = SUBMISSION_OVER;
    stage_proxy_drop(p);
    tell(s);
    let_go(s);
}

/* The store has answered whether it may be sent. */
static bool recorded(struct submission *s)
{
    if (s->op.verdict != SUBMISSION_DONE) {
        bool taken = s->op.verdict == SUBMISSION_LOST;
        refuse(s, taken ? submission_reply_busy : submission_reply_unavailable);
        return false;
    }
    if (s->op.unconfirmed)
        log_write(LOG_WARN,
                  "submission %s on route %s: no replica of Redis has confirmed it yet; "
                  "a failover now may forget it",
                  s->passage->ex->reference, s->passage->route->name);
    s->phase = SUBMISSION_SENT;
    s->outcome = "sent";
    metrics_add(s->passage->pipeline->metrics, COUNTER_SUBMISSIONS_SENT, 1);
    return true;
}

static void on_recorded(struct store_op *op)
{
    struct submission *s = CONTAINER_OF(op, struct submission, op.op);
    if (recorded(s))
        stage_proxy_proceed(s->passage);
}

static bool record(struct submission *s)
{
    const struct passage *p = s->passage;
    s->phase = SUBMISSION_RECORDING;
    s->op.lease_ms = stage_proxy_response_timeout_ms(p) + LEASE_MARGIN_MS;
    s->op.ttl_ms = s->config->keep_unknown_ms;
    s->op.op.on_done = on_recorded;
    hold(s);
    return submissions_sent(store_of(s), &s->op) == STORE_DONE && recorded(s);
}

bool submission_may_send(struct passage *p)
{
    struct submission *s = p->submission;
    if (!s)
        return true;
    s->resent = p->ex->request_forwarded;
    if (s->phase == SUBMISSION_SENT || s->phase == SUBMISSION_UNRECORDED)
        return true;
    return s->phase == SUBMISSION_OWNED && record(s);
}

bool submission_may_resend(const struct passage *p)
{
    const struct submission *s = p->submission;
    return s && s->key.len && s->config->backend == CONFIG_SUBMISSION_DEDUP &&
           (s->phase == SUBMISSION_SENT || s->phase == SUBMISSION_UNRECORDED) && s->kept.len == 0;
}

bool submission_wants_fresh(const struct passage *p)
{
    const struct submission *s = p->submission;
    return s && !(s->key.len && s->config->backend == CONFIG_SUBMISSION_DEDUP);
}

/* ---- how it ended ---- */

static void tell_operators(const struct submission *s)
{
    const struct passage *p = s->passage;
    metrics_add(p->pipeline->metrics, COUNTER_SUBMISSIONS_UNKNOWN, 1);
    if (s->config->backend != CONFIG_SUBMISSION_DEDUP)
        log_write(LOG_WARN,
                  "submission %s on route %s was sent to %s, and it is not known how it ended",
                  p->ex->reference, p->route->name,
                  p->proxy.peer ? p->proxy.peer->address_text : "a backend");
}

static void after_closing(struct submission *s)
{
    struct passage *p = s->passage;
    s->phase = SUBMISSION_OVER;
    if (p->ex->is_closed)
        stage_proxy_drop(p);
    else if (s->ending == SUBMISSION_IN_THE_DARK)
        submission_reply_in_the_dark(s);
    else
        stage_proxy_offer(p);
    let_go(s);
}

static void on_record_closed(struct store_op *op)
{
    after_closing(CONTAINER_OF(op, struct submission, op.op));
}

static enum store_result complete(struct submission *s)
{
    struct exchange *ex = s->passage->ex;
    s->op.status = ex->response.status;
    s->op.ttl_ms = s->config->keep_ms;
    s->op.head = submission_reply_head(&ex->response.headers, &ex->arena);
    s->op.body = buf_slice(&s->kept);
    s->op.whole = s->answer_complete && s->op.head.data && s->kept.len <= SUBMISSION_BODY_MAX;
    if (!s->op.whole)
        s->op.head = s->op.body = (struct slice){ 0 };
    return submissions_complete(store_of(s), &s->op);
}

static enum store_result doubt(struct submission *s)
{
    tell_operators(s);
    return submissions_doubt(store_of(s), &s->op);
}

/* Whatever the store says: the answer is true, and goes out. */
static void close_record(struct submission *s)
{
    static enum store_result (*const endings[])(struct submission *) = {
        [SUBMISSION_ANSWER] = complete,
        [SUBMISSION_LEFT_OPEN] = doubt,
        [SUBMISSION_IN_THE_DARK] = doubt,
    };
    s->phase = SUBMISSION_CLOSING;
    s->op.op.on_done = on_record_closed;
    s->op.ttl_ms = s->config->keep_unknown_ms;
    enum store_result result = s->ending == SUBMISSION_ASKED_AGAIN
                                   ? submissions_release(store_of(s), &s->op)
                                   : endings[s->ending](s);
    if (result == STORE_DONE)
        after_closing(s);
}

/* ---- the answer ---- */

/* 429, and 503 with Retry-After, ask for the same request once more, which nobody does who has
 * carried it out (RFC 9110 15.6.4, RFC 6585 4). What a gateway behind us says of its own backend,
 * 502 and 504, tells nothing. A backend that stores a key once may be asked again after any
 * failure. Who wants to be asked again speaks for itself, not for the peer that had it before. */
static enum submission_ending ending_of(const struct submission *s)
{
    const struct response *r = &s->passage->ex->response;
    bool again = r->status == 429 ||
                 (r->status == 503 && headers_find(&r->headers, HEADER_RETRY_AFTER) != NULL);
    if (again)
        return s->resent ? SUBMISSION_LEFT_OPEN : SUBMISSION_ASKED_AGAIN;
    if (s->config->backend == CONFIG_SUBMISSION_DEDUP)
        return r->status >= 500 ? SUBMISSION_LEFT_OPEN : SUBMISSION_ANSWER;
    return r->status == 502 || r->status == 504 ? SUBMISSION_IN_THE_DARK : SUBMISSION_ANSWER;
}

bool submission_takes_head(struct passage *p)
{
    struct submission *s = p->submission;
    if (!s || s->phase != SUBMISSION_SENT)
        return false;
    if (!headers_keep(&p->ex->response.headers, &p->ex->arena)) {
        stage_proxy_fail(p);
        return true;
    }
    s->ending = ending_of(s);
    return true;
}

bool submission_takes_body(struct passage *p, struct slice data)
{
    struct submission *s = p->submission;
    if (!s || s->phase != SUBMISSION_SENT)
        return false;
    buf_append_slice(&s->kept, data);
    if (!buf_ok(&s->kept)) {
        stage_proxy_fail(p);
    } else if (s->kept.len > SUBMISSION_BODY_MAX) {
        /* Too long to be kept: what it is, the head has said. */
        upstream_conn_hold(p->proxy.conn);
        timer_stop(&p->proxy.timer);
        close_record(s);
    }
    return true;
}

bool submission_takes_end(struct passage *p)
{
    struct submission *s = p->submission;
    if (!s || s->phase != SUBMISSION_SENT)
        return false;
    s->answer_complete = true;
    close_record(s);
    return true;
}

bool submission_failed(struct passage *p)
{
    struct submission *s = p->submission;
    if (!s)
        return false;
    switch (s->phase) {
    case SUBMISSION_OWNED:
    case SUBMISSION_RECORDING:
        refuse(s, submission_reply_unavailable);
        return true;
    case SUBMISSION_SENT:
        /* Of any attempt, not of the last one. */
        if (!p->ex->request_forwarded) {
            refuse(s, submission_reply_unavailable);
            return true;
        }
        s->ending = SUBMISSION_IN_THE_DARK;
        close_record(s);
        return true;
    case SUBMISSION_CLOSING:
        s->cut_off = true;
        return true;
    default:
        return false;
    }
}

void submission_send_kept(struct passage *p)
{
    struct submission *s = p->submission;
    if (!s || s->phase != SUBMISSION_OVER)
        return;
    if (s->kept.len)
        exchange_send_body(p->ex, buf_slice(&s->kept));
    buf_fini(&s->kept);
    if (s->answer_complete)
        exchange_send_end(p->ex, NULL);
    else if (s->cut_off)
        exchange_abort(p->ex, CLOSE_UPSTREAM_ABORTED);
}

/* ---- the end ---- */

void submission_abandon(struct submission *s)
{
    struct passage *p = s->passage;
    exchange_close(p->ex, CLOSE_SHUTDOWN);
    stage_proxy_drop(p);
    let_go(s);
}

void submission_leave(struct submission *s)
{
    submission_lookup_cancel(s->lookup);
    if (s->phase == SUBMISSION_OWNED || s->phase == SUBMISSION_RECORDING ||
        s->phase == SUBMISSION_ASKING)
        give_back(s);
    store_op_cancel(&s->op.op);
    list_remove(&s->node);
    digest_stream_free(&s->digest);
    buf_fini(&s->kept);
}
