#include "config/config.h"

#include "common/mem.h"

/* File contents are copies in the arena; secrets among them must not stay in freed memory. */
static void wipe_file(const struct config_file *file)
{
    if (file->data.data)
        mem_wipe((char *)file->data.data, file->data.len);
}

static void wipe_keys(const struct config_tls *tls)
{
    for (size_t i = 0; i < tls->certificate_count; i++)
        wipe_file(&tls->certificates[i].key);
}

static void wipe_upstream(const struct config_upstream *u)
{
    wipe_file(&u->identity_key);
    if (u->tls)
        wipe_file(&u->tls->key);
    for (size_t i = 0; i < u->peer_count; i++)
        if (u->peers[i].tls)
            wipe_file(&u->peers[i].tls->key);
}

static void wipe_store(const struct config_store *store)
{
    wipe_file(&store->secret);
    if (!store->redis)
        return;
    wipe_file(&store->redis->password);
    wipe_file(&store->redis->tls_key);
}

void config_free(struct config **c)
{
    if (!*c)
        return;
    for (size_t i = 0; i < (*c)->listener_count; i++)
        if ((*c)->listeners[i].tls)
            wipe_keys((*c)->listeners[i].tls);
    for (size_t i = 0; i < (*c)->upstream_count; i++)
        wipe_upstream(&(*c)->upstreams[i]);
    wipe_file(&(*c)->ticket_file);
    wipe_store(&(*c)->store);
    arena_fini(&(*c)->arena);
    mem_free(*c);
    *c = NULL;
}
