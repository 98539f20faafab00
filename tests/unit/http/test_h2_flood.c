#include "http/h2_flood.h"

#include "fakes/fake_h2_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* ---- buckets ---- */

static unsigned charged_until_over(struct h2_flood *f, enum h2_flood_kind kind, uint64_t now_ms)
{
    unsigned count = 1;
    while (!h2_flood_charge(f, kind, now_ms))
        count++;
    return count;
}

static void a_bucket_overflows_above_its_burst(void **state)
{
    (void)state;
    struct h2_flood f = { 0 };
    assert_int_equal(charged_until_over(&f, H2_FLOOD_PING, 5), 101);
    assert_int_equal(charged_until_over(&f, H2_FLOOD_RESET, 5), 201);
}

static void a_bucket_runs_out_with_time(void **state)
{
    (void)state;
    struct h2_flood f = { 0 };
    for (uint64_t at = 0; at < 100000; at += 100) /* ten a second */
        assert_false(h2_flood_charge(&f, H2_FLOOD_PING, at));
    charged_until_over(&f, H2_FLOOD_PING, 100000);
    assert_int_equal(charged_until_over(&f, H2_FLOOD_PING, 200000), 101);
}

static void a_clock_that_wraps_around_does_no_harm(void **state)
{
    (void)state;
    struct h2_flood f = { 0 };
    charged_until_over(&f, H2_FLOOD_PING, UINT32_MAX - 10);
    assert_true(h2_flood_charge(&f, H2_FLOOD_PING, (uint64_t)UINT32_MAX + 20));
}

static void work_of_ours_pays(void **state)
{
    (void)state;
    struct h2_flood f = { 0 };
    charged_until_over(&f, H2_FLOOD_WINDOW_UPDATE, 0);
    h2_flood_credit(&f, H2_FLOOD_WINDOW_UPDATE, 3);
    assert_false(h2_flood_charge(&f, H2_FLOOD_WINDOW_UPDATE, 0));
    assert_false(h2_flood_charge(&f, H2_FLOOD_WINDOW_UPDATE, 0));
    assert_true(h2_flood_charge(&f, H2_FLOOD_WINDOW_UPDATE, 0));
    h2_flood_credit(&f, H2_FLOOD_WINDOW_UPDATE, 1000000);
    assert_int_equal(f.levels[H2_FLOOD_WINDOW_UPDATE], 0);
}

/* ---- connections ---- */

/* Of the last frame, which is to be GOAWAY. */
static uint32_t goaway_code(void)
{
    const uint8_t *at = (const uint8_t *)s.stream.written + s.stream.written_len - 4;
    assert_true(s.stream.written_len >= 17);
    assert_int_equal(at[-10], NGHTTP2_GOAWAY);
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void assert_is_calmed(enum h2_flood_kind kind)
{
    assert_true(s.stream.shut);
    assert_int_equal(goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(s.h2.flood_kind, kind);
    assert_true(s.closes >= s.requests); /* a head that did not end is none */
    assert_int_equal(metrics_counter(&s.metrics, COUNTER_HTTP2_FLOODS), 1);
}

/* Sends the same frame until the connection ends, and says how many it took. */
static unsigned flood(uint8_t type, uint8_t flags, int32_t id, const void *payload, size_t len)
{
    unsigned count = 0;
    while (!s.stream.shut && count < 20000) {
        s.stream.written_len = 0;
        fake_h2_client_frame(&s.remote, type, flags, id, payload, len);
        count++;
    }
    return count;
}

static void send_get(int32_t id)
{
    static const char block[] = "\x82\x87\x84\x41\x04"
                                "a.vn";
    fake_h2_client_frame(&s.remote, NGHTTP2_HEADERS, 0x5, id, block, sizeof(block) - 1);
}

static void rapid_resets_end_the_connection(void **state)
{
    (void)state;
    for (int32_t id = 1; id < 2000 && !s.stream.shut; id += 2) {
        s.stream.written_len = 0;
        send_get(id);
        fake_h2_client_frame(&s.remote, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\x08", 4);
    }
    assert_int_equal(s.requests, 201);
    assert_is_calmed(H2_FLOOD_RESET);
}

/* A window that overflows is an error of the stream alone. */
static void resets_that_the_client_made_us_send_count_too(void **state)
{
    (void)state;
    for (int32_t id = 1; id < 2000 && !s.stream.shut; id += 2) {
        s.stream.written_len = 0;
        send_get(id);
        fake_h2_client_frame(&s.remote, NGHTTP2_WINDOW_UPDATE, 0, id, "\x7f\xff\xff\xff", 4);
    }
    assert_int_equal(s.requests, 201);
    assert_is_calmed(H2_FLOOD_RESET);
}

static void resets_after_the_answer_are_free(void **state)
{
    (void)state;
    s.answer_at_once = true;
    for (unsigned i = 0; i < 500; i++) {
        int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
        assert_true(fake_h2_got(id)->ended);
        s.remote.answer_count = 0;
        fake_h2_client_frame(&s.remote, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\x08", 4);
    }
    assert_false(s.stream.shut);
}

static void pings_end_the_connection(void **state)
{
    (void)state;
    assert_in_range(flood(NGHTTP2_PING, 0, 0, "12345678", 8), 101, 110);
    assert_is_calmed(H2_FLOOD_PING);
}

static void settings_end_the_connection(void **state)
{
    (void)state;
    assert_in_range(flood(NGHTTP2_SETTINGS, 0, 0, "", 0), 15, 25);
    assert_is_calmed(H2_FLOOD_SETTINGS);
}

static void priorities_end_the_connection(void **state)
{
    (void)state;
    assert_in_range(flood(NGHTTP2_PRIORITY, 0, 7, "\0\0\0\0\x10", 5), 401, 500);
    assert_is_calmed(H2_FLOOD_PRIORITY);
}

static void window_updates_end_the_connection(void **state)
{
    (void)state;
    assert_in_range(flood(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\x01", 4), 4001, 10000);
    assert_is_calmed(H2_FLOOD_WINDOW_UPDATE);
}

static void unknown_frames_end_the_connection(void **state)
{
    (void)state;
    assert_in_range(flood(0x77, 0, 0, "x", 1), 101, 110);
    assert_is_calmed(H2_FLOOD_UNKNOWN);
}

static void empty_data_ends_the_connection(void **state)
{
    (void)state;
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/", NULL, "a");
    assert_in_range(flood(NGHTTP2_DATA, 0, id, "", 0), 20, 25);
    assert_is_calmed(H2_FLOOD_EMPTY_DATA);
}

static void continuations_end_the_connection_within_nine_frames(void **state)
{
    (void)state;
    fake_h2_client_frame(&s.remote, NGHTTP2_HEADERS, 0, 1, "\x82", 1);
    assert_int_equal(flood(NGHTTP2_CONTINUATION, 0, 1, "\x84", 1), 9);
    assert_is_calmed(H2_FLOOD_CONTINUATION);
}

/* One byte each: a field of the table, again and again. */
static void an_hpack_bomb_ends_the_connection(void **state)
{
    (void)state;
    char block[8000];
    memset(block, 0x90, sizeof(block)); /* accept-encoding: gzip, deflate */
    fake_h2_client_frame(&s.remote, NGHTTP2_HEADERS, 0x5, 1, block, sizeof(block));
    assert_int_equal(s.requests, 0);
    assert_int_equal(goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(s.h2.flood_kind, H2_FLOOD_FIELDS);
}

/* Replies pile up while nothing is taken. */
static void a_client_that_never_reads_is_reset(void **state)
{
    (void)state;
    fake_stream_block(&s.stream);
    for (unsigned i = 0; i < 3000 && !s.stream.closed; i++)
        fake_h2_client_frame(&s.remote, NGHTTP2_PING, 0, 0, "12345678", 8);
    assert_true(s.stream.was_reset);
}

static void frames_in_pieces_are_counted_once(void **state)
{
    (void)state;
    static const char ping[] = "\0\0\x08\x06\0\0\0\0\0"
                               "12345678";
    for (unsigned i = 0; i < 40; i++)
        for (size_t at = 0; at < sizeof(ping) - 1; at++)
            fake_stream_feed_bytes(&s.stream, slice_of(ping + at, 1));
    assert_in_range(s.h2.flood.levels[H2_FLOOD_PING], 30000, 40000);
    assert_false(s.stream.shut);
}

/* nghttp2 alone would take the pieces of a frame's head for so many frames. */
static void a_continuation_in_pieces_is_one(void **state)
{
    (void)state;
    static const char frame[] = "\0\0\x08\x09\x04\0\0\0\x01\x87\x84\x41\x04"
                                "a.vn";
    fake_h2_client_frame(&s.remote, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, "\x82", 1);
    for (size_t at = 0; at < sizeof(frame) - 1; at++)
        fake_stream_feed_bytes(&s.stream, slice_of(frame + at, 1));
    assert_int_equal(s.requests, 1);
    assert_false(s.stream.shut);
}

static void a_zero_window_ends_in_a_reset_of_the_stream(void **state)
{
    (void)state;
    s.server.timeouts.send_ms = 1;
    s.remote.takes_by_hand = true;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    fake_h2_begin_answer(s.current);
    fake_h2_send_bytes(s.current, 60000);
    fake_h2_send_bytes(s.current, 10000);
    assert_int_equal(s.blocks, 1);
    uv_ref((uv_handle_t *)&s.loop.timers.uv);
    while (s.closes == 0)
        uv_run(&s.loop.uv, UV_RUN_ONCE);
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.reason, CLOSE_CLIENT_TIMEOUT);
    assert_int_equal(fake_h2_got(id)->reset_code, NGHTTP2_CANCEL);
    assert_false(s.stream.closed);
}

static void a_head_that_does_not_end_ends_the_connection(void **state)
{
    (void)state;
    s.server.timeouts.request_head_ms = 1;
    fake_h2_client_frame(&s.remote, NGHTTP2_HEADERS, 0, 1, "\x82", 1);
    uv_ref((uv_handle_t *)&s.loop.timers.uv);
    while (!s.stream.shut)
        uv_run(&s.loop.uv, UV_RUN_ONCE);
    assert_int_equal(s.requests, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_h2_set_up, fake_h2_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_overflows_above_its_burst),
        cmocka_unit_test(a_bucket_runs_out_with_time),
        cmocka_unit_test(a_clock_that_wraps_around_does_no_harm),
        cmocka_unit_test(work_of_ours_pays),
        TEST(rapid_resets_end_the_connection),
        TEST(resets_that_the_client_made_us_send_count_too),
        TEST(resets_after_the_answer_are_free),
        TEST(pings_end_the_connection),
        TEST(settings_end_the_connection),
        TEST(priorities_end_the_connection),
        TEST(window_updates_end_the_connection),
        TEST(unknown_frames_end_the_connection),
        TEST(empty_data_ends_the_connection),
        TEST(continuations_end_the_connection_within_nine_frames),
        TEST(an_hpack_bomb_ends_the_connection),
        TEST(a_client_that_never_reads_is_reset),
        TEST(frames_in_pieces_are_counted_once),
        TEST(a_continuation_in_pieces_is_one),
        TEST(a_zero_window_ends_in_a_reset_of_the_stream),
        TEST(a_head_that_does_not_end_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
