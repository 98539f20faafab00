/* States (the answer's side is in h1_answer.c):
 *
 *   IDLE -> READ_HEAD -> READ_BODY -> ANSWER -> IDLE
 *                 |          |          `----> TUNNEL    101 sent
 *                 |          `-> DISCARD -> IDLE         answered early, little body left
 *                 `--> LINGER -> CLOSING                 answered, and the connection is to end
 *   any -> CLOSING
 */
#include "http/h1_server.h"

#include "http/h1_request.h"
#include "http/reply.h"

/* How long a client may go on sending after an answer that ends the
 * connection: closing at once would make its kernel throw the answer away. */
#define LINGER_MS 5000

/* limits.pipeline says when reading stops; what one more event brings still fits. */
#define AHEAD_MAX_BYTES (16 * 1024 * 1024)

static const struct stream_handler h1_stream_handler;

static struct timer_wheel *wheel(struct h1_server *h)
{
    return &h->stream->loop->timers;
}

/* Each state has its wait; 0 where it is the handler's affair. */
static uint32_t wait_ms(const struct h1_server *h)
{
    const struct config_timeouts *t = &h->server->timeouts;
    switch (h->state) {
    case H1_IDLE:
        return t->keep_alive_ms;
    case H1_READ_HEAD:
        return t->request_head_ms;
    case H1_READ_BODY:
    case H1_DISCARD:
        return t->request_body_ms;
    case H1_LINGER:
        return LINGER_MS;
    case H1_CLOSING:
        return t->send_ms;
    default:
        return 0;
    }
}

/* While the client does not take what we send, that is the only thing waited for. */
static void watch(struct h1_server *h)
{
    uint32_t ms = h->blocked ? send_pace_begin(&h->pace, &h->server->timeouts) : wait_ms(h);
    if (ms)
        timer_set(wheel(h), &h->timer, ms);
    else
        timer_stop(&h->timer);
}

void h1_server_enter(struct h1_server *h, enum h1_state state)
{
    h->state = state;
    if (!h->blocked)
        watch(h);
}

void h1_server_close(struct h1_server *h, enum close_reason reason, bool hard)
{
    if (h->ex) {
        struct exchange *ex = h->ex;
        h->ex = NULL;
        exchange_close(ex, reason);
    }
    if (h->state == H1_CLOSING && !hard)
        return;
    h1_server_enter(h, H1_CLOSING);
    buf_fini(&h->ahead);
    if (hard) {
        stream_reset(h->stream);
        return;
    }
    stream_close(h->stream);
}

static void linger(struct h1_server *h)
{
    h1_server_enter(h, H1_LINGER);
    buf_fini(&h->ahead);
    stream_shutdown(h->stream);
    if (h->read_paused)
        stream_resume(h->stream);
}

static void become_idle(struct h1_server *h)
{
    h1_server_enter(h, H1_IDLE);
    if (h->server->draining && h->ahead.len == 0) {
        h1_server_close(h, CLOSE_NONE, false);
        return;
    }
    if (h->ahead.len && !h->blocked) /* else on_drained goes on from here */
        loop_defer(h->stream->loop, &h->proceed);
}

void h1_server_answered(struct h1_server *h)
{
    struct exchange *ex = h->ex;
    if (!ex->request_complete && !h->closing_after) {
        h1_server_enter(h, H1_DISCARD);
        h->body_paused = false;
        body_pace_go_on(&ex->pace, h->stream->loop->now_us);
        h1_server_proceed(h);
        return;
    }
    bool rest = h1_parser_expects_more(&ex->parser);
    h->ex = NULL;
    exchange_close(ex, CLOSE_NONE);
    if (!h->closing_after)
        become_idle(h);
    else if (rest || h->ahead.len || h->more_input)
        linger(h);
    else
        h1_server_close(h, CLOSE_NONE, false);
}

/* ---- requests ---- */

static bool begin_exchange(struct h1_server *h)
{
    struct http_server *s = h->server;
    struct h1_limits limits = { s->limits.head_bytes, s->limits.target_bytes,
                                s->limits.header_count };
    /* Head, its growth when it comes in pieces, trailers; the same of the answer; the stages. */
    struct exchange *ex = exchange_new(h->stream->loop, 6ul * limits.head_bytes + 512 * 1024);
    if (!ex) {
        h1_server_close(h, CLOSE_NO_MEMORY, true);
        return false;
    }
    ex->transport = &h1_transport;
    ex->connection = h;
    ex->handler = s->handler;
    ex->handler_context = s->handler_context;
    ex->client = h->client;
    ex->client_address = h->client->address;
    ex->started_us = h->stream->loop->now_us;
    ex->request.https = h->client->tls_version != NULL;
    ex->request.version_major = 1;
    reference_make(&h->stream->loop->random, ex->reference);
    h1_parser_init_request(&ex->parser, &ex->arena, &limits);
    h->ex = ex;
    h1_server_enter(h, H1_READ_HEAD);
    h->body_paused = h->continue_due = false;
    h->closing_after = s->draining || s->no_keep_alive;
    return true;
}

/* The exchange may be gone, and the state another, after any call to the handler. */
static void request_complete(struct h1_server *h)
{
    struct exchange *ex = h->ex;
    ex->request_complete = true;
    if (h->state == H1_DISCARD) {
        h1_server_answered(h);
        return;
    }
    h1_server_enter(h, H1_ANSWER);
    const struct headers *trailers = &ex->parser.trailers;
    ex->handler->on_body_end(ex, trailers->count ? trailers : NULL);
}

static void refuse(struct h1_server *h, enum error_page_reason reason)
{
    metrics_add(h->server->metrics, COUNTER_REQUESTS_INVALID, 1);
    h->closing_after = true;
    h1_server_enter(h, H1_READ_BODY);
    reply_error(h->ex, reason);
}

static void head_complete(struct h1_server *h)
{
    struct exchange *ex = h->ex;
    enum error_page_reason why;
    metrics_add(h->server->metrics, COUNTER_REQUESTS, 1);
    ex->started_us = h->stream->loop->now_us;
    body_pace_begin(&ex->pace, 0, ex->started_us);
    h1_server_enter(h, H1_READ_BODY);
    if (!h1_request_build(ex, &ex->parser.head, &why)) {
        refuse(h, why);
        return;
    }
    if (!ex->parser.head.keep_alive)
        h->closing_after = true;
    h->continue_due = ex->request.expect_continue;
    ex->handler->on_request(ex);
    if (h->ex == ex)
        h1_server_continue(h);
}

static void head_refused(struct h1_server *h)
{
    static const enum error_page_reason pages[] = {
        [H1_SYNTAX] = ERROR_PAGE_BAD_REQUEST,
        [H1_HEAD_TOO_LARGE] = ERROR_PAGE_HEAD_TOO_LARGE,
        [H1_TARGET_TOO_LONG] = ERROR_PAGE_TARGET_TOO_LONG,
        [H1_VERSION] = ERROR_PAGE_BAD_REQUEST,
        [H1_TRUNCATED] = ERROR_PAGE_BAD_REQUEST,
    };
    h->ex->request.version_minor = 1;
    refuse(h, pages[h->ex->parser.error]);
}

static void body_refused(struct h1_server *h)
{
    h->closing_after = true;
    if (h->ex->response_begun)
        h1_server_close(h, CLOSE_CLIENT_INVALID, true);
    else
        refuse(h, ERROR_PAGE_BAD_REQUEST);
}

static void timed_out(struct h1_server *h);

static void body_piece(struct h1_server *h, struct slice piece)
{
    struct exchange *ex = h->ex;
    if (!h->blocked)
        watch(h); /* it makes progress */
    h->continue_due = false;
    ex->bytes_in += piece.len;
    if (!body_pace_is_kept(&ex->pace, &h->server->timeouts, ex->bytes_in,
                           h->stream->loop->now_us)) {
        timed_out(h);
        return;
    }
    if (h->state == H1_READ_BODY)
        ex->handler->on_body(ex, piece);
}

/* One step of the parser. Returns false when it needs more input than there is. */
static bool step(struct h1_server *h, struct slice *input)
{
    struct slice piece = { 0 };
    enum h1_event event = h1_parser_next(&h->ex->parser, input, &piece);
    h->more_input = input->len > 0;
    switch (event) {
    case H1_HEAD:
        head_complete(h);
        return true;
    case H1_BODY:
        body_piece(h, piece);
        return true;
    case H1_END:
        request_complete(h);
        return true;
    case H1_BAD:
        if (h->state == H1_READ_HEAD)
            head_refused(h);
        else
            body_refused(h);
        return true;
    case H1_MORE:
    default:
        break;
    }
    return false;
}

static bool can_take(const struct h1_server *h, struct slice input)
{
    switch (h->state) {
    case H1_IDLE:
        return input.len && !h->blocked;
    case H1_READ_HEAD:
    case H1_DISCARD:
        return true;
    case H1_READ_BODY:
    case H1_TUNNEL:
        return !h->body_paused;
    default:
        return false;
    }
}

/* Handles as much as can be handled now; what is left stays in *input. */
static void feed(struct h1_server *h, struct slice *input)
{
    while (can_take(h, *input)) {
        if (h->state == H1_TUNNEL) {
            struct slice all = *input;
            *input = slice_from(*input, input->len);
            h->ex->bytes_in += all.len;
            if (all.len)
                h->ex->handler->on_body(h->ex, all);
            return;
        }
        if (h->state == H1_IDLE && !begin_exchange(h))
            return;
        if (!step(h, input))
            return;
    }
}

static void keep_ahead(struct h1_server *h, struct slice rest)
{
    h->more_input = false; /* from here on it is in h->ahead */
    if (rest.len == 0 || h->state >= H1_LINGER)
        return;
    if (h->ahead.cap == 0)
        buf_init(&h->ahead, AHEAD_MAX_BYTES);
    buf_append_slice(&h->ahead, rest);
    if (!buf_ok(&h->ahead)) {
        h1_server_close(h, CLOSE_NO_MEMORY, true);
        return;
    }
    if (!h->read_paused && h->ahead.len >= h->server->limits.pipeline_bytes) {
        h->read_paused = true;
        stream_pause(h->stream);
    }
}

static void end_tunnel(struct h1_server *h)
{
    struct exchange *ex = h->ex;
    h->tunnel_ended = true;
    if (h->ahead.len || ex->request_complete)
        return;
    ex->request_complete = true;
    ex->handler->on_body_end(ex, NULL);
}

static void run_proceed(struct defer *d)
{
    struct h1_server *h = CONTAINER_OF(d, struct h1_server, proceed);
    if (h->state >= H1_LINGER)
        return;
    struct buf taken = h->ahead;
    h->ahead = (struct buf){ 0 };
    struct slice input = buf_slice(&taken);
    feed(h, &input);
    keep_ahead(h, input);
    buf_fini(&taken);
    if (h->read_paused && h->state < H1_LINGER && h->ahead.len < h->server->limits.pipeline_bytes) {
        h->read_paused = false;
        stream_resume(h->stream);
    }
    if (h->state == H1_TUNNEL && h->tunnel_ended)
        end_tunnel(h);
}

void h1_server_proceed(struct h1_server *h)
{
    loop_defer(h->stream->loop, &h->proceed);
}

/* ---- events ---- */

static void on_data(struct stream *s, char *data, size_t len)
{
    struct h1_server *h = s->user;
    struct slice input = slice_of(data, len);
    if (h->ahead.len == 0)
        feed(h, &input);
    keep_ahead(h, input);
}

static void on_end(struct stream *s, int status)
{
    struct h1_server *h = s->user;
    struct exchange *ex = h->ex;
    if (h->state == H1_TUNNEL && status == 0) {
        end_tunnel(h);
        return;
    }
    /* An answer without a length ends with the connection: ours must not look like its end. */
    bool cut_off = ex && ex->response_begun && !ex->response_complete;
    h1_server_close(h, CLOSE_CLIENT_LEFT, status != 0 || cut_off);
}

static void on_blocked(struct stream *s)
{
    struct h1_server *h = s->user;
    h->blocked = true;
    watch(h);
    if (h->ex && h->ex->response_begun && !h->ex->response_complete)
        h->ex->handler->on_blocked(h->ex);
}

static void on_drained(struct stream *s)
{
    struct h1_server *h = s->user;
    h->blocked = false;
    watch(h);
    if (h->state == H1_IDLE)
        become_idle(h);
    else if (h->ex && h->ex->response_begun && !h->ex->response_complete)
        h->ex->handler->on_drained(h->ex);
}

static void on_closed(struct stream *s)
{
    struct h1_server *h = s->user;
    timer_cancel(&h->timer);
    list_remove(&h->proceed.node);
    buf_fini(&h->ahead);
    h->on_closed(h);
}

static void on_open(struct stream *s)
{
    (void)s; /* it is open before it comes here */
}

static const struct stream_handler h1_stream_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void body_timed_out(struct h1_server *h)
{
    if (h->body_paused) {
        /* We asked the client to wait; its time begins anew. */
        watch(h);
        return;
    }
    h->closing_after = true;
    if (h->ex->response_begun)
        h1_server_close(h, CLOSE_CLIENT_TIMEOUT, true);
    else
        reply_error(h->ex, ERROR_PAGE_REQUEST_TIMEOUT);
}

static void timed_out(struct h1_server *h)
{
    switch (h->state) {
    case H1_READ_HEAD:
        h->ex->request.version_minor = 1;
        h->closing_after = true;
        h1_server_enter(h, H1_READ_BODY);
        reply_error(h->ex, ERROR_PAGE_REQUEST_TIMEOUT);
        break;
    case H1_READ_BODY:
        body_timed_out(h);
        break;
    case H1_CLOSING:
        stream_reset(h->stream);
        break;
    default:
        h1_server_close(h, CLOSE_CLIENT_TIMEOUT, false);
    }
}

static void on_timer(struct timer *t)
{
    struct h1_server *h = CONTAINER_OF(t, struct h1_server, timer);
    if (!h->blocked) {
        timed_out(h);
        return;
    }
    uint32_t ms = send_pace_look(&h->pace, h->stream, &h->server->timeouts);
    if (ms)
        timer_set(wheel(h), &h->timer, ms);
    else
        h1_server_close(h, CLOSE_CLIENT_TIMEOUT, true);
}

/* ---- for the owner ---- */

void h1_server_init(struct h1_server *h, struct stream *stream, struct http_server *server,
                    const struct client_info *client, void (*on_closed_fn)(struct h1_server *h))
{
    *h = (struct h1_server){
        .stream = stream, .server = server, .client = client, .on_closed = on_closed_fn
    };
    timer_init(&h->timer, on_timer);
    defer_init(&h->proceed, run_proceed);
    stream_set_handler(stream, &h1_stream_handler, h);
    timer_set(wheel(h), &h->timer, server->timeouts.request_head_ms);
    stream_resume(stream);
}

void h1_server_drain(struct h1_server *h)
{
    h->closing_after = true;
    if (h->state == H1_IDLE)
        h1_server_close(h, CLOSE_NONE, false);
}

void h1_server_stop(struct h1_server *h)
{
    h1_server_close(h, CLOSE_SHUTDOWN, h->state != H1_IDLE || h->blocked);
}
