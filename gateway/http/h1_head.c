#include "http/h1_head.h"

static bool bytes_at(struct slice head, size_t at, struct slice expected)
{
    return at <= head.len && slice_starts_with(slice_from(head, at), expected);
}

/* "METHOD SP target SP HTTP/1.x CRLF" to the letter. Returns where the fields begin, 0 when wrong.
 */
static size_t check_request_line(const struct h1_head *h, struct slice head)
{
    size_t at = 0;
    while (bytes_at(head, at, SLICE("\r\n")))
        at += 2;
    if (!bytes_at(head, at, h->method_name))
        return 0;
    at += h->method_name.len;
    if (!bytes_at(head, at, SLICE(" ")) || h->target.data != head.data + at + 1)
        return 0;
    at += 1 + h->target.len;
    if (!bytes_at(head, at, SLICE(" HTTP/1.")) || !bytes_at(head, at + 9, SLICE("\r\n")))
        return 0;
    return at + 11;
}

/* "HTTP/1.x SP 3DIGIT [SP reason] CRLF"; the reason may be missing with its space, as some send. */
static size_t check_status_line(struct h1_head *h, struct slice head)
{
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

bool h1_field_is_dropped(const struct header *h, enum h1_head_kind kind)
{
    return kind == H1_HEAD_REQUEST && memchr(h->name, '_', h->name_len);
}

static bool check_fields(struct headers *hs, struct slice head, size_t at, enum h1_head_kind kind)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hs->count; i++) {
        size_t begin = hs->items[i].begin;
        size_t end = i + 1 < hs->count ? hs->items[i + 1].begin : head.len - 2;
        if (begin != at || end <= begin)
            return false;
        struct header h;
        if (!check_field(&h, slice_of(head.data + begin, end - begin)))
            return false;
        at = end;
        if (!h1_field_is_dropped(&h, kind))
            hs->items[kept++] = h;
    }
    hs->count = kept;
    return at + 2 == head.len && bytes_at(head, at, SLICE("\r\n"));
}

/* ---- framing (RFC 9112 6), stricter than the RFC where it leaves room ---- */

static bool has_no_content(const struct h1_head *h, enum h1_head_kind kind)
{
    if (kind == H1_HEAD_REQUEST)
        return false;
    return kind == H1_HEAD_RESPONSE_TO_HEAD || h->status < 200 || h->status == 204 ||
           h->status == 304;
}

/* At most one Content-Length and one Transfer-Encoding, never both; the latter only "chunked". */
static bool check_framing(struct h1_head *h, enum h1_head_kind kind)
{
    bool request = kind == H1_HEAD_REQUEST;
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
    if (request && (hosts > 1 || (hosts == 0 && h->version_minor >= 1)))
        return false;
    h->has_content_length = lengths == 1;
    if (has_no_content(h, kind))
        h->body = BODY_NONE;
    else if (encodings)
        h->body = BODY_CHUNKED;
    else if (lengths)
        h->body = h->content_length || !request ? BODY_LENGTH : BODY_NONE;
    else
        h->body = request ? BODY_NONE : BODY_UNTIL_CLOSE;
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

bool h1_head_check(struct h1_head *h, struct slice bytes, enum h1_head_kind kind)
{
    size_t at =
        kind == H1_HEAD_REQUEST ? check_request_line(h, bytes) : check_status_line(h, bytes);
    if (at == 0 || !check_fields(&h->headers, bytes, at, kind) || !check_framing(h, kind))
        return false;
    judge_keep_alive(h);
    return true;
}

bool h1_trailer_check(struct header *field, struct slice line)
{
    return check_field(field, line) && header_is_clean(field);
}
