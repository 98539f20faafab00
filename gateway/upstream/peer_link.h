/* What a worker's connections to a peer begin with, as its last configuration says: a PROXY header,
 * TLS, both or neither. Part of the peer.
 *
 * Peers whose TLS is the same share a context, with the authorities in it. A session that a peer
 * has given is kept for the next handshake. Where one is resumed nobody proves anew who he is: so
 * a session is of use for an hour after that was proven, and never under another configuration. */
#ifndef UPSTREAM_PEER_LINK_H
#define UPSTREAM_PEER_LINK_H

#include "common/list.h"
#include "config/config.h"
#include "net/loop.h"

#include <openssl/ssl.h>

struct link_context;

struct peer_link {
    bool is_tls;
    uint8_t send_proxy;           /* enum config_send_proxy */
    uint32_t version;             /* of all this; what was made under another is not used again */
    struct link_context *context; /* counted */
    char *server_name;            /* owned */
    SSL_SESSION *session;         /* owned; NULL: none yet */
    uint64_t verified_ms;         /* when the peer proved who it is, before that session */
    uint64_t complained_ms;
};

/* Part of a connection: where its sessions are kept. */
struct link_user {
    struct peer_link *link;  /* borrowed */
    const struct loop *loop; /* borrowed */
    uint32_t version;        /* of the link, when the connection began */
};

/* Takes over what `upstream` says of `peer`. True when that is not what it was; `contexts` are
 * those of all peers of the worker. */
bool peer_link_apply(struct peer_link *l, struct list *contexts,
                     const struct config_upstream *upstream, const struct config_peer *peer);
void peer_link_fini(struct peer_link *l);

/* For a new connection, to which `user` belongs. NULL when there is no memory, or no context. */
SSL *peer_link_ssl(struct peer_link *l, struct link_user *user) MUST_CHECK;
/* Whether to tell operators that its TLS fails, which every connection may find out. */
bool peer_link_may_complain(struct peer_link *l, uint64_t now_ms);

#endif
