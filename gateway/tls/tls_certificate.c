#include "tls/tls_certificate.h"

#include "common/mem.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#define NAME_MAX_BYTES 253
/* An empty one, instead of OpenSSL's default: to ask on the terminal. */
#define NO_PASSPHRASE NULL, (void *)""

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text ? text : "unknown error";
}

static BIO *open_pem(struct slice pem)
{
    return BIO_new_mem_buf(pem.data ? pem.data : "", (int)pem.len);
}

/* --- leaf, chain and key ---------------------------------------------------------------------- */

static int read_chain(struct tls_certificate *c, BIO *bio, const char *path, struct err *e)
{
    c->chain = sk_X509_new_null();
    c->leaf = bio ? PEM_read_bio_X509(bio, NULL, NO_PASSPHRASE) : NULL;
    if (!c->chain || !c->leaf)
        return err_set(e, ERR_INVALID, "%s: no certificate can be read: %s", path, reason());
    X509 *next = PEM_read_bio_X509(bio, NULL, NO_PASSPHRASE);
    while (next && sk_X509_push(c->chain, next) > 0)
        next = PEM_read_bio_X509(bio, NULL, NO_PASSPHRASE);
    X509_free(next);
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return err_set(e, ERR_INVALID, "%s: the chain cannot be read: %s", path, reason());
    ERR_clear_error();
    return 0;
}

static int read_certificates(struct tls_certificate *c, const struct config_file *file,
                             struct err *e)
{
    BIO *bio = open_pem(file->data);
    int rc = read_chain(c, bio, file->path, e);
    BIO_free(bio);
    return rc;
}

static bool key_kind(const EVP_PKEY *key, enum tls_key_kind *kind)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        *kind = TLS_KEY_ECDSA;
        return true;
    case EVP_PKEY_RSA:
        *kind = TLS_KEY_RSA;
        return true;
    case EVP_PKEY_ED25519:
        *kind = TLS_KEY_ED25519;
        return true;
    default:
        return false;
    }
}

static int read_key(struct tls_certificate *c, const struct config_file *file, struct err *e)
{
    BIO *bio = open_pem(file->data);
    c->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NO_PASSPHRASE) : NULL;
    BIO_free(bio);
    if (!c->key)
        return err_set(e, ERR_INVALID, "%s: the private key cannot be read: %s", file->path,
                       reason());
    if (X509_check_private_key(c->leaf, c->key) != 1)
        return err_set(e, ERR_INVALID, "%s: the key does not belong to the certificate: %s",
                       file->path, reason());
    if (!key_kind(c->key, &c->kind))
        return err_set(e, ERR_INVALID, "%s: the key must be ECDSA, RSA or Ed25519", file->path);
    return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* A DNS name as clients send it, or "*." and one; anything else can never match. */
static bool name_is_usable(const char *name, size_t len)
{
    size_t at = len > 2 && name[0] == '*' && name[1] == '.' ? 2 : 0;
    if (len == 0 || len > NAME_MAX_BYTES)
        return false;
    while (at < len && is_name_char(name[at]))
        at++;
    return at == len;
}

static void take_name(struct tls_certificate *c, const ASN1_IA5STRING *text)
{
    size_t len = (size_t)ASN1_STRING_length(text);
    char *name = mem_strndup((const char *)ASN1_STRING_get0_data(text), len);
    for (size_t i = 0; i < len; i++)
        name[i] = ascii_lower(name[i]);
    if (name_is_usable(name, len) && !tls_certificate_has_name(c, name))
        c->names[c->name_count++] = name;
    else
        mem_free(name);
}

static void take_names(struct tls_certificate *c)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
    int count = all ? sk_GENERAL_NAME_num(all) : 0;
    c->names = mem_new_array((size_t)count, sizeof(*c->names));
    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS)
            take_name(c, name->d.dNSName);
    }
    GENERAL_NAMES_free(all);
    ERR_clear_error();
}

bool tls_certificate_has_name(const struct tls_certificate *c, const char *name)
{
    for (size_t i = 0; i < c->name_count; i++)
        if (strcmp(c->names[i], name) == 0)
            return true;
    return false;
}

/* --- the OCSP response ------------------------------------------------------------------------ */

static int64_t seconds_of(const ASN1_GENERALIZEDTIME *time)
{
    struct tm parts;
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
        return INT64_MAX; /* no nextUpdate: no end is known */
    return timegm(&parts);
}

/* The part of the response that speaks of our certificate. */
static OCSP_SINGLERESP *single_response(OCSP_BASICRESP *basic, X509 *leaf)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        ASN1_INTEGER *serial = NULL;
        OCSP_id_get0_info(NULL, NULL, NULL, &serial,
                          (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single));
        if (serial && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0)
            return single;
    }
    return NULL;
}

static int judge_ocsp(struct tls_certificate *c, OCSP_RESPONSE *response, const char *path,
                      struct err *e)
{
    ASN1_GENERALIZEDTIME *next_update = NULL;
    OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
    if (!basic)
        return err_set(e, ERR_INVALID, "%s: no OCSP response (DER): %s", path, reason());
    OCSP_SINGLERESP *single = single_response(basic, c->leaf);
    if (single)
        OCSP_single_get0_status(single, NULL, NULL, NULL, &next_update);
    c->ocsp_expires_s = seconds_of(next_update);
    OCSP_BASICRESP_free(basic);
    return single ? 0
                  : err_set(e, ERR_INVALID, "%s: the response is for another certificate", path);
}

static int read_ocsp(struct tls_certificate *c, const struct config_file *file, struct err *e)
{
    const unsigned char *at = (const unsigned char *)file->data.data;
    if (!file->path)
        return 0;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)file->data.len);
    int rc = judge_ocsp(c, response, file->path, e);
    OCSP_RESPONSE_free(response);
    if (rc)
        return rc;
    c->ocsp = (unsigned char *)mem_strndup(file->data.data, file->data.len);
    c->ocsp_bytes = file->data.len;
    return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

int tls_certificate_init(struct tls_certificate *c, const struct config_certificate *config,
                         struct err *e)
{
    *c = (struct tls_certificate){ 0 };
    ERR_clear_error();
    int rc = read_certificates(c, &config->cert, e);
    if (!rc)
        rc = read_key(c, &config->key, e);
    if (!rc)
        rc = read_ocsp(c, &config->ocsp, e);
    if (rc)
        tls_certificate_fini(c);
    else
        take_names(c);
    return rc;
}

void tls_certificate_fini(struct tls_certificate *c)
{
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    for (size_t i = 0; i < c->name_count; i++)
        mem_free(c->names[i]);
    mem_free(c->names);
    mem_free(c->ocsp);
    *c = (struct tls_certificate){ 0 };
}
