#include "bench/load/h2_client.h"

#include "bench/load/h2_frame.h"
#include "common/log.h"
#include "common/mem.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#define DEFAULT_WINDOW 65535
#define DEFAULT_TABLE_BYTES 4096
#define WINDOW_MAX INT32_MAX
#define UPDATE_BYTES 32768 /* received since the last WINDOW_UPDATE: time for another */
#define BLOCK_BYTES 65536  /* of one header block */
#define OUT_BYTES 65536    /* of control frames that wait to be written */
#define HEAD_BYTES 8192    /* of our own header blocks: a long cookie line and all else */

struct h2_client {
    nghttp2_hd_deflater *deflater; /* owned */
    nghttp2_hd_inflater *inflater; /* owned */
    struct request *request;       /* borrowed; NULL: nothing is asked */
    struct answer *answer;         /* borrowed; NULL as above */
    struct buf input;              /* the beginning of a frame that is not all here */
    struct buf block;              /* of a header block that goes on in CONTINUATION */
    struct buf output;             /* control frames and heads */
    uint32_t stream, next_stream;
    int64_t window, stream_window; /* what we may send; an initial value may make it negative */
    int64_t initial_window;        /* of streams to come, as the server wants it */
    uint32_t received, stream_received; /* since the last WINDOW_UPDATE */
    bool is_complete, is_cut, is_leaving;
    bool in_block, block_ends_stream;
};

/* --- beginning and end ------------------------------------------------------------------------ */

static void write_preface(struct h2_client *c)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    uint8_t settings[12] = { 0, H2_SETTING_HEADER_TABLE_SIZE, 0, 0, 0, 0,
                             0, H2_SETTING_ENABLE_PUSH,       0, 0, 0, 0 };
    h2_frame_put_u32(settings + 2, H2_CLIENT_TABLE_BYTES);
    buf_append_str(&c->output, preface);
    h2_frame_write(&c->output, H2_SETTINGS, 0, 0,
                   slice_of((const char *)settings, sizeof(settings)));
}

struct h2_client *h2_client_new(void)
{
    struct h2_client *c = mem_new(sizeof(*c));
    *c = (struct h2_client){ .next_stream = 1,
                             .window = DEFAULT_WINDOW,
                             .initial_window = DEFAULT_WINDOW };
    buf_init(&c->input, H2_FRAME_HEAD_BYTES + H2_FRAME_PAYLOAD_MAX + 65536);
    buf_init(&c->block, BLOCK_BYTES);
    buf_init(&c->output, OUT_BYTES);
    if (nghttp2_hd_deflate_new(&c->deflater, DEFAULT_TABLE_BYTES) != 0 ||
        nghttp2_hd_inflate_new(&c->inflater) != 0 ||
        nghttp2_hd_inflate_change_table_size(c->inflater, H2_CLIENT_TABLE_BYTES) != 0) {
        log_write(LOG_ERROR, "nghttp2 cannot make header tables; this generator stops");
        abort();
    }
    write_preface(c);
    return c;
}

void h2_client_free(struct h2_client **client)
{
    struct h2_client *c = *client;
    *client = NULL;
    if (!c)
        return;
    nghttp2_hd_deflate_del(c->deflater);
    nghttp2_hd_inflate_del(c->inflater);
    buf_fini(&c->input);
    buf_fini(&c->block);
    buf_fini(&c->output);
    mem_free(c);
}

/* --- asking ----------------------------------------------------------------------------------- */

static nghttp2_nv pair(struct slice name, struct slice value)
{
    bool is_unique = slice_eq(name, SLICE("idempotency-key")); /* not worth a place in the table */
    return (nghttp2_nv){ .name = (uint8_t *)name.data,
                         .namelen = name.len,
                         .value = (uint8_t *)value.data,
                         .valuelen = value.len,
                         .flags = is_unique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE };
}

static void write_head(struct h2_client *c, const struct request *r, struct slice host)
{
    struct request_field fields[REQUEST_FIELDS_MAX];
    nghttp2_nv pairs[REQUEST_FIELDS_MAX + 4];
    uint8_t block[HEAD_BYTES];
    char digits[20];
    size_t count = request_fields(r, fields, digits), n = 0;
    pairs[n++] = pair(SLICE(":method"), slice_str(r->method));
    pairs[n++] = pair(SLICE(":scheme"), SLICE("https"));
    pairs[n++] = pair(SLICE(":authority"), host);
    pairs[n++] = pair(SLICE(":path"), slice_str(r->target));
    for (size_t i = 0; i < count; i++)
        pairs[n++] = pair(fields[i].name, fields[i].value);
    ssize_t len = nghttp2_hd_deflate_hd(c->deflater, block, sizeof(block), pairs, n);
    uint8_t flags = H2_FLAG_END_HEADERS | (r->body_bytes ? 0 : H2_FLAG_END_STREAM);
    assert(len > 0);
    h2_frame_write(&c->output, H2_HEADERS, flags, c->stream,
                   slice_of((const char *)block, (size_t)len));
}

void h2_client_ask(struct h2_client *c, struct request *r, struct slice host, struct answer *answer)
{
    c->request = r;
    c->answer = answer;
    c->stream = c->next_stream;
    c->next_stream += 2;
    c->stream_window = c->initial_window;
    c->stream_received = 0;
    c->is_complete = c->is_cut = false;
    write_head(c, r, host);
}

void h2_client_forget(struct h2_client *c)
{
    c->request = NULL;
    c->answer = NULL;
    c->stream = 0;
}

static void write_body(struct h2_client *c, struct buf *out, size_t max)
{
    while (c->request && out->len < max) {
        int64_t window = MIN(c->window, c->stream_window);
        size_t room = (size_t)MAX(MIN(window, H2_FRAME_PAYLOAD_MAX), 0);
        struct slice piece = request_next_piece(c->request, room);
        if (piece.len == 0)
            return;
        uint8_t flags = request_is_sent(c->request) ? H2_FLAG_END_STREAM : 0;
        h2_frame_write(out, H2_DATA, flags, c->stream, piece);
        c->window -= (int64_t)piece.len;
        c->stream_window -= (int64_t)piece.len;
    }
}

void h2_client_write(struct h2_client *c, struct buf *out, size_t max)
{
    buf_append_slice(out, buf_slice(&c->output));
    buf_fini(&c->output); /* at rest it owns nothing */
    write_body(c, out, max);
}

/* --- what frames say; false: not HTTP/2 ------------------------------------------------------- */

static bool is_ours(const struct h2_client *c, uint32_t stream)
{
    return c->answer && stream == c->stream;
}

static void report(struct h2_client *c, const nghttp2_nv *field)
{
    struct slice name = slice_of((const char *)field->name, field->namelen);
    struct slice value = slice_of((const char *)field->value, field->valuelen);
    uint64_t status;
    if (!slice_eq(name, SLICE(":status")))
        answer_header(c->answer, name, value);
    else if (slice_to_u64(value, &status))
        answer_status(c->answer, (unsigned)status);
}

/* Every block passes the inflater, whoever it is for: the table goes by all of them. */
static bool read_block(struct h2_client *c, uint32_t stream, struct slice block)
{
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(c->inflater, &field, &flags, (const uint8_t *)block.data,
                                           block.len, 1);
        if (n < 0)
            return false;
        block = slice_from(block, (size_t)n);
        if (flags & NGHTTP2_HD_INFLATE_EMIT && is_ours(c, stream))
            report(c, &field);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && block.len == 0)
            return false;
    }
    nghttp2_hd_inflate_end_headers(c->inflater);
    if (c->block_ends_stream && is_ours(c, stream))
        c->is_complete = true;
    return true;
}

static bool on_headers(struct h2_client *c, struct h2_frame *f)
{
    if (c->in_block != (f->type == H2_CONTINUATION) || !h2_frame_strip(f))
        return false;
    if (f->type == H2_HEADERS)
        c->block_ends_stream = f->flags & H2_FLAG_END_STREAM;
    c->in_block = !(f->flags & H2_FLAG_END_HEADERS);
    if (!c->in_block && c->block.len == 0)
        return read_block(c, f->stream, f->payload);
    buf_append_slice(&c->block, f->payload);
    if (c->in_block || !buf_ok(&c->block))
        return buf_ok(&c->block);
    bool is_good = read_block(c, f->stream, buf_slice(&c->block));
    buf_fini(&c->block);
    return is_good;
}

/* Padding counts, too. */
static void give_window_back(struct h2_client *c, uint32_t stream, size_t bytes)
{
    c->received += (uint32_t)bytes;
    if (c->received >= UPDATE_BYTES) {
        h2_frame_write_u32(&c->output, H2_WINDOW_UPDATE, 0, c->received);
        c->received = 0;
    }
    if (!is_ours(c, stream) || c->is_complete)
        return;
    c->stream_received += (uint32_t)bytes;
    if (c->stream_received >= UPDATE_BYTES) {
        h2_frame_write_u32(&c->output, H2_WINDOW_UPDATE, stream, c->stream_received);
        c->stream_received = 0;
    }
}

static bool on_data(struct h2_client *c, struct h2_frame *f)
{
    size_t bytes = f->payload.len;
    if (!h2_frame_strip(f))
        return false;
    if (is_ours(c, f->stream)) {
        answer_body(c->answer, f->payload);
        c->is_complete = f->flags & H2_FLAG_END_STREAM;
    }
    give_window_back(c, f->stream, bytes);
    return true;
}

static bool apply_setting(struct h2_client *c, uint32_t name, uint32_t value)
{
    switch (name) {
    case H2_SETTING_HEADER_TABLE_SIZE:
        return nghttp2_hd_deflate_change_table_size(c->deflater, MIN(value, DEFAULT_TABLE_BYTES)) ==
               0;
    case H2_SETTING_INITIAL_WINDOW_SIZE:
        c->stream_window += (int64_t)value - c->initial_window;
        c->initial_window = value;
        return value <= WINDOW_MAX;
    default:
        return true; /* our frames are of the smallest size that everybody takes */
    }
}

static bool on_settings(struct h2_client *c, const struct h2_frame *f)
{
    if (f->stream != 0 || f->payload.len % 6 != 0)
        return false;
    if (f->flags & H2_FLAG_ACK)
        return f->payload.len == 0;
    for (size_t at = 0; at < f->payload.len; at += 6)
        if (!apply_setting(c, h2_frame_u16(f->payload, at), h2_frame_u32(f->payload, at + 2)))
            return false;
    h2_frame_write(&c->output, H2_SETTINGS, H2_FLAG_ACK, 0, (struct slice){ 0 });
    return true;
}

static bool on_window_update(struct h2_client *c, const struct h2_frame *f)
{
    if (f->payload.len != 4)
        return false;
    uint32_t more = h2_frame_u32(f->payload, 0) & WINDOW_MAX;
    if (f->stream == 0)
        c->window += more;
    else if (is_ours(c, f->stream))
        c->stream_window += more;
    return more > 0 && c->window <= WINDOW_MAX && c->stream_window <= WINDOW_MAX;
}

static bool on_ping(struct h2_client *c, const struct h2_frame *f)
{
    if (f->payload.len != 8)
        return false;
    if (!(f->flags & H2_FLAG_ACK))
        h2_frame_write(&c->output, H2_PING, H2_FLAG_ACK, 0, f->payload);
    return true;
}

static bool on_goaway(struct h2_client *c, const struct h2_frame *f)
{
    if (f->payload.len < 8)
        return false;
    c->is_leaving = true;
    c->is_cut = c->is_cut || c->stream > (h2_frame_u32(f->payload, 0) & WINDOW_MAX);
    return true;
}

static bool on_frame(struct h2_client *c, struct h2_frame *f)
{
    if (c->in_block && f->type != H2_CONTINUATION)
        return false;
    switch (f->type) {
    case H2_DATA:
        return on_data(c, f);
    case H2_HEADERS:
    case H2_CONTINUATION:
        return on_headers(c, f);
    case H2_RST_STREAM:
        c->is_cut = c->is_cut || (is_ours(c, f->stream) && !c->is_complete);
        return f->payload.len == 4;
    case H2_SETTINGS:
        return on_settings(c, f);
    case H2_PING:
        return on_ping(c, f);
    case H2_GOAWAY:
        return on_goaway(c, f);
    case H2_WINDOW_UPDATE:
        return on_window_update(c, f);
    case H2_PUSH_PROMISE:
        return false; /* we have forbidden it */
    default:
        return true; /* unknown frames are to be ignored (RFC 9113 4.1) */
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_frames(struct h2_client *c, struct slice *bytes)
{
    struct h2_frame frame;
    for (;;) {
        switch (h2_frame_next(bytes, &frame)) {
        case H2_FRAME_MORE:
            return true;
        case H2_FRAME_TOO_LARGE:
            return false;
        case H2_FRAME_READY:
            break;
        }
        if (!on_frame(c, &frame))
            return false;
    }
}

/* Keeps the beginning of a frame for the next time. */
static bool read_all(struct h2_client *c, struct slice bytes)
{
    if (c->input.len == 0) {
        bool is_good = read_frames(c, &bytes);
        buf_append_slice(&c->input, bytes);
        return is_good;
    }
    buf_append_slice(&c->input, bytes);
    struct slice all = buf_slice(&c->input);
    bool is_good = buf_ok(&c->input) && read_frames(c, &all);
    buf_consume(&c->input, c->input.len - all.len);
    if (c->input.len == 0)
        buf_fini(&c->input);
    return is_good;
}

enum answer_progress h2_client_read(struct h2_client *c, struct slice bytes)
{
    if (!read_all(c, bytes))
        return ANSWER_BAD;
    if (c->answer && c->is_cut)
        return ANSWER_CUT;
    if (c->answer && !c->is_complete)
        return ANSWER_MORE;
    if (c->is_leaving)
        return ANSWER_LAST;
    return c->answer ? ANSWER_DONE : ANSWER_MORE;
}
