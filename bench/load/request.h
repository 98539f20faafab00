/* One request of a journey, before any protocol: method, target, header fields and body. Sans I/O.
 *
 * The target makes cong-bench node answer what the step needs (see `cong-bench node --help`); any
 * server that answers these paths likewise will do. A small body is text in the request itself, a
 * large one a run of the payload; its SHA-256 is always known before it is sent. */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include "bench/ledger/ledger.h"
#include "bench/load/payload.h"
#include "bench/scenario/scenario.h"

#define REQUEST_FIELDS_MAX 12
#define REQUEST_TARGET_BYTES 192
#define REQUEST_TEXT_BYTES 1024

/* What a request needs to know of who asks. */
struct request_person {
    enum scenario_user kind;
    const char *cookies; /* borrowed until the request is sent; NULL: none */
    const char *receipt; /* of the last dossier, or "" */
    const char *key;     /* the idempotency key, should this be a dossier */
    uint64_t session;    /* what a login sets */
    bool signs_in;       /* ... with the gateway, which keeps sessions; else in the node's cookie */
    uint32_t procedure;  /* that is read, and filed for */
    const char *province; /* whose office they turn to, which is part of the path; NULL: none */
};

struct request {
    enum scenario_step step;
    const char *method; /* static */
    char target[REQUEST_TARGET_BYTES];
    const char *cookies;                       /* borrowed; NULL: none */
    const char *agent, *accept, *content_type; /* static; content_type NULL: no body */
    char key[LEDGER_KEY_MAX + 1];              /* Idempotency-Key; "" when the step files nothing */
    struct node_digest digest;                 /* of the body */
    const struct payload *payload;             /* borrowed; NULL: the body is `text` */
    uint64_t body_bytes, sent_bytes;
    uint64_t allowed_bytes; /* of the body, so far: the pace of the sender's link */
    char text[REQUEST_TEXT_BYTES];
};

void request_make(struct request *r, enum scenario_step step, const struct request_person *person,
                  const struct payload *payload, struct random *random);

/* To be sent once more, as it is but for the cookies, which may have changed. */
void request_rewind(struct request *r, const char *cookies);

struct request_field {
    struct slice name, value; /* names in small letters, as HTTP/2 wants them */
};

/* All fields but the host; point into `r` and `digits` (room for 20). Returns how many. */
size_t request_fields(const struct request *r, struct request_field fields[REQUEST_FIELDS_MAX],
                      char digits[20]);

/* The next run of the body that may leave, at most `max` bytes: counts as sent. Empty when there is
 * none now, or none any more. */
struct slice request_next_piece(struct request *r, size_t max);

static inline bool request_is_sent(const struct request *r)
{
    return r->sent_bytes == r->body_bytes;
}

/* True for what ends with a receipt. */
static inline bool request_files(const struct request *r)
{
    return r->key[0] != '\0';
}

#endif
