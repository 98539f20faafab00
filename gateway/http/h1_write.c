#include "http/h1_write.h"

#include "common/buf.h"
#include "common/status_phrase.h"

void h1_write(struct h1_writer *w, struct slice bytes)
{
    if (UNLIKELY((size_t)(w->end - w->at) < bytes.len)) {
        w->failed = true;
        return;
    }
    if (bytes.len)
        memcpy(w->at, bytes.data, bytes.len);
    w->at += bytes.len;
}

void h1_write_u64(struct h1_writer *w, uint64_t value)
{
    char digits[20];
    h1_write(w, slice_of(digits, format_u64(digits, value)));
}

void h1_write_field(struct h1_writer *w, struct slice name, struct slice value)
{
    if (UNLIKELY((size_t)(w->end - w->at) < name.len + value.len + 4)) {
        w->failed = true;
        return;
    }
    memcpy(w->at, name.data, name.len);
    w->at += name.len;
    *w->at++ = ':';
    *w->at++ = ' ';
    if (value.len)
        memcpy(w->at, value.data, value.len);
    w->at += value.len;
    *w->at++ = '\r';
    *w->at++ = '\n';
}

static struct h1_writer writer_on(char *out, size_t size)
{
    return (struct h1_writer){ .at = out, .end = out + size };
}

static size_t finish(struct h1_writer *w, const char *out)
{
    h1_write(w, SLICE("\r\n"));
    return w->failed ? 0 : (size_t)(w->at - out);
}

/* Copies the fields that carry none of the flags in `without`. */
static void write_fields(struct h1_writer *w, const struct headers *hs, unsigned without)
{
    for (uint32_t i = 0; i < hs->count; i++)
        if (!(hs->items[i].flags & without))
            h1_write_field(w, header_name(&hs->items[i]), header_value(&hs->items[i]));
}

static void write_status_line(struct h1_writer *w, uint16_t status)
{
    char code[4] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
                     (char)('0' + status % 10), ' ' };
    h1_write(w, SLICE("HTTP/1.1 "));
    h1_write(w, slice_of(code, sizeof(code)));
    h1_write(w, slice_str(status_phrase(status)));
    h1_write(w, SLICE("\r\n"));
}

static bool may_have_length(uint16_t status)
{
    return status >= 200 && status != 204;
}

size_t h1_write_response_head(char *out, size_t size, const struct exchange *ex,
                              enum h1_connection connection, bool chunked, struct slice date)
{
    const struct response *r = &ex->response;
    struct h1_writer w = writer_on(out, size);
    write_status_line(&w, r->status);
    write_fields(&w, &r->headers, HEADER_HOP | HEADER_FRAMING | HEADER_OURS);
    /* Every answer carries the code that the citizen can quote. */
    h1_write_field(&w, SLICE("X-Request-ID"), slice_of(ex->reference, REFERENCE_LEN));
    if (!headers_find(&r->headers, HEADER_DATE))
        h1_write_field(&w, SLICE("Date"), date);
    if (chunked) {
        h1_write(&w, SLICE("Transfer-Encoding: chunked\r\n"));
    } else if (r->has_content_length && may_have_length(r->status)) {
        h1_write(&w, SLICE("Content-Length: "));
        h1_write_u64(&w, r->content_length);
        h1_write(&w, SLICE("\r\n"));
    }
    if (connection == H1_CLOSE) {
        h1_write(&w, SLICE("Connection: close\r\n"));
    } else if (connection == H1_UPGRADE) {
        h1_write(&w, SLICE("Connection: upgrade\r\n"));
        h1_write_field(&w, SLICE("Upgrade"), headers_value(&r->headers, HEADER_UPGRADE));
    } else if (ex->request.version_minor == 0) {
        h1_write(&w, SLICE("Connection: keep-alive\r\n"));
    }
    return finish(&w, out);
}

size_t h1_write_interim_head(char *out, size_t size, uint16_t status, const struct headers *headers)
{
    struct h1_writer w = writer_on(out, size);
    write_status_line(&w, status);
    if (headers)
        write_fields(&w, headers, HEADER_HOP | HEADER_FRAMING | HEADER_OURS);
    return finish(&w, out);
}

/* RFC 7239: an IPv6 address is quoted and bracketed; a host is quoted when it has a colon. */
static void write_forwarded(struct h1_writer *w, struct slice client, const struct request *req)
{
    bool v6 = slice_find(client, ':') < client.len;
    h1_write(w, v6 ? SLICE("Forwarded: for=\"[") : SLICE("Forwarded: for="));
    h1_write(w, client);
    h1_write(w, v6 ? SLICE("]\";proto=") : SLICE(";proto="));
    h1_write(w, req->https ? SLICE("https") : SLICE("http"));
    if (req->authority.len) {
        bool quoted = slice_find(req->authority, ':') < req->authority.len;
        h1_write(w, quoted ? SLICE(";host=\"") : SLICE(";host="));
        h1_write(w, req->authority);
        if (quoted)
            h1_write(w, SLICE("\""));
    }
    h1_write(w, SLICE("\r\n"));
}

static void write_hops(struct h1_writer *w, const struct exchange *ex,
                       const struct h1_forward *forward)
{
    const struct request *req = &ex->request;
    h1_write(w, SLICE("X-Forwarded-For: "));
    if (forward->forwarded_for.len) {
        h1_write(w, forward->forwarded_for);
        h1_write(w, SLICE(", "));
    }
    h1_write(w, forward->client);
    h1_write(w, req->https ? SLICE("\r\nX-Forwarded-Proto: https\r\n")
                           : SLICE("\r\nX-Forwarded-Proto: http\r\n"));
    if (req->authority.len)
        h1_write_field(w, SLICE("X-Forwarded-Host"), req->authority);
    h1_write_field(w, SLICE("X-Request-ID"), slice_of(ex->reference, REFERENCE_LEN));
}

size_t h1_write_request_head(char *out, size_t size, const struct exchange *ex,
                             const struct h1_forward *forward)
{
    const struct request *req = &ex->request;
    struct h1_writer w = writer_on(out, size);
    h1_write(&w, req->method_name);
    h1_write(&w, SLICE(" "));
    h1_write(&w, forward->target);
    h1_write(&w, SLICE(" HTTP/1.1\r\n"));
    h1_write_field(&w, SLICE("Host"), req->authority);
    write_fields(&w, &req->headers, HEADER_HOP | HEADER_FRAMING | HEADER_OURS);
    write_hops(&w, ex, forward);
    write_forwarded(&w, forward->client, req);
    if (forward->added)
        write_fields(&w, forward->added, 0);
    if (forward->deadline_name.len) {
        h1_write(&w, forward->deadline_name);
        h1_write(&w, SLICE(": "));
        h1_write_u64(&w, forward->deadline_ms);
        h1_write(&w, SLICE("\r\n"));
    }
    if (req->body == BODY_CHUNKED) {
        h1_write(&w, SLICE("Transfer-Encoding: chunked\r\n"));
    } else if (req->body == BODY_LENGTH || headers_find(&req->headers, HEADER_CONTENT_LENGTH)) {
        h1_write(&w, SLICE("Content-Length: "));
        h1_write_u64(&w, req->content_length);
        h1_write(&w, SLICE("\r\n"));
    }
    if (forward->upgrade) {
        h1_write(&w, SLICE("Connection: upgrade\r\n"));
        h1_write_field(&w, SLICE("Upgrade"), req->upgrade);
    }
    return finish(&w, out);
}

size_t h1_write_chunk_head(char out[H1_CHUNK_HEAD_BYTES], size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char text[16];
    size_t n = 0;
    do {
        text[n++] = digits[len & 15];
        len >>= 4;
    } while (len);
    for (size_t i = 0; i < n; i++)
        out[i] = text[n - 1 - i];
    out[n] = '\r';
    out[n + 1] = '\n';
    return n + 2;
}

size_t h1_write_last_chunk(char *out, size_t size, const struct headers *trailers)
{
    struct h1_writer w = writer_on(out, size);
    h1_write(&w, SLICE("0\r\n"));
    if (trailers)
        write_fields(&w, trailers, HEADER_HOP | HEADER_FRAMING | HEADER_OURS | HEADER_NO_TRAILER);
    return finish(&w, out);
}
