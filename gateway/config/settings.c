/* Every key of the configuration but those of shared state (settings_store.c), one row each: the
 * only places where settings are listed. A new setting is a row here, a field in config.h and a
 * line in config/cong.yaml, which scripts/check_settings compares with these files. */
#include "config/settings.h"

#include "config/config.h"
#include "config/setting_rows.h"

#define OWNER struct config

static const struct setting top_rows[] = {
    VALUE(workers, workers, COUNT_OR_AUTO, "auto", "1" UP_TO(CONFIG_WORKERS_MAX),
          "how many worker processes to run"),
    PART(capacity, MAPPING, NONE, NULL, "what the gateway must be able to hold"),
    PART(guard, MAPPING, NONE, NULL, "what the gateway must not take more of"),
    VALUE(user, user, NAME, NONE, "1..32", "the user that workers and keeper run as"),
    VALUE(runtime_dir, runtime_dir, FILE, "/run/cong", "1..1024", "folder of the control socket"),
    PART(log, MAPPING, NONE, NULL, "the error log"),
    PART(access_log, MAPPING, NONE, NULL, "the log of requests"),
    PART(limits, MAPPING, NONE, NULL, "how large requests may be"),
    PART(timeouts, MAPPING, NONE, NULL, "how long clients and shutdown may take"),
    PART(trusted_proxies, LIST, NONE, "0..256",
         "networks whose word on the client's address counts"),
    PART(tls_tickets, MAPPING, NONE, NULL, "TLS session tickets"),
    VALUE(ocsp_refresh, ocsp_refresh_ms, DURATION, "1h", "1m..7d",
          "how often OCSP files are read again"),
    PART(sessions, MAPPING, NONE, NULL, "how long citizens stay signed in"),
    PART(spool, MAPPING, NONE, NULL, "where bodies wait"),
    PART(store, MAPPING, NONE, NULL, "where shared state is kept"),
    PART(listeners, LIST, REQUIRED, "1" UP_TO(CONFIG_LISTENERS_MAX), "the addresses to listen on"),
    PART(admin, MAPPING, NONE, NULL, "the listener for metrics and health"),
    PART(rate_limits, LIST, NONE, "0" UP_TO(CONFIG_RATE_LIMITS_MAX),
         "how often clients may ask, for routes to name"),
    VALUE(rate_limit_headers, rate_limit_headers, BOOL, "true", NULL,
          "whether answers tell what a rate limit leaves"),
    PART(systems, LIST, NONE, "0" UP_TO(CONFIG_SYSTEMS_MAX),
         "national systems that several upstreams ask in their turn"),
    PART(resolver, MAPPING, NONE, NULL, "how names of peers are looked up"),
    PART(upstreams, LIST, NONE, "0" UP_TO(CONFIG_UPSTREAMS_MAX), "groups of backend servers"),
    PART(response_headers, MAPPING, NONE, NULL, "changes to the response headers of every route"),
    PART(routes, LIST, REQUIRED, "1" UP_TO(CONFIG_ROUTES_MAX), "which requests go where"),
};
SECTION(settings_top, top_rows, "");

static const struct setting capacity_rows[] = {
    VALUE(users, capacity_users, COUNT, "10000", "1..10000000", "connected users at the same time"),
};
SECTION(settings_capacity, capacity_rows, "capacity");

static const struct setting guard_rows[] = {
    VALUE(memory, guard_memory_bytes, SIZE_OR_AUTO, "auto", "1MiB..1024GiB",
          "resident memory of all processes together, and what the kernel keeps for sockets"),
};
SECTION(settings_guard, guard_rows, "guard");

static const struct setting log_rows[] = {
    VALUE(file, log_file, FILE, NONE, "1..1024", "where to write; standard error if not given"),
    VALUE(level, log_level, CHOICE, "info", "error|warn|info|debug", "the least that is written"),
};
SECTION(settings_log, log_rows, "log");

static const struct setting access_log_rows[] = {
    VALUE(file, access_log_file, OUTPUT, NONE, "1..1024", "where to write; nowhere if not given"),
    VALUE(flush, access_log_flush_ms, DURATION, "1s", "10ms..1m",
          "how long a line may wait in memory"),
};
SECTION(settings_access_log, access_log_rows, "access_log");

static const struct setting limits_rows[] = {
    VALUE(head, limits.head_bytes, SIZE, "32KiB", "1KiB..64KiB", "request line and headers: 431"),
    VALUE(target, limits.target_bytes, SIZE, "8KiB", "256B..64KiB", "request target: 414"),
    VALUE(headers, limits.header_count, COUNT, "100", "8..1000", "headers of one request: 431"),
    VALUE(pipeline, limits.pipeline_bytes, SIZE, "16KiB", "1KiB..1MiB", "read ahead of the answer"),
    VALUE(http2_streams, limits.http2_streams, COUNT, "100", "1..1000",
          "requests at once on one HTTP/2 connection"),
    VALUE(http2_window, limits.http2_window_bytes, SIZE, "128KiB", "64KiB..16MiB",
          "body of one HTTP/2 request that may come before a backend takes it"),
    VALUE(unsent, limits.unsent_bytes, SIZE, "64KiB", "4KiB..16MiB",
          "of an answer that the kernel takes beyond what it can send"),
    VALUE(body, limits.body_bytes, SIZE, "32MiB", "0B..1024GiB",
          "request body, unless a route says otherwise: 413"),
    VALUE(connections_per_address, limits.connections_per_address, COUNT_OR_AUTO, "auto",
          "1..10000000", "open at once from an IPv4 address or an IPv6 /64"),
    VALUE(connections_per_network, limits.connections_per_network, COUNT_OR_AUTO, "auto",
          "1..10000000", "open at once from an IPv6 /48"),
    VALUE(handshakes_per_address, limits.handshakes_per_address, COUNT_OR_AUTO, "auto",
          "1..10000000", "TLS handshakes begun in a minute from an IPv4 address or an IPv6 /64"),
    VALUE(handshakes_per_network, limits.handshakes_per_network, COUNT_OR_AUTO, "auto",
          "1..10000000", "TLS handshakes begun in a minute from an IPv6 /48"),
};
SECTION(settings_limits, limits_rows, "limits");

static const struct setting timeouts_rows[] = {
    VALUE(handshake, timeouts.handshake_ms, DURATION, "10s", "100ms..5m",
          "PROXY header and TLS handshake"),
    VALUE(request_head, timeouts.request_head_ms, DURATION, "10s", "100ms..5m",
          "the whole request head: 408"),
    VALUE(request_body, timeouts.request_body_ms, DURATION, "30s", "100ms..1h",
          "pause within a request body: 408"),
    VALUE(min_body_rate, timeouts.min_body_rate, SIZE, "512B", "0B..1MiB",
          "of a request body in a second, over twice request_body: 408"),
    VALUE(send, timeouts.send_ms, DURATION, "60s", "100ms..1h",
          "pause of a client that takes the response"),
    VALUE(min_send_rate, timeouts.min_send_rate, SIZE, "200B", "0B..1MiB",
          "of the response that a client takes in a second, over send"),
    VALUE(keep_alive, timeouts.keep_alive_ms, DURATION, "5m", "1s..1d",
          "idle time between two requests"),
    VALUE(http2_sleep, timeouts.http2_sleep_ms, DURATION, "5s", "0s..1h",
          "after which an idle HTTP/2 connection keeps no session; 0s: it keeps it"),
    VALUE(shutdown, timeouts.shutdown_ms, DURATION, "30s", "0s..1d",
          "wait for requests under way when stopping"),
    VALUE(drain_notice, timeouts.drain_notice_ms, DURATION, "0s", "0s..1h",
          "/ready is red so long before listeners close"),
};
SECTION(settings_timeouts, timeouts_rows, "timeouts");

static const struct setting tls_tickets_rows[] = {
    VALUE(rotation, ticket_rotation_ms, DURATION, "8h", "1m..7d",
          "age at which the ticket key is replaced"),
    VALUE(file, ticket_file, CONTENTS, NONE, "1..1024",
          "file of the keys, for several machines; made here if not given"),
};
SECTION(settings_tls_tickets, tls_tickets_rows, "tls_tickets");

static const struct setting sessions_rows[] = {
    VALUE(cookie, sessions.cookie, NAME, "__Host-cong_sid", "1..64", "name of the cookie"),
    VALUE(idle, sessions.idle_ms, DURATION, "30m", "10s..1d", "a session unused for so long ends"),
    VALUE(absolute, sessions.absolute_ms, DURATION, "12h", "1m..30d",
          "and after so long however busy it is"),
    VALUE(cache, sessions.cache_ms, DURATION, "5m", "1s..1h",
          "how long a node trusts its copy, and goes on without Redis"),
};
SECTION(settings_sessions, sessions_rows, "sessions");
static const struct setting spool_rows[] = {
    VALUE(dir, spool.dir, FILE, "/var/tmp", "1..1024", "folder of temporary files"),
    VALUE(memory, spool.memory_bytes, SIZE, "128KiB", "4KiB..16MiB",
          "of a body, before the rest goes to a file"),
    VALUE(answer, spool.answer_bytes, SIZE, "16MiB", "0B..1024GiB",
          "the longest answer that goes to a file for a slow client"),
    VALUE(quota, spool.quota_bytes, SIZE, "1GiB", "1MiB..1024GiB",
          "all bodies that wait on this node: 503"),
};
SECTION(settings_spool, spool_rows, "spool");

#undef OWNER
#define OWNER struct config_listener

static const struct setting listener_rows[] = {
    VALUE(address, address, ADDRESS, REQUIRED, NULL, "IP address and port to listen on"),
    PART(tls, MAPPING, NONE, NULL, "certificates and policy; plain HTTP without it"),
    VALUE(http2, http2, BOOL, "true", NULL, "offer HTTP/2 where there is TLS"),
    VALUE(redirect_https, redirect_https, BOOL, "false", NULL,
          "answer with a redirect to https://"),
    VALUE(proxy_protocol, proxy_protocol, BOOL, "false", NULL,
          "expect a PROXY header from trusted_proxies"),
};
SECTION(settings_listener, listener_rows, "listeners[]");

static const struct setting admin_rows[] = {
    VALUE(address, address, ADDRESS, REQUIRED, NULL, "IP address and port to listen on"),
};
SECTION(settings_admin, admin_rows, "admin");

#undef OWNER
#define OWNER struct config_tls

static const struct setting tls_rows[] = {
    PART(certificates, LIST, REQUIRED, "1..256",
         "certificates, chosen by server name; the first is the default"),
    VALUE(min_version, min_version, CHOICE, "1.2", "1.2|1.3", "oldest TLS version accepted"),
    VALUE(record_layer, record_layer, CHOICE, "own", "openssl|own",
          "what protects the records of TLS 1.3 after the handshake"),
    VALUE(client_auth, client_auth, CHOICE, "off", "off|optional|required",
          "certificates of clients"),
    VALUE(client_ca, client_ca, CONTENTS, NONE, "1..1024",
          "file of the authorities that sign clients' certificates (PEM)"),
};
SECTION(settings_tls, tls_rows, "listeners[].tls");

#undef OWNER
#define OWNER struct config_certificate

static const struct setting certificate_rows[] = {
    VALUE(cert, cert, CONTENTS, REQUIRED, "1..1024", "file of the certificate and its chain (PEM)"),
    VALUE(key, key, CONTENTS, REQUIRED, "1..1024", "file of the private key (PEM)"),
    VALUE(ocsp, ocsp, CONTENTS, NONE, "1..1024", "file of the OCSP response to staple (DER)"),
};
SECTION(settings_certificate, certificate_rows, "listeners[].tls.certificates[]");

#undef OWNER
#define OWNER struct config_rate_limit

static const struct setting rate_limit_rows[] = {
    VALUE(name, name, NAME, REQUIRED, "1..64", "name for routes, answers, logs and Redis"),
    VALUE(key, key, CHOICE, "address", "session|address|route|header", "what is counted by itself"),
    VALUE(header, header, TEXT, NONE, "1..128", "the header of key: header"),
    VALUE(limit, limit, COUNT, REQUIRED, "1..1000000", "requests in a period"),
    VALUE(period, period_ms, DURATION, "1m", "1s..1d", "in which `limit` requests are allowed"),
    VALUE(burst, burst, COUNT, NONE, "1..1000000", "requests at once; as limit if not given"),
    VALUE(mode, mode, CHOICE, "lease", "lease|local|strict",
          "how nodes that share a Redis count together"),
};
SECTION(settings_rate_limit, rate_limit_rows, "rate_limits[]");

#undef OWNER
#define OWNER struct config_resolver

static const struct setting resolver_rows[] = {
    PART(servers, LIST, NONE, "1..3", "the servers to ask; those of the machine if not given"),
    VALUE(interval, interval_ms, DURATION, "30s", "100ms..1d", "how often names are looked up"),
    VALUE(timeout, timeout_ms, DURATION, "1s", "10ms..30s",
          "of a question, which each server is asked twice"),
};
SECTION(settings_resolver, resolver_rows, "resolver");

#undef OWNER
#define OWNER struct config_upstream

static const struct setting upstream_rows[] = {
    VALUE(name, name, NAME, REQUIRED, "1..64", "name for routes, logs and metrics"),
    VALUE(balance, balance, CHOICE, "p2c", "p2c|round_robin|least_connections|hash",
          "how a peer is chosen"),
    PART(hash, MAPPING, NONE, NULL, "what balance: hash goes by"),
    VALUE(slow_start, slow_start_ms, DURATION, "20s", "0s..10m",
          "from a peer's return to its full share"),
    VALUE(panic, panic_share, COUNT, "50", "0..100",
          "percent of the peers: while fewer are available all are used"),
    PART(ejection, MAPPING, NONE, NULL, "when peers whose answers fail get trials alone"),
    PART(peers, LIST, REQUIRED, "1..256", "the servers of the group"),
    PART(timeouts, MAPPING, NONE, NULL, "how long peers may take"),
    PART(keep_alive, MAPPING, NONE, NULL, "idle connections to peers"),
    PART(isolation, MAPPING, NONE, NULL, "how much of the gateway it may take"),
    VALUE(deadline_header, deadline_header, TEXT, "X-Cong-Deadline", "1..64",
          "tells backends how many ms are left for the answer"),
    VALUE(receive_buffer, receive_buffer_bytes, SIZE_OR_AUTO, "192KiB", "16KiB..64MiB",
          "what the kernel takes of a peer's answers before clients do"),
    VALUE(retries, retries, COUNT, "1", "0..1", "attempts on another peer, when that is safe"),
    VALUE(response_head, response_head_bytes, SIZE, "16KiB", "1KiB..64KiB",
          "largest response head: 502"),
    VALUE(identity_key, identity_key, CONTENTS, NONE, "1..1024",
          "file of the key that signs X-Cong-Identity"),
    PART(health, MAPPING, NONE, NULL, "probes of the peers; none without it"),
    VALUE(title, title.vi, TEXT, NONE, "1..128", "what citizens call it, for pages"),
    VALUE(title_en, title.en, TEXT, NONE, "1..128", "the same in English; title if not given"),
    PART(maintenance, MAPPING, NONE, NULL, "the upstream is closed for work"),
    PART(tls, MAPPING, NONE, NULL, "TLS to the peers; plain without it"),
    VALUE(send_proxy_protocol, send_proxy, CHOICE, "off", "off|v1|v2",
          "PROXY header that connections to peers begin with"),
};
SECTION(settings_upstream, upstream_rows, "upstreams[]");

static const struct setting upstream_timeouts_rows[] = {
    VALUE(connect, connect_timeout_ms, DURATION, "1s", "1ms..1m", "connecting"),
    VALUE(response, response_timeout_ms, DURATION, "15s", "1ms..1h",
          "end of the request to the response head: 504"),
    VALUE(deadline, deadline_ms, DURATION, NONE, "1ms..1h",
          "the response head, with waiting and both attempts: 504"),
    VALUE(idle, idle_timeout_ms, DURATION, "60s", "1ms..1d", "pause within a body"),
};
SECTION(settings_upstream_timeouts, upstream_timeouts_rows, "upstreams[].timeouts");

static const struct setting keep_alive_rows[] = {
    VALUE(connections, keep_alive_connections, COUNT, "256", "0..16384",
          "kept for each peer, by all workers together"),
    VALUE(timeout, keep_alive_timeout_ms, DURATION, "60s", "1s..1h",
          "closed when idle for so long, or earlier if the peer says that it will"),
};
SECTION(settings_keep_alive, keep_alive_rows, "upstreams[].keep_alive");

static const struct setting upstream_hash_rows[] = {
    VALUE(key, hash_key, CHOICE, REQUIRED, "session|header|cookie",
          "what requests that belong to one peer share"),
    VALUE(name, hash_name, TEXT, NONE, "1..128", "of the header or cookie"),
};
SECTION(settings_upstream_hash, upstream_hash_rows, "upstreams[].hash");

#undef OWNER
#define OWNER struct config_ejection

static const struct setting ejection_rows[] = {
    VALUE(failures, failures, COUNT, "5", "0..1000", "in a row; 0 for never"),
    VALUE(rate, rate, COUNT, "50", "0..100",
          "percent of failures among 20 requests or more in 10 s; 0 for never"),
    VALUE(time, time_ms, DURATION, "5s", "10ms..1h", "to the first trial"),
    VALUE(max_time, max_time_ms, DURATION, "15s", "10ms..1h", "between trials, at most"),
    VALUE(max_share, max_share, COUNT, "50", "1..99", "percent of the peers, and at least one"),
};
SECTION(settings_ejection, ejection_rows, "upstreams[].ejection");

#undef OWNER
#define OWNER struct config_health

static const struct setting health_rows[] = {
    VALUE(kind, kind, CHOICE, "http", "http|tcp", "an HTTP request, or connecting alone"),
    VALUE(path, path, TEXT, "/", "1..1024", "what is asked for with GET"),
    VALUE(host, host, TEXT, NONE, "1..256", "the Host field; the peer's address if not given"),
    VALUE(status, status, COUNT, NONE, "200..599", "what the answer's status must be"),
    VALUE(body, body, TEXT, NONE, "1..256", "what the answer's first 64 KiB must hold"),
    VALUE(interval, interval_ms, DURATION, "5s", "100ms..1h", "from probe to probe of a peer"),
    VALUE(timeout, timeout_ms, DURATION, "2s", "10ms..1m", "of one probe"),
    VALUE(rise, rise, COUNT, "2", "1..100", "probes that must pass in a row: up"),
    VALUE(fall, fall, COUNT, "3", "1..100", "probes that must fail in a row: down"),
};
SECTION(settings_health, health_rows, "upstreams[].health");

#undef OWNER
#define OWNER struct config_maintenance

static const struct setting maintenance_rows[] = {
    VALUE(until, until, TEXT, NONE, "1..32", "when the work is expected to be over"),
    VALUE(message, message, TEXT, NONE, "1" UP_TO(CONFIG_MAINTENANCE_MESSAGE_BYTES),
          "what citizens are told beside it"),
};
SECTION(settings_maintenance, maintenance_rows, "upstreams[].maintenance");

#undef OWNER
#define OWNER struct config_peer

static const struct setting peer_rows[] = {
    VALUE(address, address, PEER, REQUIRED, NULL, "IP address or name, and port, of the server"),
    VALUE(weight, weight, COUNT, "1", "1..256",
          "share of the requests, relative to the other peers"),
    VALUE(max_connections, max_connections, COUNT, NONE, "1..1000000",
          "requests at once, of all workers"),
    VALUE(backup, backup, BOOL, "false", NULL, "used when no other peer is available"),
    PART(tls, MAPPING, NONE, NULL, "TLS to this peer, in place of the upstream's"),
};
SECTION(settings_peer, peer_rows, "upstreams[].peers[]");

#undef OWNER
#define OWNER struct config_upstream_tls

static const struct setting upstream_tls_rows[] = {
    VALUE(ca, ca, CONTENTS, NONE, "1..1024",
          "file of the authorities that sign the peer's certificate (PEM)"),
    VALUE(server_name, server_name, NAME, NONE, "1..253",
          "the name that the peer's certificate must carry; its address if not given"),
    VALUE(cert, cert, CONTENTS, NONE, "1..1024", "file of our client certificate (PEM)"),
    VALUE(key, key, CONTENTS, NONE, "1..1024", "file of its private key (PEM)"),
    VALUE(verify, verify, BOOL, "true", NULL, "whether the peer has to prove who it is"),
};
SECTION(settings_upstream_tls, upstream_tls_rows, "upstreams[].tls");
SECTION(settings_peer_tls, upstream_tls_rows, "upstreams[].peers[].tls");

#undef OWNER
#define OWNER struct config_route

static const struct setting route_rows[] = {
    VALUE(name, name, NAME, NONE, "1..64", "name for logs and metrics; host and path if not given"),
    PART(host, SCALAR, NONE, NULL, "the host to match"),
    PART(hosts, LIST, NONE, "1..256", "the hosts to match"),
    VALUE(path, path, TEXT, "/", "1..1024", "path prefix to match, by whole segments"),
    PART(methods, LIST, NONE, "1..16", "the methods to match"),
    PART(upstream, SCALAR, NONE, NULL, "name of the upstream that answers"),
    VALUE(redirect, redirect_to, TEXT, NONE, "1..1024", "where to send clients instead"),
    VALUE(rewrite, rewrite, TEXT, NONE, "1..1024", "what replaces the matched prefix"),
    PART(response_headers, MAPPING, NONE, NULL, "changes to the response headers"),
    PART(rate_limits, LIST, NONE, "0" UP_TO(CONFIG_ROUTE_LIMITS_MAX),
         "names of the rate limits that apply"),
    PART(uses, LIST, NONE, "0" UP_TO(CONFIG_ROUTE_SYSTEMS_MAX),
         "names of the systems that its backends ask"),
    VALUE(priority, priority, COUNT, "4", "0..7", "who goes first when there is a queue: 0"),
    VALUE(session, session, CHOICE, "off", "off|optional|required|fresh",
          "whether clients must be signed in"),
    VALUE(affinity, affinity, CHOICE, "none", "none|session",
          "whether a session stays with one peer"),
    VALUE(body_limit, body_limit_bytes, SIZE, NONE, "0B..1024GiB", "largest request body: 413"),
    VALUE(request_buffering, request_buffering, CHOICE, "stream", "stream|whole",
          "whether a body is complete before a backend gets any of it"),
    VALUE(response_buffering, response_buffering, CHOICE, "spool", "off|memory|spool",
          "where answers wait for clients that are slower than the backend"),
    PART(submission, MAPPING, NONE, NULL, "POST and PATCH are dispatched once"),
    PART(timeouts, MAPPING, NONE, NULL, "exceptions from the upstream's timeouts"),
};
SECTION(settings_route, route_rows, "routes[]");

static const struct setting route_timeouts_rows[] = {
    VALUE(response, response_timeout_ms, DURATION, NONE, "1ms..1h",
          "as the upstream's timeouts.response"),
    VALUE(websocket_idle, websocket_idle_ms, DURATION, "5m", "1s..1d",
          "silence in a tunnel before it is closed"),
};
SECTION(settings_route_timeouts, route_timeouts_rows, "routes[].timeouts");

#undef OWNER
#define OWNER struct config_submission

static const struct setting submission_rows[] = {
    VALUE(backend, backend, CHOICE, "none", "none|lookup|dedup",
          "what the backend does with Idempotency-Key"),
    VALUE(key, key, CHOICE, "header", "header|form", "where the key of a submission is"),
    VALUE(required, required, BOOL, "true", NULL,
          "whether a request without a key is refused: 400"),
    VALUE(field, field, NAME, "cong_key", "1..64", "the form's field with the key"),
    VALUE(lookup, lookup, TEXT, NONE, "1..1024", "path at the backend to ask after a key"),
    VALUE(keep, keep_ms, DURATION, "24h", "1m..30d", "how long a repeated key is answered again"),
    VALUE(keep_unknown, keep_unknown_ms, DURATION, "7d", "1m..30d",
          "how long a key is refused of which nobody knows how it ended"),
};
SECTION(settings_submission, submission_rows, "routes[].submission");

static const struct setting headers_rows[] = {
    PART(add, MAPPING, NONE, "0..64", "headers to set"),
    PART(remove, LIST, NONE, "0..64", "headers to remove"),
};
SECTION(settings_response_headers, headers_rows, "response_headers");
SECTION(settings_route_headers, headers_rows, "routes[].response_headers");
