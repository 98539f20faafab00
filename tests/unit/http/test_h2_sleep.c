#include "fakes/fake_h2_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* SLEEP_ROUNDS in the environment: more of them. */
#define ROUNDS 3000

#define FRAME(length, type, flags, id) "\0\0" length type flags "\0\0\0" id

static int set_up(void **state)
{
    int rc = fake_h2_set_up(state);
    s.answer_at_once = true;
    fake_h2_let_sleep();
    return rc;
}

static int32_t get(void)
{
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/abc", NULL, NULL);
    fake_h2_assert_status(id, 200);
    return id;
}

static void fall_asleep(void)
{
    fake_h2_expire();
    assert_true(s.asleep);
}

static void pong(void)
{
    fake_h2_client_frame(&s.remote, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "\0\0\0\0\0\0\0", 8);
    fake_h2_client_run(&s.remote);
}

static void get_and_sleep(void)
{
    get();
    fall_asleep();
}

static void assert_ended_with(uint32_t code, int32_t last_id)
{
    assert_true(s.stream.shut || s.stream.closed);
    assert_int_equal(s.remote.goaway_code, code);
    assert_int_equal(s.remote.goaway_last, last_id);
}

/* ---- between all requests ---- */

static void assert_windows_agree(void)
{
    nghttp2_session *client = s.remote.session;
    const struct h2_snapshot *at = &s.sleep.snapshot;
    assert_int_equal(nghttp2_session_get_local_window_size(client), at->window_bytes);
    assert_int_equal(nghttp2_session_get_remote_window_size(client), 2 * at->our_stream_bytes);
}

/* A body of its own size each way. */
static void request_and_answer(unsigned round)
{
    static char body[4000];
    size_t bytes = round * 7919u % 60000, sent = round * 104729u % sizeof(body);
    memset(body, 'b', sent);
    body[sent] = '\0';
    s.body_len = 0;
    s.remote.answer_count = 0;
    int32_t id = fake_h2_client_request(&s.remote, sent ? "POST" : "GET", "/",
                                        round % 3 ? "x-field: same\n" : "x-other: one\n",
                                        sent ? body : NULL);
    struct exchange *ex = s.current;
    fake_h2_begin_answer(ex);
    fake_h2_send_bytes(ex, bytes);
    fake_h2_end_answer(ex, NULL);
    assert_int_equal(s.body_len, sent);
    assert_int_equal(fake_h2_got(id)->body_bytes, bytes);
    assert_true(fake_h2_got(id)->ended && !fake_h2_got(id)->reset);
}

static void a_client_cannot_tell_sleep_between_all_requests(void **state)
{
    const char *more = getenv("SLEEP_ROUNDS");
    unsigned rounds = more ? (unsigned)atol(more) : ROUNDS;
    (void)state;
    s.answer_at_once = false;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i <= round % 4; i++)
            request_and_answer(round + i);
        fall_asleep();
        assert_windows_agree();
    }
    assert_int_equal(s.remote.goaways, 0);
    assert_int_equal(metrics_counter(&s.metrics, COUNTER_HTTP2_WOKEN), rounds - 1);
}

static void what_the_client_has_set_outlives_sleep(void **state)
{
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 100 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000 },
        { NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 20000 },
    };
    (void)state;
    nghttp2_submit_settings(s.remote.session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    get_and_sleep();
    get_and_sleep();
    assert_int_equal(s.sleep.snapshot.table_bytes, 100);
    assert_int_equal(s.sleep.snapshot.stream_bytes, 1000);
    assert_int_equal(s.sleep.snapshot.frame_bytes, 20000);
    s.answer_at_once = false;
    s.remote.takes_by_hand = true;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    fake_h2_begin_answer(s.current);
    fake_h2_send_bytes(s.current, 3000);
    assert_int_equal(fake_h2_got(id)->body_bytes, 1000);
}

static void what_the_client_was_told_outlives_a_reload(void **state)
{
    (void)state;
    get_and_sleep();
    s.server.limits.http2_window_bytes = 1024;
    s.server.limits.http2_streams = 1;
    get();
    assert_int_equal(nghttp2_session_get_local_window_size(s.h2.session), 2 * 65536);
    assert_int_equal(
        nghttp2_session_get_local_settings(s.h2.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
        100);
}

static void the_table_of_fields_pays_from_the_second_request_on(void **state)
{
    nghttp2_session *client = s.remote.session;
    (void)state;
    get_and_sleep();
    assert_int_equal(
        nghttp2_session_get_remote_settings(client, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE), 0);
    get();
    assert_int_equal(
        nghttp2_session_get_remote_settings(client, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE), 0);
    get();
    assert_int_equal(
        nghttp2_session_get_remote_settings(client, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE), 4096);
    fall_asleep();
    get();
}

/* Python's h2 would announce 4096 and 0 in one block, of which nghttp2 takes none but the last. */
static void the_table_is_asked_back_only_after_use(void **state)
{
    const uint16_t id = NGHTTP2_SETTINGS_HEADER_TABLE_SIZE;
    (void)state;
    get_and_sleep();
    get();
    get();
    fall_asleep();
    assert_int_equal(nghttp2_session_get_remote_settings(s.remote.session, id), 4096);
    get_and_sleep();
    assert_int_equal(nghttp2_session_get_remote_settings(s.remote.session, id), 0);
    get();
}

/* ---- fields and floods ---- */

static void a_request_whose_fields_cannot_be_read_may_be_sent_again(void **state)
{
    static const char frame[] = FRAME("\2", "\1", "\5", "\3") "\x82\xbe"; /* ignores the size */
    (void)state;
    get_and_sleep();
    fake_stream_feed_bytes(&s.stream, slice_of(frame, sizeof(frame) - 1));
    fake_h2_client_run(&s.remote);
    assert_ended_with(NGHTTP2_COMPRESSION_ERROR, 1);
    assert_int_equal(s.remote.goaways, 1);
    assert_int_equal(s.requests, 1);
}

static void floods_are_counted_across_sleep(void **state)
{
    (void)state;
    get_and_sleep();
    for (unsigned i = 0; i < 20 && !s.stream.shut; i++) {
        for (unsigned j = 0; j < 10; j++)
            fake_h2_client_frame(&s.remote, NGHTTP2_PING, 0, 0, "12345678", 8);
        fake_h2_client_run(&s.remote);
        if (!s.stream.shut)
            fall_asleep();
        assert_in_range(i, 0, 11);
    }
    assert_ended_with(NGHTTP2_ENHANCE_YOUR_CALM, 1);
    assert_int_equal(metrics_counter(&s.metrics, COUNTER_HTTP2_FLOODS), 1);
}

/* ---- who does not sleep ---- */

static void expire_deaf(void)
{
    loop_event_begin(&s.loop);
    s.h2.timer.on_expired(&s.h2.timer);
    loop_event_end(&s.loop);
}

static void who_does_not_acknowledge_stays_awake(void **state)
{
    (void)state;
    get();
    expire_deaf();
    expire_deaf();
    assert_false(s.asleep);
    assert_int_equal(s.server.http2_sleepless, 1);
    assert_false(s.h2.draining);
    fake_h2_client_run(&s.remote); /* late, but still */
    assert_true(s.asleep);
    assert_int_equal(s.server.http2_sleepless, 0);
}

static void who_stays_awake_is_sent_away_when_there_are_many(void **state)
{
    (void)state;
    s.server.http2_sleepless = H2_SLEEPLESS_MAX;
    get();
    expire_deaf();
    expire_deaf();
    assert_true(s.h2.draining);
    pong();
    assert_ended_with(NGHTTP2_NO_ERROR, 1);
    assert_int_equal(s.server.http2_sleepless, H2_SLEEPLESS_MAX);
}

static void half_a_frame_keeps_it_awake(void **state)
{
    static const char ping[] = FRAME("\10", "\6", "\0", "\0") "12345678";
    (void)state;
    get();
    fake_stream_feed_bytes(&s.stream, slice_of(ping, 12));
    fake_h2_expire();
    assert_false(s.asleep);
    fake_stream_feed_bytes(&s.stream, slice_of(ping + 12, 5));
    fake_h2_client_run(&s.remote);
    assert_true(s.asleep);
}

static void an_open_block_of_fields_keeps_it_awake(void **state)
{
    static const char begin[] = FRAME("\1", "\1", "\1", "\1") "\x82";
    static const char end[] = FRAME("\1", "\x9", "\4", "\1") "\x82";
    (void)state;
    get();
    fake_stream_feed_bytes(&s.stream, slice_of(begin, sizeof(begin) - 1));
    fake_h2_expire();
    assert_false(s.asleep);
    fake_stream_feed_bytes(&s.stream, slice_of(end, sizeof(end) - 1));
    fake_h2_client_run(&s.remote);
    assert_true(s.asleep);
}

static void a_priority_for_a_stream_to_come_keeps_it_awake(void **state)
{
    (void)state;
    get();
    fake_h2_client_frame(&s.remote, NGHTTP2_PRIORITY_UPDATE, 0, 0, "\0\0\0\3u=1", 7);
    fake_h2_expire();
    assert_false(s.asleep);
    get_and_sleep();
}

static void who_has_not_asked_for_anything_stays_awake(void **state)
{
    (void)state;
    assert_int_equal(h2_sleep_wait(&s.h2, 60000), 60000);
    get();
    assert_int_equal(h2_sleep_wait(&s.h2, 60000), 1000);
    s.server.timeouts.http2_sleep_ms = 0;
    assert_int_equal(h2_sleep_wait(&s.h2, 60000), 60000);
}

/* ---- the end ---- */

static void the_idle_time_ends_asleep(void **state)
{
    (void)state;
    get_and_sleep();
    fake_h2_expire();
    assert_ended_with(NGHTTP2_NO_ERROR, 1);
    assert_int_equal(metrics_gauge(&s.metrics, GAUGE_HTTP2_ASLEEP), 0);
    fake_stream_end(&s.stream, 0);
    assert_true(s.stream.closed);
}

static void a_ping_does_not_prolong_the_idle_time(void **state)
{
    (void)state;
    get_and_sleep();
    uint64_t due_ms = s.sleep.idle_due_ms;
    fake_h2_client_frame(&s.remote, NGHTTP2_PING, 0, 0, "12345678", 8);
    assert_int_equal(s.h2.idle_due_ms, due_ms);
    fall_asleep();
    assert_int_equal(s.sleep.idle_due_ms, due_ms);
    s.sleep.idle_due_ms = 1;
    fake_h2_client_frame(&s.remote, NGHTTP2_PING, 0, 0, "12345678", 8);
    fake_h2_expire();
    assert_ended_with(NGHTTP2_NO_ERROR, 1);
}

static void drain_asleep(void)
{
    loop_event_begin(&s.loop);
    h2_sleep_drain(&s.sleep);
    loop_event_end(&s.loop);
}

static void drained_asleep_it_ends_when_the_client_has_heard(void **state)
{
    (void)state;
    get_and_sleep();
    drain_asleep();
    pong();
    assert_int_equal(s.remote.goaways, 2);
    assert_ended_with(NGHTTP2_NO_ERROR, 1);
}

static void drained_asleep_it_answers_what_was_on_its_way(void **state)
{
    (void)state;
    get_and_sleep();
    drain_asleep();
    s.answer_at_once = false;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    assert_int_equal(s.remote.goaways, 2);
    assert_false(s.stream.shut);
    fake_h2_answer(s.current, "late");
    assert_string_equal(fake_h2_got(id)->body, "late");
    assert_ended_with(NGHTTP2_NO_ERROR, 3);
}

static void drained_asleep_it_ends_though_the_client_hears_nothing(void **state)
{
    (void)state;
    get_and_sleep();
    drain_asleep();
    loop_event_begin(&s.loop);
    s.sleep.timer.on_expired(&s.sleep.timer);
    loop_event_end(&s.loop);
    assert_true(s.stream.shut);
    loop_event_begin(&s.loop);
    s.sleep.timer.on_expired(&s.sleep.timer);
    loop_event_end(&s.loop);
    assert_true(s.stream.closed);
}

static void stopped_asleep_it_says_so(void **state)
{
    (void)state;
    get_and_sleep();
    loop_event_begin(&s.loop);
    h2_sleep_stop(&s.sleep);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
    assert_ended_with(NGHTTP2_NO_ERROR, 1);
    assert_true(s.stream.closed);
}

static void a_client_that_leaves_asleep_is_gone(void **state)
{
    (void)state;
    get_and_sleep();
    fake_stream_end(&s.stream, -1);
    assert_true(s.stream.was_reset);
    assert_int_equal(metrics_gauge(&s.metrics, GAUGE_HTTP2_ASLEEP), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fake_h2_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_cannot_tell_sleep_between_all_requests),
        TEST(what_the_client_has_set_outlives_sleep),
        TEST(what_the_client_was_told_outlives_a_reload),
        TEST(the_table_of_fields_pays_from_the_second_request_on),
        TEST(the_table_is_asked_back_only_after_use),
        TEST(a_request_whose_fields_cannot_be_read_may_be_sent_again),
        TEST(floods_are_counted_across_sleep),
        TEST(who_does_not_acknowledge_stays_awake),
        TEST(who_stays_awake_is_sent_away_when_there_are_many),
        TEST(half_a_frame_keeps_it_awake),
        TEST(an_open_block_of_fields_keeps_it_awake),
        TEST(a_priority_for_a_stream_to_come_keeps_it_awake),
        TEST(who_has_not_asked_for_anything_stays_awake),
        TEST(the_idle_time_ends_asleep),
        TEST(a_ping_does_not_prolong_the_idle_time),
        TEST(drained_asleep_it_ends_when_the_client_has_heard),
        TEST(drained_asleep_it_answers_what_was_on_its_way),
        TEST(drained_asleep_it_ends_though_the_client_hears_nothing),
        TEST(stopped_asleep_it_says_so),
        TEST(a_client_that_leaves_asleep_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
