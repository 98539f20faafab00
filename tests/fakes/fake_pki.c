#include "tests/fakes/fake_pki.h"

#include "common/mem.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define DAY_S (24L * 3600)
#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static EVP_PKEY *make_key(const char *type)
{
    if (strcmp(type, "RSA") == 0)
        return EVP_RSA_gen(2048);
    if (strcmp(type, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(strcmp(type, "WEAK") == 0 ? "P-192" : "P-256");
}

static EVP_PKEY *shared_key(const char *type)
{
    static struct {
        const char *type;
        EVP_PKEY *key;
    } keys[] = { { "EC", NULL }, { "RSA", NULL }, { "ED25519", NULL }, { "WEAK", NULL } };
    size_t i = 0;
    while (strcmp(keys[i].type, type) != 0)
        i++;
    if (!keys[i].key)
        keys[i].key = make_key(type);
    REQUIRE(keys[i].key && EVP_PKEY_up_ref(keys[i].key));
    return keys[i].key;
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    REQUIRE(extension && X509_add_ext(x509, extension, -1));
    X509_EXTENSION_free(extension);
}

static void set_subject(X509 *x509, const char *names, long serial)
{
    char common_name[64];
    snprintf(common_name, sizeof(common_name), "%s %ld", names ? "leaf" : "authority", serial);
    X509_NAME *subject = X509_get_subject_name(x509);
    REQUIRE(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                       (const unsigned char *)common_name, -1, -1, 0));
}

static struct slice take_pem(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct slice pem = slice_of(mem_strndup(data, (size_t)len), (size_t)len);
    BIO_free(bio);
    return pem;
}

static void write_pem(struct fake_certificate *c)
{
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    REQUIRE(PEM_write_bio_X509(cert, c->x509));
    REQUIRE(PEM_write_bio_PrivateKey(key, c->key, NULL, NULL, 0, NULL, NULL));
    c->cert_pem = take_pem(cert);
    c->key_pem = take_pem(key);
}

void fake_certificate_init(struct fake_certificate *c, const char *key_type, const char *names,
                           const struct fake_certificate *issuer)
{
    static long serial;
    c->key = shared_key(key_type);
    c->x509 = X509_new();
    REQUIRE(c->x509 && X509_set_version(c->x509, X509_VERSION_3));
    ASN1_INTEGER_set(X509_get_serialNumber(c->x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c->x509), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(c->x509), DAY_S);
    set_subject(c->x509, names, serial);
    X509 *signer = issuer ? issuer->x509 : c->x509;
    EVP_PKEY *signer_key = issuer ? issuer->key : c->key;
    REQUIRE(X509_set_issuer_name(c->x509, X509_get_subject_name(signer)));
    REQUIRE(X509_set_pubkey(c->x509, c->key));
    if (names && *names)
        add_extension(c->x509, signer, NID_subject_alt_name, names);
    if (!names)
        add_extension(c->x509, signer, NID_basic_constraints, "critical,CA:TRUE");
    bool is_ed25519 = EVP_PKEY_get_base_id(signer_key) == EVP_PKEY_ED25519;
    REQUIRE(X509_sign(c->x509, signer_key, is_ed25519 ? NULL : EVP_sha256()));
    write_pem(c);
}

void fake_certificate_fini(struct fake_certificate *c)
{
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    mem_free((void *)c->cert_pem.data);
    mem_free((void *)c->key_pem.data);
    *c = (struct fake_certificate){ 0 };
}

struct slice fake_ocsp_response(const struct fake_certificate *c,
                                const struct fake_certificate *issuer, int64_t next_update_s)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), c->x509, issuer->x509);
    ASN1_TIME *this_update = ASN1_TIME_set(NULL, next_update_s - DAY_S);
    ASN1_TIME *next_update = ASN1_TIME_set(NULL, next_update_s);
    REQUIRE(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, this_update,
                                   next_update));
    REQUIRE(OCSP_basic_sign(basic, issuer->x509, issuer->key, EVP_sha256(), NULL, OCSP_NOCERTS));
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    REQUIRE(len > 0);
    struct slice copy = slice_of(mem_strndup((char *)der, (size_t)len), (size_t)len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    return copy;
}

struct config_certificate fake_certificate_config(const struct fake_certificate *c,
                                                  struct slice ocsp)
{
    return (struct config_certificate){
        .cert = { "leaf.crt", c->cert_pem },
        .key = { "leaf.key", c->key_pem },
        .ocsp = { ocsp.data ? "leaf.ocsp" : NULL, ocsp },
    };
}
