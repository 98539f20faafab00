/* What a line of the submissions' journal says, and how its files are called.
 *
 * A segment is two files: "<number>.log" of entries of one size, read whole when the node's memory
 * is lost, and "<number>.answers", of which entries tell a place. An entry is the whole truth about
 * its key since its dispatch: of several, the latest dispatch counts, then the highest fence, then
 * the highest state. (Fences alone do not do: they begin anew once a record has expired.) When that
 * one has expired there is no record, whatever came before it. So it does not matter in which file
 * of which worker they are.
 *
 * Numbers are in the machine's own order: a journal does not travel. What was torn by a power cut
 * fails its check, and counts as not written. */
#ifndef STORE_JOURNAL_ENTRY_H
#define STORE_JOURNAL_ENTRY_H

#include "common/digest.h"

#define JOURNAL_ENTRY_BYTES 128
#define JOURNAL_PATH_MAX 1280

enum journal_state {
    JOURNAL_DISPATCHED = 1,
    JOURNAL_RELEASED, /* dispatched, it was meant to be, but nothing was sent */
    JOURNAL_IN_DOUBT,
    JOURNAL_ANSWERED,
};

struct journal_entry {
    uint64_t check; /* of all that follows */
    uint32_t version;
    uint32_t fence;
    uint8_t key[DIGEST_BYTES];
    uint8_t fingerprint[DIGEST_BYTES];
    uint64_t expires_ms;
    uint64_t since_ms; /* wall clock: of the dispatch */
    uint64_t answer_at;
    uint64_t answer_check;
    uint32_t head_bytes, body_bytes;
    uint16_t status;
    uint8_t state; /* enum journal_state */
    uint8_t whole; /* the body is all of it */
    uint8_t zero[4];
};
_Static_assert(sizeof(struct journal_entry) == JOURNAL_ENTRY_BYTES,
               "has a hole, or is not as told");

/* Fills in version and check. */
void journal_entry_seal(struct journal_entry *entry);
bool journal_entry_is_sound(const struct journal_entry *entry);
/* Of bytes that two slices hold one after the other. */
uint64_t journal_entry_check_answer(struct slice head, struct slice body);

/* The name of a segment's file in `dir`. */
void journal_entry_log_path(char out[JOURNAL_PATH_MAX], const char *dir, uint64_t segment);
void journal_entry_answers_path(char out[JOURNAL_PATH_MAX], const char *dir, uint64_t segment);
/* The segment that a file of this name is the log of; 0: none. */
uint64_t journal_entry_segment(const char *file_name);

#endif
