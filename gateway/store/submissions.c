#include "store/submissions_engine.h"

enum store_result submissions_begin(struct store *s, struct submission_op *op)
{
    op->store = s;
    return submissions_embedded_begin(s, op);
}

enum store_result submissions_sent(struct store *s, struct submission_op *op)
{
    op->store = s;
    return submissions_embedded_sent(s, op);
}

enum store_result submissions_complete(struct store *s, struct submission_op *op)
{
    op->store = s;
    return submissions_embedded_complete(s, op);
}

enum store_result submissions_release(struct store *s, struct submission_op *op)
{
    op->store = s;
    return submissions_embedded_release(s, op);
}

enum store_result submissions_doubt(struct store *s, struct submission_op *op)
{
    op->store = s;
    return submissions_embedded_doubt(s, op);
}

enum store_result submissions_look(struct store *s, struct submission_op *op)
{
    op->store = s;
    return submissions_embedded_look(s, op);
}
