/* Writes one worker's part of the submissions' journal (journal_entry.h).
 *
 * Entries are gathered while the disk is busy, and go there together: one write and, if one of them
 * has to be durable, one fdatasync, in libuv's threads. Whoever waits is called when it has
 * happened. A write that fails fails all that waits, and a new segment is begun: what a disk says
 * after a failed sync is not to be believed.
 *
 * Segments are locked (flock) while they are written, so that nobody takes them for old. */
#ifndef STORE_SUBMISSION_JOURNAL_H
#define STORE_SUBMISSION_JOURNAL_H

#include "net/loop.h"
#include "store/journal_entry.h"

#define JOURNAL_WAITING_BYTES (32ul * 1024 * 1024) /* not on the disk yet: then ERR_LIMIT */
#define JOURNAL_LOG_BYTES (64ul * 1024 * 1024)     /* of a segment, before the next is begun */
#define JOURNAL_ANSWERS_BYTES (256ul * 1024 * 1024)
#define JOURNAL_SEGMENT_MS (3600u * 1000)

struct journal_write;
/* 0, or a negative code. In an event of its own. */
typedef void (*journal_write_fn)(struct journal_write *w, int status);

/* Embedded in whoever waits; zero-initialise. */
struct journal_write {
    struct list node;
    journal_write_fn on_written;
    uint64_t segment; /* where it is */
    uint64_t answer_at;
};

struct submission_journal;

/* `slot` tells workers apart. `sync` false: nothing waits for the disk itself. Touches no disk. */
struct submission_journal *submission_journal_new(struct loop *loop, const char *dir, uint32_t slot,
                                                  bool sync);
/* Nobody is called any more; what has been appended is still written, while the loop runs.
 * NULL-safe; *pointer is NULL after. */
void submission_journal_free(struct submission_journal **pointer);

/* Copies all that it is given; fills in where the answer is, and seals the entry. `w` may be NULL.
 * ERR_LIMIT, ERR_NO_MEMORY: nothing will be written. */
int submission_journal_append(struct submission_journal *j, struct journal_write *w,
                              struct journal_entry *entry, struct slice head, struct slice body,
                              bool durable) MUST_CHECK;
/* The caller waits no more. Safe when idle. */
void journal_write_cancel(struct journal_write *w);

/* The folder as given. */
const char *submission_journal_dir(const struct submission_journal *j);

#endif
