/* Reads the submissions' journal back, when the node's memory began anew: before the first request,
 * because a key that is not known would be dispatched once more. */
#ifndef STORE_SUBMISSION_REPLAY_H
#define STORE_SUBMISSION_REPLAY_H

#include "common/err.h"
#include "store/shm_table.h"

struct submission_replay {
    uint64_t segments, entries;
    uint64_t torn;    /* entries that fail their check: what a power cut left */
    uint64_t records; /* now in the table */
};

/* Puts what has not expired into an empty table that nobody else uses yet. A folder that is not
 * there is an empty journal. ERR_LIMIT when the table is too small, ERR_SYSTEM when a file cannot
 * be read, with a sentence in `e`: the gateway must not start then. */
int submission_replay_run(const char *dir, struct shm_table *table, struct siphash_key secret,
                          uint64_t now_ms, struct submission_replay *result,
                          struct err *e) MUST_CHECK;

/* Deletes the segments of which everything has expired and that nobody writes. Returns how many. */
uint64_t submission_replay_clean(const char *dir, uint64_t now_ms);

#endif
