#include "bench/node/node_outage.h"

#include "bench/node/latency.h"
#include "bench/node/query.h"
#include "config/units.h"

#include <string.h>

#define FLAP_MIN_MS 100

static const char *const kinds[] = {
    [NODE_OUTAGE_NONE] = "none",   [NODE_OUTAGE_HANG] = "hang", [NODE_OUTAGE_SLOW] = "slow",
    [NODE_OUTAGE_RESET] = "reset", [NODE_OUTAGE_FLAP] = "flap",
};

/* --- reading ---------------------------------------------------------------------------------- */

static int read_kind(struct node_outage *o, struct slice text, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_eq(text, slice_str(kinds[i]))) {
            o->kind = (enum node_outage_kind)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "kind: write hang, slow, reset, flap or none");
}

static int read_listener(struct node_outage *o, struct slice text, size_t listeners, struct err *e)
{
    uint64_t number;
    if (!slice_to_u64(text, &number) || number >= listeners)
        return err_set(e, ERR_INVALID, "listener: this node has %zu, counted from 0", listeners);
    o->listener = (uint32_t)number;
    return 0;
}

static int read_time(struct node_outage *o, struct slice text, struct err *e)
{
    struct err why;
    int rc = units_parse(UNIT_DURATION, text, &o->time_ms, &why);
    if (rc)
        return err_set(e, rc, "time: %s", why.text);
    return o->time_ms <= LATENCY_MAX_MS ? 0 : err_set(e, ERR_INVALID, "time: an hour at most");
}

static int read_path(struct node_outage *o, struct slice text, struct err *e)
{
    if (text.len == 0 || text.len > NODE_OUTAGE_PATH_LEN)
        return err_set(e, ERR_INVALID, "path: 1 to %d bytes", NODE_OUTAGE_PATH_LEN);
    memcpy(o->path, text.data, text.len);
    o->path[text.len] = '\0';
    return 0;
}

static int read_parameter(struct node_outage *o, struct slice name, struct slice value,
                          size_t listeners, struct err *e)
{
    if (slice_eq(name, SLICE("kind")))
        return read_kind(o, value, e);
    if (slice_eq(name, SLICE("listener")))
        return read_listener(o, value, listeners, e);
    if (slice_eq(name, SLICE("time")))
        return read_time(o, value, e);
    if (slice_eq(name, SLICE("path")))
        return read_path(o, value, e);
    return err_set(e, ERR_INVALID, "an outage has a kind, a listener, a time and a path");
}

static int check(const struct node_outage *o, struct err *e)
{
    if (o->kind == NODE_OUTAGE_SLOW && o->time_ms == 0)
        return err_set(e, ERR_INVALID, "slow needs a time");
    if (o->kind == NODE_OUTAGE_FLAP && o->time_ms < FLAP_MIN_MS)
        return err_set(e, ERR_INVALID, "flap needs a time of %d ms at least", FLAP_MIN_MS);
    if (o->kind == NODE_OUTAGE_FLAP && (o->path[0] || o->listener == NODE_EVERYWHERE))
        return err_set(e, ERR_INVALID, "what flaps is one listener");
    return 0;
}

int node_outage_read(struct node_outage *o, struct slice query, size_t listeners, struct err *e)
{
    struct slice name, value;
    bool has_kind = false;
    *o = (struct node_outage){ .listener = NODE_EVERYWHERE };
    while (query_next(&query, &name, &value)) {
        int rc = read_parameter(o, name, value, listeners, e);
        if (rc)
            return rc;
        has_kind = has_kind || slice_eq(name, SLICE("kind"));
    }
    return has_kind ? check(o, e) : err_set(e, ERR_INVALID, "an outage needs a kind");
}

/* --- changing --------------------------------------------------------------------------------- */

static bool is_same(const struct node_outage *a, const struct node_outage *b)
{
    return a->listener == b->listener && strcmp(a->path, b->path) == 0;
}

static bool ends(const struct node_outage *end, const struct node_outage *o)
{
    bool is_here = end->listener == NODE_EVERYWHERE || end->listener == o->listener;
    return is_here && (!end->path[0] || strcmp(end->path, o->path) == 0);
}

int node_outages_change(struct node_outages *outages, const struct node_outage *o, struct err *e)
{
    bool is_end = o->kind == NODE_OUTAGE_NONE;
    for (size_t i = outages->count; i-- > 0;)
        if (is_end ? ends(o, &outages->all[i]) : is_same(o, &outages->all[i]))
            outages->all[i] = outages->all[--outages->count];
    if (is_end)
        return 0;
    if (outages->count == NODE_OUTAGES_MAX)
        return err_set(e, ERR_LIMIT, "there are %d outages already", NODE_OUTAGES_MAX);
    outages->all[outages->count++] = *o;
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool strikes(const struct node_outage *o, uint32_t listener, struct slice path)
{
    bool is_here = o->listener == listener || o->listener == NODE_EVERYWHERE;
    return is_here && o->kind != NODE_OUTAGE_FLAP && slice_starts_with(path, slice_str(o->path));
}

const struct node_outage *node_outages_find(const struct node_outages *outages, uint32_t listener,
                                            struct slice path)
{
    const struct node_outage *found = NULL;
    for (size_t i = 0; i < outages->count; i++) {
        const struct node_outage *o = &outages->all[i];
        if (strikes(o, listener, path) && (!found || strlen(o->path) > strlen(found->path)))
            found = o;
    }
    return found;
}

uint64_t node_outages_flap_ms(const struct node_outages *outages, uint32_t listener)
{
    for (size_t i = 0; i < outages->count; i++)
        if (outages->all[i].kind == NODE_OUTAGE_FLAP && outages->all[i].listener == listener)
            return outages->all[i].time_ms;
    return 0;
}
