/* Where a buffer is:
 *
 *   current ──hand_over()──▶ full ──take_work()──▶ (being written) ──give_back()──▶ idle
 *      ▲                                                                             │
 *      └──────────────────────────────── hand_over() ────────────────────────────────┘
 *
 * `current` belongs to the loop's thread, the one being written to the writer, the two lists to the
 * lock. */
#include "observe/access_log.h"

#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define BUFFER_COUNT 16
#define PIPE_WRITE_BYTES 4096 /* PIPE_BUF */
#define RETRY_NS 100000000ull
#define CLOSE_WAIT_NS 2000000000ull
#define WRITER_STACK_BYTES 262144 /* hardly touched */

_Static_assert(ACCESS_LINE_MAX <= PIPE_WRITE_BYTES, "a line is written whole to a pipe");

struct log_buffer {
    struct list node; /* intrusive, in full or idle */
    size_t len;
    char data[BUFFER_BYTES];
};

struct access_log {
    /* The loop's. */
    uv_timer_t timer;
    struct metrics *metrics; /* borrowed */
    struct log_buffer *current;
    struct access_clock clock;
    uint32_t flush_ms;
    bool timer_armed;
    bool is_in_trouble;
    uint64_t dropped; /* lines, since the trouble began */

    /* The writer's. */
    int fd; /* owned */
    size_t write_bytes;

    /* The lock's. */
    uv_mutex_t lock;
    uv_cond_t wake;   /* for the writer: there is something to do */
    uv_cond_t ended;  /* for access_log_close(): the writer has ended */
    struct list full; /* the oldest first */
    struct list idle; /* the warmest first, so that few are ever touched */
    uint32_t idle_count;
    int next_fd;        /* owned; -1 when there is none */
    int error;          /* errno of the last write; 0 after a success */
    uint64_t abandoned; /* lines not written because the log was closed */
    bool is_closing, has_ended;

    uv_thread_t writer;
    struct log_buffer buffers[BUFFER_COUNT];
};

/* ---- the writer ---- */

static void use_fd(struct access_log *log, int fd)
{
    struct stat st;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    log->write_bytes = is_file ? SIZE_MAX : PIPE_WRITE_BYTES;
}

static bool has_work(const struct access_log *log)
{
    return log->is_closing || log->next_fd >= 0 || !list_is_empty(&log->full);
}

/* Waits for something to do: *b is the oldest full buffer, or NULL after a change of descriptors.
 * Returns false when the log is closed and everything is written. */
static bool take_work(struct access_log *log, struct log_buffer **b)
{
    *b = NULL;
    uv_mutex_lock(&log->lock);
    while (!has_work(log))
        uv_cond_wait(&log->wake, &log->lock);
    int next_fd = log->next_fd;
    log->next_fd = -1;
    if (!list_is_empty(&log->full)) {
        *b = CONTAINER_OF(log->full.next, struct log_buffer, node);
        list_remove(&(*b)->node);
    }
    log->has_ended = !*b && log->is_closing;
    if (log->has_ended)
        uv_cond_signal(&log->ended);
    bool goes_on = !log->has_ended;
    uv_mutex_unlock(&log->lock);
    if (next_fd >= 0)
        use_fd(log, next_fd);
    return goes_on;
}

static size_t line_start(const struct log_buffer *b, size_t at)
{
    const char *newline = memrchr(b->data, '\n', at);
    return newline ? (size_t)(newline - b->data) + 1 : 0;
}

/* The bytes up to the end of the last line that fits into one write. */
static size_t whole_lines(const struct access_log *log, const struct log_buffer *b, size_t at)
{
    if (b->len - at <= log->write_bytes)
        return b->len - at;
    return line_start(b, at + log->write_bytes) - at;
}

/* Waits a moment, or for another descriptor; returns false when the log is being closed. */
static bool wait_to_retry(struct access_log *log, int error)
{
    uv_mutex_lock(&log->lock);
    log->error = error;
    if (!log->is_closing && log->next_fd < 0)
        uv_cond_timedwait(&log->wake, &log->lock, RETRY_NS);
    int next_fd = log->next_fd;
    log->next_fd = -1;
    bool goes_on = !log->is_closing;
    uv_mutex_unlock(&log->lock);
    if (next_fd >= 0)
        use_fd(log, next_fd);
    return goes_on || next_fd >= 0;
}

/* Returns how far it came: to the end, unless the log is being closed. A write that was cut
 * short in the middle of a line goes on there, or with the whole line if the file is another one
 * by then. */
static size_t write_buffer(struct access_log *log, const struct log_buffer *b)
{
    size_t at = 0;
    while (at < b->len) {
        ssize_t n = write(log->fd, b->data + at, whole_lines(log, b, at));
        if (n >= 0) {
            at += (size_t)n;
            continue;
        }
        int fd = log->fd;
        if (errno != EINTR && !wait_to_retry(log, errno))
            return at;
        if (log->fd != fd)
            at = line_start(b, at);
    }
    return at;
}

static uint64_t count_lines(const char *text, size_t len)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static void give_back(struct access_log *log, struct log_buffer *b, size_t written)
{
    uv_mutex_lock(&log->lock);
    if (written == b->len)
        log->error = 0;
    log->abandoned += count_lines(b->data + written, b->len - written);
    b->len = 0;
    list_push_front(&log->idle, &b->node);
    log->idle_count++;
    uv_mutex_unlock(&log->lock);
}

/* Signals are the loop's; blocking them also turns SIGPIPE into EPIPE. */
static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void run_writer(void *arg)
{
    struct access_log *log = arg;
    struct log_buffer *b;
    block_signals();
    while (take_work(log, &b))
        if (b)
            give_back(log, b, write_buffer(log, b));
}

/* ---- the loop ---- */

/* Tells the operators once when writing begins to fail or to lag. */
static void report_trouble(struct access_log *log, int error)
{
    if (log->is_in_trouble)
        return;
    log->is_in_trouble = true;
    log_write(LOG_ERROR, "access log: lines are or will soon be dropped: %s",
              error ? strerror(error) : "the disk does not keep up");
}

/* And once when the writer has caught up, looked at no more often than the flush time. */
static void report_recovery(struct access_log *log)
{
    uv_mutex_lock(&log->lock);
    bool is_caught_up = log->idle_count == BUFFER_COUNT - 1 && !log->error;
    uv_mutex_unlock(&log->lock);
    if (!log->is_in_trouble || !is_caught_up)
        return;
    log_write(LOG_WARN, "access log: written again; %llu lines were dropped",
              (unsigned long long)log->dropped);
    log->is_in_trouble = false;
    log->dropped = 0;
}

static void on_flush_time(uv_timer_t *timer)
{
    struct access_log *log = CONTAINER_OF(timer, struct access_log, timer);
    log->timer_armed = false;
    report_recovery(log);
    access_log_flush(log);
}

static void arm_timer(struct access_log *log)
{
    if (log->timer_armed)
        return;
    log->timer_armed = true;
    uv_timer_start(&log->timer, on_flush_time, log->flush_ms, 0);
}

struct access_log *access_log_open(uv_loop_t *loop, int fd, uint32_t flush_ms,
                                   struct metrics *metrics)
{
    struct access_log *log = mem_new(sizeof(*log));
    log->metrics = metrics;
    log->flush_ms = flush_ms;
    log->fd = log->next_fd = -1;
    use_fd(log, fd);
    list_init(&log->full);
    list_init(&log->idle);
    log->current = &log->buffers[0];
    for (size_t i = 1; i < BUFFER_COUNT; i++)
        list_push_back(&log->idle, &log->buffers[i].node);
    log->idle_count = BUFFER_COUNT - 1;

    uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE,
                                    .stack_size = WRITER_STACK_BYTES };
    if (uv_mutex_init(&log->lock) || uv_cond_init(&log->wake) || uv_cond_init(&log->ended) ||
        uv_thread_create_ex(&log->writer, &options, run_writer, log)) {
        log_write(LOG_ERROR, "access log: cannot start its writer; this process stops");
        abort();
    }
    uv_timer_init(loop, &log->timer);
    uv_unref((uv_handle_t *)&log->timer);
    return log;
}

/* Passes the current buffer to the writer; returns false while there is no other to go on with. */
static bool hand_over(struct access_log *log)
{
    uv_mutex_lock(&log->lock);
    int error = log->error;
    bool has_room = log->idle_count > 0;
    if (has_room) {
        list_push_back(&log->full, &log->current->node);
        log->current = CONTAINER_OF(log->idle.next, struct log_buffer, node);
        list_remove(&log->current->node);
        log->idle_count--;
        uv_cond_signal(&log->wake);
    }
    uv_mutex_unlock(&log->lock);
    if (error || !has_room)
        report_trouble(log, error);
    return has_room;
}

void access_log_append(struct access_log *log, const struct access_record *record)
{
    if (!log)
        return;
    if (UNLIKELY(BUFFER_BYTES - log->current->len < ACCESS_LINE_MAX)) {
        if (!hand_over(log)) {
            log->dropped++;
            metrics_add(log->metrics, COUNTER_ACCESS_LOG_DROPPED, 1);
            return;
        }
    }
    struct log_buffer *b = log->current;
    b->len += access_record_format(record, &log->clock, b->data + b->len);
    arm_timer(log);
}

void access_log_flush(struct access_log *log)
{
    if (log->current->len && !hand_over(log))
        arm_timer(log);
}

void access_log_set_flush(struct access_log *log, uint32_t flush_ms)
{
    log->flush_ms = flush_ms;
}

void access_log_reopen(struct access_log *log, int fd)
{
    uv_mutex_lock(&log->lock);
    int unused = log->next_fd;
    log->next_fd = fd;
    uv_cond_signal(&log->wake);
    uv_mutex_unlock(&log->lock);
    if (unused >= 0)
        close(unused);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct access_log *log = CONTAINER_OF((uv_timer_t *)timer, struct access_log, timer);
    mem_free(log);
}

/* Passes everything on and waits for the writer; returns false when it does not end in time. */
static bool stop_writer(struct access_log *log)
{
    int result = 0;
    uv_mutex_lock(&log->lock);
    list_push_back(&log->full, &log->current->node);
    log->is_closing = true;
    uv_cond_signal(&log->wake);
    while (!log->has_ended && result == 0)
        result = uv_cond_timedwait(&log->ended, &log->lock, CLOSE_WAIT_NS);
    bool has_ended = log->has_ended;
    uv_mutex_unlock(&log->lock);
    return has_ended;
}

void access_log_close(struct access_log **log)
{
    struct access_log *l = *log;
    *log = NULL;
    if (!l)
        return;
    if (!stop_writer(l)) {
        /* The thread hangs in a write and uses the memory: both stay until the process ends. */
        log_write(LOG_ERROR, "access log: the disk does not answer; the last lines may be lost");
        uv_close((uv_handle_t *)&l->timer, NULL);
        return;
    }
    uv_thread_join(&l->writer);
    if (l->abandoned)
        log_write(LOG_ERROR, "access log: %llu lines could not be written: %s",
                  (unsigned long long)l->abandoned, strerror(l->error));
    metrics_add(l->metrics, COUNTER_ACCESS_LOG_DROPPED, l->abandoned);
    close(l->fd);
    uv_cond_destroy(&l->wake);
    uv_cond_destroy(&l->ended);
    uv_mutex_destroy(&l->lock);
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}
