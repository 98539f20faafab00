#include "pipeline/upload.h"

#include "pipeline/stage.h"

static void on_spool_ready(struct spool *spool)
{
    struct upload *u = CONTAINER_OF(spool, struct upload, spool);
    if (u->taking)
        exchange_resume_body(u->passage->ex);
    else
        upload_feed(u->passage);
}

bool upload_begin(struct passage *p)
{
    struct upload *u = arena_zalloc(&p->ex->arena, sizeof(*u));
    if (!u)
        return false;
    u->passage = p;
    u->taking = true;
    spool_init(&u->spool, &p->pipeline->spools, &p->snapshot->config->spool, UINT64_MAX,
               on_spool_ready);
    p->upload = u;
    exchange_resume_body(p->ex);
    return true;
}

bool upload_take(struct passage *p, struct slice piece)
{
    switch (spool_write(&p->upload->spool, piece)) {
    case SPOOL_OK:
        return true;
    case SPOOL_WAIT:
        exchange_pause_body(p->ex);
        return true;
    default:
        p->upload->taking = false;
        return false;
    }
}

void upload_complete(struct passage *p)
{
    p->upload->taking = false;
    p->ex->request.body = BODY_LENGTH;
    p->ex->request.content_length = p->upload->spool.bytes;
}

static bool is_wanted(const struct passage *p)
{
    const struct proxy *x = &p->proxy;
    return x->conn && !x->request_ended && !p->upload->peer_blocked &&
           (x->state == PROXY_REQUEST || x->state == PROXY_ANSWER);
}

void upload_feed(struct passage *p)
{
    struct slice piece;
    while (p->upload && is_wanted(p)) {
        switch (spool_read(&p->upload->spool, &piece)) {
        case SPOOL_OK:
            stage_proxy.on_body(p, piece);
            break;
        case SPOOL_END:
            stage_proxy.on_body_end(p, NULL);
            return;
        case SPOOL_WAIT:
            return;
        default:
            stage_proxy_fail(p);
            return;
        }
    }
}

void upload_block(struct passage *p, bool blocked)
{
    if (p->upload)
        p->upload->peer_blocked = blocked;
}

void upload_rewind(struct passage *p)
{
    struct upload *u = p->upload;
    if (!u)
        return;
    spool_rewind(&u->spool);
    u->peer_blocked = false;
    p->proxy.request_ended = false;
    p->proxy.body_begun = false;
}

void upload_drop(struct passage *p)
{
    if (p->upload)
        spool_fini(&p->upload->spool);
    p->upload = NULL;
}
