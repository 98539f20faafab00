/* Memory that lives and dies together: the data of one exchange, or of one configuration.
 *
 * Small requests are carved from chunks of ARENA_CHUNK_BYTES; a larger one gets a block of its own.
 * Nothing is freed alone. Chunks go back to a cache shared by the arenas of one process loop, so
 * that a busy worker allocates nothing and an idle connection owns nothing. The total is capped at
 * construction: reaching the cap returns NULL, and the caller answers 431 or 503. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/base.h"
#include "common/slice.h"

#define ARENA_CHUNK_BYTES 4096

struct arena_chunk;

/* Chunks at rest. Zero-initialised is empty; keeps at most `max` chunks, frees the rest. */
struct arena_cache {
    struct arena_chunk *first; /* owned */
    uint32_t count, max;
    uint32_t least; /* that were at rest since the last trim */
};

void arena_cache_fini(struct arena_cache *cache);
/* Frees an eighth of what nobody has needed since the last time. Called now and then, it lets go of
 * what a burst has left. */
void arena_cache_trim(struct arena_cache *cache);

struct arena {
    struct arena_chunk *chunks; /* owned; the newest first */
    struct arena_cache *cache;  /* borrowed; may be NULL */
    char *at, *end;
    size_t used_bytes, cap_bytes;
};

void arena_init(struct arena *a, struct arena_cache *cache, size_t cap_bytes);
void arena_fini(struct arena *a);

/* Aligned for any type, not zeroed. NULL only at the cap or when memory is out. */
void *arena_alloc(struct arena *a, size_t bytes) MUST_CHECK;
/* The same, zeroed. */
void *arena_zalloc(struct arena *a, size_t bytes) MUST_CHECK;
/* A terminated copy. data is NULL on failure. */
struct slice arena_copy(struct arena *a, struct slice s) MUST_CHECK;
/* A terminated, formatted string. NULL on failure. */
char *arena_printf(struct arena *a, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(2, 3);

#endif
