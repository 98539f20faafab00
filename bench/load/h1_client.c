#include "bench/load/h1_client.h"

static void append_line(struct buf *out, struct slice name, struct slice value)
{
    buf_append_slice(out, name);
    buf_append(out, ": ", 2);
    buf_append_slice(out, value);
    buf_append(out, "\r\n", 2);
}

void h1_client_write_head(const struct request *r, struct slice host, struct buf *out)
{
    struct request_field fields[REQUEST_FIELDS_MAX];
    char digits[20];
    size_t count = request_fields(r, fields, digits);
    buf_append_str(out, r->method);
    buf_append_char(out, ' ');
    buf_append_str(out, r->target);
    buf_append_str(out, " HTTP/1.1\r\n");
    append_line(out, SLICE("host"), host);
    for (size_t i = 0; i < count; i++)
        append_line(out, fields[i].name, fields[i].value);
    buf_append(out, "\r\n", 2);
}

/* --- what llhttp reports ---------------------------------------------------------------------- */

static struct h1_client *client_of(llhttp_t *parser)
{
    return CONTAINER_OF(parser, struct h1_client, parser);
}

static void gather(char *out, size_t size, size_t *len, const char *at, size_t more)
{
    if (*len + more <= size)
        memcpy(out + *len, at, more);
    *len += more;
}

static int on_status_complete(llhttp_t *parser)
{
    answer_status(client_of(parser)->answer, parser->status_code);
    return HPE_OK;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_client *c = client_of(parser);
    gather(c->name, sizeof(c->name), &c->name_len, at, len);
    return HPE_OK;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_client *c = client_of(parser);
    gather(c->value, sizeof(c->value), &c->value_len, at, len);
    return HPE_OK;
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct h1_client *c = client_of(parser);
    bool fits = c->name_len <= sizeof(c->name) && c->value_len <= sizeof(c->value);
    if (fits)
        answer_header(c->answer, slice_of(c->name, c->name_len), slice_of(c->value, c->value_len));
    c->name_len = c->value_len = 0;
    return HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    answer_body(client_of(parser)->answer, slice_of(at, len));
    return HPE_OK;
}

static int on_message_complete(llhttp_t *parser)
{
    struct h1_client *c = client_of(parser);
    if (c->answer->status < 200)
        return HPE_OK; /* interim: the answer is still to come */
    c->is_complete = true;
    c->keeps_alive = llhttp_should_keep_alive(parser) == 1;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_status_complete = on_status_complete,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- reading ---------------------------------------------------------------------------------- */

void h1_client_expect(struct h1_client *c, struct answer *answer)
{
    llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
    c->answer = answer;
    c->name_len = c->value_len = 0;
    c->is_complete = c->keeps_alive = false;
}

static enum answer_progress complete(const struct h1_client *c)
{
    return c->keeps_alive ? ANSWER_DONE : ANSWER_LAST;
}

enum answer_progress h1_client_read(struct h1_client *c, struct slice bytes)
{
    c->answer->began = true;
    llhttp_errno_t rc = llhttp_execute(&c->parser, bytes.data, bytes.len);
    if (rc == HPE_OK)
        return ANSWER_MORE;
    bool is_all = llhttp_get_error_pos(&c->parser) == bytes.data + bytes.len;
    return c->is_complete && is_all ? complete(c) : ANSWER_BAD;
}

enum answer_progress h1_client_end(struct h1_client *c)
{
    llhttp_errno_t rc = llhttp_finish(&c->parser);
    if (rc != HPE_OK && rc != HPE_PAUSED)
        return ANSWER_BAD;
    return c->is_complete ? ANSWER_LAST : ANSWER_MORE;
}
