/* What a client is told when no backend answers. */
#include "http/reply.h"
#include "pipeline/proxy.h"
#include "pipeline/submission.h"

/* What does not work, as citizens call it. */
static void name_affected(struct passage *p)
{
    const struct gate *at = p->proxy.pass.at;
    const struct config *config = p->snapshot->config;
    p->ex->affected = &p->upstream->config->title;
    for (size_t i = 0; i < config->system_count; i++)
        if (at == &p->snapshot->systems[i])
            p->ex->affected = &config->systems[i].title;
}

static enum error_page_reason page_of(const struct gate_pass *g, enum gate_shed why)
{
    if (g->at != g->gates[0])
        return ERROR_PAGE_SYSTEM_BUSY;
    return why == GATE_SHED_BROKEN ? ERROR_PAGE_UPSTREAM_BROKEN : ERROR_PAGE_UPSTREAM_BUSY;
}

void proxy_shed(struct passage *p, enum gate_shed why)
{
    const struct gate_pass *g = &p->proxy.pass;
    p->proxy.state = PROXY_DONE;
    p->proxy.nothing_sent = true;
    p->proxy.shed = gate_shed_name(why);
    name_affected(p);
    if (!submission_failed(p))
        reply_error_retry(p->ex, page_of(g, why), gate_retry_after_s(g->at, why));
}

void proxy_give_up(struct passage *p, enum upstream_failure failure)
{
    static const enum error_page_reason pages[] = {
        [UPSTREAM_CONNECT] = ERROR_PAGE_UPSTREAM_CONNECT,
        [UPSTREAM_CLOSED] = ERROR_PAGE_UPSTREAM_CLOSED,
        [UPSTREAM_INVALID] = ERROR_PAGE_UPSTREAM_INVALID,
        [UPSTREAM_TIMED_OUT] = ERROR_PAGE_UPSTREAM_TIMEOUT,
        [UPSTREAM_TLS] = ERROR_PAGE_UPSTREAM_TLS,
    };
    static const enum close_reason reasons[] = {
        [UPSTREAM_CONNECT] = CLOSE_UPSTREAM_ABORTED, [UPSTREAM_CLOSED] = CLOSE_UPSTREAM_ABORTED,
        [UPSTREAM_INVALID] = CLOSE_UPSTREAM_INVALID, [UPSTREAM_TIMED_OUT] = CLOSE_UPSTREAM_TIMEOUT,
        [UPSTREAM_TLS] = CLOSE_UPSTREAM_ABORTED,
    };
    proxy_note_failure(p);
    p->proxy.pass.at = p->proxy.pass.gates[0];
    name_affected(p);
    if (submission_failed(p))
        return;
    if (p->ex->response_begun)
        exchange_abort(p->ex, reasons[failure]);
    else
        reply_error(p->ex, pages[failure]);
}
