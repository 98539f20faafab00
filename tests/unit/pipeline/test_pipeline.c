#include "pipeline/pipeline.h"

#include "common/mem.h"
#include "fakes/fake_stream.h"
#include "http/h1_server.h"
#include "http/reply.h"
#include "pipeline/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A pipeline of three stages, on a connection without a socket. The second one does as it is told,
 * the third takes the body and answers when the test says so. */
static struct fixture {
    struct loop loop;
    struct board *board;
    struct fake_stream stream;
    struct http_server server;
    struct client_info client;
    struct h1_server h1;
    struct store store;
    struct pipeline pipeline;
    struct passage *waiting;
    enum stage_verdict verdict; /* of the second stage */
    bool freed;
    char body[64];
    char story[128]; /* what came, in order */
} f;

static void note(const char *what)
{
    strncat(f.story, what, sizeof(f.story) - strlen(f.story) - 1);
}

static enum stage_verdict pass(struct passage *p)
{
    (void)p;
    note("a");
    return STAGE_NEXT;
}

static void edit_first(struct passage *p)
{
    (void)p;
    note("A");
}

static void leave_first(struct passage *p)
{
    (void)p;
    note("1");
}

static enum stage_verdict do_as_told(struct passage *p)
{
    note("b");
    f.waiting = p;
    if (f.verdict == STAGE_ANSWERED)
        reply_error(p->ex, ERROR_PAGE_OVERLOADED);
    return f.verdict;
}

static void edit_second(struct passage *p)
{
    (void)p;
    note("B");
}

static void leave_second(struct passage *p)
{
    note("2");
    if (f.waiting == p)
        f.waiting = NULL;
}

static enum stage_verdict take_over(struct passage *p)
{
    note("c");
    f.waiting = p;
    exchange_resume_body(p->ex);
    return STAGE_WAIT;
}

static void take_body(struct passage *p, struct slice data)
{
    (void)p;
    note("+");
    strncat(f.body, data.data, data.len);
}

static void end_body(struct passage *p, const struct headers *trailers)
{
    (void)p, (void)trailers;
    note(".");
}

static const struct stage first = {
    .name = "first", .on_request = pass, .on_response = edit_first, .on_leave = leave_first
};
static const struct stage second = {
    .name = "second", .on_request = do_as_told, .on_response = edit_second, .on_leave = leave_second
};
static const struct stage third = {
    .name = "third", .on_request = take_over, .on_body = take_body, .on_body_end = end_body
};
static const struct stage *const stages[] = { &first, &second, &third };

static void on_h1_closed(struct h1_server *h)
{
    (void)h;
    f.freed = true;
}

static int set_up(void **state)
{
    (void)state;
    struct err e;
    f = (struct fixture){ .verdict = STAGE_WAIT };
    f.board = board_create(&e);
    if (!f.board || loop_init(&f.loop) < 0)
        return -1;
    pipeline_init(&f.pipeline, &f.loop, f.board, 0, &f.store);
    f.pipeline.stages = stages;
    f.pipeline.stage_count = ARRAY_LEN(stages);
    struct config *config = mem_new(sizeof(*config));
    arena_init(&config->arena, NULL, 4096);
    pipeline_apply(&f.pipeline, config);
    f.server = (struct http_server){
        .loop = &f.loop,
        .handler = &pipeline_handler,
        .handler_context = &f.pipeline,
        .metrics = f.pipeline.metrics,
        .limits = { 4096, 1024, 50, 1024, 0 },
        .timeouts = { .request_head_ms = 60000,
                      .request_body_ms = 60000,
                      .send_ms = 60000,
                      .keep_alive_ms = 60000 },
    };
    fake_stream_init(&f.stream, &f.loop);
    h1_server_init(&f.h1, &f.stream.base, &f.server, &f.client, on_h1_closed);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (!f.stream.closed) {
        loop_event_begin(&f.loop);
        h1_server_stop(&f.h1);
        loop_event_end(&f.loop);
    }
    fake_stream_finish(&f.stream);
    pipeline_fini(&f.pipeline);
    loop_fini(&f.loop);
    board_free(&f.board);
    return f.freed ? 0 : -1;
}

static void resume(void)
{
    loop_event_begin(&f.loop);
    pipeline_resume(f.waiting);
    loop_event_end(&f.loop);
}

static void answer(void)
{
    loop_event_begin(&f.loop);
    reply_text(f.waiting->ex, 200, SLICE("text/plain"), SLICE("here"));
    loop_event_end(&f.loop);
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"

static void walks_through_all_stages_and_back(void **state)
{
    (void)state;
    f.verdict = STAGE_NEXT;
    fake_stream_feed(&f.stream, GET);
    assert_string_equal(f.story, "abc.");
    answer();
    assert_string_equal(f.story, "abc.BA21");
    assert_non_null(strstr(f.stream.written, "200 OK"));
}

static void stages_that_were_not_entered_hear_nothing(void **state)
{
    (void)state;
    f.verdict = STAGE_ANSWERED;
    fake_stream_feed(&f.stream, GET);
    assert_string_equal(f.story, "abBA21");
    assert_non_null(strstr(f.stream.written, "503 "));
}

static void goes_on_after_a_wait_with_the_next_stage(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, GET);
    assert_string_equal(f.story, "ab");
    resume();
    assert_string_equal(f.story, "abc.");
    answer();
    assert_string_equal(f.story, "abc.BA21");
    assert_false(f.stream.closed);
}

static void holds_the_body_back_during_a_wait(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, POST "\r\nhe");
    fake_stream_feed(&f.stream, "llo");
    assert_string_equal(f.story, "ab");
    resume();
    assert_string_equal(f.story, "abc+.");
    assert_string_equal(f.body, "hello");
    answer();
}

static void asks_for_no_body_during_a_wait(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, POST "Expect: 100-continue\r\n\r\n");
    assert_int_equal(f.stream.written_len, 0);
    resume();
    assert_non_null(strstr(f.stream.written, "100 Continue"));
    fake_stream_feed(&f.stream, "hello");
    assert_string_equal(f.body, "hello");
    answer();
}

static void a_waiting_request_can_be_answered(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, POST "\r\nhello" GET);
    answer();
    assert_string_equal(f.story, "abBAab21"); /* the next one is there already */
}

static void a_client_that_leaves_ends_the_wait(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, GET);
    fake_stream_end(&f.stream, 0);
    assert_string_equal(f.story, "ab21");
}

static void an_answered_request_is_not_resumed(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, GET);
    loop_event_begin(&f.loop);
    struct passage *p = f.waiting;
    reply_text(p->ex, 200, SLICE("text/plain"), SLICE("here"));
    pipeline_resume(p); /* as the last word of a store might, in the same event */
    loop_event_end(&f.loop);
    assert_string_equal(f.story, "abBA21");
}

static void pipelined_requests_wait_their_turn(void **state)
{
    (void)state;
    fake_stream_feed(&f.stream, GET GET);
    assert_string_equal(f.story, "ab");
    resume();
    answer();
    assert_string_equal(f.story, "abc.BA21ab");
    resume();
    answer();
    assert_string_equal(f.story, "abc.BA21abc.BA21");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(walks_through_all_stages_and_back),
        TEST(stages_that_were_not_entered_hear_nothing),
        TEST(goes_on_after_a_wait_with_the_next_stage),
        TEST(holds_the_body_back_during_a_wait),
        TEST(asks_for_no_body_during_a_wait),
        TEST(a_waiting_request_can_be_answered),
        TEST(a_client_that_leaves_ends_the_wait),
        TEST(an_answered_request_is_not_resumed),
        TEST(pipelined_requests_wait_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
