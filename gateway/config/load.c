#include "config/load.h"

#include "common/mem.h"
#include "config/config_address.h"
#include "config/loader.h"
#include "config/text.h"

#include <stdlib.h>

#define CONFIG_BYTES_MAX (128u * 1024 * 1024)
/* However small the gateway is: some dozens of people in an office. */
#define ADDRESS_SHARE_MIN 256u

bool load_contents(struct loader *l, struct node node, struct config_file *file)
{
    struct err e;
    struct slice data;
    if (!file->path)
        return false;
    if (bundle_fetch(l->bundle, file->path, &data, &e)) {
        reader_problem(l->reader, node, "%s", e.text);
        return false;
    }
    file->data = reader_copy(l->reader, data);
    return file->data.data != NULL;
}

static int compare_names(const void *left, const void *right)
{
    const struct load_name *a = left, *b = right;
    int order = strcmp(a->text ? a->text : "", b->text ? b->text : "");
    /* Nodes are numbered in the order of the file. */
    return order ? order : (a->node.id > b->node.id) - (a->node.id < b->node.id);
}

void load_check_unique(struct loader *l, struct load_name *names, size_t count, const char *what)
{
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count; i++) {
        struct load_name *first = &names[i - 1], *second = &names[i];
        if (first->text && second->text && strcmp(first->text, second->text) == 0)
            reader_problem(l->reader, second->node, "%s is also the name of the %s on line %zu",
                           text_quote(slice_str(second->text)).text, what,
                           reader_line(l->reader, first->node));
    }
}

static void load_settings(struct loader *l, struct node root)
{
    static const struct section *const parts[] = {
        &settings_capacity,    &settings_guard,    &settings_log,
        &settings_access_log,  &settings_limits,   &settings_timeouts,
        &settings_tls_tickets, &settings_sessions, &settings_spool,
    };
    section_read(l->reader, root, &settings_top, l->config);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct node part = section_part(l->reader, root, &settings_top, parts[i]->where);
        section_read(l->reader, part, parts[i], l->config);
    }
}

/* The target is part of the head. Whichever of the two is given, is to be changed. */
static void check_limits(struct loader *l, struct node root)
{
    const struct config_limits *limits = &l->config->limits;
    struct node section = section_part(l->reader, root, &settings_top, "limits");
    struct node target = reader_get(l->reader, section, "target");
    if (limits->target_bytes <= limits->head_bytes)
        return;
    if (target.id)
        reader_problem(l->reader, target, "is larger than limits.head, of which it is a part");
    else
        reader_problem(l->reader, reader_get(l->reader, section, "head"),
                       "is smaller than limits.target, which is a part of it");
}

/* No address shall have more than a quarter of the gateway, no network more than half of it. In a
 * minute each may begin as many handshakes as it may have connections. */
static void fill_shares(struct config *c)
{
    struct config_limits *l = &c->limits;
    uint32_t share = MAX((uint32_t)c->capacity_users / 4, ADDRESS_SHARE_MIN);
    if (l->connections_per_address == 0)
        l->connections_per_address = share;
    if (l->connections_per_network == 0)
        l->connections_per_network = 2 * share;
    if (l->handshakes_per_address == 0)
        l->handshakes_per_address = share;
    if (l->handshakes_per_network == 0)
        l->handshakes_per_network = 2 * share;
}

/* Four keys, each with a name of its own. */
static bool are_ticket_keys(struct slice data)
{
    if (data.len != CONFIG_TICKET_KEYS * CONFIG_TICKET_KEY_BYTES)
        return false;
    for (size_t i = 0; i < CONFIG_TICKET_KEYS; i++)
        for (size_t k = 0; k < i; k++)
            if (memcmp(data.data + i * CONFIG_TICKET_KEY_BYTES,
                       data.data + k * CONFIG_TICKET_KEY_BYTES, CONFIG_TICKET_NAME_BYTES) == 0)
                return false;
    return true;
}

static void load_ticket_file(struct loader *l, struct node root)
{
    struct config_file *file = &l->config->ticket_file;
    struct node section = section_part(l->reader, root, &settings_top, "tls_tickets");
    struct node node = reader_get(l->reader, section, "file");
    if (load_contents(l, node, file) && !are_ticket_keys(file->data))
        reader_problem(l->reader, node, "%s: must be four different keys of %d random bytes each",
                       file->path, CONFIG_TICKET_KEY_BYTES);
}

static void check_sessions(struct loader *l, struct node root)
{
    const struct config_sessions *sessions = &l->config->sessions;
    struct node section = section_part(l->reader, root, &settings_top, "sessions");
    if (sessions->idle_ms <= sessions->absolute_ms)
        return;
    struct node idle = reader_get(l->reader, section, "idle");
    reader_problem(l->reader, idle.id ? idle : reader_get(l->reader, section, "absolute"),
                   "sessions.idle is longer than sessions.absolute, which ends it before");
}

static void load_trusted_proxies(struct loader *l, struct node list)
{
    struct config *c = l->config;
    size_t count = reader_count(l->reader, list);
    c->trusted_proxies = reader_alloc(l->reader, count, sizeof(*c->trusted_proxies));
    if (!c->trusted_proxies)
        return;
    for (size_t i = 0; i < count; i++) {
        struct err e;
        struct slice text;
        struct node item = reader_item(l->reader, list, i);
        if (!section_text(l->reader, item, 1, 64, &text))
            continue;
        if (config_network_parse(text, &c->trusted_proxies[c->trusted_proxy_count], &e))
            reader_problem(l->reader, item, "%s", e.text);
        else
            c->trusted_proxy_count++;
    }
}

static void load_tree(struct loader *l)
{
    struct reader *r = l->reader;
    const struct section *top = &settings_top;
    struct node root = reader_root(r);
    load_settings(l, root);
    check_limits(l, root);
    fill_shares(l->config);
    load_ticket_file(l, root);
    check_sessions(l, root);
    load_trusted_proxies(l, section_part(r, root, top, "trusted_proxies"));
    load_store(l, section_part(r, root, top, "store"));
    load_listeners(l, section_part(r, root, top, "listeners"));
    load_admin(l, section_part(r, root, top, "admin"));
    load_rate_limits(l, section_part(r, root, top, "rate_limits"));
    load_systems(l, section_part(r, root, top, "systems"));
    load_resolver(l, section_part(r, root, top, "resolver"));
    load_upstreams(l, section_part(r, root, top, "upstreams"));
    load_headers(l, section_part(r, root, top, "response_headers"), &settings_response_headers,
                 &l->all_routes);
    load_routes(l, section_part(r, root, top, "routes"));
}

static void load_text(struct bundle *b, struct slice text, struct config *c, struct diagnostics *d)
{
    struct reader *r = reader_new(c->file, text, &c->arena, d);
    if (!r)
        return;
    struct loader l = { .reader = r, .bundle = b, .config = c };
    struct config_header hsts = { SLICE(SETTINGS_HSTS_NAME), SLICE(SETTINGS_HSTS_VALUE) };
    l.all_routes = (struct header_rules){ .add = &hsts, .add_count = 1 };
    load_tree(&l);
    reader_free(&r);
}

struct config *config_load(struct bundle *b, const char *path, struct diagnostics *d)
{
    struct err e;
    struct slice text;
    struct config *c = mem_new(sizeof(*c));
    arena_init(&c->arena, NULL, CONFIG_BYTES_MAX);
    c->file = arena_printf(&c->arena, "%s", path);
    if (bundle_fetch(b, path, &text, &e))
        diagnostics_add(d, path, 0, 0, "", e.text);
    else if (text.len > CONFIG_FILE_BYTES_MAX)
        diagnostics_add(d, path, 0, 0, "", "the file is larger than 4 MiB");
    else
        load_text(b, text, c, d);
    diagnostics_finish(d);
    if (d->count > 0)
        config_free(&c);
    return c;
}

char *config_load_runtime_dir(struct bundle *b, const char *path, struct diagnostics *d)
{
    struct err e;
    struct slice text;
    struct config c = { .file = path };
    struct diagnostics elsewhere;
    char *found = NULL;
    if (bundle_fetch(b, path, &text, &e)) {
        diagnostics_add(d, path, 0, 0, "", e.text);
        diagnostics_finish(d);
        return NULL;
    }
    arena_init(&c.arena, NULL, CONFIG_BYTES_MAX);
    diagnostics_init(&elsewhere);
    struct reader *r = reader_new(path, text, &c.arena, d);
    if (r) {
        reader_free(&r);
        r = reader_new(path, text, &c.arena, &elsewhere);
        section_read(r, reader_root(r), &settings_top, &c);
        found = c.runtime_dir ? mem_strdup(c.runtime_dir) : NULL;
        reader_free(&r);
    }
    diagnostics_finish(d);
    diagnostics_fini(&elsewhere);
    arena_fini(&c.arena);
    return found;
}
