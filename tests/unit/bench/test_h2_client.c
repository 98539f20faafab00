/* Our HTTP/2 client against nghttp2's server, in memory. */
#include "bench/load/h2_client.h"

#include "bench/load/h2_frame.h"
#include "bench/node/seed.h"

#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FINE RESULTS_ERROR_COUNT

static struct h2_client *client;
static struct request request;
static struct answer answer;
static struct payload payload;
static struct buf wire;

/* What the server has seen, and what it answers. */
static struct {
    nghttp2_session *session;
    char path[256];
    uint64_t body_bytes;
    size_t answer_bytes, answered;
    bool interim, resets;
    const char *status;
    unsigned requests;
    EVP_MD_CTX *digest;
} server;

/* --- the server ------------------------------------------------------------------------------- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)session, (void)frame, (void)flags, (void)user;
    if (slice_eq(slice_of((const char *)name, name_len), SLICE(":path")))
        snprintf(server.path, sizeof(server.path), "%.*s", (int)value_len, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    (void)session, (void)flags, (void)stream, (void)user;
    server.body_bytes += len;
    EVP_DigestUpdate(server.digest, data, len);
    return 0;
}

static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *out, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)stream, (void)source, (void)user;
    size_t len = MIN(size, server.answer_bytes - server.answered);
    memset(out, 'x', len);
    server.answered += len;
    if (server.answered == server.answer_bytes)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

#define PAIR(name, value)                                                                          \
    {                                                                                              \
        (uint8_t *)(name), (uint8_t *)(value), strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE   \
    }

static void answer_request(int32_t stream)
{
    struct node_digest digest;
    node_digest_finish(&digest, server.digest);
    EVP_DigestInit_ex(server.digest, EVP_sha256(), NULL);
    const nghttp2_nv early[] = { PAIR(":status", "103"), PAIR("link", "</a>") };
    const nghttp2_nv head[] = { PAIR(":status", server.status), PAIR("x-receipt", "713897YAFHXZ"),
                                PAIR("set-cookie", "phien=1") };
    const nghttp2_data_provider body = { .read_callback = give_body };
    server.requests++;
    server.answered = 0;
    if (server.resets) {
        nghttp2_submit_rst_stream(server.session, NGHTTP2_FLAG_NONE, stream,
                                  NGHTTP2_REFUSED_STREAM);
        return;
    }
    if (server.interim)
        nghttp2_submit_headers(server.session, NGHTTP2_FLAG_NONE, stream, NULL, early, 2, NULL);
    nghttp2_submit_response(server.session, stream, head, 3, &body);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session, (void)user;
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        answer_request(frame->hd.stream_id);
    return 0;
}

static void start_server(void)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_server_new(&server.session, callbacks, NULL);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 20000 },
        { NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 512 },
    };
    nghttp2_submit_settings(server.session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
}

/* --- both ------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    memset(&server, 0, sizeof(server));
    server.digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(server.digest, EVP_sha256(), NULL);
    server.status = "200";
    server.answer_bytes = 100;
    start_server();
    client = h2_client_new();
    payload_init(&payload, 1, 300000, 300000);
    buf_init(&wire, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nghttp2_session_del(server.session);
    EVP_MD_CTX_free(server.digest);
    h2_client_free(&client);
    answer_fini(&answer);
    payload_fini(&payload);
    buf_fini(&wire);
    return 0;
}

static bool to_server(void)
{
    buf_clear(&wire);
    h2_client_write(client, &wire, 65536);
    if (wire.len == 0)
        return false;
    ssize_t n = nghttp2_session_mem_recv(server.session, (uint8_t *)wire.data, wire.len);
    assert_int_equal(n, wire.len);
    return true;
}

/* In pieces of `piece` bytes; stops at the first that is no MORE. */
static enum answer_progress to_client(size_t piece)
{
    const uint8_t *data;
    ssize_t n;
    enum answer_progress progress = ANSWER_MORE;
    while (progress == ANSWER_MORE) {
        n = nghttp2_session_mem_send(server.session, &data);
        assert_true(n >= 0);
        if (n == 0)
            break;
        for (size_t at = 0; at < (size_t)n; at += piece) {
            size_t len = MIN(piece, (size_t)n - at);
            progress = h2_client_read(client, slice_of((const char *)data + at, len));
        }
    }
    return progress;
}

static void ask(enum scenario_step step)
{
    struct random random;
    seed_random(&random, 1);
    const struct request_person person = { .receipt = "", .key = "0-0-0", .procedure = 6 };
    request_make(&request, step, &person, &payload, &random);
    request.allowed_bytes = UINT64_MAX;
    answer_reset(&answer, NULL);
    h2_client_ask(client, &request, SLICE("a.vn"), &answer);
}

static enum answer_progress converse(size_t piece)
{
    enum answer_progress progress = ANSWER_MORE;
    bool sent = true;
    while (sent && progress == ANSWER_MORE) {
        sent = to_server();
        progress = to_client(piece);
    }
    return progress;
}

static void asks_and_is_answered(void **state)
{
    (void)state;
    ask(STEP_PROCEDURE);
    assert_int_equal(converse(100000), ANSWER_DONE);
    assert_string_equal(server.path, "/thu-tuc/7");
    assert_int_equal(answer.status, 200);
    assert_true(answer.body_bytes == 100);
    assert_string_equal(answer.receipt, "713897YAFHXZ");
    assert_int_equal(answer_judge(&answer, &request), FINE);
}

static void one_byte_at_a_time_is_the_same(void **state)
{
    (void)state;
    server.interim = true;
    ask(STEP_PROCEDURE);
    assert_int_equal(converse(1), ANSWER_DONE);
    assert_true(answer.body_bytes == 100);
    assert_int_equal(answer.status, 200);
}

static void many_requests_share_the_connection(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 200; i++) {
        ask(STEP_HOME);
        assert_int_equal(converse(100000), ANSWER_DONE);
        assert_int_equal(answer_judge(&answer, &request), FINE);
        h2_client_forget(client);
        assert_int_equal(server.requests, i);
    }
}

static void a_large_answer_needs_new_windows(void **state)
{
    (void)state;
    server.answer_bytes = 400000;
    ask(STEP_HOME);
    assert_int_equal(converse(3000), ANSWER_DONE);
    assert_true(answer.body_bytes == 400000);
}

static void an_upload_keeps_to_the_servers_windows(void **state)
{
    (void)state;
    ask(STEP_UPLOAD);
    assert_int_equal(converse(100000), ANSWER_DONE);
    assert_true(server.body_bytes == 300000);
    assert_true(request_is_sent(&request));
}

static void an_upload_keeps_to_its_pace(void **state)
{
    (void)state;
    ask(STEP_UPLOAD);
    request.allowed_bytes = 1000;
    assert_int_equal(converse(100000), ANSWER_MORE);
    assert_true(server.body_bytes == 1000);
    request.allowed_bytes = UINT64_MAX;
    assert_int_equal(converse(100000), ANSWER_DONE);
    assert_true(server.body_bytes == 300000);
}

static void a_reset_cuts_the_answer(void **state)
{
    (void)state;
    server.resets = true;
    ask(STEP_HOME);
    assert_int_equal(converse(100000), ANSWER_CUT);
    h2_client_forget(client);
    server.resets = false;
    ask(STEP_HOME);
    assert_int_equal(converse(100000), ANSWER_DONE);
}

static void a_server_that_leaves_is_not_asked_again(void **state)
{
    (void)state;
    ask(STEP_HOME);
    to_server();
    nghttp2_submit_goaway(server.session, NGHTTP2_FLAG_NONE, 1, NGHTTP2_NO_ERROR, NULL, 0);
    assert_int_equal(converse(100000), ANSWER_LAST);
    assert_int_equal(answer_judge(&answer, &request), FINE);
}

static void what_the_leaving_server_has_not_seen_is_cut(void **state)
{
    (void)state;
    ask(STEP_HOME);
    nghttp2_submit_goaway(server.session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
    assert_int_equal(to_client(100000), ANSWER_CUT);
}

static void a_ping_is_answered_while_nothing_is_asked(void **state)
{
    (void)state;
    const uint8_t opaque[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    converse(100000);
    nghttp2_submit_ping(server.session, NGHTTP2_FLAG_NONE, opaque);
    assert_int_equal(to_client(100000), ANSWER_MORE);
    buf_clear(&wire);
    h2_client_write(client, &wire, 65536);
    struct h2_frame frame;
    struct slice input = buf_slice(&wire);
    assert_int_equal(h2_frame_next(&input, &frame), H2_FRAME_READY);
    assert_int_equal(frame.type, H2_PING);
    assert_int_equal(frame.flags, H2_FLAG_ACK);
    assert_memory_equal(frame.payload.data, opaque, 8);
}

static enum answer_progress read_frame(uint8_t type, uint8_t flags, uint32_t stream,
                                       struct slice text)
{
    buf_clear(&wire);
    h2_frame_write(&wire, type, flags, stream, text);
    return h2_client_read(client, buf_slice(&wire));
}

static void a_header_block_may_go_on_in_further_frames(void **state)
{
    (void)state;
    ask(STEP_HOME);
    /* the table's new size, ":status: 200" as 0x88, and a literal "x-sha256: ab" in pieces */
    assert_int_equal(read_frame(H2_HEADERS, 0, 1, SLICE("\x3f\xe1\x07\x88\x00\x08x-s")),
                     ANSWER_MORE);
    assert_int_equal(read_frame(H2_CONTINUATION, 0, 1, SLICE("ha256")), ANSWER_MORE);
    assert_int_equal(read_frame(H2_CONTINUATION, H2_FLAG_END_HEADERS, 1,
                                SLICE("\x02"
                                      "ab")),
                     ANSWER_MORE);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.sha256, "ab");
    assert_int_equal(read_frame(H2_DATA, H2_FLAG_END_STREAM, 1, SLICE("x")), ANSWER_DONE);
}

static void what_breaks_the_protocol_is_bad(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, flags;
        uint32_t stream;
        struct slice payload;
    } cases[] = {
        { H2_CONTINUATION, H2_FLAG_END_HEADERS, 1, { "\x88", 1 } },
        { H2_PUSH_PROMISE, H2_FLAG_END_HEADERS, 1, { "\0\0\0\x02\x88", 5 } },
        { H2_SETTINGS, 0, 1, { "", 0 } },
        { H2_SETTINGS, 0, 0, { "12345", 5 } },
        { H2_PING, 0, 0, { "1234567", 7 } },
        { H2_WINDOW_UPDATE, 0, 0, { "\0\0\0\0", 4 } },
        { H2_WINDOW_UPDATE, 0, 0, { "\x7f\xff\xff\xff", 4 } },
        { H2_GOAWAY, 0, 0, { "\0\0\0\0", 4 } },
        { H2_RST_STREAM, 0, 1, { "\0", 1 } },
        { H2_DATA,
          H2_FLAG_PADDED,
          1,
          { "\x05"
            "x",
            2 } },
        { H2_HEADERS, H2_FLAG_END_HEADERS, 1, { "\xff\xff\xff\xff\xff\xff", 6 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h2_client_free(&client);
        client = h2_client_new();
        ask(STEP_HOME);
        assert_int_equal(
            read_frame(cases[i].type, cases[i].flags, cases[i].stream, cases[i].payload),
            ANSWER_BAD);
    }
}

static void an_unknown_frame_is_passed_over(void **state)
{
    (void)state;
    ask(STEP_HOME);
    assert_int_equal(read_frame(0x42, 0xff, 1, SLICE("what")), ANSWER_MORE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_and_is_answered),
        TEST(one_byte_at_a_time_is_the_same),
        TEST(many_requests_share_the_connection),
        TEST(a_large_answer_needs_new_windows),
        TEST(an_upload_keeps_to_the_servers_windows),
        TEST(an_upload_keeps_to_its_pace),
        TEST(a_reset_cuts_the_answer),
        TEST(a_server_that_leaves_is_not_asked_again),
        TEST(what_the_leaving_server_has_not_seen_is_cut),
        TEST(a_ping_is_answered_while_nothing_is_asked),
        TEST(a_header_block_may_go_on_in_further_frames),
        TEST(what_breaks_the_protocol_is_bad),
        TEST(an_unknown_frame_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
