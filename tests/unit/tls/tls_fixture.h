/* A listener's TLS configuration in a few words, for the tests of this folder. */
#ifndef UNIT_TLS_FIXTURE_H
#define UNIT_TLS_FIXTURE_H

#include "common/mem.h"
#include "tests/fakes/fake_handshake.h"
#include "tests/fakes/fake_pki.h"
#include "tls/tls_context.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define CERTIFICATES_MAX 4

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

struct policy {
    const struct fake_certificate *certificates[CERTIFICATES_MAX];
    struct slice ocsp[CERTIFICATES_MAX];
    enum config_tls_version min_version;
    enum config_client_auth client_auth;
    const struct fake_certificate *client_ca;
    const struct tls_tickets *tickets;
    enum config_record_layer record_layer;
};

/* The files are called leaf.crt, leaf.key, leaf.ocsp and ca.crt. */
static inline struct tls_context *try_build(const struct policy *p, struct err *e)
{
    struct config_certificate certificates[CERTIFICATES_MAX];
    struct config_tls config = {
        .certificates = certificates,
        .min_version = p->min_version,
        .client_auth = p->client_auth,
        .record_layer = p->record_layer,
    };
    for (size_t i = 0; i < CERTIFICATES_MAX && p->certificates[i]; i++)
        certificates[config.certificate_count++] =
            fake_certificate_config(p->certificates[i], p->ocsp[i]);
    if (p->client_ca)
        config.client_ca = (struct config_file){ "ca.crt", p->client_ca->cert_pem };
    return tls_context_new(&config, TLS_CONTEXT_ALPN_HTTP1, p->tickets, e);
}

static inline struct tls_context *build(const struct policy *p)
{
    struct err e = { "" };
    struct tls_context *c = try_build(p, &e);
    if (!c)
        fail_msg("%s", e.text);
    return c;
}

static inline void start(struct fake_handshake *h, struct tls_context *c, struct fake_client client)
{
    fake_handshake_init(h, tls_context_new_ssl(c), client);
}

/* `client_error`: OpenSSL's reason, when it does not. */
static inline bool connects(struct tls_context *c, struct fake_client client, int *client_error)
{
    struct fake_handshake h;
    start(&h, c, client);
    bool is_ok = fake_handshake_run(&h);
    *client_error = h.client_error;
    fake_handshake_fini(&h);
    return is_ok;
}

#endif
