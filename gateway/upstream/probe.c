#include "upstream/probe.h"

#include "common/buf.h"
#include "common/mem.h"
#include "http/h1_parser.h"
#include "net/proxy_protocol.h"
#include "net/tcp_stream.h"
#include "tls/tls_stream.h"

#include <stdio.h>
#include <string.h>

#define HEAD_BYTES_MAX (16 * 1024)
#define FIELDS_MAX 100
#define INTERIM_MAX 8
#define CONTENT_BYTES_MAX (64 * 1024)
#define REQUEST_BYTES_MAX 2048
#define CLOSE_MS 1000

struct probe {
    struct tcp_stream tcp;
    struct tls_stream *tls; /* owned, on top of tcp; NULL: plain, or not yet */
    struct stream *stream;  /* the upper one of the two */
    struct link_user link;
    uv_connect_t connect;
    struct timer timer;
    const struct probe_plan *plan; /* borrowed; NULL when it is over */
    probe_done_fn on_done;
    void *user;
    struct arena arena;
    struct h1_parser parser;
    struct buf content; /* as far as it is looked at */
    uint64_t started_us;
    uint32_t interim_count;
    uint16_t status;
    bool asked;      /* the request has been written */
    bool last_look;  /* time is up; what has come already is still read */
    bool was_late;   /* the gateway itself, when time was up */
    int start_error; /* of the attempt to connect */
};

static const struct stream_handler probe_handler;

static struct timer_wheel *wheel(struct probe *p)
{
    return &p->tcp.base.loop->timers;
}

static void close_probe(struct probe *p)
{
    p->plan = NULL;
    timer_set(wheel(p), &p->timer, CLOSE_MS);
    stream_close(p->stream);
}

static void finish(struct probe *p, const struct health_report *report)
{
    if (!p->plan)
        return;
    close_probe(p);
    p->on_done(p->user, report);
}

static void finish_with(struct probe *p, enum health_result result)
{
    finish(p, &(struct health_report){ result, p->status });
}

/* --- the answer ----------------------------------------------------------------------------- */

static void init_parser(struct probe *p)
{
    static const struct h1_limits limits = { .head_bytes = HEAD_BYTES_MAX,
                                             .header_count = FIELDS_MAX };
    h1_parser_init_response(&p->parser, &p->arena, &limits, false);
}

static bool content_is_right(const struct probe *p)
{
    struct slice wanted = p->plan->health->body;
    return !wanted.data ||
           (p->content.len && memmem(p->content.data, p->content.len, wanted.data, wanted.len));
}

static void judge_head(struct probe *p)
{
    const struct config_health *health = p->plan->health;
    uint16_t status = p->parser.head.status;
    if (status < 200) {
        if (status == 101 || ++p->interim_count > INTERIM_MAX)
            finish_with(p, HEALTH_INVALID);
        else
            init_parser(p);
        return;
    }
    p->status = status;
    if (health->status ? status != health->status : status > 299)
        finish_with(p, HEALTH_STATUS);
    else if (!health->body.data)
        finish_with(p, HEALTH_PASSED);
}

static void judge_content(struct probe *p, struct slice piece)
{
    piece.len = MIN(piece.len, CONTENT_BYTES_MAX - p->content.len);
    buf_append_slice(&p->content, piece);
    if (content_is_right(p))
        finish_with(p, HEALTH_PASSED);
    else if (p->content.len == CONTENT_BYTES_MAX || !buf_ok(&p->content))
        finish_with(p, HEALTH_CONTENT);
}

static void read_answer(struct probe *p, struct slice input)
{
    struct slice piece;
    while (p->plan) {
        switch (h1_parser_next(&p->parser, &input, &piece)) {
        case H1_HEAD:
            judge_head(p);
            break;
        case H1_BODY:
            judge_content(p, piece);
            break;
        case H1_END:
            finish_with(p, content_is_right(p) ? HEALTH_PASSED : HEALTH_CONTENT);
            break;
        case H1_BAD:
            finish_with(p, HEALTH_INVALID);
            break;
        case H1_MORE:
            return;
        }
    }
}

/* --- events of the stream ------------------------------------------------------------------- */

static struct probe *probe_of(struct stream *s)
{
    return s->user;
}

static void ask(struct probe *p)
{
    const struct config_health *health = p->plan->health;
    char request[REQUEST_BYTES_MAX];
    struct slice host = health->host.data ? health->host : slice_str(p->plan->address_text);
    int len = snprintf(request, sizeof(request),
                       "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: cong-probe\r\n"
                       "Accept: */*\r\nConnection: close\r\n\r\n",
                       SLICE_ARG(health->path), SLICE_ARG(host));
    assert(len > 0 && (size_t)len < sizeof(request));
    p->asked = true;
    init_parser(p);
    stream_write(p->stream, slice_of(request, (size_t)len));
    stream_resume(p->stream);
}

/* For no client: version 1 says UNKNOWN, version 2 LOCAL. */
static void write_preface(struct probe *p)
{
    static const struct address nobody;
    char header[PROXY_PROTOCOL_LINE_MAX];
    uint8_t version = p->plan->link->send_proxy;
    if (version == CONFIG_SEND_PROXY_OFF)
        return;
    size_t len =
        proxy_protocol_write(header, version == CONFIG_SEND_PROXY_V1 ? 1 : 2, &nobody, &nobody);
    stream_write(&p->tcp.base, slice_of(header, len));
}

static void begin_tls(struct probe *p)
{
    SSL *ssl = peer_link_ssl(p->plan->link, &p->link);
    if (!ssl) {
        finish(p, NULL);
        return;
    }
    p->tls = mem_new(sizeof(*p->tls));
    tls_stream_init(p->tls, &p->tcp.base, p->plan->engine, ssl);
    p->stream = &p->tls->base;
    stream_set_handler(p->stream, &probe_handler, p);
    stream_resume(p->stream);
    p->tcp.base.handler->on_open(&p->tcp.base);
}

static void on_open(struct stream *s)
{
    struct probe *p = probe_of(s);
    if (!p->plan)
        return;
    if (p->plan->health->kind == CONFIG_HEALTH_TCP) {
        finish_with(p, HEALTH_PASSED);
        return;
    }
    if (!p->tls)
        write_preface(p);
    if (!p->tls && p->plan->link->is_tls)
        begin_tls(p);
    else
        ask(p);
}

static void on_data(struct stream *s, char *data, size_t len)
{
    read_answer(probe_of(s), slice_of(data, len));
}

static void on_end(struct stream *s, int status)
{
    struct probe *p = probe_of(s);
    if (!p->plan)
        return;
    if (!p->asked)
        finish_with(p, p->tls ? HEALTH_TLS : HEALTH_CONNECT);
    else if (status < 0 || h1_parser_end_of_input(&p->parser) != H1_END)
        finish_with(p, HEALTH_CLOSED);
    else
        finish_with(p, content_is_right(p) ? HEALTH_PASSED : HEALTH_CONTENT);
}

static void ignore(struct stream *s)
{
    (void)s; /* one small request */
}

static void on_closed(struct stream *s)
{
    struct probe *p = probe_of(s);
    timer_cancel(&p->timer);
    arena_fini(&p->arena);
    buf_fini(&p->content);
    mem_free(p->tls);
    mem_free(p);
}

static const struct stream_handler probe_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = ignore,
    .on_drained = ignore,
    .on_closed = on_closed,
};

/* --- time ----------------------------------------------------------------------------------- */

static bool is_our_shortage(int code)
{
    return code == UV_EMFILE || code == UV_ENFILE || code == UV_ENOMEM || code == UV_ENOBUFS ||
           code == UV_EADDRNOTAVAIL;
}

/* A process that was stopped or starved finds its timers due before it has looked at its sockets:
 * the peer is judged after one more look, and not at all when much time was lost on our side. */
static void on_time_up(struct probe *p)
{
    uint64_t elapsed_us = p->tcp.base.loop->now_us - p->started_us;
    uint64_t timeout_us = p->plan->health->timeout_ms * 1000ull;
    if (p->last_look) {
        if (p->was_late)
            finish(p, NULL);
        else
            finish_with(p, HEALTH_TIMEOUT);
        return;
    }
    p->last_look = true;
    p->was_late = elapsed_us > timeout_us + timeout_us / 2 + 2000ull * TIMER_TICK_MS;
    timer_set(wheel(p), &p->timer, TIMER_TICK_MS);
}

static void on_timer(struct timer *t)
{
    struct probe *p = CONTAINER_OF(t, struct probe, timer);
    if (!p->plan)
        stream_reset(p->stream);
    else if (!p->start_error)
        on_time_up(p);
    else if (is_our_shortage(p->start_error))
        finish(p, NULL);
    else
        finish_with(p, HEALTH_CONNECT);
}

/* --- for the caller ------------------------------------------------------------------------- */

struct probe *probe_start(struct loop *loop, const struct probe_plan *plan, probe_done_fn on_done,
                          void *user)
{
    struct probe *p = mem_new(sizeof(*p));
    p->plan = plan;
    p->on_done = on_done;
    p->user = user;
    p->started_us = loop->now_us;
    p->stream = &p->tcp.base;
    p->link = (struct link_user){ plan->link, loop, plan->link->version };
    timer_init(&p->timer, on_timer);
    arena_init(&p->arena, &loop->arenas, 4 * (size_t)HEAD_BYTES_MAX);
    buf_init(&p->content, CONTENT_BYTES_MAX);
    p->start_error =
        tcp_stream_connect(&p->tcp, loop, &p->connect, plan->address, (struct tcp_bounds){ 0 });
    stream_set_handler(&p->tcp.base, &probe_handler, p);
    timer_set(wheel(p), &p->timer, p->start_error ? 1 : plan->health->timeout_ms);
    return p;
}

void probe_cancel(struct probe **pointer)
{
    struct probe *p = *pointer;
    *pointer = NULL;
    if (!p)
        return;
    p->plan = NULL;
    stream_reset(p->stream);
}
