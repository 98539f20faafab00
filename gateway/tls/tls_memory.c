#include "tls/tls_memory.h"

#include "common/mem.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>

/* While a connection is freed. A process's connections belong to one thread. */
static bool is_wiping;

static void *allocate(size_t bytes, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(bytes);
}

/* Wipes nothing: what OpenSSL moves of secrets, it moves by OPENSSL_clear_realloc(), which
 * allocates, copies and cleanses by itself. What comes here are lists and encodings of what anybody
 * may see. */
static void *reallocate(void *p, size_t bytes, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(p, bytes);
}

static void release(void *p, const char *file, int line)
{
    (void)file, (void)line;
    if (is_wiping && p)
        mem_wipe(p, malloc_usable_size(p));
    free(p);
}

void tls_memory_init(void)
{
    int rc = CRYPTO_set_mem_functions(allocate, reallocate, release);
    assert(rc == 1);
    (void)rc;
}

void tls_memory_free_connection(SSL *ssl)
{
    is_wiping = true;
    SSL_free(ssl);
    is_wiping = false;
}
