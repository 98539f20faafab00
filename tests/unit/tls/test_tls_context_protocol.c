/* What tls_context promises of the protocol: versions, ciphers, ALPN, OCSP. */
#include "tests/unit/tls/tls_fixture.h"

#include <time.h>

static struct fake_certificate authority, a_ec, a_rsa, b_ec;
static struct tls_tickets tickets;

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&authority, "RSA", NULL, NULL);
    fake_certificate_init(&a_ec, "EC", "DNS:A.vn,DNS:www.a.vn,IP:127.0.0.1", &authority);
    fake_certificate_init(&a_rsa, "RSA", "DNS:a.vn,DNS:www.a.vn", &authority);
    fake_certificate_init(&b_ec, "EC", "DNS:b.vn", &authority);
    tls_tickets_init(&tickets);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_certificate_fini(&authority);
    fake_certificate_fini(&a_ec);
    fake_certificate_fini(&a_rsa);
    fake_certificate_fini(&b_ec);
    return 0;
}

/* Offers `protocols` (wire format); returns what was agreed upon, empty for none. */
static bool offer_alpn(struct tls_context *c, int version, struct slice protocols,
                       struct slice expected, int *error)
{
    struct fake_handshake h;
    const unsigned char *chosen;
    unsigned len;
    start(&h, c, FAKE_CLIENT(version, "a.vn"));
    SSL_set_alpn_protos(h.client, (const unsigned char *)protocols.data, (unsigned)protocols.len);
    bool is_ok = fake_handshake_run(&h);
    SSL_get0_alpn_selected(h.server, &chosen, &len);
    if (is_ok)
        assert_true(slice_eq(slice_of((const char *)chosen, len), expected));
    *error = h.client_error;
    fake_handshake_fini(&h);
    return is_ok;
}

static void agrees_on_a_protocol_or_says_that_there_is_none(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &b_ec, &a_ec } });
    struct slice http1 = SLICE("http/1.1"), none = SLICE("");
    int error;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        assert_true(offer_alpn(c, versions[i], SLICE("\x08http/1.1"), http1, &error));
        assert_true(offer_alpn(c, versions[i], SLICE("\x02h2\x08http/1.1"), http1, &error));
        assert_true(offer_alpn(c, versions[i], none, none, &error));
        assert_false(offer_alpn(c, versions[i], SLICE("\x02h2"), none, &error));
        assert_int_equal(error, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    }
    tls_context_unref(&c);
}

static void versions_below_the_minimum_are_refused(void **state)
{
    struct tls_context *c12 = build(&(struct policy){ .certificates = { &a_ec } });
    struct tls_context *c13 =
        build(&(struct policy){ .certificates = { &a_ec }, .min_version = CONFIG_TLS_1_3 });
    int error;
    (void)state;
    assert_false(connects(c12, FAKE_CLIENT(TLS1_1_VERSION, "a.vn"), &error));
    assert_int_equal(error, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    assert_false(connects(c13, FAKE_CLIENT(TLS1_2_VERSION, "a.vn"), &error));
    assert_int_equal(error, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    assert_true(connects(c13, FAKE_CLIENT(TLS1_3_VERSION, "a.vn"), &error));
    tls_context_unref(&c12);
    tls_context_unref(&c13);
}

static void ciphers_are_the_servers_choice_but_for_chacha(void **state)
{
    static const struct {
        const char *offered, *chosen;
    } cases[] = {
        { "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
          "ECDHE-ECDSA-AES128-GCM-SHA256" },
        { "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
          "ECDHE-ECDSA-CHACHA20-POLY1305" },
        { "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305",
          "ECDHE-ECDSA-AES128-GCM-SHA256" },
        { "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256", NULL },
    };
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &a_rsa } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_handshake h;
        start(&h, c, FAKE_CLIENT(TLS1_2_VERSION, "a.vn"));
        assert_int_equal(SSL_set_cipher_list(h.client, cases[i].offered), 1);
        assert_int_equal(fake_handshake_run(&h), cases[i].chosen != NULL);
        if (cases[i].chosen)
            assert_string_equal(SSL_get_cipher_name(h.server), cases[i].chosen);
        fake_handshake_fini(&h);
    }
    tls_context_unref(&c);
}

static void renegotiation_is_refused(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec } });
    struct fake_handshake h;
    char byte;
    (void)state;
    start(&h, c, FAKE_CLIENT(TLS1_2_VERSION, "a.vn"));
    assert_true(fake_handshake_run(&h));
    assert_int_equal(SSL_renegotiate(h.client), 1);
    SSL_do_handshake(h.client);
    assert_int_equal(SSL_get_error(h.server, SSL_read(h.server, &byte, 1)), SSL_ERROR_WANT_READ);
    assert_true(SSL_do_handshake(h.client) != 1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
    fake_handshake_fini(&h);
    tls_context_unref(&c);
}

static void one_ticket_is_sent_and_no_early_data_is_taken(void **state)
{
    struct tls_context *c =
        build(&(struct policy){ .certificates = { &a_ec }, .tickets = &tickets });
    struct fake_handshake h;
    (void)state;
    start(&h, c, FAKE_CLIENT(TLS1_3_VERSION, "a.vn"));
    assert_true(fake_handshake_run(&h));
    SSL_SESSION *session = fake_handshake_session(&h);
    assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
    assert_int_equal(SSL_get_num_tickets(h.server), 1);
    SSL_SESSION_free(session);
    fake_handshake_fini(&h);
    tls_context_unref(&c);
}

/* The staple that a client of these signature algorithms gets must be `expected`, or none. */
static void assert_staple(struct tls_context *c, int version, const char *signatures,
                          struct slice expected)
{
    struct fake_handshake h;
    const unsigned char *staple;
    start(&h, c, FAKE_CLIENT(version, "a.vn", .signatures = signatures));
    SSL_set_tlsext_status_type(h.client, TLSEXT_STATUSTYPE_ocsp);
    assert_true(fake_handshake_run(&h));
    long len = SSL_get_tlsext_status_ocsp_resp(h.client, &staple);
    if (expected.len == 0)
        assert_int_equal(len, -1);
    else
        assert_true(slice_eq(slice_of((const char *)staple, (size_t)len), expected));
    tls_context_handshake_done(h.server);
    assert_true(SSL_get_tlsext_status_ocsp_resp(h.server, &staple) <= 0);
    fake_handshake_fini(&h);
}

static void staples_the_response_of_the_certificate_that_was_chosen(void **state)
{
    struct slice for_ec = fake_ocsp_response(&a_ec, &authority, time(NULL) + 3600);
    struct slice for_rsa = fake_ocsp_response(&a_rsa, &authority, time(NULL) + 3600);
    struct tls_context *both = build(&(struct policy){ .certificates = { &b_ec, &a_ec, &a_rsa },
                                                       .ocsp = { [1] = for_ec, for_rsa } });
    struct tls_context *one =
        build(&(struct policy){ .certificates = { &a_ec, &a_rsa }, .ocsp = { [1] = for_rsa } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        assert_staple(both, versions[i], NULL, for_ec);
        assert_staple(both, versions[i], "RSA-PSS+SHA256:RSA+SHA256", for_rsa);
        assert_staple(one, versions[i], NULL, (struct slice){ 0 });
    }
    tls_context_unref(&both);
    tls_context_unref(&one);
    mem_free((void *)for_ec.data);
    mem_free((void *)for_rsa.data);
}

static void an_expired_response_is_not_stapled(void **state)
{
    struct slice expired = fake_ocsp_response(&a_ec, &authority, time(NULL) - 1);
    struct tls_context *c =
        build(&(struct policy){ .certificates = { &a_ec }, .ocsp = { expired } });
    (void)state;
    assert_staple(c, TLS1_3_VERSION, NULL, (struct slice){ 0 });
    tls_context_unref(&c);
    mem_free((void *)expired.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_a_protocol_or_says_that_there_is_none),
        cmocka_unit_test(versions_below_the_minimum_are_refused),
        cmocka_unit_test(ciphers_are_the_servers_choice_but_for_chacha),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(one_ticket_is_sent_and_no_early_data_is_taken),
        cmocka_unit_test(staples_the_response_of_the_certificate_that_was_chosen),
        cmocka_unit_test(an_expired_response_is_not_stapled),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
