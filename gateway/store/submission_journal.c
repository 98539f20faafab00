/*   filling --start--> writing --on_done--> (empty)
 *
 * The loop fills one batch while a thread of libuv's writes the other. The files belong to the
 * thread while it runs, and are opened by it. */
#include "store/submission_journal.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define KEPT_BYTES (256 * 1024) /* of an empty batch's buffers */

struct batch {
    struct buf entries, answers;
    struct list waiting; /* struct journal_write */
    uint64_t segment, log_at, answers_at;
    bool durable;
    int status; /* the thread's */
};

struct submission_journal {
    struct loop *loop; /* borrowed */
    char *dir;         /* owned */
    uint32_t slot;
    bool sync;
    bool busy; /* the thread is at `writing` */
    bool closing;
    bool failed; /* has been said */
    struct defer start;
    struct batch batches[2], *filling, *writing;
    uint64_t segment, begun_ms;  /* 0: none yet */
    uint64_t log_at, answers_at; /* behind all that has been appended */
    uv_work_t work;
    struct { /* the thread's */
        uint64_t segment;
        int log, answers;
    } files;
};

/* ---- in the thread ---- */

static int code_of_errno(void)
{
    return -errno; /* as libuv's */
}

static void close_files(struct submission_journal *j)
{
    if (j->files.log >= 0)
        close(j->files.log);
    if (j->files.answers >= 0)
        close(j->files.answers);
    j->files.log = j->files.answers = -1;
    j->files.segment = 0;
}

static int open_new(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* The names have to survive a power cut, too. */
static int sync_folder(const struct submission_journal *j)
{
    int fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return code_of_errno();
    int rc = fsync(fd) == 0 ? 0 : code_of_errno();
    close(fd);
    return rc;
}

static int open_files(struct submission_journal *j, uint64_t segment)
{
    char path[JOURNAL_PATH_MAX];
    if (j->files.segment == segment)
        return 0;
    close_files(j);
    journal_entry_log_path(path, j->dir, segment);
    j->files.log = open_new(path);
    if (j->files.log < 0)
        return code_of_errno();
    journal_entry_answers_path(path, j->dir, segment);
    j->files.answers = open_new(path);
    if (j->files.answers < 0 || flock(j->files.log, LOCK_EX | LOCK_NB) < 0)
        return code_of_errno();
    j->files.segment = segment;
    return j->sync ? sync_folder(j) : 0;
}

static int write_at(int fd, struct slice data, uint64_t at)
{
    while (data.len) {
        ssize_t n = pwrite(fd, data.data, data.len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? code_of_errno() : -ENOSPC;
        at += (uint64_t)n;
        data = slice_from(data, (size_t)n);
    }
    return 0;
}

/* Answers before the entries that tell of them. They are not synced: an entry whose answer was lost
 * fails its check, and the dossier is still known to be answered. */
static int write_batch(struct submission_journal *j)
{
    struct batch *b = j->writing;
    int rc = open_files(j, b->segment);
    if (rc == 0)
        rc = write_at(j->files.answers, buf_slice(&b->answers), b->answers_at);
    if (rc == 0)
        rc = write_at(j->files.log, buf_slice(&b->entries), b->log_at);
    if (rc == 0 && b->durable && j->sync && fdatasync(j->files.log) < 0)
        rc = code_of_errno();
    return rc;
}

static void run_work(uv_work_t *work)
{
    struct submission_journal *j = work->data;
    j->writing->status = write_batch(j);
    if (j->writing->status < 0)
        close_files(j);
}

/* ---- batches ---- */

static void empty(struct buf *b)
{
    if (b->size > KEPT_BYTES) {
        buf_fini(b);
        buf_init(b, JOURNAL_WAITING_BYTES);
    }
    buf_clear(b);
}

static void batch_init(struct batch *b)
{
    buf_init(&b->entries, JOURNAL_WAITING_BYTES);
    buf_init(&b->answers, JOURNAL_WAITING_BYTES);
    list_init(&b->waiting);
}

static void batch_fini(struct batch *b)
{
    buf_fini(&b->entries);
    buf_fini(&b->answers);
    LIST_FOREACH (node, &b->waiting)
        list_remove(node);
}

static void batch_clear(struct batch *b)
{
    empty(&b->entries);
    empty(&b->answers);
    b->durable = false;
}

static bool is_fresh(const struct submission_journal *j)
{
    return j->segment && j->log_at < JOURNAL_LOG_BYTES && j->answers_at < JOURNAL_ANSWERS_BYTES &&
           loop_now_ms(j->loop) - j->begun_ms < JOURNAL_SEGMENT_MS;
}

static void batch_begin(struct submission_journal *j)
{
    struct batch *b = j->filling;
    if (!is_fresh(j)) {
        /* Time and slot: nobody else's, and none that was before. */
        uint64_t number = clock_wall_ms() << 8 | (j->slot & 0xff);
        j->segment = MAX(number, j->segment + 0x100);
        j->begun_ms = loop_now_ms(j->loop);
        j->log_at = j->answers_at = 0;
    }
    b->segment = j->segment;
    b->log_at = j->log_at;
    b->answers_at = j->answers_at;
}

/* ---- on the loop ---- */

static void on_done(uv_work_t *work, int status);

static void start(struct defer *d)
{
    struct submission_journal *j = CONTAINER_OF(d, struct submission_journal, start);
    if (j->busy || j->filling->entries.len == 0)
        return;
    struct batch *filled = j->filling;
    j->filling = j->writing; /* empty */
    j->writing = filled;
    j->busy = true;
    uv_queue_work(&j->loop->uv, &j->work, run_work, on_done);
}

static void tell(struct list *waiting, int status)
{
    while (!list_is_empty(waiting)) {
        struct journal_write *w = CONTAINER_OF(waiting->next, struct journal_write, node);
        list_remove(&w->node);
        w->on_written(w, status);
    }
}

static void note(struct submission_journal *j, int status)
{
    if (status < 0 && !j->failed)
        log_write(LOG_ERROR, "submissions cannot be recorded in %s: %s", j->dir,
                  uv_strerror(status));
    if (status == 0 && j->failed)
        log_write(LOG_INFO, "submissions are recorded in %s again", j->dir);
    j->failed = status < 0;
}

static void finish(struct submission_journal *j)
{
    struct list waiting;
    int status = j->writing->status;
    j->busy = false;
    list_init(&waiting);
    list_splice(&waiting, &j->writing->waiting);
    batch_clear(j->writing);
    note(j, status);
    if (status < 0) {
        /* What comes after it was to stand behind it in the same files. */
        list_splice(&waiting, &j->filling->waiting);
        batch_clear(j->filling);
        j->begun_ms = 0;
        j->log_at = JOURNAL_LOG_BYTES;
    }
    tell(&waiting, status);
    start(&j->start);
}

static void destroy(struct submission_journal *j)
{
    close_files(j);
    batch_fini(j->filling);
    batch_fini(j->writing);
    mem_free(j->dir);
    mem_free(j);
}

/* What nobody waits for is still worth to be known. */
static void go_on_closing(struct submission_journal *j)
{
    j->busy = false;
    batch_clear(j->writing);
    start(&j->start);
    if (!j->busy)
        destroy(j);
}

static void on_done(uv_work_t *work, int status)
{
    struct submission_journal *j = work->data;
    struct loop *loop = j->loop;
    (void)status; /* never cancelled */
    if (j->closing) {
        go_on_closing(j);
        return;
    }
    loop_event_begin(loop);
    finish(j);
    loop_event_end(loop);
}

struct submission_journal *submission_journal_new(struct loop *loop, const char *dir, uint32_t slot,
                                                  bool sync)
{
    struct submission_journal *j = mem_new(sizeof(*j));
    j->loop = loop;
    j->dir = mem_strdup(dir);
    j->slot = slot;
    j->sync = sync;
    j->files.log = j->files.answers = -1;
    j->work.data = j;
    defer_init(&j->start, start);
    j->filling = &j->batches[0];
    j->writing = &j->batches[1];
    batch_init(j->filling);
    batch_init(j->writing);
    return j;
}

void submission_journal_free(struct submission_journal **pointer)
{
    struct submission_journal *j = *pointer;
    *pointer = NULL;
    if (!j)
        return;
    list_remove(&j->start.node);
    LIST_FOREACH (node, &j->filling->waiting)
        list_remove(node);
    LIST_FOREACH (node, &j->writing->waiting)
        list_remove(node);
    j->closing = true;
    if (!j->busy)
        go_on_closing(j);
}

int submission_journal_append(struct submission_journal *j, struct journal_write *w,
                              struct journal_entry *entry, struct slice head, struct slice body,
                              bool durable)
{
    struct batch *b = j->filling;
    size_t answer_bytes = head.len + body.len;
    if (b->answers.len + answer_bytes > JOURNAL_WAITING_BYTES ||
        b->entries.len + sizeof(*entry) > JOURNAL_WAITING_BYTES)
        return ERR_LIMIT;
    if (b->entries.len == 0)
        batch_begin(j);
    size_t answers_before = b->answers.len;
    buf_append_slice(&b->answers, head);
    buf_append_slice(&b->answers, body);
    entry->answer_at = j->answers_at;
    entry->head_bytes = (uint32_t)head.len;
    entry->body_bytes = (uint32_t)body.len;
    entry->answer_check = journal_entry_check_answer(head, body);
    journal_entry_seal(entry);
    if (buf_ok(&b->answers))
        buf_append(&b->entries, entry, sizeof(*entry));
    if (!buf_ok(&b->answers) || !buf_ok(&b->entries)) {
        b->answers.len = MIN(b->answers.len, answers_before);
        b->answers.failed = b->entries.failed = false;
        return ERR_NO_MEMORY;
    }
    j->answers_at += answer_bytes;
    j->log_at += sizeof(*entry);
    b->durable |= durable;
    if (w) {
        w->segment = b->segment;
        w->answer_at = entry->answer_at;
        list_push_back(&b->waiting, &w->node);
    }
    loop_defer(j->loop, &j->start);
    return 0;
}

void journal_write_cancel(struct journal_write *w)
{
    if (w->node.next)
        list_remove(&w->node);
}

const char *submission_journal_dir(const struct submission_journal *j)
{
    return j->dir;
}
