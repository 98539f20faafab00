#include "pipeline/passage.h"

#include "pipeline/submission.h"

#define SESSION_LOG_BYTES 4
#define SESSION_LOG_LEN (2 * SESSION_LOG_BYTES)

static struct slice protocol_of(const struct request *req)
{
    if (req->version_major == 2)
        return SLICE("HTTP/2.0");
    return req->version_minor == 0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1");
}

static struct slice format(const struct address *a, char text[ADDRESS_TEXT_BYTES])
{
    return slice_of(text, address_format(a, text));
}

static struct slice peer_text(const struct passage *p)
{
    return p->proxy.peer ? slice_str(p->proxy.peer->address_text) : (struct slice){ 0 };
}

/* Enough to tell a citizen's requests from those of others, and of no use for anything else. */
static struct slice session_text(const struct passage *p, char text[SESSION_LOG_LEN])
{
    static const char digits[] = "0123456789abcdef";
    if (!p->identity.is_signed)
        return (struct slice){ 0 };
    for (size_t i = 0; i < SESSION_LOG_BYTES; i++) {
        text[2 * i] = digits[p->identity.hash[i] >> 4];
        text[2 * i + 1] = digits[p->identity.hash[i] & 15];
    }
    return slice_of(text, SESSION_LOG_LEN);
}

static void write_log(const struct passage *p, uint64_t duration_us)
{
    const struct exchange *ex = p->ex;
    const struct request *req = &ex->request;
    char client[ADDRESS_TEXT_BYTES], proxy[ADDRESS_TEXT_BYTES], session[SESSION_LOG_LEN];
    struct access_record record = {
        .wall_ms = loop_wall_ms(ex->loop),
        .reference = slice_of(ex->reference, REFERENCE_LEN),
        .client = format(&ex->client_address, client),
        .port = ex->client_address.port,
        .method = req->method_name,
        .scheme = req->https ? SLICE("https") : SLICE("http"),
        .host = req->host,
        .target = req->target,
        .protocol = protocol_of(req),
        .route = p->route ? slice_str(p->route->name) : (struct slice){ 0 },
        .upstream = p->upstream ? slice_str(p->upstream->config->name) : (struct slice){ 0 },
        .session = session_text(p, session),
        .peer = peer_text(p),
        .limit =
            p->limiting.refused_by ? slice_str(p->limiting.refused_by->name) : (struct slice){ 0 },
        .shed = slice_str(p->proxy.shed),
        .submission = slice_str(p->submission ? p->submission->outcome : NULL),
        .status = ex->response_begun ? ex->response.status : 0,
        .bytes_in = ex->bytes_in,
        .bytes_out = ex->bytes_out,
        .duration_us = (int64_t)duration_us,
        .connect_us = p->connect_us,
        .response_us = p->response_us,
        .retries = p->proxy.retries,
        .reused = p->proxy.reused,
        .tls = slice_str(ex->client->tls_version),
        .tls_resumed = ex->client->tls_resumed,
        .user_agent = headers_value(&req->headers, HEADER_USER_AGENT),
        .abort_reason = slice_str(close_reason_text(ex->close_reason)),
    };
    if (ex->client->proxy.family != AF_UNSPEC)
        record.proxy = format(&ex->client->proxy, proxy);
    else if (p->told_by_proxy)
        record.proxy = format(&ex->client->address, proxy);
    access_log_append(p->pipeline->access_log, &record);
}

static void count_aborted(const struct exchange *ex, struct metrics *m)
{
    switch (ex->close_reason) {
    case CLOSE_CLIENT_LEFT:
    case CLOSE_CLIENT_TIMEOUT:
    case CLOSE_CLIENT_INVALID:
    case CLOSE_CLIENT_FLOOD:
        metrics_add(m, COUNTER_REQUESTS_ABORTED, 1);
        break;
    case CLOSE_UPSTREAM_ABORTED:
    case CLOSE_UPSTREAM_INVALID:
    case CLOSE_UPSTREAM_TIMEOUT:
        metrics_add(m, COUNTER_RESPONSES_ABORTED, 1);
        break;
    default:
        break;
    }
}

void passage_account(struct passage *p)
{
    struct exchange *ex = p->ex;
    struct metrics *m = p->pipeline->metrics;
    uint64_t duration_us = ex->loop->now_us - ex->started_us;
    /* A connection that ended in the middle of a head: no request to speak of. */
    if (ex->request.method_name.len == 0 && !ex->response_begun)
        return;
    bool by_client =
        ex->close_reason == CLOSE_CLIENT_LEFT || ex->close_reason == CLOSE_CLIENT_TIMEOUT;
    if (by_client && (ex->response_complete || ex->tunnel))
        ex->close_reason = CLOSE_NONE; /* it has its answer, or has had enough of its tunnel */
    count_aborted(ex, m);
    metrics_add(m, COUNTER_CLIENT_BYTES_IN, ex->bytes_in);
    metrics_add(m, COUNTER_CLIENT_BYTES_OUT, ex->bytes_out);
    enum series_class class =
        ex->close_reason == CLOSE_NONE ? series_class_of(ex->response.status) : SERIES_ABORTED;
    if (p->flow)
        series_record(p->flow->series, class, ex->bytes_in, ex->bytes_out, duration_us);
    if (p->upstream)
        series_record(p->upstream->series, class, ex->bytes_in, ex->bytes_out, duration_us);
    write_log(p, duration_us);
}
