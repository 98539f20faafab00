/* A tls_stream over a stream without a socket, with a client of OpenSSL's at the other end. What
 * the stream tells its handler is noted. A client that fails where it must not aborts. */
#ifndef FAKES_FAKE_TLS_H
#define FAKES_FAKE_TLS_H

#include "fakes/fake_handshake.h"
#include "fakes/fake_stream.h"
#include "tls/tls_stream.h"

struct fake_tls {
    struct loop loop;
    struct fake_stream lower;
    struct tls_engine engine;
    struct tls_stream stream;
    struct fake_handshake peer; /* only its client: the server is the stream's */
    char events[64]; /* Open, Data (once for all in a row), End, Blocked, dRained, Closed */
    int status;      /* of the last on_end */
    char data[256 * 1024];
    size_t data_len;
    bool close_on_open, close_on_data; /* what the handler does then */
};

/* Takes over `server`. */
void fake_tls_init(struct fake_tls *f, SSL *server, struct fake_client client);
/* Ends the stream, if it has not ended, and delivers on_closed. */
void fake_tls_fini(struct fake_tls *f);

/* The client's bytes come in pieces of `step`. */
void fake_tls_shake_hands(struct fake_tls *f, size_t step);

/* The client writes; fake_tls_deliver() brings what it has written, in pieces of `step` bytes,
 * until the stream takes no more. */
void fake_tls_write(struct fake_tls *f, struct slice data);
void fake_tls_deliver(struct fake_tls *f, size_t step);
/* Both, at once. */
void fake_tls_say(struct fake_tls *f, struct slice data);
void fake_tls_update_keys(struct fake_tls *f);

/* What the client can read now of what the stream has sent; true when it is just this. */
bool fake_tls_reads(struct fake_tls *f, struct slice expected);
/* The stream has said goodbye to the client. */
bool fake_tls_has_close_notify(struct fake_tls *f);

#endif
