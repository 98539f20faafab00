#include "pipeline/pipeline.h"

#include "http/reply.h"
#include "pipeline/stage.h"
#include "pipeline/submission.h"

/* The order of things. */
static const struct stage *const stages[] = {
    &stage_client,      &stage_https,      &stage_status,     &stage_route,
    &stage_maintenance, &stage_identify,   &stage_rate_limit, &stage_session,
    &stage_body,        &stage_submission, &stage_upload,     &stage_proxy,
};

static void walk(struct passage *p)
{
    while (p->entered < p->pipeline->stage_count) {
        const struct stage *stage = p->pipeline->stages[p->entered++];
        switch (stage->on_request(p)) {
        case STAGE_NEXT:
            break;
        case STAGE_WAIT:
            if (!stage->on_body)
                exchange_pause_body(p->ex);
            return;
        case STAGE_ANSWERED:
        default:
            return;
        }
    }
}

/* The last event of a wait may still be on its way when somebody else, a timeout or a limit, has
 * answered. */
void pipeline_resume(struct passage *p)
{
    if (!p->ex->response_begun && !p->ex->is_closed)
        walk(p);
}

static enum stage_verdict climb(struct passage *p)
{
    while (p->answering > 0) {
        const struct stage *stage = p->pipeline->stages[--p->answering];
        enum stage_verdict verdict = stage->on_answer ? stage->on_answer(p) : STAGE_NEXT;
        if (verdict != STAGE_NEXT)
            return verdict;
    }
    return STAGE_NEXT;
}

enum stage_verdict pipeline_answer(struct passage *p)
{
    p->answering = p->entered;
    return climb(p);
}

void pipeline_release(struct passage *p)
{
    if (!p->ex->response_begun && !p->ex->is_closed && climb(p) == STAGE_NEXT)
        stage_proxy_release(p);
}

static void on_request(struct exchange *ex)
{
    struct pipeline *pipeline = ex->handler_context;
    struct passage *p = arena_zalloc(&ex->arena, sizeof(*p));
    if (!p || !pipeline->current) {
        reply_error(ex, ERROR_PAGE_UNAVAILABLE);
        return;
    }
    p->ex = ex;
    p->pipeline = pipeline;
    p->snapshot = snapshot_ref(pipeline->current);
    p->connect_us = p->response_us = ACCESS_UNKNOWN;
    timer_init(&p->proxy.timer, NULL);
    ex->handler_state = p;
    metrics_gauge_increment(pipeline->metrics, GAUGE_REQUESTS_ACTIVE);
    walk(p);
}

/* The stage entered last; NULL before the first. */
static const struct stage *current_stage(const struct passage *p)
{
    return p && p->entered ? p->pipeline->stages[p->entered - 1] : NULL;
}

static void on_response(struct exchange *ex)
{
    struct passage *p = passage_of(ex);
    for (size_t i = p ? p->entered : 0; i > 0; i--)
        if (p->pipeline->stages[i - 1]->on_response)
            p->pipeline->stages[i - 1]->on_response(p);
}

static void on_body(struct exchange *ex, struct slice data)
{
    struct passage *p = passage_of(ex);
    const struct stage *stage = current_stage(p);
    if (!stage || !stage->on_body)
        return;
    if (p->route && !ex->tunnel && ex->bytes_in > p->route->body_limit_bytes) {
        /* Only a body of unknown length comes here: stage_body saw the others. */
        stage_proxy_drop(p);
        if (ex->response_begun)
            exchange_abort(ex, CLOSE_BODY_TOO_LARGE);
        else
            reply_error(ex, ERROR_PAGE_BODY_TOO_LARGE);
        return;
    }
    stage->on_body(p, data);
}

static void on_body_end(struct exchange *ex, const struct headers *trailers)
{
    struct passage *p = passage_of(ex);
    const struct stage *stage = current_stage(p);
    if (stage && stage->on_body_end)
        stage->on_body_end(p, trailers);
}

static void on_blocked(struct exchange *ex)
{
    struct passage *p = passage_of(ex);
    if (p)
        stage_proxy_on_blocked(p);
}

static void on_drained(struct exchange *ex)
{
    struct passage *p = passage_of(ex);
    if (p)
        stage_proxy_on_drained(p);
}

static void on_closed(struct exchange *ex)
{
    struct passage *p = passage_of(ex);
    struct passage unrouted = { .ex = ex,
                                .pipeline = ex->handler_context,
                                .connect_us = ACCESS_UNKNOWN,
                                .response_us = ACCESS_UNKNOWN };
    passage_account(p ? p : &unrouted);
    if (!p)
        return;
    for (size_t i = p->entered; i > 0; i--)
        if (p->pipeline->stages[i - 1]->on_leave)
            p->pipeline->stages[i - 1]->on_leave(p);
    metrics_gauge_decrement(p->pipeline->metrics, GAUGE_REQUESTS_ACTIVE);
    snapshot_unref(&p->snapshot);
}

const struct exchange_handler pipeline_handler = {
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_response = on_response,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

void pipeline_init(struct pipeline *p, struct loop *loop, struct board *board, uint32_t slot,
                   struct store *store)
{
    *p = (struct pipeline){ .stages = stages,
                            .stage_count = ARRAY_LEN(stages),
                            .loop = loop,
                            .metrics = board_metrics(board, slot),
                            .spools = { .loop = loop, .board = board, .slot = slot },
                            .store = store };
    list_init(&p->held);
    peer_set_init(&p->peers, loop, board, slot);
}

void pipeline_apply(struct pipeline *p, struct config *config)
{
    struct snapshot *old = p->current;
    p->current = snapshot_new(config, &p->peers);
    session_keys_fini(&p->session_keys);
    session_keys_init(&p->session_keys, p->store->secret, config->sessions.absolute_ms);
    identity_tokens_clear(&p->tokens);
    snapshot_unref(&old);
}

void pipeline_fini(struct pipeline *p)
{
    LIST_FOREACH (node, &p->held)
        submission_abandon(CONTAINER_OF(node, struct submission, node));
    snapshot_unref(&p->current);
    session_keys_fini(&p->session_keys);
    identity_tokens_clear(&p->tokens);
}
