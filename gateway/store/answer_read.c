#include "store/answer_read.h"

#include "common/err.h"
#include "common/mem.h"
#include "store/submissions.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct answer_read {
    uv_work_t work;
    struct loop *loop; /* borrowed */
    struct answer_place place;
    answer_read_fn on_read; /* NULL: cancelled */
    void *user;
    int status;
    char path[JOURNAL_PATH_MAX];
    char data[]; /* head and body */
};

static struct slice head_of(const struct answer_read *r)
{
    return slice_of(r->data, r->place.head_bytes);
}

static struct slice body_of(const struct answer_read *r)
{
    return slice_of(r->data + r->place.head_bytes, r->place.body_bytes);
}

static int fetch(struct answer_read *r)
{
    size_t wanted = (size_t)r->place.head_bytes + r->place.body_bytes, got = 0;
    int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    while (got < wanted) {
        ssize_t n = pread(fd, r->data + got, wanted - got, (off_t)(r->place.at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(fd);
    bool sound =
        got == wanted && journal_entry_check_answer(head_of(r), body_of(r)) == r->place.check;
    return sound ? 0 : ERR_INVALID;
}

static void run(uv_work_t *work)
{
    struct answer_read *r = work->data;
    r->status = fetch(r);
}

static void on_done(uv_work_t *work, int status)
{
    struct answer_read *r = work->data;
    struct loop *loop = r->loop;
    (void)status; /* never cancelled */
    loop_event_begin(loop);
    if (r->on_read)
        r->on_read(r->user, r->status, head_of(r), body_of(r));
    mem_free(r);
    loop_event_end(loop);
}

struct answer_read *answer_read_new(struct loop *loop, const char *dir,
                                    const struct answer_place *place, answer_read_fn on_read,
                                    void *user)
{
    if (place->head_bytes > SUBMISSION_HEAD_MAX || place->body_bytes > SUBMISSION_BODY_MAX)
        return NULL;
    struct answer_read *r = mem_try(sizeof(*r) + place->head_bytes + place->body_bytes);
    if (!r)
        return NULL;
    *r = (struct answer_read){ .loop = loop, .place = *place, .on_read = on_read, .user = user };
    r->work.data = r;
    journal_entry_answers_path(r->path, dir, place->segment);
    uv_queue_work(&loop->uv, &r->work, run, on_done);
    return r;
}

void answer_read_cancel(struct answer_read **pointer)
{
    if (*pointer)
        (*pointer)->on_read = NULL;
    *pointer = NULL;
}
