#include "http/reply.h"
#include "pipeline/stage.h"

static enum stage_verdict on_request(struct passage *p)
{
    struct exchange *ex = p->ex;
    const struct request *req = &ex->request;
    if (!ex->client->redirect_https)
        return STAGE_NEXT;
    if (req->host.len == 0 || req->forward.len == 0 || req->forward.data[0] != '/') {
        reply_error(ex, ERROR_PAGE_BAD_REQUEST);
        return STAGE_ANSWERED;
    }
    uint16_t port = p->snapshot->https_port;
    char *location = port == 443
                         ? arena_printf(&ex->arena, "https://%.*s%.*s", SLICE_ARG(req->host),
                                        SLICE_ARG(req->forward))
                         : arena_printf(&ex->arena, "https://%.*s:%u%.*s", SLICE_ARG(req->host),
                                        port, SLICE_ARG(req->forward));
    if (location)
        reply_redirect(ex, slice_str(location));
    else
        reply_error(ex, ERROR_PAGE_UNAVAILABLE);
    return STAGE_ANSWERED;
}

const struct stage stage_https = { .name = "https", .on_request = on_request };
