/* TLS, of either side, as a stream on top of another one. OpenSSL shakes hands. What comes after is
 * OpenSSL's too, or, where the owner wants it and the handshake was one of TLS 1.3, that of a
 * record layer of ours (RECORD.md); nobody above can tell them apart. Input and output pass through
 * the loop's shared buffers, so that neither needs any of its own while at rest. */
#ifndef TLS_TLS_STREAM_H
#define TLS_TLS_STREAM_H

#include "tls/tls_engine.h"

struct tls_stream {
    struct stream base;
    struct stream *lower;      /* borrowed: its owner is ours too; NULL before tls_stream_init() */
    struct tls_engine *engine; /* borrowed */
    SSL *ssl;                  /* owned; NULL once the record layer has taken over, or closing */
    struct handoff *handoff;   /* owned; during a handshake after which it may */
    struct record record;      /* while has_records */
    struct defer failure;      /* tells the handler of a failed write outside the write */
    uint32_t silent_bytes;     /* input that held no data, less the data since; OpenSSL's */
    bool open, has_records, detached, end_told, failure_told, shut;
};

/* Takes over the lower stream's handler, and `ssl`, an SSL object in its first state; which side it
 * is follows from its context's method. A client shakes hands when the lower stream tells on_open.
 * on_open comes when the handshake is complete, with engine->facts about it; on_end(ERR_INVALID)
 * when it fails. */
void tls_stream_init(struct tls_stream *t, struct stream *lower, struct tls_engine *engine,
                     SSL *ssl);

/* Wants the record layer of ours, before the first byte has come, of a server whose context allows
 * it (handoff_allow). */
void tls_stream_want_records(struct tls_stream *t);

#endif
