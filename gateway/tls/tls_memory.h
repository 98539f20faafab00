/* SSL_free() leaves a connection's traffic secrets in the memory that it frees; whoever reads a
 * process's memory later would find them, long after the connection has ended or changed its keys.
 * Here that memory is wiped first. Only there: most of what OpenSSL frees in a handshake is no
 * secret, and wiping all of it costs each handshake some percent. */
#ifndef TLS_TLS_MEMORY_H
#define TLS_TLS_MEMORY_H

#include <openssl/types.h>

/* First of all in a process: before OpenSSL allocates anything. */
void tls_memory_init(void);

/* SSL_free(), and nothing of it stays in memory. `ssl` may be NULL. */
void tls_memory_free_connection(SSL *ssl);

#endif
