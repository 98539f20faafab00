/* What tls_context promises of sessions and client certificates. */
#include "tests/unit/tls/tls_fixture.h"

static struct fake_certificate authority, other_authority, a_ec, b_ec, stranger, nameless, silent;
static struct tls_tickets tickets;

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&authority, "RSA", NULL, NULL);
    fake_certificate_init(&other_authority, "RSA", NULL, NULL);
    fake_certificate_init(&a_ec, "EC", "DNS:A.vn,DNS:www.a.vn,IP:127.0.0.1", &authority);
    fake_certificate_init(&b_ec, "EC", "DNS:b.vn", &authority);
    fake_certificate_init(&stranger, "EC", "DNS:s.vn", &other_authority);
    fake_certificate_init(&nameless, "EC", "IP:127.0.0.1", &authority);
    fake_certificate_init(&silent, "EC", "IP:127.0.0.1", &authority);
    tls_tickets_init(&tickets);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_certificate_fini(&authority);
    fake_certificate_fini(&other_authority);
    fake_certificate_fini(&a_ec);
    fake_certificate_fini(&b_ec);
    fake_certificate_fini(&stranger);
    fake_certificate_fini(&nameless);
    fake_certificate_fini(&silent);
    return 0;
}

/* One connection; the session that it leaves is the caller's. */
static SSL_SESSION *connect_with(struct tls_context *c, struct fake_client client, bool resumes)
{
    struct fake_handshake h;
    start(&h, c, client);
    assert_true(fake_handshake_run(&h));
    assert_int_equal(SSL_session_reused(h.server), resumes);
    SSL_SESSION *session = fake_handshake_session(&h);
    assert_non_null(session);
    fake_handshake_fini(&h);
    return session;
}

static void sessions_resume_for_the_names_of_one_site(void **state)
{
    struct tls_context *c =
        build(&(struct policy){ .tickets = &tickets, .certificates = { &a_ec, &b_ec } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_client client = FAKE_CLIENT(versions[i], "a.vn");
        client.session = connect_with(c, client, false);
        client.server_name = "www.a.vn";
        SSL_SESSION_free(connect_with(c, client, true));
        client.server_name = NULL; /* the default site is the same */
        SSL_SESSION_free(connect_with(c, client, true));
        SSL_SESSION_free(client.session);
    }
    tls_context_unref(&c);
}

/* A session of `from` must not resume in `to`. */
static void assert_separate(struct tls_context *from, const char *from_name, struct tls_context *to,
                            const char *to_name, const struct fake_certificate *certificate)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_client client = FAKE_CLIENT(versions[i], from_name, .certificate = certificate);
        SSL_SESSION *session = connect_with(from, client, false);
        SSL_SESSION_free(connect_with(
            from,
            FAKE_CLIENT(versions[i], from_name, .certificate = certificate, .session = session),
            true));
        client = FAKE_CLIENT(versions[i], to_name, .certificate = certificate, .session = session);
        SSL_SESSION_free(connect_with(to, client, false));
        SSL_SESSION_free(session);
    }
}

static void sessions_do_not_cross_to_another_site(void **state)
{
    struct tls_context *c =
        build(&(struct policy){ .tickets = &tickets, .certificates = { &a_ec, &b_ec } });
    (void)state;
    assert_separate(c, "a.vn", c, "b.vn", NULL);
    assert_separate(c, "b.vn", c, "a.vn", NULL);
    assert_separate(c, "b.vn", c, NULL, NULL);
    tls_context_unref(&c);
}

static void sessions_resume_on_another_node_of_the_same_policy(void **state)
{
    const struct policy policy = { .tickets = &tickets, .certificates = { &a_ec, &b_ec } };
    struct tls_context *one = build(&policy), *two = build(&policy);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_client client = FAKE_CLIENT(versions[i], "b.vn");
        client.session = connect_with(one, client, false);
        SSL_SESSION_free(connect_with(two, client, true));
        SSL_SESSION_free(client.session);
    }
    tls_context_unref(&one);
    tls_context_unref(&two);
}

static void sessions_do_not_cross_to_where_older_versions_are_refused(void **state)
{
    struct policy policy = { .tickets = &tickets, .certificates = { &a_ec } };
    struct tls_context *lenient = build(&policy);
    policy.min_version = CONFIG_TLS_1_3;
    struct tls_context *strict = build(&policy);
    (void)state;
    struct fake_client client = FAKE_CLIENT(TLS1_3_VERSION, "a.vn");
    client.session = connect_with(lenient, client, false);
    SSL_SESSION_free(connect_with(strict, client, false));
    SSL_SESSION_free(client.session);
    tls_context_unref(&lenient);
    tls_context_unref(&strict);
}

static void sessions_do_not_cross_between_certificates_without_names(void **state)
{
    struct tls_context *one =
        build(&(struct policy){ .tickets = &tickets, .certificates = { &nameless } });
    struct tls_context *two =
        build(&(struct policy){ .tickets = &tickets, .certificates = { &silent } });
    (void)state;
    assert_separate(one, NULL, two, NULL, NULL);
    tls_context_unref(&one);
    tls_context_unref(&two);
}

static void sessions_do_not_cross_to_another_rule_for_client_certificates(void **state)
{
    const struct policy off = { .tickets = &tickets, .certificates = { &a_ec } };
    const struct policy optional = { .tickets = &tickets,
                                     .certificates = { &a_ec },
                                     .client_ca = &authority,
                                     .client_auth = CONFIG_CLIENT_AUTH_OPTIONAL };
    struct policy required = optional, others = optional;
    required.client_auth = CONFIG_CLIENT_AUTH_REQUIRED;
    others.client_ca = &other_authority;
    struct tls_context *c[] = { build(&off), build(&optional), build(&required), build(&others) };
    (void)state;
    assert_separate(c[0], "a.vn", c[1], "a.vn", NULL);
    assert_separate(c[0], "a.vn", c[2], "a.vn", &b_ec);
    assert_separate(c[1], "a.vn", c[2], "a.vn", &b_ec);
    assert_separate(c[1], "a.vn", c[3], "a.vn", NULL);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        tls_context_unref(&c[i]);
}

static void sessions_survive_a_new_certificate_for_the_same_names(void **state)
{
    struct fake_certificate renewed;
    (void)state;
    fake_certificate_init(&renewed, "EC", "DNS:www.a.vn,DNS:a.vn", &authority);
    struct tls_context *old =
        build(&(struct policy){ .tickets = &tickets, .certificates = { &a_ec } });
    struct tls_context *new =
        build(&(struct policy){ .tickets = &tickets, .certificates = { &renewed } });
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_client client = FAKE_CLIENT(versions[i], "a.vn");
        client.session = connect_with(old, client, false);
        SSL_SESSION_free(connect_with(new, client, true));
        SSL_SESSION_free(client.session);
    }
    tls_context_unref(&old);
    tls_context_unref(&new);
    fake_certificate_fini(&renewed);
}

static void the_client_certificate_is_known_after_resumption(void **state)
{
    struct tls_context *c = build(&(struct policy){ .tickets = &tickets,
                                                    .certificates = { &a_ec },
                                                    .client_ca = &authority,
                                                    .client_auth = CONFIG_CLIENT_AUTH_REQUIRED });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_client client = FAKE_CLIENT(versions[i], "a.vn", .certificate = &b_ec);
        struct fake_handshake h;
        client.session = connect_with(c, client, false);
        start(&h, c, client);
        assert_true(fake_handshake_run(&h));
        assert_true(SSL_session_reused(h.server));
        assert_int_equal(X509_cmp(SSL_get0_peer_certificate(h.server), b_ec.x509), 0);
        fake_handshake_fini(&h);
        SSL_SESSION_free(client.session);
    }
    tls_context_unref(&c);
}

static void without_tickets_nothing_resumes(void **state)
{
    struct tls_context *c = build(&(struct policy){ .certificates = { &a_ec } });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_handshake h;
        start(&h, c, FAKE_CLIENT(versions[i], "a.vn"));
        assert_true(fake_handshake_run(&h));
        assert_null(fake_handshake_session(&h));
        fake_handshake_fini(&h);
    }
    tls_context_unref(&c);
}

static void required_client_certificates_are_required(void **state)
{
    struct tls_context *c = build(&(struct policy){ .tickets = &tickets,
                                                    .certificates = { &a_ec },
                                                    .client_ca = &authority,
                                                    .client_auth = CONFIG_CLIENT_AUTH_REQUIRED });
    int error;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        int version = versions[i];
        assert_true(connects(c, FAKE_CLIENT(version, "a.vn", .certificate = &b_ec), &error));
        assert_false(connects(c, FAKE_CLIENT(version, "a.vn"), &error));
        assert_false(connects(c, FAKE_CLIENT(version, "a.vn", .certificate = &stranger), &error));
        assert_int_equal(error, SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    }
    tls_context_unref(&c);
}

static void optional_client_certificates_are_checked_when_given(void **state)
{
    struct tls_context *c = build(&(struct policy){ .tickets = &tickets,
                                                    .certificates = { &a_ec, &b_ec },
                                                    .client_ca = &authority,
                                                    .client_auth = CONFIG_CLIENT_AUTH_OPTIONAL });
    int error;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        int version = versions[i];
        assert_true(connects(c, FAKE_CLIENT(version, "b.vn"), &error));
        assert_true(connects(c, FAKE_CLIENT(version, "b.vn", .certificate = &b_ec), &error));
        assert_false(connects(c, FAKE_CLIENT(version, "b.vn", .certificate = &stranger), &error));
    }
    tls_context_unref(&c);
}

static void clients_are_told_whose_certificates_are_wanted(void **state)
{
    struct tls_context *c = build(&(struct policy){ .tickets = &tickets,
                                                    .certificates = { &a_ec },
                                                    .client_ca = &authority,
                                                    .client_auth = CONFIG_CLIENT_AUTH_OPTIONAL });
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct fake_handshake h;
        start(&h, c, FAKE_CLIENT(versions[i], "a.vn"));
        assert_true(fake_handshake_run(&h));
        const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(h.client);
        assert_int_equal(sk_X509_NAME_num(names), 1);
        assert_int_equal(
            X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(authority.x509)), 0);
        fake_handshake_fini(&h);
    }
    tls_context_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_resume_for_the_names_of_one_site),
        cmocka_unit_test(sessions_do_not_cross_to_another_site),
        cmocka_unit_test(sessions_resume_on_another_node_of_the_same_policy),
        cmocka_unit_test(sessions_do_not_cross_to_where_older_versions_are_refused),
        cmocka_unit_test(sessions_do_not_cross_between_certificates_without_names),
        cmocka_unit_test(sessions_do_not_cross_to_another_rule_for_client_certificates),
        cmocka_unit_test(sessions_survive_a_new_certificate_for_the_same_names),
        cmocka_unit_test(the_client_certificate_is_known_after_resumption),
        cmocka_unit_test(without_tickets_nothing_resumes),
        cmocka_unit_test(required_client_certificates_are_required),
        cmocka_unit_test(optional_client_certificates_are_checked_when_given),
        cmocka_unit_test(clients_are_told_whose_certificates_are_wanted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
