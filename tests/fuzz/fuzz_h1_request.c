/* A request read one byte at a time is the request read at once. What is forwarded of it is read as
 * that very request by a strict reader of another making, which finds its end in the same place;
 * read and written again it stays as it is, byte for byte. What has not ended, or went wrong on the
 * way, never looks ended to a backend. And where that reader takes the client's own bytes, it sees
 * in them what we see. */
#include "fakes/strict_http.h"
#include "http/h1_parser.h"
#include "http/h1_request.h"
#include "http/h1_write.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define IN_BYTES 32768
#define OUT_BYTES (4 * IN_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits client_limits = { .head_bytes = 8192,
                                                .target_bytes = 2048,
                                                .header_count = 64 };
/* What is forwarded is longer: escapes in the target, our own fields. */
static const struct h1_limits backend_limits = { .head_bytes = 32768,
                                                 .target_bytes = 3 * 2048,
                                                 .header_count = 80 };

struct reading {
    struct exchange ex;
    enum h1_event last;
    char body[OUT_BYTES];
    size_t body_len, used;
    bool head;
};

static void read_all(struct reading *r, struct slice input, size_t step,
                     const struct h1_limits *limits)
{
    struct h1_parser *p = &r->ex.parser;
    memset(&r->ex, 0, sizeof(r->ex));
    arena_init(&r->ex.arena, NULL, 1 << 20);
    memcpy(r->ex.reference, "0000-0000-0000", REFERENCE_LEN + 1);
    h1_parser_init_request(p, &r->ex.arena, limits);
    r->last = H1_MORE;
    r->body_len = r->used = 0;
    r->head = false;
    while (r->used < input.len && r->last == H1_MORE) {
        struct slice part = slice_of(input.data + r->used, MIN(step, input.len - r->used)), piece;
        const char *from = part.data;
        do {
            r->last = h1_parser_next(p, &part, &piece);
            r->head = r->head || r->last == H1_HEAD;
            if (r->last == H1_BODY) {
                REQUIRE(r->body_len + piece.len <= OUT_BYTES);
                memcpy(r->body + r->body_len, piece.data, piece.len);
                r->body_len += piece.len;
            }
        } while (r->last == H1_HEAD || r->last == H1_BODY);
        r->used += (size_t)(part.data - from);
    }
}

static void require_same(const struct reading *a, const struct reading *b)
{
    REQUIRE(a->head == b->head && a->last == b->last);
    if (a->last == H1_BAD)
        return;
    REQUIRE(a->used == b->used && a->body_len == b->body_len);
    REQUIRE(memcmp(a->body, b->body, a->body_len) == 0);
    const struct headers *x = &a->ex.parser.head.headers, *y = &b->ex.parser.head.headers;
    REQUIRE(!a->head || x->count == y->count);
    for (uint32_t i = 0; a->head && i < x->count; i++) {
        REQUIRE(slice_eq(header_name(&x->items[i]), header_name(&y->items[i])));
        REQUIRE(slice_eq(header_value(&x->items[i]), header_value(&y->items[i])));
    }
}

/* ---- what is forwarded ---- */

static char *put(char *at, struct slice bytes)
{
    if (bytes.len)
        memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

static char *put_piece(char *at, struct slice piece, bool chunked)
{
    char head[H1_CHUNK_HEAD_BYTES];
    if (!chunked || piece.len == 0)
        return put(at, piece);
    at = put(at, slice_of(head, h1_write_chunk_head(head, piece.len)));
    return put(put(at, piece), SLICE("\r\n"));
}

/* As stage_proxy does: the content in two pieces, its end only when it has one. */
static size_t forward(const struct reading *r, char out[OUT_BYTES])
{
    const struct exchange *ex = &r->ex;
    struct h1_forward how = { .target = ex->request.forward,
                              .client = SLICE("192.0.2.1"),
                              .upgrade = ex->request.wants_upgrade };
    bool chunked = ex->request.body == BODY_CHUNKED;
    size_t len = h1_write_request_head(out, OUT_BYTES, ex, &how), half = r->body_len / 2;
    REQUIRE(len > 0 && len < OUT_BYTES / 2);
    char *at = put_piece(out + len, slice_of(r->body, half), chunked);
    at = put_piece(at, slice_of(r->body + half, r->body_len - half), chunked);
    if (chunked && r->last == H1_END) {
        len = h1_write_last_chunk(at, (size_t)(out + OUT_BYTES - at), &ex->parser.trailers);
        REQUIRE(len > 0);
        at += len;
    }
    return (size_t)(at - out);
}

/* Nothing of the client's connection, and what we say is said once. */
static void check_fields(const struct strict_message *m, const struct request *req)
{
    static const char *const never[] = { "keep-alive", "proxy-connection", "te",
                                         "expect",     "x-real-ip",        "x-forwarded-port" };
    static const char *const once[] = { "host", "x-forwarded-for", "x-forwarded-proto", "forwarded",
                                        "x-request-id" };
    for (size_t i = 0; i < m->field_count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(never); k++)
            REQUIRE(!slice_eq_nocase(m->fields[i].name, slice_str(never[k])));
        REQUIRE(m->fields[i].name.len < 7 ||
                !slice_eq_nocase(slice_of(m->fields[i].name.data, 7), SLICE(HEADER_PREFIX_OURS)));
    }
    for (size_t k = 0; k < ARRAY_LEN(once); k++)
        REQUIRE(strict_http_field(m, once[k]).data != NULL);
    REQUIRE(slice_eq(strict_http_field(m, "host"), req->authority));
    REQUIRE((strict_http_field(m, "connection").data != NULL) == req->wants_upgrade);
    REQUIRE(slice_eq(strict_http_field(m, "upgrade"), req->upgrade));
}

static void check_with_strict(const struct reading *r, struct slice written)
{
    static struct strict_message m;
    static char body[OUT_BYTES];
    static const enum strict_framing framings[] = {
        [BODY_NONE] = STRICT_NONE, [BODY_LENGTH] = STRICT_LENGTH, [BODY_CHUNKED] = STRICT_CHUNKED
    };
    const struct request *req = &r->ex.request;
    enum strict_result result = strict_http_read_request(&m, written, body);
    REQUIRE(result == (r->last == H1_END ? STRICT_WHOLE : STRICT_INCOMPLETE));
    REQUIRE(m.head_len > 0 && m.used == written.len);
    REQUIRE(slice_eq(m.method, req->method_name) && slice_eq(m.target, req->forward));
    REQUIRE(m.framing == framings[req->body] || (m.length == 0 && req->body == BODY_NONE));
    REQUIRE(m.length == req->content_length);
    REQUIRE(m.body_len == r->body_len && memcmp(body, r->body, m.body_len) == 0);
    REQUIRE(m.trailer_count <= r->ex.parser.trailers.count);
    check_fields(&m, req);
}

static void check_forwarded(struct reading *r)
{
    static struct reading again;
    static char out[OUT_BYTES], twice[OUT_BYTES];
    enum error_page_reason why;
    if (!h1_request_build(&r->ex, &r->ex.parser.head, &why))
        return;
    size_t len = forward(r, out);
    check_with_strict(r, slice_of(out, len));
    read_all(&again, slice_of(out, len), len, &backend_limits);
    REQUIRE(again.head && again.last == (r->last == H1_END ? H1_END : H1_MORE));
    /* Without a host (HTTP/1.0) we send an empty one (RFC 9112 3.2), and accept none. */
    bool built = h1_request_build(&again.ex, &again.ex.parser.head, &why);
    REQUIRE(built == (r->ex.request.host.len > 0));
    if (built) {
        REQUIRE(slice_eq(again.ex.request.path, r->ex.request.path));
        REQUIRE(slice_eq(again.ex.request.host, r->ex.request.host));
        REQUIRE(forward(&again, twice) == len && memcmp(out, twice, len) == 0);
    }
    arena_fini(&again.ex.arena);
}

/* ---- what the client sent ---- */

static void check_client_bytes(const struct reading *r, struct slice input)
{
    static struct strict_message m;
    static char body[IN_BYTES];
    enum strict_result result = strict_http_read_request(&m, input, body);
    if (result == STRICT_REFUSED || r->last == H1_BAD)
        return;
    REQUIRE((result == STRICT_WHOLE) == (r->last == H1_END));
    REQUIRE((m.head_len > 0) == r->head);
    if (!r->head)
        return;
    const struct h1_head *head = &r->ex.parser.head;
    REQUIRE(slice_eq(m.method, head->method_name) && slice_eq(m.target, head->target));
    REQUIRE(m.field_count == head->headers.count);
    REQUIRE(result == STRICT_INCOMPLETE || m.used == r->used);
    REQUIRE(m.body_len == r->body_len);
    REQUIRE(memcmp(body, r->body, m.body_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, bytewise;
    if (size > IN_BYTES)
        return 0;
    struct slice input = slice_of((const char *)data, size);
    read_all(&whole, input, size ? size : 1, &client_limits);
    read_all(&bytewise, input, 1, &client_limits);
    require_same(&whole, &bytewise);
    check_client_bytes(&whole, input);
    if (whole.head)
        check_forwarded(&whole);
    arena_fini(&whole.ex.arena);
    arena_fini(&bytewise.ex.arena);
    return 0;
}
