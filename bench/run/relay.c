#include "bench/run/relay.h"

#include "common/list.h"
#include "common/mem.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#define BACKLOG 4096
#define READ_BYTES 65536

struct relay {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t signal;
    const struct relay_setup *setup;
    struct list pairs;
    bool drops;
    uint32_t credit; /* a connection is doomed at 100 */
    char read_buffer[READ_BYTES];
};

/* One direction: what is read from its `from` is written to the other end. */
struct end {
    uv_tcp_t tcp;
    struct pair *pair;
    struct end *other;
};

struct pair {
    struct relay *relay;
    struct list link;
    struct end client, gateway;
    uv_connect_t connect;
    bool is_doomed, is_closing;
    int open_ends;
};

struct parcel {
    uv_write_t write;
    struct end *from; /* reads again when this is through */
    char data[];
};

/* --- the end of a pair ----------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct pair *pair = ((struct end *)handle->data)->pair;
    if (--pair->open_ends > 0)
        return;
    list_remove(&pair->link);
    mem_free(pair);
}

static void pair_close(struct pair *pair, bool reset)
{
    if (pair->is_closing)
        return;
    pair->is_closing = true;
    if (!reset || uv_tcp_close_reset(&pair->client.tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&pair->client.tcp, on_closed);
    uv_close((uv_handle_t *)&pair->gateway.tcp, on_closed);
}

/* --- bytes ----------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct end *end = handle->data;
    (void)suggested;
    *out = uv_buf_init(end->pair->relay->read_buffer, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *data);

static void on_written(uv_write_t *write, int status)
{
    struct parcel *parcel = write->data;
    struct end *from = parcel->from;
    if (status != 0)
        pair_close(from->pair, false);
    else if (!from->pair->is_closing)
        uv_read_start((uv_stream_t *)&from->tcp, on_alloc, on_read);
    mem_free(parcel);
}

/* What does not go at once goes as a parcel, and nothing more is read meanwhile. */
static void pass_on(struct end *from, const char *data, size_t len)
{
    uv_buf_t out = uv_buf_init((char *)data, (unsigned)len);
    int sent = uv_try_write((uv_stream_t *)&from->other->tcp, &out, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == len)
        return;
    struct parcel *parcel = mem_new(sizeof(*parcel) + len - done);
    memcpy(parcel->data, data + done, len - done);
    parcel->from = from;
    parcel->write.data = parcel;
    out = uv_buf_init(parcel->data, (unsigned)(len - done));
    uv_read_stop((uv_stream_t *)&from->tcp);
    if (uv_write(&parcel->write, (uv_stream_t *)&from->other->tcp, &out, 1, on_written) == 0)
        return;
    mem_free(parcel);
    pair_close(from->pair, false);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *data)
{
    struct end *from = stream->data;
    struct pair *pair = from->pair;
    if (got < 0)
        pair_close(pair, got == UV_ECONNRESET);
    else if (got > 0 && pair->is_doomed && from == &pair->gateway)
        pair_close(pair, true);
    else if (got > 0)
        pass_on(from, data->base, (size_t)got);
}

/* --- new connections ------------------------------------------------------------------------- */

static bool is_next_doomed(struct relay *relay)
{
    relay->credit += relay->drops ? relay->setup->drop_percent : 0;
    if (relay->credit < 100)
        return false;
    relay->credit -= 100;
    return true;
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct pair *pair = connect->data;
    if (pair->is_closing)
        return;
    if (status != 0) {
        pair_close(pair, true);
        return;
    }
    uv_read_start((uv_stream_t *)&pair->client.tcp, on_alloc, on_read);
    uv_read_start((uv_stream_t *)&pair->gateway.tcp, on_alloc, on_read);
}

static void end_init(struct end *end, struct pair *pair, struct end *other)
{
    uv_tcp_init(&pair->relay->loop, &end->tcp);
    uv_tcp_nodelay(&end->tcp, 1);
    end->tcp.data = end;
    end->pair = pair;
    end->other = other;
    pair->open_ends++;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct relay *relay = listener->data;
    if (status != 0)
        return;
    struct pair *pair = mem_new(sizeof(*pair));
    pair->relay = relay;
    pair->is_doomed = is_next_doomed(relay);
    pair->connect.data = pair;
    end_init(&pair->client, pair, &pair->gateway);
    end_init(&pair->gateway, pair, &pair->client);
    list_push_back(&relay->pairs, &pair->link);
    if (uv_accept(listener, (uv_stream_t *)&pair->client.tcp) != 0 ||
        uv_tcp_connect(&pair->connect, &pair->gateway.tcp,
                       (const struct sockaddr *)&relay->setup->gateway, on_connected) != 0)
        pair_close(pair, true);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct relay *relay = handle->data;
    (void)number;
    relay->drops = true;
    relay->credit = 100 - relay->setup->drop_percent; /* at least one */
    LIST_FOREACH (node, &relay->pairs)
        CONTAINER_OF(node, struct pair, link)->is_doomed = is_next_doomed(relay);
}

int relay_main(void *setup)
{
    static struct relay relay; /* the only one of its process */
    struct rlimit limit;
    relay.setup = setup;
    list_init(&relay.pairs);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    uv_loop_init(&relay.loop);
    uv_tcp_init(&relay.loop, &relay.listener);
    uv_signal_init(&relay.loop, &relay.signal);
    relay.listener.data = relay.signal.data = &relay;
    uv_signal_start(&relay.signal, on_signal, SIGUSR1);
    int rc = uv_tcp_bind(&relay.listener, (const struct sockaddr *)&relay.setup->listen, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&relay.listener, BACKLOG, on_connection);
    if (rc == 0)
        rc = uv_run(&relay.loop, UV_RUN_DEFAULT);
    fprintf(stderr, "the relay has ended: %s\n", uv_strerror(rc));
    return 1;
}
