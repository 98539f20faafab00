/* The sealed form: a header, then for each file an entry, its path and its data, both terminated;
 * entries begin at multiples of 8. Host byte order: it never leaves the machine. */
#include "config/bundle.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUNDLE_MAGIC 0x31444e4247474e43ull /* "CNGGBND1" */
#define BUNDLE_BYTES_MAX (1024u * 1024 * 1024)
#define BUNDLE_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

struct header {
    uint64_t magic, file_count;
};

struct entry {
    uint64_t path_bytes, data_bytes; /* without the terminators */
};

struct file {
    struct file *next; /* owned; the newest first */
    char *path;        /* owned; NULL once a newer version has taken its place */
    char *data;        /* owned unless mapped */
    size_t len;
    bool is_mapped;
};

struct bundle {
    struct file *files; /* owned */
    void *map;          /* owned; NULL unless opened from a descriptor */
    size_t map_bytes;
};

struct bundle *bundle_new(void)
{
    return mem_new(sizeof(struct bundle));
}

void bundle_free(struct bundle **b)
{
    if (!*b)
        return;
    while ((*b)->files) {
        struct file *f = (*b)->files;
        (*b)->files = f->next;
        if (!f->is_mapped) {
            mem_wipe(f->data, f->len);
            mem_free(f->data);
        }
        mem_free(f->path);
        mem_free(f);
    }
    if ((*b)->map)
        munmap((*b)->map, (*b)->map_bytes);
    mem_free(*b);
    *b = NULL;
}

bool bundle_is_sealed(const struct bundle *b)
{
    return b->map != NULL;
}

static struct file *find(const struct bundle *b, const char *path)
{
    struct file *f = b->files;
    while (f && !(f->path && strcmp(f->path, path) == 0))
        f = f->next;
    return f;
}

static struct file *push(struct bundle *b, struct slice path)
{
    struct file *f = mem_new(sizeof(*f));
    f->path = mem_strndup(path.data, path.len);
    f->next = b->files;
    b->files = f;
    return f;
}

void bundle_add(struct bundle *b, const char *path, struct slice data)
{
    struct file *f = push(b, slice_str(path));
    f->data = mem_strndup(data.data, data.len);
    f->len = data.len;
}

/* Reads to the end of the file or `size` bytes, whichever comes first. */
static ssize_t read_all(int fd, char *data, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, data + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int read_open_file(int fd, const char *path, char **data, size_t *len, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_system(e, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "cannot read %s: it is not a regular file", path);
    if (st.st_size > BUNDLE_FILE_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "cannot read %s: it is larger than 16 MiB", path);
    size_t size = (size_t)st.st_size;
    char *bytes = mem_try(size + 1);
    if (!bytes)
        return err_set(e, ERR_NO_MEMORY, "cannot read %s: out of memory", path);
    ssize_t got = read_all(fd, bytes, size);
    if (got < 0) {
        int rc = err_system(e, "cannot read %s", path);
        mem_wipe(bytes, size);
        mem_free(bytes);
        return rc;
    }
    bytes[got] = '\0';
    *data = bytes;
    *len = (size_t)got;
    return 0;
}

/* O_NONBLOCK, so that a FIFO in place of a file is an error and not a wait. */
static int read_file(const char *path, char **data, size_t *len, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_system(e, "cannot read %s", path);
    int rc = read_open_file(fd, path, data, len, e);
    close(fd);
    return rc;
}

int bundle_fetch(struct bundle *b, const char *path, struct slice *data, struct err *e)
{
    struct file *f = find(b, path);
    if (!f && bundle_is_sealed(b))
        return err_set(e, ERR_INVALID, "%s is not in the bundle", path);
    if (!f) {
        char *bytes = NULL;
        size_t len = 0;
        int rc = read_file(path, &bytes, &len, e);
        if (rc)
            return rc;
        f = push(b, slice_str(path));
        f->data = bytes;
        f->len = len;
    }
    *data = slice_of(f->data, f->len);
    return 0;
}

int bundle_refresh(struct bundle *b, const char *path, bool *changed, struct err *e)
{
    char *bytes = NULL;
    size_t len = 0;
    *changed = false;
    if (bundle_is_sealed(b))
        return err_set(e, ERR_INVALID, "%s: a sealed bundle cannot be refreshed", path);
    int rc = read_file(path, &bytes, &len, e);
    if (rc)
        return rc;
    struct file *old = find(b, path);
    *changed = !old || !slice_eq(slice_of(old->data, old->len), slice_of(bytes, len));
    if (!*changed) {
        mem_wipe(bytes, len);
        mem_free(bytes);
        return 0;
    }
    struct file *f = push(b, slice_str(path));
    f->data = bytes;
    f->len = len;
    if (old) {
        mem_free(old->path);
        old->path = NULL;
    }
    return 0;
}

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

static size_t entry_bytes(const struct file *f)
{
    return padded(sizeof(struct entry) + strlen(f->path) + 1 + f->len + 1);
}

static void write_files(const struct bundle *b, char *map, uint64_t count)
{
    struct header header = { BUNDLE_MAGIC, count };
    memcpy(map, &header, sizeof(header));
    map += sizeof(header);
    for (const struct file *f = b->files; f; f = f->next) {
        if (!f->path)
            continue;
        struct entry entry = { strlen(f->path), f->len };
        char *at = map;
        memcpy(at, &entry, sizeof(entry));
        at += sizeof(entry);
        memcpy(at, f->path, entry.path_bytes);
        at += entry.path_bytes + 1;
        if (f->len)
            memcpy(at, f->data, f->len);
        map += entry_bytes(f);
    }
}

static int fill_and_seal(const struct bundle *b, int fd, size_t bytes, uint64_t count,
                         struct err *e)
{
    /* Reserved, not only declared: without memory this fails, and not write_files() by a signal. */
    errno = posix_fallocate(fd, 0, (off_t)bytes);
    if (errno)
        return err_system(e, "cannot make room for the configuration in memory");
    char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return err_system(e, "cannot map the configuration");
    write_files(b, map, count);
    munmap(map, bytes); /* a writable mapping would forbid the seal */
    if (fcntl(fd, F_ADD_SEALS, BUNDLE_SEALS) < 0)
        return err_system(e, "cannot seal the configuration");
    return 0;
}

int bundle_seal(const struct bundle *b, struct err *e)
{
    size_t bytes = sizeof(struct header);
    uint64_t count = 0;
    for (const struct file *f = b->files; f; f = f->next) {
        if (!f->path)
            continue;
        bytes += entry_bytes(f);
        count++;
    }
    if (bytes > BUNDLE_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "the files of the configuration are larger than 1 GiB");
    int fd = memfd_create("cong-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_system(e, "cannot create a memory file");
    int rc = fill_and_seal(b, fd, bytes, count, e);
    if (rc) {
        close(fd);
        return rc;
    }
    return fd;
}

static int index_files(struct bundle *b, struct err *e)
{
    struct slice rest = slice_of(b->map, b->map_bytes);
    struct header header;
    memcpy(&header, rest.data, sizeof(header));
    if (header.magic != BUNDLE_MAGIC)
        return err_set(e, ERR_INVALID, "the descriptor is not a configuration bundle");
    rest = slice_from(rest, sizeof(header));
    for (uint64_t i = 0; i < header.file_count; i++) {
        struct entry entry = { 0 };
        if (rest.len >= sizeof(entry))
            memcpy(&entry, rest.data, sizeof(entry));
        size_t room = rest.len - MIN(rest.len, sizeof(entry) + 2);
        if (entry.path_bytes == 0 || entry.path_bytes > room ||
            entry.data_bytes > room - entry.path_bytes)
            return err_set(e, ERR_INVALID, "the configuration bundle is damaged");
        struct file *f = push(b, slice_of(rest.data + sizeof(entry), entry.path_bytes));
        f->data = (char *)b->map + (rest.data - (const char *)b->map) + sizeof(entry) +
                  entry.path_bytes + 1;
        f->len = entry.data_bytes;
        f->is_mapped = true;
        rest = slice_from(rest, MIN(rest.len, entry_bytes(f)));
    }
    return 0;
}

static int map_sealed(struct bundle *b, int fd, struct err *e)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & BUNDLE_SEALS) != BUNDLE_SEALS)
        return err_set(e, ERR_INVALID, "the descriptor is not a sealed memory file");
    if (fstat(fd, &st) < 0)
        return err_system(e, "cannot read the configuration bundle");
    if (st.st_size < (off_t)sizeof(struct header) || st.st_size > BUNDLE_BYTES_MAX)
        return err_set(e, ERR_INVALID, "the configuration bundle is damaged");
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return err_system(e, "cannot map the configuration bundle");
    b->map = map;
    b->map_bytes = (size_t)st.st_size;
    return index_files(b, e);
}

struct bundle *bundle_open(int fd, struct err *e)
{
    struct bundle *b = bundle_new();
    int rc = map_sealed(b, fd, e);
    close(fd);
    if (rc)
        bundle_free(&b);
    return b;
}
