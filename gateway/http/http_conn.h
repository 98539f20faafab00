/* One client connection from accept to close: PROXY header where the listener wants one, TLS
 * handshake where it has certificates, then the codec. One allocation holds it all.
 *
 * At rest it is a socket, the TLS state and this struct; everything else is borrowed for the time
 * of an exchange. */
#ifndef HTTP_HTTP_CONN_H
#define HTTP_HTTP_CONN_H

#include "http/http_server.h"
#include "net/listener.h"
#include "tls/tls_context.h"
#include "tls/tls_stream.h"

/* What connections need from the listener that they came in by. Filled in by the process. */
struct http_listener {
    struct http_server *server;           /* borrowed */
    struct tls_engine *engine;            /* borrowed */
    struct tls_context *tls;              /* counted; NULL: plain */
    const struct config_network *trusted; /* borrowed: may send PROXY headers */
    size_t trusted_count;
    struct list *connections; /* borrowed: all connections of the process are linked here */
    bool proxy_protocol, redirect_https;
};

struct http_conn;

/* Of jemalloc's classes of sizes the one that a connection is of, and the one below it. */
#define HTTP_CONN_CLASS 1024
#define HTTP_CONN_CLASS_BELOW 896

/* Takes one waiting connection off `l`. Failures concern that connection alone and are counted. */
void http_conn_accept(struct listener *l, const struct http_listener *from);

/* The same, and closes it at once: there is no room for it. */
void http_conn_refuse(struct listener *l, const struct http_listener *from);

/* Walks for shutdown: `node` is an element of http_listener.connections. */
struct http_conn *http_conn_of(struct list *node);
/* Ends it now if idle, else after the answer under way. */
void http_conn_drain(struct http_conn *c);
/* Ends it when it has been idle for `short_ms`, of the `usual_ms` that it was given, and would stay
 * longer than that. True when it did. */
bool http_conn_shed(struct http_conn *c, uint32_t usual_ms, uint32_t short_ms);
/* One whose client does not take its answer, and was to be given longer than it would be now, is
 * looked at when that time is over. */
void http_conn_hurry(struct http_conn *c);
/* Ends it at once. */
void http_conn_stop(struct http_conn *c);

#endif
