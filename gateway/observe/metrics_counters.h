/* All counters of processes, one row each: the only place where one is listed; gauges and states
 * have theirs in metrics_gauges.h.
 *
 * COUNTER(id, name, help): a process's count, which only grows.
 *
 * Prometheus names get the prefix "cong_" and the suffix "_total". */
#ifndef OBSERVE_METRICS_COUNTERS_H
#define OBSERVE_METRICS_COUNTERS_H

#define METRICS_COUNTERS(COUNTER)                                                                  \
    COUNTER(CONNECTIONS_ACCEPTED, connections_accepted, "Client connections accepted")             \
    COUNTER(CONNECTIONS_CLOSED, connections_closed, "Client connections closed")                   \
    COUNTER(CONNECTIONS_REFUSED, connections_refused,                                              \
            "Client connections closed at once: a shortage, a limit, or an untrusted proxy")       \
    COUNTER(REFUSED_ADDRESS_CONNECTIONS, refused_address_connections,                              \
            "Of these, those whose address (IPv6: /64) had as many open as it may")                \
    COUNTER(REFUSED_NETWORK_CONNECTIONS, refused_network_connections,                              \
            "Of these, those whose network (IPv6: /48) had as many open as it may")                \
    COUNTER(REFUSED_ADDRESS_HANDSHAKES, refused_address_handshakes,                                \
            "Of these, those whose address began as many TLS handshakes in a minute as it may")    \
    COUNTER(REFUSED_NETWORK_HANDSHAKES, refused_network_handshakes,                                \
            "Of these, those whose network began as many TLS handshakes in a minute as it may")    \
    COUNTER(CONNECTIONS_SHED, connections_shed,                                                    \
            "Idle client connections closed earlier than usual because something ran short")       \
    COUNTER(ACCEPT_FAILURES, accept_failures,                                                      \
            "Attempts to accept connections that failed because descriptors or memory ran out")    \
    COUNTER(NEWCOMERS_PACED, newcomers_paced,                                                      \
            "Times that a new connection or its handshake waited for those who were in")           \
    COUNTER(HANDSHAKES_FULL, tls_handshakes_full, "Full TLS handshakes completed")                 \
    COUNTER(HANDSHAKES_RESUMED, tls_handshakes_resumed, "TLS handshakes resumed from a ticket")    \
    COUNTER(HANDSHAKES_HANDED_OVER, tls_handshakes_handed_over,                                    \
            "TLS handshakes after which OpenSSL was not needed any more")                          \
    COUNTER(HANDSHAKES_FAILED, tls_handshakes_failed, "TLS handshakes that failed or timed out")   \
    COUNTER(REQUESTS, requests, "Requests whose head was complete")                                \
    COUNTER(REQUESTS_INVALID, requests_invalid, "Requests that do not follow the specification")   \
    COUNTER(REQUESTS_ABORTED, requests_aborted,                                                    \
            "Requests whose client left before the answer was complete")                           \
    COUNTER(RESPONSES_ABORTED, responses_aborted,                                                  \
            "Responses cut short because the backend failed in the middle")                        \
    COUNTER(HTTP2_CONNECTIONS, http2_connections, "Client connections that speak HTTP/2")          \
    COUNTER(HTTP2_WOKEN, http2_woken, "Sessions made anew for HTTP/2 connections that slept")      \
    COUNTER(HTTP2_FLOODS, http2_floods,                                                            \
            "HTTP/2 connections ended because the client kept the gateway busy for nothing")       \
    COUNTER(CLIENT_BYTES_IN, client_bytes_in, "Body bytes received from clients")                  \
    COUNTER(CLIENT_BYTES_OUT, client_bytes_out, "Body bytes sent to clients")                      \
    COUNTER(TUNNELS, tunnels, "Connections upgraded to a tunnel (WebSocket)")                      \
    COUNTER(UPSTREAM_CONNECTS, upstream_connects, "Connections opened to peers")                   \
    COUNTER(UPSTREAM_CONNECT_FAILURES, upstream_connect_failures,                                  \
            "Connections to peers that failed or timed out")                                       \
    COUNTER(UPSTREAM_TLS_HANDSHAKES, upstream_tls_handshakes, "TLS handshakes with peers")         \
    COUNTER(UPSTREAM_TLS_RESUMED, upstream_tls_resumed, "Of these, those that resumed a session")  \
    COUNTER(UPSTREAM_TLS_FAILURES, upstream_tls_failures,                                          \
            "Connections to peers that ended because one side did not trust the other")            \
    COUNTER(UPSTREAM_REUSES, upstream_reuses, "Requests sent on a pooled connection")              \
    COUNTER(UPSTREAM_RETRIES, upstream_retries, "Requests sent again to another peer")             \
    COUNTER(SESSIONS_FOUND, sessions_found, "Requests of a session that is known")                 \
    COUNTER(SESSIONS_UNKNOWN, sessions_unknown,                                                    \
            "Requests with a well-signed cookie of a session that is over")                        \
    COUNTER(SESSIONS_UNAVAILABLE, sessions_unavailable,                                            \
            "Requests and orders about sessions that Redis could not be asked about")              \
    COUNTER(SESSIONS_FORGED, sessions_forged, "Session cookies that carry no signature of ours")   \
    COUNTER(SESSIONS_CREATED, sessions_created, "Sessions begun")                                  \
    COUNTER(SESSIONS_ROTATED, sessions_rotated, "Sessions that got a new id")                      \
    COUNTER(SESSIONS_REVOKED, sessions_revoked, "Ends of a session, or of all of a user")          \
    COUNTER(SESSIONS_FETCHED, sessions_fetched, "Sessions that Redis was asked about")             \
    COUNTER(RATE_LIMITED, rate_limited, "Requests refused by a rate limit")                        \
    COUNTER(RATE_LIMIT_ASKS, rate_limit_asks, "Questions to Redis about rate limits")              \
    COUNTER(RATE_LIMIT_FALLBACKS, rate_limit_fallbacks,                                            \
            "Rate limits decided by a node alone because Redis was away or silent")                \
    COUNTER(REDIS_CALLS, redis_calls, "Commands and scripts sent to Redis")                        \
    COUNTER(REDIS_TIMEOUTS, redis_timeouts, "Of these, those that were not answered in time")      \
    COUNTER(REDIS_LOST, redis_lost, "Of these, those whose connection ended before the answer")    \
    COUNTER(REDIS_REFUSED, redis_refused,                                                          \
            "Commands and scripts not sent because Redis was away or had too much to do")          \
    COUNTER(REDIS_CONNECTS, redis_connects, "Connections to Redis begun")                          \
    COUNTER(SUBMISSIONS_SENT, submissions_sent, "Submissions recorded and sent to a backend")      \
    COUNTER(SUBMISSIONS_REPLAYED, submissions_replayed,                                            \
            "Repeated submissions answered as the first time")                                     \
    COUNTER(SUBMISSIONS_BUSY, submissions_busy,                                                    \
            "Repeated submissions refused while the first one was under way")                      \
    COUNTER(SUBMISSIONS_MISMATCHED, submissions_mismatched,                                        \
            "Submissions refused because their key was used for another content")                  \
    COUNTER(SUBMISSIONS_UNKNOWN, submissions_unknown,                                              \
            "Submissions sent to a backend of which nobody knows how they ended")                  \
    COUNTER(SUBMISSIONS_REFUSED, submissions_refused,                                              \
            "Submissions refused because there was no room, or the store could not be asked")      \
    COUNTER(UPLOADS_REFUSED, uploads_refused,                                                      \
            "Bodies refused because the quota or the disk of spool was full")                      \
    COUNTER(ACCESS_LOG_DROPPED, access_log_dropped,                                                \
            "Access log lines dropped because the log could not be written in time")               \
    COUNTER(RELOADS, config_reloads, "Configurations applied by this process")

#endif
