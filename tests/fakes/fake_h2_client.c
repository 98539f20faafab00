#include "fakes/fake_h2_client.h"

#include <stdio.h>

#define FIELDS_MAX 256

/* ---- what comes ---- */

static struct fake_h2_answer *answer_of(struct fake_h2_client *c, int32_t id)
{
    for (size_t i = 0; i < c->answer_count; i++)
        if (c->answers[i].id == id)
            return &c->answers[i];
    assert(c->answer_count < FAKE_H2_ANSWERS);
    struct fake_h2_answer *a = &c->answers[c->answer_count++];
    *a = (struct fake_h2_answer){ .id = id };
    return a;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct fake_h2_answer *a = answer_of(user, frame->hd.stream_id);
    size_t len = strlen(a->fields);
    (void)session, (void)flags;
    snprintf(a->fields + len, sizeof(a->fields) - len, "%.*s: %.*s\n", (int)name_len,
             (const char *)name, (int)value_len, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    struct fake_h2_client *c = user;
    struct fake_h2_answer *a = answer_of(c, id);
    (void)flags;
    if (a->body_bytes < sizeof(a->body) - 1)
        memcpy(a->body + a->body_bytes, data, MIN(len, sizeof(a->body) - 1 - a->body_bytes));
    a->body_bytes += len;
    if (!c->takes_by_hand)
        nghttp2_session_consume(session, id, len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct fake_h2_client *c = user;
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        c->goaways++;
        c->goaway_code = frame->goaway.error_code;
        c->goaway_last = frame->goaway.last_stream_id;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        struct fake_h2_answer *a = answer_of(c, frame->hd.stream_id);
        a->reset = true;
        a->reset_code = frame->rst_stream.error_code;
    } else if (frame->hd.stream_id && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        answer_of(c, frame->hd.stream_id)->ended = true;
    }
    return 0;
}

const struct fake_h2_answer *fake_h2_client_answer(const struct fake_h2_client *c, int32_t id)
{
    for (size_t i = 0; i < c->answer_count; i++)
        if (c->answers[i].id == id)
            return &c->answers[i];
    return NULL;
}

/* ---- both ways ---- */

static bool send_some(struct fake_h2_client *c)
{
    const uint8_t *data;
    ssize_t len = nghttp2_session_mem_send(c->session, &data);
    assert(len >= 0);
    if (len > 0 && !c->stream->closed)
        fake_stream_feed_bytes(c->stream, slice_of((const char *)data, (size_t)len));
    return len > 0;
}

static bool receive_some(struct fake_h2_client *c)
{
    size_t len = c->stream->written_len;
    if (len == 0)
        return false;
    c->stream->written_len = 0;
    nghttp2_session_mem_recv(c->session, (const uint8_t *)c->stream->written, len);
    return true;
}

void fake_h2_client_run(struct fake_h2_client *c)
{
    bool moved = true;
    while (moved) {
        moved = send_some(c);
        moved = receive_some(c) || moved;
    }
}

void fake_h2_client_init(struct fake_h2_client *c, struct fake_stream *stream, uint32_t window)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window },
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
    };
    memset(c, 0, sizeof(*c));
    c->stream = stream;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new2(&c->session, callbacks, c, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    fake_h2_client_run(c);
}

void fake_h2_client_fini(struct fake_h2_client *c)
{
    nghttp2_session_del(c->session);
}

/* ---- requests ---- */

static size_t split(const char *text, nghttp2_nv *fields)
{
    size_t count = 0;
    while (*text) {
        const char *end = strchr(text, '\n'), *colon = strstr(text + 1, ": ");
        assert(end && colon && colon < end && count < FIELDS_MAX);
        fields[count++] = (nghttp2_nv){ .name = (uint8_t *)text,
                                        .namelen = (size_t)(colon - text),
                                        .value = (uint8_t *)colon + 2,
                                        .valuelen = (size_t)(end - colon - 2) };
        text = end + 1;
    }
    return count;
}

/* The text of a body is the source; NULL is "wait". */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct fake_h2_client *c = user;
    const char *text = source->ptr;
    size_t len = text ? MIN(length, strlen(text)) : 0;
    (void)session, (void)id;
    if (!text)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(buf, text, len);
    source->ptr = (void *)(text + len);
    if (text[len] == '\0') {
        if (c->keeps_going)
            source->ptr = NULL;
        else
            *flags = NGHTTP2_DATA_FLAG_EOF;
    }
    if (len == 0 && c->keeps_going)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)len;
}

int32_t fake_h2_client_send(struct fake_h2_client *c, const char *fields, const char *body)
{
    nghttp2_nv items[FIELDS_MAX];
    nghttp2_data_provider provider = { .source.ptr = (void *)body, .read_callback = read_body };
    size_t count = split(fields, items);
    int32_t id =
        nghttp2_submit_request(c->session, NULL, items, count, body ? &provider : NULL, NULL);
    assert(id > 0);
    fake_h2_client_run(c);
    return id;
}

int32_t fake_h2_client_request(struct fake_h2_client *c, const char *method, const char *path,
                               const char *fields, const char *body)
{
    char all[16384];
    int len =
        snprintf(all, sizeof(all), ":method: %s\n:scheme: https\n:authority: a.vn\n:path: %s\n%s",
                 method, path, fields ? fields : "");
    assert(len > 0 && (size_t)len < sizeof(all));
    return fake_h2_client_send(c, all, body);
}

void fake_h2_client_frame(struct fake_h2_client *c, uint8_t type, uint8_t flags, int32_t id,
                          const void *payload, size_t len)
{
    char frame[9 + 16384] = { (char)(len >> 16), (char)(len >> 8), (char)len,
                              (char)type,        (char)flags,      (char)(id >> 24),
                              (char)(id >> 16),  (char)(id >> 8),  (char)id };
    assert(len <= 16384);
    if (c->stream->closed)
        return;
    if (len)
        memcpy(frame + 9, payload, len);
    fake_stream_feed_bytes(c->stream, slice_of(frame, 9 + len));
}

void fake_h2_client_more(struct fake_h2_client *c, int32_t id, const char *body)
{
    fake_h2_client_frame(c, NGHTTP2_DATA, body ? 0 : NGHTTP2_FLAG_END_STREAM, id, body,
                         body ? strlen(body) : 0);
    fake_h2_client_run(c);
}
