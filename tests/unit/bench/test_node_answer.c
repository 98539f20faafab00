#include "bench/node/node_answer.h"

#include "bench/node/node_content.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
    struct node_request request;
    struct node_plan plan;
    struct node_answer answer;
    struct node_out out;
    struct buf sent;
    uint64_t pauses, paused_ms;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(sizeof(*f));
    node_request_reset(&f->request);
    node_plan_reset(&f->plan);
    node_answer_reset(&f->answer);
    node_out_init(&f->out);
    buf_init(&f->sent, 1 << 20);
    f->request.method = HTTP_GET;
    f->request.keep_alive = true;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    node_request_fini(&f->request);
    node_plan_fini(&f->plan);
    node_answer_fini(&f->answer);
    node_out_fini(&f->out);
    buf_fini(&f->sent);
    mem_free(f);
    return 0;
}

static void send_out(struct fixture *f)
{
    for (size_t i = 0; i < f->out.part_count; i++)
        buf_append_slice(&f->sent, node_out_part(&f->out, i));
    node_out_clear(&f->out);
}

/* Writes the whole answer to f->sent; returns the step that ended it. */
static enum node_answer_step answer(struct fixture *f, const char *query)
{
    struct err e;
    enum node_answer_step step = NODE_ANSWER_SEND;
    assert_int_equal(node_plan_read(&f->plan, slice_str(query), &e), 0);
    node_answer_plan(&f->answer, &f->plan, &f->request);
    node_answer_begin(&f->answer, SLICE("X-Node: n\r\n"), &f->out);
    while (step == NODE_ANSWER_SEND || step == NODE_ANSWER_PAUSE) {
        uint64_t pause_ms = 0;
        step = node_answer_continue(&f->answer, &f->out, &pause_ms);
        f->pauses += step == NODE_ANSWER_PAUSE;
        f->paused_ms += pause_ms;
        send_out(f);
    }
    return step;
}

static void hello(struct fixture *f)
{
    node_answer_set_text(&f->answer, 200, "text/plain");
    buf_append_str(&f->answer.text, "hello!");
}

static void assert_sent(struct fixture *f, const char *text)
{
    buf_append_char(&f->sent, '\0');
    assert_string_equal(f->sent.data, text);
}

static struct slice sent_body(const struct fixture *f)
{
    const char *blank = memmem(f->sent.data, f->sent.len, "\r\n\r\n", 4);
    assert_non_null(blank);
    return slice_from(buf_slice(&f->sent), (size_t)(blank - f->sent.data) + 4);
}

static void says_its_length(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, ""), NODE_ANSWER_DONE);
    assert_sent(f, "HTTP/1.1 200 OK\r\nX-Node: n\r\nContent-Type: text/plain\r\n"
                   "Content-Length: 6\r\n\r\nhello!");
}

static void sends_chunks_and_a_trailer(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, "trailer=1&status=404"), NODE_ANSWER_DONE);
    assert_sent(f, "HTTP/1.1 404 Not Found\r\nX-Node: n\r\nContent-Type: text/plain\r\n"
                   "Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n"
                   "6\r\nhello!\r\n0\r\nX-Trailer: the end\r\n\r\n");
}

static void sends_raw_headers_as_they_are(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, "header=Content-Length:7&header=bad%20name:x"), NODE_ANSWER_DONE);
    assert_sent(f, "HTTP/1.1 200 OK\r\nX-Node: n\r\nContent-Type: text/plain\r\n"
                   "Content-Length: 6\r\nContent-Length:7\r\nbad name:x\r\n\r\nhello!");
}

static void answers_head_without_a_body(void **state)
{
    struct fixture *f = *state;
    hello(f);
    f->request.method = HTTP_HEAD;
    assert_int_equal(answer(f, ""), NODE_ANSWER_DONE);
    assert_sent(f, "HTTP/1.1 200 OK\r\nX-Node: n\r\nContent-Type: text/plain\r\n"
                   "Content-Length: 6\r\n\r\n");
}

static void sends_no_body_with_204(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, "status=204"), NODE_ANSWER_DONE);
    assert_sent(f, "HTTP/1.1 204 No Content\r\nX-Node: n\r\nContent-Type: text/plain\r\n\r\n");
}

static void ends_a_body_of_http_1_0_with_the_connection(void **state)
{
    struct fixture *f = *state;
    hello(f);
    f->request.minor = 0;
    assert_int_equal(answer(f, "chunked=1"), NODE_ANSWER_DONE);
    assert_false(f->answer.keep_alive);
    assert_sent(f, "HTTP/1.1 200 OK\r\nX-Node: n\r\nContent-Type: text/plain\r\n"
                   "Connection: close\r\n\r\nhello!");
}

static void dies_in_the_middle_of_the_body(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, "close=body"), NODE_ANSWER_DIE);
    assert_true(slice_eq(sent_body(f), SLICE("hel")));
}

static void dies_between_two_chunks(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, "close=body&chunked=1"), NODE_ANSWER_DIE);
    assert_true(slice_eq(sent_body(f), SLICE("3\r\nhel\r\n")));
}

static void dies_in_the_middle_of_a_chunk(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(answer(f, "close=mid-chunk"), NODE_ANSWER_DIE);
    assert_true(slice_eq(sent_body(f), SLICE("6\r\nhel")));
}

static void paces_a_body(void **state)
{
    struct fixture *f = *state;
    struct node_content *content = node_content_new(1);
    f->answer.status = 200;
    node_answer_set_content(&f->answer, NULL, node_content_binary(content), 100000);
    assert_int_equal(answer(f, "rate=50000"), NODE_ANSWER_DONE);
    assert_int_equal(sent_body(f).len, 100000);
    assert_in_range(f->paused_ms, 1800, 2000);
    assert_true(f->pauses >= 30);
    node_content_free(&content);
}

static void repeats_content_as_often_as_needed(void **state)
{
    struct fixture *f = *state;
    struct node_content *content = node_content_new(1);
    const char *block = node_content_binary(content);
    f->answer.status = 200;
    node_answer_set_content(&f->answer, NULL, block, 2 * NODE_CONTENT_BLOCK + 10);
    assert_int_equal(answer(f, ""), NODE_ANSWER_DONE);
    struct slice body = sent_body(f);
    assert_int_equal(body.len, 2 * NODE_CONTENT_BLOCK + 10);
    for (size_t i = 0; i < body.len; i++)
        if (body.data[i] != block[i % NODE_CONTENT_BLOCK])
            fail_msg("byte %zu differs", i);
    node_content_free(&content);
}

static void sends_one_event_at_a_time(void **state)
{
    struct fixture *f = *state;
    f->answer.status = 200;
    f->answer.body = NODE_BODY_EVENTS;
    f->answer.event_count = 3;
    f->answer.interval_ms = 20;
    assert_int_equal(answer(f, ""), NODE_ANSWER_DONE);
    assert_int_equal(f->pauses, 2);
    assert_int_equal(f->paused_ms, 40);
    assert_non_null(memmem(f->sent.data, f->sent.len, "id: 3\nevent: tick\ndata: ", 24));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_its_length),
        TEST(sends_chunks_and_a_trailer),
        TEST(sends_raw_headers_as_they_are),
        TEST(answers_head_without_a_body),
        TEST(sends_no_body_with_204),
        TEST(ends_a_body_of_http_1_0_with_the_connection),
        TEST(dies_in_the_middle_of_the_body),
        TEST(dies_between_two_chunks),
        TEST(dies_in_the_middle_of_a_chunk),
        TEST(paces_a_body),
        TEST(repeats_content_as_often_as_needed),
        TEST(sends_one_event_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
