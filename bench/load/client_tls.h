/* TLS 1.3 for all connections of one generator: OpenSSL does the protocol, without a socket.
 *
 * One BIO serves every SSL object, for all that it would keep for each is where the bytes of the
 * current event are: `input` is what OpenSSL reads, `output` what it has written. So a connection
 * at rest owns its SSL object and nothing else.
 *
 * Tickets go into one ring for all: a person who resumes takes the newest, and nobody takes it
 * again (RFC 8446 C.4), but for the last one: a server that hands out no new tickets to those who
 * resume shall not change how many do. */
#ifndef LOAD_CLIENT_TLS_H
#define LOAD_CLIENT_TLS_H

#include "common/buf.h"
#include "common/err.h"
#include "common/slice.h"

#include <openssl/ssl.h>

#define CLIENT_TLS_SESSIONS 256
#define CLIENT_TLS_OUTPUT_BYTES (4 * 1024 * 1024)

struct client_tls {
    SSL_CTX *context;   /* owned */
    BIO_METHOD *method; /* owned */
    BIO *bio;           /* owned */
    struct slice input;
    struct buf output;
    SSL_SESSION *sessions[CLIENT_TLS_SESSIONS]; /* owned; the oldest is overwritten */
    uint32_t session_count, newest;
};

struct client_tls_wish {
    const char *server_name; /* SNI, and the name in the certificate if that is checked */
    bool http2;              /* offered beside HTTP/1.1 */
    bool resume;             /* if there is a ticket left */
};

/* `ca_path` NULL: certificates are not checked. Negative ERR_INVALID with a sentence in `e`. */
int client_tls_init(struct client_tls *t, const char *ca_path, struct err *e) MUST_CHECK;
void client_tls_fini(struct client_tls *t);

/* Never NULL: lack of memory ends the process. */
SSL *client_tls_new(struct client_tls *t, const struct client_tls_wish *wish);
/* Leaves the session fit to be resumed, however the connection ended. */
void client_tls_free(SSL **ssl);

#endif
