/* A lock in memory that processes share, any of which may be killed while it holds it.
 *
 * The word says which thread holds it. The kernel knows where to look when a thread dies (its list
 * of robust futexes, of which we use the one place for an operation under way) and marks the word,
 * so that the next one takes the lock over and puts right what it guards. Robust mutexes of
 * pthreads do the same, but keep pointers in the shared memory, which a compromised process could
 * turn against the others. Here the worst that one can do is to keep others waiting, and they give
 * up. Taking and releasing costs no system call while nobody else holds it. */
#ifndef STORE_SHM_LOCK_H
#define STORE_SHM_LOCK_H

#include "common/err.h"

#include <stdatomic.h>

struct robust_list_head;

/* Zeroed: nobody's. */
struct shm_lock {
    _Atomic uint32_t word;
};

/* Who takes locks: one thread. It holds one lock at a time. A forked process makes its own. */
struct shm_owner {
    uint32_t id;
    struct robust_list_head *kernel; /* borrowed: the C library's, where the kernel looks */
};

enum shm_lock_result {
    SHM_LOCK_TAKEN,
    SHM_LOCK_INHERITED, /* taken, but its last owner died with it */
    SHM_LOCK_BUSY,
};

/* For the calling thread. ERR_SYSTEM: this system does not tell where the kernel looks. */
int shm_owner_init(struct shm_owner *o, struct err *e) MUST_CHECK;

enum shm_lock_result shm_lock_try(struct shm_lock *l, const struct shm_owner *o) MUST_CHECK;
/* Tries for so long. */
enum shm_lock_result shm_lock_take(struct shm_lock *l, const struct shm_owner *o,
                                   uint32_t wait_ms) MUST_CHECK;
void shm_lock_release(struct shm_lock *l, const struct shm_owner *o);

#endif
