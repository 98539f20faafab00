/* What all TLS streams of a loop share, so that each owns next to nothing.
 *
 * OpenSSL wants a BIO for each connection; all that ours would keep is where the bytes of the
 * current event are, so one serves all: before OpenSSL is called, `lower` and `handoff` are set to
 * the connection's. The record layer's contexts and the buffer that it seals in are here too. */
#ifndef TLS_TLS_ENGINE_H
#define TLS_TLS_ENGINE_H

#include "net/stream.h"
#include "tls/handoff.h"

/* Of the handshake that has just been completed. */
struct tls_facts {
    const char *version; /* "TLSv1.3" */
    bool is_resumed;
    bool chose_http2; /* by ALPN */
};

struct tls_engine {
    BIO_METHOD *method;      /* owned */
    BIO *bio;                /* owned */
    struct slice input;      /* ciphertext of the current event, not read yet */
    struct stream *lower;    /* borrowed: where the current operation writes to */
    struct handoff *handoff; /* borrowed: told what OpenSSL writes; NULL: nobody */
    struct tls_facts facts;  /* during on_open */
    struct record_engine records;
    uint8_t sealed[RECORD_SEALED_MAX_BYTES];
};

/* Aborts when memory is out: a process has one. */
void tls_engine_init(struct tls_engine *e);
void tls_engine_fini(struct tls_engine *e);

#endif
