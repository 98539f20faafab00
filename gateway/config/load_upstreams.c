/* upstreams and their peers. */
#include "common/log.h"
#include "common/mem.h"
#include "config/config_address.h"
#include "config/loader.h"
#include "config/text.h"

#define IDENTITY_KEY_BYTES_MIN 32
#define IDENTITY_KEY_BYTES_MAX 4096

/* Twice the same peer would count its connections twice; weight is how to send it more. */
static void check_peer_is_new(struct loader *l, const struct config_upstream *u, size_t index,
                              struct node node)
{
    const struct config_address *address = &u->peers[index].address;
    for (size_t i = 0; i < index && (address->len > 0 || address->host); i++) {
        if (config_address_equal(&u->peers[i].address, address)) {
            reader_problem(l->reader, reader_get(l->reader, node, "address"),
                           "is already peers[%zu] of this upstream; use weight to send it more", i);
            return;
        }
    }
}

static void check_verify(struct loader *l, struct node node, const struct config_upstream_tls *tls)
{
    struct node ca = reader_get(l->reader, node, "ca");
    if (tls->verify)
        return;
    if (ca.id)
        reader_problem(l->reader, ca, "has no effect while verify is false");
    else if (!bundle_is_sealed(l->bundle))
        log_write(LOG_WARN, "%s:%zu: %s: anybody on the way can pretend to be this peer",
                  l->config->file, reader_line(l->reader, node), node.name);
}

/* An absent node: no TLS of its own. */
static void load_upstream_tls(struct loader *l, struct node node, const struct section *section,
                              struct config_upstream_tls **out)
{
    struct reader *r = l->reader;
    struct config_upstream_tls *tls = node.id ? reader_alloc(r, 1, sizeof(*tls)) : NULL;
    if (!tls)
        return;
    section_read(r, node, section, tls);
    struct node ca = reader_get(r, node, "ca");
    struct node cert = reader_get(r, node, "cert"), key = reader_get(r, node, "key");
    *out = tls; /* from here on config_free() wipes its key */
    load_chain(l, ca, &tls->ca);
    bool has_chain = load_chain(l, cert, &tls->cert);
    load_key(l, key, has_chain ? &tls->cert : NULL, &tls->key);
    if (cert.id && !key.id)
        reader_problem(r, cert, "needs key, the certificate's private key");
    if (key.id && !cert.id)
        reader_problem(r, key, "needs cert, the certificate of this key");
    check_verify(l, node, tls);
}

static void load_peers(struct loader *l, struct node list, struct config_upstream *u)
{
    size_t count = reader_count(l->reader, list);
    u->peers = reader_alloc(l->reader, count, sizeof(*u->peers));
    if (!u->peers)
        return;
    u->peer_count = count;
    for (size_t i = 0; i < count; i++) {
        struct node node = reader_item(l->reader, list, i);
        section_read(l->reader, node, &settings_peer, &u->peers[i]);
        load_upstream_tls(l, section_part(l->reader, node, &settings_peer, "tls"),
                          &settings_peer_tls, &u->peers[i].tls);
        check_peer_is_new(l, u, i, node);
    }
}

/* A key that can be guessed lets anybody who reaches the backend be anybody. */
static void load_identity_key(struct loader *l, struct node node, struct config_upstream *u)
{
    struct node place = reader_get(l->reader, node, "identity_key");
    if (!load_contents(l, place, &u->identity_key))
        return;
    struct slice *key = &u->identity_key.data;
    while (key->len && (key->data[key->len - 1] == '\n' || key->data[key->len - 1] == '\r'))
        key->len--;
    if (key->len < IDENTITY_KEY_BYTES_MIN || key->len > IDENTITY_KEY_BYTES_MAX)
        reader_problem(l->reader, place, "holds %zu bytes; a key has %d to %d", key->len,
                       IDENTITY_KEY_BYTES_MIN, IDENTITY_KEY_BYTES_MAX);
}

static void check_hash(struct loader *l, struct node hash, const struct config_upstream *u)
{
    bool by_session = u->hash_key == CONFIG_HASH_SESSION;
    if (u->balance == CONFIG_BALANCE_HASH && !by_session && !u->hash_name.len)
        reader_problem(l->reader, hash, "needs the name of the header or cookie");
    if (by_session && u->hash_name.len)
        reader_problem(l->reader, reader_get(l->reader, hash, "name"),
                       "is for key: header and key: cookie");
}

static void check_ejection(struct loader *l, struct node ejection, const struct config_upstream *u)
{
    if (u->ejection.max_time_ms < u->ejection.time_ms)
        reader_problem(l->reader, ejection, "max_time, %u ms, is less than time, %u ms",
                       u->ejection.max_time_ms, u->ejection.time_ms);
}

/* Backups stand in for somebody. */
static void check_primary(struct loader *l, struct node peers, const struct config_upstream *u)
{
    for (size_t i = 0; i < u->peer_count; i++)
        if (!u->peers[i].backup)
            return;
    if (u->peer_count)
        reader_problem(l->reader, peers, "needs a peer that is no backup");
}

/* Nothing that a message is read by (Host, Content-Length) begins with X-. */
static void check_deadline_header(struct loader *l, struct node node,
                                  const struct config_upstream *u)
{
    struct slice name = u->deadline_header;
    if (!name.data || (text_is_token(name) && name.len > 2 &&
                       slice_eq_nocase(slice_of(name.data, 2), SLICE("X-"))))
        return;
    reader_problem(l->reader, reader_get(l->reader, node, "deadline_header"),
                   "%s is not the name of a header that begins with X-", text_quote(name).text);
}

static void load_upstream(struct loader *l, struct node node, struct config_upstream *u)
{
    struct reader *r = l->reader;
    const struct section *section = &settings_upstream;
    section_read(r, node, section, u);
    section_read(r, section_part(r, node, section, "timeouts"), &settings_upstream_timeouts, u);
    section_read(r, section_part(r, node, section, "keep_alive"), &settings_keep_alive, u);
    load_upstream_tls(l, section_part(r, node, section, "tls"), &settings_upstream_tls, &u->tls);
    struct node hash = section_part(r, node, section, "hash");
    section_read(r, hash, &settings_upstream_hash, u);
    check_hash(l, hash, u);
    struct node ejection = section_part(r, node, section, "ejection");
    section_read(r, ejection, &settings_ejection, &u->ejection);
    check_ejection(l, ejection, u);
    section_read(r, section_part(r, node, section, "isolation"), &settings_isolation,
                 &u->isolation);
    struct node peers = section_part(r, node, section, "peers");
    load_peers(l, peers, u);
    check_primary(l, peers, u);
    load_identity_key(l, node, u);
    load_health(l, section_part(r, node, section, "health"), u);
    load_maintenance(l, section_part(r, node, section, "maintenance"), u);
    check_deadline_header(l, node, u);
}

void load_upstreams(struct loader *l, struct node list)
{
    struct config *c = l->config;
    size_t count = reader_count(l->reader, list);
    c->upstreams = reader_alloc(l->reader, count, sizeof(*c->upstreams));
    if (!c->upstreams)
        return;
    c->upstream_count = count;
    struct load_name *names = mem_new_array(count, sizeof(*names));
    size_t peers = 0;
    for (size_t i = 0; i < count; i++) {
        struct node node = reader_item(l->reader, list, i);
        load_upstream(l, node, &c->upstreams[i]);
        peers += c->upstreams[i].peer_count;
        names[i] = (struct load_name){ c->upstreams[i].name, reader_get(l->reader, node, "name") };
    }
    load_check_unique(l, names, count, "upstream");
    if (peers > CONFIG_PEERS_MAX)
        reader_problem(l->reader, list, "has %zu peers; all upstreams together may have %d", peers,
                       CONFIG_PEERS_MAX);
    mem_free(names);
}
