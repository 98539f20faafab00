#include "upstream/peer_link.h"

#include "common/digest.h"
#include "common/log.h"
#include "common/mem.h"
#include "tls/tls_client.h"

#define SESSION_MS (60ull * 60 * 1000)
#define COMPLAIN_MS 10000 /* between two complaints about the same peer */

/* HTTP/1.1 alone is spoken to peers; one that thinks otherwise shall not guess (RFC 7301). */
static const unsigned char protocols[] = "\x08http/1.1";

struct link_context {
    struct list node; /* of the worker's */
    uint32_t references;
    uint8_t digest[DIGEST_BYTES]; /* of what it is made of */
    SSL_CTX *ssl;                 /* owned; NULL: OpenSSL cannot make one */
};

/* ---- sessions ---- */

/* Returns 1 where it keeps the reference. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct link_user *user = SSL_get_app_data(ssl);
    struct peer_link *l = user->link;
    if (user->version != l->version || !SSL_SESSION_is_resumable(session))
        return 0;
    if (!SSL_session_reused(ssl))
        l->verified_ms = loop_now_ms(user->loop);
    SSL_SESSION_free(l->session);
    l->session = session;
    return 1;
}

static void drop_session(struct peer_link *l)
{
    SSL_SESSION_free(l->session);
    l->session = NULL;
}

/* ---- contexts ---- */

static SSL_CTX *make_context(const struct config_upstream_tls *tls)
{
    struct err e;
    SSL_CTX *ctx =
        tls_client_context(&(struct tls_client_files){ &tls->ca, &tls->cert, &tls->key }, &e);
    if (!ctx) {
        log_write(LOG_ERROR, "TLS to a peer: %s", e.text);
        return NULL;
    }
    if (!tls->verify)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_alpn_protos(ctx, protocols, sizeof(protocols) - 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

static void digest_of(const struct config_upstream_tls *tls, uint8_t out[DIGEST_BYTES])
{
    const size_t lengths[] = { tls->ca.data.len, tls->cert.data.len, tls->key.data.len,
                               tls->verify };
    const struct slice parts[] = { slice_of((const char *)lengths, sizeof(lengths)), tls->ca.data,
                                   tls->cert.data, tls->key.data };
    digest_sha256(parts, ARRAY_LEN(parts), out);
}

static struct link_context *context_get(struct list *contexts,
                                        const struct config_upstream_tls *tls)
{
    uint8_t digest[DIGEST_BYTES];
    digest_of(tls, digest);
    LIST_FOREACH (node, contexts) {
        struct link_context *c = CONTAINER_OF(node, struct link_context, node);
        if (memcmp(c->digest, digest, sizeof(digest)) == 0) {
            c->references++;
            return c;
        }
    }
    struct link_context *c = mem_new(sizeof(*c));
    c->references = 1;
    memcpy(c->digest, digest, sizeof(digest));
    c->ssl = make_context(tls);
    list_push_back(contexts, &c->node);
    return c;
}

static void context_unref(struct link_context **pointer)
{
    struct link_context *c = *pointer;
    *pointer = NULL;
    if (!c || --c->references > 0)
        return;
    list_remove(&c->node);
    SSL_CTX_free(c->ssl);
    mem_free(c);
}

/* ---- the link ---- */

/* The address without its port, and without the brackets of IPv6. */
static struct slice host_of(const struct config_address *address)
{
    struct slice text = slice_str(address->text);
    while (text.len && text.data[text.len - 1] != ':')
        text.len--;
    text.len -= MIN(text.len, 1u);
    if (text.len > 1 && text.data[0] == '[')
        text = slice_of(text.data + 1, text.len - 2);
    return text;
}

static bool is_same(const struct peer_link *l, const struct link_context *context,
                    struct slice name, const struct config_upstream *upstream)
{
    return l->context == context && l->send_proxy == upstream->send_proxy &&
           slice_eq(slice_str(l->server_name), name);
}

bool peer_link_apply(struct peer_link *l, struct list *contexts,
                     const struct config_upstream *upstream, const struct config_peer *peer)
{
    const struct config_upstream_tls *tls = peer->tls ? peer->tls : upstream->tls;
    struct link_context *context = tls ? context_get(contexts, tls) : NULL;
    struct slice name = { 0 };
    if (tls)
        name = tls->server_name ? slice_str(tls->server_name) : host_of(&peer->address);
    if (is_same(l, context, name, upstream)) {
        context_unref(&context);
        return false;
    }
    struct peer_link old = *l;
    *l = (struct peer_link){ .is_tls = tls != NULL,
                             .send_proxy = (uint8_t)upstream->send_proxy,
                             .version = old.version + 1,
                             .context = context };
    if (tls)
        l->server_name = mem_strndup(name.data, name.len);
    peer_link_fini(&old);
    return true;
}

void peer_link_fini(struct peer_link *l)
{
    drop_session(l);
    mem_free(l->server_name);
    l->server_name = NULL;
    context_unref(&l->context);
}

SSL *peer_link_ssl(struct peer_link *l, struct link_user *user)
{
    SSL_CTX *ctx = l->context ? l->context->ssl : NULL;
    SSL *ssl = ctx ? tls_client_ssl(ctx, l->server_name) : NULL;
    if (!ssl)
        return NULL;
    SSL_set_app_data(ssl, user);
    if (l->session && loop_now_ms(user->loop) - l->verified_ms >= SESSION_MS)
        drop_session(l);
    /* One that OpenSSL does not take leads to a full handshake. */
    if (l->session && SSL_set_session(ssl, l->session) != 1)
        drop_session(l);
    return ssl;
}

bool peer_link_may_complain(struct peer_link *l, uint64_t now_ms)
{
    if (l->complained_ms && now_ms - l->complained_ms < COMPLAIN_MS)
        return false;
    l->complained_ms = now_ms;
    return true;
}
