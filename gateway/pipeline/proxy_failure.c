#include "http/reply.h"
#include "pipeline/proxy.h"
#include "pipeline/submission.h"

void proxy_give_up(struct passage *p, enum upstream_failure failure)
{
    static const enum error_page_reason pages[] = {
        [UPSTREAM_CONNECT] = ERROR_PAGE_UPSTREAM_CONNECT,
        [UPSTREAM_CLOSED] = ERROR_PAGE_UPSTREAM_CLOSED,
        [UPSTREAM_INVALID] = ERROR_PAGE_UPSTREAM_INVALID,
        [UPSTREAM_TIMED_OUT] = ERROR_PAGE_UPSTREAM_TIMEOUT,
    };
    static const enum close_reason reasons[] = {
        [UPSTREAM_CONNECT] = CLOSE_UPSTREAM_ABORTED,
        [UPSTREAM_CLOSED] = CLOSE_UPSTREAM_ABORTED,
        [UPSTREAM_INVALID] = CLOSE_UPSTREAM_INVALID,
        [UPSTREAM_TIMED_OUT] = CLOSE_UPSTREAM_TIMEOUT,
    };
    if (submission_failed(p))
        return;
    if (p->ex->response_begun)
        exchange_abort(p->ex, reasons[failure]);
    else
        reply_error(p->ex, pages[failure]);
}
