#include "bench/node/node_listener.h"

#include "bench/node/node_conn.h"
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#define BACKLOG 4096

struct address_text {
    char text[80];
};

static struct address_text address_write(const struct sockaddr_storage *address)
{
    struct address_text out;
    char host[64] = "";
    bool v6 = address->ss_family == AF_INET6;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;
    if (v6)
        uv_ip6_name(in6, host, sizeof(host));
    else
        uv_ip4_name(in4, host, sizeof(host));
    unsigned port = ntohs(v6 ? in6->sin6_port : in4->sin_port);
    snprintf(out.text, sizeof(out.text), v6 ? "[%s]:%u" : "%s:%u", host, port);
    return out;
}

static void on_connection(uv_stream_t *stream, int status)
{
    if (status == 0)
        node_conn_accept(stream->data);
}

/* Who is accepted inherits it. */
static int bound_unsent(const uv_tcp_t *tcp, int bytes)
{
    int fd = tcp->io_watcher.fd;
    if (bytes == 0 || setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes)) == 0)
        return 0;
    return uv_translate_sys_error(errno);
}

static int come_up(struct node_listener *l)
{
    uv_tcp_init(&l->node->loop, &l->tcp);
    l->tcp.data = l;
    l->is_open = true;
    int rc = uv_tcp_bind(&l->tcp, (const struct sockaddr *)&l->address, 0);
    if (rc == 0)
        rc = bound_unsent(&l->tcp, (int)MIN(l->node->options->unsent_bytes, INT_MAX));
    return rc ? rc : uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
}

static void come_back(struct node_listener *l)
{
    int rc = come_up(l);
    if (rc)
        log_write(LOG_ERROR, "cannot listen at %s again: %s", address_write(&l->address).text,
                  uv_strerror(rc));
}

static void on_closed(uv_handle_t *handle)
{
    struct node_listener *l = handle->data;
    l->is_open = false;
    if (l->flap_ms == 0)
        come_back(l);
}

static void go_down(struct node_listener *l)
{
    if (l->is_open && !uv_is_closing((uv_handle_t *)&l->tcp))
        uv_close((uv_handle_t *)&l->tcp, on_closed);
    node_conn_reset_all(l);
}

static void on_flap(uv_timer_t *timer)
{
    struct node_listener *l = timer->data;
    if (l->is_open)
        go_down(l);
    else
        come_back(l);
}

int node_listener_open(struct node_listener *l, struct node *node, uint32_t index,
                       const struct sockaddr_storage *address, struct err *e)
{
    int len = sizeof(l->address);
    *l = (struct node_listener){ .node = node, .index = index, .address = *address };
    uv_timer_init(&node->loop, &l->flapping);
    l->flapping.data = l;
    int rc = come_up(l);
    if (rc)
        return err_set(e, ERR_SYSTEM, "cannot listen at %s: %s", address_write(address).text,
                       uv_strerror(rc));
    uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&l->address, &len);
    return 0;
}

void node_listener_announce(const struct node_listener *l, const char *name)
{
    printf("node %s listening on %s\n", name, address_write(&l->address).text);
    fflush(stdout);
}

void node_listener_flap(struct node_listener *l, uint64_t flap_ms)
{
    if (l->flap_ms == flap_ms)
        return;
    l->flap_ms = flap_ms;
    uv_timer_stop(&l->flapping);
    if (flap_ms) {
        go_down(l);
        uv_timer_start(&l->flapping, on_flap, flap_ms, flap_ms);
    } else if (!l->is_open) {
        come_back(l);
    }
}
