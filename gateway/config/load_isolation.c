/* systems, and which of them a route uses. */
#include "common/mem.h"
#include "config/loader.h"
#include "config/text.h"

void load_systems(struct loader *l, struct node list)
{
    struct config *c = l->config;
    size_t count = reader_count(l->reader, list);
    c->systems = reader_alloc(l->reader, count, sizeof(*c->systems));
    if (!c->systems)
        return;
    c->system_count = count;
    struct load_name *names = mem_new_array(count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        struct node node = reader_item(l->reader, list, i);
        section_read(l->reader, node, &settings_system, &c->systems[i]);
        names[i] = (struct load_name){ c->systems[i].name, reader_get(l->reader, node, "name") };
    }
    load_check_unique(l, names, count, "system");
    mem_free(names);
}

static size_t find(const struct config *c, struct slice name)
{
    for (size_t i = 0; i < c->system_count; i++)
        if (c->systems[i].name && slice_eq(name, slice_str(c->systems[i].name)))
            return i;
    return CONFIG_NONE;
}

static void report_unknown(struct loader *l, struct node node, struct slice name)
{
    const char *known[CONFIG_SYSTEMS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < l->config->system_count; i++)
        if (l->config->systems[i].name)
            known[count++] = l->config->systems[i].name;
    const char *nearest = text_nearest(name, known, count);
    reader_problem(l->reader, node, "no system is named %s%s%s%s", text_quote(name).text,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static bool is_given(const struct config_route *route, size_t system)
{
    for (size_t i = 0; i < route->use_count; i++)
        if (route->uses[i] == system)
            return true;
    return false;
}

void load_route_systems(struct loader *l, struct node list, struct config_route *route)
{
    size_t count = reader_count(l->reader, list);
    route->uses = reader_alloc(l->reader, count, sizeof(*route->uses));
    if (!route->uses)
        return;
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct node item = reader_item(l->reader, list, i);
        if (!section_text(l->reader, item, 1, 64, &name))
            continue;
        size_t system = find(l->config, name);
        if (system == CONFIG_NONE)
            report_unknown(l, item, name);
        else if (is_given(route, system))
            reader_problem(l->reader, item, "%s is given twice", text_quote(name).text);
        else
            route->uses[route->use_count++] = system;
    }
}
