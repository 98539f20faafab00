/* One TLS 1.3 connection of peer-client: it shakes hands, asks, and reads one answer after the
 * other. epoll tells of each change once (EPOLLET), whereupon connection_advance() goes as far as
 * it can.
 *
 * The connections belong to the client, in an array that does not move; each owns its socket, its
 * TLS state and the newest session ticket. An answer other than 200 is a lost connection. */
#ifndef PEERS_CONNECTION_H
#define PEERS_CONNECTION_H

#include "common/list.h"

#include <llhttp.h>
#include <openssl/ssl.h>

/* What all connections have in common. */
struct connection_plan {
    SSL_CTX *tls;
    int epoll;
    uint16_t port; /* on 127.0.0.1 */
    const char *request;
    size_t request_len;
    bool closes; /* the request asks for it: an answer is over when the server has closed */
};

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_CONNECTING,
    CONNECTION_SHAKING_HANDS,
    CONNECTION_OPEN,
    CONNECTION_AT_REST, /* TLS state freed, socket open: a user who does nothing */
};

enum connection_event {
    CONNECTION_NOTHING,
    CONNECTION_READY, /* may ask */
    CONNECTION_ANSWERED,
    CONNECTION_LOST, /* failed, refused or closed; to be closed by the caller */
};

struct connection {
    const struct connection_plan *plan; /* borrowed */
    SSL *ssl;                           /* owned; NULL before the handshake and at rest */
    SSL_SESSION *session;               /* owned; NULL while there is none */
    llhttp_t parser;
    uint64_t due_us;   /* the client's own: when the question was to be asked, */
    struct list spare; /* and the list of those that wait for one */
    int fd;
    enum connection_state state;
    bool is_answered;
};

/* TLS 1.3, nobody verified. With `resumes` each connection keeps its newest ticket, for the next
 * handshake. NULL when OpenSSL fails. */
SSL_CTX *connection_tls(bool resumes) MUST_CHECK;

void connection_init(struct connection *c, const struct connection_plan *plan);
/* Begins to connect, from an address that `number` chooses. False: there is no socket to be had. */
bool connection_open(struct connection *c, size_t number) MUST_CHECK;
/* To be called when epoll tells of this connection. */
enum connection_event connection_advance(struct connection *c) MUST_CHECK;
bool connection_is_resumed(const struct connection *c);
/* Sends the request; false when the connection is lost. Only when ready, or answered and open. */
bool connection_ask(struct connection *c) MUST_CHECK;
/* Frees all but the socket. */
void connection_rest(struct connection *c);
/* The ticket stays, for connection_open(). Harmless when closed. */
void connection_close(struct connection *c);
/* Closes and forgets the ticket. */
void connection_fini(struct connection *c);

#endif
