/* Session ticket keys (RFC 5077, RFC 8446 4.6.1), shared by all workers through shared memory, so
 * that a session resumes wherever its next connection lands.
 *
 * One process writes (tls_tickets_init and tls_tickets_rotate), all others read. A reader is never
 * kept waiting: there are two copies, `turn` says which one counts, and the writer fills the other
 * one before it moves `turn`. A writer that is killed on the way leaves the old keys in force. A
 * reader that finds no keys (none made yet, or rotation after rotation under its hands) makes do
 * without: the handshake is a full one.
 *
 * Tickets are sealed with AES-256-CBC and HMAC-SHA-256 under the current key. The next key opens
 * too (another node may be a rotation ahead), and so do the two before: a ticket made just before
 * a rotation is good for two more periods. The shared section must be zeroed at first. */
#ifndef TLS_TLS_TICKETS_H
#define TLS_TLS_TICKETS_H

#include "common/err.h"

#include <openssl/ssl.h>

#define TLS_TICKETS_SECTION_BYTES 1024 /* what the shared memory keeps for us */

struct tls_ticket_key {
    uint8_t name[16];
    uint8_t cipher_key[32];
    uint8_t mac_key[32];
};

enum tls_ticket_slot {
    TLS_TICKET_NEXT, /* opens only */
    TLS_TICKET_CURRENT,
    TLS_TICKET_PREVIOUS,
    TLS_TICKET_OLDEST,
    TLS_TICKET_SLOTS,
};

struct tls_ticket_keys {
    struct tls_ticket_key slots[TLS_TICKET_SLOTS];
};

#define TLS_TICKETS_WORDS (sizeof(struct tls_ticket_keys) / sizeof(uint64_t))

struct tls_tickets {
    _Atomic uint64_t period; /* the keeper's: which rotation period the keys are of; 0: not known */
    _Atomic uint64_t turn;   /* copies[turn % 2] counts; 0: there are no keys yet */
    _Atomic uint64_t copies[2][TLS_TICKETS_WORDS];
};

_Static_assert(sizeof(struct tls_ticket_keys) % sizeof(uint64_t) == 0, "copied in words");
_Static_assert(sizeof(struct tls_tickets) <= TLS_TICKETS_SECTION_BYTES, "the section is too small");

/* New keys in every slot: no ticket made before opens any more. */
void tls_tickets_init(struct tls_tickets *t);
/* Every key moves one slot on; the oldest is forgotten. */
void tls_tickets_rotate(struct tls_tickets *t);

/* A consistent copy, to be wiped after use. False: no keys. */
bool tls_tickets_read(const struct tls_tickets *t, struct tls_ticket_keys *keys) MUST_CHECK;

/* Makes `ctx` use the keys in `t` (borrowed, for as long as `ctx` lives). */
int tls_tickets_attach(const struct tls_tickets *t, SSL_CTX *ctx, struct err *e) MUST_CHECK;

#endif
