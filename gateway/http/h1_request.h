/* From a parsed HTTP/1.1 head to the protocol-neutral request: target and host in their canonical
 * form, and what the client asks of the connection. */
#ifndef HTTP_H1_REQUEST_H
#define HTTP_H1_REQUEST_H

#include "http/error_page.h"
#include "http/exchange.h"

/* Fills in ex->request from `head`. Returns true, or false with *why set: the request is to be
 * refused, and nothing of it forwarded. */
bool h1_request_build(struct exchange *ex, const struct h1_head *head,
                      enum error_page_reason *why) MUST_CHECK;

#endif
