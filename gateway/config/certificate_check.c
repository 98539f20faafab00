#include "config/certificate_check.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define SECURITY_BITS_MIN 112

/* Without a callback OpenSSL would ask for a passphrase on the terminal. */
static int refuse_passphrase(char *passphrase, int size, int for_writing, void *asked)
{
    (void)passphrase;
    (void)size;
    (void)for_writing;
    *(bool *)asked = true;
    return -1;
}

static BIO *open_pem(struct slice pem)
{
    return BIO_new_mem_buf(pem.data ? pem.data : "", (int)pem.len);
}

/* The next certificate, or NULL at the end; *failed tells an unreadable one from the end. */
static X509 *next_certificate(BIO *bio, bool *failed)
{
    bool asked = false;
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509(bio, NULL, refuse_passphrase, &asked);
    *failed = !certificate && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    return certificate;
}

static X509 *first_certificate(struct slice pem)
{
    bool failed;
    BIO *bio = open_pem(pem);
    X509 *certificate = bio ? next_certificate(bio, &failed) : NULL;
    BIO_free(bio);
    return certificate;
}

int certificate_check_chain(struct slice pem, struct err *e)
{
    bool failed = false;
    unsigned count = 0;
    BIO *bio = open_pem(pem);
    X509 *certificate = bio ? next_certificate(bio, &failed) : NULL;
    while (certificate) {
        count++;
        X509_free(certificate);
        certificate = next_certificate(bio, &failed);
    }
    BIO_free(bio);
    if (failed)
        return err_set(e, ERR_INVALID, "its certificate number %u cannot be read", count + 1);
    if (count == 0)
        return err_set(e, ERR_INVALID, "it holds no certificate (PEM, BEGIN CERTIFICATE)");
    return 0;
}

static EVP_PKEY *read_key(struct slice pem, struct err *e)
{
    bool is_encrypted = false;
    BIO *bio = open_pem(pem);
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &is_encrypted) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (is_encrypted)
        err_set(e, ERR_INVALID, "its key is encrypted; a key without a passphrase is needed");
    else if (!key)
        err_set(e, ERR_INVALID, "it holds no private key that can be read (PEM)");
    return key;
}

static int judge_key(X509 *certificate, EVP_PKEY *key, struct err *e)
{
    if (!certificate || X509_check_private_key(certificate, key) != 1)
        return err_set(e, ERR_INVALID, "its key does not belong to the certificate");
    if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS_MIN)
        return err_set(e, ERR_INVALID, "its key of %d bits is too weak; RSA needs 2048",
                       EVP_PKEY_get_bits(key));
    return 0;
}

int certificate_check_key(struct slice chain, struct slice key_pem, struct err *e)
{
    EVP_PKEY *key = read_key(key_pem, e);
    if (!key)
        return ERR_INVALID;
    X509 *certificate = first_certificate(chain);
    int rc = judge_key(certificate, key, e);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return rc;
}

int certificate_check_ocsp(struct slice der, struct err *e)
{
    const unsigned char *at = (const unsigned char *)der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    ERR_clear_error();
    if (!response)
        return err_set(e, ERR_INVALID, "it holds no OCSP response (DER)");
    int status = OCSP_response_status(response);
    OCSP_RESPONSE_free(response);
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return err_set(e, ERR_INVALID, "its OCSP response is the error \"%s\"",
                       OCSP_response_status_str(status));
    return 0;
}

bool certificate_is_out_of_date(struct slice chain, struct err *e)
{
    bool failed, is_out_of_date = false;
    BIO *bio = open_pem(chain);
    X509 *certificate = bio ? next_certificate(bio, &failed) : NULL;
    for (unsigned number = 1; certificate; number++) {
        if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
            err_set(e, ERR_INVALID, "its certificate number %u has expired", number);
            is_out_of_date = true;
        } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
            err_set(e, ERR_INVALID, "its certificate number %u is not valid yet", number);
            is_out_of_date = true;
        }
        X509_free(certificate);
        certificate = is_out_of_date ? NULL : next_certificate(bio, &failed);
    }
    BIO_free(bio);
    return is_out_of_date;
}
