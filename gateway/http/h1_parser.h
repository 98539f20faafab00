/* Reads one HTTP/1.1 message (RFC 9112): bytes in, events out, no I/O.
 *
 * llhttp does the lexing of heads and chunks; h1_head.h then checks heads and trailers again and
 * decides the framing. What is ambiguous is H1_BAD. A parser reads one message and is thrown away.
 *
 * A request's head is copied into the arena. A response's head stays where it was read when it came
 * whole, and is copied only when it came in pieces. */
#ifndef HTTP_H1_PARSER_H
#define HTTP_H1_PARSER_H

#include "common/arena.h"
#include "http/h1_head.h"

#include <llhttp.h>

struct h1_limits {
    uint32_t head_bytes;
    uint32_t target_bytes; /* requests only */
    uint32_t header_count; /* trailers count anew */
};

enum h1_event {
    H1_MORE, /* all input used, message not complete */
    H1_HEAD, /* p->head is complete */
    H1_BODY, /* *body holds a piece of the content */
    H1_END,  /* the message is complete; what is left of the input belongs to the next one */
    H1_BAD,  /* p->error says why */
};

enum h1_error {
    H1_OK,
    H1_SYNTAX,          /* 400 */
    H1_HEAD_TOO_LARGE,  /* 431 */
    H1_TARGET_TOO_LONG, /* 414 */
    H1_VERSION,         /* 400 */
    H1_TRUNCATED,       /* the peer ended the connection in the middle of the message */
};

struct h1_parser {
    struct h1_head head;
    struct headers trailers; /* complete at H1_END */
    enum h1_error error;

    llhttp_t llhttp;
    struct arena *arena; /* borrowed */
    struct h1_limits limits;
    const char *base; /* what the offsets of the head relate to */
    char *stash;      /* head bytes so far, later those of trailers, in the arena */
    size_t stash_len, stash_size;
    size_t target_at, target_len;
    size_t name_at; /* of the field whose name has begun */
    size_t line_at; /* in the stash: where the current trailer line begins */
    uint64_t body_left;
    uint64_t chunk_content, chunk_overhead; /* bytes of content, and of the lines around it */
    struct slice piece;                     /* what on_body was given last */
    uint8_t state;
    uint8_t kind; /* enum h1_head_kind */
    bool has_target, in_name, complete;
};

void h1_parser_init_request(struct h1_parser *p, struct arena *arena,
                            const struct h1_limits *limits);
/* `to_head`: the request was a HEAD, so the response has no content whatever its fields say. */
void h1_parser_init_response(struct h1_parser *p, struct arena *arena,
                             const struct h1_limits *limits, bool to_head);

/* Takes the next event's bytes off the front of *input. Call again until H1_MORE, H1_END or H1_BAD.
 */
enum h1_event h1_parser_next(struct h1_parser *p, struct slice *input, struct slice *body);

/* The peer ended its direction. H1_END when that completes the message (BODY_UNTIL_CLOSE), else
 * H1_BAD. */
enum h1_event h1_parser_end_of_input(struct h1_parser *p);

/* Are there bytes of the message that have not been read? True also when it could not be read. */
bool h1_parser_expects_more(const struct h1_parser *p);

#endif
