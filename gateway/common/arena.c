#include "common/arena.h"

#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; /* of the whole block; ARENA_CHUNK_BYTES for those that may rest in the cache */
    _Alignas(max_align_t) char data[];
};

#define CHUNK_DATA_BYTES (ARENA_CHUNK_BYTES - offsetof(struct arena_chunk, data))
#define TRIM_PART 8

static size_t aligned(size_t bytes)
{
    const size_t mask = _Alignof(max_align_t) - 1;
    return (bytes + mask) & ~mask;
}

static struct arena_chunk *cache_take(struct arena_cache *cache)
{
    struct arena_chunk *c = cache->first;
    cache->first = c->next;
    cache->count--;
    cache->least = MIN(cache->least, cache->count);
    return c;
}

void arena_cache_fini(struct arena_cache *cache)
{
    while (cache->first)
        mem_free(cache_take(cache));
}

void arena_cache_trim(struct arena_cache *cache)
{
    for (uint32_t n = (cache->least + TRIM_PART - 1) / TRIM_PART; n > 0; n--)
        mem_free(cache_take(cache));
    cache->least = cache->count;
}

void arena_init(struct arena *a, struct arena_cache *cache, size_t cap_bytes)
{
    *a = (struct arena){ .cache = cache, .cap_bytes = cap_bytes };
}

void arena_fini(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;
        struct arena_cache *cache = a->cache;
        a->chunks = c->next;
        if (cache && c->bytes == ARENA_CHUNK_BYTES && cache->count < cache->max) {
            c->next = cache->first;
            cache->first = c;
            cache->count++;
        } else {
            mem_free(c);
        }
    }
    a->at = a->end = NULL;
    a->used_bytes = 0;
}

static struct arena_chunk *chunk_take(struct arena *a, size_t bytes)
{
    struct arena_cache *cache = a->cache;
    if (a->used_bytes + bytes > a->cap_bytes)
        return NULL;
    struct arena_chunk *c;
    if (bytes == ARENA_CHUNK_BYTES && cache && cache->first) {
        c = cache_take(cache);
    } else {
        c = mem_try(bytes);
        if (!c)
            return NULL;
        c->bytes = bytes;
    }
    a->used_bytes += bytes;
    return c;
}

/* A block of its own goes behind the current chunk, which stays open for small requests. */
static void *alloc_large(struct arena *a, size_t bytes)
{
    struct arena_chunk *c = chunk_take(a, offsetof(struct arena_chunk, data) + bytes);
    if (!c)
        return NULL;
    if (a->chunks) {
        c->next = a->chunks->next;
        a->chunks->next = c;
    } else {
        c->next = NULL;
        a->chunks = c;
    }
    return c->data;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    if (UNLIKELY(bytes > a->cap_bytes))
        return NULL;
    bytes = aligned(MAX(bytes, 1));
    if (LIKELY((size_t)(a->end - a->at) >= bytes)) {
        void *p = a->at;
        a->at += bytes;
        return p;
    }
    if (bytes > CHUNK_DATA_BYTES / 2)
        return alloc_large(a, bytes);
    struct arena_chunk *c = chunk_take(a, ARENA_CHUNK_BYTES);
    if (!c)
        return NULL;
    c->next = a->chunks;
    a->chunks = c;
    a->at = c->data + bytes;
    a->end = c->data + CHUNK_DATA_BYTES;
    return c->data;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
    void *p = arena_alloc(a, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (!copy)
        return (struct slice){ 0 };
    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}
