/* Why an exchange or a connection ended before its time: in the access log. */
#ifndef HTTP_CLOSE_REASON_H
#define HTTP_CLOSE_REASON_H

#define CLOSE_REASONS(REASON)                                                                      \
    REASON(NONE, "")                                                                               \
    REASON(CLIENT_LEFT, "client_left")                                                             \
    REASON(CLIENT_TIMEOUT, "client_timeout")                                                       \
    REASON(CLIENT_INVALID, "client_invalid")                                                       \
    REASON(CLIENT_FLOOD, "client_flood")                                                           \
    REASON(UPSTREAM_ABORTED, "upstream_aborted")                                                   \
    REASON(UPSTREAM_TIMEOUT, "upstream_timeout")                                                   \
    REASON(UPSTREAM_INVALID, "upstream_invalid")                                                   \
    REASON(BODY_TOO_LARGE, "body_too_large")                                                       \
    REASON(NO_MEMORY, "no_memory")                                                                 \
    REASON(SHUTDOWN, "shutdown")

enum close_reason {
#define REASON(id, text) CLOSE_##id,
    CLOSE_REASONS(REASON)
#undef REASON
};

const char *close_reason_text(enum close_reason reason);

#endif
