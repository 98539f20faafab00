#include "store/submissions_engine.h"

/* By configuration, never by whether Redis is there: two truths would be none. */
static bool is_in_redis(const struct store *s)
{
    return s->config->store.redis != NULL;
}

enum store_result submissions_begin(struct store *s, struct submission_op *op)
{
    op->store = s;
    return is_in_redis(s) ? submissions_redis_begin(s, op) : submissions_embedded_begin(s, op);
}

enum store_result submissions_sent(struct store *s, struct submission_op *op)
{
    op->store = s;
    return is_in_redis(s) ? submissions_redis_sent(s, op) : submissions_embedded_sent(s, op);
}

enum store_result submissions_complete(struct store *s, struct submission_op *op)
{
    op->store = s;
    return is_in_redis(s) ? submissions_redis_complete(s, op)
                          : submissions_embedded_complete(s, op);
}

enum store_result submissions_release(struct store *s, struct submission_op *op)
{
    op->store = s;
    return is_in_redis(s) ? submissions_redis_release(s, op) : submissions_embedded_release(s, op);
}

enum store_result submissions_doubt(struct store *s, struct submission_op *op)
{
    op->store = s;
    return is_in_redis(s) ? submissions_redis_doubt(s, op) : submissions_embedded_doubt(s, op);
}

enum store_result submissions_look(struct store *s, struct submission_op *op)
{
    op->store = s;
    return is_in_redis(s) ? submissions_redis_look(s, op) : submissions_embedded_look(s, op);
}
