/* What nghttp2 tells of a session, and how it is set up. */
#include "http/h2_sleep.h"
#include "http/h2_stream.h"
#include "http/http_conn.h"

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

/* A connection outlives its sessions (h2_sleep). jemalloc puts blocks of one class of sizes on the
 * same pages, which would stay for the connections' sake when the sessions go: so sessions have no
 * blocks of that class. */
static size_t apart(size_t size)
{
    return size > HTTP_CONN_CLASS_BELOW && size <= HTTP_CONN_CLASS ? HTTP_CONN_CLASS + 1 : size;
}

static void *take(size_t size, void *user)
{
    struct http_server *s = user;
    return is_frame(s, size) ? s->loop->frame : malloc(apart(size));
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    size_t bytes;
    (void)user;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : calloc(1, apart(bytes));
}

static void *take_more(void *p, size_t size, void *user)
{
    struct http_server *s = user;
    if (!p)
        return take(size, user);
    return p == s->loop->frame ? NULL : realloc(p, apart(size));
}

static void give_back(void *p, void *user)
{
    struct http_server *s = user;
    if (p != s->loop->frame)
        free(p);
}

static int new_session(struct h2_server *h, const nghttp2_session_callbacks *callbacks,
                       const nghttp2_option *options)
{
    struct http_server *s = h->server;
    nghttp2_mem memory = { s, take, give_back, take_zeroed, take_more };
    s->http2_begins = true;
    int rc = nghttp2_session_server_new3(&h->session, callbacks, h, options, &memory);
    s->http2_begins = false;
    return rc;
}

/* ---- frames that come ----
 *
 * Nobody is told (`user` is NULL) of what a session that is made anew is made to read and write. */

/* Where nghttp2 is lenient: it drops all PRIORITY frames, those that are an error (RFC 9113 6.3)
 * too; and it says nothing of a header block for a stream that it has forgotten, yet reads it. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *user)
{
    struct h2_server *h = user;
    if (!h)
        return 0;
    if (frame->type == NGHTTP2_PRIORITY && frame->stream_id == 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->type != NGHTTP2_HEADERS)
        return 0;
    if (!h->table_off && h->settings_due == 0)
        h->table_empty = false;
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
    if (!user || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
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
    if (!h)
        return 0;
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        h->handed_id = MAX(h->handed_id, frame->hd.stream_id);
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
    case NGHTTP2_SETTINGS:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
            h2_flood_credit(&h->flood, H2_FLOOD_SETTINGS, 1); /* we have asked for it */
            h->settings_due--;
            h->table_empty = h->table_empty || (h->table_off && h->settings_due == 0);
        }
        break;
    case NGHTTP2_PRIORITY_UPDATE: {
        const nghttp2_ext_priority_update *update = frame->ext.payload;
        h->priority_id = MAX(h->priority_id, update->stream_id);
        break;
    }
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
    if (!h)
        return 0;
    if (!st)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (len >= PAYING_DATA_BYTES)
        h2_flood_credit(&h->flood, H2_FLOOD_WINDOW_UPDATE, 3);
    h2_answer_write(st, frame_head, len);
    return 0;
}

void h2_session_write_goaway(struct stream *s, int32_t last_id, uint32_t code)
{
    const uint32_t id = (uint32_t)last_id;
    const uint8_t frame[] = {
        0,
        0,
        8,
        NGHTTP2_GOAWAY,
        0,
        0,
        0,
        0,
        0,
        (uint8_t)(id >> 24),
        (uint8_t)(id >> 16),
        (uint8_t)(id >> 8),
        (uint8_t)id,
        (uint8_t)(code >> 24),
        (uint8_t)(code >> 16),
        (uint8_t)(code >> 8),
        (uint8_t)code,
    };
    stream_write(s, slice_of((const char *)frame, sizeof(frame)));
}

/* nghttp2 counts a request whose fields it could not read as one that was taken up. It was not, so
 * its client may send it again: those that ignore SETTINGS_HEADER_TABLE_SIZE, as Go's before 1.20,
 * end here, and come again by another connection. */
static int before_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_server *h = user;
    (void)session;
    if (!h || frame->hd.type != NGHTTP2_GOAWAY ||
        frame->goaway.error_code != NGHTTP2_COMPRESSION_ERROR)
        return 0;
    h->unreadable = true;
    h2_session_write_goaway(h->stream, h->handed_id, NGHTTP2_COMPRESSION_ERROR);
    return NGHTTP2_ERR_CANCEL;
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
    if (h && frame->hd.type == NGHTTP2_RST_STREAM && !h2_server_charge(h, H2_FLOOD_RST_STREAM))
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
    nghttp2_session_callbacks_set_before_frame_send_callback(c, before_frame_send);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    return c;
}

static nghttp2_option *make_options(bool begun)
{
    nghttp2_option *o = NULL;
    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_no_recv_client_magic(o, begun);
    nghttp2_option_set_max_deflate_dynamic_table_size(o, ENCODER_TABLE_BYTES);
    nghttp2_option_set_max_settings(o, SETTINGS_MAX);
    nghttp2_option_set_stream_reset_rate_limit(o, FAR_ABOVE_OURS, FAR_ABOVE_OURS);
    /* nghttp2 1.52 counts a frame anew for each read that its first nine bytes are spread over. */
    nghttp2_option_set_max_continuations(o, FAR_ABOVE_OURS);
    nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
    return o;
}

static int submit_settings(struct h2_server *h, const struct config_limits *limits)
{
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->http2_streams },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->http2_window_bytes },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
          limits->head_bytes + FIELD_OVERHEAD_BYTES * limits->header_count },
        { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    int rc = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    if (rc != 0)
        return rc;
    h->settings_due++;
    return nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)(2 * limits->http2_window_bytes));
}

bool h2_session_limit_table(struct h2_server *h, uint32_t bytes)
{
    const nghttp2_settings_entry table = { NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, bytes };
    if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, &table, 1) != 0)
        return false;
    h->settings_due++;
    return true;
}

/* `begun`: the client's preface has been read. */
static bool make_session(struct h2_server *h, bool begun, const struct config_limits *limits)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *options = make_options(begun);
    int rc = callbacks && options ? new_session(h, callbacks, options) : NGHTTP2_ERR_NOMEM;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    return rc == 0 && submit_settings(h, limits) == 0;
}

static bool made(struct h2_server *h, bool is_good)
{
    if (!is_good) {
        nghttp2_session_del(h->session);
        h->session = NULL;
    }
    return is_good;
}

bool h2_session_new(struct h2_server *h)
{
    return made(h, make_session(h, false, &h->server->limits));
}

bool h2_session_revive(struct h2_server *h, const struct h2_snapshot *from)
{
    struct config_limits limits = h->server->limits;
    h2_snapshot_limits(from, &limits);
    bool is_good =
        make_session(h, true, &limits) && (!h->table_off || h2_session_limit_table(h, 0));
    if (is_good) {
        nghttp2_session_set_user_data(h->session, NULL);
        is_good = h2_snapshot_restore(from, h->session, h->settings_due);
        nghttp2_session_set_user_data(h->session, h);
        h->settings_due = 0;
    }
    return made(h, is_good);
}
