#include "store/store_report.h"

static const char *const mode_names[] = {
    [STORE_MODE_EMBEDDED] = "embedded",
    [STORE_MODE_REDIS] = "redis",
    [STORE_MODE_LOCAL] = "local",
};

static const char *const table_names[STORE_TABLES] = {
    [STORE_SESSIONS] = "sessions",     [STORE_USERS] = "users",
    [STORE_LIMITS] = "limits",         [STORE_SUBMISSIONS] = "submissions",
    [STORE_DISPATCHES] = "dispatches",
};

struct figures {
    unsigned long long records, capacity, evictions;
};

static struct figures figures_of(const struct store_region *r, int table)
{
    const struct shm_table *t = store_region_table(r, (enum store_table)table);
    return (struct figures){
        .records = shm_table_count(t),
        .capacity = store_region_capacity(r, (enum store_table)table),
        .evictions = shm_table_evictions(t),
    };
}

static enum store_mode mode_of(const struct store_region *r)
{
    uint32_t mode = atomic_load_explicit(&store_region_node(r)->mode, memory_order_relaxed);
    return mode < ARRAY_LEN(mode_names) ? (enum store_mode)mode : STORE_MODE_LOCAL;
}

static uint32_t nodes_of(const struct store_region *r)
{
    return atomic_load_explicit(&store_region_node(r)->live_nodes, memory_order_relaxed);
}

static bool may_evict(const struct store_region *r)
{
    return atomic_load_explicit(&store_region_node(r)->redis_may_evict, memory_order_relaxed);
}

static void write_mode(const struct store_region *r, struct buf *out)
{
    char why[STORE_WHY_BYTES];
    store_region_why(r, why);
    switch (mode_of(r)) {
    case STORE_MODE_EMBEDDED:
        buf_append_str(out, "on this node alone");
        break;
    case STORE_MODE_REDIS:
        buf_printf(out, "shared through Redis, nodes: %u", nodes_of(r));
        break;
    case STORE_MODE_LOCAL:
        buf_printf(out, "Redis is away, each node decides alone: %s", why);
        break;
    }
}

/* Submissions of which Redis has lost what it knew (dispatches.h), since the region began. */
struct losses {
    unsigned long long put_back, sent_again, unlisted;
};

static struct losses losses_of(const struct store_region *r)
{
    const struct store_node *node = store_region_node(r);
    return (struct losses){
        .put_back = atomic_load_explicit(&node->put_back, memory_order_relaxed),
        .sent_again = atomic_load_explicit(&node->sent_again, memory_order_relaxed),
        .unlisted = atomic_load_explicit(&node->unlisted, memory_order_relaxed),
    };
}

static void write_losses(const struct store_region *r, struct buf *out)
{
    struct losses l = losses_of(r);
    if (l.put_back + l.sent_again)
        buf_printf(out,
                   "\nwarning: Redis has lost what it knew of %llu submissions: %llu put back, "
                   "%llu sent again before that (cong affected)",
                   l.put_back + l.sent_again, l.put_back, l.sent_again);
}

void store_report_table(const struct store_region *r, struct buf *out)
{
    buf_append_str(out, "\nstore: ");
    write_mode(r, out);
    if (may_evict(r))
        buf_append_str(out, "\nwarning: Redis may evict keys (maxmemory-policy), and submissions "
                            "could be sent twice");
    write_losses(r, out);
    buf_printf(out, "\n%-24s %12s %12s %12s\n", "table", "records", "capacity", "evicted");
    for (int i = 0; i < STORE_TABLES; i++) {
        struct figures f = figures_of(r, i);
        buf_printf(out, "%-24s %12llu %12llu %12llu\n", table_names[i], f.records, f.capacity,
                   f.evictions);
    }
}

void store_report_json(const struct store_region *r, struct json *j)
{
    char why[STORE_WHY_BYTES];
    store_region_why(r, why);
    json_object(j, "store");
    json_string(j, "mode", slice_str(mode_names[mode_of(r)]));
    json_string(j, "why", slice_str(why));
    json_u64(j, "nodes", nodes_of(r));
    json_bool(j, "redis_may_evict", may_evict(r));
    struct losses l = losses_of(r);
    json_object(j, "submissions_lost");
    json_u64(j, "put_back", l.put_back);
    json_u64(j, "sent_again", l.sent_again);
    json_u64(j, "unlisted", l.unlisted);
    json_end_object(j);
    json_array(j, "tables");
    for (int i = 0; i < STORE_TABLES; i++) {
        struct figures f = figures_of(r, i);
        json_object(j, NULL);
        json_string(j, "name", slice_str(table_names[i]));
        json_u64(j, "records", f.records);
        json_u64(j, "capacity", f.capacity);
        json_u64(j, "evictions", f.evictions);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void begin_family(const char *name, const char *type, const char *help, struct buf *out)
{
    buf_printf(out, "# HELP cong_store_%s %s.\n# TYPE cong_store_%s %s\n", name, help, name, type);
}

void store_report_prometheus(const struct store_region *r, struct buf *out)
{
    enum store_mode mode = mode_of(r);
    begin_family("mode", "gauge",
                 "1 for where shared state is now: embedded, redis, or local while Redis is away",
                 out);
    for (uint32_t i = 0; i < ARRAY_LEN(mode_names); i++)
        buf_printf(out, "cong_store_mode{mode=\"%s\"} %d\n", mode_names[i], i == mode);
    begin_family("nodes", "gauge", "Nodes that share the Redis, as far as this one knows", out);
    buf_printf(out, "cong_store_nodes %u\n", nodes_of(r));
    begin_family("records", "gauge", "Records in this node's memory", out);
    for (int i = 0; i < STORE_TABLES; i++)
        buf_printf(out, "cong_store_records{table=\"%s\"} %llu\n", table_names[i],
                   figures_of(r, i).records);
    begin_family("capacity", "gauge", "Records that this node's memory has room for", out);
    for (int i = 0; i < STORE_TABLES; i++)
        buf_printf(out, "cong_store_capacity{table=\"%s\"} %llu\n", table_names[i],
                   figures_of(r, i).capacity);
    begin_family("evictions_total", "counter", "Records that gave way before they expired", out);
    for (int i = 0; i < STORE_TABLES; i++)
        buf_printf(out, "cong_store_evictions_total{table=\"%s\"} %llu\n", table_names[i],
                   figures_of(r, i).evictions);
    struct losses l = losses_of(r);
    begin_family("submissions_lost_total", "counter",
                 "Submissions sent by this node of which Redis has lost what it knew, by what was "
                 "found: put back in time, or sent again before",
                 out);
    buf_printf(out, "cong_store_submissions_lost_total{found=\"put_back\"} %llu\n", l.put_back);
    buf_printf(out, "cong_store_submissions_lost_total{found=\"sent_again\"} %llu\n", l.sent_again);
    begin_family("submissions_unlisted_total", "counter",
                 "Of these, those for which the list of affected ones had no room", out);
    buf_printf(out, "cong_store_submissions_unlisted_total %llu\n", l.unlisted);
}
