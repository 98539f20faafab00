/* States:
 *
 *   OPEN -> LINGER -> CLOSING      told to go away, by us
 *     `----------------^           nothing left to do, the client has gone, or it has to go at once
 */
#include "http/h2_stream.h"

#include "common/log.h"
#include "common/mem.h"
#include "http/h2_sleep.h"

/* Replies that may wait for a client that does not read. */
#define OUTPUT_MAX_FRAMES 1000

static const struct stream_handler h2_stream_handler;

static struct timer_wheel *wheel(struct h2_server *h)
{
    return &h->stream->loop->timers;
}

static uint64_t begin_idle(struct h2_server *h, uint32_t ms)
{
    h->idle_due_ms = loop_now_ms(h->stream->loop) + ms;
    return h2_sleep_wait(h, ms);
}

/* What the connection itself waits for; streams have timers of their own. */
static void watch(struct h2_server *h)
{
    const struct config_timeouts *t = &h->server->timeouts;
    uint64_t ms = 0;
    if (h->state == H2_LINGER)
        ms = H2_LINGER_MS;
    else if (h->blocked || h->state == H2_CLOSING)
        ms = send_pace_begin(&h->pace, t);
    else if (h->stream_count == 0)
        ms = begin_idle(h, h->begun ? t->keep_alive_ms : t->request_head_ms);
    if (ms)
        timer_set(wheel(h), &h->timer, ms);
    else
        timer_stop(&h->timer);
}

void h2_server_count(struct h2_server *h, int change)
{
    h->stream_count = (uint32_t)((int)h->stream_count + change);
    if (change > 0)
        h2_sleep_stir(h);
    if (change > 0 && h->server->no_keep_alive)
        h2_server_drain(h);
    if (!h->blocked && h->state == H2_OPEN && h->stream_count <= 1)
        watch(h);
    if (h->stream_count == 0 && h->draining)
        h2_server_schedule(h);
}

static void finish_streams(struct h2_server *h, enum close_reason reason)
{
    while (!list_is_empty(&h->streams))
        h2_stream_finish(CONTAINER_OF(h->streams.next, struct h2_stream, node), reason);
}

/* ---- ending ---- */

static void close_now(struct h2_server *h, enum close_reason reason, bool hard)
{
    if (h->state == H2_CLOSING && !hard)
        return;
    h->state = H2_CLOSING;
    h2_sleep_forget(h);
    finish_streams(h, reason);
    watch(h);
    if (hard)
        stream_reset(h->stream);
    else
        stream_close(h->stream);
}

static void send_frames(struct h2_server *h);

static void linger(struct h2_server *h, enum close_reason reason)
{
    if (h->state != H2_OPEN)
        return;
    h->state = H2_LINGER;
    h2_sleep_forget(h);
    finish_streams(h, reason);
    watch(h);
    stream_shutdown(h->stream);
}

void h2_server_end(struct h2_server *h, uint32_t code, enum close_reason reason)
{
    if (h->state != H2_OPEN)
        return;
    nghttp2_session_terminate_session(h->session, code);
    if (h->blocked) {
        close_now(h, reason, true);
        return;
    }
    send_frames(h);
    linger(h, reason);
}

bool h2_server_charge(struct h2_server *h, enum h2_flood_kind kind)
{
    if (!h2_flood_charge(&h->flood, kind, loop_now_ms(h->stream->loop)))
        return true;
    h->is_flood = true;
    h->flood_kind = (uint8_t)kind;
    return false;
}

/* A line a second of each kind tells enough of an attack. */
static void end_flood(struct h2_server *h)
{
    struct http_server *s = h->server;
    uint64_t now_s = h->stream->loop->now_us / 1000000;
    metrics_add(s->metrics, COUNTER_HTTP2_FLOODS, 1);
    if (s->flood_logged_s[h->flood_kind] != now_s) {
        char address[ADDRESS_TEXT_BYTES];
        s->flood_logged_s[h->flood_kind] = now_s;
        log_write(LOG_WARN, "HTTP/2 connection of %.*s ended: too many %s",
                  (int)address_format(&h->client->address, address), address,
                  h2_flood_text(h->flood_kind));
    }
    h2_server_end(h, NGHTTP2_ENHANCE_YOUR_CALM, CLOSE_CLIENT_FLOOD);
}

/* nghttp2 gave up on the session. */
static void fail(struct h2_server *h, ssize_t rc)
{
    if (h->is_flood || rc == NGHTTP2_ERR_FLOODED || rc == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
        if (!h->is_flood)
            h->flood_kind = rc == NGHTTP2_ERR_FLOODED ? H2_FLOOD_OUTPUT : H2_FLOOD_CONTINUATION;
        end_flood(h);
        return;
    }
    metrics_add(h->server->metrics, COUNTER_REQUESTS_INVALID, 1);
    h2_server_end(h, rc == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_PROTOCOL_ERROR,
                  CLOSE_CLIENT_INVALID);
}

/* ---- writing ---- */

void h2_server_schedule(struct h2_server *h)
{
    loop_defer_to_turn(h->stream->loop, &h->pump);
}

/* Until there is no more, or the socket takes no more. */
static void send_frames(struct h2_server *h)
{
    h->busy = true;
    while (!h->blocked) {
        const uint8_t *data;
        ssize_t len = nghttp2_session_mem_send(h->session, &data);
        if (len <= 0)
            break;
        stream_write(h->stream, slice_of((const char *)data, (size_t)len));
    }
    h->busy = false;
}

static void advance_drain(struct h2_server *h)
{
    if (!h->goaway_sent || h->stream_count || h->blocked)
        return;
    linger(h, CLOSE_NONE);
}

void h2_server_pump(struct h2_server *h)
{
    if (h->busy || h->settling || h->state != H2_OPEN)
        return;
    send_frames(h);
    if (h->is_flood) { /* a reset that we sent was one too many */
        end_flood(h);
        return;
    }
    if (nghttp2_session_get_outbound_queue_size(h->session) > OUTPUT_MAX_FRAMES) {
        h->flood_kind = H2_FLOOD_OUTPUT;
        end_flood(h);
        return;
    }
    h2_answer_settle(h);
    bool ended = !h->blocked && !nghttp2_session_want_read(h->session) &&
                 !nghttp2_session_want_write(h->session);
    if (ended || h->unreadable)
        linger(h, CLOSE_CLIENT_INVALID); /* it has sent GOAWAY for an error of the client's */
    else
        advance_drain(h);
    h2_sleep_try(h);
}

static void run_pump(struct defer *d)
{
    h2_server_pump(CONTAINER_OF(d, struct h2_server, pump));
}

/* ---- events ---- */

static void on_data(struct stream *s, char *data, size_t len)
{
    struct h2_server *h = s->user;
    if (h->state != H2_OPEN)
        return;
    enum h2_flood_kind kind;
    if (h2_flood_scan(&h->flood, slice_of(data, len), loop_now_ms(s->loop), &kind)) {
        h->flood_kind = (uint8_t)kind;
        end_flood(h);
        return;
    }
    h->busy = true;
    ssize_t rc = nghttp2_session_mem_recv(h->session, (const uint8_t *)data, len);
    h->busy = false;
    if (rc < 0)
        fail(h, rc);
    else
        h2_server_schedule(h);
}

static void on_end(struct stream *s, int status)
{
    struct h2_server *h = s->user;
    close_now(h, CLOSE_CLIENT_LEFT, status != 0);
}

static void on_blocked(struct stream *s)
{
    struct h2_server *h = s->user;
    h->blocked = true;
    if (h->state == H2_OPEN)
        watch(h);
}

static void on_drained(struct stream *s)
{
    struct h2_server *h = s->user;
    h->blocked = false;
    if (h->state != H2_OPEN)
        return;
    watch(h);
    h2_server_pump(h);
}

static void on_closed(struct stream *s)
{
    struct h2_server *h = s->user;
    h2_server_let_go(h);
    h->on_closed(h);
}

static void on_open(struct stream *s)
{
    (void)s; /* it is open before it comes here */
}

static const struct stream_handler h2_stream_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void on_timer(struct timer *t)
{
    struct h2_server *h = CONTAINER_OF(t, struct h2_server, timer);
    if (h->state == H2_LINGER) {
        close_now(h, CLOSE_NONE, h->blocked);
        return;
    }
    if (!h->blocked && h->state == H2_OPEN) {
        if (loop_now_ms(h->stream->loop) < h->idle_due_ms)
            h2_sleep_look(h);
        else
            h2_server_end(h, NGHTTP2_NO_ERROR, CLOSE_CLIENT_TIMEOUT);
        return;
    }
    uint32_t ms = send_pace_look(&h->pace, h->stream, &h->server->timeouts);
    if (ms)
        timer_set(wheel(h), &h->timer, ms);
    else
        close_now(h, CLOSE_CLIENT_TIMEOUT, true);
}

/* ---- draining: RFC 9113 6.8 ---- */

/* Requests that were on their way when the first one was sent have come by now. */
static void send_last_goaway(struct h2_server *h)
{
    if (h->goaway_sent || h->state != H2_OPEN)
        return;
    h->goaway_sent = true;
    timer_stop(&h->drain_timer);
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR,
                          NULL, 0);
    h2_server_schedule(h);
}

static void on_drain_timer(struct timer *t)
{
    send_last_goaway(CONTAINER_OF(t, struct h2_server, drain_timer));
}

void h2_server_pong(struct h2_server *h)
{
    if (h->draining)
        send_last_goaway(h);
}

void h2_server_drain(struct h2_server *h)
{
    if (h->draining || h->state != H2_OPEN)
        return;
    h->draining = true;
    nghttp2_submit_shutdown_notice(h->session);
    nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
    timer_set(wheel(h), &h->drain_timer, H2_DRAIN_MS);
    h2_server_schedule(h);
}

/* ---- for the owner ---- */

static void set_up(struct h2_server *h, struct stream *stream, struct http_server *server,
                   const struct client_info *client, void (*on_closed_fn)(struct h2_server *h))
{
    h->stream = stream;
    h->server = server;
    h->client = client;
    h->on_closed = on_closed_fn;
    list_init(&h->streams);
    list_init(&h->queued);
    timer_init(&h->timer, on_timer);
    timer_init(&h->drain_timer, on_drain_timer);
    defer_init(&h->pump, run_pump);
    stream_set_handler(stream, &h2_stream_handler, h);
}

void h2_server_init(struct h2_server *h, struct stream *stream, struct http_server *server,
                    const struct client_info *client, void (*on_closed_fn)(struct h2_server *h))
{
    set_up(h, stream, server, client, on_closed_fn);
    h2_flood_init(&h->flood);
    if (!h2_session_new(h)) {
        close_now(h, CLOSE_NO_MEMORY, true);
        return;
    }
    watch(h);
    h2_server_schedule(h);
    stream_resume(stream);
    if (server->draining)
        h2_server_drain(h);
}

void h2_server_wake(struct h2_server *h, const struct h2_sleep *from,
                    const struct client_info *client, void (*on_closed_fn)(struct h2_server *h))
{
    set_up(h, from->stream, from->server, client, on_closed_fn);
    h->flood = from->flood;
    h->last_id = h->handed_id = from->snapshot.last_id;
    h->idle_due_ms = from->idle_due_ms;
    h->blocked = from->blocked;
    h->draining = from->state == H2_NOTICED;
    h->table_off = from->table_off;
    h->begun = h->table_empty = true;
    if (!h2_session_revive(h, &from->snapshot)) {
        close_now(h, CLOSE_NO_MEMORY, true);
        return;
    }
    uint64_t now_ms = loop_now_ms(h->stream->loop);
    timer_set(wheel(h), &h->timer, h2_sleep_wait(h, h->idle_due_ms - MIN(now_ms, h->idle_due_ms)));
    if (h->draining)
        timer_set(wheel(h), &h->drain_timer, H2_DRAIN_MS);
}

void h2_server_let_go(struct h2_server *h)
{
    h2_sleep_forget(h);
    timer_cancel(&h->timer);
    timer_cancel(&h->drain_timer);
    list_remove(&h->pump.node);
    nghttp2_session_del(h->session);
    h->session = NULL;
}

static void run_free(struct defer *d)
{
    mem_free(CONTAINER_OF(d, struct h2_server, pump));
}

void h2_server_free_later(struct h2_server *h)
{
    h->pump.run = run_free;
    loop_defer(h->stream->loop, &h->pump);
}

uint64_t h2_server_due_ms(const struct h2_server *h)
{
    return h->stream_count == 0 && !h->blocked && h->state == H2_OPEN ? h->idle_due_ms
                                                                      : h->timer.due_ms;
}

void h2_server_stop(struct h2_server *h)
{
    if (h->state == H2_OPEN && !h->blocked) {
        nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
        send_frames(h);
    }
    close_now(h, CLOSE_SHUTDOWN, h->blocked);
}
