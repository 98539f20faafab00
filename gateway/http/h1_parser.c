/* States:  HEAD -> (LENGTH | CHUNKED -> TRAILERS | UNTIL_CLOSE) -> DONE;  any -> FAILED */
#include "http/h1_parser.h"

enum {
    STATE_HEAD,
    STATE_LENGTH,
    STATE_CHUNKED,
    STATE_TRAILERS,
    STATE_UNTIL_CLOSE,
    STATE_DONE,
    STATE_FAILED
};

static enum h1_event fail(struct h1_parser *p, enum h1_error error)
{
    p->state = STATE_FAILED;
    p->error = error;
    return H1_BAD;
}

/* ---- what llhttp calls ---- */

static int stop(struct h1_parser *p, enum h1_error error)
{
    p->error = error;
    return HPE_USER;
}

static int on_url(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parser *p = l->data;
    if (p->target_len == 0)
        p->target_at = (size_t)(at - p->base);
    p->target_len += len;
    return 0;
}

/* What is whole is judged, never a piece: a message in pieces gets the answer of one that came at
 * once. "PRI" begins HTTP/2 (RFC 9113 3.4); llhttp would wait for the rest of that. */
static int on_url_complete(llhttp_t *l)
{
    struct h1_parser *p = l->data;
    p->has_target = true;
    if (llhttp_get_method(l) == HTTP_PRI)
        return stop(p, H1_VERSION);
    return p->target_len > p->limits.target_bytes ? stop(p, H1_TARGET_TOO_LONG) : 0;
}

/* Of a field only its place is noted; its parts are found, and checked, when the head is whole. */
static int on_header_field(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parser *p = l->data;
    (void)len;
    if (!p->in_name)
        p->name_at = (size_t)(at - p->base);
    p->in_name = true;
    return 0;
}

static int on_header_field_complete(llhttp_t *l)
{
    struct h1_parser *p = l->data;
    p->in_name = false;
    if (p->head.headers.count >= p->limits.header_count)
        return stop(p, H1_HEAD_TOO_LARGE);
    struct header *h = headers_push(&p->head.headers, p->arena);
    if (!h)
        return stop(p, H1_HEAD_TOO_LARGE);
    h->begin = (uint32_t)p->name_at;
    return 0;
}

static int on_headers_complete(llhttp_t *l)
{
    struct h1_parser *p = l->data;
    p->complete = true;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parser *p = l->data;
    p->piece = slice_of(at, len);
    return HPE_PAUSED;
}

/* What follows the last chunk is read here: llhttp takes bare LF and folded lines there. */
static int on_chunk_header(llhttp_t *l)
{
    struct h1_parser *p = l->data;
    p->complete = l->content_length == 0;
    return p->complete ? HPE_PAUSED : 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
};

static void init(struct h1_parser *p, llhttp_type_t type, struct arena *arena,
                 const struct h1_limits *limits)
{
    *p = (struct h1_parser){ .arena = arena, .limits = *limits };
    llhttp_init(&p->llhttp, type, &settings);
    p->llhttp.data = p;
}

void h1_parser_init_request(struct h1_parser *p, struct arena *arena,
                            const struct h1_limits *limits)
{
    init(p, HTTP_REQUEST, arena, limits);
}

void h1_parser_init_response(struct h1_parser *p, struct arena *arena,
                             const struct h1_limits *limits, bool to_head)
{
    init(p, HTTP_RESPONSE, arena, limits);
    p->kind = to_head ? H1_HEAD_RESPONSE_TO_HEAD : H1_HEAD_RESPONSE;
}

static enum h1_event finish_head(struct h1_parser *p, size_t head_len)
{
    struct h1_head *h = &p->head;
    struct slice head = slice_of(p->base, head_len);
    if (llhttp_get_http_major(&p->llhttp) != 1)
        return fail(p, H1_VERSION);
    h->version_minor = llhttp_get_http_minor(&p->llhttp);
    if (h->version_minor > 1)
        return fail(p, H1_VERSION);
    if (p->kind == H1_HEAD_REQUEST) {
        h->method = llhttp_get_method(&p->llhttp);
        h->method_name = slice_str(llhttp_method_name(h->method));
        h->target = slice_of(p->base + p->target_at, p->target_len);
    }
    if (!h1_head_check(h, head, p->kind))
        return fail(p, H1_SYNTAX);
    static const uint8_t next[] = { [BODY_NONE] = STATE_DONE,
                                    [BODY_LENGTH] = STATE_LENGTH,
                                    [BODY_CHUNKED] = STATE_CHUNKED,
                                    [BODY_UNTIL_CLOSE] = STATE_UNTIL_CLOSE };
    p->state = next[h->body];
    p->body_left = h->body == BODY_LENGTH ? h->content_length : 0;
    p->complete = false;
    p->stash = NULL;
    return H1_HEAD;
}

static bool stash(struct h1_parser *p, struct slice bytes)
{
    if (p->stash_len + bytes.len > p->stash_size) {
        /* A head that comes whole gets what it needs; one that comes in pieces room to grow. */
        size_t size = p->stash_len ? MAX(p->stash_size * 2, p->stash_len + bytes.len) : bytes.len;
        size = MIN(size, MAX(p->limits.head_bytes, bytes.len));
        char *grown = arena_alloc(p->arena, size);
        if (!grown)
            return false;
        if (p->stash_len)
            memcpy(grown, p->stash, p->stash_len);
        p->stash = grown;
        p->stash_size = size;
    }
    memcpy(p->stash + p->stash_len, bytes.data, bytes.len);
    p->stash_len += bytes.len;
    p->base = p->stash;
    return true;
}

static enum h1_event head_too_large(struct h1_parser *p)
{
    bool in_target = p->kind == H1_HEAD_REQUEST && !p->has_target;
    return fail(p, in_target ? H1_TARGET_TOO_LONG : H1_HEAD_TOO_LARGE);
}

/* Where the empty line that ends a head begins, with the end of the line before it; NULL: not here.
 * By line, for memmem() goes by byte. */
static const char *find_end(struct slice s)
{
    const char *end = s.data + s.len;
    const char *at = memchr(s.data, '\n', s.len);
    for (; at && end - at > 2; at = memchr(at + 1, '\n', (size_t)(end - at) - 1))
        if (at[1] == '\r' && at[2] == '\n' && at > s.data && at[-1] == '\r')
            return at - 1;
    return NULL;
}

/* Feeds llhttp the bytes up to where the head seems to end, and at most up to the limit. */
static enum h1_event read_head(struct h1_parser *p, struct slice *input)
{
    while (input->len) {
        const char *end = find_end(*input);
        size_t room = p->limits.head_bytes - p->stash_len;
        size_t take = end ? (size_t)(end - input->data) + 4 : input->len;
        take = MIN(take, room);
        if (take == 0)
            return head_too_large(p);
        size_t before = p->stash_len;
        if (p->kind != H1_HEAD_REQUEST && end && p->stash_len == 0)
            p->base = input->data;
        else if (!stash(p, slice_of(input->data, take)))
            return fail(p, H1_HEAD_TOO_LARGE);
        llhttp_errno_t rc = llhttp_execute(&p->llhttp, p->base + before, take);
        if (rc == HPE_PAUSED && p->complete) {
            size_t head_len = (size_t)(llhttp_get_error_pos(&p->llhttp) - p->base);
            *input = slice_from(*input, head_len - before);
            return finish_head(p, head_len);
        }
        if (rc != HPE_OK)
            return fail(p, p->error != H1_OK           ? p->error
                           : rc == HPE_INVALID_VERSION ? H1_VERSION
                                                       : H1_SYNTAX);
        if (p->base == input->data && !stash(p, slice_of(input->data, take)))
            return fail(p, H1_HEAD_TOO_LARGE);
        *input = slice_from(*input, take);
    }
    return H1_MORE;
}

/* ---- the content ---- */

static enum h1_event read_length(struct h1_parser *p, struct slice *input, struct slice *body)
{
    if (p->body_left == 0) {
        p->state = STATE_DONE;
        return H1_END;
    }
    if (input->len == 0)
        return H1_MORE;
    size_t n = input->len < p->body_left ? input->len : (size_t)p->body_left;
    *body = slice_of(input->data, n);
    *input = slice_from(*input, n);
    p->body_left -= n;
    return H1_BODY;
}

static enum h1_event take_trailer(struct h1_parser *p, struct slice line)
{
    struct header field;
    if (!h1_trailer_check(&field, line))
        return fail(p, H1_SYNTAX);
    if (h1_field_is_dropped(&field, p->kind))
        return H1_MORE;
    if (p->trailers.count >= p->limits.header_count)
        return fail(p, H1_HEAD_TOO_LARGE);
    struct header *kept = headers_push(&p->trailers, p->arena);
    if (!kept)
        return fail(p, H1_HEAD_TOO_LARGE);
    *kept = field;
    return H1_MORE;
}

/* Line by line into a block of their own, up to the empty one. */
static enum h1_event read_trailers(struct h1_parser *p, struct slice *input)
{
    enum h1_event event = H1_MORE;
    while (input->len && event == H1_MORE) {
        size_t line_end = slice_find(*input, '\n');
        size_t take = MIN(line_end + 1, input->len);
        if (!p->stash)
            p->stash = arena_alloc(p->arena, p->limits.head_bytes);
        if (!p->stash || take > p->limits.head_bytes - p->stash_len)
            return fail(p, H1_HEAD_TOO_LARGE);
        memcpy(p->stash + p->stash_len, input->data, take);
        p->stash_len += take;
        bool whole = line_end < input->len;
        *input = slice_from(*input, take);
        if (!whole)
            break;
        struct slice line = slice_of(p->stash + p->line_at, p->stash_len - p->line_at);
        p->line_at = p->stash_len;
        if (slice_eq(line, SLICE("\r\n"))) {
            p->state = STATE_DONE;
            event = H1_END;
        } else {
            event = take_trailer(p, line);
        }
    }
    return event;
}

/* Size lines and extensions may not outweigh the content without end. A byte in a chunk of its own
 * costs five more: that, too, is no way to send a file. */
static bool is_padded(const struct h1_parser *p)
{
    return p->chunk_overhead > p->limits.head_bytes + 4 * p->chunk_content;
}

static enum h1_event read_chunked(struct h1_parser *p, struct slice *input, struct slice *body)
{
    p->piece = (struct slice){ 0 };
    llhttp_resume(&p->llhttp);
    llhttp_errno_t rc = llhttp_execute(&p->llhttp, input->data, input->len);
    if (rc != HPE_OK && rc != HPE_PAUSED)
        return fail(p, p->error != H1_OK ? p->error : H1_SYNTAX);
    size_t used =
        rc == HPE_OK ? input->len : (size_t)(llhttp_get_error_pos(&p->llhttp) - input->data);
    *input = slice_from(*input, used);
    p->chunk_content += p->piece.len;
    p->chunk_overhead += used - p->piece.len;
    if (is_padded(p))
        return fail(p, H1_SYNTAX);
    if (p->piece.len) {
        *body = p->piece;
        return H1_BODY;
    }
    if (rc == HPE_OK)
        return H1_MORE;
    p->state = STATE_TRAILERS;
    p->stash_len = 0;
    return read_trailers(p, input);
}

enum h1_event h1_parser_next(struct h1_parser *p, struct slice *input, struct slice *body)
{
    switch (p->state) {
    case STATE_HEAD:
        return read_head(p, input);
    case STATE_LENGTH:
        return read_length(p, input, body);
    case STATE_CHUNKED:
        return input->len ? read_chunked(p, input, body) : H1_MORE;
    case STATE_TRAILERS:
        return read_trailers(p, input);
    case STATE_UNTIL_CLOSE:
        if (input->len == 0)
            return H1_MORE;
        *body = *input;
        *input = slice_from(*input, input->len);
        return H1_BODY;
    case STATE_DONE:
        return H1_END;
    default:
        return H1_BAD;
    }
}

enum h1_event h1_parser_end_of_input(struct h1_parser *p)
{
    if (p->state == STATE_UNTIL_CLOSE || p->state == STATE_DONE) {
        p->state = STATE_DONE;
        return H1_END;
    }
    return fail(p, H1_TRUNCATED);
}

bool h1_parser_expects_more(const struct h1_parser *p)
{
    return p->state != STATE_DONE && !(p->state == STATE_LENGTH && p->body_left == 0);
}
