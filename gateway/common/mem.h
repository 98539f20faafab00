/* Heap memory in two kinds: small objects of fixed size, whose lack aborts the process with a log
 * line (the supervisor starts it again), and memory whose size a peer chose, whose lack is an
 * ordinary failure. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include "common/base.h"

/* Zeroed; aborts when there is none. Free with mem_free(). */
void *mem_new(size_t bytes) MUST_CHECK __attribute__((malloc, returns_nonnull));
/* Zeroed array with an overflow check; aborts when there is none. */
void *mem_new_array(size_t count, size_t bytes) MUST_CHECK __attribute__((malloc, returns_nonnull));
/* Copies a string; aborts when there is no memory. */
char *mem_strdup(const char *str) MUST_CHECK __attribute__((malloc, returns_nonnull));
/* Copies `len` bytes and terminates them. */
char *mem_strndup(const char *data, size_t len) MUST_CHECK __attribute__((malloc, returns_nonnull));
/* Not zeroed; NULL when there is none. For sizes that a peer chose. */
void *mem_try(size_t bytes) MUST_CHECK;
void mem_free(void *p);

/* The allocator keeps what was freed for who asks next (main.c). How much that is: */
struct mem_use {
    size_t allocated_bytes; /* by us */
    size_t in_use_bytes;    /* pages with something in them, and the allocator's own records */
    size_t unused_bytes;    /* pages without */
};

/* False where the allocator does not say. Costs some microseconds. */
bool mem_use(struct mem_use *use) MUST_CHECK;
/* Gives what is unused back to the system. Takes a while. */
void mem_give_back(void);

/* Overwrites secrets in a way the compiler keeps. */
void mem_wipe(void *p, size_t bytes);

#endif
