/* An answer read one byte at a time is the answer read at once, in any cut. */
#include "http/h1_parser.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define OUT_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct arena arena;
    struct h1_parser parser;
    enum h1_event last;
    struct h1_head head; /* without its slices, which live during the event only */
    char body[OUT_BYTES];
    size_t body_len, used;
};

static void read_all(struct reading *r, struct slice input, size_t step, bool to_head)
{
    static const struct h1_limits limits = { .head_bytes = 8192, .header_count = 64 };
    arena_init(&r->arena, NULL, 1 << 20);
    h1_parser_init_response(&r->parser, &r->arena, &limits, to_head);
    r->last = H1_MORE;
    r->body_len = r->used = 0;
    r->head = (struct h1_head){ 0 };
    while (r->used < input.len && r->last == H1_MORE) {
        struct slice part = slice_of(input.data + r->used, MIN(step, input.len - r->used)), piece;
        const char *from = part.data;
        do {
            r->last = h1_parser_next(&r->parser, &part, &piece);
            if (r->last == H1_HEAD)
                r->head = r->parser.head;
            if (r->last == H1_BODY) {
                REQUIRE(r->body_len + piece.len <= OUT_BYTES);
                memcpy(r->body + r->body_len, piece.data, piece.len);
                r->body_len += piece.len;
            }
        } while (r->last == H1_HEAD || r->last == H1_BODY);
        r->used += (size_t)(part.data - from);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, pieces;
    if (size < 2 || size > OUT_BYTES / 2)
        return 0;
    bool to_head = data[0] & 1;
    size_t step = data[0] / 2 % 7 + 1;
    struct slice input = slice_of((const char *)data + 1, size - 1);
    read_all(&whole, input, input.len, to_head);
    read_all(&pieces, input, step, to_head);
    REQUIRE(whole.last == pieces.last && whole.head.status == pieces.head.status);
    if (whole.last != H1_BAD) {
        REQUIRE(whole.used == pieces.used && whole.body_len == pieces.body_len);
        REQUIRE(memcmp(whole.body, pieces.body, whole.body_len) == 0);
        REQUIRE(whole.head.body == pieces.head.body);
        REQUIRE(whole.head.headers.count == pieces.head.headers.count);
    }
    REQUIRE(h1_parser_end_of_input(&whole.parser) == h1_parser_end_of_input(&pieces.parser));
    arena_fini(&whole.arena);
    arena_fini(&pieces.arena);
    return 0;
}
