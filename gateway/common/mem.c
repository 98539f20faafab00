#include "common/mem.h"

#include "common/log.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* jemalloc's, in programs that are linked with it. */
int mallctl(const char *name, void *old_value, size_t *old_bytes, void *new_value, size_t new_bytes)
    __attribute__((weak));

static void *checked(void *p)
{
    if (UNLIKELY(!p)) {
        log_write(LOG_ERROR, "out of memory; this process stops and is started again");
        abort();
    }
    return p;
}

void *mem_new(size_t bytes)
{
    return checked(calloc(1, bytes ? bytes : 1));
}

void *mem_new_array(size_t count, size_t bytes)
{
    return checked(calloc(count ? count : 1, bytes ? bytes : 1));
}

char *mem_strndup(const char *data, size_t len)
{
    char *copy = checked(malloc(len + 1));
    if (len)
        memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *str)
{
    return mem_strndup(str, strlen(str));
}

void *mem_try(size_t bytes)
{
    return malloc(bytes ? bytes : 1);
}

void mem_free(void *p)
{
    free(p);
}

void mem_give_back(void)
{
    if (mallctl)
        mallctl("arena.4096.purge", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
    else
        malloc_trim(0);
}

void mem_wipe(void *p, size_t bytes)
{
    explicit_bzero(p, bytes);
}
