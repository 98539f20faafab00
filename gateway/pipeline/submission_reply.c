#include "pipeline/submission_reply.h"

#include "http/reply.h"
#include "pipeline/submission_key.h"

#define RETRY_S 5 /* for what may be better soon */

static struct passage *passage(struct submission *s)
{
    return s->passage;
}

static struct slice status_path(struct submission *s)
{
    char token[SUBMISSION_TOKEN_LEN];
    submission_key_make_token(passage(s)->pipeline->store->secret, s->op.key, token);
    return slice_str(arena_printf(&passage(s)->ex->arena, SUBMISSION_STATUS_PATH "%.*s",
                                  (int)sizeof(token), token));
}

static void reply(struct submission *s, enum error_page_reason reason, uint32_t retry_after_s,
                  struct slice link)
{
    reply_submission(passage(s)->ex, reason, retry_after_s, link);
}

static const struct slice no_link;

/* ---- answers of before ---- */

struct slice submission_reply_head(const struct headers *hs, struct arena *arena)
{
    char *out = arena_alloc(arena, SUBMISSION_HEAD_MAX);
    size_t len = 0;
    if (!out)
        return (struct slice){ 0 };
    for (uint32_t i = 0; i < hs->count; i++) {
        const struct header *h = &hs->items[i];
        /* Cookies are for who came first. */
        if ((h->flags & (HEADER_HOP | HEADER_FRAMING | HEADER_OURS)) || h->id == HEADER_SET_COOKIE)
            continue;
        size_t line = (size_t)h->name_len + h->value_len + 4;
        if (line > SUBMISSION_HEAD_MAX - len)
            return (struct slice){ 0 };
        memcpy(out + len, h->name, h->name_len);
        memcpy(out + len + h->name_len, ": ", 2);
        memcpy(out + len + h->name_len + 2, h->value, h->value_len);
        memcpy(out + len + line - 2, "\r\n", 2);
        len += line;
    }
    return slice_of(out, len);
}

/* What a process that was taken over may have written there must not become two lines. */
static bool read_head(struct exchange *ex, struct slice head)
{
    while (head.len) {
        size_t end = slice_find(head, '\r');
        struct slice line = slice_of(head.data, end);
        size_t colon = slice_find(line, ':');
        bool whole = head.len - end >= 2 && head.data[end + 1] == '\n' && colon + 2 <= line.len;
        if (!whole || slice_find(line, '\n') < line.len ||
            !headers_add(&ex->response.headers, &ex->arena, slice_of(line.data, colon),
                         slice_from(line, colon + 2)))
            return false;
        head = slice_from(head, end + 2);
    }
    return true;
}

static void replay(struct submission *s)
{
    struct exchange *ex = passage(s)->ex;
    ex->response.headers = (struct headers){ 0 };
    bool possible = s->op.whole && s->op.status >= 200 && s->op.status <= 599 &&
                    read_head(ex, s->op.head) &&
                    headers_add(&ex->response.headers, &ex->arena, SLICE("Idempotency-Replayed"),
                                SLICE("true"));
    if (!possible) {
        reply(s, ERROR_PAGE_SUBMISSION_ANSWERED, 0, no_link);
        return;
    }
    ex->response.status = s->op.status;
    ex->response.body = BODY_LENGTH;
    ex->response.has_content_length = true;
    ex->response.content_length = s->op.body.len;
    exchange_send_head(ex);
    if (s->op.body.len)
        exchange_send_body(ex, s->op.body);
    exchange_send_end(ex, NULL);
}

/* ---- verdicts ---- */

static void count(struct submission *s, enum metric_counter counter, const char *outcome)
{
    metrics_add(passage(s)->pipeline->metrics, counter, 1);
    s->outcome = outcome;
}

/* That nothing was filed is said when nobody can have sent it before. The store knows, if it can be
 * asked; for what it knows something of, there always is room. */
static enum error_page_reason refusal(const struct submission *s)
{
    if (s->begun)
        return s->op.doubtful ? ERROR_PAGE_SUBMISSION_RESEND : ERROR_PAGE_SUBMISSION_UNAVAILABLE;
    return s->op.verdict == SUBMISSION_FULL ? ERROR_PAGE_SUBMISSION_UNAVAILABLE
                                            : ERROR_PAGE_SUBMISSION_UNCHECKED;
}

void submission_reply_unavailable(struct submission *s)
{
    count(s, COUNTER_SUBMISSIONS_REFUSED, "refused");
    reply(s, refusal(s), RETRY_S, no_link);
}

void submission_reply_busy(struct submission *s)
{
    count(s, COUNTER_SUBMISSIONS_BUSY, "busy");
    reply(s, ERROR_PAGE_SUBMISSION_UNDER_WAY, MIN(s->op.retry_ms / 1000 + 1, RETRY_S), no_link);
}

void submission_reply_in_the_dark(struct submission *s)
{
    s->outcome = "unknown";
    if (s->config->backend == CONFIG_SUBMISSION_DEDUP)
        reply(s, ERROR_PAGE_SUBMISSION_RESEND, RETRY_S, no_link);
    else
        reply(s, ERROR_PAGE_SUBMISSION_VERIFYING, 0, status_path(s));
}

void submission_reply_verdict(struct submission *s)
{
    switch (s->op.verdict) {
    case SUBMISSION_COMPLETE:
        count(s, COUNTER_SUBMISSIONS_REPLAYED, "replayed");
        replay(s);
        break;
    case SUBMISSION_BUSY:
        submission_reply_busy(s);
        break;
    case SUBMISSION_MISMATCH:
        count(s, COUNTER_SUBMISSIONS_MISMATCHED, "mismatch");
        reply(s, ERROR_PAGE_SUBMISSION_MISMATCH, 0, no_link);
        break;
    case SUBMISSION_UNKNOWN:
        s->outcome = "unknown";
        reply(s, ERROR_PAGE_SUBMISSION_UNKNOWN, 0, status_path(s));
        break;
    default:
        submission_reply_unavailable(s);
    }
}
