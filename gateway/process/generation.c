#include "process/generation.h"

#include "config/load.h"
#include "tls/tls_client.h"
#include "tls/tls_context.h"

#include <stdio.h>
#include <unistd.h>

/* What only OpenSSL can judge, and a worker would have to refuse. */
static int check_tls(const struct config *config, struct buf *problems)
{
    int status = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        struct err e;
        if (!listener->tls)
            continue;
        struct tls_context *context =
            tls_context_new(listener->tls, TLS_CONTEXT_ALPN_HTTP1, NULL, &e);
        if (!context) {
            buf_printf(problems, "%s: listeners[%zu].tls: %s\n", config->file, i, e.text);
            status = ERR_INVALID;
        }
        tls_context_unref(&context);
    }
    return status;
}

static int check_client(const struct config *config, const char *where,
                        const struct config_file *ca, const struct config_file *cert,
                        const struct config_file *key, struct buf *problems)
{
    struct err e;
    SSL_CTX *context = tls_client_context(&(struct tls_client_files){ ca, cert, key }, &e);
    if (!context)
        buf_printf(problems, "%s: %s: %s\n", config->file, where, e.text);
    SSL_CTX_free(context);
    return context ? 0 : ERR_INVALID;
}

static int check_redis(const struct config *config, struct buf *problems)
{
    const struct config_redis *redis = config->store.redis;
    if (!redis || !redis->tls)
        return 0;
    return check_client(config, "store.redis.tls", &redis->tls_ca, &redis->tls_cert,
                        &redis->tls_key, problems);
}

static int check_peer_tls(const struct config *config, size_t upstream,
                          const struct config_upstream_tls *tls, struct buf *problems)
{
    char where[64];
    if (!tls)
        return 0;
    snprintf(where, sizeof(where), "TLS of upstreams[%zu]", upstream);
    return check_client(config, where, &tls->ca, &tls->cert, &tls->key, problems);
}

static int check_upstreams(const struct config *config, struct buf *problems)
{
    int status = 0;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *u = &config->upstreams[i];
        status |= check_peer_tls(config, i, u->tls, problems);
        for (size_t k = 0; k < u->peer_count; k++)
            status |= check_peer_tls(config, i, u->peers[k].tls, problems);
    }
    return status;
}

/* Fills the configuration and its sealed copy from the bundle. */
static int build(struct generation *g, const char *path, struct buf *problems)
{
    struct diagnostics diagnostics;
    struct err e;
    diagnostics_init(&diagnostics);
    g->config = config_load(g->bundle, path, &diagnostics);
    buf_append_slice(problems, buf_slice(&diagnostics.text));
    diagnostics_fini(&diagnostics);
    if (!g->config || check_tls(g->config, problems) < 0 || check_redis(g->config, problems) < 0 ||
        check_upstreams(g->config, problems) < 0)
        return ERR_INVALID;
    g->sealed_fd = bundle_seal(g->bundle, &e);
    if (g->sealed_fd >= 0)
        return 0;
    buf_printf(problems, "%s\n", e.text);
    return ERR_SYSTEM;
}

int generation_load(struct generation *g, const char *path, uint32_t number, struct buf *problems)
{
    *g = (struct generation){ .number = number, .sealed_fd = -1, .bundle = bundle_new() };
    int status = build(g, path, problems);
    if (status < 0)
        generation_fini(g);
    return status;
}

/* What was built, but not the bundle it was built from. */
static void drop_built(struct generation *g)
{
    config_free(&g->config);
    if (g->sealed_fd >= 0)
        close(g->sealed_fd);
    g->sealed_fd = -1;
}

void generation_fini(struct generation *g)
{
    drop_built(g);
    bundle_free(&g->bundle);
    g->number = 0;
}

static bool refresh_file(struct bundle *bundle, const struct config_file *file,
                         struct buf *problems)
{
    struct err e;
    bool changed = false;
    if (file->path && bundle_refresh(bundle, file->path, &changed, &e) < 0)
        buf_printf(problems, "%s\n", e.text);
    return changed;
}

/* What changes by itself, without an operator who says so. */
static bool refresh_files(struct generation *g, struct buf *problems)
{
    bool changed = refresh_file(g->bundle, &g->config->ticket_file, problems);
    for (size_t i = 0; i < g->config->listener_count; i++) {
        const struct config_tls *tls = g->config->listeners[i].tls;
        for (size_t k = 0; tls && k < tls->certificate_count; k++)
            changed |= refresh_file(g->bundle, &tls->certificates[k].ocsp, problems);
    }
    return changed;
}

int generation_refresh(struct generation *g, struct buf *problems)
{
    struct generation next = { .number = g->number + 1, .bundle = g->bundle, .sealed_fd = -1 };
    if (!refresh_files(g, problems))
        return 0;
    int status = build(&next, g->config->file, problems);
    if (status < 0) {
        drop_built(&next);
        return status;
    }
    drop_built(g);
    *g = next;
    return 1;
}
