/* A TLS client and server of OpenSSL's in one process, shaking hands in memory. */
#ifndef FAKES_FAKE_HANDSHAKE_H
#define FAKES_FAKE_HANDSHAKE_H

#include "common/slice.h"

#include <openssl/ssl.h>

struct fake_handshake {
    SSL *client, *server; /* owned */
    bool client_done, server_done;
    unsigned long client_error, server_error; /* OpenSSL's reason codes; 0: none */
};

/* A client that trusts every server. Free it with SSL_CTX_free(). */
SSL_CTX *fake_client_ctx(int min_version, int max_version);

/* Takes over `server`. `server_name` may be NULL. */
void fake_handshake_init(struct fake_handshake *h, SSL *server, SSL_CTX *client,
                         const char *server_name);
void fake_handshake_fini(struct fake_handshake *h);

/* Runs until both are done or one has failed; true when both are done. Then a byte goes to the
 * client, so that it reads its tickets. */
bool fake_handshake_run(struct fake_handshake *h);
/* The same, but the client's first flight has `from` (found once) replaced by `to`, of equal length. */
bool fake_handshake_run_patched(struct fake_handshake *h, struct slice from, struct slice to);

/* What the client may resume with; NULL when it was given nothing. The caller's to free. */
SSL_SESSION *fake_handshake_session(const struct fake_handshake *h);

#endif
