/* The settings: tables of keys, one for each kind of mapping in the file. Their rows stand in
 * settings.c and, for what belongs to shared state, settings_store.c. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "common/base.h"

enum setting_type {
    SETTING_COUNT,         /* 100 */
    SETTING_DURATION,      /* 30s; in milliseconds */
    SETTING_SIZE,          /* 64KiB; in bytes */
    SETTING_COUNT_OR_AUTO, /* auto is 0 */
    SETTING_SIZE_OR_AUTO,
    SETTING_BOOL,
    SETTING_CHOICE,   /* an enum in the order of the words allowed */
    SETTING_NAME,     /* letters, digits, '.', '_' and '-' */
    SETTING_TEXT,     /* a slice */
    SETTING_FILE,     /* a path; relative to the YAML file's folder */
    SETTING_OUTPUT,   /* a FILE, or stdout */
    SETTING_CONTENTS, /* a FILE that is read: a struct config_file, of which this is the path */
    SETTING_ADDRESS,  /* a struct config_address */
    SETTING_PEER,     /* the same, or a name and a port */
    SETTING_SCALAR,   /* from here on parts, which have no field */
    SETTING_LIST,
    SETTING_MAPPING,
};

static inline bool setting_is_part(enum setting_type type)
{
    return type >= SETTING_SCALAR;
}

struct setting {
    const char *key;
    enum setting_type type;
    size_t offset, bytes; /* of the field in the section's struct */
    const char *fallback; /* as in the file; NULL: none; empty: the key must be given */
    const char *allowed;  /* "1s..5m", lengths of texts and lists, "off|on", or NULL: anything */
    const char *doc;      /* follows "is missing:" in a message */
};

#define SETTINGS_ROWS_MAX 32

struct section {
    const char *where; /* "listeners[].tls" */
    const struct setting *rows;
    size_t count;
};

/* Of struct config. */
extern const struct section settings_top, settings_capacity, settings_guard, settings_log,
    settings_access_log, settings_limits, settings_timeouts, settings_tls_tickets,
    settings_sessions;
/* Of struct config_listener, config_tls, config_certificate. */
extern const struct section settings_listener, settings_admin, settings_tls, settings_certificate;
/* Of struct config_rate_limit. */
extern const struct section settings_rate_limit;
/* Of struct config_resolver. */
extern const struct section settings_resolver;
/* Of struct config_upstream, config_ejection, config_peer. */
extern const struct section settings_upstream, settings_upstream_timeouts, settings_keep_alive,
    settings_peer, settings_health, settings_maintenance, settings_upstream_hash, settings_ejection;
/* Of struct config_isolation and config_system. */
extern const struct section settings_isolation, settings_system;
/* Of struct config_upstream_tls. */
extern const struct section settings_upstream_tls, settings_peer_tls;
/* Of struct config_route. */
extern const struct section settings_route, settings_route_timeouts, settings_route_headers,
    settings_response_headers;

/* Of struct config, and of struct config_submission. */
extern const struct section settings_spool, settings_submission;
/* Of struct config, config_redis. */
extern const struct section settings_store, settings_redis, settings_redis_timeouts,
    settings_redis_tls;

/* Sent over TLS only. response_headers, of a route or of all, may replace or remove it. */
#define SETTINGS_HSTS_NAME "Strict-Transport-Security"
#define SETTINGS_HSTS_VALUE "max-age=31536000; includeSubDomains"

#endif
