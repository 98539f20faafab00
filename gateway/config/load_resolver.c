/* The resolver, which names of peers are looked up with. */
#include "config/config_address.h"
#include "config/loader.h"

#define SERVER_BYTES_MAX 64

/* "a,b" as c-ares reads it; each has been checked to be an address and a port. */
static const char *append(struct loader *l, const char *servers, struct slice server)
{
    return arena_printf(&l->config->arena, "%s%s%.*s", servers ? servers : "", servers ? "," : "",
                        SLICE_ARG(server));
}

void load_resolver(struct loader *l, struct node node)
{
    struct config_resolver *resolver = &l->config->resolver;
    section_read(l->reader, node, &settings_resolver, resolver);
    struct node list = section_part(l->reader, node, &settings_resolver, "servers");
    for (size_t i = 0; i < reader_count(l->reader, list); i++) {
        struct err e;
        struct slice text;
        struct config_address ignored;
        struct node item = reader_item(l->reader, list, i);
        if (!section_text(l->reader, item, 1, SERVER_BYTES_MAX, &text))
            continue;
        if (config_address_parse(text, &ignored, &e) < 0)
            reader_problem(l->reader, item, "%s", e.text);
        else
            resolver->servers = append(l, resolver->servers, text);
    }
}
