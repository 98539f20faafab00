#include "config/config_store.h"

#include "config/config_address.h"

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same_file(const struct config_file *a, const struct config_file *b)
{
    return slice_eq(a->data, b->data) && (a->path == NULL) == (b->path == NULL);
}

static bool has_same_servers(const struct config_redis *a, const struct config_redis *b)
{
    bool same = a->server_count == b->server_count;
    for (size_t i = 0; same && i < a->server_count; i++)
        same = config_address_equal(&a->servers[i], &b->servers[i]);
    return same;
}

bool config_redis_equal(const struct config_redis *a, const struct config_redis *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && has_same_servers(a, b) && is_same_text(a->master, b->master) &&
           is_same_text(a->username, b->username) && is_same_file(&a->password, &b->password) &&
           a->tls == b->tls && is_same_file(&a->tls_ca, &b->tls_ca) &&
           is_same_file(&a->tls_cert, &b->tls_cert) && is_same_file(&a->tls_key, &b->tls_key) &&
           is_same_text(a->tls_name, b->tls_name) &&
           a->connect_timeout_ms == b->connect_timeout_ms &&
           a->command_timeout_ms == b->command_timeout_ms;
}

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, slice_str(text)).data : NULL;
}

static struct config_file copy_file(struct arena *arena, const struct config_file *file)
{
    if (!file->path)
        return (struct config_file){ 0 };
    return (struct config_file){ .path = copy_text(arena, file->path),
                                 .data = arena_copy(arena, file->data) };
}

struct config_redis *config_redis_copy(const struct config_redis *redis, struct arena *arena)
{
    struct config_redis *copy = arena_alloc(arena, sizeof(*copy));
    struct config_address *servers =
        arena_alloc(arena, redis->server_count * sizeof(*redis->servers));
    if (!copy || !servers)
        return NULL;
    *copy = *redis;
    copy->servers = servers;
    for (size_t i = 0; i < redis->server_count; i++) {
        servers[i] = redis->servers[i];
        servers[i].text = copy_text(arena, redis->servers[i].text);
    }
    copy->master = copy_text(arena, redis->master);
    copy->username = copy_text(arena, redis->username);
    copy->password = copy_file(arena, &redis->password);
    copy->tls_ca = copy_file(arena, &redis->tls_ca);
    copy->tls_cert = copy_file(arena, &redis->tls_cert);
    copy->tls_key = copy_file(arena, &redis->tls_key);
    copy->tls_name = copy_text(arena, redis->tls_name);
    return copy;
}
