/* A submission's record in the node's memory (STORE_SUBMISSIONS), as every process sees it. */
#ifndef STORE_SUBMISSION_RECORD_H
#define STORE_SUBMISSION_RECORD_H

#include "common/digest.h"
#include "store/shm_table.h"

enum submission_state {
    SUBMISSION_PENDING = 1, /* nothing has been sent for it since it was begun */
    SUBMISSION_DISPATCHED,
    SUBMISSION_IN_DOUBT,
    SUBMISSION_ANSWERED,
};

struct submission_record {
    uint8_t key[DIGEST_BYTES];
    uint8_t fingerprint[DIGEST_BYTES];
    uint64_t owner;
    uint64_t lease_ms; /* wall clock: when the owner's time is over */
    uint64_t since_ms; /* wall clock: the last dispatch */
    uint64_t segment;  /* of the journal, where the answer is; 0: it was not kept */
    uint64_t answer_at;
    uint64_t answer_check;
    uint32_t head_bytes, body_bytes;
    uint32_t fence;
    uint16_t status;
    uint8_t state;    /* enum submission_state */
    uint8_t doubtful; /* was dispatched under an earlier fence */
    uint8_t whole;
};

static inline struct siphash submission_record_place(struct siphash_key secret,
                                                     const uint8_t key[DIGEST_BYTES])
{
    return siphash_of(secret, slice_of((const char *)key, DIGEST_BYTES));
}

#endif
