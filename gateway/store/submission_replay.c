#include "store/submission_replay.h"

#include "common/mem.h"
#include "store/journal_entry.h"
#include "store/submission_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_AT_ONCE 512
#define YOUNG_MS 60000

/* Returns false to stop. */
typedef bool (*entry_fn)(void *user, uint64_t segment, const struct journal_entry *entry);

/* ---- files ---- */

static ssize_t read_some(int fd, void *out, size_t bytes)
{
    ssize_t n;
    do
        n = read(fd, out, bytes);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Entries are aligned in the file, so a torn one does not hide those behind it. 0 or -1. */
static int read_entries(int fd, uint64_t segment, entry_fn visit, void *user)
{
    size_t room = ENTRIES_AT_ONCE * sizeof(struct journal_entry), held = 0;
    char *bytes = mem_new(room);
    ssize_t n;
    bool go_on = true;
    for (;;) {
        n = read_some(fd, bytes + held, room - held);
        if (n <= 0 || !go_on)
            break;
        held += (size_t)n;
        size_t used = 0;
        for (; held - used >= sizeof(struct journal_entry) && go_on;
             used += sizeof(struct journal_entry))
            go_on = visit(user, segment, (const struct journal_entry *)(void *)(bytes + used));
        held -= used;
        memmove(bytes, bytes + used, held);
    }
    mem_free(bytes);
    return n < 0 ? -1 : 0;
}

static int compare_segments(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

struct segments {
    uint64_t *numbers; /* owned */
    size_t count, room;
};

static void segments_add(struct segments *s, uint64_t number)
{
    if (s->count == s->room) {
        size_t room = MAX(64, s->room * 2);
        uint64_t *grown = mem_new_array(room, sizeof(*grown));
        if (s->count)
            memcpy(grown, s->numbers, s->count * sizeof(*grown));
        mem_free(s->numbers);
        s->numbers = grown;
        s->room = room;
    }
    s->numbers[s->count++] = number;
}

/* The oldest first. 0 or -1. */
static int list_segments(const char *dir, struct segments *s)
{
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? 0 : -1;
    for (const struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
        uint64_t segment = journal_entry_segment(entry->d_name);
        if (segment)
            segments_add(s, segment);
    }
    closedir(d);
    if (s->count)
        qsort(s->numbers, s->count, sizeof(*s->numbers), compare_segments);
    return 0;
}

/* ---- replay ---- */

struct replay {
    struct shm_table *table;
    struct siphash_key secret;
    uint64_t now_ms;
    struct submission_replay *result;
    int status;
    bool has_expired; /* some entry */
};

/* In the order of what is believed under one fence. */
static enum journal_state state_of(const struct submission_record *r)
{
    switch (r->state) {
    case SUBMISSION_ANSWERED:
        return JOURNAL_ANSWERED;
    case SUBMISSION_IN_DOUBT:
        return JOURNAL_IN_DOUBT;
    case SUBMISSION_PENDING:
        return JOURNAL_RELEASED;
    default:
        return JOURNAL_DISPATCHED;
    }
}

/* Whoever was at it is gone: what was dispatched is in doubt, whose lease needs no waiting for. A
 * released one stays until all is read, so that an older entry of another file cannot revive it;
 * its lease is over, so that whoever comes takes it. */
static void fill(struct submission_record *r, uint64_t segment, const struct journal_entry *entry)
{
    static const uint8_t states[] = {
        [JOURNAL_DISPATCHED] = SUBMISSION_DISPATCHED,
        [JOURNAL_RELEASED] = SUBMISSION_PENDING,
        [JOURNAL_IN_DOUBT] = SUBMISSION_IN_DOUBT,
        [JOURNAL_ANSWERED] = SUBMISSION_ANSWERED,
    };
    bool answered = entry->state == JOURNAL_ANSWERED;
    memcpy(r->fingerprint, entry->fingerprint, DIGEST_BYTES);
    r->owner = 0;
    r->lease_ms = 0;
    r->since_ms = entry->since_ms;
    r->fence = entry->fence;
    r->state = states[entry->state];
    r->doubtful = false;
    r->status = entry->status;
    r->segment = answered ? segment : 0;
    r->answer_at = entry->answer_at;
    r->answer_check = entry->answer_check;
    r->head_bytes = answered ? entry->head_bytes : 0;
    r->body_bytes = answered ? entry->body_bytes : 0;
    r->whole = answered && entry->whole;
}

static bool is_newer(const struct journal_entry *entry, const struct submission_record *r)
{
    if (entry->since_ms != r->since_ms)
        return entry->since_ms > r->since_ms;
    if (entry->fence != r->fence)
        return entry->fence > r->fence;
    return entry->state > state_of(r);
}

static void replay_known(struct replay *x, struct submission_record *r, uint64_t segment,
                         const struct journal_entry *entry)
{
    if (!is_newer(entry, r))
        return;
    shm_table_edit(x->table, r);
    fill(r, segment, entry);
    shm_table_set_expiry(r, entry->expires_ms);
}

static int replay_new(struct replay *x, struct siphash place, uint64_t segment,
                      const struct journal_entry *entry)
{
    struct submission_record *r = shm_table_insert(x->table, place, x->now_ms, entry->expires_ms);
    if (!r)
        return ERR_LIMIT;
    memcpy(r->key, entry->key, DIGEST_BYTES);
    fill(r, segment, entry);
    x->result->records++;
    return 0;
}

static bool replay_entry(void *user, uint64_t segment, const struct journal_entry *entry)
{
    struct replay *x = user;
    struct siphash place = submission_record_place(x->secret, entry->key);
    x->result->entries++;
    if (!journal_entry_is_sound(entry)) {
        x->result->torn++;
        return true;
    }
    if (entry->expires_ms <= x->now_ms) {
        x->has_expired = true;
        return true;
    }
    x->status = shm_table_lock(x->table, place);
    if (x->status < 0)
        return false;
    struct submission_record *r = shm_table_find(x->table, place, x->now_ms);
    if (r)
        replay_known(x, r, segment, entry);
    else
        x->status = replay_new(x, place, segment, entry);
    shm_table_unlock(x->table, place);
    return x->status == 0;
}

/* An answer that has expired ends the doubt that came before it, which would have lived longer. In
 * a second reading: a place in the table for each that has expired could be too many. */
static bool replay_expired(void *user, uint64_t segment, const struct journal_entry *entry)
{
    struct replay *x = user;
    struct siphash place = submission_record_place(x->secret, entry->key);
    (void)segment;
    if (!journal_entry_is_sound(entry) || entry->expires_ms > x->now_ms)
        return true;
    x->status = shm_table_lock(x->table, place);
    if (x->status < 0)
        return false;
    struct submission_record *r = shm_table_find(x->table, place, x->now_ms);
    if (r && is_newer(entry, r)) {
        shm_table_remove(x->table, r);
        x->result->records--;
    }
    shm_table_unlock(x->table, place);
    return true;
}

static int replay_segment(struct replay *x, const char *dir, uint64_t segment, entry_fn visit,
                          struct err *e)
{
    char path[JOURNAL_PATH_MAX];
    journal_entry_log_path(path, dir, segment);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_system(e, "cannot open the submissions' journal %s", path);
    int rc = read_entries(fd, segment, visit, x);
    if (rc < 0)
        rc = err_system(e, "cannot read the submissions' journal %s", path);
    close(fd);
    if (x->status < 0)
        return err_set(e, ERR_LIMIT,
                       "the submissions' journal in %s holds more records than there is room for; "
                       "raise store.submissions",
                       dir);
    return rc;
}

static int replay_all(struct replay *x, const char *dir, const struct segments *segments,
                      entry_fn visit, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < segments->count && rc == 0; i++)
        rc = replay_segment(x, dir, segments->numbers[i], visit, e);
    return rc;
}

int submission_replay_run(const char *dir, struct shm_table *table, struct siphash_key secret,
                          uint64_t now_ms, struct submission_replay *result, struct err *e)
{
    *result = (struct submission_replay){ 0 };
    struct replay x = { table, secret, now_ms, result, 0, false };
    struct segments segments = { 0 };
    int rc = list_segments(dir, &segments);
    if (rc < 0)
        rc = err_system(e, "cannot list the submissions' journal %s", dir);
    result->segments = segments.count;
    if (rc == 0)
        rc = replay_all(&x, dir, &segments, replay_entry, e);
    if (rc == 0 && x.has_expired)
        rc = replay_all(&x, dir, &segments, replay_expired, e);
    mem_free(segments.numbers);
    return rc;
}

/* ---- what is over ---- */

static bool has_expired(void *user, uint64_t segment, const struct journal_entry *entry)
{
    uint64_t *latest_ms = user;
    (void)segment;
    if (journal_entry_is_sound(entry))
        *latest_ms = MAX(*latest_ms, entry->expires_ms);
    return true;
}

/* The youngest entries stand at the end: for most segments that is all that has to be read. */
static bool tail_lives(int fd, uint64_t segment, uint64_t now_ms)
{
    struct stat st;
    uint64_t latest_ms = 0;
    off_t tail = (off_t)(ENTRIES_AT_ONCE * sizeof(struct journal_entry));
    if (fstat(fd, &st) < 0)
        return true;
    off_t at = MAX(0, st.st_size - tail) / JOURNAL_ENTRY_BYTES * JOURNAL_ENTRY_BYTES;
    bool seen = lseek(fd, at, SEEK_SET) == at &&
                read_entries(fd, segment, has_expired, &latest_ms) == 0 &&
                lseek(fd, 0, SEEK_SET) == 0;
    return !seen || latest_ms >= now_ms;
}

static bool clean_segment(const char *dir, uint64_t segment, uint64_t now_ms)
{
    char path[JOURNAL_PATH_MAX];
    uint64_t latest_ms = 0, begun_ms = segment >> 8;
    if (begun_ms + YOUNG_MS > now_ms)
        return false; /* may just have been made, and not be locked yet */
    journal_entry_log_path(path, dir, segment);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool over = flock(fd, LOCK_EX | LOCK_NB) == 0 && !tail_lives(fd, segment, now_ms) &&
                read_entries(fd, segment, has_expired, &latest_ms) == 0 && latest_ms < now_ms;
    if (over) {
        /* The log goes last: answers without one would never be found again. */
        journal_entry_answers_path(path, dir, segment);
        unlink(path);
        journal_entry_log_path(path, dir, segment);
        over = unlink(path) == 0;
    }
    close(fd);
    return over;
}

uint64_t submission_replay_clean(const char *dir, uint64_t now_ms)
{
    struct segments segments = { 0 };
    uint64_t cleaned = 0;
    if (list_segments(dir, &segments) < 0)
        return 0;
    for (size_t i = 0; i < segments.count; i++)
        cleaned += clean_segment(dir, segments.numbers[i], now_ms);
    mem_free(segments.numbers);
    return cleaned;
}
