/* States:  HEAD -> (LENGTH | CHUNKED | UNTIL_CLOSE) -> DONE;  any -> FAILED */
#include "http/h1_parser.h"

enum { STATE_HEAD, STATE_LENGTH, STATE_CHUNKED, STATE_UNTIL_CLOSE, STATE_DONE, STATE_FAILED };

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
    return p->target_len > p->limits.target_bytes ? stop(p, H1_TARGET_TOO_LONG) : 0;
}

/* Trailers come in pieces of any input: they are gathered in a block of their own. */
static bool keep_trailer_bytes(struct h1_parser *p, const char *at, size_t len, const char **where)
{
    if (!p->stash || p->trailer_bytes == 0)
        p->stash = arena_alloc(p->arena, p->limits.head_bytes);
    if (!p->stash || len > p->limits.head_bytes - p->trailer_bytes)
        return false;
    memcpy(p->stash + p->trailer_bytes, at, len);
    if (!*where)
        *where = p->stash + p->trailer_bytes;
    p->trailer_bytes += (uint32_t)len;
    return true;
}

static int trailer_bytes(struct h1_parser *p, const char *at, size_t len, bool value)
{
    struct headers *hs = &p->trailers;
    if (!value && (hs->count == 0 || p->in_value)) {
        if (hs->count >= p->limits.header_count || !headers_push(hs, p->arena))
            return stop(p, H1_HEAD_TOO_LARGE);
    }
    struct header *h = &hs->items[hs->count - 1];
    p->in_value = value;
    if (!keep_trailer_bytes(p, at, len, value ? &h->value : &h->name))
        return stop(p, H1_HEAD_TOO_LARGE);
    if (value)
        h->value_len += (uint32_t)len;
    else
        h->name_len = (uint16_t)(h->name_len + len);
    return 0;
}

/* Of a field only its place is noted; its parts are found, and checked, when the head is whole. */
static int on_header_field(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parser *p = l->data;
    if (p->state != STATE_HEAD)
        return trailer_bytes(p, at, len, false);
    if (p->head.headers.count > 0 && !p->in_value)
        return 0; /* the rest of a name */
    if (p->head.headers.count >= p->limits.header_count)
        return stop(p, H1_HEAD_TOO_LARGE);
    struct header *h = headers_push(&p->head.headers, p->arena);
    if (!h)
        return stop(p, H1_HEAD_TOO_LARGE);
    h->value_len = (uint32_t)(at - p->base);
    p->in_value = false;
    return 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parser *p = l->data;
    if (p->state != STATE_HEAD)
        return trailer_bytes(p, at, len, true);
    p->in_value = true;
    return 0;
}

static int on_header_value_complete(llhttp_t *l)
{
    struct h1_parser *p = l->data;
    p->in_value = true;
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

static int on_message_complete(llhttp_t *l)
{
    struct h1_parser *p = l->data;
    p->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
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
    p->response = true;
    p->head_method = to_head;
}

/* ---- the head, once more ---- */

static bool bytes_at(struct slice head, size_t at, struct slice expected)
{
    return at <= head.len && slice_starts_with(slice_from(head, at), expected);
}

/* "METHOD SP target SP HTTP/1.x CRLF" to the letter. Returns where the fields begin, 0 when wrong.
 */
static size_t check_request_line(struct h1_parser *p, struct slice head)
{
    struct h1_head *h = &p->head;
    size_t at = 0;
    while (bytes_at(head, at, SLICE("\r\n")))
        at += 2;
    h->method = llhttp_get_method(&p->llhttp);
    h->method_name = slice_str(llhttp_method_name(h->method));
    if (!bytes_at(head, at, h->method_name))
        return 0;
    at += h->method_name.len;
    if (!bytes_at(head, at, SLICE(" ")) || p->target_at != at + 1)
        return 0;
    h->target = slice_of(head.data + p->target_at, p->target_len);
    at = p->target_at + p->target_len;
    if (!bytes_at(head, at, SLICE(" HTTP/1.")) || !bytes_at(head, at + 9, SLICE("\r\n")))
        return 0;
    return at + 11;
}

/* "HTTP/1.x SP 3DIGIT [SP reason] CRLF"; the reason may be missing with its space, as some send. */
static size_t check_status_line(struct h1_parser *p, struct slice head)
{
    struct h1_head *h = &p->head;
    uint64_t status;
    size_t end = slice_find(head, '\n');
    if (!bytes_at(head, 0, SLICE("HTTP/1.")) || !bytes_at(head, 8, SLICE(" ")) || end < 13 ||
        head.data[end - 1] != '\r' || !slice_to_u64(slice_of(head.data + 9, 3), &status))
        return 0;
    struct slice rest = slice_of(head.data + 12, end - 1 - 12);
    if (status < 100 || status > 599 || (rest.len && rest.data[0] != ' '))
        return 0;
    h->status = (uint16_t)status;
    h->reason = slice_trim(rest);
    return end + 1;
}

/* A field fills exactly the bytes from its name to the next one's: name, colon, value, CRLF. That
 * leaves no room for folded lines, bare LF or CR, or space before the colon. */
static bool check_field(struct header *h, struct slice line)
{
    if (line.len < 3 || line.data[line.len - 2] != '\r' || line.data[line.len - 1] != '\n')
        return false;
    line.len -= 2;
    size_t colon = slice_find(line, ':');
    if (colon == 0 || colon >= line.len || colon > UINT16_MAX ||
        slice_find(line, '\r') < line.len || slice_find(line, '\n') < line.len)
        return false;
    struct slice value = slice_trim(slice_from(line, colon + 1));
    *h = (struct header){ .name = line.data,
                          .name_len = (uint16_t)colon,
                          .value = value.data,
                          .value_len = (uint32_t)value.len };
    char last = line.data[colon - 1];
    if (last == ' ' || last == '\t')
        return false;
    header_identify(h);
    return true;
}

/* Names with an underscore are dropped, as nginx does: many backends read '_' as '-', and would
 * take Content_Length for what it resembles. */
static bool is_dropped(const struct h1_parser *p, const struct header *h)
{
    return !p->response && memchr(h->name, '_', h->name_len);
}

static bool check_fields(struct h1_parser *p, struct slice head, size_t at)
{
    struct headers *hs = &p->head.headers;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hs->count; i++) {
        size_t begin = hs->items[i].value_len;
        size_t end = i + 1 < hs->count ? hs->items[i + 1].value_len : head.len - 2;
        if (begin != at || end <= begin)
            return false;
        struct header h;
        if (!check_field(&h, slice_of(head.data + begin, end - begin)))
            return false;
        at = end;
        if (!is_dropped(p, &h))
            hs->items[kept++] = h;
    }
    hs->count = kept;
    return at + 2 == head.len && bytes_at(head, at, SLICE("\r\n"));
}

/* ---- framing (RFC 9112 6), stricter than the RFC where it leaves room ---- */

static bool has_no_content(const struct h1_parser *p)
{
    uint16_t status = p->head.status;
    return p->response && (p->head_method || status < 200 || status == 204 || status == 304);
}

/* At most one Content-Length and one Transfer-Encoding, never both; the latter only "chunked". */
static bool check_framing(struct h1_parser *p)
{
    struct h1_head *h = &p->head;
    unsigned lengths = 0, encodings = 0, hosts = 0;
    for (uint32_t i = 0; i < h->headers.count; i++) {
        const struct header *f = &h->headers.items[i];
        if (f->id == HEADER_CONTENT_LENGTH) {
            lengths++;
            if (f->value_len > 18 || !slice_to_u64(header_value(f), &h->content_length))
                return false;
        } else if (f->id == HEADER_TRANSFER_ENCODING) {
            encodings++;
            if (!slice_eq_nocase(header_value(f), SLICE("chunked")))
                return false;
        } else if (f->id == HEADER_HOST) {
            hosts++;
        }
    }
    if (lengths > 1 || encodings > 1 || (lengths && encodings))
        return false;
    if (encodings && h->version_minor == 0)
        return false;
    if (!p->response && (hosts > 1 || (hosts == 0 && h->version_minor >= 1)))
        return false;
    h->has_content_length = lengths == 1;
    if (has_no_content(p))
        h->body = BODY_NONE;
    else if (encodings)
        h->body = BODY_CHUNKED;
    else if (lengths)
        h->body = h->content_length || p->response ? BODY_LENGTH : BODY_NONE;
    else
        h->body = p->response ? BODY_UNTIL_CLOSE : BODY_NONE;
    return true;
}

static void judge_keep_alive(struct h1_head *h)
{
    if (!headers_find(&h->headers, HEADER_CONNECTION)) {
        h->keep_alive = h->version_minor >= 1;
        return;
    }
    bool close = headers_list_has(&h->headers, HEADER_CONNECTION, SLICE("close"));
    bool keep = headers_list_has(&h->headers, HEADER_CONNECTION, SLICE("keep-alive"));
    h->keep_alive = !close && (h->version_minor >= 1 || keep);
    headers_mark_hop_by_hop(&h->headers);
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
    size_t at = p->response ? check_status_line(p, head) : check_request_line(p, head);
    if (at == 0 || !check_fields(p, head, at) || !check_framing(p))
        return fail(p, H1_SYNTAX);
    judge_keep_alive(h);
    static const uint8_t next[] = { [BODY_NONE] = STATE_DONE,
                                    [BODY_LENGTH] = STATE_LENGTH,
                                    [BODY_CHUNKED] = STATE_CHUNKED,
                                    [BODY_UNTIL_CLOSE] = STATE_UNTIL_CLOSE };
    p->state = next[h->body];
    p->body_left = h->body == BODY_LENGTH ? h->content_length : 0;
    p->complete = p->in_value = false;
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
    bool in_target = !p->response && p->head.headers.count == 0;
    return fail(p, in_target ? H1_TARGET_TOO_LONG : H1_HEAD_TOO_LARGE);
}

/* Feeds llhttp the bytes up to where the head seems to end, and at most up to the limit. */
static enum h1_event read_head(struct h1_parser *p, struct slice *input)
{
    while (input->len) {
        const char *end = memmem(input->data, input->len, "\r\n\r\n", 4);
        size_t room = p->limits.head_bytes - p->stash_len;
        size_t take = end ? (size_t)(end - input->data) + 4 : input->len;
        take = MIN(take, room);
        if (take == 0)
            return head_too_large(p);
        size_t before = p->stash_len;
        if (p->response && end && p->stash_len == 0)
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

/* Size lines and extensions may not outweigh the content without end. A byte in a chunk of its own
 * costs five more: that, too, is no way to send a file. */
static bool is_padded(const struct h1_parser *p)
{
    return p->trailers.count == 0 && /* they have limits of their own */
           p->chunk_overhead > p->limits.head_bytes + 4 * p->chunk_content;
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
    if (rc == HPE_OK)
        return H1_MORE;
    if (p->piece.len) {
        *body = p->piece;
        return H1_BODY;
    }
    for (uint32_t i = 0; i < p->trailers.count; i++)
        header_identify(&p->trailers.items[i]);
    p->state = STATE_DONE;
    return H1_END;
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
