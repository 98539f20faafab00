#include "pipeline/submission_lookup.h"

#include "http/h1_write.h"
#include "pipeline/preface.h"
#include "pipeline/stage.h"
#include "pipeline/submission_reply.h"

struct submission_lookup {
    struct submission *submission; /* borrowed: we live in its arena */
    submission_lookup_fn on_found; /* NULL: it is over */
    struct upstream_conn *conn;    /* lent */
    struct timer timer;
    struct defer failed; /* no peer could be reached from within the start */
    struct slice head;
};

static const struct upstream_conn_handler lookup_handler;

static struct passage *passage_of_lookup(const struct submission_lookup *l)
{
    return l->submission->passage;
}

static void let_go(struct submission_lookup *l)
{
    timer_cancel(&l->timer);
    list_remove(&l->failed.node);
    upstream_conn_close(&l->conn);
}

static void finish(struct submission_lookup *l, enum submission_found found)
{
    submission_lookup_fn on_found = l->on_found;
    let_go(l);
    l->on_found = NULL;
    if (on_found)
        on_found(l->submission, found);
}

/* ---- the question ---- */

static size_t write_question(const struct submission_lookup *l, char *out, size_t size)
{
    const struct submission *s = l->submission;
    const struct passage *p = s->passage;
    struct h1_writer w = { .at = out, .end = out + size };
    h1_write(&w, SLICE("GET "));
    h1_write(&w, s->config->lookup);
    h1_write(&w, SLICE(" HTTP/1.1\r\n"));
    h1_write_field(&w, SLICE("Host"), p->ex->request.authority);
    h1_write(&w, SLICE("Idempotency-Key: \""));
    h1_write(&w, s->key);
    h1_write(&w, SLICE("\"\r\nX-Cong-Fence: "));
    h1_write_u64(&w, s->op.fence);
    h1_write(&w, SLICE("\r\n"));
    for (uint32_t i = 0; i < p->added.count; i++)
        h1_write_field(&w, header_name(&p->added.items[i]), header_value(&p->added.items[i]));
    h1_write_field(&w, SLICE("X-Request-ID"), slice_str(p->ex->reference));
    h1_write(&w, SLICE("\r\n"));
    return w.failed ? 0 : (size_t)(w.at - out);
}

static void on_connected(void *user)
{
    struct submission_lookup *l = user;
    struct passage *p = passage_of_lookup(l);
    struct h1_limits limits = { .head_bytes = p->upstream->config->response_head_bytes,
                                .header_count = p->snapshot->config->limits.header_count };
    char *out = p->ex->loop->scratch;
    size_t len = write_question(l, out, LOOP_SCRATCH_BYTES);
    if (len == 0 || !upstream_conn_expect(l->conn, &p->ex->arena, &limits, false)) {
        finish(l, SUBMISSION_UNCLEAR);
        return;
    }
    stream_write(upstream_conn_stream(l->conn), slice_of(out, len));
    timer_set(&p->ex->loop->timers, &l->timer, stage_proxy_response_timeout_ms(p));
}

/* ---- the answer ---- */

static void on_interim(void *user, const struct h1_head *head)
{
    (void)user, (void)head;
}

static void on_head(void *user, const struct h1_head *head)
{
    struct submission_lookup *l = user;
    struct submission *s = l->submission;
    s->op.status = head->status;
    l->head = submission_reply_head(&head->headers, &passage_of_lookup(l)->ex->arena);
    if (head->status != 200 && head->status != 404)
        finish(l, SUBMISSION_UNCLEAR);
}

static void on_body(void *user, struct slice data)
{
    struct submission_lookup *l = user;
    buf_append_slice(&l->submission->kept, data);
}

static void on_end(void *user, const struct headers *trailers)
{
    struct submission_lookup *l = user;
    struct submission *s = l->submission;
    (void)trailers;
    upstream_conn_release(&l->conn, true);
    if (s->op.status == 404) {
        buf_clear(&s->kept);
        finish(l, SUBMISSION_ABSENT);
        return;
    }
    s->op.whole = l->head.data && buf_ok(&s->kept) && s->kept.len <= SUBMISSION_BODY_MAX;
    s->op.head = s->op.whole ? l->head : (struct slice){ 0 };
    s->op.body = s->op.whole ? buf_slice(&s->kept) : (struct slice){ 0 };
    finish(l, SUBMISSION_FOUND);
}

static void on_failed(void *user, enum upstream_failure failure)
{
    (void)failure;
    finish(user, SUBMISSION_UNCLEAR);
}

static void on_flow(void *user)
{
    (void)user; /* the question is small */
}

static const struct upstream_conn_handler lookup_handler = {
    .on_connected = on_connected,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_failed = on_failed,
    .on_blocked = on_flow,
    .on_drained = on_flow,
};

static void on_timer(struct timer *t)
{
    finish(CONTAINER_OF(t, struct submission_lookup, timer), SUBMISSION_UNCLEAR);
}

static void run_failed(struct defer *d)
{
    finish(CONTAINER_OF(d, struct submission_lookup, failed), SUBMISSION_UNCLEAR);
}

struct submission_lookup *submission_lookup_begin(struct submission *s,
                                                  submission_lookup_fn on_found)
{
    struct passage *p = s->passage;
    struct submission_lookup *l = arena_zalloc(&p->ex->arena, sizeof(*l));
    if (!l)
        return NULL;
    l->submission = s;
    l->on_found = on_found;
    timer_init(&l->timer, on_timer);
    defer_init(&l->failed, run_failed);
    struct peer *peer = balancer_pick(&p->upstream->balancer, &(struct balancer_ask){ 0 });
    l->conn = peer ? upstream_conn_borrow(peer, p->pipeline->metrics, true, preface_of(p),
                                          &lookup_handler, l)
                   : NULL;
    if (l->conn)
        timer_set(&p->ex->loop->timers, &l->timer, p->upstream->config->connect_timeout_ms);
    else
        loop_defer(p->ex->loop, &l->failed);
    return l;
}

void submission_lookup_cancel(struct submission_lookup *l)
{
    if (!l)
        return;
    l->on_found = NULL;
    let_go(l);
}
