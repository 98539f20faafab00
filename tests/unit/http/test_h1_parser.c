#include "http/h1_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define POST "POST / HTTP/1.1\r\nHost: x\r\n"

static const struct h1_limits limits = { .head_bytes = 2048,
                                         .target_bytes = 200,
                                         .header_count = 20 };

/* What a message comes out as, however its bytes were cut. */
struct outcome {
    struct arena arena;
    struct h1_parser parser;
    enum h1_event last;
    bool head_seen;
    char body[64 * 1024];
    size_t body_len, left;
};

static void run(struct outcome *o, bool response, bool to_head, struct slice input, size_t step)
{
    *o = (struct outcome){ .last = H1_MORE };
    arena_init(&o->arena, NULL, 1 << 20);
    if (response)
        h1_parser_init_response(&o->parser, &o->arena, &limits, to_head);
    else
        h1_parser_init_request(&o->parser, &o->arena, &limits);
    while (input.len && (o->last == H1_MORE || o->last == H1_HEAD || o->last == H1_BODY)) {
        struct slice part = slice_of(input.data, MIN(step, input.len)), body;
        size_t given = part.len;
        for (;;) {
            o->last = h1_parser_next(&o->parser, &part, &body);
            o->head_seen = o->head_seen || o->last == H1_HEAD;
            if (o->last == H1_BODY) {
                assert_true(o->body_len + body.len <= sizeof(o->body));
                memcpy(o->body + o->body_len, body.data, body.len);
                o->body_len += body.len;
            } else if (o->last != H1_HEAD) {
                break;
            }
        }
        input = slice_from(input, given - part.len);
    }
    o->left = input.len;
}

static void end(struct outcome *o)
{
    arena_fini(&o->arena);
}

/* All at once, and one byte at a time. */
#define EACH_STEP(step) for (size_t step = 1; step <= 100000; step += 99999)

static void assert_request_refused(const char *name, struct slice text, enum h1_error error)
{
    EACH_STEP(step)
    {
        struct outcome o;
        run(&o, false, false, text, step);
        if (o.last != H1_BAD || o.parser.error != error)
            fail_msg("%s: event %d, error %d (step %zu)", name, o.last, o.parser.error, step);
        end(&o);
    }
}

static void reads_a_request_without_a_body(void **state)
{
    (void)state;
    EACH_STEP(step)
    {
        struct outcome o;
        run(&o, false, false,
            SLICE("GET /a?b HTTP/1.1\r\nHost: x.vn\r\nEmpty:\r\nX-Long:  a b \t\r\n\r\nGET"), step);
        assert_int_equal(o.last, H1_END);
        assert_int_equal(o.left, 3);
        const struct h1_head *h = &o.parser.head;
        assert_int_equal(h->method, HTTP_GET);
        assert_true(slice_eq(h->target, SLICE("/a?b")));
        assert_int_equal(h->headers.count, 3);
        assert_true(slice_eq(headers_value(&h->headers, HEADER_HOST), SLICE("x.vn")));
        assert_int_equal(h->headers.items[1].value_len, 0);
        assert_true(slice_eq(header_value(&h->headers.items[2]), SLICE("a b")));
        assert_true(h->keep_alive);
        assert_int_equal(h->body, BODY_NONE);
        end(&o);
    }
}

static void reads_a_body_of_known_length(void **state)
{
    (void)state;
    EACH_STEP(step)
    {
        struct outcome o;
        run(&o, false, false,
            SLICE("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /"), step);
        assert_int_equal(o.last, H1_END);
        assert_true(slice_eq(slice_of(o.body, o.body_len), SLICE("hello")));
        assert_int_equal(o.left, 5);
        end(&o);
    }
}

static void reads_chunks_and_trailers(void **state)
{
    (void)state;
    EACH_STEP(step)
    {
        struct outcome o;
        run(&o, false, false,
            SLICE("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
                  "5\r\nhello\r\n3;ext=1\r\n wo\r\n0\r\nChecksum: abc\r\nHost: evil\r\n\r\nnext"),
            step);
        assert_int_equal(o.last, H1_END);
        assert_true(slice_eq(slice_of(o.body, o.body_len), SLICE("hello wo")));
        assert_int_equal(o.left, 4);
        assert_int_equal(o.parser.trailers.count, 2);
        assert_true(slice_eq(header_name(&o.parser.trailers.items[0]), SLICE("Checksum")));
        assert_true(slice_eq(header_value(&o.parser.trailers.items[0]), SLICE("abc")));
        assert_int_equal(o.parser.trailers.items[1].id, HEADER_HOST);
        assert_int_equal(o.parser.head.headers.count, 2);
        end(&o);
    }
}

static void refuses_ambiguous_framing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        { "cl-te-both", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { "te-cl-both", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" },
        { "te-http10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { "duplicate-cl", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" },
        { "cl-comma-different", POST "Content-Length: 3, 4\r\n\r\nabc" },
        { "empty-cl", POST "Content-Length:\r\nContent-Length: 3\r\n\r\nabc" },
        { "cl-plus-sign", POST "Content-Length: +3\r\n\r\nabc" },
        { "cl-hex-prefix", POST "Content-Length: 0x3\r\n\r\nabc" },
        { "cl-negative", POST "Content-Length: -3\r\n\r\nabc" },
        { "cl-underscore", POST "Content-Length: 1_0\r\n\r\nabc" },
        { "cl-octal", POST "Content-Length: 0o3\r\n\r\nabc" },
        { "cl-overflow", POST "Content-Length: 18446744073709551617\r\n\r\na" },
        { "te-xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n" },
        { "te-identity", POST "Transfer-Encoding: identity\r\n\r\n" },
        { "te-double-chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n" },
        { "te-twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { "te-not-final-chunked", POST "Transfer-Encoding: chunked, gzip\r\n\r\n" },
        { "te-gzip-chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n" },
        { "te-leading-comma", POST "Transfer-Encoding: ,chunked\r\n\r\n" },
        { "te-vtab", POST "Transfer-Encoding: \vchunked\r\n\r\n" },
        { "te-formfeed", POST "Transfer-Encoding: \fchunked\r\n\r\n" },
        { "te-sp-before-colon", POST "Transfer-Encoding : chunked\r\n\r\n" },
        { "obs-fold", POST "X: a\r\n b\r\n\r\n" },
        { "obs-fold-te", POST "Transfer-Encoding:\r\n chunked\r\n\r\n" },
        { "bare-lf-header", POST "X: a\nY: b\r\n\r\n" },
        { "bare-lf-all", "GET / HTTP/1.1\nHost: x\n\n" },
        { "cr-only-line-ending", POST "X: a\rY: b\r\n\r\n" },
        { "cr-cr-end", POST "\r\r\n" },
        { "chunk-lf-term", POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" },
        { "chunk-ext-lf", POST "Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n" },
        { "chunk-hex-prefix", POST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" },
        { "chunk-size-plus", POST "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n" },
        { "chunk-negative", POST "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n" },
        { "chunk-size-overflow",
          POST "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n" },
        { "chunk-missing-crlf", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n" },
        { "chunk-spill", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n" },
        { "chunk-data-lf", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n" },
        { "bare-cr-header-value", POST "X: a\rb\r\n\r\n" },
        { "header-no-colon", POST "Xab\r\n\r\n" },
        { "empty-header-name", POST ": a\r\n\r\n" },
        { "no-host", "GET / HTTP/1.1\r\nX: a\r\n\r\n" },
        { "duplicate-host", POST "Host: y\r\n\r\n" },
        { "two-spaces-after-method", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "two-spaces-after-target", "GET /  HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "space-before-first-field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n" },
        { "unknown-method", "FOO / HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "lower-case-method", "get / HTTP/1.1\r\nHost: x\r\n\r\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_request_refused(cases[i].name, slice_str(cases[i].text), H1_SYNTAX);
    assert_request_refused("nul-in-header-value",
                           SLICE("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"), H1_SYNTAX);
    assert_request_refused(
        "te-null", SLICE("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\0\r\n\r\n"),
        H1_SYNTAX);
}

static void refuses_bad_trailers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        { "chunk-end-lf", POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\n" },
        { "trailer-end-lf", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\n" },
        { "trailer-lf", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n" },
        { "trailer-fold", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n" },
        { "trailer-fold-colon",
          POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z: a\r\n\r\n" },
        { "trailer-name", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX(: y\r\n\r\n" },
        { "trailer-control", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: \vy\r\n\r\n" },
        { "trailer-no-colon", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nXy\r\n\r\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_request_refused(cases[i].name, slice_str(cases[i].text), H1_SYNTAX);
}

static void refuses_other_versions(void **state)
{
    (void)state;
    assert_request_refused("2.0", SLICE("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), H1_VERSION);
    assert_request_refused("0.9", SLICE("GET /\r\n\r\n"), H1_VERSION);
    assert_request_refused("1.2", SLICE("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), H1_VERSION);
    assert_request_refused("preface", SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), H1_VERSION);
    assert_request_refused("its beginning", SLICE("PRI * HTTP/1.0\r\n\r\n"), H1_VERSION);
}

static void drops_names_with_an_underscore(void **state)
{
    (void)state;
    struct outcome o;
    run(&o, false, false,
        SLICE("POST / HTTP/1.1\r\nHost: x\r\nContent_Length: 9\r\nTransfer_Encoding: a\r\n\r\n"),
        1000);
    assert_int_equal(o.last, H1_END);
    assert_int_equal(o.parser.head.headers.count, 1);
    end(&o);
}

static void limits_the_head(void **state)
{
    (void)state;
    char text[8192];
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /", 5);
    assert_request_refused("long target", slice_of(text, sizeof(text)), H1_TARGET_TOO_LONG);
    static const char start[] = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    memcpy(text, start, sizeof(start) - 1);
    assert_request_refused("long value", slice_of(text, sizeof(text)), H1_HEAD_TOO_LARGE);
    size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 21; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "H%d: x\r\n", i);
    assert_request_refused("many fields", slice_of(text, len), H1_HEAD_TOO_LARGE);
    text[len - 5] = ' ';
    assert_request_refused("the last is none", slice_of(text, len), H1_SYNTAX);
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /", 5);
    memcpy(text + 1100, "\1 HTTP/1.1", 10);
    assert_request_refused("a target with a control", slice_of(text, 1110), H1_SYNTAX);
}

static void a_head_of_exactly_the_limit_is_read(void **state)
{
    (void)state;
    char text[2048];
    int start = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    memset(text + start, 'a', sizeof(text) - (size_t)start);
    memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
    EACH_STEP(step)
    {
        struct outcome o;
        run(&o, false, false, slice_of(text, sizeof(text)), step);
        assert_int_equal(o.last, H1_END);
        end(&o);
    }
}

static void limits_trailers(void **state)
{
    (void)state;
    char text[8192];
    int len = snprintf(text, sizeof(text),
                       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: ");
    memset(text + len, 'a', sizeof(text) - (size_t)len);
    assert_request_refused("trailers", slice_of(text, sizeof(text)), H1_HEAD_TOO_LARGE);
}

static void chunks_may_not_be_mostly_packaging(void **state)
{
    (void)state;
    static const char start[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    static char text[64 * 1024];
    size_t len = sizeof(start) - 1;
    memcpy(text, start, len);
    while (len < sizeof(text))
        len += (size_t)snprintf(text + len, sizeof(text) - len, "1\r\na\r\n");
    assert_request_refused("one-byte chunks", slice_of(text, sizeof(text) - 8), H1_SYNTAX);
    memset(text + sizeof(start) - 1, 'e', sizeof(text) - sizeof(start));
    memcpy(text + sizeof(start) - 1, "1;", 2);
    assert_request_refused("an extension", slice_of(text, sizeof(text)), H1_SYNTAX);
}

static void connection_decides_what_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n", false },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o;
        run(&o, false, false, slice_str(cases[i].text), 1000);
        assert_int_equal(o.parser.head.keep_alive, cases[i].keep_alive);
        end(&o);
    }
}

static void marks_what_connection_names(void **state)
{
    (void)state;
    struct outcome o;
    run(&o, false, false,
        SLICE("GET / HTTP/1.1\r\nHost: x\r\nX-Secret: 1\r\nConnection: X-Secret, host\r\n\r\n"),
        1000);
    assert_true(o.parser.head.headers.items[1].flags & HEADER_HOP);
    assert_false(o.parser.head.headers.items[0].flags & HEADER_HOP);
    end(&o);
}

static void reads_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool to_head;
        enum body_kind body;
        enum h1_event last;
        const char *content;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, BODY_LENGTH, H1_END, "ab" },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", false, BODY_LENGTH, H1_END, "ab" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, BODY_NONE, H1_END, "" },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", false, BODY_NONE, H1_END, "" },
        { "HTTP/1.1 204 No\r\n\r\n", false, BODY_NONE, H1_END, "" },
        { "HTTP/1.1 200 OK\r\n\r\nabc", false, BODY_UNTIL_CLOSE, H1_MORE, "abc" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", false,
          BODY_CHUNKED, H1_END, "a" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false, BODY_LENGTH, H1_END, "a" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        EACH_STEP(step)
        {
            struct outcome o;
            run(&o, true, cases[i].to_head, slice_str(cases[i].text), step);
            assert_int_equal(o.last, cases[i].last);
            assert_int_equal(o.parser.head.body, cases[i].body);
            assert_true(slice_eq(slice_of(o.body, o.body_len), slice_str(cases[i].content)));
            end(&o);
        }
}

static void refuses_ambiguous_answers(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 600 High\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        EACH_STEP(step)
        {
            struct outcome o;
            run(&o, true, false, slice_str(cases[i]), step);
            if (o.last != H1_BAD)
                fail_msg("accepted: %s", cases[i]);
            end(&o);
        }
}

static void the_end_of_input_completes_only_what_it_may(void **state)
{
    (void)state;
    struct outcome o;
    run(&o, true, false, SLICE("HTTP/1.1 200 OK\r\n\r\nabc"), 1000);
    assert_int_equal(h1_parser_end_of_input(&o.parser), H1_END);
    end(&o);
    run(&o, true, false, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"), 1000);
    assert_int_equal(h1_parser_end_of_input(&o.parser), H1_BAD);
    assert_int_equal(o.parser.error, H1_TRUNCATED);
    end(&o);
    run(&o, true, false, SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        1000);
    assert_int_equal(h1_parser_end_of_input(&o.parser), H1_BAD);
    end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request_without_a_body),
        cmocka_unit_test(reads_a_body_of_known_length),
        cmocka_unit_test(reads_chunks_and_trailers),
        cmocka_unit_test(refuses_ambiguous_framing),
        cmocka_unit_test(refuses_bad_trailers),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(drops_names_with_an_underscore),
        cmocka_unit_test(limits_the_head),
        cmocka_unit_test(a_head_of_exactly_the_limit_is_read),
        cmocka_unit_test(limits_trailers),
        cmocka_unit_test(chunks_may_not_be_mostly_packaging),
        cmocka_unit_test(connection_decides_what_is_kept),
        cmocka_unit_test(marks_what_connection_names),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(refuses_ambiguous_answers),
        cmocka_unit_test(the_end_of_input_completes_only_what_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
