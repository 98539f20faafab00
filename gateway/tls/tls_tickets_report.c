#include "tls/tls_tickets_report.h"

#include "common/clock.h"

#include <stdatomic.h>

static const char *const source_names[] = {
    [TLS_TICKETS_OWN] = "own",
    [TLS_TICKETS_SHARED] = "shared",
    [TLS_TICKETS_FILE] = "file",
};

static unsigned source_of(const struct tls_tickets *t)
{
    uint64_t source = t->source;
    return source < ARRAY_LEN(source_names) ? (unsigned)source : TLS_TICKETS_OWN;
}

static unsigned long long generation_of(const struct tls_tickets *t)
{
    return t->generation;
}

static unsigned long long age_s(const struct tls_tickets *t)
{
    uint64_t since_ms = t->since_ms, now_ms = clock_wall_ms();
    return now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;
}

void tls_tickets_report_table(const struct tls_tickets *t, struct buf *out)
{
    buf_printf(out, "TLS ticket keys: %s, ", source_names[source_of(t)]);
    if (source_of(t) == TLS_TICKETS_SHARED)
        buf_printf(out, "generation %llu, ", generation_of(t));
    buf_printf(out, "in use for %llus\n", age_s(t));
}

void tls_tickets_report_json(const struct tls_tickets *t, struct json *j)
{
    json_object(j, "tls_tickets");
    json_string(j, "source", slice_str(source_names[source_of(t)]));
    json_u64(j, "generation", generation_of(t));
    json_u64(j, "age_s", age_s(t));
    json_end_object(j);
}

static void begin_family(const char *name, const char *help, struct buf *out)
{
    buf_printf(out, "# HELP cong_tls_ticket_%s %s.\n# TYPE cong_tls_ticket_%s gauge\n", name, help,
               name);
}

void tls_tickets_report_prometheus(const struct tls_tickets *t, struct buf *out)
{
    begin_family("keys", "1 for where the keys come from: this node, all nodes, or a file", out);
    for (unsigned i = 0; i < ARRAY_LEN(source_names); i++)
        buf_printf(out, "cong_tls_ticket_keys{source=\"%s\"} %d\n", source_names[i],
                   i == source_of(t));
    begin_family("generation", "Rotations that nodes have agreed on", out);
    buf_printf(out, "cong_tls_ticket_generation %llu\n", generation_of(t));
    begin_family("age_seconds", "How long the current key has been in use", out);
    buf_printf(out, "cong_tls_ticket_age_seconds %llu\n", age_s(t));
}
