/* A request read one byte at a time is the request read at once; and what would be forwarded of it,
 * read again, says the same: parse, write, parse is stable. */
#include "http/h1_parser.h"
#include "http/h1_request.h"
#include "http/h1_write.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define OUT_BYTES 65536

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

static void check_forwarded(struct reading *r)
{
    static struct reading again;
    static char out[OUT_BYTES];
    struct exchange *ex = &r->ex;
    enum error_page_reason why;
    memcpy(ex->reference, "0000-0000-0000", REFERENCE_LEN + 1);
    if (!h1_request_build(ex, &ex->parser.head, &why))
        return;
    struct h1_forward forward = { .target = ex->request.forward,
                                  .client = SLICE("192.0.2.1"),
                                  .upgrade = ex->request.wants_upgrade };
    size_t len = h1_write_request_head(out, sizeof(out), ex, &forward);
    REQUIRE(len > 0);
    read_all(&again, slice_of(out, len), len, &backend_limits);
    REQUIRE(again.head);
    const struct h1_head *head = &again.ex.parser.head;
    REQUIRE(head->method == ex->request.method && head->body == ex->request.body);
    REQUIRE(head->content_length == ex->request.content_length);
    REQUIRE(slice_eq(head->target, ex->request.forward));
    /* Without a host (HTTP/1.0) we send an empty one (RFC 9112 3.2), and accept none. */
    REQUIRE(h1_request_build(&again.ex, head, &why) == (ex->request.host.len > 0));
    REQUIRE(slice_eq(again.ex.request.path, ex->request.path) || ex->request.host.len == 0);
    REQUIRE(slice_eq(again.ex.request.host, ex->request.host));
    arena_fini(&again.ex.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, bytewise;
    if (size > OUT_BYTES / 2)
        return 0;
    struct slice input = slice_of((const char *)data, size);
    read_all(&whole, input, size ? size : 1, &client_limits);
    read_all(&bytewise, input, 1, &client_limits);
    require_same(&whole, &bytewise);
    if (whole.head)
        check_forwarded(&whole);
    arena_fini(&whole.ex.arena);
    arena_fini(&bytewise.ex.arena);
    return 0;
}
