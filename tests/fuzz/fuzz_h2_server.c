/* Whatever bytes a client sends: in pieces they do what they do at once, every exchange is closed,
 * and what would be forwarded is read as the request that it is, by a strict reader of another
 * making and by our own. */
#include "fakes/fake_stream.h"
#include "fakes/strict_http.h"
#include "http/h1_parser.h"
#include "http/h1_write.h"
#include "http/h2_server.h"
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

static struct outcome serve(struct loop *loop, struct slice input, size_t step)
{
    static struct fake_stream stream;
    static struct metrics metrics;
    struct client_info client = { .tls_version = "TLSv1.3" };
    struct http_server server = { .loop = loop,
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
                                                .keep_alive_ms = 60000 } };
    struct h2_server h2 = { 0 };
    now = (struct outcome){ 0 };
    fake_stream_init(&stream, loop);
    loop_event_begin(loop);
    h2_server_init(&h2, &stream.base, &server, &client, on_h2_closed);
    loop_event_end(loop);
    while (input.len && !stream.closed) {
        size_t len = MIN(step, input.len);
        fake_stream_feed_bytes(&stream, slice_of(input.data, len));
        stream.written_len = 0;
        input = slice_from(input, len);
    }
    if (!stream.closed) {
        loop_event_begin(loop);
        h2_server_stop(&h2);
        loop_event_end(loop);
    }
    fake_stream_finish(&stream);
    REQUIRE(now.closes >= now.requests);
    return now;
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
    return 0;
}
