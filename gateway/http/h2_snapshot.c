#include "http/h2_snapshot.h"

#define FRAME_HEAD_BYTES 9
#define SETTING_BYTES 6

void h2_snapshot_take(struct h2_snapshot *s, nghttp2_session *session, int32_t last_id)
{
    uint32_t streams =
        nghttp2_session_get_local_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    *s = (struct h2_snapshot){
        .last_id = last_id,
        .window_bytes = (uint32_t)nghttp2_session_get_remote_window_size(session),
        .stream_bytes =
            nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
        .frame_bytes =
            nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_FRAME_SIZE),
        .table_bytes =
            nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE),
        .our_stream_bytes =
            nghttp2_session_get_local_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
        .our_streams = (uint16_t)MIN(streams, UINT16_MAX),
        .no_rfc7540_priorities = nghttp2_session_get_remote_settings(
                                     session, NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES) == 1,
    };
}

void h2_snapshot_limits(const struct h2_snapshot *s, struct config_limits *limits)
{
    limits->http2_streams = s->our_streams;
    limits->http2_window_bytes = s->our_stream_bytes;
}

/* ---- what the client is made to say once more ---- */

struct script {
    uint8_t bytes[128];
    size_t len;
};

static void put(struct script *f, uint32_t value, unsigned bytes)
{
    while (bytes--)
        f->bytes[f->len++] = (uint8_t)(value >> 8 * bytes);
}

static void put_head(struct script *f, uint32_t len, uint8_t type, uint8_t flags, int32_t id)
{
    put(f, len, 3);
    put(f, type, 1);
    put(f, flags, 1);
    put(f, (uint32_t)id, 4);
}

static void put_setting(struct script *f, uint16_t id, uint32_t value)
{
    put(f, id, 2);
    put(f, value, 4);
}

/* GET https://a/: the table of fields is made empty first, as the client has done. */
static void put_request(struct script *f, int32_t id)
{
    static const uint8_t fields[] = { 0x20, 0x82, 0x87, 0x84, 0x01, 0x01, 'a' };
    put_head(f, sizeof(fields), NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
             id);
    for (size_t i = 0; i < sizeof(fields); i++)
        put(f, fields[i], 1);
}

static bool say(nghttp2_session *session, const struct script *f)
{
    return nghttp2_session_mem_recv(session, f->bytes, f->len) == (ssize_t)f->len;
}

/* It begins as each connection does, and its last request comes. What can be said once only has to
 * be in the first SETTINGS. */
static bool begin_again(const struct h2_snapshot *s, nghttp2_session *session, unsigned settings)
{
    struct script f = { .len = 0 };
    put_head(&f, SETTING_BYTES, NGHTTP2_SETTINGS, NGHTTP2_FLAG_NONE, 0);
    put_setting(&f, NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, s->no_rfc7540_priorities);
    while (settings--)
        put_head(&f, 0, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0);
    if (s->last_id)
        put_request(&f, s->last_id);
    return say(session, &f);
}

/* Our table of fields is announced anew with the next answer, since there is a size. */
static bool change_settings(const struct h2_snapshot *s, nghttp2_session *session)
{
    struct script f = { .len = 0 };
    if (s->window_bytes > NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE) {
        put_head(&f, 4, NGHTTP2_WINDOW_UPDATE, NGHTTP2_FLAG_NONE, 0);
        put(&f, s->window_bytes - NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE, 4);
    }
    put_head(&f, 3 * SETTING_BYTES, NGHTTP2_SETTINGS, NGHTTP2_FLAG_NONE, 0);
    put_setting(&f, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, s->table_bytes);
    put_setting(&f, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, s->stream_bytes);
    put_setting(&f, NGHTTP2_SETTINGS_MAX_FRAME_SIZE, s->frame_bytes);
    return say(session, &f);
}

/* ---- what is answered, to nobody ---- */

static ssize_t read_nothing(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    uint32_t *left = source->ptr;
    size_t len = MIN(length, *left);
    (void)session, (void)id, (void)buf, (void)user;
    *left -= (uint32_t)len;
    *flags = NGHTTP2_DATA_FLAG_NO_COPY | (*left ? 0u : NGHTTP2_DATA_FLAG_EOF);
    return (ssize_t)len;
}

static bool discard(nghttp2_session *session)
{
    const uint8_t *data;
    ssize_t len;
    do
        len = nghttp2_session_mem_send(session, &data);
    while (len > 0);
    return len == 0;
}

/* With a body that leaves no more of the client's window than there was. */
static bool answer(const struct h2_snapshot *s, nghttp2_session *session)
{
    uint32_t left = NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE -
                    MIN(s->window_bytes, (uint32_t)NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE);
    nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"200", 7, 3, NGHTTP2_NV_FLAG_NONE };
    nghttp2_data_provider body = { .source.ptr = &left, .read_callback = read_nothing };
    if (s->last_id && nghttp2_submit_response(session, s->last_id, &status, 1, &body) != 0)
        return false;
    return discard(session) && left == 0;
}

bool h2_snapshot_restore(const struct h2_snapshot *s, nghttp2_session *session, unsigned settings)
{
    return begin_again(s, session, settings) && answer(s, session) && change_settings(s, session) &&
           discard(session) &&
           nghttp2_session_get_remote_window_size(session) == (int32_t)s->window_bytes &&
           nghttp2_session_get_outbound_queue_size(session) == 0;
}
