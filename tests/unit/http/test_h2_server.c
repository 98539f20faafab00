#include "fakes/fake_h2_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* ---- requests and answers ---- */

static void answers_a_request(void **state)
{
    (void)state;
    s.answer_at_once = true;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/a/../b?q=1", NULL, NULL);
    fake_h2_assert_status(id, 200);
    assert_string_equal(fake_h2_got(id)->body, "/b");
    assert_string_equal(s.path, "/b?q=1");
    fake_h2_assert_field(id, "content-length: 2\n");
    fake_h2_assert_field(id, "content-type: text/plain\n");
    fake_h2_assert_field(id, "x-request-id: ");
    fake_h2_assert_field(id, "date: ");
    assert_true(fake_h2_got(id)->ended);
    assert_int_equal(s.closes, 1);
    assert_int_equal(s.reason, CLOSE_NONE);
    assert_int_equal(metrics_counter(&s.metrics, COUNTER_REQUESTS), 1);
}

static void serves_many_streams_in_any_order(void **state)
{
    (void)state;
    int32_t first = fake_h2_client_request(&s.remote, "GET", "/1", NULL, NULL);
    struct exchange *ex = s.current;
    int32_t second = fake_h2_client_request(&s.remote, "GET", "/2", NULL, NULL);
    fake_h2_answer(s.current, "two");
    assert_string_equal(fake_h2_got(second)->body, "two");
    assert_null(fake_h2_client_answer(&s.remote, first));
    fake_h2_answer(ex, "one");
    assert_string_equal(fake_h2_got(first)->body, "one");
    assert_int_equal(s.closes, 2);
}

static void hands_up_a_body_and_its_trailers(void **state)
{
    (void)state;
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/", NULL, "hel");
    assert_int_equal(s.current->request.body, BODY_CHUNKED);
    fake_h2_client_more(&s.remote, id, "lo");
    assert_int_equal(s.ends, 0);
    nghttp2_nv trailer = { (uint8_t *)"x-sum", (uint8_t *)"7", 5, 1, 0 };
    nghttp2_submit_trailer(s.remote.session, id, &trailer, 1);
    fake_h2_client_run(&s.remote);
    assert_string_equal(s.body, "hello");
    assert_int_equal(s.ends, 1);
    assert_string_equal(s.trailer, "x-sum=7");
}

static void an_answer_to_head_has_no_body(void **state)
{
    (void)state;
    s.answer_at_once = true;
    int32_t id = fake_h2_client_request(&s.remote, "HEAD", "/abc", NULL, NULL);
    fake_h2_assert_field(id, "content-length: 4\n");
    assert_int_equal(fake_h2_got(id)->body_bytes, 0);
    assert_true(fake_h2_got(id)->ended);
    assert_int_equal(s.closes, 1);
}

static void an_answer_has_trailers_behind_all_of_its_body(void **state)
{
    (void)state;
    struct headers trailers = { 0 };
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    struct exchange *ex = s.current;
    assert_true(headers_add(&trailers, &ex->arena, SLICE("X-Sum"), SLICE("9")));
    assert_true(headers_add(&trailers, &ex->arena, SLICE("Set-Cookie"), SLICE("a=b")));
    fake_h2_begin_answer(ex);
    s.remote.takes_by_hand = true;
    fake_h2_send_bytes(ex, 60000);
    fake_h2_send_bytes(ex, 10000);
    fake_h2_end_answer(ex, &trailers);
    assert_false(fake_h2_got(id)->ended);
    nghttp2_session_consume(s.remote.session, id, 60000);
    fake_h2_client_run(&s.remote);
    assert_int_equal(fake_h2_got(id)->body_bytes, 70000);
    fake_h2_assert_field(id, "x-sum: 9\n");
    assert_null(strstr(fake_h2_got(id)->fields, "set-cookie"));
    assert_true(fake_h2_got(id)->ended);
    assert_int_equal(s.reason, CLOSE_NONE);
}

static void joins_crumbs_of_cookies(void **state)
{
    (void)state;
    s.answer_at_once = true;
    fake_h2_client_request(&s.remote, "GET", "/", "cookie: a=1\nx-a: b\ncookie: b=2\ncookie: c=3\n",
                           NULL);
    assert_string_equal(s.cookies, "a=1; b=2; c=3");
}

static void passes_interim_answers_on(void **state)
{
    (void)state;
    struct headers fields = { 0 };
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    assert_true(headers_add(&fields, &s.current->arena, SLICE("Link"), SLICE("</a.css>")));
    loop_event_begin(&s.loop);
    exchange_send_interim(s.current, 103, &fields);
    loop_event_end(&s.loop);
    fake_h2_answer(s.current, "done");
    fake_h2_assert_status(id, 103);
    fake_h2_assert_field(id, "link: </a.css>\n");
    fake_h2_assert_status(id, 200);
}

static void says_continue_when_the_body_is_wanted(void **state)
{
    (void)state;
    s.remote.keeps_going = s.pause_at_once = true;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/", "expect: 100-continue\n", "");
    assert_null(fake_h2_client_answer(&s.remote, id));
    loop_event_begin(&s.loop);
    exchange_resume_body(s.current);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
    fake_h2_assert_status(id, 100);
}

static void an_early_answer_stops_the_upload(void **state)
{
    (void)state;
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/", NULL, "begin");
    fake_h2_answer(s.current, "enough");
    assert_true(fake_h2_got(id)->ended);
    assert_true(fake_h2_got(id)->reset);
    assert_int_equal(fake_h2_got(id)->reset_code, NGHTTP2_NO_ERROR);
    assert_int_equal(s.reason, CLOSE_NONE);
}

static void an_aborted_answer_is_reset(void **state)
{
    (void)state;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    fake_h2_begin_answer(s.current);
    loop_event_begin(&s.loop);
    exchange_abort(s.current, CLOSE_UPSTREAM_ABORTED);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
    assert_false(fake_h2_got(id)->ended);
    assert_int_equal(fake_h2_got(id)->reset_code, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(s.reason, CLOSE_UPSTREAM_ABORTED);
}

static void a_reset_closes_the_exchange(void **state)
{
    (void)state;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    nghttp2_submit_rst_stream(s.remote.session, 0, id, NGHTTP2_CANCEL);
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.closes, 1);
    assert_int_equal(s.reason, CLOSE_CLIENT_LEFT);
    assert_false(s.stream.closed);
}

/* ---- back-pressure ---- */

static void a_body_waits_for_the_handler(void **state)
{
    (void)state;
    s.pause_at_once = true;
    fake_h2_client_request(&s.remote, "POST", "/", NULL, "wait for me");
    assert_int_equal(s.body_len, 0);
    assert_int_equal(s.ends, 0);
    loop_event_begin(&s.loop);
    exchange_resume_body(s.current);
    loop_event_end(&s.loop);
    assert_string_equal(s.body, "wait for me");
    assert_int_equal(s.ends, 1);
}

static void the_window_grows_by_what_was_taken(void **state)
{
    (void)state;
    static char body[40001];
    memset(body, 'b', sizeof(body) - 1);
    s.pause_at_once = s.remote.keeps_going = true;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/", NULL, body);
    int32_t before = nghttp2_session_get_stream_remote_window_size(s.remote.session, id);
    assert_int_equal(before, 65536 - 40000);
    assert_int_equal(s.body_len, 0);
}

static void an_answer_waits_for_the_window(void **state)
{
    (void)state;
    s.remote.takes_by_hand = true;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    fake_h2_begin_answer(s.current);
    fake_h2_send_bytes(s.current, 60000);
    assert_int_equal(s.blocks, 0);
    fake_h2_send_bytes(s.current, 10000);
    assert_int_equal(s.blocks, 1);
    assert_int_equal(fake_h2_got(id)->body_bytes, 65535);
    nghttp2_session_consume(s.remote.session, id, 60000);
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.drains, 1);
    assert_int_equal(fake_h2_got(id)->body_bytes, 70000);
}

static void an_answer_waits_for_the_socket(void **state)
{
    (void)state;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    fake_h2_begin_answer(s.current);
    fake_stream_block(&s.stream);
    fake_h2_send_bytes(s.current, 20000);
    assert_int_equal(s.blocks, 1);
    assert_int_equal(fake_h2_got(id)->body_bytes, 0);
    fake_stream_drain(&s.stream);
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.drains, 1);
    assert_int_equal(fake_h2_got(id)->body_bytes, 20000);
}

static void an_urgent_answer_overtakes(void **state)
{
    (void)state;
    int32_t slow = fake_h2_client_request(&s.remote, "GET", "/", "priority: u=7\n", NULL);
    struct exchange *ex = s.current;
    int32_t urgent = fake_h2_client_request(&s.remote, "GET", "/", "priority: u=0\n", NULL);
    fake_h2_begin_answer(ex);
    fake_h2_begin_answer(s.current);
    s.remote.takes_by_hand = true;
    fake_stream_block(&s.stream);
    fake_h2_send_bytes(ex, 50000);
    fake_h2_send_bytes(s.current, 50000);
    fake_stream_drain(&s.stream);
    fake_h2_client_run(&s.remote); /* the connection's window is 65535 */
    assert_int_equal(fake_h2_got(urgent)->body_bytes, 50000);
    assert_int_equal(fake_h2_got(slow)->body_bytes, 15535);
}

static void sources_may_send_when_they_are_told_of_room(void **state)
{
    (void)state;
    static const char block[10000];
    int32_t ids[3];
    struct exchange *exchanges[3];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
        exchanges[i] = s.current;
        fake_h2_begin_answer(s.current);
    }
    fake_stream_block(&s.stream);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        fake_h2_send_bytes(exchanges[i], 10000);
    s.more = slice_of(block, sizeof(block));
    fake_stream_drain(&s.stream);
    s.more.len = 0;
    fake_h2_client_run(&s.remote);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_int_equal(fake_h2_got(ids[i])->body_bytes, 20000);
    assert_int_equal(s.h2.unread_bytes, 0);
}

/* ---- what may be unread ---- */

#define STREAMS 10

/* So many requests; the client takes no more than its first windows, which are 65535 bytes. */
static void ask(int32_t *ids, struct exchange **exchanges)
{
    s.remote.takes_by_hand = true;
    for (size_t i = 0; i < STREAMS; i++) {
        ids[i] = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
        exchanges[i] = s.current;
    }
}

static void answer(struct exchange *ex)
{
    fake_h2_begin_answer(ex);
    fake_h2_send_bytes(ex, 60000);
}

static void streams_share_what_may_be_unread(void **state)
{
    (void)state;
    int32_t ids[STREAMS];
    struct exchange *exchanges[STREAMS];
    size_t taken[STREAMS] = { 0 };
    ask(ids, exchanges);
    for (size_t i = 0; i < 5; i++)
        answer(exchanges[i]);
    assert_int_equal(s.h2.unread_bytes, 300000 - 65535);
    assert_int_equal(s.blocks, 4); /* each for itself */
    answer(exchanges[5]);
    assert_int_equal(s.h2.unread_bytes, 360000 - 65535);
    assert_int_equal(s.server.http2_unread_bytes, 360000 - 65535);
    assert_int_equal(s.blocks, STREAMS); /* the others too, also those without an answer */
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < 6; i++) {
            size_t got = fake_h2_got(ids[i])->body_bytes;
            moved = moved || got > taken[i];
            nghttp2_session_consume(s.remote.session, ids[i], got - taken[i]);
            taken[i] = got;
        }
        fake_h2_client_run(&s.remote);
    }
    assert_int_equal(s.h2.unread_bytes, 0);
    assert_int_equal(s.server.http2_unread_bytes, 0);
    assert_int_equal(s.drains, STREAMS);
}

static void streams_that_end_leave_their_share(void **state)
{
    (void)state;
    int32_t ids[STREAMS];
    struct exchange *exchanges[STREAMS];
    ask(ids, exchanges);
    for (size_t i = 0; i < 6; i++)
        answer(exchanges[i]);
    for (size_t i = 2; i < 6; i++)
        nghttp2_submit_rst_stream(s.remote.session, 0, ids[i], NGHTTP2_CANCEL);
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.h2.unread_bytes, 120000 - 65535);
    assert_int_equal(s.server.http2_unread_bytes, 120000 - 65535);
    assert_int_equal(s.drains, STREAMS - 5); /* all but the one with something of its own */
}

static void connections_share_what_may_be_unread(void **state)
{
    (void)state;
    int32_t ids[STREAMS];
    struct exchange *exchanges[STREAMS];
    ask(ids, exchanges);
    s.server.http2_unread_bytes = H2_UNREAD_WORKER_BYTES; /* others' */
    answer(exchanges[0]);
    assert_int_equal(s.blocks, 0);
    answer(exchanges[1]);
    assert_int_equal(s.blocks, STREAMS);
}

/* ---- tunnels ---- */

static void an_extended_connect_becomes_a_tunnel(void **state)
{
    (void)state;
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_send(&s.remote,
                                     ":method: CONNECT\n:protocol: websocket\n:scheme: https\n"
                                     ":authority: a.vn\n:path: /ws\nsec-websocket-version: 13\n",
                                     "early ");
    struct exchange *ex = s.current;
    assert_non_null(ex);
    assert_true(ex->request.wants_upgrade);
    assert_int_equal(s.body_len, 0);
    loop_event_begin(&s.loop);
    ex->response.status = 101;
    exchange_send_head(ex);
    exchange_send_body(ex, SLICE("hi"));
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
    fake_h2_assert_status(id, 200);
    assert_string_equal(s.body, "early ");
    fake_h2_client_more(&s.remote, id, "bird");
    assert_string_equal(s.body, "early bird");
    assert_string_equal(fake_h2_got(id)->body, "hi");
    fake_h2_client_more(&s.remote, id, NULL);
    fake_h2_end_answer(ex, NULL);
    assert_true(fake_h2_got(id)->ended);
    assert_int_equal(s.reason, CLOSE_NONE);
}

static void a_backend_that_does_not_switch_refuses_the_tunnel(void **state)
{
    (void)state;
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_send(&s.remote,
                                     ":method: CONNECT\n:protocol: websocket\n:scheme: https\n"
                                     ":authority: a.vn\n:path: /ws\nsec-websocket-version: 13\n",
                                     "early");
    fake_h2_answer(s.current, "a page");
    fake_h2_assert_status(id, 502);
    assert_true(fake_h2_got(id)->ended);
}

/* ---- the end ---- */

static void drains_in_two_steps(void **state)
{
    (void)state;
    int32_t id = fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    loop_event_begin(&s.loop);
    h2_server_drain(&s.h2);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote); /* the PING's answer brings the second step */
    assert_int_equal(s.remote.goaways, 2);
    assert_int_equal(s.remote.goaway_last, id);
    assert_false(s.stream.shut);
    fake_h2_answer(s.current, "last");
    assert_string_equal(fake_h2_got(id)->body, "last");
    assert_true(s.stream.shut);
}

static void the_clients_end_closes_everything(void **state)
{
    (void)state;
    fake_h2_client_request(&s.remote, "GET", "/", NULL, NULL);
    fake_stream_end(&s.stream, 0);
    assert_int_equal(s.closes, 1);
    assert_int_equal(s.reason, CLOSE_CLIENT_LEFT);
    assert_true(s.stream.closed);
}

static void a_wrong_preface_ends_the_connection(void **state)
{
    (void)state;
    fake_h2_client_frame(&s.remote, NGHTTP2_DATA, 0, 0, "x", 1); /* DATA on stream 0 */
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.remote.goaway_code, NGHTTP2_PROTOCOL_ERROR);
    assert_true(s.stream.shut);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_h2_set_up, fake_h2_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_a_request),
        TEST(serves_many_streams_in_any_order),
        TEST(hands_up_a_body_and_its_trailers),
        TEST(an_answer_to_head_has_no_body),
        TEST(an_answer_has_trailers_behind_all_of_its_body),
        TEST(joins_crumbs_of_cookies),
        TEST(passes_interim_answers_on),
        TEST(says_continue_when_the_body_is_wanted),
        TEST(an_early_answer_stops_the_upload),
        TEST(an_aborted_answer_is_reset),
        TEST(a_reset_closes_the_exchange),
        TEST(a_body_waits_for_the_handler),
        TEST(the_window_grows_by_what_was_taken),
        TEST(an_answer_waits_for_the_window),
        TEST(an_answer_waits_for_the_socket),
        TEST(an_urgent_answer_overtakes),
        TEST(sources_may_send_when_they_are_told_of_room),
        TEST(streams_share_what_may_be_unread),
        TEST(streams_that_end_leave_their_share),
        TEST(connections_share_what_may_be_unread),
        TEST(an_extended_connect_becomes_a_tunnel),
        TEST(a_backend_that_does_not_switch_refuses_the_tunnel),
        TEST(drains_in_two_steps),
        TEST(the_clients_end_closes_everything),
        TEST(a_wrong_preface_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
