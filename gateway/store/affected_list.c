#include "store/affected_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1u
#define PATH_MAX_BYTES 1280
#define ENTRIES_AT_ONCE 64

/* Against power cuts, not against people: whoever can write the file can do anything. */
static const struct siphash_key check_key = { 0x636f6e6720616666, 0x6563746564203031 };

/* A head or an entry: both begin with check and version. */
static uint64_t check_of(const void *block)
{
    const char *bytes = block;
    size_t from = sizeof(uint64_t);
    return siphash_of(check_key, slice_of(bytes + from, AFFECTED_ENTRY_BYTES - from)).low;
}

static bool is_terminated(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static bool is_sound(const struct affected_entry *e)
{
    return e->version == VERSION && e->check == check_of(e) && e->state >= SUBMISSION_DISPATCHED &&
           e->state <= SUBMISSION_ANSWERED && is_terminated(e->reference, sizeof(e->reference)) &&
           is_terminated(e->route, sizeof(e->route)) &&
           is_terminated(e->upstream, sizeof(e->upstream));
}

/* What is in shared memory may have lost its end. */
static void copy_name(char *out, const char *name, size_t room)
{
    memcpy(out, name, room);
    out[room - 1] = '\0';
}

struct affected_entry affected_entry_of(const struct dispatch_record *r)
{
    struct affected_entry e = { .fence = r->fence,
                                .sent_ms = r->sent_ms,
                                .lost_ms = r->lost_ms,
                                .status = r->status,
                                .state = r->state,
                                .sent_again = r->loss == DISPATCH_SENT_AGAIN,
                                .can_be_asked = r->can_be_asked };
    memcpy(e.key, r->key, DIGEST_BYTES);
    copy_name(e.reference, r->reference, sizeof(e.reference));
    copy_name(e.route, r->route, sizeof(e.route));
    copy_name(e.upstream, r->upstream, sizeof(e.upstream));
    return e;
}

/* ---- the file ---- */

static int code_of_errno(void)
{
    return -errno;
}

static void path_of(char out[PATH_MAX_BYTES], const char *dir)
{
    snprintf(out, PATH_MAX_BYTES, "%s/affected", dir);
}

static int sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return code_of_errno();
    int rc = fsync(fd) == 0 ? 0 : code_of_errno();
    close(fd);
    return rc;
}

static ssize_t read_at(int fd, void *out, size_t bytes, off_t at)
{
    ssize_t n;
    do
        n = pread(fd, out, bytes, at);
    while (n < 0 && errno == EINTR);
    return n;
}

static int write_at(int fd, const void *data, size_t bytes, off_t at)
{
    const char *from = data;
    while (bytes) {
        ssize_t n = pwrite(fd, from, bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? code_of_errno() : -ENOSPC;
        from += n;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

/* One that is not sound says nothing. */
static void read_head(int fd, struct affected_head *head)
{
    bool sound = read_at(fd, head, sizeof(*head), 0) == (ssize_t)sizeof(*head) &&
                 head->version == VERSION && head->check == check_of(head);
    if (!sound)
        *head = (struct affected_head){ 0 };
}

/* ---- append ---- */

static int append_to(int fd, struct affected_entry *entries, size_t count, uint64_t unknown,
                     size_t *unlisted)
{
    struct affected_head head;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return code_of_errno();
    /* A torn end is written over. */
    size_t blocks = (size_t)st.st_size / AFFECTED_ENTRY_BYTES;
    size_t held = blocks ? blocks - 1 : 0;
    size_t room = held < AFFECTED_LIST_MAX ? AFFECTED_LIST_MAX - held : 0;
    size_t listed = MIN(count, room);
    read_head(fd, &head);
    *unlisted = count - listed;
    head.version = VERSION;
    head.unlisted += *unlisted;
    head.unknown = MAX(head.unknown, unknown);
    head.check = check_of(&head);
    for (size_t i = 0; i < listed; i++) {
        entries[i].version = VERSION;
        entries[i].check = check_of(&entries[i]);
    }
    int rc = write_at(fd, &head, sizeof(head), 0);
    if (rc == 0)
        rc = write_at(fd, entries, listed * sizeof(*entries),
                      (off_t)((held + 1) * AFFECTED_ENTRY_BYTES));
    return rc == 0 && fdatasync(fd) < 0 ? code_of_errno() : rc;
}

int affected_list_append(const char *dir, struct affected_entry *entries, size_t count,
                         uint64_t unknown, size_t *unlisted)
{
    char path[PATH_MAX_BYTES];
    path_of(path, dir);
    *unlisted = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return code_of_errno();
    int rc = append_to(fd, entries, count, unknown, unlisted);
    close(fd);
    return rc == 0 ? sync_folder(dir) : rc;
}

/* ---- read ---- */

static ssize_t read_entries(int fd, affected_entry_fn visit, void *user)
{
    struct affected_entry entries[ENTRIES_AT_ONCE];
    off_t at = AFFECTED_ENTRY_BYTES;
    ssize_t n;
    do {
        n = read_at(fd, entries, sizeof(entries), at);
        size_t count = n > 0 ? (size_t)n / AFFECTED_ENTRY_BYTES : 0;
        for (size_t i = 0; i < count; i++)
            if (is_sound(&entries[i]))
                visit(user, &entries[i]);
        at += (off_t)(count * AFFECTED_ENTRY_BYTES);
    } while (n >= AFFECTED_ENTRY_BYTES);
    return n;
}

int affected_list_read(const char *dir, struct affected_head *head, affected_entry_fn visit,
                       void *user, struct err *e)
{
    char path[PATH_MAX_BYTES];
    path_of(path, dir);
    *head = (struct affected_head){ 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_system(e, "cannot open %s", path);
    read_head(fd, head);
    int rc = read_entries(fd, visit, user) < 0 ? err_system(e, "cannot read %s", path) : 0;
    close(fd);
    return rc;
}
