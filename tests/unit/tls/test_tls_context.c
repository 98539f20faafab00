#include "tests/unit/tls/tls_fixture.h"

static struct fake_certificate authority, a_ec, a_rsa, a_ed25519, b_ec, wild_ec, wild_rsa;

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&authority, "RSA", NULL, NULL);
    fake_certificate_init(&a_ec, "EC", "DNS:A.vn,DNS:www.a.vn,IP:127.0.0.1", &authority);
    fake_certificate_init(&a_rsa, "RSA", "DNS:a.vn,DNS:www.a.vn", &authority);
    fake_certificate_init(&a_ed25519, "ED25519", "DNS:a.vn", &authority);
    fake_certificate_init(&b_ec, "EC", "DNS:b.vn", &authority);
    fake_certificate_init(&wild_ec, "EC", "DNS:*.c.vn", &authority);
    fake_certificate_init(&wild_rsa, "RSA", "DNS:*.c.vn,DNS:x.c.vn", &authority);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_certificate_fini(&authority);
    fake_certificate_fini(&a_ec);
    fake_certificate_fini(&a_rsa);
    fake_certificate_fini(&a_ed25519);
    fake_certificate_fini(&b_ec);
    fake_certificate_fini(&wild_ec);
    fake_certificate_fini(&wild_rsa);
    return 0;
}

/* Which certificate a client is given. */
static void assert_chosen(struct tls_context *c, struct fake_client client,
                          const struct fake_certificate *expected)
{
    struct fake_handshake h;
    start(&h, c, client);
    assert_true(fake_handshake_run(&h));
    if (X509_cmp(SSL_get0_peer_certificate(h.client), expected->x509) != 0)
        fail_msg("%s got another certificate", client.server_name ? client.server_name : "no name");
    fake_handshake_fini(&h);
}

static void chooses_the_certificate_by_exact_name(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &b_ec } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        assert_chosen(c, FAKE_CLIENT(versions[i], "a.vn"), &a_ec);
        assert_chosen(c, FAKE_CLIENT(versions[i], "www.A.vn"), &a_ec);
        assert_chosen(c, FAKE_CLIENT(versions[i], "b.vn"), &b_ec);
        assert_chosen(c, FAKE_CLIENT(versions[i], "B.VN."), &b_ec);
    }
    tls_context_unref(&c);
}

static void the_first_certificate_serves_all_other_names(void **state)
{
    static const char *const names[] = { NULL,        "x.vn", "x.a.vn", "x.b.vn", "vn",
                                         "127.0.0.1", ".",    ".b.vn",  "*.b.vn" };
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &b_ec } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, names[i]), &a_ec);
    tls_context_unref(&c);
}

static void a_certificate_without_names_can_be_the_default(void **state)
{
    struct fake_certificate nameless;
    (void)state;
    fake_certificate_init(&nameless, "EC", "IP:127.0.0.1", &authority);
    struct tls_context *c = build(&(struct policy){ .certificates = { &nameless, &b_ec } });
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, NULL), &nameless);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "b.vn"), &b_ec);
    tls_context_unref(&c);
    fake_certificate_fini(&nameless);
}

static void a_wildcard_covers_one_label(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &wild_ec } });
    (void)state;
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "any.C.vn"), &wild_ec);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "c.vn"), &a_ec);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "two.labels.c.vn"), &a_ec);
    tls_context_unref(&c);
}

static void ecdsa_and_rsa_serve_one_name(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_rsa, &b_ec, &a_ec } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        assert_chosen(c, FAKE_CLIENT(versions[i], "a.vn"), &a_ec);
        assert_chosen(
            c, FAKE_CLIENT(versions[i], "a.vn", .signatures = "RSA-PSS+SHA256:RSA+SHA256"), &a_rsa);
        assert_chosen(c, FAKE_CLIENT(versions[i], NULL, .signatures = "RSA-PSS+SHA256:RSA+SHA256"),
                      &a_rsa);
    }
    tls_context_unref(&c);
}

static void ed25519_serves_clients_that_ask_for_it(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &a_ed25519 } });
    (void)state;
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "a.vn", .signatures = "ed25519"), &a_ed25519);
    tls_context_unref(&c);
}

static void the_first_of_a_kind_wins(void **state)
{
    struct fake_certificate again;
    (void)state;
    fake_certificate_init(&again, "EC", "DNS:a.vn,DNS:new.vn", &authority);
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &again } });
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "a.vn"), &a_ec);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "new.vn"), &again);
    tls_context_unref(&c);
    fake_certificate_fini(&again);
}

static void exact_names_win_and_wildcards_fill_in(void **state)
{
    struct fake_certificate exact;
    const char *rsa_only = "RSA-PSS+SHA256";
    (void)state;
    fake_certificate_init(&exact, "EC", "DNS:x.c.vn,DNS:y.c.vn", &authority);
    struct tls_context *c =
        build(&(struct policy){ .certificates = { &wild_ec, &wild_rsa, &exact } });
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "x.c.vn"), &exact);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "y.c.vn"), &exact);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "y.c.vn", .signatures = rsa_only), &wild_rsa);
    assert_chosen(c, FAKE_CLIENT(TLS1_3_VERSION, "z.c.vn"), &wild_ec);
    tls_context_unref(&c);
    fake_certificate_fini(&exact);
}

static void sends_the_chain_as_the_file_has_it(void **state)
{
    struct fake_certificate leaf;
    struct fake_handshake h;
    char pem[8192];
    (void)state;
    fake_certificate_init(&leaf, "EC", "DNS:a.vn", &authority);
    int len = snprintf(pem, sizeof(pem), "%s%s", leaf.cert_pem.data, authority.cert_pem.data);
    mem_free((void *)leaf.cert_pem.data);
    leaf.cert_pem = slice_of(mem_strndup(pem, (size_t)len), (size_t)len);
    struct tls_context *c = build(&(struct policy){ .certificates = { &leaf } });
    start(&h, c, FAKE_CLIENT(TLS1_3_VERSION, "a.vn"));
    assert_true(fake_handshake_run(&h));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(h.client)), 2);
    fake_handshake_fini(&h);
    tls_context_unref(&c);
    fake_certificate_fini(&leaf);
}

static void refuses_a_server_name_that_is_malformed(void **state)
{
    static const struct {
        struct slice from, to;
    } cases[] = {
        { SLICE("\7\0\0\4a.vn"), SLICE("\7\0\0\5a.vn") }, /* the name's length */
        { SLICE("\7\0\0\4a.vn"), SLICE("\7\0\0\3a.vn") },
        { SLICE("\7\0\0\4a.vn"), SLICE("\7\0\0\0a.vn") },
        { SLICE("\7\0\0\4a.vn"), SLICE("\6\0\0\4a.vn") }, /* the list's */
        { SLICE("\7\0\0\4a.vn"), SLICE("\7\1\0\4a.vn") }, /* the type */
        { SLICE("\7\0\0\4a.vn"), SLICE("\7\0\0\4a\0vn") },
    };
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_handshake h;
        start(&h, c, FAKE_CLIENT(TLS1_3_VERSION, "a.vn"));
        assert_false(fake_handshake_run_patched(&h, cases[i].from, cases[i].to));
        assert_int_equal(h.server_error, SSL_R_CALLBACK_FAILED);
        assert_int_equal(h.client_error, SSL_R_TLSV1_ALERT_DECODE_ERROR);
        fake_handshake_fini(&h);
    }
    tls_context_unref(&c);
}

static void assert_build_fails(const struct policy *p, const char *sentence)
{
    struct err e = { "" };
    assert_null(try_build(p, &e));
    if (!strstr(e.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", e.text, sentence);
}

static void connections_outlive_the_context(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &b_ec } });
    struct tls_context *second = tls_context_ref(c);
    struct fake_handshake h;
    (void)state;
    start(&h, c, FAKE_CLIENT(TLS1_3_VERSION, "b.vn"));
    tls_context_unref(&c);
    assert_null(c);
    tls_context_unref(&second);
    tls_context_unref(&second);
    assert_true(fake_handshake_run(&h));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(h.client), b_ec.x509), 0);
    fake_handshake_fini(&h);
}

static void a_second_hello_keeps_the_choice(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec, &b_ec } });
    struct fake_handshake h;
    (void)state;
    start(&h, c, FAKE_CLIENT(TLS1_3_VERSION, "b.vn"));
    assert_int_equal(SSL_set1_groups_list(h.client, "X448:P-384"), 1); /* its key share is X448's */
    assert_true(fake_handshake_run(&h));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(h.client), b_ec.x509), 0);
    fake_handshake_fini(&h);
    tls_context_unref(&c);
}

static void says_which_file_is_wrong(void **state)
{
    struct fake_certificate broken = a_ec, weak;
    (void)state;
    broken.key_pem = a_rsa.key_pem;
    assert_build_fails(&(struct policy){ .certificates = { &a_rsa, &broken } },
                       "leaf.key: the key does not belong to the certificate");
    broken.cert_pem = SLICE("junk");
    assert_build_fails(&(struct policy){ .certificates = { &a_ec },
                                         .client_ca = &broken,
                                         .client_auth = CONFIG_CLIENT_AUTH_REQUIRED },
                       "ca.crt: the authorities' certificates (PEM) cannot be read");
    fake_certificate_init(&weak, "WEAK", "DNS:a.vn", &authority);
    assert_build_fails(&(struct policy){ .certificates = { &weak } },
                       "leaf.crt: OpenSSL refuses this certificate: ee key too small");
    fake_certificate_fini(&weak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_certificate_by_exact_name),
        cmocka_unit_test(the_first_certificate_serves_all_other_names),
        cmocka_unit_test(a_certificate_without_names_can_be_the_default),
        cmocka_unit_test(a_wildcard_covers_one_label),
        cmocka_unit_test(ecdsa_and_rsa_serve_one_name),
        cmocka_unit_test(ed25519_serves_clients_that_ask_for_it),
        cmocka_unit_test(the_first_of_a_kind_wins),
        cmocka_unit_test(exact_names_win_and_wildcards_fill_in),
        cmocka_unit_test(sends_the_chain_as_the_file_has_it),
        cmocka_unit_test(refuses_a_server_name_that_is_malformed),
        cmocka_unit_test(a_second_hello_keeps_the_choice),
        cmocka_unit_test(connections_outlive_the_context),
        cmocka_unit_test(says_which_file_is_wrong),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
