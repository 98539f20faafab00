/* The head of an HTTP/1.1 message (RFC 9112 2 to 6), checked once more after llhttp.
 *
 * llhttp lets through what another reader may see differently: folded lines, bare LF, empty names,
 * spaces in the request line, contradicting lengths. Here every byte of the head has to be where
 * the grammar puts it, so that nothing ambiguous is ever forwarded. */
#ifndef HTTP_H1_HEAD_H
#define HTTP_H1_HEAD_H

#include "http/message.h"

enum h1_head_kind { H1_HEAD_REQUEST, H1_HEAD_RESPONSE, H1_HEAD_RESPONSE_TO_HEAD };

struct h1_head {
    uint8_t method; /* llhttp_method_t; requests */
    uint8_t version_minor;
    uint16_t status;          /* responses */
    struct slice method_name; /* requests */
    struct slice target;      /* requests */
    struct slice reason;      /* responses */
    struct headers headers;
    enum body_kind body;
    uint64_t content_length; /* BODY_LENGTH, and as told in answers to HEAD */
    bool has_content_length;
    bool keep_alive; /* RFC 9112 9.3 */
};

/* Completes `h` from the bytes of the head, or says that it is not to be trusted. The lexer has
 * filled in version_minor, for requests method, method_name and target, and each field's begin. */
bool h1_head_check(struct h1_head *h, struct slice bytes, enum h1_head_kind kind);

/* The same for one line of trailers, with its end of line, whose bytes no lexer has seen. */
bool h1_trailer_check(struct header *field, struct slice line);

/* Names with an underscore are dropped from requests, as nginx does: many backends read '_' as '-',
 * and would take Content_Length for what it resembles. Heads have been rid of them. */
bool h1_field_is_dropped(const struct header *h, enum h1_head_kind kind);

#endif
