#include "fakes/fake_h2_site.h"

#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct fake_h2_site s;

static void on_request(struct exchange *ex)
{
    struct slice cookies = headers_value(&ex->request.headers, HEADER_COOKIE);
    s.requests++;
    s.current = ex;
    snprintf(s.path, sizeof(s.path), "%.*s", SLICE_ARG(ex->request.forward));
    snprintf(s.cookies, sizeof(s.cookies), "%.*s", SLICE_ARG(cookies));
    if (s.pause_at_once)
        exchange_pause_body(ex);
    if (s.answer_at_once)
        reply_text(ex, 200, SLICE("text/plain"), ex->request.path);
}

static void on_body(struct exchange *ex, struct slice data)
{
    (void)ex;
    assert(s.body_len + data.len < sizeof(s.body));
    memcpy(s.body + s.body_len, data.data, data.len);
    s.body_len += data.len;
}

static void on_body_end(struct exchange *ex, const struct headers *trailers)
{
    (void)ex;
    s.ends++;
    if (trailers)
        snprintf(s.trailer, sizeof(s.trailer), "%.*s=%.*s",
                 SLICE_ARG(header_name(&trailers->items[0])),
                 SLICE_ARG(header_value(&trailers->items[0])));
}

static void on_response(struct exchange *ex)
{
    (void)ex;
}

static void on_blocked(struct exchange *ex)
{
    (void)ex;
    s.blocks++;
}

static void on_drained(struct exchange *ex)
{
    (void)ex;
    s.drains++;
}

static void on_closed(struct exchange *ex)
{
    s.closes++;
    s.reason = ex->close_reason;
    if (s.current == ex)
        s.current = NULL;
}

static const struct exchange_handler handler = {
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_response = on_response,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void on_h2_closed(struct h2_server *h)
{
    (void)h;
    s.freed = true;
}

int fake_h2_set_up(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    if (loop_init(&s.loop) < 0)
        return -1;
    s.client.tls_version = "TLSv1.3";
    s.server = (struct http_server){
        .loop = &s.loop,
        .handler = &handler,
        .metrics = &s.metrics,
        .limits = { .head_bytes = 4096,
                    .target_bytes = 1024,
                    .header_count = 50,
                    .http2_streams = 100,
                    .http2_window_bytes = 65536 },
        .timeouts = { .request_head_ms = 60000,
                      .request_body_ms = 60000,
                      .send_ms = 60000,
                      .keep_alive_ms = 60000 },
    };
    fake_stream_init(&s.stream, &s.loop);
    loop_event_begin(&s.loop);
    h2_server_init(&s.h2, &s.stream.base, &s.server, &s.client, on_h2_closed);
    loop_event_end(&s.loop);
    fake_h2_client_init(&s.remote, &s.stream, 65535);
    return 0;
}

int fake_h2_tear_down(void **state)
{
    (void)state;
    if (!s.stream.closed) {
        loop_event_begin(&s.loop);
        h2_server_stop(&s.h2);
        loop_event_end(&s.loop);
    }
    fake_stream_finish(&s.stream);
    fake_h2_client_fini(&s.remote);
    bool freed = s.freed;
    loop_fini(&s.loop);
    return freed ? 0 : -1;
}

void fake_h2_answer(struct exchange *ex, const char *body)
{
    loop_event_begin(&s.loop);
    reply_text(ex, 200, SLICE("text/plain"), slice_str(body));
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
}

void fake_h2_begin_answer(struct exchange *ex)
{
    loop_event_begin(&s.loop);
    ex->response.status = 200;
    ex->response.body = BODY_CHUNKED;
    exchange_send_head(ex);
    loop_event_end(&s.loop);
}

void fake_h2_send_bytes(struct exchange *ex, size_t bytes)
{
    static char block[60000];
    memset(block, 'x', sizeof(block));
    assert(bytes <= sizeof(block));
    loop_event_begin(&s.loop);
    exchange_send_body(ex, slice_of(block, bytes));
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
}

void fake_h2_end_answer(struct exchange *ex, const struct headers *trailers)
{
    loop_event_begin(&s.loop);
    exchange_send_end(ex, trailers);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
}

const struct fake_h2_answer *fake_h2_got(int32_t id)
{
    const struct fake_h2_answer *a = fake_h2_client_answer(&s.remote, id);
    assert_non_null(a);
    return a;
}

void fake_h2_assert_status(int32_t id, unsigned status)
{
    char text[32];
    snprintf(text, sizeof(text), ":status: %u\n", status);
    if (!strstr(fake_h2_got(id)->fields, text))
        fail_msg("no status %u in:\n%s", status, fake_h2_got(id)->fields);
}

void fake_h2_assert_field(int32_t id, const char *field)
{
    if (!strstr(fake_h2_got(id)->fields, field))
        fail_msg("\"%s\" is not in:\n%s", field, fake_h2_got(id)->fields);
}
