#include "fakes/fake_h2_site.h"
#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define WINDOW 65536 /* of a stream; all of them together have two */

static void run_a_timer(void)
{
    uv_ref((uv_handle_t *)&s.loop.timers.uv);
    uv_run(&s.loop.uv, UV_RUN_ONCE);
    fake_h2_client_run(&s.remote);
}

/* Two bodies that nobody reads leave no window. Returns the first one's stream. */
static int32_t fill_the_window(void)
{
    static char body[WINDOW + 1];
    memset(body, 'b', WINDOW);
    s.pause_at_once = s.remote.keeps_going = true;
    int32_t first = fake_h2_client_request(&s.remote, "POST", "/1", NULL, body);
    fake_h2_client_request(&s.remote, "POST", "/2", NULL, body);
    assert_int_equal(nghttp2_session_get_remote_window_size(s.remote.session), 0);
    return first;
}

static void a_body_is_not_late_while_others_fill_the_window(void **state)
{
    (void)state;
    int32_t first = fill_the_window();
    s.server.timeouts.request_body_ms = 1;
    s.pause_at_once = false;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/3", NULL, "x");
    for (int i = 0; i < 5; i++)
        run_a_timer();
    assert_null(fake_h2_client_answer(&s.remote, id));
    nghttp2_submit_rst_stream(s.remote.session, NGHTTP2_FLAG_NONE, first, NGHTTP2_CANCEL);
    fake_h2_client_run(&s.remote);
    assert_string_equal(s.body, "x");
    while (!fake_h2_client_answer(&s.remote, id))
        run_a_timer();
    fake_h2_assert_status(id, 408);
}

static void a_body_that_is_too_slow_is_answered_and_the_rest_dropped(void **state)
{
    (void)state;
    s.server.timeouts.min_body_rate = 1000;
    s.server.timeouts.request_body_ms = 0; /* so that every piece is judged */
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_request(&s.remote, "POST", "/", NULL, "");
    s.current->pace.since_us -= 1000000;
    fake_h2_client_more(&s.remote, id, "x");
    fake_h2_assert_status(id, 408);
    assert_int_equal(s.body_len, 0);
    assert_int_equal(s.closes, 1);
    assert_false(s.stream.closed);
}

static void a_stream_that_waits_for_its_turn_is_not_to_blame(void **state)
{
    (void)state;
    s.remote.takes_by_hand = true;
    int32_t first = fake_h2_client_request(&s.remote, "GET", "/1", NULL, NULL);
    struct exchange *ex = s.current;
    fake_h2_client_request(&s.remote, "GET", "/2", NULL, NULL);
    fake_h2_begin_answer(ex);
    fake_h2_send_bytes(ex, 60000);
    fake_h2_begin_answer(s.current);
    s.server.timeouts.send_ms = 1;
    s.server.timeouts.min_send_rate = 1;
    fake_h2_send_bytes(s.current, 10000); /* of which the window of all lets through a part */
    assert_int_equal(s.blocks, 1);
    nghttp2_session_consume(s.remote.session, first, 40000);
    fake_h2_client_run(&s.remote);
    assert_int_equal(s.drains, 1);
    assert_int_equal(s.closes, 0);
    fake_h2_send_bytes(s.current, 60000);
    while (s.closes == 0) /* now nobody takes anything */
        run_a_timer();
    assert_int_equal(s.reason, CLOSE_CLIENT_TIMEOUT);
    assert_false(s.stream.closed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_h2_set_up, fake_h2_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_is_not_late_while_others_fill_the_window),
        TEST(a_body_that_is_too_slow_is_answered_and_the_rest_dropped),
        TEST(a_stream_that_waits_for_its_turn_is_not_to_blame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
