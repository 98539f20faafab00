/* The request's direction of a stream. */
#include "http/h2_stream.h"

#include "http/reply.h"

/* Beyond so many times the limit of a head nothing is worth an answer. */
#define HARD_LIMIT_FACTOR 4

static struct timer_wheel *wheel(struct h2_stream *st)
{
    return &st->h->stream->loop->timers;
}

/* ---- time ---- */

void h2_stream_watch(struct h2_stream *st)
{
    const struct config_timeouts *t = &st->h->server->timeouts;
    uint32_t ms = 0;
    if (st->blocked)
        ms = t->send_ms;
    else if (!st->head_complete)
        ms = t->request_head_ms;
    else if (!st->ex->request_complete && !st->ex->tunnel && !st->body_paused)
        ms = t->request_body_ms;
    st->taken_bytes = 0;
    st->taken_before = st->h->taken_bytes;
    if (ms)
        timer_set(wheel(st), &st->timer, ms);
    else
        timer_stop(&st->timer);
}

/* A stream whose own window is shut answers for itself. Others wait for the window of all, and for
 * their turn, as long as any of them gets on: of many on a slow line most have to. A full socket is
 * the connection's affair. */
static bool takes_enough(const struct h2_stream *st)
{
    struct h2_server *h = st->h;
    uint32_t enough = send_pace_bytes(&h->server->timeouts);
    if (h->blocked)
        return true;
    if (nghttp2_session_get_stream_remote_window_size(h->session, st->id) <= 0)
        return st->taken_bytes >= enough;
    return h->taken_bytes - st->taken_before >= enough;
}

/* Bodies that wait for their backends may have filled the window of all. */
static bool may_send(const struct h2_stream *st)
{
    return nghttp2_session_get_local_window_size(st->h->session) > 0;
}

static void body_timed_out(struct h2_stream *st)
{
    struct exchange *ex = st->ex;
    if (!may_send(st)) {
        body_pace_begin(&ex->pace, ex->bytes_in, ex->loop->now_us);
        h2_stream_watch(st);
        return;
    }
    if (ex->response_begun) {
        h2_stream_reset(st, NGHTTP2_CANCEL, CLOSE_CLIENT_TIMEOUT);
        return;
    }
    st->body_paused = true; /* what still comes is for nobody */
    reply_error(ex, ERROR_PAGE_REQUEST_TIMEOUT);
}

static void on_timer(struct timer *t)
{
    struct h2_stream *st = CONTAINER_OF(t, struct h2_stream, timer);
    if (st->blocked && (h2_answer_is_held_back(st) || takes_enough(st)))
        h2_stream_watch(st);
    else if (!st->blocked && st->head_complete)
        body_timed_out(st);
    else if (st->head_complete)
        h2_stream_reset(st, NGHTTP2_CANCEL, CLOSE_CLIENT_TIMEOUT);
    else /* in the middle of a header block nothing else can come */
        h2_server_end(st->h, NGHTTP2_ENHANCE_YOUR_CALM, CLOSE_CLIENT_TIMEOUT);
}

/* ---- life ---- */

static void run_proceed(struct defer *d);

struct h2_stream *h2_stream_new(struct h2_server *h, int32_t id)
{
    struct http_server *s = h->server;
    /* As in HTTP/1.1: head, trailers, those of the answer; the stages. */
    struct exchange *ex = exchange_new(h->stream->loop, 6ul * s->limits.head_bytes + 512 * 1024);
    if (!ex)
        return NULL;
    ex->client = h->client;
    struct h2_stream *st = arena_zalloc(&ex->arena, sizeof(*st));
    if (!st) {
        exchange_close(ex, CLOSE_NO_MEMORY);
        return NULL;
    }
    *st = (struct h2_stream){ .h = h, .ex = ex, .id = id };
    list_push_back(&h->streams, &st->node);
    list_init(&st->queue);
    timer_init(&st->timer, on_timer);
    defer_init(&st->proceed, run_proceed);
    ex->transport = &h2_transport;
    ex->connection = st;
    ex->handler = s->handler;
    ex->handler_context = s->handler_context;
    ex->client_address = h->client->address;
    ex->started_us = h->stream->loop->now_us;
    ex->request.https = h->client->tls_version != NULL;
    ex->request.version_major = 2;
    reference_make(&h->stream->loop->random, ex->reference);
    nghttp2_session_set_stream_user_data(h->session, id, st);
    h2_server_count(h, 1);
    h2_stream_watch(st);
    return st;
}

void h2_stream_finish(struct h2_stream *st, enum close_reason reason)
{
    struct h2_server *h = st->h;
    nghttp2_session_set_stream_user_data(h->session, st->id, NULL);
    if (st->ahead.len) {
        nghttp2_session_consume_connection(h->session, st->ahead.len);
        h2_server_schedule(h);
    }
    timer_cancel(&st->timer);
    list_remove(&st->proceed.node);
    list_remove(&st->node);
    list_remove(&st->queue);
    buf_fini(&st->ahead);
    h2_answer_drop(st);
    exchange_close(st->ex, reason);
    h2_server_count(h, -1);
}

void h2_stream_reset(struct h2_stream *st, uint32_t code, enum close_reason reason)
{
    struct h2_server *h = st->h;
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, st->id, code);
    h2_stream_finish(st, reason);
    h2_server_schedule(h);
}

/* ---- the head ---- */

/* Every field counts: crumbs of cookies, pseudo-headers, repeated ones that cost the client a byte,
 * and trailers. */
static bool is_beyond(const struct h2_stream *st, uint32_t factor)
{
    const struct config_limits *l = &st->h->server->limits;
    return st->field_count > factor * l->header_count || st->field_bytes > factor * l->head_bytes;
}

static bool keep_field(struct h2_stream *st, struct slice name, struct slice value)
{
    struct exchange *ex = st->ex;
    name = arena_copy(&ex->arena, name);
    value = arena_copy(&ex->arena, value);
    if (!name.data || !value.data)
        return false;
    return st->head_complete ? h2_request_trailer(ex, &st->trailers, name, value)
                             : h2_request_field(ex, &st->pseudo, name, value);
}

bool h2_stream_field(struct h2_stream *st, struct slice name, struct slice value)
{
    st->field_count++;
    st->field_bytes += (uint32_t)(name.len + value.len + 4);
    if (is_beyond(st, HARD_LIMIT_FACTOR)) {
        st->h->is_flood = true;
        st->h->flood_kind = H2_FLOOD_FIELDS;
        return false;
    }
    if (is_beyond(st, 1)) {
        if (st->head_complete)
            return false; /* trailers: too late for an answer */
        st->head_too_large = true;
        return true;
    }
    return keep_field(st, name, value);
}

static void refuse(struct h2_stream *st, enum error_page_reason why)
{
    metrics_add(st->h->server->metrics, COUNTER_REQUESTS_INVALID, 1);
    st->body_paused = true;
    reply_error(st->ex, why);
}

static bool target_is_too_long(const struct h2_stream *st)
{
    return st->pseudo.path.len > st->h->server->limits.target_bytes;
}

static void end_body(struct h2_stream *st)
{
    struct exchange *ex = st->ex;
    if (ex->request_complete || ex->is_closed)
        return;
    ex->request_complete = true;
    h2_stream_watch(st);
    ex->handler->on_body_end(ex, st->trailers.count ? &st->trailers : NULL);
}

void h2_stream_head(struct h2_stream *st, bool ended)
{
    struct exchange *ex = st->ex;
    enum error_page_reason why = ERROR_PAGE_HEAD_TOO_LARGE;
    metrics_add(st->h->server->metrics, COUNTER_REQUESTS, 1);
    ex->started_us = ex->loop->now_us;
    body_pace_begin(&ex->pace, 0, ex->started_us);
    st->head_complete = true;
    st->h->begun = true;
    if (st->head_too_large || target_is_too_long(st) ||
        !h2_request_build(ex, &st->pseudo, ended, &why)) {
        ex->request_complete = ended;
        if (ex->request.method_name.len == 0)
            ex->request.method_name = st->pseudo.method;
        refuse(st, target_is_too_long(st) ? ERROR_PAGE_TARGET_TOO_LONG : why);
        return;
    }
    st->continue_due = ex->request.expect_continue;
    h2_stream_watch(st);
    ex->handler->on_request(ex);
    if (ex->is_closed)
        return;
    if (ended || ex->request.wants_upgrade)
        end_body(st); /* the other direction of a tunnel begins with the answer */
    else
        h2_stream_continue(st);
}

/* ---- the body ---- */

/* A tunnel's bytes may come before there is one; they wait for it. */
static bool wants_body(const struct h2_stream *st)
{
    return !st->body_paused && (st->ex->tunnel || !st->ex->request.wants_upgrade);
}

static void hand_up(struct h2_stream *st, struct slice data)
{
    struct h2_server *h = st->h;
    struct exchange *ex = st->ex;
    int32_t id = st->id;
    ex->bytes_in += data.len;
    if (!ex->tunnel &&
        !body_pace_is_kept(&ex->pace, &h->server->timeouts, ex->bytes_in, ex->loop->now_us))
        body_timed_out(st);
    else
        ex->handler->on_body(ex, data);
    nghttp2_session_consume(h->session, id, data.len);
}

void h2_stream_data(struct h2_stream *st, struct slice data)
{
    st->continue_due = false;
    if (!st->blocked)
        h2_stream_watch(st);
    if (wants_body(st) && st->ahead.len == 0) {
        hand_up(st, data);
        return;
    }
    if (st->ahead.cap == 0) /* the window bounds it, the cap is for our mistakes */
        buf_init(&st->ahead, 2ul * st->h->server->limits.http2_window_bytes);
    buf_append_slice(&st->ahead, data);
    if (!buf_ok(&st->ahead))
        h2_stream_reset(st, NGHTTP2_FLOW_CONTROL_ERROR, CLOSE_NO_MEMORY);
}

void h2_stream_end(struct h2_stream *st)
{
    st->body_ended = true;
    if (st->ahead.len == 0 && wants_body(st))
        end_body(st);
}

static void run_proceed(struct defer *d)
{
    struct h2_stream *st = CONTAINER_OF(d, struct h2_stream, proceed);
    struct h2_server *h = st->h;
    struct exchange *ex = st->ex;
    if (!wants_body(st))
        return;
    struct buf taken = st->ahead;
    st->ahead = (struct buf){ 0 };
    if (taken.len)
        hand_up(st, buf_slice(&taken));
    buf_fini(&taken);
    if (!ex->is_closed && st->body_ended && wants_body(st))
        end_body(st);
    h2_server_schedule(h);
}
