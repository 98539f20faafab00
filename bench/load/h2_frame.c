#include "bench/load/h2_frame.h"

#define STREAM_MASK 0x7fffffffu

static uint32_t byte_at(struct slice s, size_t at)
{
    return (uint8_t)s.data[at];
}

uint32_t h2_frame_u16(struct slice payload, size_t at)
{
    return byte_at(payload, at) << 8 | byte_at(payload, at + 1);
}

uint32_t h2_frame_u32(struct slice payload, size_t at)
{
    return h2_frame_u16(payload, at) << 16 | h2_frame_u16(payload, at + 2);
}

void h2_frame_put_u32(uint8_t out[4], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

enum h2_frame_result h2_frame_next(struct slice *input, struct h2_frame *frame)
{
    if (input->len < H2_FRAME_HEAD_BYTES)
        return H2_FRAME_MORE;
    size_t len = h2_frame_u32(*input, 0) >> 8;
    if (len > H2_FRAME_PAYLOAD_MAX)
        return H2_FRAME_TOO_LARGE;
    if (input->len < H2_FRAME_HEAD_BYTES + len)
        return H2_FRAME_MORE;
    *frame = (struct h2_frame){ .type = (uint8_t)byte_at(*input, 3),
                                .flags = (uint8_t)byte_at(*input, 4),
                                .stream = h2_frame_u32(*input, 5) & STREAM_MASK,
                                .payload = slice_of(input->data + H2_FRAME_HEAD_BYTES, len) };
    *input = slice_from(*input, H2_FRAME_HEAD_BYTES + len);
    return H2_FRAME_READY;
}

bool h2_frame_strip(struct h2_frame *frame)
{
    struct slice p = frame->payload;
    size_t before = 0, after = 0;
    if (frame->type != H2_DATA && frame->type != H2_HEADERS)
        return true;
    if (frame->flags & H2_FLAG_PADDED) {
        if (p.len == 0)
            return false;
        before = 1;
        after = byte_at(p, 0);
    }
    if (frame->type == H2_HEADERS && frame->flags & H2_FLAG_PRIORITY)
        before += 5;
    if (before + after > p.len)
        return false;
    frame->payload = slice_of(p.data + before, p.len - before - after);
    return true;
}

void h2_frame_write(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream,
                    struct slice payload)
{
    uint8_t head[H2_FRAME_HEAD_BYTES];
    h2_frame_put_u32(head, (uint32_t)payload.len << 8 | type);
    head[4] = flags;
    h2_frame_put_u32(head + 5, stream);
    buf_append(out, head, sizeof(head));
    buf_append_slice(out, payload);
}

void h2_frame_write_u32(struct buf *out, uint8_t type, uint32_t stream, uint32_t value)
{
    uint8_t payload[4];
    h2_frame_put_u32(payload, value);
    h2_frame_write(out, type, 0, stream, slice_of((const char *)payload, sizeof(payload)));
}
