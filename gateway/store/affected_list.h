/* The list of submissions that the loss of their record may have affected: what people go through
 * after a failover of Redis (dispatches.h). The file "affected" in the journal's folder, which
 * outlives the gateway and the machine; whoever has dealt with it deletes it.
 *
 * A head, then entries of the same size, in the machine's own order. At most AFFECTED_LIST_MAX of
 * them; the head counts those for which there was no room. What was torn by a power cut fails its
 * check, and counts as not written. */
#ifndef STORE_AFFECTED_LIST_H
#define STORE_AFFECTED_LIST_H

#include "store/dispatches.h"

#define AFFECTED_LIST_MAX 65536
#define AFFECTED_ENTRY_BYTES 256

struct affected_head {
    uint64_t check; /* of all that follows */
    uint32_t version;
    uint32_t zero;
    uint64_t unlisted; /* for which the file had no room */
    uint64_t unknown;  /* earlier dispatches that the node knew no more of: not looked at */
    uint8_t zeroes[224];
};

struct affected_entry {
    uint64_t check; /* of all that follows */
    uint32_t version;
    uint32_t fence;
    uint64_t sent_ms; /* wall clock, as the next */
    uint64_t lost_ms; /* when this node found that Redis had lost it */
    uint8_t key[DIGEST_BYTES];
    uint16_t status; /* of its answer; 0: there was none */
    uint8_t state;   /* enum submission_state, when it was lost */
    uint8_t sent_again;
    uint8_t can_be_asked;
    uint8_t zero[3];
    char reference[DISPATCH_REFERENCE_BYTES]; /* all three are terminated */
    char route[DISPATCH_NAME_BYTES];
    char upstream[DISPATCH_NAME_BYTES];
    uint8_t zeroes[40];
};
_Static_assert(sizeof(struct affected_entry) == AFFECTED_ENTRY_BYTES &&
                   sizeof(struct affected_head) == AFFECTED_ENTRY_BYTES,
               "has a hole, or is not as told");

struct affected_entry affected_entry_of(const struct dispatch_record *r);

/* Appends them, on the disk when it returns 0; what there is no room for is counted in the file,
 * and in *unlisted. Seals the entries. One process's at a time. A negative code of errno's. */
int affected_list_append(const char *dir, struct affected_entry *entries, size_t count,
                         uint64_t unknown, size_t *unlisted) MUST_CHECK;

typedef void (*affected_entry_fn)(void *user, const struct affected_entry *entry);
/* The oldest first. A file that is not there is an empty list. ERR_SYSTEM with a sentence in `e`
 * when it cannot be read. */
int affected_list_read(const char *dir, struct affected_head *head, affected_entry_fn visit,
                       void *user, struct err *e) MUST_CHECK;

#endif
