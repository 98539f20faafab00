#include "bench/node/node_request.h"

#include "common/err.h"
#include "common/mem.h"

#define TRAILERS_BYTES (16 * 1024)
#define REST_BYTES (64 * 1024) /* a buffer that has grown beyond this does not stay in the pool */

void node_request_reset(struct node_request *r)
{
    if (r->body.size > REST_BYTES)
        buf_fini(&r->body);
    mem_free(r->kept);
    struct buf trailers = r->trailers, body = r->body;
    EVP_MD_CTX *digest = r->digest;
    /* The array of headers stays as it is: clearing it would cost more than reading a request. */
    memset(r, 0, offsetof(struct node_request, headers));
    memset((char *)r + offsetof(struct node_request, header_count), 0,
           sizeof(*r) - offsetof(struct node_request, header_count));
    r->trailers = trailers;
    r->body = body;
    r->digest = digest;
    r->trailers.cap = TRAILERS_BYTES;
    r->body.cap = NODE_KEPT_BYTES;
    buf_clear(&r->trailers);
    buf_clear(&r->body);
    r->minor = 1;
}

void node_request_fini(struct node_request *r)
{
    mem_free(r->kept);
    buf_fini(&r->trailers);
    buf_fini(&r->body);
    EVP_MD_CTX_free(r->digest);
}

/* --- what llhttp tells ------------------------------------------------------------------------ */

static bool in_trailers(const struct node_request *r)
{
    return r->has_body;
}

/* A head comes in one piece, so each span does too, unless it was folded (obs-fold). */
static int extend(struct slice *s, const char *at, size_t len)
{
    if (s->data && s->data + s->len != at)
        return -1;
    *s = s->data ? slice_of(s->data, s->len + len) : slice_of(at, len);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct node_request *r = parser->data;
    return extend(&r->target, at, len);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct node_request *r = parser->data;
    if (in_trailers(r)) {
        buf_append(&r->trailers, at, len);
        return buf_ok(&r->trailers) ? 0 : -1;
    }
    if (r->header_count == NODE_HEADERS) {
        r->refusal = 431;
        return -1;
    }
    return extend(&r->headers[r->header_count].name, at, len);
}

static int on_header_field_complete(llhttp_t *parser)
{
    struct node_request *r = parser->data;
    if (in_trailers(r))
        buf_append_char(&r->trailers, '\0');
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct node_request *r = parser->data;
    if (in_trailers(r)) {
        buf_append(&r->trailers, at, len);
        return buf_ok(&r->trailers) ? 0 : -1;
    }
    return extend(&r->headers[r->header_count].value, at, len);
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct node_request *r = parser->data;
    if (in_trailers(r)) {
        buf_append_char(&r->trailers, '\0');
        return 0;
    }
    struct node_header *h = &r->headers[r->header_count++];
    h->value = slice_trim(h->value);
    if (r->header_count < NODE_HEADERS)
        r->headers[r->header_count] = (struct node_header){ 0 };
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct node_request *r = parser->data;
    r->method = parser->method;
    r->minor = parser->http_minor;
    r->trailers_from = r->header_count;
    r->has_body = parser->content_length > 0 || (parser->flags & F_CHUNKED);
    /* What comes after an upgrade is the caller's; one that it ignores is an ordinary request. */
    parser->upgrade = 0;
    return parser->http_major == 1 ? 0 : -1;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct node_request *r = parser->data;
    if (r->wants_digest && r->body_bytes == 0)
        EVP_DigestInit_ex(r->digest, EVP_sha256(), NULL);
    if (r->wants_digest)
        EVP_DigestUpdate(r->digest, at, len);
    if (r->wants_body)
        buf_append(&r->body, at, len);
    r->body_bytes += len;
    r->refusal = buf_ok(&r->body) ? 0 : 413;
    return r->refusal ? -1 : 0;
}

/* The trailers buffer holds name NUL value NUL, again and again; strict llhttp lets no other NUL
 * in. */
static void index_trailers(struct node_request *r)
{
    struct slice rest = buf_slice(&r->trailers);
    while (rest.len && r->header_count < NODE_HEADERS) {
        struct node_header *h = &r->headers[r->header_count++];
        h->name = slice_of(rest.data, slice_find(rest, '\0'));
        rest = slice_from(rest, h->name.len + 1);
        size_t value_len = slice_find(rest, '\0');
        h->value = slice_trim(slice_of(rest.data, value_len));
        rest = slice_from(rest, value_len + 1);
    }
}

static int on_message_complete(llhttp_t *parser)
{
    struct node_request *r = parser->data;
    index_trailers(r);
    r->complete = true;
    r->keep_alive = llhttp_should_keep_alive(parser);
    return HPE_PAUSED; /* the next request is another object's */
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void node_request_parser_init(llhttp_t *parser)
{
    llhttp_init(parser, HTTP_REQUEST, &settings);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* 0, or the status of a refusal. */
static int settle(struct node_request *r, llhttp_t *parser, llhttp_errno_t rc)
{
    if (rc == HPE_PAUSED && r->complete) {
        llhttp_resume(parser);
        return 0;
    }
    if (rc == HPE_OK)
        return 0;
    return r->refusal ? r->refusal : 400;
}

/* RFC 9112 3.2: origin form, absolute form, or "*". */
static void split_target(struct node_request *r)
{
    struct slice rest = r->target;
    const char *scheme_end = memmem(rest.data, rest.len, "://", 3);
    if (rest.len && rest.data[0] != '/' && scheme_end) {
        rest = slice_from(rest, (size_t)(scheme_end - rest.data) + 3);
        rest = slice_from(rest, slice_find(rest, '/'));
    }
    size_t question = slice_find(rest, '?');
    r->path = slice_of(rest.data, question);
    r->query = question < rest.len ? slice_from(rest, question + 1) : slice_of(rest.data, 0);
}

size_t node_request_find_head(struct slice *input)
{
    while (input->len && (input->data[0] == '\r' || input->data[0] == '\n'))
        *input = slice_from(*input, 1);
    if (input->len == 0)
        return 0;
    const char *blank = memmem(input->data, input->len, "\r\n\r\n", 4);
    return blank ? (size_t)(blank - input->data) + 4 : 0;
}

int node_request_read_head(struct node_request *r, llhttp_t *parser, struct slice head)
{
    r->head = head;
    r->headers[0] = (struct node_header){ 0 };
    parser->data = r;
    int refusal = settle(r, parser, llhttp_execute(parser, head.data, head.len));
    if (refusal)
        return refusal;
    /* The blank line was seen: a parser that still waits for one reads something else than we do.
     */
    if (!r->complete && !r->has_body)
        return 400;
    split_target(r);
    r->expects_continue =
        r->minor >= 1 && r->has_body &&
        slice_eq_nocase(node_request_header(r, SLICE("expect")), SLICE("100-continue"));
    return 0;
}

int node_request_read_body(struct node_request *r, llhttp_t *parser, struct slice *input)
{
    if (r->wants_digest && !r->digest)
        r->digest = EVP_MD_CTX_new();
    parser->data = r;
    llhttp_errno_t rc = llhttp_execute(parser, input->data, input->len);
    const char *end = rc == HPE_OK ? input->data + input->len : llhttp_get_error_pos(parser);
    int refusal = settle(r, parser, rc);
    *input = slice_from(*input, (size_t)(end - input->data));
    return refusal;
}

static void move(struct slice *s, const char *from, const char *to)
{
    if (s->data)
        s->data = to + (s->data - from);
}

int node_request_keep(struct node_request *r)
{
    if (r->kept || !r->head.data)
        return 0;
    r->kept = mem_try(r->head.len);
    if (!r->kept)
        return ERR_NO_MEMORY;
    memcpy(r->kept, r->head.data, r->head.len);
    const char *from = r->head.data;
    move(&r->head, from, r->kept);
    move(&r->target, from, r->kept);
    move(&r->path, from, r->kept);
    move(&r->query, from, r->kept);
    for (size_t i = 0; i < r->trailers_from; i++) {
        move(&r->headers[i].name, from, r->kept);
        move(&r->headers[i].value, from, r->kept);
    }
    return 0;
}

struct slice node_request_header(const struct node_request *r, struct slice name)
{
    for (size_t i = 0; i < r->trailers_from; i++)
        if (slice_eq_nocase(r->headers[i].name, name))
            return r->headers[i].value;
    return (struct slice){ 0 };
}

bool node_request_lists(const struct node_request *r, struct slice name, struct slice token)
{
    struct slice element;
    for (size_t i = 0; i < r->trailers_from; i++) {
        struct slice rest = r->headers[i].value;
        if (!slice_eq_nocase(r->headers[i].name, name))
            continue;
        while (slice_next_element(&rest, &element))
            if (slice_eq_nocase(element, token))
                return true;
    }
    return false;
}

void node_request_digest(struct node_request *r, struct node_digest *digest)
{
    if (r->body_bytes)
        node_digest_finish(digest, r->digest);
    else
        node_digest_empty(digest);
}
