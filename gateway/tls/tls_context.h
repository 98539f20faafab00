/* What a TLS listener needs to shake hands: certificates chosen by server name, and one policy.
 *
 * Names come from the certificates' subjectAltName, exact or wildcard; exact wins. All certificates
 * that cover a name serve it, one for each kind of key (ECDSA, RSA, Ed25519), the first of a kind;
 * a client without a server name, or with one that nobody covers, gets the first certificate.
 *
 * Policy: TLS 1.2 (ECDHE with AEAD only) and 1.3, X25519 first, no renegotiation, no compression,
 * no early data, no session cache; one ticket, bound to the names, the oldest version and the rule
 * for client certificates (not to certificate bytes, which change while sessions live, nor to a
 * listener's address, which differs from node to node), so that a session resumes only where it
 * could have been made (CVE-2025-23419).
 *
 * Immutable. The reference count is that of an SSL_CTX inside, and each SSL object holds one of
 * these references too: what handshakes need lives as long as the last connection. */
#ifndef TLS_TLS_CONTEXT_H
#define TLS_TLS_CONTEXT_H

#include "common/err.h"
#include "config/config.h"
#include "tls/tls_tickets.h"

#include <openssl/ssl.h>

struct tls_context;

/* Protocols for ALPN as they go over the wire (RFC 7301 3.1), the preferred one first. */
#define TLS_CONTEXT_ALPN_HTTP1 SLICE("\x08http/1.1")
#define TLS_CONTEXT_ALPN_HTTP2 SLICE("\x02h2\x08http/1.1")

/* Copies what it needs of `config` and `alpn`. `tickets` is borrowed and must outlive all
 * connections; NULL: no tickets, for checking a configuration. NULL on failure, with a sentence in
 * `e`. */
struct tls_context *tls_context_new(const struct config_tls *config, struct slice alpn,
                                    const struct tls_tickets *tickets, struct err *e) MUST_CHECK;
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context **c); /* NULL-safe; *c is NULL after */

/* A server-side object before its handshake, without BIOs; free it with SSL_free(). NULL when
 * memory is out. */
SSL *tls_context_new_ssl(struct tls_context *c) MUST_CHECK;

/* Whether connections are to leave OpenSSL after the handshake (tls_stream_want_records). */
bool tls_context_wants_records(const struct tls_context *c);

/* Frees what `ssl` needed for the handshake only (the stapled response). */
void tls_context_handshake_done(SSL *ssl);

#endif
