/* The frames of HTTP/2 (RFC 9113, 4 and 6), their heads and fields. Sans I/O. */
#ifndef LOAD_H2_FRAME_H
#define LOAD_H2_FRAME_H

#include "common/buf.h"

#define H2_FRAME_HEAD_BYTES 9
#define H2_FRAME_PAYLOAD_MAX 16384 /* ours: the default, which we do not raise */

enum h2_frame_type {
    H2_DATA = 0,
    H2_HEADERS = 1,
    H2_RST_STREAM = 3,
    H2_SETTINGS = 4,
    H2_PUSH_PROMISE = 5,
    H2_PING = 6,
    H2_GOAWAY = 7,
    H2_WINDOW_UPDATE = 8,
    H2_CONTINUATION = 9,
};

enum h2_frame_flag {
    H2_FLAG_ACK = 0x1,
    H2_FLAG_END_STREAM = 0x1,
    H2_FLAG_END_HEADERS = 0x4,
    H2_FLAG_PADDED = 0x8,
    H2_FLAG_PRIORITY = 0x20,
};

enum h2_setting {
    H2_SETTING_HEADER_TABLE_SIZE = 1,
    H2_SETTING_ENABLE_PUSH = 2,
    H2_SETTING_INITIAL_WINDOW_SIZE = 4,
};

struct h2_frame {
    uint8_t type, flags;
    uint32_t stream;
    struct slice payload;
};

enum h2_frame_result { H2_FRAME_MORE, H2_FRAME_READY, H2_FRAME_TOO_LARGE };

/* Takes the first frame off `input`, or leaves that as it is when more bytes are needed. */
enum h2_frame_result h2_frame_next(struct slice *input, struct h2_frame *frame);
/* Takes padding and priority off the payload of DATA and HEADERS; others have none. False when they
 * do not fit. */
bool h2_frame_strip(struct h2_frame *frame);

void h2_frame_write(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream,
                    struct slice payload);
void h2_frame_write_u32(struct buf *out, uint8_t type, uint32_t stream, uint32_t value);

/* Big-endian fields of a payload that is long enough. */
uint32_t h2_frame_u16(struct slice payload, size_t at);
uint32_t h2_frame_u32(struct slice payload, size_t at);
void h2_frame_put_u32(uint8_t out[4], uint32_t value);

#endif
