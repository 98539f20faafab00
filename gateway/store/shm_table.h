/* A hash table of fixed-size records in memory that processes share, any of which may be killed at
 * any instant.
 *
 * Records are found by 128-bit keys that nobody outside can choose (common/siphash.h). The table is
 * set-associative: a key belongs to two buckets of SHM_TABLE_WAYS records, and goes where there is
 * more room, so that neither look-up nor eviction ever walks further. When both are full, an
 * expired record gives way; then, in a table that evicts, the one that expires first; in one that
 * does not, insertion fails. There are a third more places than the capacity, so that neither
 * happens before the table is full.
 *
 * Both buckets are guarded by one stripe (store/shm_lock.h). Before a record is changed its former
 * state is kept in the stripe (shm_table_edit), so that whoever finds the owner dead puts it back:
 * a record is always what some process finished writing. A stripe is held for a bounded copy only:
 * no call into libuv, no system call, no second stripe. A holder that is stopped (SIGSTOP) makes
 * others wait SHM_TABLE_WAIT_MS and then fail with ERR_LIMIT: they go on without the table, and for
 * SHM_TABLE_GRUDGE_MS do not wait for that stripe again. */
#ifndef STORE_SHM_TABLE_H
#define STORE_SHM_TABLE_H

#include "common/err.h"
#include "common/siphash.h"

#define SHM_TABLE_WAYS 8
#define SHM_TABLE_STRIPES 1024
#define SHM_TABLE_WAIT_MS 20
#define SHM_TABLE_GRUDGE_MS 1000
#define SHM_TABLE_RECORD_MAX 512

struct shm_table_shape {
    uint32_t capacity;     /* records that there is room for */
    uint32_t record_bytes; /* of the payload; at most SHM_TABLE_RECORD_MAX */
    bool evicts;
};

/* How much memory such a table takes, from an address aligned to 64. Zeroed memory is an empty
 * table. */
size_t shm_table_bytes(const struct shm_table_shape *shape);

struct shm_table; /* the handle of one thread */

/* For a restarted supervisor, when no other process is left: puts right what dead owners left
 * behind. */
void shm_table_recover(void *memory, const struct shm_table_shape *shape);
/* NULL with a sentence in `e` on failure. */
struct shm_table *shm_table_new(void *memory, const struct shm_table_shape *shape, struct err *e);
/* NULL-safe; *t is NULL after. */
void shm_table_free(struct shm_table **t);

/* 0, or ERR_LIMIT when the buckets cannot be had in time. What the functions below return is valid
 * until the unlock. */
int shm_table_lock(struct shm_table *t, struct siphash key) MUST_CHECK;
void shm_table_unlock(struct shm_table *t, struct siphash key);

/* The record, or NULL when there is none, or it has expired. */
void *shm_table_find(struct shm_table *t, struct siphash key, uint64_t now_ms);
/* Before a found record is changed; one record between lock and unlock. */
void shm_table_edit(struct shm_table *t, void *record);
/* A zeroed record under a key that is not there; NULL when its buckets are full and nothing may go.
 * Counts as an edit. */
void *shm_table_insert(struct shm_table *t, struct siphash key, uint64_t now_ms,
                       uint64_t expires_ms);
void shm_table_remove(struct shm_table *t, void *record);
/* The wall-clock time, in milliseconds, from which on the record is not there any more. Setting it
 * needs no edit. */
uint64_t shm_table_expiry(const void *record);
void shm_table_set_expiry(void *record, uint64_t expires_ms);
struct siphash shm_table_key(const void *record);

/* Visits all records of one bucket after the other, each bucket locked, from *cursor (0 at first)
 * on, at most `buckets` of them; *cursor is 0 again when the end was reached. Expired records are
 * dropped on the way. `visit`, which may be NULL, may edit, set the expiry of, or remove its
 * record; it takes no lock. False when a bucket could not be had in time, and was passed over. */
typedef void (*shm_table_visit_fn)(void *user, void *record);
bool shm_table_visit(struct shm_table *t, uint32_t *cursor, uint32_t buckets, uint64_t now_ms,
                     shm_table_visit_fn visit, void *user);
uint32_t shm_table_buckets(const struct shm_table *t);

/* Without locks, so only roughly; expired records count until they are dropped. */
uint64_t shm_table_count(const struct shm_table *t);
uint64_t shm_table_evictions(const struct shm_table *t);

#endif
