/* A TLS client and server of OpenSSL's in one process, shaking hands in memory. */
#ifndef FAKES_FAKE_HANDSHAKE_H
#define FAKES_FAKE_HANDSHAKE_H

#include "common/slice.h"
#include "tests/fakes/fake_pki.h"

#include <openssl/ssl.h>

struct fake_client {
    int version;
    const char *server_name; /* NULL: sends none */
    const char *signatures;  /* what it understands, as OpenSSL writes it; NULL: all */
    const struct fake_certificate *certificate;
    SSL_SESSION *session; /* to resume */
};

#define FAKE_CLIENT(v, name, ...)                                                                  \
    ((struct fake_client){ .version = (v), .server_name = (name), __VA_ARGS__ })

struct fake_handshake {
    SSL *client, *server; /* owned */
    bool client_done, server_done;
    int client_error, server_error; /* OpenSSL's reason codes; 0: none */
};

/* Takes over `server`. The client trusts every server. */
void fake_handshake_init(struct fake_handshake *h, SSL *server, struct fake_client client);
void fake_handshake_fini(struct fake_handshake *h);

/* Runs until both are done or one has failed; true when both are done. Then a byte goes to the
 * client, so that it reads its tickets. */
bool fake_handshake_run(struct fake_handshake *h);
/* The same, but in the client's first flight `from` is replaced by `to`, of equal length. */
bool fake_handshake_run_patched(struct fake_handshake *h, struct slice from, struct slice to);

/* What the client may resume with; NULL when it was given nothing. The caller's to free. */
SSL_SESSION *fake_handshake_session(const struct fake_handshake *h);

#endif
