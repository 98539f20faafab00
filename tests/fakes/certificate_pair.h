/* A self-signed certificate and its key, made on the spot, so that no key lies in the tree. */
#ifndef FAKES_CERTIFICATE_PAIR_H
#define FAKES_CERTIFICATE_PAIR_H

#include "common/base.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

struct certificate_pair {
    char cert[4096], key[4096]; /* PEM, terminated */
};

static inline void certificate_pair_take(BIO *bio, char *out, size_t room)
{
    int len = BIO_read(bio, out, (int)room - 1);
    assert(len > 0);
    out[len] = '\0';
}

/* Signs `key` itself; valid from and to so many seconds from now. */
static inline void certificate_pair_sign(struct certificate_pair *p, EVP_PKEY *key,
                                         const char *name, long from_s, long to_s)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), to_s);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_sign(x, key, EVP_sha256());
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x);
    certificate_pair_take(bio, p->cert, sizeof(p->cert));
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    certificate_pair_take(bio, p->key, sizeof(p->key));
    BIO_free(bio);
    X509_free(x);
}

/* ECDSA P-256, good for a day. */
static inline void certificate_pair_make(struct certificate_pair *p, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    certificate_pair_sign(p, key, name, 0, 86400);
    EVP_PKEY_free(key);
}

#endif
