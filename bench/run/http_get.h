/* One plain HTTP/1.0 request, blocking with a deadline: for the gateway's metrics and readiness,
 * and for orders to nodes. Not the load engine, and nothing of its code. */
#ifndef RUN_HTTP_GET_H
#define RUN_HTTP_GET_H

#include "common/buf.h"

#include <netinet/in.h>

/* The status, with the body in `body`; or negative when there was no whole answer in time. */
int http_get(const struct sockaddr_in *server, const char *path, uint32_t timeout_ms,
             struct buf *body) MUST_CHECK;
/* Without a body of its own. */
int http_post(const struct sockaddr_in *server, const char *path, uint32_t timeout_ms,
              struct buf *body);

#endif
