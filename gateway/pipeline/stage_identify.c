#include "http/cookie.h"
#include "http/reply.h"
#include "pipeline/stage.h"

/* Looks at the signature alone: no store is asked about an id that is not ours. The cookie stays
 * here, whether the route wants to know it or not. */
static enum stage_verdict on_request(struct passage *p)
{
    struct exchange *ex = p->ex;
    struct slice name = slice_str(p->snapshot->config->sessions.cookie);
    struct slice cookie;
    if (!cookie_take(&ex->request.headers, &ex->arena, name, &cookie)) {
        reply_error(ex, ERROR_PAGE_UNAVAILABLE);
        return STAGE_ANSWERED;
    }
    if (!cookie.data)
        return STAGE_NEXT;
    p->identity.is_signed = session_id_check(&p->pipeline->session_keys, cookie,
                                             loop_wall_ms(ex->loop), p->identity.hash);
    if (!p->identity.is_signed)
        metrics_add(p->pipeline->metrics, COUNTER_SESSIONS_FORGED, 1);
    return STAGE_NEXT;
}

const struct stage stage_identify = { .name = "identify", .on_request = on_request };
