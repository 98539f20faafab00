#include "fakes/fake_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void on_h1_closed(struct h1_server *h)
{
    (void)h;
    s.freed = true;
}

static int set_up(void **state)
{
    (void)state;
    if (fake_site_begin() < 0)
        return -1;
    h1_server_init(&s.h1, &s.stream.base, &s.server, &s.client, on_h1_closed);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (!s.stream.closed) {
        loop_event_begin(&s.loop);
        h1_server_stop(&s.h1);
        loop_event_end(&s.loop);
    }
    return fake_site_end();
}

static void assert_written(const char *text)
{
    if (!strstr(s.stream.written, text))
        fail_msg("\"%s\" is not in:\n%s", text, s.stream.written);
}

static void assert_not_written(const char *text)
{
    if (strstr(s.stream.written, text))
        fail_msg("\"%s\" is in:\n%s", text, s.stream.written);
}

static void keeps_the_connection_after_an_answer(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_stream_feed(&s.stream, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
    fake_stream_feed(&s.stream, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(s.closes, 2);
    assert_written("\r\n\r\n/oneHTTP/1.1 200 OK\r\n");
    assert_written("Content-Length: 4\r\n");
    assert_not_written("Connection:");
    assert_false(s.stream.closed);
}

static void answers_pipelined_requests_in_order(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
                                "GET /two HTTP/1.1\r\nHost: x\r\n\r\nGET /thr");
    assert_int_equal(s.requests, 1);
    fake_site_answer(s.current, "first");
    assert_int_equal(s.requests, 2);
    fake_stream_feed(&s.stream, "ee HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(s.requests, 2);
    fake_site_answer(s.current, "second");
    assert_int_equal(s.requests, 3);
    fake_site_answer(s.current, "third");
    const char *first = strstr(s.stream.written, "first"),
               *second = strstr(s.stream.written, "second"),
               *third = strstr(s.stream.written, "third");
    assert_true(first && first < second && second < third);
}

static void stops_reading_when_too_much_is_read_ahead(void **state)
{
    (void)state;
    char filler[1100];
    memset(filler, 'a', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    fake_stream_feed(&s.stream, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1099\r\n\r\n");
    assert_false(s.stream.paused);
    fake_stream_feed(&s.stream, filler);
    assert_true(s.stream.paused);
    fake_site_answer(s.current, "x");
    assert_false(s.stream.paused);
    assert_int_equal(s.requests, 2);
    assert_int_equal(s.ends, 2);
}

static void a_paused_body_waits(void **state)
{
    (void)state;
    s.pause_at_once = true;
    fake_stream_feed(&s.stream, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    fake_stream_feed(&s.stream, "lo");
    assert_int_equal(s.body_len, 0);
    loop_event_begin(&s.loop);
    exchange_resume_body(s.current);
    loop_event_end(&s.loop);
    assert_int_equal(s.body_len, 5);
    assert_int_equal(s.ends, 1);
    assert_memory_equal(s.body, "hello", 5);
    fake_site_answer(s.current, "done");
}

static void says_continue_when_the_body_is_wanted(void **state)
{
    (void)state;
    s.pause_at_once = true;
    fake_stream_feed(&s.stream, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                                "Expect: 100-continue\r\n\r\n");
    assert_not_written("100 Continue");
    loop_event_begin(&s.loop);
    exchange_resume_body(s.current);
    loop_event_end(&s.loop);
    assert_written("HTTP/1.1 100 Continue\r\n\r\n");
    fake_stream_feed(&s.stream, "ab");
    fake_site_answer(s.current, "ok");
}

static void refuses_unknown_expectations(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n");
    assert_written("HTTP/1.1 417 ");
    assert_int_equal(s.requests, 0);
}

static void drains_a_small_rest_after_an_early_answer(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_stream_feed(&s.stream, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    assert_written("/early");
    assert_not_written("Connection: close");
    fake_stream_feed(&s.stream, "defghijGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_written("/next");
    assert_int_equal(s.body_len, 0);
    assert_int_equal(s.closes, 2);
}

static void closes_after_an_early_answer_to_a_large_body(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_stream_feed(&s.stream, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc");
    assert_written("Connection: close\r\n");
    assert_true(s.stream.shut);
    assert_false(s.stream.closed); /* lingers, so that the client reads the answer */
    fake_stream_feed(&s.stream, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(s.requests, 1);
    fake_stream_end(&s.stream, 0);
    assert_true(s.stream.closed);
}

static void refuses_a_bad_head_with_a_page_and_closes(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
                                "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_written("HTTP/1.1 400 Bad Request\r\n");
    assert_written("Connection: close\r\n");
    assert_written("lang=vi");
    assert_int_equal(s.requests, 0);
    assert_true(s.stream.shut || s.stream.closed);
}

static void http_1_0_closes_unless_asked(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_stream_feed(&s.stream, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_written("Connection: keep-alive\r\n");
    assert_false(s.stream.closed);
    fake_stream_feed(&s.stream, "GET / HTTP/1.0\r\n\r\n");
    assert_written("Connection: close\r\n");
    assert_true(s.stream.closed);
}

static void head_gets_no_content(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_stream_feed(&s.stream, "HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_written("Content-Length: 4\r\n");
    assert_not_written("/abc");
}

static void an_unknown_length_is_sent_in_chunks(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    struct exchange *ex = s.current;
    loop_event_begin(&s.loop);
    ex->response = (struct response){ .status = 200, .body = BODY_CHUNKED };
    exchange_send_head(ex);
    exchange_send_body(ex, SLICE("hello world, hello!"));
    exchange_send_end(ex, NULL);
    loop_event_end(&s.loop);
    assert_written("Transfer-Encoding: chunked\r\n\r\n13\r\nhello world, hello!\r\n0\r\n\r\n");
}

static void to_http_1_0_an_unknown_length_ends_with_the_connection(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    struct exchange *ex = s.current;
    loop_event_begin(&s.loop);
    ex->response = (struct response){ .status = 200, .body = BODY_CHUNKED };
    exchange_send_head(ex);
    exchange_send_body(ex, SLICE("hello"));
    exchange_send_end(ex, NULL);
    loop_event_end(&s.loop);
    assert_not_written("chunked");
    assert_written("\r\n\r\nhello");
    assert_true(s.stream.closed);
}

static void an_abort_resets_the_connection(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    struct exchange *ex = s.current;
    loop_event_begin(&s.loop);
    ex->response = (struct response){ .status = 200, .body = BODY_CHUNKED };
    exchange_send_head(ex);
    exchange_abort(ex, CLOSE_UPSTREAM_ABORTED);
    loop_event_end(&s.loop);
    assert_true(s.stream.was_reset);
    assert_int_equal(s.reason, CLOSE_UPSTREAM_ABORTED);
}

static void a_client_that_leaves_ends_its_exchange(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    fake_stream_end(&s.stream, 0);
    assert_int_equal(s.closes, 1);
    assert_int_equal(s.reason, CLOSE_CLIENT_LEFT);
    assert_true(s.stream.closed);
}

static void a_tunnel_passes_bytes_until_either_side_ends(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\n\r\nearly");
    struct exchange *ex = s.current;
    assert_true(ex->request.wants_upgrade);
    loop_event_begin(&s.loop);
    ex->response = (struct response){ .status = 101 };
    assert_true(
        headers_add(&ex->response.headers, &ex->arena, SLICE("Upgrade"), SLICE("websocket")));
    exchange_send_head(ex);
    loop_event_end(&s.loop);
    assert_written("HTTP/1.1 101 Switching Protocols\r\n");
    assert_written("Connection: upgrade\r\nUpgrade: websocket\r\n");
    assert_memory_equal(s.body, "early", 5);
    fake_stream_feed(&s.stream, "GET / not a request");
    assert_int_equal(s.requests, 1);
    assert_int_equal(s.body_len, 24);
    loop_event_begin(&s.loop);
    exchange_send_body(ex, SLICE("raw"));
    exchange_send_end(ex, NULL);
    loop_event_end(&s.loop);
    assert_written("\r\n\r\nraw");
    assert_true(s.stream.closed);
}

static void only_websocket_is_an_upgrade(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream,
                     "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                     "Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n");
    assert_false(s.current->request.wants_upgrade);
    fake_site_answer(s.current, "no");
}

static void draining_ends_idle_connections_at_once_and_busy_ones_after_their_answer(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    s.server.draining = true;
    h1_server_drain(&s.h1);
    assert_false(s.stream.closed);
    fake_site_answer(s.current, "last");
    assert_written("Connection: close\r\n");
    assert_true(s.stream.closed);
}

static void a_blocked_client_is_not_read_for_more_requests(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_stream_feed(&s.stream, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
    fake_stream_block(&s.stream);
    fake_stream_feed(&s.stream, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(s.requests, 1);
    fake_stream_drain(&s.stream);
    assert_int_equal(s.requests, 2);
}

/* How long the connection waits for what it waits for. */
static uint64_t wait_ms(void)
{
    return s.h1.timer.due_ms ? s.h1.timer.due_ms - loop_now_ms(&s.loop) : 0;
}

static void a_blocked_client_has_the_time_to_take_an_answer_that_ends_the_connection(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc");
    fake_stream_block(&s.stream);
    fake_site_answer(s.current, "no");
    assert_true(s.stream.shut);
    assert_int_equal(wait_ms(), s.server.timeouts.send_ms / 8); /* for a first look */
    fake_stream_drain(&s.stream);
    assert_in_range(wait_ms(), 1, s.server.timeouts.send_ms - 1);
}

static void the_end_of_a_body_does_not_stop_the_wait_for_a_blocked_client(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab");
    fake_stream_block(&s.stream);
    fake_stream_feed(&s.stream, "c");
    assert_int_equal(s.ends, 1);
    assert_int_equal(wait_ms(), s.server.timeouts.send_ms / 8); /* for a first look */
}

static void half_a_head_has_a_deadline_after_the_client_was_blocked(void **state)
{
    (void)state;
    s.server.timeouts.request_head_ms = 1000;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHo");
    assert_int_equal(wait_ms(), 1000);
    fake_stream_block(&s.stream);
    assert_int_equal(wait_ms(), s.server.timeouts.send_ms / 8); /* for a first look */
    fake_stream_drain(&s.stream);
    assert_int_equal(wait_ms(), 1000);
}

static void the_handler_learns_that_the_client_was_blocked_before_the_answer(void **state)
{
    (void)state;
    fake_stream_feed(&s.stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    fake_stream_block(&s.stream);
    assert_int_equal(s.blocks, 0);
    fake_site_answer(s.current, "x");
    assert_int_equal(s.blocks, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_the_connection_after_an_answer),
        TEST(answers_pipelined_requests_in_order),
        TEST(stops_reading_when_too_much_is_read_ahead),
        TEST(a_paused_body_waits),
        TEST(says_continue_when_the_body_is_wanted),
        TEST(refuses_unknown_expectations),
        TEST(drains_a_small_rest_after_an_early_answer),
        TEST(closes_after_an_early_answer_to_a_large_body),
        TEST(refuses_a_bad_head_with_a_page_and_closes),
        TEST(http_1_0_closes_unless_asked),
        TEST(head_gets_no_content),
        TEST(an_unknown_length_is_sent_in_chunks),
        TEST(to_http_1_0_an_unknown_length_ends_with_the_connection),
        TEST(an_abort_resets_the_connection),
        TEST(a_client_that_leaves_ends_its_exchange),
        TEST(a_tunnel_passes_bytes_until_either_side_ends),
        TEST(only_websocket_is_an_upgrade),
        TEST(draining_ends_idle_connections_at_once_and_busy_ones_after_their_answer),
        TEST(a_blocked_client_is_not_read_for_more_requests),
        TEST(a_blocked_client_has_the_time_to_take_an_answer_that_ends_the_connection),
        TEST(the_end_of_a_body_does_not_stop_the_wait_for_a_blocked_client),
        TEST(half_a_head_has_a_deadline_after_the_client_was_blocked),
        TEST(the_handler_learns_that_the_client_was_blocked_before_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
