#include "bench/node/node_send.h"

#include "common/mem.h"

struct rest {
    uv_write_t req;
    node_sent_fn *on_sent;
    void *owner; /* borrowed; outlives the write */
    char copied[];
};

static void on_written(uv_write_t *req, int status)
{
    struct rest *rest = CONTAINER_OF(req, struct rest, req);
    node_sent_fn *on_sent = rest->on_sent;
    void *owner = rest->owner;
    mem_free(rest);
    on_sent(owner, status);
}

/* The parts from `skip` bytes on. */
static unsigned fill_vector(const struct node_out *out, size_t skip, uv_buf_t *vector)
{
    unsigned count = 0;
    for (size_t i = 0; i < out->part_count; i++) {
        struct slice part = node_out_part(out, i);
        size_t cut = MIN(skip, part.len);
        skip -= cut;
        if (cut < part.len)
            vector[count++] = uv_buf_init((char *)part.data + cut, (unsigned)(part.len - cut));
    }
    return count;
}

static bool is_copied(const struct node_out *out, const char *data)
{
    return data >= out->scratch.data && data < out->scratch.data + out->scratch.len;
}

/* Lent parts stay where they are; copied ones are copied once more. */
static int queue(const struct node_out *out, size_t skip, uv_stream_t *stream,
                 node_sent_fn *on_sent, void *owner)
{
    uv_buf_t vector[NODE_OUT_PARTS];
    unsigned count = fill_vector(out, skip, vector);
    size_t copied = 0;
    for (unsigned i = 0; i < count; i++)
        copied += is_copied(out, vector[i].base) ? vector[i].len : 0;
    struct rest *rest = mem_try(sizeof(*rest) + copied);
    if (!rest)
        return UV_ENOMEM;
    rest->on_sent = on_sent;
    rest->owner = owner;
    char *at = rest->copied;
    for (unsigned i = 0; i < count; i++) {
        if (!is_copied(out, vector[i].base))
            continue;
        memcpy(at, vector[i].base, vector[i].len);
        vector[i].base = at;
        at += vector[i].len;
    }
    int rc = uv_write(&rest->req, stream, vector, count, on_written);
    if (rc)
        mem_free(rest);
    return rc ? rc : 1;
}

int node_send(struct node_out *out, uv_stream_t *stream, bool queued, node_sent_fn *on_sent,
              void *owner)
{
    uv_buf_t vector[NODE_OUT_PARTS];
    if (out->bytes == 0)
        return 0;
    int rc = queued ? UV_EAGAIN : uv_try_write(stream, vector, fill_vector(out, 0, vector));
    size_t sent = rc > 0 ? (size_t)rc : 0;
    if (rc == UV_EAGAIN || rc >= 0)
        rc = sent < out->bytes ? queue(out, sent, stream, on_sent, owner) : 0;
    node_out_clear(out);
    return rc;
}
