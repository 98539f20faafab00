#include "bench/node/ws_frame.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FIN = 0x80 };

/* A masked frame, as a client must send it. */
static void put_frame(struct buf *b, unsigned first, struct slice payload)
{
    static const char mask[4] = { 0x11, 0x22, 0x33, 0x44 };
    unsigned char head[WS_HEAD_BYTES];
    size_t len = ws_frame_head(head, WS_TEXT, payload.len);
    head[0] = (unsigned char)first;
    head[1] |= 0x80;
    buf_append(b, head, len);
    buf_append(b, mask, sizeof(mask));
    for (size_t i = 0; i < payload.len; i++)
        buf_append_char(b, (char)(payload.data[i] ^ mask[i & 3]));
}

static int set_up(void **state)
{
    struct buf *b = mem_new(sizeof(*b));
    buf_init(b, 4 * WS_MESSAGE_BYTES);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct buf *b = *state;
    buf_fini(b);
    mem_free(b);
    return 0;
}

/* What the first event of `b` is, whether it comes in one piece or byte by byte. */
static void assert_event(const struct buf *b, enum ws_event event, unsigned code)
{
    for (size_t step = b->len; step; step = step > 1 ? 1 : 0) {
        struct ws_reader r;
        struct slice payload;
        enum ws_opcode opcode;
        enum ws_event got = WS_EVENT_NONE;
        ws_reader_init(&r);
        for (size_t at = 0; at < b->len && got == WS_EVENT_NONE; at += step) {
            struct slice input = slice_of(b->data + at, step);
            got = ws_reader_next(&r, &input, &payload, &opcode);
        }
        assert_int_equal(got, event);
        assert_int_equal(r.code, code);
        ws_reader_fini(&r);
    }
}

static void reads_a_message_in_any_pieces(void **state)
{
    struct buf *b = *state;
    put_frame(b, FIN | WS_TEXT, SLICE("xin chào"));
    for (size_t step = 1; step <= b->len; step++) {
        struct ws_reader r;
        struct slice payload;
        enum ws_opcode opcode;
        enum ws_event event = WS_EVENT_NONE;
        ws_reader_init(&r);
        for (size_t at = 0; at < b->len; at += step) {
            assert_int_equal(event, WS_EVENT_NONE);
            struct slice input = slice_of(b->data + at, MIN(step, b->len - at));
            event = ws_reader_next(&r, &input, &payload, &opcode);
        }
        assert_int_equal(event, WS_EVENT_MESSAGE);
        assert_int_equal(opcode, WS_TEXT);
        assert_true(slice_eq(payload, SLICE("xin chào")));
        ws_reader_fini(&r);
    }
}

static void puts_fragments_together_round_a_ping(void **state)
{
    struct buf *b = *state;
    struct ws_reader r;
    struct slice payload;
    enum ws_opcode opcode;
    put_frame(b, WS_BINARY, SLICE("one "));
    put_frame(b, FIN | WS_PING, SLICE("here?"));
    put_frame(b, WS_CONTINUATION, SLICE("two "));
    put_frame(b, FIN | WS_CONTINUATION, SLICE("three"));
    put_frame(b, FIN | WS_TEXT, SLICE(""));
    struct slice input = buf_slice(b);
    ws_reader_init(&r);
    assert_int_equal(ws_reader_next(&r, &input, &payload, &opcode), WS_EVENT_PING);
    assert_true(slice_eq(payload, SLICE("here?")));
    assert_int_equal(ws_reader_next(&r, &input, &payload, &opcode), WS_EVENT_MESSAGE);
    assert_int_equal(opcode, WS_BINARY);
    assert_true(slice_eq(payload, SLICE("one two three")));
    assert_int_equal(ws_reader_next(&r, &input, &payload, &opcode), WS_EVENT_MESSAGE);
    assert_int_equal(opcode, WS_TEXT);
    assert_int_equal(payload.len, 0);
    assert_int_equal(ws_reader_next(&r, &input, &payload, &opcode), WS_EVENT_NONE);
    ws_reader_fini(&r);
}

static void reads_the_largest_message_and_refuses_a_larger_one(void **state)
{
    struct buf *b = *state;
    struct ws_reader r;
    struct slice payload;
    enum ws_opcode opcode;
    char *text = mem_new(WS_MESSAGE_BYTES + 1);
    put_frame(b, WS_BINARY, slice_of(text, 70000));
    put_frame(b, FIN | WS_CONTINUATION, slice_of(text, WS_MESSAGE_BYTES - 70000));
    struct slice input = buf_slice(b);
    ws_reader_init(&r);
    assert_int_equal(ws_reader_next(&r, &input, &payload, &opcode), WS_EVENT_MESSAGE);
    assert_int_equal(payload.len, WS_MESSAGE_BYTES);
    buf_clear(b);
    put_frame(b, WS_BINARY, slice_of(text, 70000));
    put_frame(b, FIN | WS_CONTINUATION, slice_of(text, WS_MESSAGE_BYTES - 70000 + 1));
    input = buf_slice(b);
    assert_int_equal(ws_reader_next(&r, &input, &payload, &opcode), WS_EVENT_ERROR);
    assert_int_equal(r.code, WS_CLOSE_TOO_BIG);
    ws_reader_fini(&r);
    mem_free(text);
}

static void refuses_frames_that_are_not_masked(void **state)
{
    struct buf *b = *state;
    buf_append(b, "\x81\x02hi", 4);
    assert_event(b, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_reserved_bits(void **state)
{
    put_frame(*state, FIN | 0x40 | WS_TEXT, SLICE("hi"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_unknown_opcodes(void **state)
{
    put_frame(*state, FIN | 3, SLICE("hi"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_a_continuation_of_nothing(void **state)
{
    put_frame(*state, FIN | WS_CONTINUATION, SLICE("hi"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_a_message_within_a_message(void **state)
{
    put_frame(*state, WS_TEXT, SLICE("hi"));
    put_frame(*state, FIN | WS_TEXT, SLICE("hi"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_fragmented_control_frames(void **state)
{
    put_frame(*state, WS_PING, SLICE("hi"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_long_control_frames(void **state)
{
    char payload[126] = { 0 };
    put_frame(*state, FIN | WS_PING, slice_of(payload, sizeof(payload)));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_text_that_is_not_utf8(void **state)
{
    put_frame(*state, FIN | WS_TEXT, SLICE("\xc3\x28"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_NOT_UTF8);
}

static void reads_the_code_of_a_close(void **state)
{
    put_frame(*state, FIN | WS_CLOSE, SLICE("\x03\xe9gone"));
    assert_event(*state, WS_EVENT_CLOSE, 1001);
}

static void reads_a_close_without_code(void **state)
{
    put_frame(*state, FIN | WS_CLOSE, SLICE(""));
    assert_event(*state, WS_EVENT_CLOSE, WS_CLOSE_NO_STATUS);
}

static void refuses_a_close_with_a_code_that_may_not_be_sent(void **state)
{
    put_frame(*state, FIN | WS_CLOSE, SLICE("\x03\xed"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void refuses_a_close_with_half_a_code(void **state)
{
    put_frame(*state, FIN | WS_CLOSE, SLICE("\x03"));
    assert_event(*state, WS_EVENT_ERROR, WS_CLOSE_PROTOCOL);
}

static void knows_utf8(void **state)
{
    (void)state;
    assert_true(ws_text_is_valid(SLICE("")));
    assert_true(ws_text_is_valid(SLICE("a\x7f đ € 𐍈 \xf4\x8f\xbf\xbf")));
    assert_false(ws_text_is_valid(SLICE("\xc0\x80")));         /* overlong */
    assert_false(ws_text_is_valid(SLICE("\xe0\x9f\xbf")));     /* overlong */
    assert_false(ws_text_is_valid(SLICE("\xed\xa0\x80")));     /* surrogate */
    assert_false(ws_text_is_valid(SLICE("\xf4\x90\x80\x80"))); /* above U+10FFFF */
    assert_false(ws_text_is_valid(SLICE("\xe2\x82")));         /* cut */
}

static void writes_each_length_in_its_shortest_form(void **state)
{
    (void)state;
    unsigned char head[WS_HEAD_BYTES];
    assert_int_equal(ws_frame_head(head, WS_TEXT, 125), 2);
    assert_memory_equal(head, "\x81\x7d", 2);
    assert_int_equal(ws_frame_head(head, WS_BINARY, 126), 4);
    assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(ws_frame_head(head, WS_BINARY, 65535), 4);
    assert_memory_equal(head, "\x82\x7e\xff\xff", 4);
    assert_int_equal(ws_frame_head(head, WS_BINARY, 65536), 10);
    assert_memory_equal(head, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_a_message_in_any_pieces),
        TEST(puts_fragments_together_round_a_ping),
        TEST(reads_the_largest_message_and_refuses_a_larger_one),
        TEST(refuses_frames_that_are_not_masked),
        TEST(refuses_reserved_bits),
        TEST(refuses_unknown_opcodes),
        TEST(refuses_a_continuation_of_nothing),
        TEST(refuses_a_message_within_a_message),
        TEST(refuses_fragmented_control_frames),
        TEST(refuses_long_control_frames),
        TEST(refuses_text_that_is_not_utf8),
        TEST(reads_the_code_of_a_close),
        TEST(reads_a_close_without_code),
        TEST(refuses_a_close_with_a_code_that_may_not_be_sent),
        TEST(refuses_a_close_with_half_a_code),
        TEST(knows_utf8),
        TEST(writes_each_length_in_its_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
