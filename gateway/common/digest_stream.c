#include "common/digest_stream.h"

#include "common/log.h"

#include <openssl/evp.h>
#include <stdlib.h>

/* struct digest_stream is OpenSSL's context by another name. */
static EVP_MD_CTX *context_of(struct digest_stream *d)
{
    return (EVP_MD_CTX *)d;
}

static void check(bool done)
{
    if (done)
        return;
    log_write(LOG_ERROR, "OpenSSL cannot compute SHA-256");
    abort();
}

struct digest_stream *digest_stream_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    check(context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
    return (struct digest_stream *)context;
}

void digest_stream_add(struct digest_stream *d, struct slice piece)
{
    if (piece.len)
        check(EVP_DigestUpdate(context_of(d), piece.data, piece.len) == 1);
}

void digest_stream_finish(struct digest_stream *d, uint8_t out[DIGEST_BYTES])
{
    check(EVP_DigestFinal_ex(context_of(d), out, NULL) == 1);
}

void digest_stream_free(struct digest_stream **d)
{
    EVP_MD_CTX_free(context_of(*d));
    *d = NULL;
}
