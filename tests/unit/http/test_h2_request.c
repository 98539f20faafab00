#include "http/h2_request.h"

#include "fakes/fake_h2_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define GET ":method: GET\n:scheme: https\n:authority: a.vn\n:path: /\n"
#define POST ":method: POST\n:scheme: https\n:authority: a.vn\n:path: /\n"

/* The stream is reset and nothing of it reaches the handler. */
static void assert_reset(const char *fields, const char *body)
{
    unsigned before = s.requests, ends = s.ends;
    int32_t id = fake_h2_client_send(&s.remote, fields, body);
    if (!fake_h2_client_answer(&s.remote, id) || !fake_h2_got(id)->reset)
        fail_msg("not reset:\n%s", fields);
    assert_int_equal(fake_h2_got(id)->reset_code, NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(s.requests, before);
    assert_int_equal(s.ends, ends);
    assert_false(s.stream.shut);
}

/* The handler never sees it, and the client is told why. */
static void assert_refused(const char *fields, unsigned status)
{
    unsigned before = s.requests;
    int32_t id = fake_h2_client_send(&s.remote, fields, NULL);
    fake_h2_assert_status(id, status);
    assert_int_equal(s.requests, before);
    assert_false(s.stream.shut);
}

static void assert_served(const char *fields)
{
    unsigned before = s.requests;
    int32_t id = fake_h2_client_send(&s.remote, fields, NULL);
    fake_h2_assert_status(id, 200);
    assert_int_equal(s.requests, before + 1);
}

static int set_up(void **state)
{
    int rc = fake_h2_set_up(state);
    s.answer_at_once = true;
    return rc;
}

static void pseudo_headers_must_be_complete_and_in_order(void **state)
{
    (void)state;
    assert_reset(":method: GET\n:scheme: https\n:authority: a.vn\n", NULL);
    assert_reset(":method: GET\n:authority: a.vn\n:path: /\n", NULL);
    assert_reset(":scheme: https\n:authority: a.vn\n:path: /\n", NULL);
    assert_reset(":method: GET\n:scheme: https\n:authority: a.vn\na: b\n:path: /\n", NULL);
    assert_reset(GET ":path: /again\n", NULL);
    assert_reset(GET ":status: 200\n", NULL);
    assert_reset(GET ":made-up: x\n", NULL);
    assert_reset(":method: GET\n:scheme: https\n:authority: a.vn\n:path: \n", NULL);
}

static void connection_specific_fields_are_refused(void **state)
{
    (void)state;
    assert_reset(GET "connection: close\n", NULL);
    assert_reset(GET "keep-alive: 5\n", NULL);
    assert_reset(GET "proxy-connection: keep-alive\n", NULL);
    assert_reset(GET "upgrade: websocket\n", NULL);
    assert_reset(GET "te: gzip\n", NULL);
    assert_reset(POST "transfer-encoding: chunked\n", "0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n");
    assert_served(GET "te: trailers\n");
}

static void names_and_values_must_be_clean(void **state)
{
    (void)state;
    assert_reset(GET "x-a : b\n", NULL);
    assert_reset(GET " x-a: b\n", NULL);
    assert_reset(GET "x-a\r: b\n", NULL);
    assert_reset(GET "x-a: b\rc\n", NULL);
    assert_reset(GET "x-a: b\x01\n", NULL);
    assert_reset(GET "x(a: b\n", NULL);
    assert_reset(":method: G ET\n:scheme: https\n:authority: a.vn\n:path: /\n", NULL);
    assert_served(GET "x-a: Hu\xe1\xba\xbf\n");
}

/* What a test of text cannot say: an empty name, an upper-case one, a newline in a value. */
static void bytes_that_text_cannot_say_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        size_t name_len, value_len;
    } wrong[] = {
        { "", "v", 0, 1 },       { "X-Upper", "v", 7, 1 }, { "x-a", "b\r\nevil: 1", 3, 10 },
        { "x-a", "b\0c", 3, 3 }, { "x-a\nb", "v", 5, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char block[64] = "\x82\x87\x84\x41\x04"
                         "a.vn";
        size_t len = 9;
        block[len++] = 0x00; /* literal, not indexed, new name */
        block[len++] = (char)wrong[i].name_len;
        memcpy(block + len, wrong[i].name, wrong[i].name_len);
        len += wrong[i].name_len;
        block[len++] = (char)wrong[i].value_len;
        memcpy(block + len, wrong[i].value, wrong[i].value_len);
        len += wrong[i].value_len;
        fake_h2_client_frame(&s.remote, NGHTTP2_HEADERS, 0x5, (int32_t)(2 * i + 1), block, len);
    }
    assert_int_equal(s.requests, 0);
    assert_false(s.stream.shut);
}

static void content_length_must_agree_with_the_data(void **state)
{
    (void)state;
    assert_reset(GET "content-length: 5\n", NULL);
    assert_reset(POST "content-length: 1\ncontent-length: 1\n", "a");
    assert_reset(POST "content-length: +1\n", "a");
    assert_reset(POST "content-length: -1\n", "a");
    s.answer_at_once = false;
    int32_t id = fake_h2_client_send(&s.remote, POST "content-length: 3\n", "abcd");
    assert_true(fake_h2_got(id)->reset);
    id = fake_h2_client_send(&s.remote, POST "content-length: 9\n", "abcd");
    assert_true(fake_h2_got(id)->reset);
    assert_int_equal(s.ends, 0);
    assert_int_equal(s.reason, CLOSE_CLIENT_INVALID);
}

static void host_must_agree_with_the_authority(void **state)
{
    (void)state;
    assert_served(GET "host: a.vn\n");
    assert_served(":method: GET\n:scheme: https\n:path: /\nhost: a.vn\n");
    assert_refused(GET "host: b.vn\n", 400);
    assert_refused(":method: GET\n:scheme: https\n:authority: u@a.vn\n:path: /\n", 400);
    assert_refused(":method: GET\n:scheme: https\n:authority: a..vn\n:path: /\n", 400);
    assert_reset(":method: GET\n:scheme: https\n:path: /\nhost: a.vn\nhost: b.vn\n", NULL);
}

static void the_target_has_one_canonical_form(void **state)
{
    (void)state;
    assert_served(":method: GET\n:scheme: https\n:authority: A.VN\n:path: /%61//b/../c?x=%2e\n");
    assert_string_equal(s.path, "/a/c?x=%2e");
    assert_refused(":method: GET\n:scheme: https\n:authority: a.vn\n:path: /../x\n", 400);
    assert_refused(":method: GET\n:scheme: https\n:authority: a.vn\n:path: /a%2fb\n", 400);
    assert_refused(":method: GET\n:scheme: https\n:authority: a.vn\n:path: /a\\b\n", 400);
    assert_refused(":method: GET\n:scheme: ftp\n:authority: a.vn\n:path: /\n", 400);
    assert_served(":method: OPTIONS\n:scheme: https\n:authority: a.vn\n:path: *\n");
}

static void methods_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_refused(":method: TRACE\n:scheme: https\n:authority: a.vn\n:path: /\n", 405);
    assert_refused(":method: get\n:scheme: https\n:authority: a.vn\n:path: /\n", 400);
    assert_refused(":method: CONNECT\n:authority: a.vn:443\n", 405);
}

static void only_websocket_may_be_connected_to(void **state)
{
    (void)state;
    static const char connect[] = ":method: CONNECT\n:protocol: %s\n:scheme: https\n"
                                  ":authority: a.vn\n:path: /\n";
    char fields[256];
    snprintf(fields, sizeof(fields), connect, "connect-udp");
    assert_refused(fields, 405);
    assert_reset(GET ":protocol: websocket\n", NULL);
}

static void sizes_are_limited(void **state)
{
    (void)state;
    char fields[8192] = GET;
    for (unsigned i = 0; i < 60; i++)
        strcat(fields, "a: b\n");
    assert_refused(fields, 431);
    snprintf(fields, sizeof(fields), GET "a: %04000d\nb: %01000d\n", 1, 1);
    assert_refused(fields, 431);
    snprintf(fields, sizeof(fields),
             ":method: GET\n:scheme: https\n:authority: a.vn\n:path: /%01100d\n", 1);
    assert_refused(fields, 414);
}

static void crumbs_of_cookies_count_one_by_one(void **state)
{
    (void)state;
    char fields[2048] = GET;
    for (unsigned i = 0; i < 60; i++)
        strcat(fields, "cookie: a=b\n");
    assert_refused(fields, 431);
}

static void trailers_count_with_the_head(void **state)
{
    (void)state;
    nghttp2_nv trailers[60];
    for (size_t i = 0; i < ARRAY_LEN(trailers); i++)
        trailers[i] = (nghttp2_nv){ (uint8_t *)"a", (uint8_t *)"b", 1, 1, 0 };
    s.answer_at_once = false;
    s.remote.keeps_going = true;
    int32_t id = fake_h2_client_send(&s.remote, POST, "body");
    nghttp2_submit_trailer(s.remote.session, id, trailers, ARRAY_LEN(trailers));
    fake_h2_client_run(&s.remote);
    assert_true(fake_h2_got(id)->reset);
    assert_int_equal(s.ends, 0);
}

static void names_with_an_underscore_are_dropped(void **state)
{
    (void)state;
    s.answer_at_once = false;
    fake_h2_client_send(&s.remote, GET "content_length: 5\nx-a: 1\n", NULL);
    assert_int_equal(s.current->request.headers.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fake_h2_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pseudo_headers_must_be_complete_and_in_order),
        TEST(connection_specific_fields_are_refused),
        TEST(names_and_values_must_be_clean),
        TEST(bytes_that_text_cannot_say_are_refused),
        TEST(content_length_must_agree_with_the_data),
        TEST(host_must_agree_with_the_authority),
        TEST(the_target_has_one_canonical_form),
        TEST(methods_that_are_none_are_refused),
        TEST(only_websocket_may_be_connected_to),
        TEST(sizes_are_limited),
        TEST(crumbs_of_cookies_count_one_by_one),
        TEST(trailers_count_with_the_head),
        TEST(names_with_an_underscore_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
