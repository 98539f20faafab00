#include "config/config.h"

#include "common/mem.h"

/* File contents are copies in the arena; private keys among them must not stay in freed memory. */
static void wipe_keys(const struct config_tls *tls)
{
    for (size_t i = 0; i < tls->certificate_count; i++) {
        struct slice key = tls->certificates[i].key.data;
        if (key.data)
            mem_wipe((char *)key.data, key.len);
    }
}

void config_free(struct config **c)
{
    if (!*c)
        return;
    for (size_t i = 0; i < (*c)->listener_count; i++)
        if ((*c)->listeners[i].tls)
            wipe_keys((*c)->listeners[i].tls);
    arena_fini(&(*c)->arena);
    mem_free(*c);
    *c = NULL;
}
