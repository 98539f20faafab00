/* WebSocket messages (RFC 6455), the server's side, without I/O: masked frames in, messages out.
 *
 * Continuation frames are put together; control frames may come between them. Text must be UTF-8.
 * No extensions: reserved bits are an error. */
#ifndef NODE_WS_FRAME_H
#define NODE_WS_FRAME_H

#include "common/buf.h"
#include "common/slice.h"

#define WS_MESSAGE_BYTES (1024 * 1024)
#define WS_CONTROL_BYTES 125
#define WS_HEAD_BYTES 10 /* of a frame that we send: no mask */

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_NO_STATUS = 1005, /* never sent: the peer's close frame was empty */
    WS_CLOSE_NOT_UTF8 = 1007,
    WS_CLOSE_TOO_BIG = 1009,
};

enum ws_event {
    WS_EVENT_NONE,    /* all input is used; more is needed */
    WS_EVENT_MESSAGE, /* text or binary, whole */
    WS_EVENT_PING,
    WS_EVENT_PONG,
    WS_EVENT_CLOSE, /* `code` says what the peer said */
    WS_EVENT_ERROR, /* `code` says what to close with; the reader must not be used again */
};

struct ws_reader {
    unsigned char head[14];
    size_t head_len, head_needs;
    uint64_t payload_left;
    size_t masked; /* payload bytes of this frame so far, for the mask's position */
    bool in_payload, final;
    enum ws_opcode opcode;         /* of the frame */
    enum ws_opcode message_opcode; /* WS_CONTINUATION: no message is under way */
    struct buf message, control;
    unsigned code;
};

void ws_reader_init(struct ws_reader *r);
void ws_reader_fini(struct ws_reader *r);

/* Takes bytes off `input` until something is complete. `payload` and `opcode` describe a message;
 * `payload` also what a ping, pong or close held. It is good until the next call. */
enum ws_event ws_reader_next(struct ws_reader *r, struct slice *input, struct slice *payload,
                             enum ws_opcode *opcode) MUST_CHECK;

/* Writes the head of a final, unmasked frame to `out` and returns its length. */
size_t ws_frame_head(unsigned char out[WS_HEAD_BYTES], enum ws_opcode opcode, uint64_t len);

bool ws_text_is_valid(struct slice text);

#endif
