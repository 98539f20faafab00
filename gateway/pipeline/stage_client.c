#include "pipeline/stage.h"

/* X-Forwarded-For is believed only as far as trusted proxies wrote it: from the right, each trusted
 * address vouches for the one before it; the first that is not trusted is the client (RFC 7239 8.1
 * has the reasons). */
static struct slice join_hops(struct passage *p)
{
    struct exchange *ex = p->ex;
    struct slice joined = { 0 };
    for (uint32_t i = 0; i < ex->request.headers.count; i++) {
        const struct header *h = &ex->request.headers.items[i];
        if (h->id != HEADER_X_FORWARDED_FOR || h->value_len == 0)
            continue;
        if (joined.len == 0) {
            joined = header_value(h);
            continue;
        }
        char *text =
            arena_printf(&ex->arena, "%.*s, %.*s", SLICE_ARG(joined), SLICE_ARG(header_value(h)));
        if (!text)
            break;
        joined = slice_str(text);
    }
    return joined;
}

static bool is_trusted(const struct passage *p, const struct address *a)
{
    const struct config *c = p->snapshot->config;
    return address_is_in(a, c->trusted_proxies, c->trusted_proxy_count);
}

static void walk_back(struct passage *p, struct slice hops)
{
    while (hops.len && is_trusted(p, &p->ex->client_address)) {
        size_t at = hops.len;
        while (at > 0 && hops.data[at - 1] != ',')
            at--;
        struct address a;
        if (!address_parse(&a, slice_trim(slice_from(hops, at))))
            return; /* "unknown", an obfuscated name, or nonsense: nobody vouches beyond */
        p->ex->client_address = a;
        p->told_by_proxy = true;
        hops.len = at ? at - 1 : 0;
    }
}

static enum stage_verdict on_request(struct passage *p)
{
    if (is_trusted(p, &p->ex->client->address)) {
        p->forwarded_for = join_hops(p);
        walk_back(p, p->forwarded_for);
    }
    return STAGE_NEXT;
}

const struct stage stage_client = { .name = "client", .on_request = on_request };
