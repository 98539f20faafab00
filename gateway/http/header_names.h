/* Header fields that the gateway knows, one row each: HEADER(id, lower-case name, flags).
 *   HOP      concerns one connection (RFC 9110 7.6.1): never forwarded
 *   OURS     set by the gateway on forwarded requests: what the client sent is dropped
 *   FRAMING  decides how a message is read; also forbidden in trailers (RFC 9110 6.5.1)
 * Names that begin with HEADER_PREFIX_OURS are OURS, in both directions, with or without a row:
 * what the gateway and its backends say to each other, nobody else says or hears. */
#ifndef HTTP_HEADER_NAMES_H
#define HTTP_HEADER_NAMES_H

#define HEADER_HOP 1
#define HEADER_OURS 2
#define HEADER_FRAMING 4
#define HEADER_NO_TRAILER 8

#define HEADER_PREFIX_OURS "x-cong-"

#define HEADER_NAMES(HEADER)                                                                       \
    HEADER(HOST, "host", HEADER_FRAMING)                                                           \
    HEADER(CONNECTION, "connection", HEADER_HOP | HEADER_NO_TRAILER)                               \
    HEADER(KEEP_ALIVE, "keep-alive", HEADER_HOP | HEADER_NO_TRAILER)                               \
    HEADER(PROXY_CONNECTION, "proxy-connection", HEADER_HOP | HEADER_NO_TRAILER)                   \
    HEADER(TE, "te", HEADER_HOP | HEADER_NO_TRAILER)                                               \
    HEADER(UPGRADE, "upgrade", HEADER_HOP | HEADER_NO_TRAILER)                                     \
    HEADER(TRANSFER_ENCODING, "transfer-encoding", HEADER_HOP | HEADER_FRAMING)                    \
    HEADER(CONTENT_LENGTH, "content-length", HEADER_FRAMING)                                       \
    HEADER(TRAILER, "trailer", HEADER_NO_TRAILER)                                                  \
    HEADER(EXPECT, "expect", HEADER_HOP | HEADER_NO_TRAILER)                                       \
    HEADER(FORWARDED, "forwarded", HEADER_OURS | HEADER_NO_TRAILER)                                \
    HEADER(X_FORWARDED_FOR, "x-forwarded-for", HEADER_OURS | HEADER_NO_TRAILER)                    \
    HEADER(X_FORWARDED_PROTO, "x-forwarded-proto", HEADER_OURS | HEADER_NO_TRAILER)                \
    HEADER(X_FORWARDED_HOST, "x-forwarded-host", HEADER_OURS | HEADER_NO_TRAILER)                  \
    HEADER(X_FORWARDED_PORT, "x-forwarded-port", HEADER_OURS | HEADER_NO_TRAILER)                  \
    HEADER(X_REAL_IP, "x-real-ip", HEADER_OURS | HEADER_NO_TRAILER)                                \
    HEADER(X_REQUEST_ID, "x-request-id", HEADER_OURS | HEADER_NO_TRAILER)                          \
    HEADER(X_CONG_SESSION, HEADER_PREFIX_OURS "session", HEADER_OURS | HEADER_NO_TRAILER)          \
    HEADER(IDEMPOTENCY_KEY, "idempotency-key", HEADER_NO_TRAILER)                                  \
    HEADER(RETRY_AFTER, "retry-after", 0)                                                          \
    HEADER(ACCEPT, "accept", 0)                                                                    \
    HEADER(AUTHORIZATION, "authorization", HEADER_NO_TRAILER)                                      \
    HEADER(COOKIE, "cookie", HEADER_NO_TRAILER)                                                    \
    HEADER(SET_COOKIE, "set-cookie", HEADER_NO_TRAILER)                                            \
    HEADER(CONTENT_TYPE, "content-type", HEADER_NO_TRAILER)                                        \
    HEADER(CONTENT_ENCODING, "content-encoding", HEADER_NO_TRAILER)                                \
    HEADER(CONTENT_RANGE, "content-range", HEADER_NO_TRAILER)                                      \
    HEADER(CACHE_CONTROL, "cache-control", HEADER_NO_TRAILER)                                      \
    HEADER(USER_AGENT, "user-agent", 0)                                                            \
    HEADER(DATE, "date", 0)                                                                        \
    HEADER(X_ACCEL_BUFFERING, "x-accel-buffering", HEADER_NO_TRAILER)                              \
    HEADER(SERVER, "server", 0)

#endif
