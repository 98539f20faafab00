#include "common/mem.h"

#include "common/log.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALL_ARENAS "4096" /* MALLCTL_ARENAS_ALL */

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

static bool read_size(const char *name, size_t *value)
{
    size_t bytes = sizeof(*value);
    return mallctl(name, value, &bytes, NULL, 0) == 0;
}

bool mem_use(struct mem_use *use)
{
    uint64_t now = 1; /* the figures are as they were when this was last written */
    size_t allocated, active, records, page_bytes, unused;
    if (!mallctl || mallctl("epoch", NULL, NULL, &now, sizeof(now)) != 0 ||
        !read_size("stats.allocated", &allocated) || !read_size("stats.active", &active) ||
        !read_size("stats.metadata", &records) || !read_size("arenas.page", &page_bytes) ||
        !read_size("stats.arenas." ALL_ARENAS ".pdirty", &unused))
        return false;
    *use = (struct mem_use){ allocated, active + records, unused * page_bytes };
    return true;
}

void mem_give_back(void)
{
    if (mallctl)
        mallctl("arena." ALL_ARENAS ".purge", NULL, NULL, NULL, 0);
    else
        malloc_trim(0);
}

void mem_wipe(void *p, size_t bytes)
{
    explicit_bzero(p, bytes);
}
