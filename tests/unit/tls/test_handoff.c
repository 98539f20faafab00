/* A handshake of OpenSSL's, and what a record layer makes of what it leaves behind. */
#include "tls/handoff.h"

#include "tests/unit/tls/tls_fixture.h"

#define SENT_MAX_BYTES (64 * 1024)
#define ROUNDS_MAX 10

static struct fake_certificate certificate, large, authority, citizen;
static struct tls_tickets tickets;
static struct tls_context *context;
static struct record_engine engine;
static struct fake_handshake peers;
static struct handoff *handoff;
static struct record_start start_of_ours;
static char sent[SENT_MAX_BYTES]; /* by the server */
static size_t sent_len;

static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                      "TLS_CHACHA20_POLY1305_SHA256" };

/* More than the 4 KiB in which OpenSSL gathers a flight. */
static void make_large_certificate(void)
{
    static char names[16384];
    size_t len = (size_t)snprintf(names, sizeof(names), "DNS:a.vn");
    for (int i = 0; i < 300; i++)
        len += (size_t)snprintf(names + len, sizeof(names) - len, ",DNS:name-%d.example.vn", i);
    fake_certificate_init(&large, "EC", names, NULL);
}

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&certificate, "EC", "DNS:a.vn", NULL);
    fake_certificate_init(&authority, "EC", NULL, NULL);
    fake_certificate_init(&citizen, "EC", "DNS:citizen.vn", &authority);
    make_large_certificate();
    tls_tickets_init(&tickets);
    record_engine_init(&engine);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    record_engine_fini(&engine);
    fake_certificate_fini(&certificate);
    fake_certificate_fini(&authority);
    fake_certificate_fini(&citizen);
    fake_certificate_fini(&large);
    return 0;
}

/* ---- a connection ---- */

static long on_bio(BIO *bio, int operation, const char *data, size_t len, int arg, long number,
                   int rc, size_t *processed)
{
    (void)bio, (void)arg, (void)number;
    if (operation != (BIO_CB_WRITE | BIO_CB_RETURN) || rc <= 0)
        return rc;
    assert_true(*processed == len && len <= sizeof(sent) - sent_len);
    handoff_note_sent(handoff, slice_of(data, len));
    memcpy(sent + sent_len, data, len);
    sent_len += len;
    return rc;
}

static void begin(const struct policy *policy, struct fake_client client)
{
    struct policy with_records = *policy;
    with_records.record_layer = CONFIG_RECORD_LAYER_OWN;
    context = build(&with_records);
    SSL *server = tls_context_new_ssl(context);
    fake_handshake_init(&peers, server, client);
    handoff = handoff_new(server);
    sent_len = 0;
    BIO_set_callback_ex(SSL_get_wbio(server), on_bio);
}

static void begin_simply(void)
{
    begin(&(struct policy){ .certificates = { &certificate }, .tickets = &tickets },
          FAKE_CLIENT(TLS1_3_VERSION, "a.vn"));
}

static int serve(void)
{
    handoff_enter(handoff);
    return SSL_do_handshake(peers.server);
}

static bool shake_hands(void)
{
    bool is_done = false;
    for (int round = 0; round < ROUNDS_MAX && !is_done; round++) {
        int client = SSL_do_handshake(peers.client);
        is_done = serve() == 1 && client == 1;
    }
    ERR_clear_error();
    return is_done;
}

static void end(void)
{
    handoff_free(&handoff);
    assert_null(handoff);
    fake_handshake_fini(&peers);
    tls_context_unref(&context);
}

/* What the client has sent, as our layer reads it. */
static void assert_hears(struct record *r, struct slice expected)
{
    static char room[4 * RECORD_BODY_MAX_BYTES];
    struct record_plain plain = { .data = room, .size = sizeof(room) };
    char *bytes;
    BIO *bio = SSL_get_wbio(peers.client);
    struct slice input = slice_of(NULL, (size_t)BIO_get_mem_data(bio, &bytes));
    input.data = bytes;
    assert_int_equal(record_read(r, &engine, &input, &plain), RECORD_NEED_INPUT);
    assert_int_equal(BIO_reset(bio), 1);
    assert_int_equal(plain.len, expected.len);
    assert_memory_equal(plain.data, expected.data, expected.len);
}

static void assert_client_hears(struct record *r, struct slice said)
{
    static char room[4096];
    uint8_t wire[RECORD_SEALED_MAX_BYTES];
    struct slice rest = said;
    size_t n = record_seal(r, &engine, &rest, wire);
    assert_true(n > 0 && rest.len == 0);
    assert_int_equal(BIO_write(SSL_get_rbio(peers.client), wire, (int)n), n);
    assert_int_equal(SSL_read_ex(peers.client, room, sizeof(room), &n), 1);
    assert_int_equal(n, said.len);
    assert_memory_equal(room, said.data, n);
}

/* The last records that the server has sent are the tickets: they open under its new keys, with
 * the numbers from 0. This is what our first number rests on. */
static void assert_tickets_open(uint64_t count)
{
    struct record_keys keys = { 0 };
    size_t at = 0, records = 0, first[64];
    for (; at < sent_len;
         at += RECORD_HEAD_BYTES + (uint8_t)sent[at + 4] + (size_t)((uint8_t)sent[at + 3] << 8))
        first[records++] = at;
    assert_true(at == sent_len && records > count);
    memcpy(keys.secret, start_of_ours.server_secret, sizeof(keys.secret));
    assert_int_equal(record_keys_derive(&engine, start_of_ours.suite, &keys), 0);
    for (size_t i = records - count; i < records; i++) {
        static uint8_t opened[RECORD_BODY_MAX_BYTES];
        const uint8_t *record = (const uint8_t *)sent + first[i];
        size_t len = (size_t)(record[3] << 8 | record[4]);
        assert_true(record_keys_open(&engine, start_of_ours.suite, &keys, record,
                                     record + RECORD_HEAD_BYTES, len, opened));
        assert_int_equal(opened[0], SSL3_MT_NEWSESSION_TICKET);
    }
    record_keys_wipe(&engine, start_of_ours.suite, &keys);
}

/* OpenSSL is done with it; our layer goes on where it stopped. */
static void assert_goes_on(uint64_t tickets_sent)
{
    struct record r;
    assert_true(handoff_take(handoff, &start_of_ours));
    assert_true(start_of_ours.server_sequence == tickets_sent);
    assert_tickets_open(tickets_sent);
    assert_int_equal(record_init(&r, &engine, &start_of_ours), 0);
    assert_int_equal(SSL_write(peers.client, "hello", 5), 5);
    assert_hears(&r, SLICE("hello"));
    assert_client_hears(&r, SLICE("world"));
    assert_int_equal(SSL_write(peers.client, "again", 5), 5);
    assert_hears(&r, SLICE("again"));
    assert_client_hears(&r, SLICE("and again"));
    record_fini(&r, &engine);
}

/* ---- what is taken over ---- */

static void each_suite_and_any_number_of_tickets(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < ARRAY_LEN(suites); suite++) {
        for (unsigned count = 0; count < 5; count++) {
            begin_simply();
            assert_int_equal(SSL_set_ciphersuites(peers.client, suites[suite]), 1);
            assert_int_equal(SSL_set_num_tickets(peers.server, count), 1);
            assert_true(shake_hands());
            assert_goes_on(count);
            assert_int_equal(start_of_ours.suite, suite);
            assert_int_equal(start_of_ours.plain_max, RECORD_PLAIN_MAX_BYTES);
            end();
        }
    }
}

static void a_flight_larger_than_openssls_buffer(void **state)
{
    (void)state;
    begin(&(struct policy){ .certificates = { &large }, .tickets = &tickets },
          FAKE_CLIENT(TLS1_3_VERSION, "a.vn"));
    assert_true(shake_hands());
    assert_true(sent_len > 6000);
    assert_goes_on(1);
    end();
}

/* A ticket holds the client's certificate. */
static void a_client_with_a_certificate(void **state)
{
    (void)state;
    begin(&(struct policy){ .certificates = { &certificate },
                            .tickets = &tickets,
                            .client_auth = CONFIG_CLIENT_AUTH_REQUIRED,
                            .client_ca = &authority },
          FAKE_CLIENT(TLS1_3_VERSION, "a.vn", .certificate = &citizen));
    assert_true(shake_hands());
    assert_goes_on(1);
    end();
}

static void a_handshake_with_a_retry(void **state)
{
    (void)state;
    begin_simply();
    assert_int_equal(SSL_set1_groups_list(peers.client, "P-521:P-384"), 1);
    assert_true(shake_hands());
    assert_goes_on(1);
    end();
}

static void a_resumed_session(void **state)
{
    (void)state;
    begin_simply();
    assert_true(shake_hands());
    assert_goes_on(1);
    SSL_SESSION *session = fake_handshake_session(&peers);
    assert_non_null(session);
    end();
    begin(&(struct policy){ .certificates = { &certificate }, .tickets = &tickets },
          FAKE_CLIENT(TLS1_3_VERSION, "a.vn", .session = session));
    assert_true(shake_hands());
    assert_true(SSL_session_reused(peers.server));
    assert_goes_on(1);
    end();
    SSL_SESSION_free(session);
}

static void what_the_client_says_with_its_last_message_is_left_to_us(void **state)
{
    (void)state;
    struct record r;
    begin_simply();
    assert_int_equal(SSL_do_handshake(peers.client), -1);
    assert_int_equal(serve(), -1);
    assert_int_equal(SSL_do_handshake(peers.client), 1);
    assert_int_equal(SSL_write(peers.client, "at once", 7), 7);
    assert_int_equal(serve(), 1);
    assert_true(handoff_take(handoff, &start_of_ours));
    assert_int_equal(record_init(&r, &engine, &start_of_ours), 0);
    assert_hears(&r, SLICE("at once"));
    record_fini(&r, &engine);
    end();
}

static void a_smaller_record_size_that_was_agreed(void **state)
{
    (void)state;
    begin_simply();
    assert_int_equal(
        SSL_set_tlsext_max_fragment_length(peers.client, TLSEXT_max_fragment_length_1024), 1);
    assert_true(shake_hands());
    assert_goes_on(1);
    assert_int_equal(start_of_ours.plain_max, 1024);
    end();
}

/* ---- what is not ---- */

static void tls_1_2_stays(void **state)
{
    (void)state;
    begin(&(struct policy){ .certificates = { &certificate }, .tickets = &tickets },
          FAKE_CLIENT(TLS1_2_VERSION, "a.vn"));
    assert_true(shake_hands());
    assert_false(handoff_take(handoff, &start_of_ours));
    end();
}

static void an_unfinished_handshake_stays(void **state)
{
    (void)state;
    begin_simply();
    assert_false(handoff_take(handoff, &start_of_ours));
    assert_int_equal(SSL_do_handshake(peers.client), -1);
    assert_int_equal(serve(), -1);
    assert_false(handoff_take(handoff, &start_of_ours));
    end();
}

static void who_is_told_nothing_leaves_it_to_openssl(void **state)
{
    (void)state;
    begin_simply();
    for (int i = 0; i < ROUNDS_MAX; i++) {
        handoff_enter(NULL); /* as if another connection's event were under way */
        SSL_do_handshake(peers.client);
        SSL_do_handshake(peers.server);
    }
    assert_true(SSL_is_init_finished(peers.server));
    assert_false(handoff_take(handoff, &start_of_ours));
    end();
}

static void a_secret_that_is_told_twice_is_none(void **state)
{
    (void)state;
    begin_simply();
    assert_true(shake_hands());
    assert_true(handoff_take(handoff, &start_of_ours));
    struct fake_handshake other;
    start(&other, context, FAKE_CLIENT(TLS1_3_VERSION, "a.vn"));
    handoff_enter(handoff); /* a mistake */
    assert_true(fake_handshake_run(&other));
    fake_handshake_fini(&other);
    assert_false(handoff_take(handoff, &start_of_ours));
    end();
}

static void what_left_unseen_or_half_stays(void **state)
{
    static const struct slice more[] = {
        { "\x17", 1 },                  /* half a head */
        { "\x17\x03\x03\x00\x01", 5 },  /* half a body */
        { "\x15\x03\x03\x00\x01z", 6 }, /* not encrypted */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        begin_simply();
        assert_true(shake_hands());
        handoff_note_sent(handoff, more[i]);
        assert_false(handoff_take(handoff, &start_of_ours));
        end();
    }
}

static void a_connection_that_has_begun_to_end_stays(void **state)
{
    (void)state;
    begin_simply();
    assert_true(shake_hands());
    SSL_shutdown(peers.server);
    assert_false(handoff_take(handoff, &start_of_ours));
    end();
}

static void an_ssl_object_outlives_its_handoff(void **state)
{
    (void)state;
    begin_simply();
    handoff_free(&handoff);
    assert_true(shake_hands());
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_suite_and_any_number_of_tickets),
        cmocka_unit_test(a_flight_larger_than_openssls_buffer),
        cmocka_unit_test(a_client_with_a_certificate),
        cmocka_unit_test(a_handshake_with_a_retry),
        cmocka_unit_test(a_resumed_session),
        cmocka_unit_test(what_the_client_says_with_its_last_message_is_left_to_us),
        cmocka_unit_test(a_smaller_record_size_that_was_agreed),
        cmocka_unit_test(tls_1_2_stays),
        cmocka_unit_test(an_unfinished_handshake_stays),
        cmocka_unit_test(who_is_told_nothing_leaves_it_to_openssl),
        cmocka_unit_test(a_secret_that_is_told_twice_is_none),
        cmocka_unit_test(what_left_unseen_or_half_stays),
        cmocka_unit_test(a_connection_that_has_begun_to_end_stays),
        cmocka_unit_test(an_ssl_object_outlives_its_handoff),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
