#include "process/listen_sockets.h"

#include "common/mem.h"
#include "process/reuseport.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define ADMIN_SLOT 0

struct listen_group {
    struct sockaddr_storage address;
    socklen_t address_len;
    char *text;                  /* owned; the address as the configuration wrote it */
    int fds[CONFIG_WORKERS_MAX]; /* owned; by worker slot, -1 when there is none */
    struct reuseport order;
};

static void close_slot(struct listen_group *g, uint32_t slot)
{
    if (g->fds[slot] < 0)
        return;
    reuseport_remove(&g->order, slot);
    close(g->fds[slot]);
    g->fds[slot] = -1;
}

static void group_free(struct listen_group **g)
{
    if (!*g)
        return;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        close_slot(*g, slot);
    mem_free((*g)->text);
    mem_free(*g);
    *g = NULL;
}

static int set_on(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on));
}

/* A bound socket, or -1 with errno set. */
static int open_bound(const struct listen_group *g, bool shared)
{
    int family = g->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (set_on(fd, SOL_SOCKET, SO_REUSEADDR) == 0 &&
        (!shared || set_on(fd, SOL_SOCKET, SO_REUSEPORT) == 0) &&
        (family != AF_INET6 || set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) &&
        bind(fd, (const struct sockaddr *)&g->address, g->address_len) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_slot(struct listen_group *g, uint32_t slot, struct err *e)
{
    if (g->fds[slot] >= 0)
        return 0;
    int fd = open_bound(g, true);
    if (fd < 0)
        return err_system(e, "cannot listen on %s", g->text);
    if (listen(fd, BACKLOG) < 0) {
        err_system(e, "cannot listen on %s", g->text);
        close(fd);
        return ERR_SYSTEM;
    }
    g->fds[slot] = fd;
    reuseport_add(&g->order, fd, slot);
    return 0;
}

static in_port_t port_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                          : ((const struct sockaddr_in *)address)->sin_port;
}

static bool has_port(const struct listen_sockets *s, in_port_t port)
{
    for (size_t i = 0; i < s->count; i++)
        if (port_of(&s->groups[i]->address) == port)
            return true;
    return s->admin && port_of(&s->admin->address) == port;
}

/* SO_REUSEPORT would let us join another gateway of the same user in silence and take half of its
 * connections: a bind() without it tells. Our own sockets on that port (a reload that moves from
 * 0.0.0.0 to 127.0.0.1) are no reason to refuse. */
static int check_free(const struct listen_group *g, const struct listen_sockets *current,
                      struct err *e)
{
    if (has_port(current, port_of(&g->address)))
        return 0;
    int fd = open_bound(g, false);
    if (fd < 0)
        return err_system(e, "cannot listen on %s", g->text);
    close(fd);
    return 0;
}

static struct listen_group *group_open(const struct config_address *address, uint64_t slots,
                                       const struct listen_sockets *current, struct err *e)
{
    struct listen_group *g = mem_new(sizeof(*g));
    g->address = address->sockaddr;
    g->address_len = address->len;
    g->text = mem_strdup(address->text);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        g->fds[slot] = -1;
    int status = check_free(g, current, e);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX && status == 0; slot++)
        if (slots >> slot & 1)
            status = open_slot(g, slot, e);
    if (status < 0)
        group_free(&g);
    return g;
}

static bool has_address(const struct listen_group *g, const struct config_address *address)
{
    return g->address_len == address->len &&
           memcmp(&g->address, &address->sockaddr, address->len) == 0;
}

static struct listen_group *find(const struct listen_sockets *s,
                                 const struct config_address *address)
{
    for (size_t i = 0; i < s->count; i++)
        if (has_address(s->groups[i], address))
            return s->groups[i];
    return NULL;
}

static bool contains(const struct listen_sockets *s, const struct listen_group *g)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->groups[i] == g)
            return true;
    return s->admin == g;
}

/* Frees the groups of `from` that `kept` does not share. */
static void free_unshared(struct listen_sockets *from, const struct listen_sockets *kept)
{
    for (size_t i = 0; i < from->count; i++)
        if (!contains(kept, from->groups[i]))
            group_free(&from->groups[i]);
    if (from->admin && !contains(kept, from->admin))
        group_free(&from->admin);
    *from = (struct listen_sockets){ 0 };
}

static int prepare_admin(struct listen_sockets *next, const struct listen_sockets *current,
                         const struct config *config, struct err *e)
{
    if (!config->admin)
        return 0;
    if (current->admin && has_address(current->admin, config->admin))
        next->admin = current->admin;
    else
        next->admin = group_open(config->admin, 1ull << ADMIN_SLOT, current, e);
    return next->admin ? 0 : ERR_SYSTEM;
}

static int prepare_groups(struct listen_sockets *next, const struct listen_sockets *current,
                          const struct config *config, uint64_t slots, struct err *e)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_address *address = &config->listeners[i].address;
        struct listen_group *g = find(current, address);
        if (!g)
            g = group_open(address, slots, current, e);
        if (!g)
            return ERR_SYSTEM;
        next->groups[next->count++] = g;
    }
    return prepare_admin(next, current, config, e);
}

int listen_sockets_prepare(struct listen_sockets *next, const struct listen_sockets *current,
                           const struct config *config, uint64_t slots, struct err *e)
{
    *next = (struct listen_sockets){ 0 };
    int status = prepare_groups(next, current, config, slots, e);
    if (status < 0)
        free_unshared(next, current);
    return status;
}

void listen_sockets_commit(struct listen_sockets *current, const struct listen_sockets *next)
{
    free_unshared(current, next);
    *current = *next;
}

void listen_sockets_close(struct listen_sockets *s)
{
    const struct listen_sockets none = { 0 };
    free_unshared(s, &none);
}

int listen_sockets_add(struct listen_sockets *s, uint32_t slot, struct err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        int status = open_slot(s->groups[i], slot, e);
        if (status < 0)
            return status;
    }
    return 0;
}

void listen_sockets_remove(struct listen_sockets *s, uint32_t slot)
{
    for (size_t i = 0; i < s->count; i++)
        close_slot(s->groups[i], slot);
}

int listen_sockets_steer(struct listen_sockets *s, const uint32_t weights[CONFIG_WORKERS_MAX],
                         struct err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        int status = reuseport_steer(&s->groups[i]->order, weights, e);
        if (status < 0)
            return status;
    }
    return 0;
}

void listen_sockets_lend(const struct listen_sockets *s, uint32_t slot, struct channel_files *files)
{
    for (size_t i = 0; i < s->count; i++)
        files->sockets[files->socket_count++] = s->groups[i]->fds[slot];
}

void listen_sockets_lend_admin(const struct listen_sockets *s, struct channel_files *files)
{
    if (s->admin)
        files->sockets[files->socket_count++] = s->admin->fds[ADMIN_SLOT];
}
