/* From the fields of an HTTP/2 request (RFC 9113 8.3) to the protocol-neutral one, by the same
 * canonical forms of target, host and fields as h1_request. nghttp2 has seen to the order of the
 * pseudo-header fields and to those that HTTP/2 forbids; what a backend may read differently is
 * checked here again, for it will be written as HTTP/1.1. */
#ifndef HTTP_H2_REQUEST_H
#define HTTP_H2_REQUEST_H

#include "http/error_page.h"
#include "http/exchange.h"

/* The pseudo-header fields; data NULL where one is missing. */
struct h2_pseudo {
    struct slice method, scheme, authority, path, protocol;
};

/* Takes one field, whose slices live as long as the exchange: into `pseudo`, or the request's
 * headers. Returns false when it is not to be trusted, or the arena is at its cap. */
bool h2_request_field(struct exchange *ex, struct h2_pseudo *pseudo, struct slice name,
                      struct slice value) MUST_CHECK;
/* The same for a field of the trailers. */
bool h2_request_trailer(struct exchange *ex, struct headers *trailers, struct slice name,
                        struct slice value) MUST_CHECK;

/* Completes ex->request. `ended`: no body follows. Returns true, or false with *why set: the
 * request is to be refused, and nothing of it forwarded. An extended CONNECT for WebSocket (RFC
 * 8441) becomes the GET that asks for the upgrade. */
bool h2_request_build(struct exchange *ex, const struct h2_pseudo *pseudo, bool ended,
                      enum error_page_reason *why) MUST_CHECK;

#endif
