#include "tests/fakes/fake_handshake.h"

#include <openssl/err.h>
#include <stdlib.h>

#define ROUNDS_MAX 20
#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static SSL *new_client(const struct fake_client *client)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    REQUIRE(ssl);
    SSL_CTX_free(ctx);
    SSL_set_security_level(ssl, 0);
    SSL_set_min_proto_version(ssl, client->version);
    SSL_set_max_proto_version(ssl, client->version);
    SSL_set_connect_state(ssl);
    if (client->server_name)
        REQUIRE(SSL_set_tlsext_host_name(ssl, client->server_name));
    if (client->signatures)
        REQUIRE(SSL_set1_sigalgs_list(ssl, client->signatures));
    if (client->certificate) {
        REQUIRE(SSL_use_certificate(ssl, client->certificate->x509));
        REQUIRE(SSL_use_PrivateKey(ssl, client->certificate->key));
    }
    if (client->session)
        REQUIRE(SSL_set_session(ssl, client->session));
    return ssl;
}

void fake_handshake_init(struct fake_handshake *h, SSL *server, struct fake_client client)
{
    *h = (struct fake_handshake){ .client = new_client(&client), .server = server };
    BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
    REQUIRE(h->server && to_server && to_client);
    BIO_set_mem_eof_return(to_server, -1);
    BIO_set_mem_eof_return(to_client, -1);
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(h->client, to_client, to_server);
    SSL_set_bio(h->server, to_server, to_client);
}

void fake_handshake_fini(struct fake_handshake *h)
{
    SSL_set_shutdown(h->client, SSL_SENT_SHUTDOWN); /* else its session may not be resumed */
    SSL_free(h->client);
    SSL_free(h->server);
    *h = (struct fake_handshake){ 0 };
}

static void step(SSL *ssl, bool *is_done, int *error)
{
    if (*is_done || *error)
        return;
    ERR_clear_error();
    int rc = SSL_do_handshake(ssl);
    int why = SSL_get_error(ssl, rc);
    *is_done = rc == 1;
    if (rc != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        *error = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
}

/* With TLS 1.3 the client is done before the server has judged it: the byte tells. */
static void read_byte(struct fake_handshake *h)
{
    char byte = 'x';
    REQUIRE(SSL_write(h->server, &byte, 1) == 1);
    REQUIRE(SSL_read(h->client, &byte, 1) == 1);
}

bool fake_handshake_run(struct fake_handshake *h)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        step(h->client, &h->client_done, &h->client_error);
        step(h->server, &h->server_done, &h->server_error);
    }
    if (h->client_done && h->server_error) { /* the alert has still to be read */
        char byte;
        h->client_done = SSL_read(h->client, &byte, 1) == 1;
        h->client_error = ERR_GET_REASON(ERR_peek_error());
        ERR_clear_error();
    }
    if (!h->client_done || !h->server_done)
        return false;
    read_byte(h);
    return true;
}

bool fake_handshake_run_patched(struct fake_handshake *h, struct slice from, struct slice to)
{
    char *data;
    step(h->client, &h->client_done, &h->client_error);
    long len = BIO_get_mem_data(SSL_get_wbio(h->client), &data);
    char *at = memmem(data, (size_t)len, from.data, from.len);
    REQUIRE(at && from.len == to.len);
    memcpy(at, to.data, to.len);
    return fake_handshake_run(h);
}

SSL_SESSION *fake_handshake_session(const struct fake_handshake *h)
{
    SSL_SESSION *session = SSL_get1_session(h->client);
    if (session && SSL_SESSION_is_resumable(session))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}
