/* Who is asked once more. */
#include "pipeline/proxy.h"
#include "pipeline/submission.h"

static bool is_idempotent(uint8_t method)
{
    return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_PUT ||
           method == HTTP_DELETE || method == HTTP_OPTIONS;
}

/* A request is sent again only when nothing of it was sent, or when its method is idempotent (RFC
 * 9110 9.2.2) and no byte of an answer has passed, or of a body that is not here as a whole. */
static bool is_safe(const struct passage *p, bool answer_begun)
{
    const struct proxy *x = &p->proxy;
    if (answer_begun)
        return false;
    if (p->submission)
        return x->nothing_sent || submission_may_resend(p);
    if (x->body_begun && !p->upload)
        return false;
    return x->nothing_sent || is_idempotent(p->ex->request.method);
}

/* Its name leads to several places, of which the next attempt takes another. */
static bool is_elsewhere_too(const struct proxy *x)
{
    return x->nothing_sent && x->peer && x->peer->where.count > 1;
}

/* Without another peer, one whose pooled connection merely was stale is worth a new connection. */
static bool is_of_use(const struct passage *p, const struct proxy_failure *f)
{
    return proxy_has_other_peers(p) || (f->stale && f->what == UPSTREAM_CLOSED) ||
           is_elsewhere_too(&p->proxy);
}

bool proxy_may_retry(struct passage *p, const struct proxy_failure *f)
{
    return p->proxy.retries < p->upstream->config->retries && is_safe(p, f->answer_begun) &&
           is_of_use(p, f) && proxy_may_spend_a_retry(p);
}

bool proxy_may_fail(const struct passage *p)
{
    const struct proxy *x = &p->proxy;
    return is_idempotent(p->ex->request.method) && !p->submission && x->request_ended &&
           !x->body_begun && x->retries < p->upstream->config->retries;
}
