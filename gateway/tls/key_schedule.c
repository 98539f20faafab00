#include "tls/key_schedule.h"

#include "tls/hkdf.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <string.h>

#define HASHES 2

/* With one of the two hashes that TLS 1.3 has. */
struct schedule {
    const char *const name, *const alias;
    struct hkdf hkdf; /* for the life of the process */
    uint8_t of_nothing[HKDF_HASH_MAX_BYTES];
};

static struct schedule schedules[HASHES] = {
    { .name = "SHA2-256", .alias = "SHA256" },
    { .name = "SHA2-384", .alias = "SHA384" },
};
static struct traffic_listener *listener;
static OSSL_PROVIDER *loaded; /* for the life of the process */

/* ---- what is told, and forgotten ---- */

void key_schedule_listen(struct traffic_listener *l)
{
    listener = l;
}

void key_schedule_forget(void)
{
    for (size_t i = 0; i < HASHES; i++)
        hkdf_forget(&schedules[i].hkdf);
}

static void tell(struct slice label, struct slice secret)
{
    if (!listener)
        return;
    if (slice_eq(label, SLICE("c ap traffic")))
        listener->on_secret(listener, TRAFFIC_CLIENT, secret);
    else if (slice_eq(label, SLICE("s ap traffic")))
        listener->on_secret(listener, TRAFFIC_SERVER, secret);
}

/* ---- derivations ---- */

struct derivation {
    struct schedule *schedule;
    int mode;
    struct slice key, salt, label, context;
    char prefixed[HKDF_LABEL_MAX_BYTES]; /* prefix and label */
    size_t prefixed_bytes;
};

static struct slice octets(const OSSL_PARAM params[], const char *name)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
    return p ? slice_of(p->data, p->data_size) : slice_of(NULL, 0);
}

static struct schedule *find_schedule(const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
    const char *name;
    if (!p || OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1)
        return NULL;
    for (size_t i = 0; i < HASHES; i++)
        if (OPENSSL_strcasecmp(name, schedules[i].name) == 0 ||
            OPENSSL_strcasecmp(name, schedules[i].alias) == 0)
            return &schedules[i];
    return NULL;
}

static bool is_key(const struct derivation *d, struct slice secret)
{
    return secret.len > 0 && secret.len <= d->schedule->hkdf.bytes;
}

static bool read_derivation(struct derivation *d, const OSSL_PARAM params[])
{
    const OSSL_PARAM *mode = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);
    struct slice prefix = octets(params, OSSL_KDF_PARAM_PREFIX);
    *d = (struct derivation){
        .schedule = find_schedule(params),
        .key = octets(params, OSSL_KDF_PARAM_KEY),
        .salt = octets(params, OSSL_KDF_PARAM_SALT),
        .label = octets(params, OSSL_KDF_PARAM_LABEL),
        .context = octets(params, OSSL_KDF_PARAM_DATA),
    };
    d->prefixed_bytes = prefix.len + d->label.len;
    if (!d->schedule || !mode || OSSL_PARAM_get_int(mode, &d->mode) != 1 ||
        d->prefixed_bytes > sizeof(d->prefixed) || d->context.len > HKDF_HASH_MAX_BYTES)
        return false;
    if (prefix.len)
        memcpy(d->prefixed, prefix.data, prefix.len);
    if (d->label.len)
        memcpy(d->prefixed + prefix.len, d->label.data, d->label.len);
    return true;
}

/* The next of the schedule's three secrets: HKDF-Extract, whose salt is the last of them, once
 * derived. What is missing is as many zeros as the hash has bytes. */
static bool extract(const struct derivation *d, uint8_t *out)
{
    static const char zeros[HKDF_HASH_MAX_BYTES];
    struct hkdf *h = &d->schedule->hkdf;
    uint8_t derived[HKDF_HASH_MAX_BYTES];
    struct slice label = slice_of(d->prefixed, d->prefixed_bytes);
    struct slice nothing = slice_of((const char *)d->schedule->of_nothing, h->bytes);
    struct slice salt = slice_of(zeros, h->bytes), key = d->key.data ? d->key : salt;
    bool is_ok = true;
    if (d->salt.data) {
        is_ok = hkdf_expand_label(h, d->salt, label, nothing, derived, h->bytes);
        salt = slice_of((const char *)derived, h->bytes);
    }
    is_ok = is_ok && hkdf_extract(h, salt, key, out);
    OPENSSL_cleanse(derived, sizeof(derived));
    return is_ok;
}

static bool expand(const struct derivation *d, uint8_t *out, size_t out_bytes)
{
    struct slice label = slice_of(d->prefixed, d->prefixed_bytes);
    if (!hkdf_expand_label(&d->schedule->hkdf, d->key, label, d->context, out, out_bytes))
        return false;
    tell(d->label, slice_of((const char *)out, out_bytes));
    return true;
}

/* ---- the provider ---- */

static int derive(void *ctx, unsigned char *out, size_t out_bytes, const OSSL_PARAM params[])
{
    struct derivation d;
    bool is_ok = false;
    (void)ctx;
    if (!read_derivation(&d, params) || out_bytes > d.schedule->hkdf.bytes)
        return 0;
    if (d.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY)
        is_ok = is_key(&d, d.key) && expand(&d, out, out_bytes);
    else if (d.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && out_bytes == d.schedule->hkdf.bytes)
        is_ok = (!d.salt.data || is_key(&d, d.salt)) && extract(&d, out);
    if (!listener)
        key_schedule_forget();
    return is_ok;
}

/* A derivation leaves nothing behind, so all contexts are one. */
static void *new_context(void *provider)
{
    return provider;
}

static void free_context(void *ctx)
{
    (void)ctx;
}

static int set_parameters(void *ctx, const OSSL_PARAM params[])
{
    (void)ctx;
    return params == NULL;
}

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    static const OSSL_DISPATCH kdf[] = {
        { OSSL_FUNC_KDF_NEWCTX, (void (*)(void))new_context },
        { OSSL_FUNC_KDF_FREECTX, (void (*)(void))free_context },
        { OSSL_FUNC_KDF_DERIVE, (void (*)(void))derive },
        { OSSL_FUNC_KDF_SET_CTX_PARAMS, (void (*)(void))set_parameters },
        { 0, NULL },
    };
    static const OSSL_ALGORITHM all[] = { { OSSL_KDF_NAME_TLS1_3_KDF, "provider=cong", kdf, NULL },
                                          { NULL, NULL, NULL, NULL } };
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KDF ? all : NULL;
}

static int start(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                 void **provider)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
        { 0, NULL },
    };
    (void)core, (void)in;
    *out = functions;
    *provider = schedules;
    return 1;
}

static bool init_schedule(struct schedule *s)
{
    const EVP_MD *hash = EVP_get_digestbyname(s->alias);
    return (s->hkdf.hmac || hkdf_init(&s->hkdf, s->alias)) &&
           EVP_Digest("", 0, s->of_nothing, NULL, hash, NULL) == 1;
}

int key_schedule_init(struct err *e)
{
    if (loaded)
        return 0;
    for (size_t i = 0; i < HASHES; i++)
        if (!init_schedule(&schedules[i]))
            return err_set(e, ERR_INVALID, "OpenSSL lacks HMAC with %s", schedules[i].alias);
    /* What openssl.cnf loads, or else OpenSSL's default, stays. */
    if (OSSL_PROVIDER_add_builtin(NULL, "cong", start) == 1)
        loaded = OSSL_PROVIDER_try_load(NULL, "cong", 1);
    ERR_clear_error();
    return loaded ? 0 : err_set(e, ERR_INVALID, "OpenSSL takes no key schedule of ours");
}
