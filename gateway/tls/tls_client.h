/* TLS, client side: connections to servers of our own that carry a certificate of an authority we
 * know. The server's name or address is verified, unless the context's owner turns that off. */
#ifndef TLS_TLS_CLIENT_H
#define TLS_TLS_CLIENT_H

#include "common/err.h"
#include "config/config_listener.h"

#include <openssl/ssl.h>

struct tls_client_files {
    const struct config_file *ca;         /* PEM; path NULL: the system's authorities */
    const struct config_file *cert, *key; /* PEM, to show to the server; path NULL: none */
};

/* NULL on failure, with a sentence in `e`. The caller's; SSL_CTX_free(). */
SSL_CTX *tls_client_context(const struct tls_client_files *files, struct err *e) MUST_CHECK;

/* For one connection to a server that must prove to be `name`: a DNS name, or an address. NULL when
 * memory is out. Goes to tls_stream_init(). */
SSL *tls_client_ssl(SSL_CTX *ctx, const char *name) MUST_CHECK;

#endif
