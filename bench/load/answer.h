/* The answer to one request, as it comes in, and whether it is the right one. Sans I/O: HTTP/1.1
 * and HTTP/2 both report here.
 *
 * Right means: the status that the step calls for; a body that is not empty and complete; where the
 * server names a SHA-256, of what it sent or of what it received, the true one; for a dossier, a
 * receipt. */
#ifndef LOAD_ANSWER_H
#define LOAD_ANSWER_H

#include "bench/load/request.h"
#include "bench/measure/results.h"

#define ANSWER_START_BYTES 512 /* of the body: enough for the JSON that says what was received */

/* What reading a connection comes to. */
enum answer_progress {
    ANSWER_MORE,
    ANSWER_DONE,
    ANSWER_LAST, /* done, and nothing else can be asked on this connection */
    ANSWER_CUT,  /* the server gave up on it */
    ANSWER_BAD,  /* not HTTP, or nothing that was asked for */
};

struct answer {
    unsigned status;
    bool began;                           /* at least one byte of it is here */
    bool invites;                         /* Retry-After: to ask again later */
    char receipt[LEDGER_RECEIPT_MAX + 1]; /* X-Receipt, or "" */
    char sha256[NODE_DIGEST_LEN + 1];     /* X-SHA256, or "" */
    char **cookies;     /* borrowed: where Set-Cookie goes; NULL: they are not kept */
    EVP_MD_CTX *digest; /* owned; runs while hashing */
    bool hashing;
    uint64_t body_bytes;
    char start[ANSWER_START_BYTES]; /* of the body */
    size_t start_len;
};

/* `a` is zeroed or was used before. */
void answer_reset(struct answer *a, char **cookies);
void answer_fini(struct answer *a);

/* An interim answer is followed by another status. */
void answer_status(struct answer *a, unsigned status);
void answer_header(struct answer *a, struct slice name, struct slice value);
void answer_body(struct answer *a, struct slice bytes);

/* Of a complete answer: RESULTS_ERROR_COUNT when it is right. */
enum results_error answer_judge(struct answer *a, const struct request *r);
/* Whether the same request might fare better later: the answer was lost, or said so (5xx; 409, for
 * another attempt is under way; 429). */
bool answer_may_change(const struct answer *a, enum results_error error);

#endif
