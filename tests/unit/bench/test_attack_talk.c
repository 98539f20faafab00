#include "bench/load/attack_talk.h"

#include "bench/load/h2_frame.h"

#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HOST SLICE("a.vn")

static struct attack_talk talk;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    attack_talk_fini(&talk);
    buf_fini(&out);
    return 0;
}

static size_t write_once(void)
{
    size_t before = out.len;
    attack_talk_write(&talk, HOST, &out);
    return out.len - before;
}

static void assert_begins(const char *text)
{
    assert_true(slice_starts_with(buf_slice(&out), slice_str(text)));
}

/* What is in `answer` is told whether it comes whole or byte by byte. */
static void assert_told(enum attack_kind kind, struct slice answer, enum attack_outcome expected)
{
    enum attack_outcome outcome = ATTACK_TALK_GOES_ON;
    attack_talk_init(&talk, kind);
    assert_int_equal(attack_talk_read(&talk, answer), expected);
    attack_talk_fini(&talk);
    attack_talk_init(&talk, kind);
    for (size_t i = 0; i < answer.len && outcome == ATTACK_TALK_GOES_ON; i++)
        outcome = attack_talk_read(&talk, slice_of(answer.data + i, 1));
    assert_int_equal(outcome, expected);
    attack_talk_fini(&talk);
}

static void a_slow_head_is_a_byte_each_time_and_never_ends(void **state)
{
    (void)state;
    attack_talk_init(&talk, ATTACK_SLOW_HEAD);
    for (int i = 0; i < 200; i++)
        assert_int_equal(write_once(), 1);
    assert_begins("GET / HTTP/1.1\r\nHost: a.vn\r\nX-Slow: aaaaaaaa");
    buf_append_char(&out, '\0');
    assert_null(strstr(out.data, "\r\n\r\n"));
}

static void a_slow_body_is_a_whole_head_then_a_byte_each_time(void **state)
{
    (void)state;
    attack_talk_init(&talk, ATTACK_SLOW_BODY);
    size_t head = write_once();
    assert_begins("POST /upload HTTP/1.1\r\nHost: a.vn\r\nContent-Length: 10485760\r\n");
    assert_memory_equal(out.data + head - 4, "\r\n\r\n", 4);
    for (int i = 0; i < 10; i++)
        assert_int_equal(write_once(), 1);
}

static void a_slow_reader_asks_once_and_is_content_with_whatever_comes(void **state)
{
    (void)state;
    attack_talk_init(&talk, ATTACK_SLOW_READ);
    assert_true(write_once() > 0);
    assert_begins("GET /download?bytes=20971520 HTTP/1.1\r\nHost: a.vn\r\n\r\n");
    assert_int_equal(write_once(), 0);
    assert_told(ATTACK_SLOW_READ, SLICE("HTTP/1.1 408 Request Timeout\r\n\r\n"),
                ATTACK_TALK_GOES_ON);
}

static void a_status_is_understood(void **state)
{
    (void)state;
    assert_told(ATTACK_SLOW_HEAD, SLICE("HTTP/1.1 408 Request Timeout\r\n"), ATTACK_STATUS_408);
    assert_told(ATTACK_SLOW_BODY, SLICE("HTTP/1.1 408 Request Timeout\r\n"), ATTACK_STATUS_408);
    assert_told(ATTACK_SLOW_BODY, SLICE("HTTP/1.1 413 Content Too Large\r\n"), ATTACK_STATUS_OTHER);
    assert_told(ATTACK_SLOW_HEAD, SLICE("HTTP/1.1 40"), ATTACK_TALK_GOES_ON);
}

/* The next frame of `input`, which is this one. */
static struct h2_frame take(struct slice *input, uint8_t type, uint32_t stream)
{
    struct h2_frame frame;
    assert_int_equal(h2_frame_next(input, &frame), H2_FRAME_READY);
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.stream, stream);
    return frame;
}

static void assert_is_request(struct slice block)
{
    static const char *const expected[] = { ":method GET", ":scheme https", ":path /",
                                            ":authority a.vn" };
    nghttp2_hd_inflater *inflater;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &field, &flags, (const uint8_t *)block.data,
                                           block.len, 1);
        assert_true(n > 0 && flags & NGHTTP2_HD_INFLATE_EMIT);
        char text[64];
        snprintf(text, sizeof(text), "%.*s %.*s", (int)field.namelen, (const char *)field.name,
                 (int)field.valuelen, (const char *)field.value);
        assert_string_equal(text, expected[i]);
        block = slice_from(block, (size_t)n);
    }
    assert_int_equal(block.len, 0);
    nghttp2_hd_inflate_del(inflater);
}

static void a_flood_opens_streams_and_resets_them(void **state)
{
    (void)state;
    struct slice preface = SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    attack_talk_init(&talk, ATTACK_RESET_FLOOD);
    assert_int_equal(attack_talk_write(&talk, HOST, &out), ATTACK_TALK_STREAMS);
    assert_int_equal(attack_talk_write(&talk, HOST, &out), ATTACK_TALK_STREAMS);
    assert_true(slice_starts_with(buf_slice(&out), preface));
    struct slice input = slice_from(buf_slice(&out), preface.len);
    take(&input, H2_SETTINGS, 0);
    for (uint32_t stream = 1; stream < 4 * ATTACK_TALK_STREAMS; stream += 2) {
        struct h2_frame head = take(&input, H2_HEADERS, stream);
        assert_int_equal(head.flags, H2_FLAG_END_HEADERS | H2_FLAG_END_STREAM);
        assert_is_request(head.payload);
        take(&input, H2_RST_STREAM, stream);
    }
    assert_int_equal(input.len, 0);
}

static void a_flood_is_polite_about_settings(void **state)
{
    (void)state;
    struct buf answer;
    buf_init(&answer, 1000);
    h2_frame_write(&answer, H2_SETTINGS, 0, 0, (struct slice){ 0 });
    h2_frame_write(&answer, H2_SETTINGS, H2_FLAG_ACK, 0, (struct slice){ 0 });
    attack_talk_init(&talk, ATTACK_RESET_FLOOD);
    write_once();
    buf_clear(&out);
    assert_int_equal(attack_talk_read(&talk, buf_slice(&answer)), ATTACK_TALK_GOES_ON);
    write_once();
    struct slice input = buf_slice(&out);
    assert_int_equal(take(&input, H2_SETTINGS, 0).flags, H2_FLAG_ACK);
    take(&input, H2_HEADERS, 2 * ATTACK_TALK_STREAMS + 1);
    buf_clear(&out);
    write_once();
    input = buf_slice(&out);
    take(&input, H2_HEADERS, 4 * ATTACK_TALK_STREAMS + 1);
    buf_fini(&answer);
}

static void a_flood_is_told_by_goaway(void **state)
{
    (void)state;
    struct buf answer;
    buf_init(&answer, 1000);
    h2_frame_write(&answer, H2_SETTINGS, 0, 0, (struct slice){ 0 });
    h2_frame_write_u32(&answer, H2_RST_STREAM, 1, 8);
    assert_told(ATTACK_RESET_FLOOD, buf_slice(&answer), ATTACK_TALK_GOES_ON);
    h2_frame_write(&answer, H2_GOAWAY, 0, 0, SLICE("\0\0\0\1\0\0\0\013"));
    assert_told(ATTACK_RESET_FLOOD, buf_slice(&answer), ATTACK_GOAWAY);
    buf_fini(&answer);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slow_head_is_a_byte_each_time_and_never_ends),
        TEST(a_slow_body_is_a_whole_head_then_a_byte_each_time),
        TEST(a_slow_reader_asks_once_and_is_content_with_whatever_comes),
        TEST(a_status_is_understood),
        TEST(a_flood_opens_streams_and_resets_them),
        TEST(a_flood_is_polite_about_settings),
        TEST(a_flood_is_told_by_goaway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
