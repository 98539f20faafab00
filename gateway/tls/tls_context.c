#include "tls/tls_context.h"

#include "common/mem.h"
#include "tls/tls_certificate.h"
#include "tls/tls_policy.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <time.h>

#define VERIFY_DEPTH 4
#define SERVER_NAME_MAX_BYTES 255

/* The certificates that serve the same names, and the SSL_CTX that holds them. */
struct site {
    SSL_CTX *ctx; /* a reference of ours, but that of the first site owns us */
    const struct tls_certificate *by_kind[TLS_KEY_KINDS]; /* borrowed; NULL: none */
};

struct site_name {
    const char *name; /* borrowed from a certificate */
    size_t site;
};

struct tls_context {
    struct tls_certificate *certificates; /* owned */
    size_t certificate_count;
    struct site *sites; /* owned; the first is the default */
    size_t site_count;
    struct site_name *names; /* owned; sorted, each name once */
    size_t name_count;
    struct slice alpn; /* owned copy */
    bool wants_records;
};

/* --- life ------------------------------------------------------------------------------------- */

/* Index numbers belong to the process, as OpenSSL has it. */
static int owned_index = -1;
static CRYPTO_ONCE owned_index_once = CRYPTO_ONCE_STATIC_INIT;

/* The first site's SSL_CTX goes away, and what hangs on it. */
static void free_owned(void *ctx, void *owned, CRYPTO_EX_DATA *data, int index, long number,
                       void *pointer)
{
    struct tls_context *c = owned;
    (void)ctx, (void)data, (void)index, (void)number, (void)pointer;
    if (!c)
        return;
    for (size_t i = 1; i < c->site_count; i++)
        SSL_CTX_free(c->sites[i].ctx);
    for (size_t i = 0; i < c->certificate_count; i++)
        tls_certificate_fini(&c->certificates[i]);
    mem_free(c->certificates);
    mem_free(c->sites);
    mem_free(c->names);
    mem_free((void *)c->alpn.data);
    mem_free(c);
}

static void make_owned_index(void)
{
    owned_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_owned);
}

/* With its first site, which has no certificates yet. */
static struct tls_context *context_alloc(const struct config_tls *config, struct slice alpn,
                                         struct err *e)
{
    SSL_CTX *ctx = tls_policy_new_ctx(config, e);
    if (!ctx)
        return NULL;
    struct tls_context *c = mem_new(sizeof(*c));
    if (CRYPTO_THREAD_run_once(&owned_index_once, make_owned_index) != 1 ||
        SSL_CTX_set_ex_data(ctx, owned_index, c) != 1) {
        err_set(e, ERR_NO_MEMORY, "OpenSSL cannot own a context");
        SSL_CTX_free(ctx);
        mem_free(c);
        return NULL;
    }
    c->wants_records = config->record_layer == CONFIG_RECORD_LAYER_OWN;
    c->certificates = mem_new_array(config->certificate_count, sizeof(*c->certificates));
    c->alpn = slice_of(mem_strndup(alpn.data, alpn.len), alpn.len);
    c->sites = mem_new(sizeof(*c->sites));
    c->sites[0].ctx = ctx;
    c->site_count = 1;
    return c;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
    SSL_CTX_up_ref(c->sites[0].ctx);
    return c;
}

void tls_context_unref(struct tls_context **c)
{
    if (*c)
        SSL_CTX_free((*c)->sites[0].ctx);
    *c = NULL;
}

/* --- which certificates serve which names ----------------------------------------------------- */

static int load_certificates(struct tls_context *c, const struct config_tls *config, struct err *e)
{
    for (size_t i = 0; i < config->certificate_count; i++) {
        int rc = tls_certificate_init(&c->certificates[i], &config->certificates[i], e);
        if (rc)
            return rc;
        c->certificate_count++;
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct site_name *)a)->name, ((const struct site_name *)b)->name);
}

static void collect_names(struct tls_context *c)
{
    size_t total = 0, unique = 0;
    for (size_t i = 0; i < c->certificate_count; i++)
        total += c->certificates[i].name_count;
    c->names = mem_new_array(total, sizeof(*c->names));
    for (size_t i = 0; i < c->certificate_count; i++)
        for (size_t k = 0; k < c->certificates[i].name_count; k++)
            c->names[c->name_count++].name = c->certificates[i].names[k];
    if (total == 0)
        return;
    qsort(c->names, total, sizeof(*c->names), compare_names);
    for (size_t i = 0; i < total; i++)
        if (i == 0 || compare_names(&c->names[i], &c->names[i - 1]) != 0)
            c->names[unique++] = c->names[i];
    c->name_count = unique;
}

/* "a.b.vn" becomes "*.b.vn"; false when there is no label to replace. `name` has room. */
static bool make_wildcard(const char **name, char *copy)
{
    const char *dot = strchr(*name, '.');
    if (!dot || dot == *name)
        return false;
    size_t len = strlen(dot);
    copy[0] = '*';
    memcpy(copy + 1, dot, len + 1);
    *name = copy;
    return true;
}

/* Takes the first certificate of each kind that is still missing. */
static void take_by_name(const struct tls_context *c, struct site *site, const char *name)
{
    for (size_t i = 0; i < c->certificate_count; i++) {
        const struct tls_certificate *certificate = &c->certificates[i];
        if (!site->by_kind[certificate->kind] && tls_certificate_has_name(certificate, name))
            site->by_kind[certificate->kind] = certificate;
    }
}

static void choose_certificates(const struct tls_context *c, struct site *site, const char *name)
{
    char wildcard[SERVER_NAME_MAX_BYTES + 2];
    take_by_name(c, site, name);
    if (make_wildcard(&name, wildcard))
        take_by_name(c, site, name);
}

/* The site with these certificates, made if there is none yet. */
static size_t site_for(struct tls_context *c, const struct site *wanted)
{
    for (size_t i = 0; i < c->site_count; i++)
        if (memcmp(c->sites[i].by_kind, wanted->by_kind, sizeof(wanted->by_kind)) == 0)
            return i;
    c->sites[c->site_count] = *wanted;
    return c->site_count++;
}

static void group_names(struct tls_context *c)
{
    const struct tls_certificate *first = &c->certificates[0];
    struct site *sites = mem_new_array(c->name_count + 1, sizeof(*sites));
    sites[0] = c->sites[0];
    mem_free(c->sites);
    c->sites = sites;
    sites[0].by_kind[first->kind] = first;
    if (first->name_count > 0)
        choose_certificates(c, &sites[0], first->names[0]);
    for (size_t i = 0; i < c->name_count; i++) {
        struct site wanted = { 0 };
        choose_certificates(c, &wanted, c->names[i].name);
        c->names[i].site = site_for(c, &wanted);
    }
}

/* --- what happens in a handshake -------------------------------------------------------------- */

/* RFC 6066 3: a list of one host name and nothing else. */
static bool parse_server_name(const unsigned char *data, size_t len, struct slice *name)
{
    if (len < 5 || (size_t)(data[0] << 8 | data[1]) != len - 2)
        return false;
    if (data[2] != TLSEXT_NAMETYPE_host_name || (size_t)(data[3] << 8 | data[4]) != len - 5)
        return false;
    *name = slice_of((const char *)data + 5, len - 5);
    return name->len > 0 && name->len <= SERVER_NAME_MAX_BYTES &&
           slice_find(*name, '\0') == name->len;
}

static const struct site_name *find_name(const struct tls_context *c, const char *name)
{
    struct site_name wanted = { .name = name };
    return bsearch(&wanted, c->names, c->name_count, sizeof(*c->names), compare_names);
}

static size_t choose_site(const struct tls_context *c, struct slice server_name)
{
    char lower[SERVER_NAME_MAX_BYTES + 1], wildcard[SERVER_NAME_MAX_BYTES + 2];
    const char *name = lower;
    for (size_t i = 0; i < server_name.len; i++)
        lower[i] = ascii_lower(server_name.data[i]);
    bool ends_in_dot = lower[server_name.len - 1] == '.';
    lower[server_name.len - (ends_in_dot ? 1 : 0)] = '\0';
    const struct site_name *found = find_name(c, name);
    if (!found && make_wildcard(&name, wildcard))
        found = find_name(c, name);
    return found ? found->site : 0;
}

/* Here and not in the server name callback, because that one comes after a TLS 1.3 resumption has
 * been decided. */
static int on_client_hello(SSL *ssl, int *alert, void *user)
{
    const struct tls_context *c = user;
    const unsigned char *data;
    struct slice name;
    size_t len;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len) != 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    if (!parse_server_name(data, len, &name)) {
        *alert = SSL_AD_DECODE_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (!SSL_set_SSL_CTX(ssl, c->sites[choose_site(c, name)].ctx)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* RFC 7301 3.2: a client that offers protocols, but none of ours, is told so by an alert. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned offered_len, void *user)
{
    const struct tls_context *c = user;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, (const unsigned char *)c->alpn.data,
                              (unsigned)c->alpn.len, offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Asked when the client wants a staple; the certificate has been chosen by then. */
static int on_status_request(SSL *ssl, void *user)
{
    const struct tls_context *c = user;
    const X509 *leaf = SSL_get_certificate(ssl);
    const struct tls_certificate *chosen = NULL;
    for (size_t i = 0; i < c->certificate_count; i++)
        if (c->certificates[i].leaf == leaf)
            chosen = &c->certificates[i];
    if (!chosen || !chosen->ocsp || chosen->ocsp_expires_s <= time(NULL))
        return SSL_TLSEXT_ERR_NOACK;
    void *copy = OPENSSL_memdup(chosen->ocsp, chosen->ocsp_bytes);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)chosen->ocsp_bytes);
    return SSL_TLSEXT_ERR_OK;
}

/* --- contexts --------------------------------------------------------------------------------- */

static int set_certificates(SSL_CTX *ctx, const struct site *site, const struct config_tls *config,
                            const struct tls_context *c, struct err *e)
{
    for (size_t kind = 0; kind < TLS_KEY_KINDS; kind++) {
        const struct tls_certificate *one = site->by_kind[kind];
        ERR_clear_error();
        if (!one || SSL_CTX_use_cert_and_key(ctx, one->leaf, one->key, one->chain, 0) == 1)
            continue;
        const char *reason = ERR_reason_error_string(ERR_get_error());
        ERR_clear_error();
        return err_set(e, ERR_INVALID, "%s: OpenSSL refuses this certificate: %s",
                       config->certificates[one - c->certificates].cert.path,
                       reason ? reason : "unknown error");
    }
    return 0;
}

/* Reads the authorities and asks clients for certificates of theirs. */
static int set_client_auth(SSL_CTX *ctx, const struct config_tls *config, struct err *e)
{
    int mode = SSL_VERIFY_PEER;
    if (config->client_auth == CONFIG_CLIENT_AUTH_OFF)
        return 0;
    if (config->client_auth == CONFIG_CLIENT_AUTH_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    const struct config_file *file = &config->client_ca;
    BIO *bio = BIO_new_mem_buf(file->data.data ? file->data.data : "", (int)file->data.len);
    X509 *ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, (void *)"") : NULL;
    bool is_ok = ca != NULL;
    while (ca) {
        is_ok = is_ok && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1 &&
                SSL_CTX_add_client_CA(ctx, ca) == 1;
        X509_free(ca);
        ca = PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
    }
    BIO_free(bio);
    is_ok = is_ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!is_ok)
        return err_set(e, ERR_INVALID, "%s: the authorities' certificates (PEM) cannot be read",
                       file->path);
    SSL_CTX_set_verify(ctx, mode, NULL);
    SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
    return 0;
}

/* Length first, so that two lists of strings never hash alike. */
static bool hash_slice(EVP_MD_CTX *md, struct slice s)
{
    uint64_t len = s.len;
    return EVP_DigestUpdate(md, &len, sizeof(len)) == 1 && EVP_DigestUpdate(md, s.data, s.len) == 1;
}

static bool hash_certificates(EVP_MD_CTX *md, const struct site *site)
{
    bool is_ok = true;
    for (size_t kind = 0; kind < TLS_KEY_KINDS && is_ok; kind++) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len;
        if (site->by_kind[kind])
            is_ok = X509_digest(site->by_kind[kind]->leaf, EVP_sha256(), digest, &len) == 1 &&
                    hash_slice(md, slice_of((const char *)digest, len));
    }
    return is_ok;
}

/* A site without names, which only the first can be, is known by its certificates. */
static bool hash_names(EVP_MD_CTX *md, const struct tls_context *c, size_t site)
{
    bool is_ok = true, has_name = false;
    for (size_t i = 0; i < c->name_count && is_ok; i++) {
        if (c->names[i].site != site)
            continue;
        is_ok = hash_slice(md, slice_str(c->names[i].name));
        has_name = true;
    }
    return is_ok && (has_name || hash_certificates(md, &c->sites[site]));
}

/* A session belongs to the names of its site, the oldest version that was allowed, and the rule for
 * client certificates; not to a listener's address, which other nodes do not have. */
static bool hash_policy(EVP_MD_CTX *md, const struct tls_context *c, size_t site,
                        const struct config_tls *config)
{
    struct slice authorities =
        config->client_auth == CONFIG_CLIENT_AUTH_OFF ? SLICE("") : config->client_ca.data;
    const char rules[] = { (char)config->client_auth, (char)config->min_version };
    return EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
           hash_slice(md, slice_of(rules, sizeof(rules))) && hash_slice(md, authorities) &&
           hash_names(md, c, site);
}

static int set_session_id(struct tls_context *c, size_t site, const struct config_tls *config,
                          struct err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool is_ok = md && hash_policy(md, c, site, config) &&
                 EVP_DigestFinal_ex(md, digest, &len) == 1 &&
                 SSL_CTX_set_session_id_context(c->sites[site].ctx, digest, len) == 1;
    EVP_MD_CTX_free(md);
    return is_ok ? 0 : err_set(e, ERR_NO_MEMORY, "OpenSSL cannot make a session id context");
}

static int set_tickets(SSL_CTX *ctx, const struct tls_tickets *tickets, struct err *e)
{
    SSL_CTX_set_num_tickets(ctx, tickets ? 1 : 0);
    if (tickets)
        return tls_tickets_attach(tickets, ctx, e);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return 0;
}

static int build_site(struct tls_context *c, size_t at, const struct config_tls *config,
                      const struct tls_tickets *tickets, struct err *e)
{
    struct site *site = &c->sites[at];
    if (!site->ctx)
        site->ctx = tls_policy_new_ctx(config, e);
    if (!site->ctx)
        return ERR_NO_MEMORY;
    int rc = set_certificates(site->ctx, site, config, c, e);
    if (!rc)
        rc = set_client_auth(site->ctx, config, e);
    if (!rc)
        rc = set_session_id(c, at, config, e);
    if (!rc)
        rc = set_tickets(site->ctx, tickets, e);
    SSL_CTX_set_client_hello_cb(site->ctx, on_client_hello, c);
    SSL_CTX_set_alpn_select_cb(site->ctx, on_alpn, c);
    SSL_CTX_set_tlsext_status_cb(site->ctx, on_status_request);
    SSL_CTX_set_tlsext_status_arg(site->ctx, c);
    return rc;
}

struct tls_context *tls_context_new(const struct config_tls *config, struct slice alpn,
                                    const struct tls_tickets *tickets, struct err *e)
{
    struct tls_context *c = context_alloc(config, alpn, e);
    if (!c)
        return NULL;
    int rc = load_certificates(c, config, e);
    if (!rc) {
        collect_names(c);
        group_names(c);
    }
    for (size_t i = 0; i < c->site_count && !rc; i++)
        rc = build_site(c, i, config, tickets, e);
    if (rc)
        tls_context_unref(&c);
    return c;
}

/* --- connections ------------------------------------------------------------------------------ */

SSL *tls_context_new_ssl(struct tls_context *c)
{
    SSL *ssl = SSL_new(c->sites[0].ctx);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

bool tls_context_wants_records(const struct tls_context *c)
{
    return c->wants_records;
}

void tls_context_handshake_done(SSL *ssl)
{
    SSL_set_tlsext_status_ocsp_resp(ssl, NULL, 0);
}
