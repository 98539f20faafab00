#include "http/reply.h"
#include "pipeline/stage.h"

/* A body that says its size is refused before a byte of it is read; one that does not is counted on
 * its way (pipeline.c). */
static enum stage_verdict on_request(struct passage *p)
{
    const struct request *req = &p->ex->request;
    if (req->body != BODY_LENGTH || req->content_length <= p->route->body_limit_bytes)
        return STAGE_NEXT;
    reply_error(p->ex, ERROR_PAGE_BODY_TOO_LARGE);
    return STAGE_ANSWERED;
}

const struct stage stage_body = { .name = "body", .on_request = on_request };
