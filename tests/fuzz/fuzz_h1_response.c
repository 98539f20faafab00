/* An answer of a backend, in any cut, reaches a client as one answer that a strict reader of
 * another making takes, and that says the same however it was cut; or visibly breaks off, or is one
 * of our own that says what went wrong. Nothing comes behind it. */
#include "fakes/fake_stream.h"
#include "fakes/strict_http.h"
#include "http/h1_server.h"
#include "http/reply.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define IN_BYTES 16384
#define BODY_BYTES sizeof(((struct fake_stream *)0)->written)
#define INTERIM_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    struct slice bytes;
    bool is_head, is_old;
} questions[] = {
    { { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27 }, false, false },
    { { "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 28 }, true, false },
    { { "GET / HTTP/1.0\r\n\r\n", 18 }, false, true },
    { { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 42 }, false, true },
};

/* What the backend's bytes were taken for, and what the client got. */
struct telling {
    unsigned question;
    bool ended, failed;
    unsigned interims;
    uint16_t status;
    char body[IN_BYTES];
    size_t body_len;
    struct strict_message got;
    char got_body[BODY_BYTES];
    enum strict_result result;
    bool was_reset;
};

static struct loop loop;
static struct exchange *ex; /* NULL: closed */
static struct h1_parser parser;

static void on_request(struct exchange *e)
{
    ex = e;
}

static void on_body(struct exchange *e, struct slice data)
{
    (void)e, (void)data;
}

static void on_body_end(struct exchange *e, const struct headers *trailers)
{
    (void)e, (void)trailers;
}

static void on_event(struct exchange *e)
{
    (void)e;
}

static void on_closed(struct exchange *e)
{
    if (ex == e)
        ex = NULL;
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

static void on_h1_closed(struct h1_server *h)
{
    (void)h;
}

/* ---- from the backend to the exchange, as upstream_conn and stage_proxy do ---- */

static void begin_answer(bool to_head)
{
    static const struct h1_limits limits = { .head_bytes = 8192, .header_count = 64 };
    h1_parser_init_response(&parser, &ex->arena, &limits, to_head);
}

static void fail(struct telling *t)
{
    t->failed = true;
    if (ex->response_begun)
        exchange_abort(ex, CLOSE_UPSTREAM_INVALID);
    else
        reply_error(ex, ERROR_PAGE_UPSTREAM_INVALID);
}

static void take_head(struct telling *t)
{
    const struct h1_head *head = &parser.head;
    if (head->status == 101 || t->interims > INTERIM_MAX) {
        fail(t);
        return;
    }
    if (head->status < 200) {
        t->interims++;
        if (head->status != 100)
            exchange_send_interim(ex, head->status, &head->headers);
        begin_answer(questions[t->question].is_head);
        return;
    }
    t->status = head->status;
    ex->response.status = head->status;
    ex->response.headers = head->headers;
    ex->response.has_content_length = head->has_content_length;
    ex->response.content_length = head->content_length;
    ex->response.body = head->body == BODY_UNTIL_CLOSE ? BODY_CHUNKED : head->body;
    exchange_send_head(ex);
}

static void take_end(struct telling *t)
{
    t->ended = true;
    exchange_send_end(ex, parser.trailers.count ? &parser.trailers : NULL);
}

static void take(struct telling *t, struct slice input)
{
    enum h1_event event = H1_HEAD;
    while (!t->ended && !t->failed && event != H1_MORE) {
        struct slice piece = { 0 };
        event = h1_parser_next(&parser, &input, &piece);
        if (event == H1_HEAD) {
            take_head(t);
        } else if (event == H1_BODY) {
            memcpy(t->body + t->body_len, piece.data, piece.len);
            t->body_len += piece.len;
            exchange_send_body(ex, piece);
        } else if (event == H1_END) {
            take_end(t);
        } else if (event == H1_BAD) {
            fail(t);
        }
    }
}

static void take_close(struct telling *t)
{
    if (h1_parser_end_of_input(&parser) == H1_END)
        take_end(t);
    else
        fail(t);
}

/* ---- what the client makes of it ---- */

static void read_as_client(struct telling *t, struct slice written)
{
    do {
        t->result = strict_http_read_response(&t->got, written, questions[t->question].is_head,
                                              t->got_body);
        REQUIRE(t->result != STRICT_REFUSED && t->got.head_len > 0);
        written = slice_from(written, t->got.used);
    } while (t->got.status < 200);
    REQUIRE(written.len == 0);
}

static void answer(struct telling *t, struct slice input, size_t step)
{
    static struct fake_stream stream;
    static struct metrics metrics;
    static struct h1_server h1;
    struct client_info client = { 0 };
    struct http_server server = { .loop = &loop,
                                  .handler = &handler,
                                  .metrics = &metrics,
                                  .limits = { .head_bytes = 8192,
                                              .target_bytes = 2048,
                                              .header_count = 64,
                                              .pipeline_bytes = 8192 },
                                  .timeouts = { .request_head_ms = 60000,
                                                .request_body_ms = 60000,
                                                .send_ms = 60000,
                                                .keep_alive_ms = 60000 } };
    t->ended = t->failed = false;
    t->interims = 0;
    t->status = 0;
    t->body_len = 0;
    fake_stream_init(&stream, &loop);
    h1_server_init(&h1, &stream.base, &server, &client, on_h1_closed);
    fake_stream_feed_bytes(&stream, questions[t->question].bytes);
    begin_answer(questions[t->question].is_head);
    while (!t->ended && !t->failed) {
        struct slice part = slice_of(input.data, MIN(step, input.len));
        loop_event_begin(&loop);
        if (part.len)
            take(t, part);
        else
            take_close(t);
        loop_event_end(&loop);
        input = slice_from(input, part.len);
    }
    t->was_reset = stream.was_reset;
    read_as_client(t, slice_of(stream.written, stream.written_len));
    loop_event_begin(&loop);
    if (!stream.closed)
        h1_server_stop(&h1);
    loop_event_end(&loop);
    fake_stream_finish(&stream);
}

static bool has_content(const struct telling *t)
{
    return !questions[t->question].is_head && t->status != 204 && t->status != 304;
}

static void check(const struct telling *t)
{
    if (t->failed && !t->status) {
        REQUIRE(t->result == STRICT_WHOLE && t->got.status == 502);
        return;
    }
    REQUIRE(t->got.status == t->status);
    REQUIRE(t->got.body_len == (has_content(t) ? t->body_len : 0));
    REQUIRE(memcmp(t->got_body, t->body, t->got.body_len) == 0);
    if (t->failed)
        REQUIRE(t->result == STRICT_INCOMPLETE && t->was_reset);
    else if (t->result == STRICT_INCOMPLETE)
        REQUIRE(t->got.framing == STRICT_UNTIL_CLOSE && questions[t->question].is_old &&
                !t->was_reset);
}

static void require_same(const struct telling *a, const struct telling *b)
{
    REQUIRE(a->ended == b->ended && a->status == b->status && a->result == b->result);
    REQUIRE(a->got.status == b->got.status && a->got.framing == b->got.framing);
    REQUIRE(a->got.field_count == b->got.field_count);
    if (a->ended) {
        REQUIRE(a->body_len == b->body_len && memcmp(a->body, b->body, a->body_len) == 0);
        REQUIRE(a->got.trailer_count == b->got.trailer_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct telling whole, pieces;
    static bool ready;
    if (size < 2 || size > IN_BYTES)
        return 0;
    if (!ready)
        REQUIRE(loop_init(&loop) == 0);
    ready = true;
    whole.question = pieces.question = data[0] % ARRAY_LEN(questions);
    struct slice input = slice_of((const char *)data + 1, size - 1);
    answer(&whole, input, input.len);
    check(&whole);
    answer(&pieces, input, data[0] / ARRAY_LEN(questions) % 7 + 1);
    check(&pieces);
    require_same(&whole, &pieces);
    return 0;
}
