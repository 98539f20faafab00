/* How the parts of a route are written. Each function returns 0, or ERR_INVALID with a sentence in
 * `e` that says what to write. */
#ifndef CONFIG_ROUTE_SYNTAX_H
#define CONFIG_ROUTE_SYNTAX_H

#include "common/err.h"
#include "common/slice.h"

#define ROUTE_SYNTAX_HOST_MAX 253 /* RFC 1035 2.3.4, without the final dot */

/* "dichvucong.gov.vn" or "*.gov.vn", in any case: letters, digits, '-' and '_' (RFC 1123 2.1). */
int route_syntax_host(struct slice host, struct err *e) MUST_CHECK;

/* A path as http/url forwards it, so that what is written here can match at all: it begins with a
 * slash, has no empty, "." or ".." segment, and needs no percent-encoding. A slash may end it. */
int route_syntax_path(struct slice path, struct err *e) MUST_CHECK;

/* "https://host", "https://host:8443" or "https://host/path". */
int route_syntax_redirect(struct slice url, struct err *e) MUST_CHECK;

/* Each method that can be routed has a bit of its own. CONNECT and TRACE cannot. */
int route_syntax_method(struct slice method, uint32_t *bit, struct err *e) MUST_CHECK;

#endif
