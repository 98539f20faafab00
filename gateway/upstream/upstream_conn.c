/* States:  CONNECTING -> LENT <-> IDLE;  any -> CLOSED */
#include "upstream/upstream_conn.h"

#include "common/log.h"
#include "common/mem.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#define UPSTREAM_INTERIM_MAX 64 /* 1xx before one answer */

/* One read at most comes behind the head in one event. */
#define HELD_BYTES_MAX LOOP_PLAIN_BYTES

/* Of a body, for a backend that is slower than its client. */
#define UPSTREAM_UNSENT_BYTES (64 * 1024)

/* A request must not meet the end of the connection on its way: we stop using it so long before the
 * peer does, or in half the time if that is less. */
#define IDLE_MARGIN_MS 1000

/* One too many to be kept stays for as long: a crowd's answers come together, and so do its next
 * requests. */
#define SURPLUS_MS 100

/* How long a connection that is closed may take to send what is left. */
#define UPSTREAM_CLOSE_MS 5000

static const struct stream_handler conn_stream_handler;

static struct timer_wheel *wheel(struct upstream_conn *c)
{
    return &c->tcp.base.loop->timers;
}

static void set_idle(struct upstream_conn *c, bool idle)
{
    struct peer *p = c->peer;
    if (idle) {
        list_push_front(&p->idle, &c->node);
        p->idle_count++;
        metrics_gauge_increment(c->metrics, GAUGE_UPSTREAM_IDLE);
    } else {
        list_remove(&c->node);
        p->idle_count--;
        metrics_gauge_decrement(c->metrics, GAUGE_UPSTREAM_IDLE);
    }
}

/* The peer may be freed with the connection that held it last. */
static void close_conn(struct upstream_conn *c, bool hard)
{
    if (c->state == UPSTREAM_CONN_CLOSED)
        return;
    if (c->state == UPSTREAM_CONN_IDLE) {
        set_idle(c, false);
        peer_ref(c->peer);
    } else {
        series_peer_end(c->peer->series);
    }
    c->state = UPSTREAM_CONN_CLOSED;
    c->handler = NULL;
    if (hard) {
        stream_reset(c->stream);
        return;
    }
    timer_set(wheel(c), &c->timer, UPSTREAM_CLOSE_MS);
    stream_close(c->stream);
}

static void fail(struct upstream_conn *c, enum upstream_failure failure)
{
    const struct upstream_conn_handler *handler = c->handler;
    if (!handler)
        return;
    c->handler = NULL;
    series_peer_count(c->peer->series, SERIES_PEER_FAILURE);
    if (failure == UPSTREAM_TLS)
        close_conn(c, false); /* the peer is told why; a reset would overtake that */
    handler->on_failed(c->user, failure);
}

/* ---- the answer ---- */

static void answer_end(struct upstream_conn *c)
{
    const struct upstream_conn_handler *handler = c->handler;
    const struct headers *trailers = &c->parser->trailers;
    c->answer_complete = true;
    c->handler = NULL;
    handler->on_end(c->user, trailers->count ? trailers : NULL);
}

/* Many backends close after five seconds, and say so. */
static uint32_t idle_limit_ms(const struct upstream_conn *c, const struct h1_head *head)
{
    uint32_t ours = c->peer->idle_timeout_ms, theirs_s = headers_keep_alive_s(&head->headers);
    if (theirs_s > ours / 1000 + 1)
        return ours;
    uint32_t theirs_ms = theirs_s * 1000;
    return MIN(ours, theirs_ms - MIN(IDLE_MARGIN_MS, theirs_ms / 2));
}

static void answer_head(struct upstream_conn *c)
{
    const struct h1_head *head = &c->parser->head;
    if (head->status == 101) {
        c->tunnel = true;
        c->handler->on_head(c->user, head);
        return;
    }
    if (head->status < 200) {
        if (++c->interim_count > UPSTREAM_INTERIM_MAX) {
            fail(c, UPSTREAM_INVALID);
            return;
        }
        c->handler->on_interim(c->user, head);
        struct h1_limits limits = c->parser->limits;
        h1_parser_init_response(c->parser, c->parser->arena, &limits,
                                c->parser->kind == H1_HEAD_RESPONSE_TO_HEAD);
        return;
    }
    c->idle_ms = idle_limit_ms(c, head);
    c->reusable = head->keep_alive && head->body != BODY_UNTIL_CLOSE && c->idle_ms > 0;
    c->handler->on_head(c->user, head);
}

static void keep(struct upstream_conn *c, struct slice rest)
{
    buf_append_slice(&c->ahead, rest);
    if (!buf_ok(&c->ahead))
        fail(c, UPSTREAM_CLOSED);
}

/* Until the input is used up, the answer complete or held, or the borrower gone. */
static void read_answer(struct upstream_conn *c, struct slice input)
{
    const struct upstream_conn_handler *handler = c->handler;
    while (c->handler == handler && handler) {
        if (c->held) {
            keep(c, input);
            return;
        }
        if (c->tunnel) {
            if (input.len)
                handler->on_body(c->user, input);
            return;
        }
        struct slice piece = { 0 };
        switch (h1_parser_next(c->parser, &input, &piece)) {
        case H1_HEAD:
            answer_head(c);
            break;
        case H1_BODY:
            handler->on_body(c->user, piece);
            break;
        case H1_END:
            c->reusable = c->reusable && input.len == 0; /* nobody asked for more */
            answer_end(c);
            return;
        case H1_BAD:
            fail(c, UPSTREAM_INVALID);
            return;
        case H1_MORE:
            return;
        }
    }
}

/* ---- TLS ---- */

static const char *tls_problem(const SSL *ssl)
{
    long verified =
        SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ? X509_V_OK : SSL_get_verify_result(ssl);
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "it does not speak TLS as it should";
}

static void tls_failed(struct upstream_conn *c, const char *problem)
{
    metrics_add(c->metrics, COUNTER_UPSTREAM_TLS_FAILURES, 1);
    if (peer_link_may_complain(&c->peer->link, loop_now_ms(c->tcp.base.loop)))
        log_write(LOG_ERROR, "TLS to %s fails: %s", c->peer->name, problem);
}

/* The handshake begins; on_open comes again when it has succeeded. */
static void begin_tls(struct upstream_conn *c)
{
    SSL *ssl = peer_link_ssl(&c->peer->link, &c->link);
    if (!ssl) {
        tls_failed(c, "there is no memory for it, or no context");
        fail(c, UPSTREAM_TLS);
        return;
    }
    c->tls = mem_new(sizeof(*c->tls));
    tls_stream_init(c->tls, &c->tcp.base, c->peer->set->engine, ssl);
    c->stream = &c->tls->base;
    stream_set_handler(c->stream, &conn_stream_handler, c);
    stream_resume(c->stream);
    c->tcp.base.handler->on_open(&c->tcp.base);
}

static void count_handshake(const struct upstream_conn *c)
{
    metrics_add(c->metrics, COUNTER_UPSTREAM_TLS_HANDSHAKES, 1);
    if (SSL_session_reused(c->tls->ssl))
        metrics_add(c->metrics, COUNTER_UPSTREAM_TLS_RESUMED, 1);
}

/* ---- events of the stream ---- */

static struct upstream_conn *conn_of(struct stream *s)
{
    return s->user;
}

static void on_open(struct stream *s)
{
    struct upstream_conn *c = conn_of(s);
    if (s == &c->tcp.base) {
        stream_write(s, c->preface);
        c->preface = (struct slice){ 0 };
    }
    if (c->peer->link.is_tls && !c->tls) {
        begin_tls(c);
        return;
    }
    if (c->tls)
        count_handshake(c);
    c->state = UPSTREAM_CONN_LENT;
    stream_resume(s);
    if (c->handler)
        c->handler->on_connected(c->user);
}

static void on_data(struct stream *s, char *data, size_t len)
{
    struct upstream_conn *c = conn_of(s);
    if (c->state != UPSTREAM_CONN_LENT || !c->parser) {
        close_conn(c, true); /* an answer to no question */
        return;
    }
    c->answer_begun = true;
    read_answer(c, slice_of(data, len));
}

/* Anybody on the way can end a TCP connection; what ends with it is complete if TLS says so (RFC
 * 8446 6.1). */
static bool is_end_of_peer(const struct upstream_conn *c)
{
    return !c->tls || (SSL_get_shutdown(c->tls->ssl) & SSL_RECEIVED_SHUTDOWN);
}

static void on_end(struct stream *s, int status)
{
    struct upstream_conn *c = conn_of(s);
    if (c->state == UPSTREAM_CONN_IDLE) {
        close_conn(c, false);
        return;
    }
    if (!c->handler)
        return;
    bool refused = c->tls && status == ERR_INVALID;
    if (refused) /* by either side; with TLS 1.3 the peer's word comes after the handshake */
        tls_failed(c, tls_problem(c->tls->ssl));
    if (c->state == UPSTREAM_CONN_CONNECTING) {
        metrics_add(c->metrics, COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
        fail(c, refused ? UPSTREAM_TLS : UPSTREAM_CONNECT);
        return;
    }
    c->reusable = false;
    bool complete = status == 0 && c->parser && is_end_of_peer(c) &&
                    (c->tunnel || h1_parser_end_of_input(c->parser) == H1_END);
    if (complete)
        answer_end(c);
    else
        fail(c, UPSTREAM_CLOSED);
}

static void on_blocked(struct stream *s)
{
    struct upstream_conn *c = conn_of(s);
    if (c->handler)
        c->handler->on_blocked(c->user);
}

static void on_drained(struct stream *s)
{
    struct upstream_conn *c = conn_of(s);
    if (c->handler)
        c->handler->on_drained(c->user);
}

static void on_closed(struct stream *s)
{
    struct upstream_conn *c = conn_of(s);
    timer_cancel(&c->timer);
    buf_fini(&c->ahead);
    peer_unref(&c->peer);
    mem_free(c->tls);
    mem_free(c);
}

static const struct stream_handler conn_stream_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void on_timer(struct timer *t)
{
    struct upstream_conn *c = CONTAINER_OF(t, struct upstream_conn, timer);
    if (c->state == UPSTREAM_CONN_CLOSED)
        stream_reset(c->stream);
    else
        close_conn(c, false); /* idle for too long */
}

/* ---- for the borrower ---- */

static struct upstream_conn *conn_new(struct peer *peer, struct metrics *metrics,
                                      struct slice preface)
{
    const struct sockaddr *address = peer_address_next(&peer->where);
    if (!address) {
        peer_let_go(peer);
        return NULL;
    }
    struct upstream_conn *c = mem_new(sizeof(*c));
    list_init(&c->node);
    c->address_turn = peer->where.turn;
    timer_init(&c->timer, on_timer);
    c->metrics = metrics;
    c->peer = peer_ref(peer);
    c->link = (struct link_user){ &peer->link, peer->set->loop, peer->link.version };
    c->stream = &c->tcp.base;
    c->preface = preface;
    c->single = preface.len > 0;
    c->state = UPSTREAM_CONN_CONNECTING;
    series_peer_count(peer->series, SERIES_PEER_CONNECT);
    metrics_add(metrics, COUNTER_UPSTREAM_CONNECTS, 1);
    struct tcp_bounds bounds = { .receive_bytes = peer->receive_buffer_bytes,
                                 .unsent_bytes = UPSTREAM_UNSENT_BYTES };
    int rc = tcp_stream_connect(&c->tcp, peer->set->loop, &c->connect, address, bounds);
    stream_set_handler(&c->tcp.base, &conn_stream_handler, c);
    if (rc < 0) {
        metrics_add(metrics, COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
        close_conn(c, true);
        return NULL;
    }
    return c;
}

struct upstream_conn *upstream_conn_borrow(struct peer *peer, struct metrics *metrics, bool fresh,
                                           struct slice preface,
                                           const struct upstream_conn_handler *handler, void *user)
{
    struct upstream_conn *c;
    peer_refresh_address(peer);
    if (!fresh && preface.len == 0 && !list_is_empty(&peer->idle)) {
        c = CONTAINER_OF(peer->idle.next, struct upstream_conn, node);
        set_idle(c, false);
        timer_stop(&c->timer);
        peer_ref(peer);
        metrics_add(metrics, COUNTER_UPSTREAM_REUSES, 1);
        c->state = UPSTREAM_CONN_LENT;
        c->reused = true;
    } else {
        c = conn_new(peer, metrics, preface);
        if (!c)
            return NULL;
    }
    c->handler = handler;
    c->user = user;
    return c;
}

bool upstream_conn_expect(struct upstream_conn *c, struct arena *arena,
                          const struct h1_limits *limits, bool to_head)
{
    c->parser = arena_alloc(arena, sizeof(*c->parser));
    if (!c->parser)
        return false;
    h1_parser_init_response(c->parser, arena, limits, to_head);
    c->interim_count = 0;
    c->answer_begun = c->answer_complete = c->tunnel = c->held = c->reusable = false;
    return true;
}

void upstream_conn_hold(struct upstream_conn *c)
{
    c->held = true;
    buf_init(&c->ahead, HELD_BYTES_MAX);
    stream_pause(c->stream);
}

void upstream_conn_unhold(struct upstream_conn *c)
{
    struct buf ahead = c->ahead;
    c->ahead = (struct buf){ 0 };
    c->held = false;
    read_answer(c, buf_slice(&ahead)); /* even without input: the answer may have been all there */
    buf_fini(&ahead);
}

/* All workers together keep so many; each its part, for a connection cannot change hands. */
static bool has_room(const struct peer *p)
{
    uint32_t workers = MAX(board_workers_end(p->set->board), 1u);
    return p->idle_count < (p->idle_max + workers - 1) / workers;
}

/* What its peer's link was then may be of another configuration. */
static bool is_for_the_pool(const struct upstream_conn *c)
{
    return c->state == UPSTREAM_CONN_LENT && c->answer_complete && c->reusable && !c->single &&
           c->link.version == c->peer->link.version && c->address_turn == c->peer->where.turn &&
           c->peer->idle_max > 0;
}

void upstream_conn_release(struct upstream_conn **pointer, bool complete)
{
    struct upstream_conn *c = *pointer;
    *pointer = NULL;
    struct peer *peer = c->peer;
    bool sent = complete && c->tcp.leftover_bytes == 0;
    c->handler = NULL;
    c->parser = NULL;
    if (!sent || !is_for_the_pool(c)) {
        /* A peer that answered without reading to the end may never take the rest. */
        close_conn(c, !sent);
        return;
    }
    series_peer_end(peer->series);
    c->state = UPSTREAM_CONN_IDLE;
    timer_set(wheel(c), &c->timer, has_room(peer) ? c->idle_ms : MIN(c->idle_ms, SURPLUS_MS));
    set_idle(c, true);
    stream_resume(c->stream);
    /* Last: without other holders the peer goes, and its idle connections with it. */
    struct peer *held = peer;
    peer_unref(&held);
}

void upstream_conn_close(struct upstream_conn **pointer)
{
    struct upstream_conn *c = *pointer;
    *pointer = NULL;
    if (!c)
        return;
    c->handler = NULL;
    c->parser = NULL;
    close_conn(c, true);
}

void upstream_conn_close_idle(struct peer *peer)
{
    LIST_FOREACH (node, &peer->idle)
        close_conn(CONTAINER_OF(node, struct upstream_conn, node), false);
}
