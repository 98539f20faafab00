#include "bench/node/node_stats.h"

#include <llhttp.h>

void node_stats_reset(struct node_stats *s)
{
    *s = (struct node_stats){ .open = s->open, .peak = s->open };
}

void node_stats_write(const struct node_stats *s, struct json *j)
{
    json_u64(j, "requests", s->requests);
    json_object(j, "methods");
    for (size_t i = 0; i < NODE_METHODS; i++)
        if (s->methods[i])
            json_u64(j, llhttp_method_name((llhttp_method_t)i), s->methods[i]);
    json_end_object(j);
    json_u64(j, "bad_requests", s->bad_requests);
    json_u64(j, "bodies", s->bodies);
    json_u64(j, "body_bytes", s->body_bytes);
    json_u64(j, "aborted", s->aborted);
    json_u64(j, "repeats", s->repeats);
    json_u64(j, "faults", s->faults);
    json_u64(j, "dossiers", s->dossiers);
    json_u64(j, "websockets", s->websockets);
    json_u64(j, "messages", s->messages);
    json_object(j, "connections");
    json_u64(j, "open", s->open);
    json_u64(j, "peak", s->peak);
    json_u64(j, "accepted", s->accepted);
    json_end_object(j);
}
