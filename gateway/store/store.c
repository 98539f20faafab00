#include "store/store.h"

#include "common/digest.h"
#include "common/mem.h"
#include "store/limits.h"

void store_init(struct store *s, struct loop *loop, struct store_region *region, uint32_t slot,
                struct metrics *metrics)
{
    *s = (struct store){ .loop = loop, .metrics = metrics, .slot = slot, .region = region };
    for (int i = 0; i < STORE_TABLES; i++)
        s->tables[i] = store_region_table(region, (enum store_table)i);
    s->limits = limits_new(s);
}

static void derive_secret(struct store *s, const struct config_store *config)
{
    const struct store_node *node = store_region_node(s->region);
    struct slice master = slice_of((const char *)node->secret, sizeof(node->secret));
    if (config->secret.path)
        master = config->secret.data;
    digest_derive(master, "cong store", 0, s->secret);
}

void store_apply(struct store *s, const struct config *config)
{
    s->config = config;
    derive_secret(s, &config->store);
    limits_apply(s->limits);
}

void store_fini(struct store *s)
{
    limits_free(&s->limits);
    mem_wipe(s->secret, sizeof(s->secret));
}
