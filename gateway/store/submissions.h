/* Submissions: at most one dispatch of a dossier for each idempotency key, for as long as the
 * record lives.
 *
 *   (none) --begin--> PENDING --sent--> DISPATCHED --complete--> COMPLETE
 *      ^                 |                   `--doubt, or lease over--> UNKNOWN
 *      `---- release, or lease over (never sent: whoever comes next takes over, fence + 1)
 *
 * Once it was sent, what is released stays as a PENDING one whose lease is over, so that no two
 * attempts that a backend may see have the same fence while the record lives.
 *
 * An UNKNOWN one can be taken over (fence + 1) where that is safe: the backend recognises the key,
 * or can be asked about it. It stays doubtful: then a release, or the end of the lease, makes it
 * UNKNOWN again.
 *
 * sent() is done only when its record would survive (embedded: the journal is on the disk; Redis:
 * it has answered), so it comes before the first byte to the backend. A record is never evicted:
 * when there is no room, begin() says FULL. */
#ifndef STORE_SUBMISSIONS_H
#define STORE_SUBMISSIONS_H

#include "common/digest.h"
#include "store/store.h"
#include "store/submission_journal.h"

#define SUBMISSION_HEAD_MAX (8 * 1024)
#define SUBMISSION_BODY_MAX (64 * 1024) /* a longer answer is complete, but not replayed whole */

enum submission_verdict {
    SUBMISSION_NEW,         /* begin: it is yours; fence and owner are set */
    SUBMISSION_BUSY,        /* somebody else is at it; retry_ms says how long at most */
    SUBMISSION_COMPLETE,    /* answered before: answer_* are set, in the operation's arena */
    SUBMISSION_MISMATCH,    /* the key was used for another payload */
    SUBMISSION_UNKNOWN,     /* it was dispatched, and nobody knows how it ended */
    SUBMISSION_NONE,        /* look: there is no such record */
    SUBMISSION_DONE,        /* sent, complete, release, doubt: it is recorded */
    SUBMISSION_LOST,        /* the same: the record is not this owner's any more */
    SUBMISSION_FULL,        /* no room for another record */
    SUBMISSION_UNAVAILABLE, /* the store cannot be asked */
};

enum submission_ends {
    SUBMISSION_ENDS_ANSWERED,
    SUBMISSION_ENDS_RELEASED,
    SUBMISSION_ENDS_IN_DOUBT,
};

/* For people, of a dispatch whose record may be lost (dispatches.h). */
struct submission_about {
    const char *reference, *route, *upstream;
    bool can_be_asked; /* the backend tells whether it has stored a key */
};

struct submission_op {
    struct store_op op;
    struct arena *arena;                  /* borrowed: for answers */
    uint8_t key[DIGEST_BYTES];            /* in: SHA-256 over user, route and idempotency key */
    uint8_t fingerprint[DIGEST_BYTES];    /* in of begin: over method, path and body */
    const struct submission_about *about; /* borrowed; NULL: a second dispatch does no harm */
    bool take_over;                       /* in of begin: an UNKNOWN one is to be NEW */
    uint64_t owner;                       /* out of begin, in of the others */
    uint32_t fence;                       /* out of begin, in of the others */
    bool doubtful;                        /* out of begin: NEW, but was dispatched before */
    bool unconfirmed;                     /* out of sent: no replica of Redis has it yet */
    uint32_t lease_ms;                    /* in of begin and sent: the owner's time, from now on */
    uint64_t ttl_ms;                      /* in of sent, complete and doubt: how long it stays */
    uint16_t status;                      /* in of complete, out of begin: the answer's */
    struct slice head, body;              /* likewise; head as "name: value\r\n" lines */
    bool whole;                           /* likewise: body is all of it */
    uint64_t since_ms;                    /* out of begin and look: wall clock of the dispatch */
    uint32_t retry_ms;                    /* out: BUSY */
    enum submission_verdict verdict;      /* out */

    /* The engine's. */
    struct store *store;
    struct journal_write write;
    struct answer_read *read;
    bool journalled; /* a dispatch may be in the journal */
    enum submission_ends ending;
};

enum store_result submissions_begin(struct store *s, struct submission_op *op);
enum store_result submissions_sent(struct store *s, struct submission_op *op);
enum store_result submissions_complete(struct store *s, struct submission_op *op);
/* Nothing was sent: as if it had never begun. */
enum store_result submissions_release(struct store *s, struct submission_op *op);
enum store_result submissions_doubt(struct store *s, struct submission_op *op);
/* For the status page: begins nothing, and brings no answer. */
enum store_result submissions_look(struct store *s, struct submission_op *op);

#endif
