#include "net/resolver.h"

#include "common/mem.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 2
#define TICK_MS_MAX 1000

/* A socket of c-ares. Freed when its poll handle is closed. */
struct socket_watch {
    struct list node;
    uv_poll_t poll;
    struct resolver *resolver; /* borrowed; gone while the handle closes */
    ares_socket_t fd;
};

struct resolver {
    struct loop *loop; /* borrowed */
    ares_channel channel;
    struct timer timer; /* while c-ares waits for something */
    struct list sockets;
    bool leaving;
};

struct question {
    struct resolver *resolver;
    resolver_fn on_answer;
    void *user;
};

/* --- sockets and time ----------------------------------------------------------------------- */

static void set_timer(struct resolver *r)
{
    struct timeval room, most = { TICK_MS_MAX / 1000, TICK_MS_MAX % 1000 * 1000 };
    if (list_is_empty(&r->sockets)) {
        timer_stop(&r->timer);
        return;
    }
    const struct timeval *next = ares_timeout(r->channel, &most, &room);
    timer_set(&r->loop->timers, &r->timer,
              (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1);
}

static void on_timer(struct timer *t)
{
    struct resolver *r = CONTAINER_OF(t, struct resolver, timer);
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *w = poll->data;
    struct resolver *r = w->resolver;
    bool failed = status < 0;
    loop_event_begin(r->loop);
    ares_process_fd(r->channel, failed || (events & UV_READABLE) ? w->fd : ARES_SOCKET_BAD,
                    failed || (events & UV_WRITABLE) ? w->fd : ARES_SOCKET_BAD);
    set_timer(r);
    loop_event_end(r->loop);
}

static void on_poll_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void forget(struct socket_watch *w)
{
    list_remove(&w->node);
    uv_close((uv_handle_t *)&w->poll, on_poll_closed);
}

static struct socket_watch *find(struct resolver *r, ares_socket_t fd)
{
    LIST_FOREACH (node, &r->sockets) {
        struct socket_watch *w = CONTAINER_OF(node, struct socket_watch, node);
        if (w->fd == fd)
            return w;
    }
    return NULL;
}

static struct socket_watch *watch(struct resolver *r, ares_socket_t fd)
{
    struct socket_watch *w = mem_new(sizeof(*w));
    w->resolver = r;
    w->fd = fd;
    w->poll.data = w;
    if (uv_poll_init(&r->loop->uv, &w->poll, fd) < 0) {
        mem_free(w);
        return NULL; /* the question will be over when its time is */
    }
    list_push_back(&r->sockets, &w->node);
    return w;
}

/* c-ares wants this of a socket from now on; neither: it is about to close it. */
static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = user;
    struct socket_watch *w = find(r, fd);
    if (!readable && !writable) {
        if (w)
            forget(w);
        return;
    }
    if (!w)
        w = watch(r, fd);
    if (w)
        uv_poll_start(&w->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      on_ready);
}

/* --- answers -------------------------------------------------------------------------------- */

static int compare_ips(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct peer_ip));
}

static bool has(const struct resolver_answer *answer, const struct peer_ip *ip)
{
    for (uint32_t i = 0; i < answer->count; i++)
        if (compare_ips(&answer->ips[i], ip) == 0)
            return true;
    return false;
}

static bool read_ip(const struct ares_addrinfo_node *node, struct peer_ip *ip)
{
    memset(ip, 0, sizeof(*ip));
    if (node->ai_family == AF_INET)
        memcpy(ip->bytes, &((const struct sockaddr_in *)node->ai_addr)->sin_addr, 4);
    else if (node->ai_family == AF_INET6)
        memcpy(ip->bytes, &((const struct sockaddr_in6 *)node->ai_addr)->sin6_addr, 16);
    else
        return false;
    ip->is_v6 = node->ai_family == AF_INET6;
    return true;
}

static void read_ips(const struct ares_addrinfo *info, struct resolver_answer *answer)
{
    struct peer_ip ip;
    const struct ares_addrinfo_node *node = info->nodes;
    for (; node && answer->count < PEER_ADDRESSES_MAX; node = node->ai_next)
        if (read_ip(node, &ip) && !has(answer, &ip))
            answer->ips[answer->count++] = ip;
    qsort(answer->ips, answer->count, sizeof(ip), compare_ips);
}

static void on_addresses(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    struct question *q = user;
    struct resolver_answer answer = { .problem = status };
    (void)timeouts;
    if (info)
        read_ips(info, &answer);
    ares_freeaddrinfo(info);
    if (status == ARES_SUCCESS && answer.count == 0)
        answer.problem = ARES_ENODATA;
    if (!q->resolver->leaving)
        q->on_answer(q->user, &answer);
    mem_free(q);
}

/* --- for the caller ------------------------------------------------------------------------- */

static int open_channel(struct resolver *r, const struct resolver_terms *terms)
{
    /* A server that the configuration names is asked alone, not the machine's files. */
    char lookups[] = "fb", only_servers[] = "b";
    struct ares_options options = {
        .timeout = (int)terms->timeout_ms,
        .tries = TRIES,
        .lookups = terms->servers ? only_servers : lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = r,
    };
    int status = ares_init_options(&r->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                                       ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && terms->servers)
        status = ares_set_servers_ports_csv(r->channel, terms->servers);
    return status;
}

struct resolver *resolver_new(struct loop *loop, const struct resolver_terms *terms, struct err *e)
{
    struct resolver *r = mem_new(sizeof(*r));
    r->loop = loop;
    list_init(&r->sockets);
    timer_init(&r->timer, on_timer);
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS)
        status = open_channel(r, terms);
    if (status == ARES_SUCCESS)
        return r;
    err_set(e, ERR_SYSTEM, "cannot look names up: %s", ares_strerror(status));
    resolver_free(&r);
    return NULL;
}

void resolver_ask(struct resolver *r, const char *name, resolver_fn on_answer, void *user)
{
    /* Unsorted: whoever asks takes turns anyway, and sorting would open more sockets. */
    const struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
                                               .ai_family = AF_UNSPEC,
                                               .ai_socktype = SOCK_STREAM };
    struct question *q = mem_new(sizeof(*q));
    *q = (struct question){ r, on_answer, user };
    ares_getaddrinfo(r->channel, name, NULL, &hints, on_addresses, q);
    set_timer(r);
}

void resolver_free(struct resolver **r)
{
    if (!*r)
        return;
    (*r)->leaving = true;
    if ((*r)->channel)
        ares_destroy((*r)->channel);
    ares_library_cleanup();
    LIST_FOREACH (node, &(*r)->sockets)
        forget(CONTAINER_OF(node, struct socket_watch, node));
    timer_cancel(&(*r)->timer);
    mem_free(*r);
    *r = NULL;
}

const char *resolver_problem_text(int problem)
{
    return ares_strerror(problem);
}
