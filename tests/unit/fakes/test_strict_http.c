/* The judge is judged: what it has to take, and what it must never take. */
#include "fakes/strict_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static struct strict_message m;
static char body[1024];

static enum strict_result request(const char *text)
{
    return strict_http_read_request(&m, slice_str(text), body);
}

static enum strict_result response(const char *text)
{
    return strict_http_read_response(&m, slice_str(text), false, body);
}

static void assert_slice(struct slice s, const char *text)
{
    assert_true(slice_eq(s, slice_str(text)));
}

static void takes_requests_and_finds_their_end(void **state)
{
    (void)state;
    assert_int_equal(request("GET /a?b HTTP/1.1\r\n" HOST "X-A:  b c \t\r\n\r\nrest"),
                     STRICT_WHOLE);
    assert_slice(m.method, "GET");
    assert_slice(m.target, "/a?b");
    assert_slice(strict_http_field(&m, "x-a"), "b c");
    assert_int_equal(m.framing, STRICT_NONE);
    assert_int_equal(m.used, m.head_len);
    assert_int_equal(request(POST "Content-Length: 5\r\n\r\nhello world"), STRICT_WHOLE);
    assert_slice(slice_of(body, m.body_len), "hello");
    static const char chunks[] = CHUNKED "5\r\nhello\r\nA\r\n, you all!\r\n0\r\nX-B: c\r\n\r\n";
    assert_int_equal(request(chunks), STRICT_WHOLE);
    assert_int_equal(m.used, sizeof(chunks) - 1);
    assert_slice(slice_of(body, m.body_len), "hello, you all!");
    assert_int_equal(m.trailer_count, 1);
    assert_slice(m.trailers[0].value, "c");
    assert_int_equal(request("GET / HTTP/1.0\r\n\r\n"), STRICT_WHOLE);
}

static void takes_responses(void **state)
{
    (void)state;
    assert_int_equal(response("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok!"), STRICT_WHOLE);
    assert_int_equal(m.status, 200);
    assert_slice(slice_of(body, m.body_len), "ok");
    assert_int_equal(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
                     STRICT_WHOLE);
    assert_int_equal(response("HTTP/1.1 204 No Content\r\n\r\n"), STRICT_WHOLE);
    assert_int_equal(response("HTTP/1.1 200 OK\r\n\r\nuntil the end"), STRICT_INCOMPLETE);
    assert_int_equal(m.framing, STRICT_UNTIL_CLOSE);
    assert_slice(slice_of(body, m.body_len), "until the end");
    struct slice to_head = SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(strict_http_read_response(&m, to_head, true, body), STRICT_WHOLE);
}

static void every_beginning_of_a_message_is_incomplete(void **state)
{
    (void)state;
    static const char text[] = CHUNKED "5\r\nhello\r\n0\r\nX-B: c\r\n\r\n";
    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_int_equal(strict_http_read_request(&m, slice_of(text, len), body),
                         STRICT_INCOMPLETE);
    assert_int_equal(request(text), STRICT_WHOLE);
}

static void refuses_what_has_two_readings(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1 \r\n" HOST "\r\n",
        "GET / HTTP/1.2\r\n" HOST "\r\n",
        "GET / http/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\n" HOST "\r\n",
        "GET / HTTP/1.1\r\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        POST "X-A : b\r\n\r\n",
        POST " X-A: b\r\n\r\n",
        POST "X-A: b\r\n c\r\n\r\n",
        POST "X-A\r\n\r\n",
        POST ": b\r\n\r\n",
        POST "X_A: b\r\n\r\n",
        POST "X-A: b\rc\r\n\r\n",
        POST "X-A: b\nc\r\n\r\n",
        POST "X-A: \x01\r\n\r\n",
        POST "X-A: \x7f\r\n\r\n",
        POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST "Content-Length: 5, 5\r\n\r\nhello",
        POST "Content-Length: +5\r\n\r\nhello",
        POST "Content-Length: \r\n\r\n",
        POST "Content-Length: 9999999999999999999\r\n\r\n",
        POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
        POST "Transfer-Encoding: \vchunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n",
        CHUNKED "5 \r\nhello\r\n0\r\n\r\n",
        CHUNKED "0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED "\r\nhello\r\n0\r\n\r\n",
        CHUNKED "5\nhello\r\n0\r\n\r\n",
        CHUNKED "5\r\nhello0\r\n\r\n",
        CHUNKED "5\r\nhello!\r\n0\r\n\r\n",
        CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n",
        CHUNKED "0\r\nContent-Length: 5\r\n\r\n",
        CHUNKED "0\r\n X: y\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (request(bad[i]) != STRICT_REFUSED)
            fail_msg("taken: %s", bad[i]);
}

static void refuses_bad_responses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (response(bad[i]) != STRICT_REFUSED)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(request("GET / HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n"), STRICT_INCOMPLETE);
    struct slice nul = SLICE("GET / HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n");
    assert_int_equal(strict_http_read_request(&m, nul, body), STRICT_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_requests_and_finds_their_end),
        cmocka_unit_test(takes_responses),
        cmocka_unit_test(every_beginning_of_a_message_is_incomplete),
        cmocka_unit_test(refuses_what_has_two_readings),
        cmocka_unit_test(refuses_bad_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
