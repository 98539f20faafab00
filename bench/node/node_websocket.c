#include "bench/node/node_websocket.h"

#include "bench/node/node.h"

#include <openssl/evp.h>

#define KEY_LEN 24 /* 16 bytes in base64 */

static bool key_is_valid(struct slice key)
{
    unsigned char raw[KEY_LEN];
    /* 18 decoded bytes, of which the two "=" stand for two that are not there. */
    return key.len == KEY_LEN && key.data[KEY_LEN - 1] == '=' && key.data[KEY_LEN - 2] == '=' &&
           EVP_DecodeBlock(raw, (const unsigned char *)key.data, KEY_LEN) == 18;
}

/* RFC 6455 4.2.2 */
static void accept_key(struct slice key, char out[32])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_LEN + sizeof(magic)];
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    memcpy(text, key.data, KEY_LEN);
    memcpy(text + KEY_LEN, magic, sizeof(magic));
    EVP_Digest(text, sizeof(text) - 1, raw, &len, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)out, raw, (int)len);
}

void node_websocket_answer(struct node *node, struct node_exchange *x)
{
    const struct node_request *r = &x->request;
    struct node_answer *a = &x->answer;
    struct slice key = node_request_header(r, SLICE("sec-websocket-key"));
    struct slice version = node_request_header(r, SLICE("sec-websocket-version"));
    char accepted[32];
    if (r->minor == 0 || r->has_body ||
        !node_request_lists(r, SLICE("upgrade"), SLICE("websocket")) ||
        !node_request_lists(r, SLICE("connection"), SLICE("upgrade"))) {
        node_answer_refuse(a, 426, "this path speaks WebSocket");
        node_answer_add_header(a, "Upgrade", "websocket");
        node_answer_add_header(a, "Connection", "Upgrade");
        return;
    }
    if (!slice_eq(version, SLICE("13"))) {
        node_answer_refuse(a, 426, "only version 13 of WebSocket is spoken");
        node_answer_add_header(a, "Sec-WebSocket-Version", "13");
        return;
    }
    if (!key_is_valid(key)) {
        node_answer_refuse(a, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
        return;
    }
    accept_key(key, accepted);
    node->stats.websockets++;
    node_answer_set_text(a, 101, NULL);
    a->upgrades = true;
    node_answer_add_header(a, "Upgrade", "websocket");
    node_answer_add_header(a, "Connection", "Upgrade");
    node_answer_add_header(a, "Sec-WebSocket-Accept", accepted);
}

static void put_frame(struct node_out *out, enum ws_opcode opcode, struct slice payload)
{
    unsigned char head[WS_HEAD_BYTES];
    size_t len = ws_frame_head(head, opcode, payload.len);
    node_out_copy(out, slice_of((const char *)head, len));
    node_out_copy(out, payload);
}

static void put_close(struct node_out *out, unsigned code)
{
    char payload[2] = { (char)(code >> 8), (char)(code & 255) };
    put_frame(out, WS_CLOSE, slice_of(payload, code == WS_CLOSE_NO_STATUS ? 0 : 2));
}

bool node_websocket_echo(struct ws_reader *r, struct slice *input, struct node_out *out,
                         uint64_t *messages)
{
    while (!node_out_is_full(out)) {
        struct slice payload;
        enum ws_opcode opcode;
        switch (ws_reader_next(r, input, &payload, &opcode)) {
        case WS_EVENT_MESSAGE:
            ++*messages;
            put_frame(out, opcode, payload);
            break;
        case WS_EVENT_PING:
            put_frame(out, WS_PONG, payload);
            break;
        case WS_EVENT_PONG:
            break;
        case WS_EVENT_CLOSE:
        case WS_EVENT_ERROR:
            put_close(out, r->code);
            return false;
        case WS_EVENT_NONE:
            return true;
        }
    }
    return true;
}
