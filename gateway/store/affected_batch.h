/* Entries on their way to the list (affected_list.h): gathered, then written off the loop, for the
 * disk may take its time. */
#ifndef STORE_AFFECTED_BATCH_H
#define STORE_AFFECTED_BATCH_H

#include "net/loop.h"
#include "store/affected_list.h"

#define AFFECTED_BATCH_MAX 256

struct affected_batch;
/* status: as of affected_list_append(). In an event of its own. */
typedef void (*affected_batch_fn)(void *user, struct affected_batch *b, int status);

struct affected_batch {
    uv_work_t work;
    affected_batch_fn on_written; /* NULL while it is not written; or nobody waits for it */
    void *user;                   /* borrowed */
    struct loop *loop;            /* borrowed; NULL: it is not being written */
    char *dir;                    /* owned */
    uint64_t unknown;
    size_t count, unlisted;
    int status;
    struct dispatch_record records[AFFECTED_BATCH_MAX];
    struct affected_entry entries[AFFECTED_BATCH_MAX];
};

struct affected_batch *affected_batch_new(void);
/* One that is being written frees itself when it has been. NULL-safe; *pointer is NULL after. */
void affected_batch_free(struct affected_batch **pointer);
/* Does nothing when it is full. */
void affected_batch_add(struct affected_batch *b, const struct dispatch_record *r);
/* Whoever is called frees it. */
void affected_batch_write(struct affected_batch *b, struct loop *loop, const char *dir,
                          uint64_t unknown, affected_batch_fn on_written, void *user);

#endif
