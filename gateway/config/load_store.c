/* store: where shared state is kept. */
#include "config/config_address.h"
#include "config/loader.h"

#define SECRET_BYTES_MIN 32

static void load_servers(struct loader *l, struct node list, struct config_redis *redis)
{
    size_t count = reader_count(l->reader, list);
    redis->servers = reader_alloc(l->reader, count, sizeof(*redis->servers));
    if (!redis->servers)
        return;
    for (size_t i = 0; i < count; i++) {
        struct err e;
        struct slice text;
        struct node item = reader_item(l->reader, list, i);
        struct config_address *server = &redis->servers[redis->server_count];
        if (!section_text(l->reader, item, 1, 64, &text))
            continue;
        if (config_address_parse(text, server, &e)) {
            reader_problem(l->reader, item, "%s", e.text);
            continue;
        }
        server->text = reader_copy(l->reader, text).data;
        redis->server_count++;
    }
}

/* Whoever wrote the file with an editor ended its line. */
static void trim_line_end(struct slice *text)
{
    while (text->len > 0 &&
           (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == '\r'))
        text->len--;
}

static void load_user(struct loader *l, struct node node, struct config_redis *redis)
{
    struct node password = reader_get(l->reader, node, "password");
    if (redis->username && !password.id)
        reader_problem(l->reader, reader_get(l->reader, node, "username"),
                       "needs password, a file with the password of this user");
    if (!load_contents(l, password, &redis->password))
        return;
    trim_line_end(&redis->password.data);
    if (redis->password.data.len == 0)
        reader_problem(l->reader, password, "%s is empty", redis->password.path);
}

static void load_redis_tls(struct loader *l, struct node node, struct config_redis *redis)
{
    struct reader *r = l->reader;
    section_read(r, node, &settings_redis_tls, redis);
    struct node cert = reader_get(r, node, "cert"), key = reader_get(r, node, "key");
    redis->tls = node.id != 0;
    load_chain(l, reader_get(r, node, "ca"), &redis->tls_ca);
    bool has_chain = load_chain(l, cert, &redis->tls_cert);
    load_key(l, key, has_chain ? &redis->tls_cert : NULL, &redis->tls_key);
    if (cert.id && !key.id)
        reader_problem(r, cert, "needs key, the certificate's private key");
    if (key.id && !cert.id)
        reader_problem(r, key, "needs cert, the certificate of this key");
}

static void check_master(struct loader *l, struct node node, const struct config_redis *redis)
{
    struct node master = reader_get(l->reader, node, "master");
    if (redis->kind == CONFIG_REDIS_SENTINEL && !master.id)
        reader_problem(l->reader, reader_get(l->reader, node, "kind"),
                       "needs master, the name by which the Sentinels know it");
    if (redis->kind != CONFIG_REDIS_SENTINEL && master.id)
        reader_problem(l->reader, master, "has no effect unless kind is sentinel");
}

static void load_redis(struct loader *l, struct node node)
{
    struct reader *r = l->reader;
    const struct section *section = &settings_redis;
    struct config_redis *redis = reader_alloc(r, 1, sizeof(*redis));
    if (!redis)
        return;
    l->config->store.redis = redis; /* from here on config_free() wipes its secrets */
    section_read(r, node, section, redis);
    section_read(r, section_part(r, node, section, "timeouts"), &settings_redis_timeouts, redis);
    load_servers(l, section_part(r, node, section, "servers"), redis);
    load_user(l, node, redis);
    load_redis_tls(l, section_part(r, node, section, "tls"), redis);
    check_master(l, node, redis);
}

static void load_secret(struct loader *l, struct node node, struct config_file *secret)
{
    struct node named = reader_get(l->reader, node, "secret");
    if (!named.id && l->config->store.redis)
        reader_problem(l->reader, reader_get(l->reader, node, "redis"),
                       "needs store.secret, a file of random bytes that all nodes share");
    if (load_contents(l, named, secret) && secret->data.len < SECRET_BYTES_MIN)
        reader_problem(l->reader, named, "%s holds less than %d bytes", secret->path,
                       SECRET_BYTES_MIN);
}

void load_store(struct loader *l, struct node node)
{
    section_read(l->reader, node, &settings_store, l->config);
    struct node redis = section_part(l->reader, node, &settings_store, "redis");
    if (redis.id)
        load_redis(l, redis);
    load_secret(l, node, &l->config->store.secret);
}
