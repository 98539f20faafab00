/* The answer as HTTP/1.1 brings it, and how it is judged. */
#include "bench/load/h1_client.h"

#include "bench/load/cookies.h"
#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FINE RESULTS_ERROR_COUNT
#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct h1_client client;
static struct answer answer;
static struct request request;
static struct payload payload;
static char *cookies;

static int set_up(void **state)
{
    (void)state;
    payload_init(&payload, 1, 10, 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    answer_fini(&answer);
    cookies_clear(&cookies);
    payload_fini(&payload);
    return 0;
}

static void ask(enum scenario_step step)
{
    struct random random;
    seed_random(&random, 1);
    const struct request_person person = { .receipt = "", .key = "0-0-0" };
    request_make(&request, step, &person, &payload, &random);
    answer_reset(&answer, &cookies);
    h1_client_expect(&client, &answer);
}

static enum answer_progress read_text(const char *text)
{
    return h1_client_read(&client, slice_str(text));
}

/* Asks, reads the whole answer, byte by byte, too, and judges. */
static enum results_error judge(enum scenario_step step, const char *text)
{
    enum results_error errors[2];
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        enum answer_progress progress = ANSWER_MORE;
        size_t len = strlen(text), piece = bytewise ? 1 : len;
        ask(step);
        for (size_t at = 0; at < len; at += piece) {
            assert_int_equal(progress, ANSWER_MORE);
            progress = h1_client_read(&client, slice_of(text + at, piece));
        }
        assert_int_equal(progress, ANSWER_DONE);
        errors[bytewise] = answer_judge(&answer, &request);
    }
    assert_int_equal(errors[0], errors[1]);
    return errors[0];
}

static void writes_a_head_that_ends_with_an_empty_line(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    ask(STEP_HOME);
    h1_client_write_head(&request, SLICE("a.vn"), &out);
    struct slice end = SLICE("\r\n\r\n");
    assert_true(
        slice_starts_with(buf_slice(&out), SLICE("GET / HTTP/1.1\r\nhost: a.vn\r\nuser-agent: ")));
    assert_true(slice_eq(slice_from(buf_slice(&out), out.len - end.len), end));
    buf_fini(&out);
}

static void a_page_of_known_length_is_right(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_HOME, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), FINE);
}

static void a_page_in_chunks_is_right(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_INBOX, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
                     FINE);
    assert_true(answer.body_bytes == 3);
}

static void an_interim_answer_is_not_the_answer(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_HOME, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                                      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
                     FINE);
}

static void an_empty_page_is_not_what_was_asked_for(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_HOME, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                     RESULTS_ERROR_INVALID);
}

static void wrong_statuses_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_HOME, "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx"),
                     RESULTS_ERROR_STATUS_4XX);
    assert_int_equal(judge(STEP_HOME, "HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\nx"),
                     RESULTS_ERROR_STATUS_5XX);
    assert_int_equal(judge(STEP_HOME, "HTTP/1.1 302 Found\r\nContent-Length: 1\r\n\r\nx"),
                     RESULTS_ERROR_INVALID);
}

static void content_must_have_the_hash_that_is_named(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_TRACK, "HTTP/1.1 200 OK\r\nX-SHA256: " ABC_SHA256
                                       "\r\nContent-Length: 3\r\n\r\nabc"),
                     FINE);
    assert_int_equal(judge(STEP_TRACK, "HTTP/1.1 200 OK\r\nX-SHA256: " ABC_SHA256
                                       "\r\nContent-Length: 3\r\n\r\nabd"),
                     RESULTS_ERROR_CHECKSUM);
}

static void an_upload_must_have_arrived_as_it_was(void **state)
{
    (void)state;
    char text[256];
    ask(STEP_UPLOAD);
    int len = snprintf(NULL, 0, "{\"sha256\":\"%s\"}", request.digest.hex);
    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{\"sha256\":\"%s\"}",
             len, request.digest.hex);
    assert_int_equal(judge(STEP_UPLOAD, text), FINE);
    text[strlen(text) - 4] ^= 1;
    assert_int_equal(judge(STEP_UPLOAD, text), RESULTS_ERROR_CHECKSUM);
    assert_int_equal(judge(STEP_UPLOAD, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                     RESULTS_ERROR_CHECKSUM);
}

static void a_dossier_needs_a_receipt(void **state)
{
    (void)state;
    char text[320];
    static const char *const heads[] = { "201 Created\r\nX-Receipt: 713897YAFHXZ", "201 Created",
                                         "200 OK\r\nX-Receipt: 713897YAFHXZ" };
    enum results_error expected[] = { FINE, RESULTS_ERROR_INVALID, RESULTS_ERROR_INVALID };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        ask(STEP_SUBMIT);
        snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: 77\r\n\r\n{\"sha256\":\"%s\"}",
                 heads[i], request.digest.hex);
        assert_int_equal(judge(STEP_SUBMIT, text), expected[i]);
    }
    ask(STEP_SUBMIT);
    read_text("HTTP/1.1 201 Created\r\nx-receipt: 713897YAFHXZ\r\n\r\n");
    assert_string_equal(answer.receipt, "713897YAFHXZ");
}

static void cookies_are_kept(void **state)
{
    (void)state;
    assert_int_equal(judge(STEP_LOGIN, "HTTP/1.1 200 OK\r\nSet-Cookie: phien=1; HttpOnly\r\n"
                                       "Content-Length: 1\r\n\r\nx"),
                     FINE);
    assert_string_equal(cookies, "phien=1");
}

static void a_header_too_long_to_matter_is_passed_over(void **state)
{
    (void)state;
    char text[2048];
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\n%.*s%0600d: 1\r\nX: %0900d\r\nContent-Length: 1\r\n\r\nx", 1, "x",
             7, 7);
    assert_int_equal(judge(STEP_HOME, text), FINE);
}

static void the_server_may_close_after_the_answer(void **state)
{
    (void)state;
    ask(STEP_HOME);
    assert_int_equal(
        read_text("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"),
        ANSWER_LAST);
}

static void an_answer_without_length_ends_with_the_connection(void **state)
{
    (void)state;
    ask(STEP_HOME);
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\n\r\nabc"), ANSWER_MORE);
    assert_int_equal(h1_client_end(&client), ANSWER_LAST);
    assert_int_equal(answer_judge(&answer, &request), FINE);
}

static void an_end_in_the_middle_is_no_answer(void **state)
{
    (void)state;
    ask(STEP_HOME);
    assert_int_equal(h1_client_end(&client), ANSWER_MORE);
    assert_false(answer.began);
    ask(STEP_HOME);
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"), ANSWER_MORE);
    assert_true(answer.began);
    assert_int_not_equal(h1_client_end(&client), ANSWER_LAST);
}

static void what_is_not_http_is_bad(void **state)
{
    (void)state;
    ask(STEP_HOME);
    assert_int_equal(read_text("SSH-2.0-OpenSSH\r\n"), ANSWER_BAD);
    ask(STEP_HOME);
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
                     ANSWER_BAD);
}

static void more_than_the_answer_is_bad(void **state)
{
    (void)state;
    ask(STEP_HOME);
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n"),
                     ANSWER_BAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_a_head_that_ends_with_an_empty_line),
        TEST(a_page_of_known_length_is_right),
        TEST(a_page_in_chunks_is_right),
        TEST(an_interim_answer_is_not_the_answer),
        TEST(an_empty_page_is_not_what_was_asked_for),
        TEST(wrong_statuses_are_told_apart),
        TEST(content_must_have_the_hash_that_is_named),
        TEST(an_upload_must_have_arrived_as_it_was),
        TEST(a_dossier_needs_a_receipt),
        TEST(cookies_are_kept),
        TEST(a_header_too_long_to_matter_is_passed_over),
        TEST(the_server_may_close_after_the_answer),
        TEST(an_answer_without_length_ends_with_the_connection),
        TEST(an_end_in_the_middle_is_no_answer),
        TEST(what_is_not_http_is_bad),
        TEST(more_than_the_answer_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
