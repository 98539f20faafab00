/* A second reader of HTTP/1.1 messages, to judge what the gateway writes. It is written after RFC
 * 9112 alone and shares no code with the gateway but the type slice; it lexes by itself, knows no
 * limits but its arrays, and reads one message that lies in memory as a whole.
 *
 * Where the RFC lets a reader choose, it refuses: empty lines before a message, chunk extensions,
 * two lengths that agree, a coding other than chunked, an underscore in the name of a request's
 * field. So what it takes has one reading. */
#ifndef FAKES_STRICT_HTTP_H
#define FAKES_STRICT_HTTP_H

#include "common/slice.h"

#define STRICT_FIELDS_MAX 256

enum strict_result {
    STRICT_WHOLE,      /* the message ends at m->used */
    STRICT_INCOMPLETE, /* a beginning of one */
    STRICT_REFUSED,
};

enum strict_framing { STRICT_NONE, STRICT_LENGTH, STRICT_CHUNKED, STRICT_UNTIL_CLOSE };

struct strict_field {
    struct slice name, value;
};

struct strict_message {
    struct slice method, target; /* requests */
    unsigned status;             /* responses */
    unsigned minor;              /* of the version */
    struct strict_field fields[STRICT_FIELDS_MAX], trailers[STRICT_FIELDS_MAX];
    size_t field_count, trailer_count;
    enum strict_framing framing;
    uint64_t length; /* STRICT_LENGTH */
    size_t head_len; /* 0: the head is not whole */
    char *body;      /* the caller's, with room for as much as there is input */
    size_t body_len;
    size_t used;
};

/* `body` has room for bytes.len. */
enum strict_result strict_http_read_request(struct strict_message *m, struct slice bytes,
                                            char *body);
/* `to_head`: the request was a HEAD. A message that lasts until the end of its connection is
 * INCOMPLETE. */
enum strict_result strict_http_read_response(struct strict_message *m, struct slice bytes,
                                             bool to_head, char *body);

/* The only field of that name; data NULL when there is none, or several. */
struct slice strict_http_field(const struct strict_message *m, const char *name);

#endif
