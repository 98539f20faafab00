/* Routes with request_buffering: whole. A slow client then costs a file, and no backend. */
#include "http/reply.h"
#include "pipeline/stage.h"
#include "pipeline/upload.h"

/* Room may be there again when others have finished; not all of them shall come back at once. */
#define RETRY_MIN_S 5
#define RETRY_SPREAD_S 10

/* A tunnel has no end to wait for; what came with a submission has been taken. */
static bool is_to_be_taken(const struct passage *p)
{
    const struct request *req = &p->ex->request;
    return p->route->request_buffering == CONFIG_REQUEST_WHOLE && !p->upload &&
           req->body != BODY_NONE && !req->wants_upgrade;
}

static enum stage_verdict on_request(struct passage *p)
{
    if (!is_to_be_taken(p))
        return STAGE_NEXT;
    if (upload_begin(p))
        return STAGE_WAIT;
    reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
    return STAGE_ANSWERED;
}

static void refuse(struct passage *p)
{
    struct exchange *ex = p->ex;
    upload_drop(p); /* others can use the room at once */
    metrics_add(p->pipeline->metrics, COUNTER_UPLOADS_REFUSED, 1);
    reply_error_retry(ex, ERROR_PAGE_UPLOADS_FULL,
                      RETRY_MIN_S + random_below(&ex->loop->random, RETRY_SPREAD_S + 1));
}

static void on_body(struct passage *p, struct slice data)
{
    if (p->upload && p->upload->taking && !upload_take(p, data))
        refuse(p);
}

/* Trailers are dropped: the body has a length now, and they have no place (RFC 9112 7.1.2). */
static void on_body_end(struct passage *p, const struct headers *trailers)
{
    (void)trailers;
    if (!p->upload || !p->upload->taking)
        return;
    upload_complete(p);
    pipeline_resume(p);
}

const struct stage stage_upload = {
    .name = "upload",
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_leave = upload_drop,
};
