/* Fetches a kept answer from the journal, off the loop. */
#ifndef STORE_ANSWER_READ_H
#define STORE_ANSWER_READ_H

#include "net/loop.h"
#include "store/journal_entry.h"

struct answer_read;

struct answer_place {
    uint64_t segment, at, check;
    uint32_t head_bytes, body_bytes;
};

/* Both slices live during the call, which is an event of its own; status is negative when the
 * answer cannot be had any more. */
typedef void (*answer_read_fn)(void *user, int status, struct slice head, struct slice body);

/* NULL: no memory, or the place makes no sense. */
struct answer_read *answer_read_new(struct loop *loop, const char *dir,
                                    const struct answer_place *place, answer_read_fn on_read,
                                    void *user) MUST_CHECK;
/* on_read will not be called. NULL-safe; *r is NULL after. */
void answer_read_cancel(struct answer_read **r);

#endif
