#include "tls/tls_memory.h"

#include "common/mem.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static void *allocate(size_t bytes, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(bytes);
}

/* Where OpenSSL lets secrets grow it does not ask for this. */
static void *reallocate(void *p, size_t bytes, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(p, bytes);
}

static void wipe_and_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    if (p)
        mem_wipe(p, malloc_usable_size(p));
    free(p);
}

void tls_memory_init(void)
{
    int rc = CRYPTO_set_mem_functions(allocate, reallocate, wipe_and_free);
    assert(rc == 1);
    (void)rc;
}
