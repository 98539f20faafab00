#include "tls/tls_client.h"

#include "tls/tls_certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define SECURITY_LEVEL 2 /* 112 bits: RSA-2048, no SHA-1 signatures */

static int read_authorities(SSL_CTX *ctx, const struct config_file *file, struct err *e)
{
    BIO *bio = BIO_new_mem_buf(file->data.data ? file->data.data : "", (int)file->data.len);
    X509 *ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, (void *)"") : NULL;
    bool is_ok = ca != NULL;
    while (ca) {
        is_ok = is_ok && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1;
        X509_free(ca);
        ca = PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
    }
    BIO_free(bio);
    is_ok = is_ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!is_ok)
        return err_set(e, ERR_INVALID, "%s: the authorities' certificates (PEM) cannot be read",
                       file->path);
    return 0;
}

static int set_authorities(SSL_CTX *ctx, const struct config_file *file, struct err *e)
{
    if (file && file->path)
        return read_authorities(ctx, file, e);
    if (SSL_CTX_set_default_verify_paths(ctx) != 1)
        return err_set(e, ERR_SYSTEM, "the system's authorities cannot be read");
    return 0;
}

static int set_certificate(SSL_CTX *ctx, const struct tls_client_files *files, struct err *e)
{
    struct tls_certificate certificate;
    if (!files->cert || !files->cert->path)
        return 0;
    struct config_certificate config = { .cert = *files->cert, .key = *files->key };
    int rc = tls_certificate_init(&certificate, &config, e);
    if (rc)
        return rc;
    if (SSL_CTX_use_cert_and_key(ctx, certificate.leaf, certificate.key, certificate.chain, 1) != 1)
        rc = err_set(e, ERR_INVALID, "%s: OpenSSL refuses this certificate", files->cert->path);
    ERR_clear_error();
    tls_certificate_fini(&certificate);
    return rc;
}

SSL_CTX *tls_client_context(const struct tls_client_files *files, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        err_set(e, ERR_NO_MEMORY, "OpenSSL cannot make a context");
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (set_authorities(ctx, files->ca, e) || set_certificate(ctx, files, e)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* RFC 6066 3: addresses are not sent as server names. */
static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *tls_client_ssl(SSL_CTX *ctx, const char *name)
{
    SSL *ssl = SSL_new(ctx);
    if (ssl && expect_name(ssl, name))
        return ssl;
    SSL_free(ssl);
    return NULL;
}
