#include "bench/node/node_seen.h"

#include "bench/ledger/text_digest.h"
#include "common/mem.h"

#define PLACES (1u << 18) /* a text may take that of an older one */

void node_seen_fini(struct node_seen *s)
{
    mem_free(s->digests);
    s->digests = NULL;
}

bool node_seen_before(struct node_seen *s, struct slice text)
{
    uint64_t digest = text_digest(text);
    if (!s->digests)
        s->digests = mem_new_array(PLACES, sizeof(*s->digests));
    uint64_t *place = &s->digests[digest % PLACES];
    bool is_known = *place == digest;
    *place = digest;
    return is_known;
}
