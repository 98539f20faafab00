/* Whatever bytes a client sends: in pieces they do what they do at once, and to a connection that
 * sleeps whenever it can what they do to one that does not; every exchange is closed, and what
 * would be forwarded is read as the request that it is, by a strict reader of another
 * making and by our own. */
#include "fakes/fake_stream.h"
#include "fakes/strict_http.h"
#include "http/h1_parser.h"
#include "http/h1_write.h"
#include "http/h2_sleep.h"
#include "http/reply.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define INPUT_MAX_BYTES 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    unsigned requests, ends, closes, answered;
    uint64_t body_bytes, path_sum;
};

static struct outcome now;

/* And by our own reader, which the gateway behind us may be. */
static void check_again(const struct exchange *ex, struct slice head)
{
    const struct h1_limits limits = { 65536, 65536, 200 };
    struct arena arena;
    struct h1_parser parser;
    struct slice piece;
    arena_init(&arena, NULL, 1 << 20);
    h1_parser_init_request(&parser, &arena, &limits);
    REQUIRE(h1_parser_next(&parser, &head, &piece) == H1_HEAD);
    REQUIRE(head.len == 0);
    REQUIRE(parser.head.method == ex->request.method);
    REQUIRE(parser.head.body == ex->request.body);
    REQUIRE(slice_eq(parser.head.target, ex->request.forward));
    arena_fini(&arena);
}

/* The head alone: what follows it is as for HTTP/1.1 (fuzz_h1_request). */
static void check_forwarded(struct exchange *ex)
{
    static char out[65536], body[sizeof(out)];
    static struct strict_message m;
    static const enum strict_framing framings[] = {
        [BODY_NONE] = STRICT_NONE, [BODY_LENGTH] = STRICT_LENGTH, [BODY_CHUNKED] = STRICT_CHUNKED
    };
    const struct request *req = &ex->request;
    struct h1_forward forward = { .target = req->forward,
                                  .client = SLICE("192.0.2.1"),
                                  .upgrade = req->wants_upgrade };
    size_t len = h1_write_request_head(out, sizeof(out), ex, &forward);
    REQUIRE(len > 0);
    REQUIRE(strict_http_read_request(&m, slice_of(out, len), body) != STRICT_REFUSED);
    REQUIRE(m.head_len == len);
    REQUIRE(slice_eq(m.method, req->method_name) && slice_eq(m.target, req->forward));
    REQUIRE(slice_eq(strict_http_field(&m, "host"), req->authority));
    REQUIRE(m.length == req->content_length);
    REQUIRE(m.framing == framings[req->body] || (m.length == 0 && req->body == BODY_NONE));
    REQUIRE((strict_http_field(&m, "connection").data != NULL) == req->wants_upgrade);
    check_again(ex, slice_of(out, len));
}

static void on_request(struct exchange *ex)
{
    now.requests++;
    for (size_t i = 0; i < ex->request.path.len; i++)
        now.path_sum = now.path_sum * 31 + (uint8_t)ex->request.path.data[i];
    check_forwarded(ex);
    if (ex->request.body == BODY_NONE && !ex->request.wants_upgrade) {
        now.answered++;
        reply_text(ex, 200, SLICE("text/plain"), ex->request.path);
    }
}

static void on_body(struct exchange *ex, struct slice data)
{
    (void)ex;
    now.body_bytes += data.len;
}

static void on_body_end(struct exchange *ex, const struct headers *trailers)
{
    (void)trailers;
    now.ends++;
    if (!ex->response_begun && !ex->is_closed)
        reply_text(ex, 200, SLICE("text/plain"), SLICE("ok"));
}

static void on_event(struct exchange *ex)
{
    (void)ex;
}

static void on_closed(struct exchange *ex)
{
    (void)ex;
    now.closes++;
}

static const struct exchange_handler handler = {
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_response = on_event,
    .on_blocked = on_event,
    .on_drained = on_event,
    .on_closed = on_closed,
};

static void on_h2_closed(struct h2_server *h)
{
    (void)h;
}

/* ---- asleep ---- */

static struct {
    struct h2_server h2;
    struct h2_sleep sleep;
    struct fake_stream stream;
    struct http_server server;
    struct client_info client;
    bool asleep;
    unsigned sleeps;
} site;

static void on_rest(struct h2_server *h);

static void on_woken(struct h2_sleep *s, char *data, size_t len)
{
    h2_sleep_end(s);
    site.asleep = false;
    site.h2 = (struct h2_server){ .on_rest = on_rest };
    h2_server_wake(&site.h2, s, &site.client, on_h2_closed);
    site.stream.base.handler->on_data(&site.stream.base, data, len);
}

static void on_sleep_closed(struct h2_sleep *s)
{
    (void)s;
}

static void on_rest(struct h2_server *h)
{
    site.asleep = true;
    site.sleeps++;
    site.sleep = (struct h2_sleep){ .on_woken = on_woken, .on_closed = on_sleep_closed };
    h2_sleep_begin(&site.sleep, h);
}

/* The table of fields pays as many requests later as if it had slept: so both ask for the same
 * acknowledgements. */
static void stay_awake(struct h2_server *h)
{
    h2_sleep_forget(h);
    h->begun_since = 0;
}

/* It has been idle for long enough. */
static void tire(struct loop *loop)
{
    if (site.asleep || site.stream.closed || site.h2.state != H2_OPEN || site.h2.stream_count ||
        !h2_flood_is_between_frames(&site.h2.flood))
        return;
    loop_event_begin(loop);
    site.h2.timer.on_expired(&site.h2.timer);
    loop_event_end(loop);
}

/* ---- connections ---- */

static void begin(struct loop *loop, void (*rest)(struct h2_server *h))
{
    static struct metrics metrics;
    site.client = (struct client_info){ .tls_version = "TLSv1.3" };
    site.server = (struct http_server){ .loop = loop,
                                        .handler = &handler,
                                        .metrics = &metrics,
                                        .limits = { .head_bytes = 8192,
                                                    .target_bytes = 2048,
                                                    .header_count = 64,
                                                    .http2_streams = 100,
                                                    .http2_window_bytes = 65536 },
                                        .timeouts = { .request_head_ms = 60000,
                                                      .request_body_ms = 60000,
                                                      .send_ms = 60000,
                                                      .keep_alive_ms = 60000,
                                                      .http2_sleep_ms = 1000 } };
    site.h2 = (struct h2_server){ .on_rest = rest };
    site.asleep = false;
    now = (struct outcome){ 0 };
    fake_stream_init(&site.stream, loop);
    loop_event_begin(loop);
    h2_server_init(&site.h2, &site.stream.base, &site.server, &site.client, on_h2_closed);
    loop_event_end(loop);
}

static void feed(struct loop *loop, struct slice input, size_t step, bool tires)
{
    while (input.len && !site.stream.closed) {
        size_t len = MIN(step, input.len);
        fake_stream_feed_bytes(&site.stream, slice_of(input.data, len));
        if (tires)
            tire(loop);
        site.stream.written_len = 0;
        input = slice_from(input, len);
    }
}

static struct outcome end(struct loop *loop)
{
    if (!site.stream.closed) {
        loop_event_begin(loop);
        if (site.asleep)
            h2_sleep_stop(&site.sleep);
        else
            h2_server_stop(&site.h2);
        loop_event_end(loop);
    }
    fake_stream_finish(&site.stream);
    REQUIRE(now.closes >= now.requests);
    return now;
}

static struct outcome serve(struct loop *loop, struct slice input, size_t step)
{
    begin(loop, NULL);
    feed(loop, input, step, false);
    return end(loop);
}

/* Frames come when two requests have been answered, and the table of fields is off. */
static struct outcome serve_rested(struct loop *loop, struct slice frames,
                                   void (*rest)(struct h2_server *h))
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    static const char acknowledgement[] = "\0\0\0\4\1\0\0\0\0";
    static const char first[] = "\0\0\6\1\5\0\0\0\1\x82\x87\x84\x01\x01"
                                "a";
    static const char second[] = "\0\0\7\1\5\0\0\0\3\x20\x82\x87\x84\x01\x01"
                                 "a";
    begin(loop, rest);
    feed(loop, slice_of(preface, sizeof(preface) - 1), LOOP_READ_BYTES, false);
    feed(loop, slice_of(acknowledgement, 9), 9, false);
    feed(loop, slice_of(first, sizeof(first) - 1), LOOP_READ_BYTES, true);
    feed(loop, slice_of(acknowledgement, 9), 9, false);
    feed(loop, slice_of(second, sizeof(second) - 1), LOOP_READ_BYTES, true);
    REQUIRE(now.answered == 2 && site.asleep == (rest == on_rest));
    feed(loop, frames, 1, true);
    return end(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop loop;
    static bool ready;
    static char bytes[24 + INPUT_MAX_BYTES] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (size > INPUT_MAX_BYTES)
        return 0;
    if (!ready)
        REQUIRE(loop_init(&loop) == 0);
    ready = true;
    memcpy(bytes + 24, data, size);
    struct slice input = slice_of(bytes, 24 + size);
    struct outcome whole = serve(&loop, input, input.len);
    struct outcome pieces = serve(&loop, input, 1);
    REQUIRE(whole.answered == pieces.answered || whole.requests != pieces.requests);
    REQUIRE(whole.requests <= pieces.requests); /* a flood is seen before what comes with it */
    struct slice frames = slice_from(input, 24);
    struct outcome awake = serve_rested(&loop, frames, stay_awake);
    struct outcome asleep = serve_rested(&loop, frames, on_rest);
    REQUIRE(memcmp(&awake, &asleep, sizeof(awake)) == 0);
    return 0;
}
