#include "store/shm_lock.h"

#include "common/clock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS 200      /* a lock is held for less than a microsecond, if its holder runs */
#define NAP_NS (50000) /* and if it does not, nothing is lost by sleeping */

int shm_owner_init(struct shm_owner *o, struct err *e)
{
    size_t bytes = 0;
    o->id = (uint32_t)gettid();
    o->kernel = NULL;
    if (syscall(SYS_get_robust_list, 0, &o->kernel, &bytes) < 0)
        return err_system(e, "shared memory: get_robust_list failed");
    if (!o->kernel || bytes != sizeof(*o->kernel))
        return err_set(e, ERR_SYSTEM, "shared memory: this thread has no list of robust futexes");
    return 0;
}

/* The kernel adds futex_offset to what is in the list. */
static void announce(const struct shm_lock *l, const struct shm_owner *o)
{
    assert(!o->kernel->list_op_pending); /* one lock at a time */
    o->kernel->list_op_pending = (struct robust_list *)((char *)l - o->kernel->futex_offset);
    atomic_signal_fence(memory_order_seq_cst);
}

static void withdraw(const struct shm_owner *o)
{
    atomic_signal_fence(memory_order_seq_cst);
    o->kernel->list_op_pending = NULL;
}

enum shm_lock_result shm_lock_try(struct shm_lock *l, const struct shm_owner *o)
{
    uint32_t seen = 0;
    announce(l, o);
    if (LIKELY(atomic_compare_exchange_strong_explicit(&l->word, &seen, o->id, memory_order_acquire,
                                                       memory_order_relaxed)))
        return SHM_LOCK_TAKEN;
    if ((seen & FUTEX_OWNER_DIED) &&
        atomic_compare_exchange_strong_explicit(&l->word, &seen, o->id, memory_order_acquire,
                                                memory_order_relaxed))
        return SHM_LOCK_INHERITED;
    withdraw(o);
    return SHM_LOCK_BUSY;
}

static bool looks_free(const struct shm_lock *l)
{
    uint32_t word = atomic_load_explicit(&l->word, memory_order_relaxed);
    return word == 0 || (word & FUTEX_OWNER_DIED);
}

enum shm_lock_result shm_lock_take(struct shm_lock *l, const struct shm_owner *o, uint32_t wait_ms)
{
    static const struct timespec nap = { .tv_nsec = NAP_NS };
    uint64_t deadline_us = 0;
    for (uint32_t tries = 0;; tries++) {
        enum shm_lock_result result = looks_free(l) ? shm_lock_try(l, o) : SHM_LOCK_BUSY;
        if (result != SHM_LOCK_BUSY)
            return result;
        if (tries < SPINS)
            continue;
        uint64_t now_us = clock_now_us();
        if (deadline_us == 0)
            deadline_us = now_us + wait_ms * 1000ull;
        if (now_us >= deadline_us)
            return SHM_LOCK_BUSY;
        nanosleep(&nap, NULL);
    }
}

void shm_lock_release(struct shm_lock *l, const struct shm_owner *o)
{
    atomic_store_explicit(&l->word, 0, memory_order_release);
    withdraw(o);
}
