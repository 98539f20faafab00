/* The commands of `cong maintenance`. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "config/text.h"
#include "process/maintenance.h"

struct desk {
    struct maintenance *maintenance;
    const struct config *config;
    struct board *board;
    struct buf *out;
};

static struct slice take_line(struct slice *rest)
{
    size_t at = slice_find(*rest, '\n');
    struct slice found = slice_of(rest->data, at);
    *rest = slice_from(*rest, MIN(at + 1, rest->len));
    return found;
}

static const struct config_upstream *find_upstream(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (slice_eq(slice_str(config->upstreams[i].name), name))
            return &config->upstreams[i];
    return NULL;
}

static int refuse_name(const struct desk *d, struct slice name)
{
    size_t count = d->config->upstream_count;
    const char **known = mem_new_array(count + 1, sizeof(*known));
    for (size_t i = 0; i < count; i++)
        known[i] = d->config->upstreams[i].name;
    const char *nearest = text_nearest(name, known, count);
    buf_printf(d->out, "there is no upstream %s", text_quote(name).text);
    if (nearest)
        buf_printf(d->out, "; did you mean %s?", nearest);
    buf_append_char(d->out, '\n');
    mem_free(known);
    return ERR_INVALID;
}

static int refuse(const struct desk *d, const char *why)
{
    buf_printf(d->out, "nothing was changed: %s\n", why);
    return ERR_INVALID;
}

static int close_upstream(const struct desk *d, struct slice name, struct slice until,
                          struct slice message)
{
    struct err e;
    uint64_t until_ms = 0;
    if (!find_upstream(d->config, name))
        return refuse_name(d, name);
    if (until.len && !clock_parse_iso(until, &until_ms))
        return refuse(d, "--until is a time such as " CLOCK_ISO_EXAMPLE);
    if (message.len > CLOSURE_MESSAGE_BYTES || text_has_control(message))
        return refuse(d, "--message is one line of at most 512 bytes");
    const struct maintenance_item *before = maintenance_find(d->maintenance, name);
    struct maintenance_item item = maintenance_item_make(
        name, before ? before->view.since_ms : clock_wall_ms(), until_ms, message);
    if (maintenance_put(d->maintenance, &item, &e) < 0)
        return refuse(d, e.text);
    maintenance_apply(d->maintenance, d->config, d->board);
    log_write(LOG_WARN, "upstream %s is closed for work by an operator", item.name);
    buf_printf(d->out, "%s is closed\n", item.name);
    return 0;
}

static int tell_open(const struct desk *d, const char *name, const struct config_upstream *u)
{
    bool is_closed = u && u->maintenance;
    buf_printf(d->out,
               is_closed ? "%s stays closed by the configuration: take maintenance out and reload\n"
                         : "%s is open\n",
               name);
    return is_closed ? ERR_INVALID : 0;
}

static int open_upstream(const struct desk *d, struct slice name)
{
    struct err e;
    struct maintenance_item *item = maintenance_find(d->maintenance, name);
    const struct config_upstream *u = find_upstream(d->config, name);
    if (!item)
        return u ? tell_open(d, u->name, u) : refuse_name(d, name);
    struct maintenance_item before = *item;
    if (maintenance_remove(d->maintenance, item, &e) < 0)
        return refuse(d, e.text);
    maintenance_apply(d->maintenance, d->config, d->board);
    log_write(LOG_INFO, "upstream %s is not closed by an operator any more", before.name);
    return tell_open(d, before.name, u);
}

static void list_one(const struct desk *d, const char *name, const struct closure_view *v,
                     const char *by)
{
    char since[CLOCK_ISO_LEN + 1], until[CLOCK_ISO_LEN + 1];
    clock_format_iso(since, v->since_ms);
    clock_format_iso(until, v->until_ms);
    buf_printf(d->out, "%-24s %-13s %-24s %-24s %s\n", name, by, since, v->until_ms ? until : "-",
               v->message);
}

static int list_closed(const struct desk *d)
{
    const struct maintenance *m = d->maintenance;
    struct closure_view v;
    buf_printf(d->out, "%-24s %-13s %-24s %-24s %s\n", "closed", "by", "since", "until", "message");
    for (size_t i = 0; i < d->config->upstream_count; i++) {
        const char *name = d->config->upstreams[i].name;
        int index = board_find(d->board, SERIES_UPSTREAM, slice_str(name));
        const struct closure *c = board_closure(d->board, index);
        if (c && closure_read(c, &v))
            list_one(d, name, &v, closure_cause_name(v.cause));
    }
    for (size_t i = 0; i < m->count; i++)
        if (!find_upstream(d->config, slice_str(m->items[i].name)))
            list_one(d, m->items[i].name, &m->items[i].view, "operator, not in use");
    return 0;
}

int maintenance_command(struct maintenance *m, const struct config *config, struct board *board,
                        struct slice command, struct buf *out)
{
    const struct desk d = { m, config, board, out };
    struct slice verb = take_line(&command);
    struct slice name = take_line(&command);
    if (slice_eq(verb, SLICE("list")))
        return list_closed(&d);
    if (slice_eq(verb, SLICE("open")))
        return open_upstream(&d, name);
    if (!slice_eq(verb, SLICE("close")))
        return refuse(&d, "maintenance knows close, open and list");
    struct slice until = take_line(&command);
    return close_upstream(&d, name, until, command);
}
