/* Whatever bytes a client sends on a connection, pipelined or not: in pieces they do what they do
 * at once, every exchange is closed, and what the client gets is one answer after the other, each
 * of which a strict reader of another making takes, and as many as were given. */
#include "fakes/fake_stream.h"
#include "fakes/strict_http.h"
#include "http/h1_server.h"
#include "http/reply.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define IN_BYTES 8192
#define ANSWERS_MAX 400
#define WRITTEN_BYTES sizeof(((struct fake_stream *)0)->written)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    unsigned requests, ends, closes, answers;
    uint64_t body_bytes, sum; /* of methods, paths, hosts and bodies */
    struct {
        uint16_t status;
        bool to_head;
    } given[ANSWERS_MAX];
    bool was_reset;
};

static struct outcome now;

static void add(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        now.sum = now.sum * 31 + (uint8_t)s.data[i];
    now.sum = now.sum * 31 + s.len;
}

static void on_request(struct exchange *ex)
{
    now.requests++;
    add(ex->request.method_name);
    add(ex->request.forward);
    add(ex->request.host);
    if (slice_starts_with(ex->request.path, SLICE("/e"))) /* early: the body is not waited for */
        reply_text(ex, 403, SLICE("text/plain"), SLICE("no"));
}

static void on_body(struct exchange *ex, struct slice data)
{
    (void)ex;
    now.body_bytes += data.len;
    for (size_t i = 0; i < data.len; i++)
        now.sum = now.sum * 31 + (uint8_t)data.data[i];
}

static void on_body_end(struct exchange *ex, const struct headers *trailers)
{
    (void)trailers;
    now.ends++;
    if (!ex->response_begun && !ex->is_closed)
        reply_text(ex, 200, SLICE("text/plain"), ex->request.path);
}

static void on_response(struct exchange *ex)
{
    REQUIRE(now.answers < ANSWERS_MAX);
    now.given[now.answers].status = ex->response.status;
    now.given[now.answers++].to_head = ex->request.method == HTTP_HEAD;
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
    .on_response = on_response,
    .on_blocked = on_event,
    .on_drained = on_event,
    .on_closed = on_closed,
};

static void on_h1_closed(struct h1_server *h)
{
    (void)h;
}

static void check_answers(struct slice written)
{
    static struct strict_message m;
    static char body[WRITTEN_BYTES];
    for (unsigned i = 0; i < now.answers; i++) {
        do {
            REQUIRE(strict_http_read_response(&m, written, now.given[i].to_head, body) ==
                    STRICT_WHOLE);
            written = slice_from(written, m.used);
        } while (m.status == 100);
        REQUIRE(m.status == now.given[i].status);
    }
    while (written.len) { /* 100 to whoever did not send its body */
        REQUIRE(strict_http_read_response(&m, written, false, body) == STRICT_WHOLE);
        REQUIRE(m.status == 100);
        written = slice_from(written, m.used);
    }
}

static struct outcome serve(struct loop *loop, struct slice input, size_t step)
{
    static struct fake_stream stream;
    static struct metrics metrics;
    static struct h1_server h1;
    struct client_info client = { 0 };
    struct http_server server = { .loop = loop,
                                  .handler = &handler,
                                  .metrics = &metrics,
                                  .limits = { .head_bytes = 4096,
                                              .target_bytes = 1024,
                                              .header_count = 32,
                                              .pipeline_bytes = 65536 },
                                  .timeouts = { .request_head_ms = 60000,
                                                .request_body_ms = 60000,
                                                .send_ms = 60000,
                                                .keep_alive_ms = 60000 } };
    now = (struct outcome){ 0 };
    fake_stream_init(&stream, loop);
    h1_server_init(&h1, &stream.base, &server, &client, on_h1_closed);
    while (input.len && !stream.closed) {
        size_t len = MIN(step, input.len);
        fake_stream_feed_bytes(&stream, slice_of(input.data, len));
        input = slice_from(input, len);
    }
    now.was_reset = stream.was_reset;
    check_answers(slice_of(stream.written, stream.written_len));
    loop_event_begin(loop);
    if (!stream.closed)
        h1_server_stop(&h1);
    loop_event_end(loop);
    fake_stream_finish(&stream);
    REQUIRE(now.closes >= now.requests);
    return now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop loop;
    static bool ready;
    if (size > IN_BYTES)
        return 0;
    if (!ready)
        REQUIRE(loop_init(&loop) == 0);
    ready = true;
    struct slice input = slice_of((const char *)data, size);
    struct outcome whole = serve(&loop, input, size ? size : 1);
    struct outcome pieces = serve(&loop, input, 1);
    REQUIRE(whole.requests == pieces.requests && whole.ends == pieces.ends);
    REQUIRE(whole.answers == pieces.answers && whole.was_reset == pieces.was_reset);
    REQUIRE(whole.body_bytes == pieces.body_bytes && whole.sum == pieces.sum);
    for (unsigned i = 0; i < whole.answers; i++)
        REQUIRE(whole.given[i].status == pieces.given[i].status);
    return 0;
}
