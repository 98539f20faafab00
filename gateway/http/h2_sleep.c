#include "http/h2_sleep.h"

/* A request may be the only one for a while; the table of fields pays from this one on. */
#define TABLE_PAYS_AT 2

/* ---- falling asleep ---- */

static struct timer_wheel *wheel(struct h2_server *h)
{
    return &h->stream->loop->timers;
}

static void set_rest(struct h2_server *h, enum h2_rest rest)
{
    uint32_t *sleepless = &h->server->http2_sleepless;
    *sleepless -= h->rest == H2_SLEEPLESS;
    *sleepless += rest == H2_SLEEPLESS;
    h->rest = (uint8_t)rest;
}

uint64_t h2_sleep_wait(const struct h2_server *h, uint64_t left_ms)
{
    uint64_t sleep_ms = h->server->timeouts.http2_sleep_ms;
    bool may = h->on_rest && h->begun && !h->draining && sleep_ms > 0;
    return may ? MIN(sleep_ms, left_ms) : left_ms;
}

void h2_sleep_look(struct h2_server *h)
{
    uint64_t now_ms = loop_now_ms(h->stream->loop);
    uint64_t left_ms = h->idle_due_ms - MIN(now_ms, h->idle_due_ms);
    if (h->rest == H2_AWAKE) {
        set_rest(h, H2_TIRED);
        timer_set(wheel(h), &h->timer, MIN(H2_SLEEP_ANSWER_MS, left_ms));
        h2_server_pump(h);
        return;
    }
    set_rest(h, H2_SLEEPLESS);
    timer_set(wheel(h), &h->timer, left_ms);
    if (h->server->http2_sleepless > H2_SLEEPLESS_MAX)
        h2_server_drain(h);
}

/* A stream that does not exist yet may have a priority, which its session keeps. */
static bool is_at_rest(const struct h2_server *h)
{
    return h->state == H2_OPEN && h->stream_count == 0 && !h->draining && !h->blocked &&
           h->settings_due == 0 && h->priority_id <= h->last_id &&
           h2_flood_is_between_frames(&h->flood) && !nghttp2_session_want_write(h->session);
}

static bool give_window_back(struct h2_server *h)
{
    int32_t bytes = nghttp2_session_get_effective_recv_data_length(h->session);
    if (bytes <= 0)
        return true;
    if (nghttp2_submit_window_update(h->session, NGHTTP2_FLAG_NONE, 0, bytes) == 0)
        h2_server_schedule(h);
    return false;
}

void h2_sleep_try(struct h2_server *h)
{
    if (h->rest == H2_AWAKE || !is_at_rest(h))
        return;
    if (!h->table_empty) {
        h->table_off = h2_session_limit_table(h, 0);
        h->begun_since = 0;
        h2_server_schedule(h);
    } else if (give_window_back(h)) {
        h->on_rest(h);
    }
}

void h2_sleep_stir(struct h2_server *h)
{
    set_rest(h, H2_AWAKE);
    if (h->begun_since < TABLE_PAYS_AT)
        h->begun_since++;
    if (!h->table_off || h->settings_due || h->begun_since < TABLE_PAYS_AT)
        return;
    h->table_off = !h2_session_limit_table(h, NGHTTP2_DEFAULT_HEADER_TABLE_SIZE);
}

void h2_sleep_forget(struct h2_server *h)
{
    set_rest(h, H2_AWAKE);
}

/* ---- asleep: the end ---- */

static void set_timer(struct h2_sleep *s, uint64_t ms)
{
    timer_set(&s->stream->loop->timers, &s->timer, ms);
}

static void set_state(struct h2_sleep *s, enum h2_sleep_state state)
{
    if (s->state <= H2_NOTICED && state > H2_NOTICED)
        metrics_gauge_decrement(s->server->metrics, GAUGE_HTTP2_ASLEEP);
    s->state = (uint8_t)state;
}

static void close_now(struct h2_sleep *s, bool hard)
{
    if (s->state == H2_SLEEP_CLOSING && !hard)
        return;
    set_state(s, H2_SLEEP_CLOSING);
    set_timer(s, s->server->timeouts.send_ms);
    if (hard)
        stream_reset(s->stream);
    else
        stream_close(s->stream);
}

static void go_away(struct h2_sleep *s)
{
    h2_session_write_goaway(s->stream, s->snapshot.last_id, NGHTTP2_NO_ERROR);
    set_state(s, H2_SLEEP_LINGER);
    set_timer(s, H2_LINGER_MS);
    stream_shutdown(s->stream);
}

/* In two steps (RFC 9113 6.8): requests may be on their way. */
void h2_sleep_drain(struct h2_sleep *s)
{
    static const char ping[17] = { 0, 0, 8, NGHTTP2_PING };
    if (s->state != H2_ASLEEP)
        return;
    set_state(s, H2_NOTICED);
    h2_session_write_goaway(s->stream, INT32_MAX, NGHTTP2_NO_ERROR);
    stream_write(s->stream, slice_of(ping, sizeof(ping)));
    set_timer(s, H2_DRAIN_MS);
}

void h2_sleep_stop(struct h2_sleep *s)
{
    if (s->state <= H2_NOTICED && !s->blocked)
        h2_session_write_goaway(s->stream, s->snapshot.last_id, NGHTTP2_NO_ERROR);
    close_now(s, s->blocked);
}

static void on_timer(struct timer *t)
{
    struct h2_sleep *s = CONTAINER_OF(t, struct h2_sleep, timer);
    if (s->state >= H2_SLEEP_LINGER)
        close_now(s, s->blocked || s->state == H2_SLEEP_CLOSING);
    else if (s->blocked)
        close_now(s, true);
    else
        go_away(s);
}

/* ---- asleep: events ---- */

static void on_open(struct stream *stream)
{
    (void)stream; /* it is open before it comes here */
}

static void on_data(struct stream *stream, char *data, size_t len)
{
    struct h2_sleep *s = stream->user;
    if (s->state <= H2_NOTICED)
        s->on_woken(s, data, len);
}

static void on_end(struct stream *stream, int status)
{
    close_now(stream->user, status != 0);
}

static void on_blocked(struct stream *stream)
{
    struct h2_sleep *s = stream->user;
    s->blocked = true;
}

static void on_drained(struct stream *stream)
{
    struct h2_sleep *s = stream->user;
    s->blocked = false;
}

static void on_closed(struct stream *stream)
{
    struct h2_sleep *s = stream->user;
    timer_cancel(&s->timer);
    s->on_closed(s);
}

static const struct stream_handler asleep = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

void h2_sleep_begin(struct h2_sleep *s, struct h2_server *h)
{
    uint64_t now_ms = loop_now_ms(h->stream->loop);
    s->stream = h->stream;
    s->server = h->server;
    s->idle_due_ms = h->idle_due_ms;
    s->flood = h->flood;
    s->state = H2_ASLEEP;
    s->blocked = false;
    s->table_off = h->table_off;
    h2_snapshot_take(&s->snapshot, h->session, h->last_id);
    h2_server_let_go(h);
    timer_init(&s->timer, on_timer);
    set_timer(s, s->idle_due_ms - MIN(now_ms, s->idle_due_ms));
    stream_set_handler(s->stream, &asleep, s);
    metrics_gauge_increment(s->server->metrics, GAUGE_HTTP2_ASLEEP);
}

void h2_sleep_end(struct h2_sleep *s)
{
    timer_cancel(&s->timer);
    metrics_gauge_decrement(s->server->metrics, GAUGE_HTTP2_ASLEEP);
    metrics_add(s->server->metrics, COUNTER_HTTP2_WOKEN, 1);
}
