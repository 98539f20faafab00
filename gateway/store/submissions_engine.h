/* What is behind submissions.h: two engines, of which the configuration chooses one. */
#ifndef STORE_SUBMISSIONS_ENGINE_H
#define STORE_SUBMISSIONS_ENGINE_H

#include "store/submissions.h"

enum store_result submissions_embedded_begin(struct store *s, struct submission_op *op);
enum store_result submissions_embedded_sent(struct store *s, struct submission_op *op);
enum store_result submissions_embedded_complete(struct store *s, struct submission_op *op);
enum store_result submissions_embedded_release(struct store *s, struct submission_op *op);
enum store_result submissions_embedded_doubt(struct store *s, struct submission_op *op);
enum store_result submissions_embedded_look(struct store *s, struct submission_op *op);

enum store_result submissions_redis_begin(struct store *s, struct submission_op *op);
enum store_result submissions_redis_sent(struct store *s, struct submission_op *op);
enum store_result submissions_redis_complete(struct store *s, struct submission_op *op);
enum store_result submissions_redis_release(struct store *s, struct submission_op *op);
enum store_result submissions_redis_doubt(struct store *s, struct submission_op *op);
enum store_result submissions_redis_look(struct store *s, struct submission_op *op);
/* What is still to be told to Redis is given up. */
void submissions_redis_fini(struct store *s);

static inline enum store_result submission_op_done(struct submission_op *op,
                                                   enum submission_verdict verdict)
{
    op->verdict = verdict;
    return STORE_DONE;
}

/* The end of what was STORE_PENDING. */
static inline void submission_op_finish(struct submission_op *op, enum submission_verdict verdict)
{
    op->verdict = verdict;
    op->op.cancel = NULL;
    op->op.on_done(&op->op);
}

#endif
