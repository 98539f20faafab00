#include "http/reply.h"

#include "config/config_isolation.h"

static bool add(struct exchange *ex, struct slice name, struct slice value)
{
    return headers_add(&ex->response.headers, &ex->arena, name, value);
}

static void answer(struct exchange *ex, uint16_t status, struct slice body)
{
    ex->response.status = status;
    ex->response.body = BODY_LENGTH;
    ex->response.has_content_length = true;
    ex->response.content_length = body.len;
    exchange_send_head(ex);
    if (body.len && ex->request.method != HTTP_HEAD)
        exchange_send_body(ex, body);
    exchange_send_end(ex, NULL);
}

/* No memory even for a page: cutting the connection is the one honest answer left. */
static void give_up(struct exchange *ex)
{
    exchange_abort(ex, CLOSE_NO_MEMORY);
}

void reply_text(struct exchange *ex, uint16_t status, struct slice content_type, struct slice body)
{
    ex->response.headers = (struct headers){ 0 };
    if (!add(ex, SLICE("Content-Type"), content_type) ||
        !add(ex, SLICE("Cache-Control"), SLICE("no-store"))) {
        give_up(ex);
        return;
    }
    answer(ex, status, body);
}

static bool nothing_filed(const struct exchange *ex)
{
    uint8_t method = ex->request.method;
    return !ex->request_forwarded || method == HTTP_GET || method == HTTP_HEAD ||
           method == HTTP_OPTIONS;
}

static bool add_page_fields(struct exchange *ex, bool is_json)
{
    ex->response.headers = (struct headers){ 0 };
    return add(ex, SLICE("Content-Type"), slice_str(error_page_content_type(is_json))) &&
           add(ex, SLICE("Cache-Control"), SLICE("no-store")) &&
           (is_json || add(ex, SLICE("Content-Security-Policy"), SLICE(ERROR_PAGE_POLICY)));
}

/* Completes the input. `link` and `name` may be empty, retry_after_s 0. */
static void send_page(struct exchange *ex, struct error_page_input *input, uint32_t retry_after_s,
                      struct slice name, struct slice value)
{
    input->reference = slice_str(ex->reference);
    if (ex->affected) {
        input->affected = ex->affected->vi;
        input->affected_en = ex->affected->en;
    }
    input->wants_json = error_page_wants_json(headers_value(&ex->request.headers, HEADER_ACCEPT));
    struct buf page;
    buf_init(&page, ERROR_PAGE_BYTES_MAX);
    error_page_write(&page, input);
    char seconds[20];
    struct slice retry = slice_of(seconds, format_u64(seconds, retry_after_s));
    bool ok = buf_ok(&page) && add_page_fields(ex, input->wants_json) &&
              (retry_after_s == 0 || add(ex, SLICE("Retry-After"), retry)) &&
              (input->link.len == 0 || input->status || add(ex, SLICE("Location"), input->link)) &&
              (name.len == 0 || add(ex, name, value));
    if (ok)
        answer(ex, input->status ? input->status : (uint16_t)error_page_status(input->reason),
               buf_slice(&page));
    else
        give_up(ex);
    buf_fini(&page);
}

void reply_error_with(struct exchange *ex, enum error_page_reason reason, struct slice name,
                      struct slice value)
{
    struct error_page_input input = { .reason = reason, .nothing_filed = nothing_filed(ex) };
    send_page(ex, &input, 0, name, value);
}

void reply_error_retry(struct exchange *ex, enum error_page_reason reason, uint32_t seconds)
{
    struct error_page_input input = { .reason = reason,
                                      .retry_after_s = seconds,
                                      .nothing_filed = nothing_filed(ex) };
    send_page(ex, &input, seconds, (struct slice){ 0 }, (struct slice){ 0 });
}

void reply_error_closed(struct exchange *ex, const struct reply_closed *closed)
{
    bool is_known = closed->until_ms || closed->is_overdue;
    struct error_page_input input = { .reason = ERROR_PAGE_MAINTENANCE,
                                      .retry_after_s = is_known ? 0 : closed->retry_after_s,
                                      .message = closed->message,
                                      .until_ms = closed->until_ms,
                                      .is_overdue = closed->is_overdue };
    send_page(ex, &input, closed->retry_after_s, (struct slice){ 0 }, (struct slice){ 0 });
}

void reply_status(struct exchange *ex, enum error_page_reason reason)
{
    struct error_page_input input = { .reason = reason, .link = ex->request.path, .status = 200 };
    send_page(ex, &input, 0, (struct slice){ 0 }, (struct slice){ 0 });
}

void reply_submission(struct exchange *ex, enum error_page_reason reason, uint32_t retry_after_s,
                      struct slice link)
{
    struct error_page_input input = { .reason = reason, .link = link };
    send_page(ex, &input, retry_after_s, (struct slice){ 0 }, (struct slice){ 0 });
}

void reply_error(struct exchange *ex, enum error_page_reason reason)
{
    reply_error_with(ex, reason, (struct slice){ 0 }, (struct slice){ 0 });
}

void reply_redirect(struct exchange *ex, struct slice location)
{
    bool safe = ex->request.method == HTTP_GET || ex->request.method == HTTP_HEAD;
    ex->response.headers = (struct headers){ 0 };
    if (!add(ex, SLICE("Location"), location)) {
        give_up(ex);
        return;
    }
    answer(ex, safe ? 301 : 308, (struct slice){ 0 });
}
