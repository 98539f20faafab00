/* Submissions in the node's own memory, with the journal behind it. The record decides; the journal
 * is read only when the memory is lost. So the journal has it first whenever something is about to
 * leave the gateway, and a process may die between any two steps:
 *
 *   begun                         lapses, and was never sent
 *   in the journal, not in memory as above; after a power cut it is in doubt, for nothing
 *   in memory, not sent           in doubt, for nothing
 *   sent, not answered            in doubt
 *   answered, not in memory       in doubt; nobody has been told the answer yet */
#include "common/clock.h"
#include "store/answer_read.h"
#include "store/submission_record.h"
#include "store/submissions_engine.h"

enum standing {
    STANDING_FREE, /* nothing was sent, and nobody is at it */
    STANDING_BUSY,
    STANDING_DOUBT,
    STANDING_ANSWERED,
};

static enum standing standing_of(const struct submission_record *r, uint64_t now_ms)
{
    if (r->state == SUBMISSION_ANSWERED)
        return STANDING_ANSWERED;
    if (r->state != SUBMISSION_IN_DOUBT && r->lease_ms > now_ms)
        return STANDING_BUSY;
    return r->state == SUBMISSION_PENDING && !r->doubtful ? STANDING_FREE : STANDING_DOUBT;
}

/* The key's record, locked. */
struct place {
    struct shm_table *table; /* borrowed */
    struct siphash at;
    struct submission_record *record; /* NULL: there is none, or it is locked no more */
};

static bool lock(struct place *p, struct store *s, const struct submission_op *op)
{
    p->table = s->tables[STORE_SUBMISSIONS];
    p->at = submission_record_place(store_region_node(s->region)->table_key, op->key);
    if (shm_table_lock(p->table, p->at) < 0)
        return false;
    p->record = shm_table_find(p->table, p->at, clock_wall_ms());
    return true;
}

static void unlock(struct place *p)
{
    shm_table_unlock(p->table, p->at);
}

static void keep_until(struct submission_record *r, uint64_t expires_ms)
{
    shm_table_set_expiry(r, MAX(shm_table_expiry(r), expires_ms));
}

/* The operation's record, locked for an edit; else nothing is locked, and *why says so. */
static bool lock_own(struct place *p, struct store *s, const struct submission_op *op,
                     enum submission_verdict *why)
{
    *why = SUBMISSION_UNAVAILABLE;
    if (!lock(p, s, op))
        return false;
    *why = SUBMISSION_LOST;
    const struct submission_record *r = p->record;
    if (!r || r->owner != op->owner || r->fence != op->fence ||
        (r->state != SUBMISSION_PENDING && r->state != SUBMISSION_DISPATCHED)) {
        unlock(p);
        return false;
    }
    shm_table_edit(p->table, p->record);
    return true;
}

/* ---- begin ---- */

static void take(struct store *s, struct submission_record *r, struct submission_op *op,
                 uint64_t now_ms)
{
    op->owner = random_next(&s->loop->random);
    op->fence = r->fence + 1;
    op->doubtful = r->doubtful;
    op->since_ms = r->since_ms;
    memcpy(r->fingerprint, op->fingerprint, DIGEST_BYTES);
    r->owner = op->owner;
    r->fence = op->fence;
    r->lease_ms = now_ms + op->lease_ms;
    r->state = SUBMISSION_PENDING;
}

static enum store_result begin_busy(struct submission_op *op, uint64_t wait_ms)
{
    op->retry_ms = (uint32_t)MIN(wait_ms, UINT32_MAX);
    return submission_op_done(op, SUBMISSION_BUSY);
}

static enum store_result begin_new(struct store *s, struct place *p, struct submission_op *op,
                                   uint64_t now_ms)
{
    struct submission_record *r = shm_table_insert(p->table, p->at, now_ms, now_ms + op->lease_ms);
    if (!r)
        return submission_op_done(op, SUBMISSION_FULL);
    memcpy(r->key, op->key, DIGEST_BYTES);
    take(s, r, op, now_ms);
    return submission_op_done(op, SUBMISSION_NEW);
}

static void cancel_read(struct store_op *op)
{
    answer_read_cancel(&CONTAINER_OF(op, struct submission_op, op)->read);
}

/* Without the answer's text it is answered all the same. */
static void forget_answer(struct submission_op *op)
{
    op->head = op->body = (struct slice){ 0 };
    op->whole = false;
}

static void on_read(void *user, int status, struct slice head, struct slice body)
{
    struct submission_op *op = user;
    op->read = NULL;
    forget_answer(op);
    if (status == 0) {
        op->head = arena_copy(op->arena, head);
        op->body = arena_copy(op->arena, body);
        op->whole = op->head.data && op->body.data;
    }
    submission_op_finish(op, SUBMISSION_COMPLETE);
}

static enum store_result begin_answered(struct store *s, struct submission_op *op,
                                        const struct submission_record *r)
{
    struct answer_place answer = { .segment = r->segment,
                                   .at = r->answer_at,
                                   .check = r->answer_check,
                                   .head_bytes = r->head_bytes,
                                   .body_bytes = r->body_bytes };
    op->status = r->status;
    op->since_ms = r->since_ms;
    forget_answer(op);
    if (r->whole && answer.segment && s->journal)
        op->read =
            answer_read_new(s->loop, submission_journal_dir(s->journal), &answer, on_read, op);
    if (!op->read)
        return submission_op_done(op, SUBMISSION_COMPLETE);
    op->op.cancel = cancel_read;
    return STORE_PENDING;
}

static enum store_result begin_known(struct store *s, struct place *p, struct submission_op *op,
                                     uint64_t now_ms)
{
    struct submission_record *r = p->record;
    enum standing standing = standing_of(r, now_ms);
    if (standing != STANDING_FREE && !digest_equal(r->fingerprint, op->fingerprint, DIGEST_BYTES))
        return submission_op_done(op, SUBMISSION_MISMATCH);
    op->since_ms = r->since_ms;
    switch (standing) {
    case STANDING_BUSY:
        return begin_busy(op, r->lease_ms - now_ms);
    case STANDING_ANSWERED:
        return begin_answered(s, op, r);
    case STANDING_DOUBT:
        if (!op->take_over)
            return submission_op_done(op, SUBMISSION_UNKNOWN);
        break;
    case STANDING_FREE:
        break;
    }
    shm_table_edit(p->table, r);
    r->doubtful = standing == STANDING_DOUBT;
    take(s, r, op, now_ms);
    keep_until(r, r->lease_ms);
    return submission_op_done(op, SUBMISSION_NEW);
}

enum store_result submissions_embedded_begin(struct store *s, struct submission_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    struct place p;
    op->doubtful = op->journalled = false;
    op->since_ms = 0;
    if (!lock(&p, s, op))
        return submission_op_done(op, SUBMISSION_UNAVAILABLE);
    enum store_result result =
        p.record ? begin_known(s, &p, op, now_ms) : begin_new(s, &p, op, now_ms);
    unlock(&p);
    return result;
}

/* ---- what is written down ---- */

static void cancel_write(struct store_op *op)
{
    journal_write_cancel(&CONTAINER_OF(op, struct submission_op, op)->write);
}

static struct journal_entry entry_of(const struct submission_record *r, enum journal_state state,
                                     uint64_t now_ms, uint64_t ttl_ms)
{
    struct journal_entry entry = { .fence = r->fence,
                                   .expires_ms = now_ms + ttl_ms,
                                   .since_ms = r->since_ms,
                                   .state = (uint8_t)state };
    memcpy(entry.key, r->key, DIGEST_BYTES);
    memcpy(entry.fingerprint, r->fingerprint, DIGEST_BYTES);
    return entry;
}

static enum store_result append(struct submission_op *op, struct journal_entry *entry,
                                journal_write_fn on_written, struct slice head, struct slice body,
                                bool durable)
{
    struct submission_journal *j = op->store->journal;
    op->write = (struct journal_write){ .on_written = on_written };
    list_init(&op->write.node);
    if (!j || submission_journal_append(j, &op->write, entry, head, body, durable) < 0)
        return STORE_DONE;
    op->op.cancel = cancel_write;
    return STORE_PENDING;
}

/* Nobody waits for it. */
static void note(struct store *s, struct journal_entry *entry)
{
    struct slice none = { 0 };
    int rc = s->journal ? submission_journal_append(s->journal, NULL, entry, none, none, false) : 0;
    (void)rc; /* after a power cut it is in doubt, then */
}

static void on_sent(struct journal_write *w, int status)
{
    struct submission_op *op = CONTAINER_OF(w, struct submission_op, write);
    struct place p;
    enum submission_verdict verdict = SUBMISSION_UNAVAILABLE;
    if (status == 0 && lock_own(&p, op->store, op, &verdict)) {
        uint64_t now_ms = clock_wall_ms();
        p.record->state = SUBMISSION_DISPATCHED;
        p.record->lease_ms = now_ms + op->lease_ms;
        keep_until(p.record, now_ms + op->ttl_ms);
        unlock(&p);
        verdict = SUBMISSION_DONE;
    }
    submission_op_finish(op, verdict);
}

enum store_result submissions_embedded_sent(struct store *s, struct submission_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    struct place p;
    enum submission_verdict why;
    if (!lock_own(&p, s, op, &why))
        return submission_op_done(op, why);
    /* The lease shall not end while the disk is waited for. */
    p.record->lease_ms = now_ms + op->lease_ms;
    keep_until(p.record, p.record->lease_ms);
    /* All entries of one dispatch have this in common. */
    p.record->since_ms = now_ms;
    struct journal_entry entry = entry_of(p.record, JOURNAL_DISPATCHED, now_ms, op->ttl_ms);
    unlock(&p);
    struct slice none = { 0 };
    op->journalled = true;
    if (append(op, &entry, on_sent, none, none, true) == STORE_PENDING)
        return STORE_PENDING;
    return submission_op_done(op, SUBMISSION_UNAVAILABLE);
}

/* ---- how it ended ---- */

static enum submission_verdict set_answered(struct submission_op *op, bool kept)
{
    struct place p;
    enum submission_verdict why;
    if (!lock_own(&p, op->store, op, &why))
        return why;
    struct submission_record *r = p.record;
    r->state = SUBMISSION_ANSWERED;
    r->status = op->status;
    r->segment = kept ? op->write.segment : 0;
    r->answer_at = op->write.answer_at;
    r->answer_check = journal_entry_check_answer(op->head, op->body);
    r->head_bytes = (uint32_t)op->head.len;
    r->body_bytes = (uint32_t)op->body.len;
    r->whole = kept && op->whole;
    shm_table_set_expiry(r, clock_wall_ms() + op->ttl_ms);
    unlock(&p);
    return SUBMISSION_DONE;
}

static void on_complete(struct journal_write *w, int status)
{
    struct submission_op *op = CONTAINER_OF(w, struct submission_op, write);
    submission_op_finish(op, set_answered(op, status == 0));
}

enum store_result submissions_embedded_complete(struct store *s, struct submission_op *op)
{
    struct place p;
    enum submission_verdict why;
    if (!lock_own(&p, s, op, &why))
        return submission_op_done(op, why);
    struct journal_entry entry = entry_of(p.record, JOURNAL_ANSWERED, clock_wall_ms(), op->ttl_ms);
    unlock(&p);
    entry.status = op->status;
    entry.whole = op->whole;
    if (append(op, &entry, on_complete, op->head, op->body, false) == STORE_PENDING)
        return STORE_PENDING;
    return submission_op_done(op, set_answered(op, false));
}

enum store_result submissions_embedded_doubt(struct store *s, struct submission_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    struct place p;
    enum submission_verdict why;
    if (!lock_own(&p, s, op, &why))
        return submission_op_done(op, why);
    p.record->state = SUBMISSION_IN_DOUBT;
    shm_table_set_expiry(p.record, now_ms + op->ttl_ms);
    struct journal_entry entry = entry_of(p.record, JOURNAL_IN_DOUBT, now_ms, op->ttl_ms);
    unlock(&p);
    note(s, &entry);
    return submission_op_done(op, SUBMISSION_DONE);
}

/* Free, and yet its fence goes on being known where a backend may have seen one. */
static void set_free(struct place *p)
{
    struct submission_record *r = p->record;
    if (r->state == SUBMISSION_PENDING && r->fence == 1) {
        shm_table_remove(p->table, r);
        return;
    }
    r->state = SUBMISSION_PENDING;
    r->owner = 0;
    r->lease_ms = 0;
}

enum store_result submissions_embedded_release(struct store *s, struct submission_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    struct place p;
    enum submission_verdict why;
    if (!lock_own(&p, s, op, &why))
        return submission_op_done(op, why);
    struct submission_record *r = p.record;
    bool doubtful = r->doubtful;
    struct journal_entry entry =
        entry_of(r, doubtful ? JOURNAL_IN_DOUBT : JOURNAL_RELEASED, now_ms, op->ttl_ms);
    if (doubtful)
        r->state = SUBMISSION_IN_DOUBT; /* as it was */
    else
        set_free(&p);
    unlock(&p);
    if (op->journalled)
        note(s, &entry);
    return submission_op_done(op, SUBMISSION_DONE);
}

enum store_result submissions_embedded_look(struct store *s, struct submission_op *op)
{
    static const enum submission_verdict verdicts[] = {
        [STANDING_FREE] = SUBMISSION_NONE,
        [STANDING_BUSY] = SUBMISSION_BUSY,
        [STANDING_DOUBT] = SUBMISSION_UNKNOWN,
        [STANDING_ANSWERED] = SUBMISSION_COMPLETE,
    };
    uint64_t now_ms = clock_wall_ms();
    struct place p;
    if (!lock(&p, s, op))
        return submission_op_done(op, SUBMISSION_UNAVAILABLE);
    if (!p.record) {
        unlock(&p);
        return submission_op_done(op, SUBMISSION_NONE);
    }
    op->since_ms = p.record->since_ms;
    op->status = p.record->status;
    enum submission_verdict verdict = verdicts[standing_of(p.record, now_ms)];
    unlock(&p);
    return submission_op_done(op, verdict);
}
