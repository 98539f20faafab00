/* The record layer of TLS 1.3 after the handshake (RFC 8446 4.6.3, 5, 6), of one connection: bytes
 * in, plaintext and events out, no I/O. It begins with what tls/handoff.h takes out of a finished
 * handshake. RECORD.md says what it refuses and with which alert.
 *
 * At rest it owns nothing but itself; a record that has come in part is kept beside it. Secrets are
 * wiped when keys change and at record_fini(). */
#ifndef TLS_RECORD_H
#define TLS_RECORD_H

#include "common/slice.h"
#include "tls/record_cipher.h"

#define RECORD_PLAIN_MAX_BYTES (1 << 14)                                 /* of one record (5.1) */
#define RECORD_BODY_MAX_BYTES (RECORD_PLAIN_MAX_BYTES + 256)             /* sealed (5.2) */
#define RECORD_OVERHEAD_BYTES (RECORD_HEAD_BYTES + 1 + RECORD_TAG_BYTES) /* of what we seal */
#define RECORD_KEY_UPDATE_BYTES 5
/* What one call of record_seal() makes at most. */
#define RECORD_SEALED_MAX_BYTES                                                                    \
    (RECORD_OVERHEAD_BYTES + RECORD_KEY_UPDATE_BYTES + RECORD_OVERHEAD_BYTES +                     \
     RECORD_PLAIN_MAX_BYTES)

/* Records that one key protects before we change it. RFC 8446 5.5 allows AES-GCM 2^24.5 of the
 * largest size, and more to ChaCha20-Poly1305. */
#define RECORD_KEY_LIFETIME ((uint64_t)1 << 23)

/* RFC 8446 6, those that are used here. */
enum record_alert {
    RECORD_ALERT_CLOSE_NOTIFY = 0,
    RECORD_ALERT_UNEXPECTED_MESSAGE = 10,
    RECORD_ALERT_BAD_RECORD_MAC = 20,
    RECORD_ALERT_RECORD_OVERFLOW = 22,
    RECORD_ALERT_ILLEGAL_PARAMETER = 47,
    RECORD_ALERT_DECODE_ERROR = 50,
    RECORD_ALERT_PROTOCOL_VERSION = 70,
    RECORD_ALERT_INTERNAL_ERROR = 80,
    RECORD_ALERT_USER_CANCELED = 90,
    RECORD_ALERT_NONE = 255, /* nothing is to be said: the peer has said it */
};

enum record_event {
    RECORD_NEED_INPUT, /* all that came is used up */
    RECORD_NEED_ROOM,  /* take the plaintext, and call again */
    RECORD_END,        /* close_notify: the peer sends no more */
    RECORD_FAILED,     /* send r->alert, and end the connection */
};

struct record_stash;

struct record {
    struct record_keys read, write;
    struct record_stash *stash; /* owned; the beginning of a record; NULL at rest */
    uint16_t plain_max;         /* of one record, either way: RFC 6066 4 may lower it */
    uint16_t silent;            /* key updates, less the records with data since */
    uint8_t empty, canceled;    /* in a row */
    uint8_t suite;              /* enum record_suite */
    uint8_t alert;              /* enum record_alert; what RECORD_FAILED is about */
    uint8_t message[RECORD_KEY_UPDATE_BYTES], message_bytes; /* a handshake message in pieces */
    bool update_owed; /* the peer has asked for new keys of ours */
};

/* Idle connections have one each. */
static_assert(sizeof(struct record) <= 240, "a record layer at rest has become larger");

/* What a handshake leaves behind. */
struct record_start {
    enum record_suite suite;
    uint8_t client_secret[RECORD_SECRET_MAX_BYTES], server_secret[RECORD_SECRET_MAX_BYTES];
    uint64_t server_sequence; /* records that the server has sent under its secret (tickets) */
    uint16_t plain_max;
};

/* Where plaintext goes; `size` at least RECORD_BODY_MAX_BYTES. */
struct record_plain {
    char *data;
    size_t len, size;
};

/* The server's side. ERR_NO_MEMORY when OpenSSL fails. */
int record_init(struct record *r, struct record_engine *e,
                const struct record_start *start) MUST_CHECK;
/* Wipes all. */
void record_fini(struct record *r, struct record_engine *e);

/* Opens what has come, and adds its plaintext to `plain`, which is to be taken before the event
 * is heeded. Not to be called after RECORD_END or RECORD_FAILED. */
enum record_event record_read(struct record *r, struct record_engine *e, struct slice *input,
                              struct record_plain *plain) MUST_CHECK;

/* Seals the beginning of `data`, which is not empty, as one record, and steps over it; before it
 * goes a KeyUpdate if one is due. Returns how many bytes of `out` (RECORD_SEALED_MAX_BYTES) are to
 * be sent; 0: OpenSSL has failed, and nothing more can be sent. */
size_t record_seal(struct record *r, struct record_engine *e, struct slice *data,
                   uint8_t *out) MUST_CHECK;
/* The same for an alert. */
size_t record_seal_alert(struct record *r, struct record_engine *e, enum record_alert alert,
                         uint8_t *out) MUST_CHECK;

#endif
