#include "bench/run/certificate.h"

#include "common/random.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#define HOUR_S 3600
#define LIFE_S (48 * HOUR_S)

static bool add_extension(X509 *cert, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool fill(X509 *cert, EVP_PKEY *key, const char *name)
{
    char names[300];
    uint64_t serial;
    X509_NAME *subject = X509_get_subject_name(cert);
    snprintf(names, sizeof(names), "DNS:%s", name);
    random_bytes(&serial, sizeof(serial));
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -HOUR_S) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), LIFE_S) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_subject_alt_name, names) &&
           add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static FILE *create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file && fd >= 0)
        close(fd);
    return file;
}

static bool finish(FILE *file, bool written)
{
    return file && fclose(file) == 0 && written;
}

static bool write_files(X509 *cert, EVP_PKEY *key, const char *cert_path, const char *key_path)
{
    FILE *cert_file = create(cert_path), *key_file = create(key_path);
    bool cert_ok = finish(cert_file, cert_file && PEM_write_X509(cert_file, cert) == 1);
    bool key_ok = finish(
        key_file, key_file && PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1);
    return cert_ok && key_ok;
}

int certificate_make(const char *name, const char *cert_path, const char *key_path, struct err *e)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool made = key && cert && fill(cert, key, name);
    bool ok = made && write_files(cert, key, cert_path, key_path);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok ? 0 : err_set(e, ERR_SYSTEM, "cannot make a certificate at %s", cert_path);
}
