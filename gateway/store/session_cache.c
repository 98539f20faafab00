#include "store/session_cache.h"

_Static_assert(sizeof(struct session_record) <= STORE_SESSION_BYTES, "a record has room");
_Static_assert(sizeof(struct session_user_record) <= STORE_USER_BYTES, "a record has room");

/* How long it is remembered that there is no such session. */
#define ABSENT_MS 2000

/* The memory may have been written by a compromised worker: texts end where they must. */
void session_cache_copy(struct session *out, const struct session *in)
{
    *out = *in;
    out->uid[SESSION_UID_MAX] = '\0';
    out->roles[SESSION_ROLES_MAX] = '\0';
}

/* Written seldom: each write would have to be told to Redis, too. A word alone, which nobody can
 * find half-written, so that the record need not be kept for the case of our death. */
static void touch(struct session_record *r, uint64_t now_ms, uint32_t idle_ms)
{
    if (now_ms < r->seen_ms + idle_ms / 64)
        return;
    r->seen_ms = now_ms;
    shm_table_set_expiry(r, session_record_end(&r->session, now_ms, idle_ms));
}

/* Returns whether it is an alias. */
static bool look_once(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                      uint32_t idle_ms, struct session_copy *copy,
                      uint8_t successor[SESSION_HASH_BYTES])
{
    struct session_record *r = shm_table_find(t, session_record_key(hash), now_ms);
    if (!r)
        return false;
    copy->kind = r->kind == SESSION_KIND_OWED ? SESSION_KIND_ABSENT : (enum session_kind)r->kind;
    copy->fetching = r->fetch && now_ms < r->fetch_until_ms;
    if (copy->kind == SESSION_KIND_ALIAS) {
        memcpy(successor, r->successor, SESSION_HASH_BYTES);
        return true;
    }
    if (copy->kind == SESSION_KIND_LIVE) {
        touch(r, now_ms, idle_ms);
        copy->confirmed_ms = r->confirmed_ms;
        session_cache_copy(&copy->session, &r->session);
    }
    return false;
}

int session_cache_look(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                       uint32_t idle_ms, struct session_copy *copy)
{
    uint8_t successor[SESSION_HASH_BYTES];
    copy->confirmed_ms = 0;
    memcpy(copy->hash, hash, SESSION_HASH_BYTES);
    for (int steps = 0; steps < 2; steps++) {
        copy->kind = SESSION_KIND_NOTHING;
        copy->fetching = false;
        struct siphash key = session_record_key(copy->hash);
        int rc = shm_table_lock(t, key);
        if (rc)
            return rc;
        bool follow = look_once(t, copy->hash, now_ms, idle_ms, copy, successor);
        shm_table_unlock(t, key);
        if (!follow)
            return 0;
        memcpy(copy->hash, successor, SESSION_HASH_BYTES);
    }
    copy->kind = SESSION_KIND_ABSENT; /* an id that was rotated twice in seconds is not in use */
    return 0;
}

/* The record under `key`, there or new, about to be changed; NULL when there is no room. */
static struct session_record *change(struct shm_table *t, struct siphash key, uint64_t now_ms,
                                     uint64_t expires_ms)
{
    struct session_record *r = shm_table_find(t, key, now_ms);
    if (!r)
        return shm_table_insert(t, key, now_ms, expires_ms);
    shm_table_edit(t, r);
    shm_table_set_expiry(r, expires_ms);
    return r;
}

static void set_live(struct session_record *r, uint64_t seen_ms, uint64_t confirmed_ms,
                     const struct session *s)
{
    *r = (struct session_record){
        .kind = SESSION_KIND_LIVE,
        .confirmed_ms = confirmed_ms,
        .seen_ms = seen_ms,
        .told_ms = seen_ms,
        .session = *s,
    };
}

bool session_cache_put(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                       uint32_t idle_ms, const struct session *s)
{
    struct siphash key = session_record_key(hash);
    if (shm_table_lock(t, key))
        return false;
    struct session_record *r = change(t, key, now_ms, session_record_end(s, now_ms, idle_ms));
    if (r)
        set_live(r, now_ms, now_ms, s);
    shm_table_unlock(t, key);
    return r != NULL;
}

bool session_cache_forget(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES])
{
    struct siphash key = session_record_key(hash);
    if (shm_table_lock(t, key))
        return false;
    struct session_record *r = shm_table_find(t, key, 0);
    if (r)
        shm_table_remove(t, r);
    shm_table_unlock(t, key);
    return true;
}

/* The record is locked: nobody ends the session between the look and the change. */
static enum session_status set_alias(struct shm_table *t, struct session_record *r, uint64_t now_ms,
                                     const uint8_t successor[SESSION_HASH_BYTES])
{
    if (r && r->kind == SESSION_KIND_ALIAS)
        return SESSION_MOVED;
    if (!r || r->kind != SESSION_KIND_LIVE)
        return SESSION_NONE;
    shm_table_edit(t, r);
    r->kind = SESSION_KIND_ALIAS; /* it goes on saying whose it was */
    memcpy(r->successor, successor, SESSION_HASH_BYTES);
    shm_table_set_expiry(r, now_ms + SESSION_ALIAS_MS);
    return SESSION_FOUND;
}

enum session_status session_cache_rotate(struct shm_table *t,
                                         const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                                         uint32_t idle_ms,
                                         const uint8_t successor[SESSION_HASH_BYTES],
                                         const struct session *s)
{
    struct siphash key = session_record_key(hash);
    enum session_status status = SESSION_UNAVAILABLE;
    /* First: nobody has the successor's id yet, and an alias must not lead nowhere. */
    if (!session_cache_put(t, successor, now_ms, idle_ms, s))
        return status;
    if (!shm_table_lock(t, key)) {
        status = set_alias(t, shm_table_find(t, key, now_ms), now_ms, successor);
        shm_table_unlock(t, key);
    }
    bool kept = status == SESSION_FOUND || !session_cache_forget(t, successor);
    (void)kept; /* without its id it does no harm */
    return status;
}

/* Locks what the hash leads to, and moves the hash there. *r is NULL when there is nothing. */
static int lock_end(struct shm_table *t, uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                    struct session_record **r)
{
    for (int hops = 0;; hops++) {
        struct siphash key = session_record_key(hash);
        int rc = shm_table_lock(t, key);
        if (rc)
            return rc;
        *r = shm_table_find(t, key, now_ms);
        if (!*r || (*r)->kind != SESSION_KIND_ALIAS || hops == SESSION_HOPS_MAX)
            return 0;
        memcpy(hash, (*r)->successor, SESSION_HASH_BYTES);
        shm_table_unlock(t, key);
    }
}

bool session_cache_end(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms)
{
    uint8_t end[SESSION_HASH_BYTES];
    struct session_record *r;
    memcpy(end, hash, sizeof(end));
    if (lock_end(t, end, now_ms, &r))
        return false;
    if (r)
        shm_table_remove(t, r);
    shm_table_unlock(t, session_record_key(end));
    return true;
}

bool session_cache_owe(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                       uint64_t until_ms)
{
    uint8_t end[SESSION_HASH_BYTES];
    struct session_record *r;
    memcpy(end, hash, sizeof(end));
    if (lock_end(t, end, now_ms, &r))
        return false;
    struct siphash key = session_record_key(end);
    r = change(t, key, now_ms, until_ms);
    if (r)
        *r = (struct session_record){ .kind = SESSION_KIND_OWED };
    shm_table_unlock(t, key);
    return r != NULL;
}

void session_cache_told(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                        enum session_kind kind, uint64_t seen_ms)
{
    struct siphash key = session_record_key(hash);
    if (shm_table_lock(t, key))
        return; /* it is told again */
    struct session_record *r = shm_table_find(t, key, 0);
    if (r && r->kind == kind && kind == SESSION_KIND_OWED)
        shm_table_remove(t, r);
    else if (r && r->kind == kind)
        r->told_ms = seen_ms;
    shm_table_unlock(t, key);
}

struct forget_user {
    struct shm_table *table;
    const char *uid;
    uint64_t owed_until_ms;
    bool moved;
};

static void forget_if_theirs(void *user, void *record)
{
    struct forget_user *f = user;
    const struct session_record *r = record;
    bool theirs = (r->kind == SESSION_KIND_LIVE || r->kind == SESSION_KIND_ALIAS) &&
                  strncmp(r->session.uid, f->uid, SESSION_UID_MAX + 1) == 0;
    if (!theirs && r->kind != SESSION_KIND_PENDING)
        return;
    f->moved = f->moved || r->kind == SESSION_KIND_ALIAS;
    if (r->kind != SESSION_KIND_LIVE || !f->owed_until_ms) {
        shm_table_remove(f->table, record);
        return;
    }
    shm_table_edit(f->table, record);
    *(struct session_record *)record = (struct session_record){ .kind = SESSION_KIND_OWED };
    shm_table_set_expiry(record, f->owed_until_ms);
}

bool session_cache_forget_user(struct shm_table *t, const char *uid, uint64_t now_ms,
                               uint64_t owed_until_ms, uint32_t *cursor, uint32_t buckets)
{
    struct forget_user f = { t, uid, owed_until_ms, false };
    return shm_table_visit(t, cursor, buckets, now_ms, forget_if_theirs, &f) && !f.moved;
}

bool session_cache_owe_user(struct shm_table *users, const char *uid, uint64_t stamp,
                            uint64_t now_ms, uint64_t until_ms)
{
    uint8_t hash[SESSION_HASH_BYTES];
    session_record_user_hash(uid, hash);
    struct siphash key = session_record_key(hash);
    if (shm_table_lock(users, key))
        return false;
    struct session_user_record *r = shm_table_find(users, key, now_ms);
    if (r)
        shm_table_edit(users, r);
    else
        r = shm_table_insert(users, key, now_ms, until_ms);
    if (r) {
        r->stamp = stamp;
        shm_table_set_expiry(r, until_ms);
    }
    shm_table_unlock(users, key);
    return r != NULL;
}

void session_cache_user_told(struct shm_table *users, const uint8_t user_hash[SESSION_HASH_BYTES],
                             uint64_t stamp)
{
    struct siphash key = session_record_key(user_hash);
    if (shm_table_lock(users, key))
        return; /* it is told again */
    struct session_user_record *r = shm_table_find(users, key, 0);
    if (r && r->stamp == stamp)
        shm_table_remove(users, r);
    shm_table_unlock(users, key);
}

/* ---- single flight ---- */

static enum session_claim claim(struct shm_table *t, struct siphash key, uint32_t number,
                                uint64_t now_ms, uint64_t until_ms)
{
    struct session_record *r = shm_table_find(t, key, now_ms);
    if (r && r->fetch && now_ms < r->fetch_until_ms)
        return SESSION_CLAIM_TAKEN;
    if (r) {
        shm_table_edit(t, r);
        if (r->kind != SESSION_KIND_LIVE)
            shm_table_set_expiry(r, until_ms);
    } else {
        r = shm_table_insert(t, key, now_ms, until_ms);
        if (!r)
            return SESSION_CLAIM_NONE;
        r->kind = SESSION_KIND_PENDING;
    }
    r->fetch = number;
    r->fetch_until_ms = until_ms;
    return SESSION_CLAIM_OURS;
}

enum session_claim session_cache_claim(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                                       uint32_t number, uint64_t now_ms, uint64_t until_ms)
{
    struct siphash key = session_record_key(hash);
    if (shm_table_lock(t, key))
        return SESSION_CLAIM_NONE;
    enum session_claim result = claim(t, key, number, now_ms, until_ms);
    shm_table_unlock(t, key);
    return result;
}

static void fill_live(struct session_record *r, uint64_t now_ms, uint32_t idle_ms,
                      const struct session_answer *a)
{
    /* What was held knows better when it was used last, and whether Redis has heard of that. */
    bool held = r->kind == SESSION_KIND_LIVE;
    uint64_t seen_ms = held ? r->seen_ms : now_ms, told_ms = held ? r->told_ms : 0;
    set_live(r, seen_ms, a->asked_ms, &a->session);
    r->told_ms = told_ms;
    shm_table_set_expiry(r, session_record_end(&a->session, seen_ms, idle_ms));
}

static void fill(struct shm_table *t, struct session_record *r, uint64_t now_ms, uint32_t idle_ms,
                 const struct session_answer *a)
{
    shm_table_edit(t, r);
    switch (a->kind) {
    case SESSION_KIND_LIVE:
        fill_live(r, now_ms, idle_ms, a);
        break;
    case SESSION_KIND_ALIAS:
    case SESSION_KIND_ABSENT:
        /* What led somewhere is asked about again, too: the successor may be rotated as well. */
        *r = (struct session_record){ .kind = (uint8_t)a->kind };
        memcpy(r->successor, a->successor, SESSION_HASH_BYTES);
        shm_table_set_expiry(r, now_ms + ABSENT_MS);
        break;
    default:
        r->fetch = 0;
    }
}

bool session_cache_fill(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                        uint32_t number, uint64_t now_ms, uint32_t idle_ms,
                        const struct session_answer *answer)
{
    struct siphash key = session_record_key(hash);
    if (shm_table_lock(t, key))
        return true; /* nobody knows; it is not kept either way */
    struct session_record *r = shm_table_find(t, key, now_ms);
    bool ours = r && r->fetch == number;
    if (ours && answer->kind == SESSION_KIND_NOTHING && r->kind == SESSION_KIND_PENDING)
        shm_table_remove(t, r);
    else if (ours)
        fill(t, r, now_ms, idle_ms, answer);
    shm_table_unlock(t, key);
    return ours;
}
