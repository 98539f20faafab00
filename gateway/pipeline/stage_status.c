/* Where citizens ask after a submission of which nobody knew how it ended. The address is made by
 * the gateway, cannot be guessed, and tells no more than that. */
#include "http/reply.h"
#include "pipeline/stage.h"
#include "pipeline/submission_key.h"
#include "pipeline/submission_reply.h"

/* Not as of other requests that read: whoever asks here wants to know about another one. */
static void tell(struct passage *p, enum error_page_reason reason)
{
    reply_submission(p->ex, reason, 0, (struct slice){ 0 });
}

/* In the exchange's arena. */
struct status_look {
    struct submission_op op;
    struct passage *passage;
};

static void show(struct passage *p)
{
    struct exchange *ex = p->ex;
    switch (p->status->op.verdict) {
    case SUBMISSION_BUSY:
        reply_status(ex, ERROR_PAGE_SUBMISSION_UNDER_WAY);
        break;
    case SUBMISSION_UNKNOWN:
        reply_status(ex, ERROR_PAGE_SUBMISSION_UNKNOWN);
        break;
    case SUBMISSION_COMPLETE:
        reply_status(ex, ERROR_PAGE_SUBMISSION_ANSWERED);
        break;
    case SUBMISSION_NONE:
        tell(p, ERROR_PAGE_SUBMISSION_NOT_KNOWN);
        break;
    default:
        tell(p, ERROR_PAGE_UNAVAILABLE);
    }
}

static void on_looked(struct store_op *op)
{
    struct status_look *look = CONTAINER_OF(op, struct status_look, op.op);
    if (!look->passage->ex->response_begun)
        show(look->passage);
}

static enum stage_verdict look(struct passage *p, struct slice token)
{
    struct status_look *look = arena_zalloc(&p->ex->arena, sizeof(*look));
    if (!look) {
        tell(p, ERROR_PAGE_UNAVAILABLE);
        return STAGE_ANSWERED;
    }
    if (!submission_key_read_token(p->pipeline->store->secret, token, look->op.key)) {
        tell(p, ERROR_PAGE_SUBMISSION_NOT_KNOWN);
        return STAGE_ANSWERED;
    }
    p->status = look;
    look->passage = p;
    look->op.op.on_done = on_looked;
    if (submissions_look(p->pipeline->store, &look->op) == STORE_PENDING)
        return STAGE_WAIT;
    show(p);
    return STAGE_ANSWERED;
}

static enum stage_verdict on_request(struct passage *p)
{
    struct slice prefix = SLICE(SUBMISSION_STATUS_PATH);
    const struct request *req = &p->ex->request;
    if (!slice_starts_with(req->path, prefix))
        return STAGE_NEXT;
    if (req->method == HTTP_GET || req->method == HTTP_HEAD)
        return look(p, slice_from(req->path, prefix.len));
    reply_error_with(p->ex, ERROR_PAGE_METHOD_NOT_ALLOWED, SLICE("Allow"), SLICE("GET, HEAD"));
    return STAGE_ANSWERED;
}

static void on_leave(struct passage *p)
{
    if (p->status)
        store_op_cancel(&p->status->op.op);
}

const struct stage stage_status = {
    .name = "status",
    .on_request = on_request,
    .on_leave = on_leave,
};
