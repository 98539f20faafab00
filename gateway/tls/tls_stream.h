/* TLS, of either side, as a stream on top of another one. OpenSSL does the protocol; its input and
 * output pass through the loop's shared buffers, so that it needs none of its own while at rest.
 *
 * One `struct tls_engine` a loop holds the BIO that all its TLS streams share (OpenSSL wants one
 * per connection; all that it would keep is where the bytes of the current event are). */
#ifndef TLS_TLS_STREAM_H
#define TLS_TLS_STREAM_H

#include "net/stream.h"

#include <openssl/ssl.h>

struct tls_engine {
    BIO_METHOD *method;   /* owned */
    BIO *bio;             /* owned */
    struct slice input;   /* ciphertext of the current event, not read yet */
    struct stream *lower; /* where the current operation writes to */
};

/* Aborts when memory is out: a process has one. */
void tls_engine_init(struct tls_engine *e);
void tls_engine_fini(struct tls_engine *e);

struct tls_stream {
    struct stream base;
    struct stream *lower;      /* borrowed: its owner is ours too */
    struct tls_engine *engine; /* borrowed */
    SSL *ssl;                  /* owned; NULL once closing */
    struct defer failure;      /* tells the handler of a failed write outside the write */
    uint32_t silent_bytes;     /* input that held no data, less the data since */
    bool open, end_told, failure_told, shut;
};

/* Takes over the lower stream's handler, and `ssl`, an SSL object in its first state; which side it
 * is follows from its context's method. A client shakes hands when the lower stream tells on_open.
 * on_open comes when the handshake is complete, on_end(ERR_INVALID) when it fails. */
void tls_stream_init(struct tls_stream *t, struct stream *lower, struct tls_engine *engine,
                     SSL *ssl);

#endif
