#include "net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* The socket listens already; libuv's listen() merely repeats it, with the same backlog. */
#define LISTENER_BACKLOG 4096

/* What the kernel takes of us beyond what it can send now. Without it a slow reader has megabytes
 * queued, and is heard of again only when a third of them is gone. */
#define LISTENER_UNSENT_BYTES (128 * 1024)

static void on_waiting(uv_stream_t *uv, int status)
{
    struct listener *l = uv->data;
    if (status < 0)
        return; /* the connection went away before it was taken, or descriptors ran out */
    loop_event_begin(l->loop);
    l->on_connection(l, l->user);
    loop_event_end(l->loop);
}

int listener_open(struct listener *l, struct loop *loop, int fd, listener_fn on_connection,
                  void *user)
{
    *l = (struct listener){ .loop = loop, .on_connection = on_connection, .user = user };
    /* Accepted sockets inherit these on Linux: two system calls a connection less. */
    int one = 1, unsent_bytes = LISTENER_UNSENT_BYTES;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof(unsent_bytes));
    int rc = uv_tcp_init(&loop->uv, &l->uv);
    l->uv.data = l;
    if (rc == 0)
        rc = uv_tcp_open(&l->uv, fd);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return uv_listen((uv_stream_t *)&l->uv, LISTENER_BACKLOG, on_waiting);
}

int listener_accept(struct listener *l, uv_tcp_t *into)
{
    return uv_accept((uv_stream_t *)&l->uv, (uv_stream_t *)into);
}

static void on_uv_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    l->on_closed(l);
}

void listener_close(struct listener *l, void (*on_closed)(struct listener *l))
{
    l->on_closed = on_closed;
    uv_close((uv_handle_t *)&l->uv, on_uv_closed);
}
