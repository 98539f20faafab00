#include "store/dispatches.h"

#include "common/clock.h"

_Static_assert(sizeof(struct dispatch_record) <= STORE_DISPATCH_BYTES,
               "raise STORE_DISPATCH_BYTES");

static struct shm_table *table_of(const struct store *s)
{
    return s->tables[STORE_DISPATCHES];
}

static struct siphash place_of(const struct store *s, const uint8_t key[DIGEST_BYTES])
{
    return submission_record_place(store_region_node(s->region)->table_key, key);
}

/* A little earlier than Redis, whose clock may be ahead: what has expired there is not lost. */
static uint64_t expiry_of(const struct submission_op *op)
{
    return clock_wall_ms() + op->ttl_ms - op->ttl_ms / 16;
}

static void copy_name(char *out, size_t room, const char *name)
{
    size_t len = strnlen(name, room - 1);
    memcpy(out, name, len);
    memset(out + len, 0, room - len);
}

static bool is_own(const struct dispatch_record *r, uint64_t owner, uint32_t fence)
{
    return r->owner == owner && r->fence == fence;
}

static void fill(struct dispatch_record *r, const struct submission_op *op,
                 enum submission_state state, uint64_t sent_ms)
{
    memcpy(r->key, op->key, DIGEST_BYTES);
    memcpy(r->fingerprint, op->fingerprint, DIGEST_BYTES);
    r->owner = op->owner;
    r->fence = op->fence;
    r->sent_ms = sent_ms;
    r->lease_ms = sent_ms + op->lease_ms;
    r->state = (uint8_t)state;
    r->status = op->status;
    r->doubtful = op->doubtful;
    r->can_be_asked = op->about->can_be_asked;
    r->asked = 0;
    copy_name(r->reference, sizeof(r->reference), op->about->reference);
    copy_name(r->route, sizeof(r->route), op->about->route);
    copy_name(r->upstream, sizeof(r->upstream), op->about->upstream);
}

/* The key's record, whatever is in it, locked for an edit; NULL: there is no room. */
static struct dispatch_record *take(struct store *s, struct siphash at, struct dispatch_record *r,
                                    const struct submission_op *op)
{
    uint64_t expires_ms = expiry_of(op);
    if (!r)
        return shm_table_insert(table_of(s), at, clock_wall_ms(), expires_ms);
    shm_table_edit(table_of(s), r);
    shm_table_set_expiry(r, expires_ms);
    return r;
}

bool dispatches_note_sent(struct store *s, const struct submission_op *op)
{
    struct siphash at = place_of(s, op->key);
    if (!op->about)
        return true;
    if (shm_table_lock(table_of(s), at) < 0)
        return false;
    struct dispatch_record *r = take(s, at, shm_table_find(table_of(s), at, clock_wall_ms()), op);
    if (r)
        fill(r, op, SUBMISSION_DISPATCHED, clock_wall_ms());
    shm_table_unlock(table_of(s), at);
    return r != NULL;
}

/* ---- what Redis should have said ---- */

/* If Redis remembered it, this attempt would be the one after it, and doubtful. */
static bool is_remembered(const struct dispatch_record *r, const struct submission_op *op)
{
    return is_own(r, op->owner, op->fence) || (op->doubtful && op->fence > r->fence);
}

static enum submission_verdict judge_by(const struct dispatch_record *r, struct submission_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    if (!digest_equal(r->fingerprint, op->fingerprint, DIGEST_BYTES))
        return SUBMISSION_MISMATCH;
    op->since_ms = r->sent_ms;
    if (r->state == SUBMISSION_ANSWERED) {
        op->status = r->status;
        op->head = op->body = (struct slice){ 0 };
        op->whole = false;
        return SUBMISSION_COMPLETE;
    }
    if (op->take_over)
        return SUBMISSION_UNAVAILABLE; /* until it is put back, and can be taken over */
    if (r->state == SUBMISSION_IN_DOUBT || r->lease_ms <= now_ms)
        return SUBMISSION_UNKNOWN;
    op->retry_ms = (uint32_t)MIN(r->lease_ms - now_ms, UINT32_MAX);
    return SUBMISSION_BUSY;
}

enum submission_verdict dispatches_judge(struct store *s, struct submission_op *op)
{
    struct siphash at = place_of(s, op->key);
    enum submission_verdict verdict = SUBMISSION_NEW;
    if (!op->about)
        return SUBMISSION_NEW;
    if (shm_table_lock(table_of(s), at) < 0)
        return SUBMISSION_UNAVAILABLE;
    const struct dispatch_record *r = shm_table_find(table_of(s), at, clock_wall_ms());
    if (r && !is_remembered(r, op))
        verdict = judge_by(r, op);
    shm_table_unlock(table_of(s), at);
    if (verdict != SUBMISSION_NEW)
        atomic_fetch_add_explicit(&store_region_node(s->region)->dispatches_doubted, 1,
                                  memory_order_relaxed);
    return verdict;
}

/* ---- how it ended ---- */

static enum submission_state end_state(const struct submission_op *op)
{
    return op->ending == SUBMISSION_ENDS_ANSWERED ? SUBMISSION_ANSWERED : SUBMISSION_IN_DOUBT;
}

/* What was never sent, or is to be sent again, may be forgotten. */
static bool is_to_be_known(const struct submission_op *op)
{
    return op->ending != SUBMISSION_ENDS_RELEASED || op->doubtful;
}

static void end_own(struct store *s, struct dispatch_record *r, const struct submission_op *op)
{
    if (!is_to_be_known(op)) {
        shm_table_remove(table_of(s), r);
        return;
    }
    shm_table_edit(table_of(s), r);
    r->state = (uint8_t)end_state(op);
    r->status = op->status;
    shm_table_set_expiry(r, expiry_of(op));
}

/* An attempt that sent nothing, but knows of one that did: its backend has been asked. */
static void end_other(struct store *s, struct siphash at, struct dispatch_record *r,
                      const struct submission_op *op)
{
    if (!is_to_be_known(op) || (r && r->fence >= op->fence))
        return;
    r = take(s, at, r, op);
    if (r)
        fill(r, op, end_state(op), op->since_ms ? op->since_ms : clock_wall_ms());
}

void dispatches_note_end(struct store *s, const struct submission_op *op)
{
    struct siphash at = place_of(s, op->key);
    if (!op->about || shm_table_lock(table_of(s), at) < 0)
        return;
    struct dispatch_record *r = shm_table_find(table_of(s), at, clock_wall_ms());
    if (r && is_own(r, op->owner, op->fence))
        end_own(s, r, op);
    else
        end_other(s, at, r, op);
    shm_table_unlock(table_of(s), at);
}

/* ---- the keeper's ---- */

struct dispatch_record *dispatches_lock(struct store *s, const uint8_t key[DIGEST_BYTES],
                                        uint64_t owner, uint32_t fence)
{
    struct siphash at = place_of(s, key);
    if (shm_table_lock(table_of(s), at) < 0)
        return NULL;
    struct dispatch_record *r = shm_table_find(table_of(s), at, clock_wall_ms());
    if (r && is_own(r, owner, fence)) {
        shm_table_edit(table_of(s), r);
        return r;
    }
    shm_table_unlock(table_of(s), at);
    return NULL;
}

void dispatches_unlock(struct store *s, const uint8_t key[DIGEST_BYTES])
{
    shm_table_unlock(table_of(s), place_of(s, key));
}
