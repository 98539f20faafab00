/* Submissions that this node has sent, and whose records are in Redis: kept here, too
 * (STORE_DISPATCHES), because Redis may lose them. It replicates when it has answered: a replica
 * that takes over lacks what was written last, and one that begins anew lacks everything. What is
 * missing there would be sent a second time.
 *
 *   sent() --note--> known <--listed-- put back       dispatches_keeper.c asks Redis about each,
 *                      `--Redis lacks it--> lost --'   puts back what it lacks, and lists it
 *                                             `--> sent again --listed--> (forgotten)
 *
 * A key of which this node knows is not sent by it as new, whatever Redis says: a second dispatch
 * is possible only through another node, before it has been put back.
 *
 * What a backend that stores a key once (dedup) was sent is not kept: another dispatch does no
 * harm. Bounded: what would expire first gives way, answered ones before those in doubt. */
#ifndef STORE_DISPATCHES_H
#define STORE_DISPATCHES_H

#include "store/submission_record.h"
#include "store/submissions.h"

#define DISPATCH_NAME_BYTES 64
#define DISPATCH_REFERENCE_BYTES 16

enum dispatch_loss {
    DISPATCH_KNOWN, /* to Redis, as far as this node knows */
    DISPATCH_LOST,  /* it is being put back */
    DISPATCH_PUT_BACK,
    DISPATCH_SENT_AGAIN, /* by another node, before it could be put back */
};

struct dispatch_record {
    uint8_t key[DIGEST_BYTES];
    uint8_t fingerprint[DIGEST_BYTES];
    uint64_t owner;
    uint64_t sent_ms;  /* wall clock, as the next two */
    uint64_t lease_ms; /* the end of its owner's time */
    uint64_t lost_ms;
    uint32_t fence;
    uint32_t asked; /* the last pass of the keeper's in which Redis has told of it */
    uint16_t status;
    uint8_t state; /* enum submission_state, but never PENDING */
    uint8_t doubtful;
    uint8_t can_be_asked;
    uint8_t loss; /* enum dispatch_loss; the keeper's, as asked and lost_ms */
    char reference[DISPATCH_REFERENCE_BYTES]; /* names: terminated, cut where they are too long */
    char route[DISPATCH_NAME_BYTES];
    char upstream[DISPATCH_NAME_BYTES];
};

/* Redis says that it is NEW: whether this node knows better. Any other verdict is a sign to the
 * keeper. What was begun in Redis is left to lapse, or to be written over as it is put back. */
enum submission_verdict dispatches_judge(struct store *s, struct submission_op *op);
/* Before the first byte. False: it cannot be noted now. */
bool dispatches_note_sent(struct store *s, const struct submission_op *op);
/* How it ended, as in op->ending. */
void dispatches_note_end(struct store *s, const struct submission_op *op);

/* The record of `key`, locked for an edit, if it has this owner and fence. */
struct dispatch_record *dispatches_lock(struct store *s, const uint8_t key[DIGEST_BYTES],
                                        uint64_t owner, uint32_t fence);
void dispatches_unlock(struct store *s, const uint8_t key[DIGEST_BYTES]);

#endif
