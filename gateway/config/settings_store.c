/* The keys of shared state: as settings.c. */
#include "config/settings.h"

#include "config/config.h"
#include "config/setting_rows.h"

#define OWNER struct config

static const struct setting store_rows[] = {
    VALUE(sessions, store.sessions, COUNT, "200000", "1000..10000000",
          "sessions that the node's memory holds"),
    VALUE(limits, store.limits, COUNT, "300000", "1000..10000000",
          "rates that the node's memory holds"),
    VALUE(submissions, store.submissions, COUNT, "65536", "1000..10000000",
          "submissions that the node's memory holds: 503"),
    VALUE(journal, store.journal_dir, FILE, "/var/lib/cong/journal", "1..1024",
          "folder where records of submissions survive a power cut"),
    VALUE(journal_sync, store.journal_sync, BOOL, "true", NULL,
          "a submission's record is on the disk before it is sent"),
    VALUE(secret, store.secret, CONTENTS, NONE, "1..1024",
          "file of random bytes that all nodes with this Redis share"),
    PART(redis, MAPPING, NONE, NULL, "the Redis that nodes share"),
};
SECTION(settings_store, store_rows, "store");

#undef OWNER
#define OWNER struct config_redis

static const struct setting redis_rows[] = {
    VALUE(kind, kind, CHOICE, "single", "single|sentinel|cluster", "what the servers are"),
    PART(servers, LIST, REQUIRED, "1" UP_TO(CONFIG_REDIS_SERVERS_MAX),
         "IP addresses and ports of Redis or Sentinel"),
    VALUE(master, master, NAME, NONE, "1..64", "the master's name among the Sentinels"),
    VALUE(username, username, NAME, NONE, "1..64", "the ACL user; the default one if not given"),
    VALUE(password, password, CONTENTS, NONE, "1..1024", "file of the user's password"),
    PART(timeouts, MAPPING, NONE, NULL, "how long Redis may take"),
    PART(tls, MAPPING, NONE, NULL, "TLS to Redis; plain without it"),
};
SECTION(settings_redis, redis_rows, "store.redis");

static const struct setting redis_timeouts_rows[] = {
    VALUE(connect, connect_timeout_ms, DURATION, "500ms", "10ms..10s",
          "connecting and authenticating"),
    VALUE(command, command_timeout_ms, DURATION, "50ms", "1ms..5s",
          "one command of a request; after it the node decides alone"),
};
SECTION(settings_redis_timeouts, redis_timeouts_rows, "store.redis.timeouts");

static const struct setting redis_tls_rows[] = {
    VALUE(ca, tls_ca, CONTENTS, NONE, "1..1024",
          "file of the authorities that sign Redis's certificate (PEM)"),
    VALUE(cert, tls_cert, CONTENTS, NONE, "1..1024", "file of our client certificate (PEM)"),
    VALUE(key, tls_key, CONTENTS, NONE, "1..1024", "file of its private key (PEM)"),
    VALUE(name, tls_name, NAME, NONE, "1..253", "the name that Redis's certificate must carry"),
};
SECTION(settings_redis_tls, redis_tls_rows, "store.redis.tls");
