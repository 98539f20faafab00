/* What nghttp2 tells of a session, and how it is set up. */
#include "http/h2_stream.h"

#include <stdlib.h>

/* RFC 9113 6.5.2 knows of a few settings; more in one frame are of no use to anybody. */
#define SETTINGS_MAX 32
/* nghttp2's own limits, where h2_flood counts better. */
#define FAR_ABOVE_OURS 10000
/* The size of a header field's entry beside its text (RFC 7541 4.1). */
#define FIELD_OVERHEAD_BYTES 32
/* The largest payload of a frame that we send (RFC 9113 4.2). */
#define FRAME_MAX_BYTES 16384
/* The table of fields that we send; clients offer 4 KiB (RFC 9113 6.5.2). */
#define ENCODER_TABLE_BYTES 2048
/* A DATA frame of this size pays for the WINDOW_UPDATE frames that it will cause. */
#define PAYING_DATA_BYTES 1024

static struct h2_stream *find(nghttp2_session *session, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

static struct slice text_of(nghttp2_rcbuf *buf)
{
    nghttp2_vec v = nghttp2_rcbuf_get_buf(buf);
    return slice_of((const char *)v.base, v.len);
}

/* ---- memory ---- */

/* A session of nghttp2 asks for room for one frame. The frame is made and handed over within one
 * call of nghttp2_session_mem_send(), so all sessions of a loop can make theirs in the same place.
 * Others that it asks for later, for large heads, are its own. */
static bool is_frame(const struct http_server *s, size_t size)
{
    return s->http2_begins && size > FRAME_MAX_BYTES && size <= LOOP_FRAME_BYTES;
}

static void *take(size_t size, void *user)
{
    struct http_server *s = user;
    return is_frame(s, size) ? s->loop->frame : malloc(size);
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    (void)user;
    return calloc(count, size);
}

static void *take_more(void *p, size_t size, void *user)
{
    struct http_server *s = user;
    if (!p)
        return take(size, user);
    return p == s->loop->frame ? NULL : realloc(p, size);
}

static void give_back(void *p, void *user)
{
    struct http_server *s = user;
    if (p != s->loop->frame)
        free(p);
}

static int make_session(struct h2_server *h, const nghttp2_session_callbacks *callbacks,
                        const nghttp2_option *options, nghttp2_session **session)
{
    struct http_server *s = h->server;
    nghttp2_mem memory = { s, take, give_back, take_zeroed, take_more };
    s->http2_begins = true;
    int rc = nghttp2_session_server_new3(session, callbacks, h, options, &memory);
    s->http2_begins = false;
    return rc;
}

/* ---- frames that come ---- */

/* Where nghttp2 is lenient: it drops all PRIORITY frames, those that are an error (RFC 9113 6.3)
 * too; and it says nothing of a header block for a stream that it has forgotten, yet reads it. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *user)
{
    struct h2_server *h = user;
    if (frame->type == NGHTTP2_PRIORITY && frame->stream_id == 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->type != NGHTTP2_HEADERS)
        return 0;
    bool is_new = frame->stream_id > h->last_id;
    if (is_new)
        h->last_id = frame->stream_id;
    if (is_new || find(session, frame->stream_id))
        return 0;
    return h2_server_charge(h, H2_FLOOD_ENDED) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    return h2_stream_new(user, frame->hd.stream_id) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct h2_server *h = user;
    struct h2_stream *st = find(session, frame->hd.stream_id);
    (void)flags;
    if (!st || h2_stream_field(st, text_of(name), text_of(value)))
        return 0;
    return h->is_flood ? NGHTTP2_ERR_CALLBACK_FAILURE : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Left alone, nghttp2 would drop the field and let the rest pass. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)session, (void)frame, (void)name, (void)value, (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_server *h = user;
    struct h2_stream *st = find(session, frame->hd.stream_id);
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (st && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            h2_stream_head(st, ended);
        else if (st && ended)
            h2_stream_end(st);
        break;
    case NGHTTP2_DATA:
        if (st && ended)
            h2_stream_end(st);
        break;
    case NGHTTP2_RST_STREAM:
        if (st)
            st->reset_received = true;
        break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
            h2_server_pong(h);
        break;
    default:
        break;
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user)
{
    struct h2_stream *st = find(session, id);
    (void)flags, (void)user;
    if (st)
        h2_stream_data(st, slice_of((const char *)data, len));
    else
        nghttp2_session_consume(session, id, len);
    return 0;
}

/* ---- frames that go ---- */

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_head,
                        size_t len, nghttp2_data_source *source, void *user)
{
    struct h2_server *h = user;
    struct h2_stream *st = find(session, frame->hd.stream_id);
    (void)source;
    if (!st)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (len >= PAYING_DATA_BYTES)
        h2_flood_credit(&h->flood, H2_FLOOD_WINDOW_UPDATE, 3);
    h2_answer_write(st, frame_head, len);
    return 0;
}

/* The answer has left. A client that is still sending its request is told that nobody wants it. */
static void answer_has_left(nghttp2_session *session, struct h2_stream *st)
{
    int32_t id = st->id;
    st->end_sent = true;
    if (!st->answer_ended)
        return; /* a head without content: the handler has not said yet that it is the end */
    st->ex->response_complete = true;
    if (nghttp2_session_get_stream_remote_close(session, id) == 0)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    h2_stream_finish(st, CLOSE_NONE);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_server *h = user;
    struct h2_stream *st = find(session, frame->hd.stream_id);
    bool ends = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (st && ends && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        answer_has_left(session, st);
    if (frame->hd.type == NGHTTP2_RST_STREAM && !h2_server_charge(h, H2_FLOOD_RST_STREAM))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return 0;
}

/* A stream that still has its exchange was ended by the client, or by nghttp2 because the client
 * broke a rule. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_server *h = user;
    struct h2_stream *st = find(session, id);
    (void)code;
    if (!st || st->end_sent)
        return 0;
    if (!st->reset_received)
        metrics_add(h->server->metrics, COUNTER_REQUESTS_INVALID, 1);
    h2_stream_finish(st, st->reset_received ? CLOSE_CLIENT_LEFT : CLOSE_CLIENT_INVALID);
    return h2_server_charge(h, H2_FLOOD_RESET) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- setting up ---- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *c = NULL;
    if (nghttp2_session_callbacks_new(&c) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
    nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    return c;
}

static nghttp2_option *make_options(void)
{
    nghttp2_option *o = NULL;
    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(o, ENCODER_TABLE_BYTES);
    nghttp2_option_set_max_settings(o, SETTINGS_MAX);
    nghttp2_option_set_stream_reset_rate_limit(o, FAR_ABOVE_OURS, FAR_ABOVE_OURS);
    /* nghttp2 1.52 counts a frame anew for each read that its first nine bytes are spread over. */
    nghttp2_option_set_max_continuations(o, FAR_ABOVE_OURS);
    nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
    return o;
}

static int submit_settings(nghttp2_session *session, const struct config_limits *limits)
{
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->http2_streams },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->http2_window_bytes },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
          limits->head_bytes + FIELD_OVERHEAD_BYTES * limits->header_count },
        { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    int rc = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    if (rc != 0)
        return rc;
    return nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)(2 * limits->http2_window_bytes));
}

nghttp2_session *h2_session_new(struct h2_server *h)
{
    nghttp2_session *session = NULL;
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *options = make_options();
    int rc =
        callbacks && options ? make_session(h, callbacks, options, &session) : NGHTTP2_ERR_NOMEM;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    if (rc == 0)
        rc = submit_settings(session, &h->server->limits);
    if (rc == 0)
        return session;
    nghttp2_session_del(session);
    return NULL;
}
