/* Session ticket keys (RFC 5077, RFC 8446 4.6.1), shared by all workers through shared memory, so
 * that a session resumes wherever its next connection lands.
 *
 * One process writes (tls_tickets_init, tls_tickets_rotate, tls_tickets_set), all others read. A
 * reader is never kept waiting: there are two copies, `turn` says which one counts, and the writer
 * fills the other one before it moves `turn`. A writer that is killed on the way leaves the old
 * keys in force. A reader that finds no keys (none made yet, or rotation after rotation under its
 * hands) makes do without: the handshake is a full one.
 *
 * Tickets are sealed with AES-256-CBC and HMAC-SHA-256 under the current key. The next key opens
 * too (another node may be a rotation ahead), and so do the two before: a ticket made just before
 * a rotation is good for two more periods. The shared section must be zeroed at first.
 *
 * Nodes that share keys keep them in Redis, sealed (tls_ticket_keys_seal), or are given the same
 * file of TLS_TICKETS_KEY_BYTES for each slot, in the order of the slots: name, cipher key, MAC
 * key.
 */
#ifndef TLS_TLS_TICKETS_H
#define TLS_TLS_TICKETS_H

#include "common/err.h"
#include "common/slice.h"

#include <openssl/ssl.h>

#define TLS_TICKETS_SECTION_BYTES 1024 /* what the shared memory keeps for us */
#define TLS_TICKETS_KEY_BYTES 80

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

enum tls_tickets_source {
    TLS_TICKETS_OWN,    /* made by this node */
    TLS_TICKETS_SHARED, /* agreed on with other nodes */
    TLS_TICKETS_FILE,   /* the operators' */
};

#define TLS_TICKETS_WORDS (sizeof(struct tls_ticket_keys) / sizeof(uint64_t))

struct tls_tickets {
    /* The keeper's: */
    _Atomic uint64_t period;     /* which rotation period the keys are of; 0: not known */
    _Atomic uint64_t generation; /* counts the rotations that nodes agreed on; 0: none yet */
    _Atomic uint64_t source;     /* enum tls_tickets_source */
    _Atomic uint64_t since_ms;   /* wall clock: when the current key came into use */

    _Atomic uint64_t turn; /* copies[turn % 2] counts; 0: there are no keys yet */
    _Atomic uint64_t copies[2][TLS_TICKETS_WORDS];
};

_Static_assert(sizeof(struct tls_ticket_key) == TLS_TICKETS_KEY_BYTES, "without gaps");
_Static_assert(sizeof(struct tls_ticket_keys) % sizeof(uint64_t) == 0, "copied in words");
_Static_assert(sizeof(struct tls_tickets) <= TLS_TICKETS_SECTION_BYTES, "the section is too small");

/* New keys in every slot: no ticket made before opens any more. */
void tls_tickets_init(struct tls_tickets *t);
/* Every key moves one slot on; the oldest is forgotten. */
void tls_tickets_rotate(struct tls_tickets *t);
/* These and no others. */
void tls_tickets_set(struct tls_tickets *t, const struct tls_ticket_keys *keys);

/* A consistent copy, to be wiped after use. False: no keys. */
bool tls_tickets_read(const struct tls_tickets *t, struct tls_ticket_keys *keys) MUST_CHECK;

/* The same rotation, of a copy. */
void tls_ticket_keys_rotate(struct tls_ticket_keys *keys);

/* AES-256-GCM under `key`, which seals nothing else; `context` is authenticated, not kept. */
#define TLS_TICKETS_SEALED_BYTES (sizeof(struct tls_ticket_keys) + 12 + 16)
void tls_ticket_keys_seal(const struct tls_ticket_keys *keys, const uint8_t key[32],
                          struct slice context, uint8_t out[TLS_TICKETS_SEALED_BYTES]);
/* False: sealed by somebody else, for another context, or changed since. */
bool tls_ticket_keys_unseal(struct tls_ticket_keys *keys, const uint8_t key[32],
                            struct slice context, struct slice sealed) MUST_CHECK;

/* Makes `ctx` use the keys in `t` (borrowed, for as long as `ctx` lives). */
int tls_tickets_attach(const struct tls_tickets *t, SSL_CTX *ctx, struct err *e) MUST_CHECK;

#endif
