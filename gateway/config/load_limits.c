/* rate_limits, and which of them a route has. */
#include "common/mem.h"
#include "config/loader.h"
#include "config/text.h"

#include <stdio.h>

/* So long an emptied burst may take to be there again: arithmetic in nanoseconds has its ends, and
 * who waits for longer is not being slowed down but locked out. */
#define REFILL_DAYS_MAX 7
#define DAY_MS (24ull * 3600 * 1000)

static void check_header(struct loader *l, struct node node, const struct config_rate_limit *limit)
{
    struct node header = reader_get(l->reader, node, "header");
    if (limit->key == CONFIG_LIMIT_HEADER && !header.id)
        reader_problem(l->reader, node, "needs a header, for its key is `header`");
    if (limit->key != CONFIG_LIMIT_HEADER && header.id)
        reader_problem(l->reader, header, "has no effect unless key is `header`");
    if (limit->header.data && !text_is_token(limit->header))
        reader_problem(l->reader, header, "%s is not a header name",
                       text_quote(limit->header).text);
}

/* Made once, for it goes with every answer. */
static void write_policy(struct loader *l, struct config_rate_limit *limit)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "\"%s\";q=%u;w=%u", limit->name, limit->limit,
                       limit->period_ms / 1000);
    limit->policy = reader_copy(l->reader, slice_of(text, (size_t)len));
}

static void load_rate_limit(struct loader *l, struct node node, struct config_rate_limit *limit)
{
    section_read(l->reader, node, &settings_rate_limit, limit);
    check_header(l, node, limit);
    if (limit->burst == 0)
        limit->burst = limit->limit;
    if (limit->limit &&
        (uint64_t)limit->period_ms * limit->burst / limit->limit > REFILL_DAYS_MAX * DAY_MS)
        reader_problem(l->reader, reader_get(l->reader, node, "burst"),
                       "takes more than %d days to be there again at this limit", REFILL_DAYS_MAX);
    if (limit->name)
        write_policy(l, limit);
}

void load_rate_limits(struct loader *l, struct node list)
{
    struct config *c = l->config;
    size_t count = reader_count(l->reader, list);
    c->rate_limits = reader_alloc(l->reader, count, sizeof(*c->rate_limits));
    if (!c->rate_limits)
        return;
    c->rate_limit_count = count;
    struct load_name *names = mem_new_array(count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        struct node node = reader_item(l->reader, list, i);
        load_rate_limit(l, node, &c->rate_limits[i]);
        names[i].text = c->rate_limits[i].name;
        names[i].node = reader_get(l->reader, node, "name");
    }
    load_check_unique(l, names, count, "rate limit");
    mem_free(names);
}

static const struct config_rate_limit *find(const struct config *c, struct slice name)
{
    for (size_t i = 0; i < c->rate_limit_count; i++)
        if (c->rate_limits[i].name && slice_eq(name, slice_str(c->rate_limits[i].name)))
            return &c->rate_limits[i];
    return NULL;
}

static void report_unknown(struct loader *l, struct node node, struct slice name)
{
    const char *known[CONFIG_RATE_LIMITS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < l->config->rate_limit_count; i++)
        if (l->config->rate_limits[i].name)
            known[count++] = l->config->rate_limits[i].name;
    const char *nearest = text_nearest(name, known, count);
    reader_problem(l->reader, node, "no rate limit is named %s%s%s%s", text_quote(name).text,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static bool is_given(const struct config_route *route, const struct config_rate_limit *limit)
{
    for (size_t i = 0; i < route->rate_limit_count; i++)
        if (route->rate_limits[i] == limit)
            return true;
    return false;
}

void load_route_limits(struct loader *l, struct node list, struct config_route *route)
{
    size_t count = reader_count(l->reader, list);
    route->rate_limits = reader_alloc(l->reader, count, sizeof(const void *));
    if (!route->rate_limits)
        return;
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct node item = reader_item(l->reader, list, i);
        if (!section_text(l->reader, item, 1, 64, &name))
            continue;
        const struct config_rate_limit *limit = find(l->config, name);
        if (!limit)
            report_unknown(l, item, name);
        else if (is_given(route, limit))
            reader_problem(l->reader, item, "%s is given twice", text_quote(name).text);
        else
            route->rate_limits[route->rate_limit_count++] = limit;
    }
}
