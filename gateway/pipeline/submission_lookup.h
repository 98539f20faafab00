/* Asks a backend after a key that was dispatched before: GET, with Idempotency-Key and the fence
 * under which it would be sent again. 200 is the answer for the client. 404 says that nothing was
 * stored under the key, and that nothing with a lower fence will be. Anything else says nothing. */
#ifndef PIPELINE_SUBMISSION_LOOKUP_H
#define PIPELINE_SUBMISSION_LOOKUP_H

#include "pipeline/submission.h"

enum submission_found {
    SUBMISSION_FOUND,  /* the answer is in the operation: status, head, body */
    SUBMISSION_ABSENT, /* it may be sent */
    SUBMISSION_UNCLEAR,
};

struct submission_lookup;
/* In an event of its own. */
typedef void (*submission_lookup_fn)(struct submission *s, enum submission_found found);

/* In the exchange's arena; NULL without memory, or without anybody to ask. */
struct submission_lookup *submission_lookup_begin(struct submission *s,
                                                  submission_lookup_fn on_found) MUST_CHECK;
/* Before the arena goes; safe when it is over. NULL-safe. */
void submission_lookup_cancel(struct submission_lookup *l);

#endif
