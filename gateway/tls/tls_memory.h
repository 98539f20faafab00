/* What OpenSSL gives back is wiped first. SSL_free() leaves a connection's traffic secrets in the
 * memory that it frees; whoever reads a process's memory later would find them, long after the
 * connection has ended or changed its keys. */
#ifndef TLS_TLS_MEMORY_H
#define TLS_TLS_MEMORY_H

/* First of all in a process: before OpenSSL allocates anything. */
void tls_memory_init(void);

#endif
