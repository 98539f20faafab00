/* upstreams[].health. */
#include "config/loader.h"

/* Goes into a request line, or a Host field, as it stands. */
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    return true;
}

static void check_http(struct loader *l, struct node node, const struct config_health *h)
{
    struct reader *r = l->reader;
    if (h->path.len && (h->path.data[0] != '/' || !is_plain(h->path)))
        reader_problem(r, reader_get(r, node, "path"),
                       "must begin with / and hold printable ASCII without spaces");
    if (!is_plain(h->host))
        reader_problem(r, reader_get(r, node, "host"), "must be a host name, perhaps with a port");
}

static void check_tcp(struct loader *l, struct node node)
{
    static const char *const of_http[] = { "path", "host", "status", "body" };
    for (size_t i = 0; i < ARRAY_LEN(of_http); i++) {
        struct node value = reader_get(l->reader, node, of_http[i]);
        if (value.id)
            reader_problem(l->reader, value, "means nothing with kind: tcp");
    }
}

void load_health(struct loader *l, struct node node, struct config_upstream *u)
{
    struct reader *r = l->reader;
    if (!node.id)
        return;
    u->health = reader_alloc(r, 1, sizeof(*u->health));
    if (!u->health)
        return;
    section_read(r, node, &settings_health, u->health);
    if (u->health->kind == CONFIG_HEALTH_TCP)
        check_tcp(l, node);
    else
        check_http(l, node, u->health);
    if (u->health->timeout_ms > u->health->interval_ms)
        reader_problem(
            r, reader_get(r, node, reader_get(r, node, "timeout").id ? "timeout" : "interval"),
            "a probe's timeout is longer than the interval");
}
