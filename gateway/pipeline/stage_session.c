/* The way in finds the client's session, where the route wants one; the way back carries out what
 * the backend orders about it (session_order.h), before the client hears of the answer. */
#include "common/clock.h"
#include "common/log.h"
#include "http/cookie.h"
#include "http/reply.h"
#include "pipeline/identity_token.h"
#include "pipeline/session_order.h"
#include "pipeline/stage.h"

/* How old a copy may be where the route wants a fresh one. */
#define FRESH_MS 5000
#define RETRY_AFTER "5"

/* In the exchange's arena. */
struct session_talk {
    struct session_op op; /* one at a time */
    struct passage *passage;
    bool is_found; /* `session` is the client's, under `hash` */
    bool may_live; /* there may be one under `hash`: it is found, or could not be looked up */
    uint8_t hash[SESSION_HASH_BYTES];
    struct session session;
    enum session_verb verb;           /* ordered */
    char uid[SESSION_UID_MAX + 1];    /* of SESSION_REVOKE_USER */
    char cookie[SESSION_ID_TEXT_MAX]; /* to be set */
    size_t cookie_len;
    bool has_cookie;  /* an empty one is to be taken away */
    bool sets_cookie; /* what was ordered is so */
};

static struct session_talk *talk_of(struct store_op *op)
{
    return CONTAINER_OF(op, struct session_talk, op.op);
}

static struct store *store_of(const struct passage *p)
{
    return p->pipeline->store;
}

static struct session_talk *begin_talk(struct passage *p)
{
    if (!p->session)
        p->session = arena_zalloc(&p->ex->arena, sizeof(*p->session));
    if (p->session)
        p->session->passage = p;
    return p->session;
}

/* For the next question; whatever the last one left is of no more use. */
static struct session_op *new_op(struct session_talk *talk, store_op_fn on_done)
{
    talk->op = (struct session_op){ .op.on_done = on_done };
    memcpy(talk->op.hash, talk->hash, sizeof(talk->hash));
    return &talk->op;
}

static enum stage_verdict refuse(struct passage *p)
{
    reply_error_with(p->ex, ERROR_PAGE_SESSION_REQUIRED, SLICE("WWW-Authenticate"),
                     SLICE("Cookie realm=\"cong\""));
    return STAGE_ANSWERED;
}

static enum stage_verdict cannot_tell(struct passage *p)
{
    reply_error_with(p->ex, ERROR_PAGE_SESSION_UNAVAILABLE, SLICE("Retry-After"),
                     SLICE(RETRY_AFTER));
    return STAGE_ANSWERED;
}

/* ---- the way in ---- */

static bool is_required(const struct passage *p)
{
    return p->route->session >= CONFIG_SESSION_REQUIRED;
}

static bool is_safe(uint8_t method)
{
    return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
}

static enum stage_verdict introduce(struct passage *p)
{
    struct session_talk *talk = p->session;
    const struct config_upstream *upstream = p->upstream->config;
    p->affinity = talk->session.affinity;
    if (!upstream->identity_key.path)
        return STAGE_NEXT;
    struct slice token = identity_token_get(&p->pipeline->tokens, &p->ex->arena, upstream,
                                            &talk->session, talk->hash, loop_wall_ms(p->ex->loop));
    if (token.data && headers_add(&p->added, &p->ex->arena, SLICE("X-Cong-Identity"), token))
        return STAGE_NEXT;
    reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
    return STAGE_ANSWERED;
}

static enum stage_verdict judge(struct passage *p)
{
    struct session_talk *talk = p->session;
    struct metrics *m = p->pipeline->metrics;
    switch (talk->op.status) {
    case SESSION_FOUND:
        metrics_add(m, COUNTER_SESSIONS_FOUND, 1);
        talk->is_found = talk->may_live = true;
        talk->session = talk->op.session;
        memcpy(talk->hash, talk->op.hash, sizeof(talk->hash));
        p->user = slice_str(talk->session.uid);
        return introduce(p);
    case SESSION_NONE:
        metrics_add(m, COUNTER_SESSIONS_UNKNOWN, 1);
        return is_required(p) ? refuse(p) : STAGE_NEXT;
    default:
        metrics_add(m, COUNTER_SESSIONS_UNAVAILABLE, 1);
        talk->may_live = true;
        /* Who only reads may do so as a stranger; whoever acts would act as somebody else. */
        return is_required(p) || !is_safe(p->ex->request.method) ? cannot_tell(p) : STAGE_NEXT;
    }
}

static bool is_over(const struct passage *p)
{
    return p->ex->response_begun || p->ex->is_closed;
}

static void on_found(struct store_op *op)
{
    struct passage *p = talk_of(op)->passage;
    if (!is_over(p) && judge(p) == STAGE_NEXT)
        pipeline_resume(p);
}

static enum stage_verdict on_request(struct passage *p)
{
    if (p->route->session == CONFIG_SESSION_OFF)
        return STAGE_NEXT;
    if (!p->identity.is_signed)
        return is_required(p) ? refuse(p) : STAGE_NEXT;
    struct session_talk *talk = begin_talk(p);
    if (!talk) {
        reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
        return STAGE_ANSWERED;
    }
    memcpy(talk->hash, p->identity.hash, sizeof(talk->hash));
    struct session_op *op = &talk->op; /* zeroed: the first one */
    op->op.on_done = on_found;
    memcpy(op->hash, talk->hash, sizeof(op->hash));
    op->fresh_ms = p->route->session == CONFIG_SESSION_FRESH ? FRESH_MS : 0;
    if (sessions_find(store_of(p), op) == STORE_PENDING)
        return STAGE_WAIT;
    return judge(p);
}

/* ---- the way back ---- */

static void set_cookie(struct session_talk *talk, const char *text, size_t len)
{
    talk->has_cookie = true;
    talk->cookie_len = len;
    memcpy(talk->cookie, text, len);
}

static void on_ordered(struct store_op *op);
static enum stage_verdict conclude(struct session_talk *talk);

static enum stage_verdict finish(struct session_talk *talk, enum store_result result)
{
    return result == STORE_PENDING ? STAGE_WAIT : conclude(talk);
}

/* While the backend was at it the session has ended, and stays so; or another of the client's
 * requests has rotated it, whose answer brings the new id. */
static enum stage_verdict not_rotated(struct session_talk *talk)
{
    struct passage *p = talk->passage;
    const struct session *ordered = &talk->op.session, *former = &talk->session;
    bool ended = talk->op.status == SESSION_NONE;
    log_write(LOG_INFO, "%s: the session was not rotated: it has %s meanwhile", p->ex->reference,
              ended ? "ended" : "been rotated");
    talk->sets_cookie = ended;
    set_cookie(talk, "", 0);
    if (ended || (ordered->level == former->level && strcmp(ordered->roles, former->roles) == 0))
        return STAGE_NEXT;
    stage_proxy_drop(p);
    return cannot_tell(p);
}

/* A backend's order is so, or its answer does not go out: a client that believes to be signed in,
 * or at a higher level, must be. Who wanted to leave is let go in any case, and the cookie with it.
 */
static enum stage_verdict conclude(struct session_talk *talk)
{
    static const enum metric_counter counters[] = {
        [SESSION_CREATE] = COUNTER_SESSIONS_CREATED,
        [SESSION_ROTATE] = COUNTER_SESSIONS_ROTATED,
        [SESSION_REVOKE] = COUNTER_SESSIONS_REVOKED,
        [SESSION_REVOKE_USER] = COUNTER_SESSIONS_REVOKED,
    };
    struct passage *p = talk->passage;
    bool leaves = talk->verb == SESSION_REVOKE || talk->verb == SESSION_REVOKE_USER;
    if (talk->op.status == SESSION_UNAVAILABLE) {
        metrics_add(p->pipeline->metrics, COUNTER_SESSIONS_UNAVAILABLE, 1);
        log_write(LOG_ERROR, "%s: the session %s", p->ex->reference,
                  leaves ? "ends later: the store cannot be had now"
                         : "could not be stored: the store is away");
        if (!leaves) {
            stage_proxy_drop(p);
            return cannot_tell(p);
        }
    }
    if (talk->verb == SESSION_ROTATE && talk->op.status != SESSION_FOUND)
        return not_rotated(talk);
    talk->sets_cookie = talk->has_cookie;
    metrics_add(p->pipeline->metrics, counters[talk->verb], 1);
    if (talk->verb != SESSION_CREATE || !talk->may_live)
        return STAGE_NEXT;
    /* Who signs in while signed in leaves no second way in behind. */
    talk->verb = SESSION_REVOKE;
    return finish(talk, sessions_drop(store_of(p), new_op(talk, on_ordered)));
}

static void on_ordered(struct store_op *op)
{
    struct session_talk *talk = talk_of(op);
    if (!is_over(talk->passage) && conclude(talk) == STAGE_NEXT)
        pipeline_release(talk->passage);
}

static void describe(struct session *s, const struct session_order *o)
{
    if (o->has_level || o->verb == SESSION_CREATE)
        s->level = o->level;
    if (!o->roles.data)
        return;
    memcpy(s->roles, o->roles.data, o->roles.len);
    s->roles[o->roles.len] = '\0';
}

static enum stage_verdict create(struct session_talk *talk, const struct session_order *o)
{
    struct passage *p = talk->passage;
    struct session_op *op = new_op(talk, on_ordered);
    char text[SESSION_ID_TEXT_MAX];
    size_t len = session_id_mint(&p->pipeline->session_keys, clock_wall_ms(), text, op->hash);
    memcpy(op->session.uid, o->uid.data, o->uid.len);
    describe(&op->session, o);
    set_cookie(talk, text, len);
    return finish(talk, sessions_create(store_of(p), op));
}

static enum stage_verdict rotate(struct session_talk *talk, const struct session_order *o)
{
    struct passage *p = talk->passage;
    struct session_op *op = new_op(talk, on_ordered);
    char text[SESSION_ID_TEXT_MAX];
    size_t len = session_id_mint(&p->pipeline->session_keys, clock_wall_ms(), text, op->successor);
    op->session = talk->session;
    describe(&op->session, o);
    set_cookie(talk, text, len);
    return finish(talk, sessions_rotate(store_of(p), op));
}

static enum stage_verdict end_session(struct session_talk *talk)
{
    struct passage *p = talk->passage;
    set_cookie(talk, "", 0);
    return finish(talk, sessions_drop(store_of(p), new_op(talk, on_ordered)));
}

static enum stage_verdict end_user(struct session_talk *talk, const struct session_order *o)
{
    struct passage *p = talk->passage;
    struct session_op *op = new_op(talk, on_ordered);
    memcpy(talk->uid, o->uid.data, o->uid.len);
    talk->uid[o->uid.len] = '\0';
    op->uid = talk->uid;
    if (talk->is_found && strcmp(talk->session.uid, talk->uid) == 0)
        set_cookie(talk, "", 0);
    return finish(talk, sessions_drop_user(store_of(p), op));
}

/* Whose session could not be looked up is told nothing that might not be so. */
static enum stage_verdict obey_unseen(struct session_talk *talk, const struct session_order *o)
{
    struct passage *p = talk->passage;
    if (o->verb == SESSION_REVOKE && talk->may_live)
        return end_session(talk);
    if (o->verb == SESSION_REVOKE) {
        set_cookie(talk, "", 0);
        talk->sets_cookie = p->identity.is_signed;
        return STAGE_NEXT;
    }
    if (!talk->may_live)
        return STAGE_NEXT;
    stage_proxy_drop(p);
    return cannot_tell(p);
}

static enum stage_verdict obey(struct session_talk *talk, const struct session_order *o)
{
    talk->verb = o->verb;
    switch (o->verb) {
    case SESSION_CREATE:
        return create(talk, o);
    case SESSION_ROTATE:
        return talk->is_found ? rotate(talk, o) : obey_unseen(talk, o);
    case SESSION_REVOKE:
        return talk->is_found ? end_session(talk) : obey_unseen(talk, o);
    default:
        return end_user(talk, o);
    }
}

/* Exactly one field, that can be understood, on a route that has sessions. */
static bool read_order(const struct passage *p, struct session_order *o)
{
    const struct headers *hs = &p->ex->response.headers;
    const struct header *found = NULL;
    const char *wrong = NULL;
    for (uint32_t i = 0; i < hs->count; i++) {
        if (hs->items[i].id != HEADER_X_CONG_SESSION)
            continue;
        if (found)
            wrong = "is there twice";
        found = &hs->items[i];
    }
    if (!found)
        return false;
    if (p->route->session == CONFIG_SESSION_OFF)
        wrong = "came on a route without sessions";
    else if (!wrong && !session_order_parse(o, header_value(found)))
        wrong = "is malformed";
    if (wrong)
        log_write(LOG_WARN, "%s: X-Cong-Session of upstream %s %s; nothing is done",
                  p->ex->reference, p->upstream->config->name, wrong);
    return !wrong;
}

static enum stage_verdict on_answer(struct passage *p)
{
    struct session_order order;
    if (!read_order(p, &order))
        return STAGE_NEXT;
    struct session_talk *talk = begin_talk(p);
    if (talk)
        return obey(talk, &order);
    stage_proxy_drop(p);
    reply_error(p->ex, ERROR_PAGE_UNAVAILABLE);
    return STAGE_ANSWERED;
}

static void on_response(struct passage *p)
{
    const struct session_talk *talk = p->session;
    struct headers *hs = &p->ex->response.headers;
    struct slice name = slice_str(p->snapshot->config->sessions.cookie);
    cookie_unset(hs, name);
    if (talk && talk->sets_cookie &&
        !cookie_set(hs, &p->ex->arena, name, slice_of(talk->cookie, talk->cookie_len)))
        log_write(LOG_ERROR, "%s: no memory for the session's cookie", p->ex->reference);
}

static void on_leave(struct passage *p)
{
    if (p->session)
        store_op_cancel(&p->session->op.op);
}

const struct stage stage_session = {
    .name = "session",
    .on_request = on_request,
    .on_answer = on_answer,
    .on_response = on_response,
    .on_leave = on_leave,
};
