#include "bench/load/client_tls.h"

#include "common/log.h"

#include <openssl/err.h>
#include <stdlib.h>

static int bio_read(BIO *bio, char *out, int len)
{
    struct client_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->input.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = MIN((size_t)len, t->input.len);
    memcpy(out, t->input.data, n);
    t->input = slice_from(t->input, n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct client_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buf_append(&t->output, data, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* OpenSSL calls this for each ticket; 1 keeps the reference. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct client_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    t->newest = (t->newest + 1) % CLIENT_TLS_SESSIONS;
    SSL_SESSION_free(t->sessions[t->newest]);
    t->sessions[t->newest] = session;
    t->session_count = MIN(t->session_count + 1, CLIENT_TLS_SESSIONS);
    return 1;
}

/* NULL when there is none; otherwise a reference for the caller. */
static SSL_SESSION *take_session(struct client_tls *t)
{
    SSL_SESSION *session = t->sessions[t->newest];
    if (t->session_count <= 1) /* OpenSSL spoils a session that it has used */
        return session ? SSL_SESSION_dup(session) : NULL;
    t->sessions[t->newest] = NULL;
    t->newest = (t->newest + CLIENT_TLS_SESSIONS - 1) % CLIENT_TLS_SESSIONS;
    t->session_count--;
    return session;
}

static void init_bio(struct client_tls *t)
{
    t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "event");
    BIO_meth_set_read(t->method, bio_read);
    BIO_meth_set_write(t->method, bio_write);
    BIO_meth_set_ctrl(t->method, bio_ctrl);
    t->bio = BIO_new(t->method);
    BIO_set_init(t->bio, 1);
    BIO_set_data(t->bio, t);
}

int client_tls_init(struct client_tls *t, const char *ca_path, struct err *e)
{
    *t = (struct client_tls){ .context = SSL_CTX_new(TLS_client_method()) };
    buf_init(&t->output, CLIENT_TLS_OUTPUT_BYTES);
    init_bio(t);
    SSL_CTX_set_app_data(t->context, t);
    SSL_CTX_set_min_proto_version(t->context, TLS1_3_VERSION);
    SSL_CTX_set_mode(t->context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(t->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(t->context, on_ticket);
    if (!ca_path)
        return 0;
    SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(t->context, ca_path, NULL) == 1)
        return 0;
    return err_set(e, ERR_INVALID, "%s: no certificates could be read from it", ca_path);
}

void client_tls_fini(struct client_tls *t)
{
    for (size_t i = 0; i < CLIENT_TLS_SESSIONS; i++)
        SSL_SESSION_free(t->sessions[i]);
    SSL_CTX_free(t->context);
    BIO_free(t->bio);
    BIO_meth_free(t->method);
    buf_fini(&t->output);
    *t = (struct client_tls){ 0 };
}

SSL *client_tls_new(struct client_tls *t, const struct client_tls_wish *wish)
{
    static const unsigned char both[] = "\2h2\10http/1.1";
    SSL *ssl = SSL_new(t->context);
    if (!ssl) {
        log_write(LOG_ERROR, "OpenSSL cannot make another connection; this generator stops");
        abort();
    }
    BIO_up_ref(t->bio);
    SSL_set0_rbio(ssl, t->bio);
    BIO_up_ref(t->bio);
    SSL_set0_wbio(ssl, t->bio);
    SSL_set_connect_state(ssl);
    SSL_set_tlsext_host_name(ssl, wish->server_name);
    if (SSL_CTX_get_verify_mode(t->context) != SSL_VERIFY_NONE)
        SSL_set1_host(ssl, wish->server_name);
    if (wish->http2)
        SSL_set_alpn_protos(ssl, both, sizeof(both) - 1);
    SSL_SESSION *session = wish->resume ? take_session(t) : NULL;
    if (session)
        SSL_set_session(ssl, session);
    SSL_SESSION_free(session);
    return ssl;
}

void client_tls_free(SSL **ssl)
{
    if (!*ssl)
        return;
    SSL_set_shutdown(*ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(*ssl);
    *ssl = NULL;
}
