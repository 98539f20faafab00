#include "bench/node/node_request.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
    struct node_request request;
    llhttp_t parser;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(sizeof(*f));
    node_request_reset(&f->request);
    node_request_parser_init(&f->parser);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    node_request_fini(&f->request);
    mem_free(f);
    return 0;
}

static int read_head(struct fixture *f, const char *head)
{
    return node_request_read_head(&f->request, &f->parser, slice_str(head));
}

/* Gives the body in pieces of `step` bytes; returns the first refusal. */
static int read_body(struct fixture *f, const char *body, size_t step)
{
    int refusal = 0;
    for (struct slice rest = slice_str(body); rest.len && !refusal;) {
        struct slice piece = slice_of(rest.data, MIN(step, rest.len));
        rest = slice_from(rest, piece.len);
        refusal = node_request_read_body(&f->request, &f->parser, &piece);
    }
    return refusal;
}

static void assert_is(struct slice s, const char *text)
{
    assert_true(slice_eq(s, slice_str(text)));
}

static void finds_the_end_of_a_head(void **state)
{
    (void)state;
    struct slice input = SLICE("\r\n\r\nGET / HTTP/1.1\r\n\r\nGET");
    assert_int_equal(node_request_find_head(&input), 18);
    assert_is(input, "GET / HTTP/1.1\r\n\r\nGET");
    input = SLICE("GET / HTTP/1.1\r\n\r");
    assert_int_equal(node_request_find_head(&input), 0);
    input = SLICE("\r\n");
    assert_int_equal(node_request_find_head(&input), 0);
}

static void reads_a_request_without_body(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        read_head(f, "GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nEmpty:\r\nX-Y:  a b  \r\n\r\n"), 0);
    assert_true(f->request.complete);
    assert_true(f->request.keep_alive);
    assert_is(f->request.path, "/a/b");
    assert_is(f->request.query, "c=d");
    assert_int_equal(f->request.header_count, 3);
    assert_is(f->request.headers[2].value, "a b");
    assert_is(node_request_header(&f->request, SLICE("hOST")), "x");
    assert_non_null(node_request_header(&f->request, SLICE("empty")).data);
    assert_null(node_request_header(&f->request, SLICE("none")).data);
}

static void finds_the_path_in_an_absolute_target(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_head(f, "GET http://host:80/a?b HTTP/1.1\r\nHost: host\r\n\r\n"), 0);
    assert_is(f->request.path, "/a");
    assert_is(f->request.query, "b");
    assert_is(f->request.target, "http://host:80/a?b");
}

static void reads_a_body_in_any_pieces(void **state)
{
    static const char body[] = "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\nX-U:\r\n\r\n";
    for (size_t step = 1; step < sizeof(body); step++) {
        struct fixture *f = *state;
        struct node_digest digest;
        node_request_reset(&f->request);
        assert_int_equal(
            read_head(f, "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), 0);
        f->request.wants_digest = f->request.wants_body = true;
        assert_int_equal(read_body(f, body, step), 0);
        assert_true(f->request.complete);
        assert_is(buf_slice(&f->request.body), "hello world");
        assert_int_equal(f->request.trailers_from, 2);
        assert_int_equal(f->request.header_count, 4);
        assert_is(f->request.headers[2].name, "X-T");
        assert_is(f->request.headers[2].value, "1");
        assert_is(f->request.headers[3].name, "X-U");
        node_request_digest(&f->request, &digest);
        assert_string_equal(digest.hex,
                            "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    }
}

static void leaves_what_follows_the_body(void **state)
{
    struct fixture *f = *state;
    struct slice input = SLICE("abcGET /");
    assert_int_equal(read_head(f, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"), 0);
    assert_false(f->request.complete);
    assert_int_equal(node_request_read_body(&f->request, &f->parser, &input), 0);
    assert_true(f->request.complete);
    assert_is(input, "GET /");
}

static void reads_one_request_after_the_other(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        node_request_reset(&f->request);
        assert_int_equal(read_head(f, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"), 0);
        assert_int_equal(read_body(f, "abc", 3), 0);
        assert_true(f->request.complete);
        node_request_reset(&f->request);
        assert_int_equal(read_head(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
        assert_true(f->request.complete);
    }
}

static void keeps_a_request_when_its_input_goes(void **state)
{
    struct fixture *f = *state;
    char head[] = "GET /path?query HTTP/1.1\r\nName: value\r\n\r\n";
    assert_int_equal(read_head(f, head), 0);
    assert_int_equal(node_request_keep(&f->request), 0);
    memset(head, 'x', sizeof(head));
    assert_is(f->request.path, "/path");
    assert_is(f->request.query, "query");
    assert_is(f->request.headers[0].name, "Name");
    assert_is(f->request.headers[0].value, "value");
}

static void knows_when_the_connection_may_stay(void **state)
{
    static const struct {
        const char *head;
        bool keep_alive;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *f = *state;
        node_request_reset(&f->request);
        node_request_parser_init(&f->parser);
        assert_int_equal(read_head(f, cases[i].head), 0);
        assert_int_equal(f->request.keep_alive, cases[i].keep_alive);
    }
}

static void sees_who_waits_for_100_continue(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        read_head(f, "PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"), 0);
    assert_true(f->request.expects_continue);
    node_request_reset(&f->request);
    node_request_parser_init(&f->parser);
    assert_int_equal(
        read_head(f, "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"), 0);
    assert_false(f->request.expects_continue);
}

static void refuses_heads_that_are_ambiguous(void **state)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /\r\n\r\n",
        "BREW / HTTP/1.1\r\n\r\n",
        "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct fixture *f = *state;
        node_request_reset(&f->request);
        node_request_parser_init(&f->parser);
        assert_int_equal(read_head(f, heads[i]), 400);
    }
}

static void refuses_too_many_headers(void **state)
{
    struct fixture *f = *state;
    struct buf head;
    buf_init(&head, NODE_HEAD_BYTES);
    buf_append_str(&head, "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= NODE_HEADERS; i++)
        buf_append_str(&head, "A: b\r\n");
    buf_append_str(&head, "\r\n");
    assert_int_equal(node_request_read_head(&f->request, &f->parser, buf_slice(&head)), 431);
    buf_fini(&head);
}

static void refuses_chunks_that_make_no_sense(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_head(f, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 0);
    assert_int_equal(read_body(f, "zz\r\n", 1), 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_the_end_of_a_head),
        TEST(reads_a_request_without_body),
        TEST(finds_the_path_in_an_absolute_target),
        TEST(reads_a_body_in_any_pieces),
        TEST(leaves_what_follows_the_body),
        TEST(reads_one_request_after_the_other),
        TEST(keeps_a_request_when_its_input_goes),
        TEST(knows_when_the_connection_may_stay),
        TEST(sees_who_waits_for_100_continue),
        TEST(refuses_heads_that_are_ambiguous),
        TEST(refuses_too_many_headers),
        TEST(refuses_chunks_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
