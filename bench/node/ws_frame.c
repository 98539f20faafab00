#include "bench/node/ws_frame.h"

enum { FIN = 0x80, RESERVED = 0x70, MASKED = 0x80 };

void ws_reader_init(struct ws_reader *r)
{
    *r = (struct ws_reader){ .head_needs = 2 };
    buf_init(&r->message, WS_MESSAGE_BYTES);
    buf_init(&r->control, WS_CONTROL_BYTES);
}

void ws_reader_fini(struct ws_reader *r)
{
    buf_fini(&r->message);
    buf_fini(&r->control);
}

/* --- text ------------------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence at the start of `s`, or 0 (RFC 3629). */
static size_t sequence_len(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    size_t len = p[0] < 0x80   ? 1
                 : p[0] < 0xc2 ? 0
                 : p[0] < 0xe0 ? 2
                 : p[0] < 0xf0 ? 3
                 : p[0] < 0xf5 ? 4
                               : 0;
    if (len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool above = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || above ? 0 : len;
}

bool ws_text_is_valid(struct slice text)
{
    while (text.len) {
        size_t len = sequence_len(text);
        if (len == 0)
            return false;
        text = slice_from(text, len);
    }
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum ws_event fail(struct ws_reader *r, enum ws_close_code code)
{
    r->code = code;
    return WS_EVENT_ERROR;
}

static bool is_control(enum ws_opcode opcode)
{
    return opcode >= WS_CLOSE;
}

/* True when the head is complete; the second byte tells how long it is. */
static bool collect_head(struct ws_reader *r, struct slice *input)
{
    while (input->len && r->head_len < r->head_needs) {
        r->head[r->head_len++] = (unsigned char)input->data[0];
        *input = slice_from(*input, 1);
        if (r->head_len == 2) {
            unsigned len = r->head[1] & 0x7f;
            size_t mask = r->head[1] & MASKED ? 4 : 0;
            r->head_needs = 2 + (len == 127 ? 8u : len == 126 ? 2u : 0u) + mask;
        }
    }
    return r->head_len == r->head_needs;
}

static uint64_t head_payload_len(const struct ws_reader *r)
{
    uint64_t len = r->head[1] & 0x7f;
    if (len < 126)
        return len;
    size_t bytes = len == 126 ? 2 : 8;
    len = 0;
    for (size_t i = 0; i < bytes; i++)
        len = len << 8 | r->head[2 + i];
    return len;
}

static bool opcode_is_known(unsigned opcode)
{
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* 0, or the code to close with. */
static unsigned judge_head(const struct ws_reader *r)
{
    bool masked = r->head[1] & MASKED;
    if ((r->head[0] & RESERVED) || !masked || !opcode_is_known(r->head[0] & 15u))
        return WS_CLOSE_PROTOCOL;
    if (is_control(r->opcode))
        return !r->final || r->payload_left > WS_CONTROL_BYTES ? WS_CLOSE_PROTOCOL : 0;
    bool continues = r->opcode == WS_CONTINUATION;
    bool under_way = r->message_opcode != WS_CONTINUATION;
    if (continues != under_way)
        return WS_CLOSE_PROTOCOL;
    return r->payload_left > WS_MESSAGE_BYTES - r->message.len ? WS_CLOSE_TOO_BIG : 0;
}

/* 0, or the code to close with. */
static unsigned begin_frame(struct ws_reader *r)
{
    r->opcode = (enum ws_opcode)(r->head[0] & 15);
    r->final = r->head[0] & FIN;
    r->payload_left = head_payload_len(r);
    if (!is_control(r->opcode) && r->message_opcode == WS_CONTINUATION)
        buf_clear(&r->message);
    unsigned code = judge_head(r);
    if (code)
        return code;
    if (is_control(r->opcode))
        buf_clear(&r->control);
    else if (r->opcode != WS_CONTINUATION)
        r->message_opcode = r->opcode;
    r->masked = 0;
    r->in_payload = true;
    return 0;
}

static void take_payload(struct ws_reader *r, struct slice *input)
{
    struct buf *to = is_control(r->opcode) ? &r->control : &r->message;
    const unsigned char *mask = r->head + r->head_needs - 4;
    size_t len = (size_t)MIN(input->len, r->payload_left);
    size_t from = to->len;
    buf_append(to, input->data, len);
    if (buf_ok(to))
        for (size_t i = 0; i < len; i++)
            to->data[from + i] = (char)(to->data[from + i] ^ mask[(r->masked + i) & 3]);
    r->masked += len;
    r->payload_left -= len;
    *input = slice_from(*input, len);
}

/* RFC 6455 7.4: which codes may be in a close frame. */
static bool code_may_be_sent(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum ws_event end_close(struct ws_reader *r, struct slice payload)
{
    if (payload.len == 0) {
        r->code = WS_CLOSE_NO_STATUS;
        return WS_EVENT_CLOSE;
    }
    if (payload.len == 1)
        return fail(r, WS_CLOSE_PROTOCOL);
    r->code = (unsigned)((unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1]);
    if (!code_may_be_sent(r->code))
        return fail(r, WS_CLOSE_PROTOCOL);
    return ws_text_is_valid(slice_from(payload, 2)) ? WS_EVENT_CLOSE : fail(r, WS_CLOSE_NOT_UTF8);
}

static enum ws_event end_frame(struct ws_reader *r, struct slice *payload, enum ws_opcode *opcode)
{
    r->in_payload = false;
    r->head_len = 0;
    r->head_needs = 2;
    *payload = buf_slice(is_control(r->opcode) ? &r->control : &r->message);
    switch (r->opcode) {
    case WS_PING:
        return WS_EVENT_PING;
    case WS_PONG:
        return WS_EVENT_PONG;
    case WS_CLOSE:
        return end_close(r, *payload);
    default:
        break;
    }
    if (!r->final)
        return WS_EVENT_NONE;
    *opcode = r->message_opcode;
    r->message_opcode = WS_CONTINUATION;
    if (*opcode == WS_TEXT && !ws_text_is_valid(*payload))
        return fail(r, WS_CLOSE_NOT_UTF8);
    return WS_EVENT_MESSAGE;
}

enum ws_event ws_reader_next(struct ws_reader *r, struct slice *input, struct slice *payload,
                             enum ws_opcode *opcode)
{
    for (;;) {
        if (!r->in_payload) {
            if (!collect_head(r, input))
                return WS_EVENT_NONE;
            unsigned code = begin_frame(r);
            if (code)
                return fail(r, code);
        }
        take_payload(r, input);
        if (!buf_ok(&r->message))
            return fail(r, WS_CLOSE_TOO_BIG);
        if (r->payload_left)
            return WS_EVENT_NONE;
        enum ws_event event = end_frame(r, payload, opcode);
        if (event != WS_EVENT_NONE)
            return event;
    }
}

size_t ws_frame_head(unsigned char out[WS_HEAD_BYTES], enum ws_opcode opcode, uint64_t len)
{
    out[0] = (unsigned char)(FIN | opcode);
    if (len < 126) {
        out[1] = (unsigned char)len;
        return 2;
    }
    size_t bytes = len > 0xffff ? 8 : 2;
    out[1] = bytes == 8 ? 127 : 126;
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (unsigned char)(len >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}
