/* A hash table of fixed-size records in memory that processes share, any of which may be killed at
 * any instant.
 *
 * Records are found by 128-bit keys that nobody outside can choose (common/siphash.h). The table is
 * set-associative: a key belongs to one bucket of SHM_TABLE_WAYS records, so that neither look-up
 * nor eviction ever walks further. A full bucket first gives up an expired record; then, in a table
 * that evicts, the one that expires first; in one that does not, insertion fails.
 *
 * Buckets are guarded by stripes of robust mutexes. Before a record is changed its former state is
 * kept in the stripe (shm_table_edit), so that whoever finds the owner dead puts it back: a record
 * is always what some process finished writing. A stripe is held for a bounded copy only: no call
 * into libuv, no system call, no second stripe. A holder that is stopped (SIGSTOP) makes others
 * wait SHM_TABLE_WAIT_MS and then fail with ERR_LIMIT: they go on without the table. */
#ifndef STORE_SHM_TABLE_H
#define STORE_SHM_TABLE_H

#include "common/err.h"
#include "common/siphash.h"

#define SHM_TABLE_WAYS 8
#define SHM_TABLE_STRIPES 1024
#define SHM_TABLE_WAIT_MS 20
#define SHM_TABLE_RECORD_MAX 512

struct shm_table_shape {
    uint32_t capacity;     /* records; rounded up to whole buckets, a power of two of them */
    uint32_t record_bytes; /* of the payload; at most SHM_TABLE_RECORD_MAX */
    bool evicts;
};

/* How much memory such a table takes, from an address aligned to 64. */
size_t shm_table_bytes(const struct shm_table_shape *shape);

struct shm_table; /* one process's handle */

/* Prepares zeroed memory; once, before anybody attaches. */
void shm_table_format(void *memory, const struct shm_table_shape *shape);
/* A restarted supervisor, when no other process is left: puts right what dead owners left behind,
 * and makes the locks anew (those of a former life must not be trusted). */
void shm_table_recover(void *memory, const struct shm_table_shape *shape);
struct shm_table *shm_table_new(void *memory, const struct shm_table_shape *shape);
void shm_table_free(struct shm_table **t);

/* 0, or ERR_LIMIT when the bucket cannot be had in time. What the functions below return is valid
 * until the unlock. */
int shm_table_lock(struct shm_table *t, struct siphash key) MUST_CHECK;
void shm_table_unlock(struct shm_table *t, struct siphash key);

/* The record, or NULL when there is none, or it has expired. */
void *shm_table_find(struct shm_table *t, struct siphash key, uint64_t now_ms);
/* Before a found record is changed; one record between lock and unlock. */
void shm_table_edit(struct shm_table *t, void *record);
/* A zeroed record under a key that is not there; NULL when the bucket is full and nothing may go.
 * Counts as an edit. */
void *shm_table_insert(struct shm_table *t, struct siphash key, uint64_t now_ms,
                       uint64_t expires_ms);
void shm_table_remove(struct shm_table *t, void *record);
/* The wall-clock time, in milliseconds, from which on the record is not there any more. */
uint64_t shm_table_expiry(const void *record);
void shm_table_set_expiry(void *record, uint64_t expires_ms);
struct siphash shm_table_key(const void *record);

/* Visits all records of one bucket after the other, each bucket locked, from *cursor (0 at first)
 * on, at most `buckets` of them; *cursor is 0 again when the end was reached. `visit` may edit (one
 * record a bucket), set the expiry of, or remove its record. */
typedef void (*shm_table_visit_fn)(void *user, void *record);
void shm_table_visit(struct shm_table *t, uint32_t *cursor, uint32_t buckets, uint64_t now_ms,
                     shm_table_visit_fn visit, void *user);

/* Without locks, so only roughly. */
uint64_t shm_table_count(const struct shm_table *t);
uint64_t shm_table_evictions(const struct shm_table *t);

#endif
