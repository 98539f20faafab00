/* A request and its answer, as everything above the codecs sees them: RFC 9110's terms, no wire
 * format. Slices live in the exchange's arena, those of an answer's fields until it has been sent.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "http/headers.h"
#include "net/address.h"

/* How the end of a body is known. */
enum body_kind {
    BODY_NONE,
    BODY_LENGTH,
    BODY_CHUNKED,     /* or any other framing that announces no length */
    BODY_UNTIL_CLOSE, /* answers of backends only */
};

/* What is known of the client's connection. Lives as long as the connection. */
struct client_info {
    struct address address;  /* of the client, or of the last proxy before us */
    struct address proxy;    /* the sender of the PROXY header; AF_UNSPEC: none */
    const char *tls_version; /* "TLSv1.3"; NULL: plain */
    bool tls_resumed;
    bool redirect_https; /* of the listener that it came in by */
};

struct request {
    uint8_t method; /* llhttp_method_t */
    uint8_t version_major, version_minor;
    bool https, expect_continue, wants_upgrade;
    enum body_kind body;
    uint64_t content_length;
    struct slice method_name, target; /* as received */
    struct slice authority;           /* Host or the target's authority, as received */
    struct slice host;                /* canonical: lower case, no port */
    struct slice forward;             /* path and query in one run, to forward */
    struct slice path;                /* canonical: the one form for matching and forwarding */
    struct slice query;               /* after '?'; data NULL when there is none */
    struct slice upgrade;             /* the protocol asked for */
    struct headers headers;
};

struct response {
    uint16_t status;
    enum body_kind
        body; /* BODY_LENGTH with content_length, or BODY_CHUNKED for an unknown length */
    bool has_content_length;
    uint64_t content_length;
    struct headers headers;
};

#endif
