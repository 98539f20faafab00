/* What clients are told about submissions. */
#ifndef PIPELINE_SUBMISSION_REPLY_H
#define PIPELINE_SUBMISSION_REPLY_H

#include "pipeline/submission.h"

#define SUBMISSION_STATUS_PATH "/.cong/submissions/"

/* For a verdict of begin() other than NEW. */
void submission_reply_verdict(struct submission *s);
/* It cannot be taken, and nothing was sent: now, that is. What is said of the time before is what
 * the store knows of it. */
void submission_reply_unavailable(struct submission *s);
/* Somebody else is at it. */
void submission_reply_busy(struct submission *s);
/* It was sent, and nobody knows how it ended. */
void submission_reply_in_the_dark(struct submission *s);

/* The answer's fields as lines, in the arena, for the store; data NULL when they are too many. */
struct slice submission_reply_head(const struct headers *hs, struct arena *arena);

#endif
