#include "fakes/fake_site.h"

#include "http/reply.h"

#include <stdio.h>

struct fake_site s;

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
    if (trailers && trailers->count)
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
    s.drains++;
    exchange_send_body(ex, s.more);
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

int fake_site_begin(void)
{
    memset(&s, 0, sizeof(s));
    if (loop_init(&s.loop) < 0)
        return -1;
    s.server = (struct http_server){
        .loop = &s.loop,
        .handler = &handler,
        .metrics = &s.metrics,
        .limits = { .head_bytes = 4096,
                    .target_bytes = 1024,
                    .header_count = 50,
                    .pipeline_bytes = 1024,
                    .http2_streams = 100,
                    .http2_window_bytes = 65536 },
        .timeouts = { .request_head_ms = 60000,
                      .request_body_ms = 60000,
                      .send_ms = 60000,
                      .keep_alive_ms = 60000,
                      .http2_sleep_ms = 1000 },
    };
    fake_stream_init(&s.stream, &s.loop);
    return 0;
}

int fake_site_end(void)
{
    fake_stream_finish(&s.stream);
    bool freed = s.freed;
    loop_fini(&s.loop);
    return freed ? 0 : -1;
}

void fake_site_answer(struct exchange *ex, const char *body)
{
    loop_event_begin(&s.loop);
    reply_text(ex, 200, SLICE("text/plain"), slice_str(body));
    loop_event_end(&s.loop);
}
