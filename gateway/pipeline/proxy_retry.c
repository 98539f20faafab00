#include "pipeline/proxy.h"
#include "pipeline/submission.h"

static bool is_idempotent(uint8_t method)
{
    return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_PUT ||
           method == HTTP_DELETE || method == HTTP_OPTIONS;
}

bool proxy_may_retry(const struct passage *p, bool answer_begun)
{
    const struct proxy *x = &p->proxy;
    if (x->retries >= p->upstream->config->retries || answer_begun)
        return false;
    if (p->submission)
        return x->nothing_sent || submission_may_resend(p);
    if (x->body_begun)
        return false;
    return x->nothing_sent || is_idempotent(p->ex->request.method);
}

bool proxy_may_fail(const struct passage *p)
{
    const struct proxy *x = &p->proxy;
    return is_idempotent(p->ex->request.method) && !p->submission && x->request_ended &&
           !x->body_begun && x->retries < p->upstream->config->retries;
}
