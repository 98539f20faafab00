/* TLS over a stream without a socket, against a client of OpenSSL's: all twice, with OpenSSL's
 * record layer and with ours. */
#include "fakes/fake_tls.h"
#include "tests/unit/tls/tls_fixture.h"

#define AT_ONCE LOOP_READ_BYTES
#define RECORD_BYTES (16 * 1024)
#define RECORD_HEAD_BYTES 5

enum { ALERT = 21, APPLICATION_DATA = 23 }; /* RFC 8446 5.1 */

static struct fake_certificate certificate;
static struct tls_context *context;
static enum config_record_layer layer;
static struct fake_tls t;
static char filler[10 * RECORD_BYTES];

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&certificate, "EC", "DNS:a.vn", NULL);
    context = build(&(struct policy){ .certificates = { &certificate }, .record_layer = layer });
    for (size_t i = 0; i < sizeof(filler); i++)
        filler[i] = (char)(i % 251);
    return 0;
}

static int set_up_ours(void **state)
{
    layer = CONFIG_RECORD_LAYER_OWN;
    return set_up(state);
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_unref(&context);
    fake_certificate_fini(&certificate);
    return 0;
}

static void begin(int version)
{
    fake_tls_init(&t, tls_context_new_ssl(context), FAKE_CLIENT(version, "a.vn"));
    assert_int_equal(tls_context_wants_records(context), layer == CONFIG_RECORD_LAYER_OWN);
    if (layer == CONFIG_RECORD_LAYER_OWN)
        tls_stream_want_records(&t.stream);
}

static void begin_open(int version)
{
    begin(version);
    fake_tls_shake_hands(&t, AT_ONCE);
    assert_string_equal(t.events, "O");
    bool is_ours = layer == CONFIG_RECORD_LAYER_OWN && version == TLS1_3_VERSION;
    assert_int_equal(t.stream.has_records, is_ours);
    assert_int_equal(t.stream.ssl == NULL, is_ours);
    assert_null(t.stream.handoff);
}

/* on_closed is the last event, and comes once. */
static void finish(void)
{
    fake_tls_fini(&t);
    assert_string_equal(strchr(t.events, 'C'), "C");
}

static struct slice fill(size_t len)
{
    return slice_of(filler, len);
}

static void server_writes(struct slice data)
{
    loop_event_begin(&t.loop);
    stream_write(&t.stream.base, data);
    loop_event_end(&t.loop);
}

static void assert_data(struct slice expected)
{
    assert_int_equal(t.data_len, expected.len);
    assert_memory_equal(t.data, expected.data, expected.len);
}

/* Records in what was sent, all of them complete and of this type. */
static unsigned count_records(int type)
{
    unsigned count = 0;
    size_t at = 0;
    while (at < t.lower.written_len) {
        const unsigned char *head = (const unsigned char *)t.lower.written + at;
        assert_int_equal(head[0], type);
        at += RECORD_HEAD_BYTES + (size_t)(head[3] << 8 | head[4]);
        count++;
    }
    assert_int_equal(at, t.lower.written_len);
    return count;
}

/* ---- data ---- */

static void carries_data_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        begin_open(versions[i]);
        fake_tls_say(&t, SLICE("hello"));
        assert_data(SLICE("hello"));
        server_writes(SLICE("world"));
        assert_true(fake_tls_reads(&t, SLICE("world")));
        assert_string_equal(t.events, "OD");
        finish();
    }
}

static void everything_may_come_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        begin(versions[i]);
        fake_tls_shake_hands(&t, 1);
        fake_tls_write(&t, SLICE("hel"));
        fake_tls_write(&t, SLICE("lo"));
        fake_tls_deliver(&t, 1);
        assert_data(SLICE("hello"));
        assert_string_equal(t.events, "OD");
        finish();
    }
}

static void records_that_come_together_are_all_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        begin_open(versions[i]);
        for (size_t at = 0; at < 100; at++)
            fake_tls_write(&t, slice_of(filler + at, 1));
        fake_tls_write(&t, slice_of(filler + 100, 3 * RECORD_BYTES));
        fake_tls_deliver(&t, AT_ONCE);
        assert_data(fill(3 * RECORD_BYTES + 100));
        finish();
    }
}

static void data_that_comes_with_the_end_of_the_handshake_is_read(void **state)
{
    (void)state;
    begin(TLS1_3_VERSION);
    SSL_do_handshake(t.peer.client);
    fake_tls_deliver(&t, AT_ONCE);
    fake_tls_reads(&t, SLICE("")); /* completes the handshake on this side */
    fake_tls_say(&t, SLICE("at once"));
    assert_string_equal(t.events, "OD");
    assert_data(SLICE("at once"));
    finish();
}

static void small_writes_of_one_event_share_a_record(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    loop_event_begin(&t.loop);
    for (int i = 0; i < 5; i++)
        stream_write(&t.stream.base, SLICE("piece "));
    assert_int_equal(t.lower.written_len, 0);
    loop_event_end(&t.loop);
    assert_int_equal(count_records(APPLICATION_DATA), 1);
    assert_true(fake_tls_reads(&t, SLICE("piece piece piece piece piece ")));
    finish();
}

static void a_large_write_is_split_into_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        begin_open(versions[i]);
        server_writes(fill(2 * RECORD_BYTES + 1));
        assert_int_equal(count_records(APPLICATION_DATA), 3);
        assert_true(fake_tls_reads(&t, fill(2 * RECORD_BYTES + 1)));
        finish();
    }
}

static void writes_of_all_sizes_keep_their_order(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    loop_event_begin(&t.loop);
    stream_write(&t.stream.base, slice_of(filler, 10));
    stream_write(&t.stream.base, slice_of(filler + 10, 2 * RECORD_BYTES));
    stream_write(&t.stream.base, slice_of(filler + 10 + 2 * RECORD_BYTES, 10));
    loop_event_end(&t.loop);
    assert_true(fake_tls_reads(&t, fill(2 * RECORD_BYTES + 20)));
    finish();
}

/* ---- the end ---- */

static void the_clients_end_leaves_our_direction_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        begin_open(versions[i]);
        fake_tls_write(&t, SLICE("last words"));
        SSL_shutdown(t.peer.client);
        fake_tls_deliver(&t, AT_ONCE);
        assert_string_equal(t.events, "ODE");
        assert_int_equal(t.status, 0);
        server_writes(SLICE("an answer"));
        assert_true(fake_tls_reads(&t, SLICE("an answer")));
        stream_shutdown(&t.stream.base);
        assert_true(t.lower.shut);
        assert_true(fake_tls_has_close_notify(&t));
        finish();
    }
}

static void our_end_leaves_the_clients_direction_open(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    loop_event_begin(&t.loop);
    stream_write(&t.stream.base, SLICE("bye"));
    stream_shutdown(&t.stream.base);
    stream_write(&t.stream.base, SLICE("too late"));
    loop_event_end(&t.loop);
    assert_true(t.lower.shut);
    assert_true(fake_tls_reads(&t, SLICE("bye")));
    assert_true(fake_tls_has_close_notify(&t));
    fake_tls_say(&t, SLICE("still here"));
    assert_data(SLICE("still here"));
    SSL_shutdown(t.peer.client);
    fake_tls_deliver(&t, AT_ONCE);
    assert_string_equal(t.events, "ODE");
    assert_int_equal(t.status, 0);
    finish();
}

static void closing_says_goodbye(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        begin_open(versions[i]);
        loop_event_begin(&t.loop);
        stream_write(&t.stream.base, SLICE("bye"));
        stream_close(&t.stream.base);
        loop_event_end(&t.loop);
        assert_true(t.lower.closed && !t.lower.was_reset);
        assert_true(fake_tls_reads(&t, SLICE("bye")));
        assert_true(fake_tls_has_close_notify(&t));
        finish();
    }
}

static void a_reset_says_nothing(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    loop_event_begin(&t.loop);
    stream_write(&t.stream.base, SLICE("never"));
    stream_reset(&t.stream.base);
    loop_event_end(&t.loop);
    assert_true(t.lower.was_reset);
    assert_int_equal(t.lower.written_len, 0);
    finish();
}

static void a_failure_is_told_after_an_orderly_end_and_nothing_twice(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    fake_stream_end(&t.lower, 0);
    assert_int_equal(t.status, 0);
    fake_stream_end(&t.lower, 0);
    assert_string_equal(t.events, "OE");
    fake_stream_end(&t.lower, UV_EPIPE);
    assert_int_equal(t.status, UV_EPIPE);
    fake_stream_end(&t.lower, UV_EPIPE);
    fake_stream_end(&t.lower, 0);
    assert_string_equal(t.events, "OEE");
    finish();
}

static void a_client_that_leaves_in_the_handshake_is_noticed(void **state)
{
    (void)state;
    begin(TLS1_3_VERSION);
    SSL_do_handshake(t.peer.client);
    fake_tls_deliver(&t, AT_ONCE);
    fake_stream_end(&t.lower, 0);
    assert_string_equal(t.events, "E");
    finish();
}

static void the_handler_may_close_when_the_stream_opens(void **state)
{
    (void)state;
    begin(TLS1_3_VERSION);
    t.close_on_open = true;
    fake_tls_shake_hands(&t, AT_ONCE);
    assert_true(t.lower.closed);
    assert_true(fake_tls_has_close_notify(&t));
    assert_string_equal(t.events, "O");
    finish();
}

static void the_handler_may_close_in_the_middle_of_the_input(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    t.close_on_data = true;
    fake_tls_write(&t, fill(10 * RECORD_BYTES));
    fake_tls_deliver(&t, 3 * RECORD_BYTES);
    assert_true(t.lower.closed);
    assert_true(t.data_len < 4 * RECORD_BYTES);
    assert_string_equal(t.events, "OD");
    finish();
}

/* ---- what is not TLS, and what is too much of it ---- */

static void nonsense_in_the_handshake_gets_an_alert(void **state)
{
    (void)state;
    begin(TLS1_3_VERSION);
    fake_stream_feed_bytes(&t.lower, SLICE("\x16\x03\x01\x00\x05hello"));
    assert_string_equal(t.events, "E");
    assert_int_equal(t.status, ERR_INVALID);
    assert_int_equal(count_records(ALERT), 1);
    finish();
}

static void bytes_that_are_no_tls_end_the_stream(void **state)
{
    (void)state;
    begin(TLS1_3_VERSION);
    fake_stream_feed(&t.lower, "GET / HTTP/1.1\r\nHost: a.vn\r\n\r\n");
    assert_string_equal(t.events, "E");
    assert_int_equal(t.status, ERR_INVALID);
    finish();
}

static void a_record_that_was_changed_on_its_way_ends_the_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        BIO *bio;
        char *bytes;
        begin_open(versions[i]);
        bio = SSL_get_wbio(t.peer.client);
        fake_tls_write(&t, SLICE("sound"));
        long sound = BIO_get_mem_data(bio, &bytes);
        fake_tls_write(&t, SLICE("broken"));
        BIO_get_mem_data(bio, &bytes);
        bytes[sound + RECORD_HEAD_BYTES] ^= 1;
        fake_tls_deliver(&t, AT_ONCE);
        assert_string_equal(t.events, "ODE");
        assert_int_equal(t.status, ERR_INVALID);
        assert_data(SLICE("sound"));
        assert_true(t.lower.written_len > 0); /* an alert, encrypted */
        finish();
    }
}

static void keys_may_change_between_data(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    for (size_t at = 0; at < 3000 * 50; at += 50) {
        fake_tls_update_keys(&t);
        fake_tls_say(&t, slice_of(filler + at, 50));
        assert_true(fake_tls_reads(&t, SLICE("")));
    }
    assert_string_equal(t.events, "OD");
    assert_data(fill(3000 * 50));
    server_writes(SLICE("under new keys"));
    assert_true(fake_tls_reads(&t, SLICE("under new keys")));
    finish();
}

static void a_flood_of_key_updates_ends_the_stream(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    fake_tls_say(&t, SLICE("hello"));
    for (int i = 0; i < 10000 && !strchr(t.events, 'E'); i++) {
        fake_tls_update_keys(&t);
        t.lower.written_len = 0; /* the client does not read what it asked for */
    }
    assert_string_equal(t.events, "ODE");
    assert_int_equal(t.status, ERR_INVALID);
    assert_true(t.lower.paused);
    finish();
}

static void large_records_in_small_pieces_are_no_flood(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    fake_tls_write(&t, fill(10 * RECORD_BYTES));
    fake_tls_deliver(&t, 100);
    assert_string_equal(t.events, "OD");
    assert_data(fill(10 * RECORD_BYTES));
    finish();
}

static void what_the_client_may_not_say_gets_an_alert(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    fake_tls_say(&t, SLICE("first"));
    server_writes(SLICE("answer"));
    fake_stream_feed_bytes(&t.lower, SLICE("\x14\x03\x03\x00\x01\x01")); /* too late */
    assert_string_equal(t.events, "ODE");
    assert_int_equal(t.status, ERR_INVALID);
    server_writes(SLICE("never said"));
    assert_true(fake_tls_reads(&t, SLICE("answer")));
    assert_true(SSL_get_shutdown(t.peer.client) & SSL_RECEIVED_SHUTDOWN); /* by an alert */
    ERR_clear_error();
    finish();
}

static void the_clients_own_failure_ends_the_stream_in_silence(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    fake_tls_write(&t, SLICE("last words"));
    server_writes(SLICE("answer"));
    char broken[] = "\x17\x03\x03\x00\x18 no record of the server";
    t.lower.written_len = 0;
    assert_true(BIO_write(SSL_get_rbio(t.peer.client), broken, sizeof(broken) - 1) > 0);
    assert_false(SSL_read(t.peer.client, broken, 1) == 1); /* sends bad_record_mac */
    ERR_clear_error();
    fake_tls_deliver(&t, AT_ONCE);
    assert_string_equal(t.events, "ODE");
    assert_int_equal(t.status, ERR_INVALID);
    stream_close(&t.stream.base);
    assert_int_equal(t.lower.written_len, 0);
    finish();
}

/* ---- back-pressure ---- */

static void back_pressure_passes_through(void **state)
{
    (void)state;
    begin_open(TLS1_3_VERSION);
    fake_stream_block(&t.lower);
    fake_stream_drain(&t.lower);
    assert_string_equal(t.events, "OBR");
    stream_pause(&t.stream.base);
    assert_true(t.lower.paused);
    stream_resume(&t.stream.base);
    assert_false(t.lower.paused);
    finish();
}

static void back_pressure_in_the_handshake_is_nobodys_business(void **state)
{
    (void)state;
    begin(TLS1_3_VERSION);
    fake_stream_block(&t.lower);
    fake_stream_drain(&t.lower);
    assert_string_equal(t.events, "");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_data_both_ways),
        cmocka_unit_test(everything_may_come_byte_by_byte),
        cmocka_unit_test(records_that_come_together_are_all_read),
        cmocka_unit_test(data_that_comes_with_the_end_of_the_handshake_is_read),
        cmocka_unit_test(small_writes_of_one_event_share_a_record),
        cmocka_unit_test(a_large_write_is_split_into_records),
        cmocka_unit_test(writes_of_all_sizes_keep_their_order),
        cmocka_unit_test(the_clients_end_leaves_our_direction_open),
        cmocka_unit_test(our_end_leaves_the_clients_direction_open),
        cmocka_unit_test(closing_says_goodbye),
        cmocka_unit_test(a_reset_says_nothing),
        cmocka_unit_test(a_failure_is_told_after_an_orderly_end_and_nothing_twice),
        cmocka_unit_test(a_client_that_leaves_in_the_handshake_is_noticed),
        cmocka_unit_test(the_handler_may_close_when_the_stream_opens),
        cmocka_unit_test(the_handler_may_close_in_the_middle_of_the_input),
        cmocka_unit_test(nonsense_in_the_handshake_gets_an_alert),
        cmocka_unit_test(bytes_that_are_no_tls_end_the_stream),
        cmocka_unit_test(a_record_that_was_changed_on_its_way_ends_the_stream),
        cmocka_unit_test(keys_may_change_between_data),
        cmocka_unit_test(a_flood_of_key_updates_ends_the_stream),
        cmocka_unit_test(large_records_in_small_pieces_are_no_flood),
        cmocka_unit_test(what_the_client_may_not_say_gets_an_alert),
        cmocka_unit_test(the_clients_own_failure_ends_the_stream_in_silence),
        cmocka_unit_test(back_pressure_passes_through),
        cmocka_unit_test(back_pressure_in_the_handshake_is_nobodys_business),
    };
    int failed = cmocka_run_group_tests_name("openssl", tests, set_up, tear_down);
    return failed + cmocka_run_group_tests_name("own", tests, set_up_ours, tear_down);
}
