#include "pipeline/spool.h"

#include "common/log.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK_BYTES (128 * 1024)    /* read at once */
#define RESERVE_BYTES (16ul * 1024) /* of the quota at once: most submissions are small */
/* Written at once: all that HTTP/2 had received ahead, in the largest window that may be set. */
#define PIECE_BYTES_MAX (16ul * 1024 * 1024)

#define COMPLAIN_MS 10000 /* between two lines about the disk */

/* Of a worker's spools together. Each may have a part of what is left, so that the first ones do
 * not take it all; a write of less than the least part would cost more than it saves. */
#define ROOM_BYTES (64ul * 1024 * 1024)
#define ROOM_PART 8
#define PART_BYTES_MIN (16ul * 1024)

/* A transfer in a thread. It owns its buffer, and the file too when its spool is gone. */
struct spool_job {
    uv_work_t work;
    struct loop *loop;   /* borrowed */
    struct spool *spool; /* borrowed; NULL: nobody wants it any more */
    char *dir;           /* owned; of a file that is to be made, or NULL */
    int fd;
    uint64_t at;
    size_t bytes;
    bool writes, stale;
    struct buf data; /* owned */
    int status;
};

/* ---- in the thread ---- */

static int open_file(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    char path[1280];
    snprintf(path, sizeof(path), "%s/cong-spool-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int transfer(struct spool_job *j)
{
    size_t done = 0;
    while (done < j->bytes) {
        off_t at = (off_t)(j->at + done);
        ssize_t n = j->writes ? pwrite(j->fd, j->data.data + done, j->bytes - done, at)
                              : pread(j->fd, j->data.data + done, j->bytes - done, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

static void run(uv_work_t *work)
{
    struct spool_job *j = work->data;
    if (j->dir)
        j->fd = open_file(j->dir);
    j->status = j->fd < 0 ? -errno : transfer(j);
}

/* ---- the room ---- */

static void count_memory(struct spool *s)
{
    uint64_t held = s->memory.size + s->block.size + (s->job ? s->job->data.size : 0);
    s->room->memory_bytes += held - s->counted_bytes;
    s->counted_bytes = held;
}

static size_t memory_allowed(const struct spool *s)
{
    uint64_t left = ROOM_BYTES - MIN(s->room->memory_bytes, ROOM_BYTES);
    return (size_t)MIN(s->config.memory_bytes, MAX(left / ROOM_PART, PART_BYTES_MIN));
}

/* ---- jobs ---- */

static bool is_full(int status)
{
    return status == -ENOSPC || status == -EDQUOT || status == -EFBIG;
}

static void complain(const struct spool *s, const struct spool_job *j)
{
    uint64_t now_ms = loop_now_ms(s->room->loop), *last = &s->room->complained_ms;
    if (*last && now_ms - *last < COMPLAIN_MS)
        return;
    *last = now_ms;
    log_write(LOG_ERROR, "cannot %s a temporary file in %s: %s", j->writes ? "write" : "read",
              s->config.dir, uv_strerror(j->status));
}

/* What the file has not taken comes before what has come since. */
static void take_back(struct spool *s, struct spool_job *j)
{
    struct buf since = s->memory;
    s->memory = j->data;
    j->data = (struct buf){ 0 };
    buf_append_slice(&s->memory, buf_slice(&since));
    buf_fini(&since);
    s->unreadable = !buf_ok(&s->memory);
}

static void failed(struct spool *s, struct spool_job *j)
{
    complain(s, j);
    if (!j->writes) {
        s->unreadable = true;
        return;
    }
    s->trouble = is_full(j->status) ? SPOOL_FULL : SPOOL_FAILED;
    s->file_max = 0;
    take_back(s, j);
}

static void deliver(struct spool_job *j)
{
    struct spool *s = j->spool;
    s->job = NULL;
    s->fd = j->fd;
    if (j->status < 0) {
        failed(s, j);
    } else if (j->writes) {
        s->file_bytes += j->bytes;
    } else if (!j->stale) {
        struct buf old = s->block;
        s->block = j->data;
        j->data = old;
        s->block.len = j->bytes;
        s->block_ready = true;
    }
    count_memory(s);
    s->on_ready(s);
}

static void on_done(uv_work_t *work, int status)
{
    struct spool_job *j = work->data;
    struct loop *loop = j->loop;
    (void)status; /* never cancelled */
    loop_event_begin(loop);
    if (j->spool)
        deliver(j);
    else if (j->fd >= 0)
        close(j->fd);
    buf_fini(&j->data);
    mem_free(j->dir);
    mem_free(j);
    loop_event_end(loop);
}

static void start(struct spool *s, bool writes, struct buf data, uint64_t at, size_t bytes)
{
    struct spool_job *j = mem_new(sizeof(*j));
    *j = (struct spool_job){
        .loop = s->room->loop, .spool = s, .fd = s->fd, .at = at, .bytes = bytes, .writes = writes
    };
    j->data = data;
    j->work.data = j;
    if (s->fd < 0)
        j->dir = mem_strdup(s->config.dir);
    s->job = j;
    uv_queue_work(&s->room->loop->uv, &j->work, run, on_done);
}

/* ---- the quota ---- */

static struct metrics *metrics_of(const struct spool *s)
{
    return board_metrics(s->room->board, s->room->slot);
}

static void set_held(const struct spool *s, uint64_t more, uint64_t less)
{
    uint64_t held = metrics_gauge(metrics_of(s), GAUGE_SPOOL_BYTES);
    metrics_gauge_set(metrics_of(s), GAUGE_SPOOL_BYTES, held + more - less);
}

/* Counted first and looked at then, so that workers who do it at once never go beyond. */
static bool reserve(struct spool *s, uint64_t bytes)
{
    if (bytes <= s->reserved_bytes)
        return true;
    uint64_t more = (bytes - s->reserved_bytes + RESERVE_BYTES - 1) / RESERVE_BYTES * RESERVE_BYTES;
    set_held(s, more, 0);
    if (board_gauge_sum(s->room->board, GAUGE_SPOOL_BYTES) > s->config.quota_bytes) {
        set_held(s, 0, more);
        return false;
    }
    s->reserved_bytes += more;
    return true;
}

/* ---- for the owner ---- */

static size_t memory_cap(const struct spool *s)
{
    return s->config.memory_bytes + PIECE_BYTES_MAX;
}

void spool_init(struct spool *s, struct spool_room *room, const struct config_spool *config,
                uint64_t file_max, void (*on_ready)(struct spool *s))
{
    *s = (struct spool){
        .room = room, .config = *config, .file_max = file_max, .on_ready = on_ready, .fd = -1
    };
    buf_init(&s->memory, memory_cap(s));
    buf_init(&s->block, BLOCK_BYTES);
}

void spool_fini(struct spool *s)
{
    if (s->job)
        s->job->spool = NULL; /* it closes the file */
    else if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->job = NULL;
    set_held(s, 0, s->reserved_bytes);
    s->reserved_bytes = 0;
    buf_fini(&s->memory);
    buf_fini(&s->block);
    count_memory(s);
}

/* All that is in memory goes to the file. */
static void write_out(struct spool *s)
{
    struct buf full = s->memory;
    buf_init(&s->memory, memory_cap(s));
    start(s, true, full, s->file_bytes, full.len);
}

enum spool_result spool_push(struct spool *s, struct slice piece)
{
    bool has_room = reserve(s, s->bytes + piece.len);
    buf_append_slice(&s->memory, piece);
    if (!buf_ok(&s->memory))
        return SPOOL_FAILED;
    s->bytes += piece.len;
    size_t allowed = memory_allowed(s);
    bool to_file = has_room && s->bytes <= s->file_max;
    if (!s->job && to_file && s->memory.len >= allowed)
        write_out(s);
    count_memory(s);
    if (s->job)
        return SPOOL_WAIT;
    /* In memory alone, what one more read brings has to fit, too. */
    bool more = to_file || (has_room && s->memory.len + LOOP_READ_BYTES <= allowed);
    return more ? SPOOL_OK : SPOOL_FULL;
}

enum spool_result spool_write(struct spool *s, struct slice piece)
{
    if (s->trouble != SPOOL_OK)
        return s->trouble;
    return reserve(s, s->bytes + piece.len) ? spool_push(s, piece) : SPOOL_FULL;
}

/* A file keeps its size, and so its place in the quota. */
void spool_reset(struct spool *s)
{
    assert(!s->job);
    buf_fini(&s->memory);
    buf_fini(&s->block);
    s->block_ready = false;
    s->bytes = s->file_bytes = s->read_at = 0;
    if (s->fd < 0) {
        set_held(s, 0, s->reserved_bytes);
        s->reserved_bytes = 0;
    }
    count_memory(s);
}

void spool_rewind(struct spool *s)
{
    s->read_at = 0;
    s->block_ready = false;
    if (s->job)
        s->job->stale = true;
}

static enum spool_result read_block(struct spool *s)
{
    struct buf block;
    size_t bytes = (size_t)MIN(BLOCK_BYTES, s->file_bytes - s->read_at);
    buf_init(&block, BLOCK_BYTES);
    block.data = mem_try(BLOCK_BYTES);
    block.size = BLOCK_BYTES;
    if (!block.data)
        return SPOOL_FAILED;
    start(s, false, block, s->read_at, bytes);
    count_memory(s);
    return SPOOL_WAIT;
}

enum spool_result spool_read(struct spool *s, struct slice *piece)
{
    if (s->job)
        return SPOOL_WAIT;
    if (s->unreadable)
        return SPOOL_FAILED;
    if (s->read_at < s->file_bytes && !s->block_ready)
        return read_block(s);
    if (s->block_ready) {
        s->block_ready = false;
        *piece = buf_slice(&s->block);
    } else {
        *piece = slice_from(buf_slice(&s->memory), s->read_at - s->file_bytes);
        piece->len = MIN(piece->len, BLOCK_BYTES);
    }
    s->read_at += piece->len;
    return piece->len ? SPOOL_OK : SPOOL_END;
}
