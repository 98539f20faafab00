/* POST and PATCH on routes with submissions: the body is taken whole, and goes on when the store
 * has said that it is the first under its key. What comes then is in submission.c. */
#include "common/clock.h"
#include "http/reply.h"
#include "pipeline/stage.h"
#include "pipeline/submission_key.h"
#include "pipeline/submission_lookup.h"
#include "pipeline/submission_reply.h"
#include "pipeline/upload.h"

/* To find a peer, and to record that it is sent, beyond the time that connecting may take. */
#define BEGIN_MARGIN_MS 5000

static struct store *store_of(const struct submission *s)
{
    return s->passage->pipeline->store;
}

static bool has_form_key(const struct config_submission *config)
{
    return config->key == CONFIG_SUBMISSION_FORM;
}

/* ---- the peer's side of it ---- */

static bool add_field(struct passage *p, struct slice name, const char *value)
{
    return value && headers_add(&p->added, &p->ex->arena, name, slice_str(value));
}

/* One that could be sent without its key would be a danger. */
static bool add_fields(struct submission *s)
{
    struct passage *p = s->passage;
    struct arena *arena = &p->ex->arena;
    if (has_form_key(s->config)) {
        headers_remove(&p->ex->request.headers, SLICE("Idempotency-Key"));
        if (!add_field(p, SLICE("Idempotency-Key"),
                       arena_printf(arena, "\"%.*s\"", SLICE_ARG(s->key))))
            return false;
    }
    return s->phase == SUBMISSION_UNRECORDED ||
           add_field(p, SLICE("X-Cong-Fence"), arena_printf(arena, "%u", s->op.fence));
}

static enum stage_verdict go_on(struct submission *s)
{
    struct exchange *ex = s->passage->ex;
    if (!add_fields(s)) {
        submission_reply_unavailable(s);
        return STAGE_ANSWERED;
    }
    ex->request.wants_upgrade = false;
    return STAGE_NEXT;
}

/* ---- the backend's word on what is in doubt ---- */

static enum stage_verdict show(struct submission *s, enum submission_verdict verdict)
{
    s->phase = SUBMISSION_OVER;
    s->op.verdict = verdict;
    submission_reply_verdict(s);
    return STAGE_ANSWERED;
}

static void on_known(struct store_op *op)
{
    show(CONTAINER_OF(op, struct submission, op.op), SUBMISSION_COMPLETE);
}

static void on_given_back(struct store_op *op)
{
    show(CONTAINER_OF(op, struct submission, op.op), SUBMISSION_UNKNOWN);
}

static void on_found(struct submission *s, enum submission_found found)
{
    if (found == SUBMISSION_ABSENT) {
        s->phase = SUBMISSION_OWNED;
        if (go_on(s) == STAGE_NEXT)
            pipeline_resume(s->passage);
        return;
    }
    bool known = found == SUBMISSION_FOUND;
    s->phase = SUBMISSION_CLOSING;
    s->op.ttl_ms = known ? s->config->keep_ms : s->config->keep_unknown_ms;
    s->op.op.on_done = known ? on_known : on_given_back;
    if ((known ? submissions_complete : submissions_release)(store_of(s), &s->op) == STORE_DONE)
        s->op.op.on_done(&s->op.op);
}

static enum stage_verdict ask_backend(struct submission *s)
{
    s->phase = SUBMISSION_ASKING;
    s->lookup = submission_lookup_begin(s, on_found);
    if (s->lookup)
        return STAGE_WAIT;
    submission_reply_unavailable(s); /* on_leave gives it back */
    return STAGE_ANSWERED;
}

/* ---- the store's answer ---- */

static enum stage_verdict judge(struct submission *s)
{
    s->begun = s->op.verdict == SUBMISSION_NEW;
    if (s->begun && s->op.doubtful && s->config->backend == CONFIG_SUBMISSION_LOOKUP)
        return ask_backend(s);
    if (s->begun) {
        s->phase = SUBMISSION_OWNED;
        return go_on(s);
    }
    s->phase = SUBMISSION_OVER;
    if (s->op.verdict == SUBMISSION_UNAVAILABLE && s->config->backend == CONFIG_SUBMISSION_DEDUP) {
        s->phase = SUBMISSION_UNRECORDED;
        s->outcome = "unrecorded";
        return go_on(s);
    }
    submission_reply_verdict(s);
    return STAGE_ANSWERED;
}

static void on_begun(struct store_op *op)
{
    struct submission *s = CONTAINER_OF(op, struct submission, op.op);
    if (judge(s) == STAGE_NEXT)
        pipeline_resume(s->passage);
}

/* A form's key is unlike all others, whoever sends it: a session that ends between two attempts
 * does not make it another. But it is one person's form: what somebody else sends is other content.
 * Keys of programs are each user's own. */
static struct slice owner_of_key(const struct submission *s)
{
    return has_form_key(s->config) ? (struct slice){ 0 } : s->passage->user;
}

static void make_fingerprint(struct submission *s)
{
    const struct request *req = &s->passage->ex->request;
    uint8_t body[DIGEST_BYTES];
    struct slice end = slice_of("", 1), none = { 0 };
    digest_stream_finish(s->digest, body);
    const struct slice parts[] = { req->method_name,
                                   end,
                                   req->forward,
                                   end,
                                   slice_of((const char *)body, sizeof(body)),
                                   has_form_key(s->config) ? s->passage->user : none };
    digest_sha256(parts, ARRAY_LEN(parts), s->op.fingerprint);
}

/* A backend that stores a key once may be sent it again: nothing has to be known of it. */
static const struct submission_about *about(struct submission *s)
{
    const struct passage *p = s->passage;
    s->about = (struct submission_about){
        .reference = p->ex->reference,
        .route = p->route->name,
        .upstream = p->upstream->config->name,
        .can_be_asked = s->config->backend == CONFIG_SUBMISSION_LOOKUP,
    };
    return s->config->backend == CONFIG_SUBMISSION_DEDUP ? NULL : &s->about;
}

static enum stage_verdict begin(struct submission *s)
{
    const struct passage *p = s->passage;
    make_fingerprint(s);
    submission_key_hash(owner_of_key(s), slice_str(p->route->name), s->key, s->op.key);
    s->phase = SUBMISSION_BEGINNING;
    s->op.arena = &p->ex->arena;
    s->op.about = about(s);
    s->op.take_over = s->config->backend != CONFIG_SUBMISSION_NONE;
    s->op.lease_ms = 2 * p->upstream->config->connect_timeout_ms + BEGIN_MARGIN_MS;
    if (s->config->backend == CONFIG_SUBMISSION_LOOKUP)
        s->op.lease_ms += stage_proxy_response_timeout_ms(p);
    s->op.ttl_ms = s->config->keep_unknown_ms;
    s->op.op.on_done = on_begun;
    return submissions_begin(store_of(s), &s->op) == STORE_DONE ? judge(s) : STAGE_WAIT;
}

/* ---- the key ---- */

static void refuse_key(struct submission *s)
{
    s->phase = SUBMISSION_OVER;
    s->outcome = "refused";
    reply_error(s->passage->ex, ERROR_PAGE_SUBMISSION_KEY);
}

/* A form that has no key of ours at all is forwarded like any other where none is required. */
static enum stage_verdict begin_form(struct submission *s)
{
    struct slice key = form_reader_value(s->form);
    bool ours = key.data && submission_key_is_ours(store_of(s)->secret, key, clock_wall_ms(),
                                                   s->config->keep_ms);
    if (ours) {
        s->key = key;
        return begin(s);
    }
    if (!s->config->required && s->form->found == 0) {
        s->phase = SUBMISSION_UNRECORDED;
        s->key = (struct slice){ 0 };
        return STAGE_NEXT;
    }
    refuse_key(s);
    return STAGE_ANSWERED;
}

static enum stage_verdict body_is_whole(struct submission *s)
{
    form_reader_finish(s->form);
    return has_form_key(s->config) ? begin_form(s) : begin(s);
}

/* ---- the body ---- */

static void on_content(void *user, struct slice content)
{
    struct submission *s = user;
    digest_stream_add(s->digest, content);
}

static void on_body(struct passage *p, struct slice data)
{
    struct submission *s = p->submission;
    if (s->phase != SUBMISSION_TAKING)
        return;
    form_reader_feed(s->form, data);
    if (upload_take(p, data))
        return;
    s->phase = SUBMISSION_OVER;
    submission_reply_unavailable(s);
}

static void on_body_end(struct passage *p, const struct headers *trailers)
{
    struct submission *s = p->submission;
    (void)trailers; /* the body has a length now: they have no place (RFC 9112 7.1.2) */
    if (s->phase != SUBMISSION_TAKING)
        return;
    upload_complete(p);
    if (body_is_whole(s) == STAGE_NEXT)
        pipeline_resume(p);
}

/* ---- the request ---- */

static bool is_submission(const struct passage *p)
{
    uint8_t method = p->ex->request.method;
    return p->route->submission && (method == HTTP_POST || method == HTTP_PATCH);
}

static struct submission *submission_new(struct passage *p, struct slice key)
{
    struct exchange *ex = p->ex;
    const struct config_submission *config = p->route->submission;
    struct submission *s = arena_zalloc(&ex->arena, sizeof(*s));
    struct form_reader *form = arena_alloc(&ex->arena, sizeof(*form));
    if (!s || !form)
        return NULL;
    list_init(&s->node);
    s->passage = p;
    s->config = config;
    s->key = key;
    s->form = form;
    s->digest = digest_stream_new();
    buf_init(&s->kept, SUBMISSION_KEPT_MAX);
    form_reader_init(form, headers_value(&ex->request.headers, HEADER_CONTENT_TYPE),
                     has_form_key(config) ? slice_str(config->field) : (struct slice){ 0 },
                     on_content, s);
    return s;
}

static enum stage_verdict take(struct passage *p, struct slice key)
{
    p->submission = submission_new(p, key);
    if (p->submission && p->ex->request.body == BODY_NONE)
        return body_is_whole(p->submission);
    if (p->submission && upload_begin(p))
        return STAGE_WAIT;
    reply_submission(p->ex, ERROR_PAGE_SUBMISSION_UNCHECKED, 0, (struct slice){ 0 });
    return STAGE_ANSWERED;
}

static enum stage_verdict take_with_header(struct passage *p)
{
    struct slice key = { 0 };
    switch (submission_key_of_header(&p->ex->request.headers, &key)) {
    case SUBMISSION_KEY_GOOD:
        if (p->user.len || key.len >= SUBMISSION_KEY_ANONYMOUS_MIN)
            return take(p, key);
        break;
    case SUBMISSION_KEY_MISSING:
        if (!p->route->submission->required)
            return STAGE_NEXT;
        break;
    case SUBMISSION_KEY_BAD:
        break;
    }
    reply_error(p->ex, ERROR_PAGE_SUBMISSION_KEY);
    return STAGE_ANSWERED;
}

/* Whoever asks for a form gets a key to put into it. */
static void offer_key(struct passage *p)
{
    uint8_t method = p->ex->request.method;
    if (!p->route->submission || !has_form_key(p->route->submission) ||
        (method != HTTP_GET && method != HTTP_HEAD))
        return;
    char key[SUBMISSION_FORM_KEY_LEN];
    submission_key_make(p->pipeline->store->secret, clock_wall_ms(), key);
    /* Without memory for it the form has no key, and is refused when it comes. */
    (void)add_field(p, SLICE("X-Cong-Form-Key"),
                    arena_printf(&p->ex->arena, "%.*s", (int)sizeof(key), key));
}

static enum stage_verdict on_request(struct passage *p)
{
    if (!is_submission(p)) {
        offer_key(p);
        return STAGE_NEXT;
    }
    if (has_form_key(p->route->submission))
        return take(p, (struct slice){ 0 });
    return take_with_header(p);
}

static void on_leave(struct passage *p)
{
    if (p->submission)
        submission_leave(p->submission);
    upload_drop(p);
}

const struct stage stage_submission = {
    .name = "submission",
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_leave = on_leave,
};
