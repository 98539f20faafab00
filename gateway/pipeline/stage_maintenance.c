/* Upstreams that are closed for work: their routes say so, all others go on. */
#include "http/reply.h"
#include "pipeline/stage.h"

#define RETRY_S 300 /* without an expected end */
#define RETRY_MAX_S 3600
#define RETRY_JITTER_MIN_S 60

/* Seconds until it is worth coming back, spread so that not all come at once. */
static uint32_t retry_after_s(struct loop *loop, uint64_t left_ms)
{
    uint32_t after_s = left_ms ? (uint32_t)MIN(left_ms / 1000, RETRY_MAX_S) : RETRY_S;
    return after_s + random_below(&loop->random, MAX(after_s / 10, RETRY_JITTER_MIN_S)) + 1;
}

static enum stage_verdict on_request(struct passage *p)
{
    struct exchange *ex = p->ex;
    const struct closure *closure = p->upstream->closure;
    struct closure_view view;
    if (!closure || !closure_is_set(closure) || !closure_read(closure, &view))
        return STAGE_NEXT;
    uint64_t now_ms = loop_wall_ms(ex->loop);
    uint64_t left_ms = view.until_ms > now_ms ? view.until_ms - now_ms : 0;
    struct reply_closed closed = {
        .message = slice_str(view.message),
        .until_ms = left_ms ? view.until_ms : 0,
        .is_overdue = view.until_ms && !left_ms,
        .retry_after_s = retry_after_s(ex->loop, left_ms),
    };
    ex->affected = &p->upstream->config->title;
    reply_error_closed(ex, &closed);
    return STAGE_ANSWERED;
}

const struct stage stage_maintenance = {
    .name = "maintenance",
    .on_request = on_request,
};
