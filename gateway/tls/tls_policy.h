/* How we speak TLS, whoever we are: versions, cipher suites, curves, options (RFC 9325). */
#ifndef TLS_TLS_POLICY_H
#define TLS_TLS_POLICY_H

#include "common/err.h"
#include "config/config_listener.h"

#include <openssl/ssl.h>

/* What the sites of a listener have in common; the caller's. NULL, and *e says why, when this
 * OpenSSL cannot. */
SSL_CTX *tls_policy_new_ctx(const struct config_tls *config, struct err *e);

#endif
