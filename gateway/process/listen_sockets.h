/* The listening sockets: for every listener of the configuration one per worker, in a SO_REUSEPORT
 * group, and one for the keeper's admin page.
 *
 * The supervisor keeps a copy of all of them, so that connections wait in their queues while a
 * worker is being restarted. An address that stays through a reload keeps its sockets. Takes part
 * in no connection and accepts nothing. */
#ifndef PROCESS_LISTEN_SOCKETS_H
#define PROCESS_LISTEN_SOCKETS_H

#include "config/config.h"
#include "process/channel.h"

struct listen_group;

struct listen_sockets {
    struct listen_group *groups[CONFIG_LISTENERS_MAX]; /* owned; one per config->listeners */
    size_t count;
    struct listen_group *admin; /* owned; NULL without an admin page */
};

/* Fills `next` for `config`: the groups of addresses that `current` has too are shared with it, the
 * others are opened for every worker slot whose bit is set. An address that some other program
 * listens on is refused. On failure `current` is as it was and `next` holds nothing. */
int listen_sockets_prepare(struct listen_sockets *next, const struct listen_sockets *current,
                           const struct config *config, uint64_t slots, struct err *e) MUST_CHECK;
/* Makes `next` the current ones and closes what it does not share. */
void listen_sockets_commit(struct listen_sockets *current, const struct listen_sockets *next);
/* Closes everything. */
void listen_sockets_close(struct listen_sockets *s);

/* Opens what the worker slot lacks. Steer afterwards: the slot has no live worker yet. */
int listen_sockets_add(struct listen_sockets *s, uint32_t slot, struct err *e) MUST_CHECK;
/* Closes the slot's sockets; its worker must be gone. */
void listen_sockets_remove(struct listen_sockets *s, uint32_t slot);

/* Shares new connections out by the slots' weights (see reuseport.h). */
int listen_sockets_steer(struct listen_sockets *s, const uint32_t weights[CONFIG_WORKERS_MAX],
                         struct err *e) MUST_CHECK;

/* Lends the slot's sockets, or the admin's, to a CONFIG message. */
void listen_sockets_lend(const struct listen_sockets *s, uint32_t slot,
                         struct channel_files *files);
void listen_sockets_lend_admin(const struct listen_sockets *s, struct channel_files *files);

#endif
