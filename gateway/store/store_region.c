/* How the file is laid out: a header with the node's words, then the tables, each at a multiple of
 * a page. */
#include "store/store_region.h"

#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define REGION_MAGIC 0x6e676572676e6f63ull /* "congregn" */
#define REGION_VERSION 2
#define REGION_MODE 0600
#define PAGE_BYTES 4096
#define CAPACITY_MAX 100000000u
#define LOCK_TRIES 250
#define LOCK_NAP_NS 20000000 /* 250 of them are 5 s */
#define BOOT_ID_BYTES 40

struct layout {
    struct shm_table_shape shapes[STORE_TABLES];
    size_t offsets[STORE_TABLES];
    size_t bytes;
};

struct header {
    uint64_t magic;
    uint32_t version, node_bytes;
    uint32_t capacities[STORE_TABLES], record_bytes[STORE_TABLES];
    char boot_id[BOOT_ID_BYTES]; /* the file may survive a power cut half written */
    _Alignas(64) struct store_node node;
};

struct store_region {
    struct header *header; /* mapped */
    size_t bytes;
    int fd; /* owned by the supervisor's; -1 in children */
    uint32_t capacities[STORE_TABLES];
    struct shm_table *tables[STORE_TABLES]; /* owned */
};

static const struct {
    uint32_t bytes;
    bool evicts;
} records[STORE_TABLES] = {
    [STORE_SESSIONS] = { STORE_SESSION_BYTES, true },
    [STORE_USERS] = { STORE_USER_BYTES, true },
    [STORE_LIMITS] = { STORE_LIMIT_BYTES, true },
    [STORE_SUBMISSIONS] = { STORE_SUBMISSION_BYTES, false },
    [STORE_DISPATCHES] = { STORE_DISPATCH_BYTES, true },
};

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static struct layout layout_of(const uint32_t capacities[STORE_TABLES])
{
    struct layout l = { .bytes = whole_pages(sizeof(struct header)) };
    for (int i = 0; i < STORE_TABLES; i++) {
        l.shapes[i] = (struct shm_table_shape){ .capacity = capacities[i],
                                                .record_bytes = records[i].bytes,
                                                .evicts = records[i].evicts };
        l.offsets[i] = l.bytes;
        l.bytes += whole_pages(shm_table_bytes(&l.shapes[i]));
    }
    return l;
}

/* Users whose sessions have ended while Redis is away: few at a time. */
#define USERS 4096
/* Submissions that have been sent, of which Redis may lose the last ones. */
#define DISPATCHES 16384

static void capacities_of(const struct config_store *config, uint32_t capacities[STORE_TABLES])
{
    capacities[STORE_SESSIONS] = config->sessions;
    capacities[STORE_USERS] = USERS;
    capacities[STORE_LIMITS] = config->limits;
    capacities[STORE_SUBMISSIONS] = config->submissions;
    capacities[STORE_DISPATCHES] = DISPATCHES;
}

static bool read_boot_id(char id[BOOT_ID_BYTES])
{
    memset(id, 0, BOOT_ID_BYTES);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, id, BOOT_ID_BYTES - 1);
    close(fd);
    return got > 0;
}

/* --- the file --------------------------------------------------------------------------------- */

static int open_file(const char *path, int flags, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, REGION_MODE);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int status = err_system(e, "store: cannot open %s", path);
        if (fd >= 0)
            close(fd);
        return status;
    }
    if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 0077) == 0)
        return fd;
    close(fd);
    return err_set(e, ERR_INVALID, "store: %s is not a file of ours alone; remove it", path);
}

static bool lock_file(int fd)
{
    static const struct timespec nap = { .tv_nsec = LOCK_NAP_NS };
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (tries == LOCK_TRIES)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

/* The file, locked, or a negative error. */
static int open_locked(const char *path, struct err *e)
{
    int fd = open_file(path, 0, e);
    if (fd < 0 || lock_file(fd))
        return fd;
    log_write(LOG_WARN, "store: a process of the former gateway still has %s; beginning anew",
              path);
    close(fd);
    if (unlink(path) < 0)
        return err_system(e, "store: cannot remove %s", path);
    fd = open_file(path, O_EXCL, e);
    if (fd < 0 || lock_file(fd))
        return fd;
    close(fd);
    return err_set(e, ERR_SYSTEM, "store: cannot lock %s", path);
}

static int map_file(struct store_region *r, int fd, size_t bytes, struct err *e)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return err_system(e, "store: cannot map %zu bytes", bytes);
    r->header = memory;
    r->bytes = bytes;
    /* Secrets have no business in a core dump. */
    if (madvise(memory, bytes, MADV_DONTDUMP) < 0)
        return err_system(e, "store: cannot keep it out of core dumps");
    return 0;
}

static int attach_tables(struct store_region *r, const struct layout *l, struct err *e)
{
    for (int i = 0; i < STORE_TABLES; i++) {
        unsigned char *memory = (unsigned char *)r->header + l->offsets[i];
        r->capacities[i] = l->shapes[i].capacity;
        r->tables[i] = shm_table_new(memory, &l->shapes[i], e);
        if (!r->tables[i])
            return ERR_SYSTEM;
    }
    return 0;
}

/* --- the supervisor's ------------------------------------------------------------------------- */

static bool is_current(const struct header *h)
{
    bool current = h->magic == REGION_MAGIC && h->version == REGION_VERSION &&
                   h->node_bytes == sizeof(struct store_node);
    for (int i = 0; i < STORE_TABLES; i++)
        current = current && h->record_bytes[i] == records[i].bytes;
    return current;
}

/* Whether what is in the file can be used, and has just that layout. */
static bool can_go_on(int fd, const uint32_t capacities[STORE_TABLES], size_t bytes)
{
    struct header h;
    struct stat st;
    char boot_id[BOOT_ID_BYTES];
    return fstat(fd, &st) == 0 && st.st_size == (off_t)bytes &&
           pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) && is_current(&h) &&
           memcmp(h.capacities, capacities, sizeof(h.capacities)) == 0 && read_boot_id(boot_id) &&
           memcmp(h.boot_id, boot_id, sizeof(boot_id)) == 0;
}

static int take_memory(int fd, const char *path, size_t bytes, struct err *e)
{
    if (ftruncate(fd, 0) < 0)
        return err_system(e, "store: cannot empty %s", path);
    int problem = posix_fallocate(fd, 0, (off_t)bytes);
    if (problem == 0)
        return 0;
    errno = problem;
    return err_system(e,
                      "store: cannot take %zu MiB for %s (make room there, or lower "
                      "store.sessions, store.limits and store.submissions)",
                      bytes >> 20, path);
}

static void name_node(struct store_node *node)
{
    static const char digits[] = "0123456789abcdef";
    random_bytes(node->name, sizeof(node->name) - 1);
    for (size_t i = 0; i < sizeof(node->name) - 1; i++)
        node->name[i] = digits[(unsigned char)node->name[i] % 16];
}

/* The magic comes last: a file that was begun only is not gone on with. */
static void begin_anew(struct header *h, const uint32_t capacities[STORE_TABLES])
{
    h->version = REGION_VERSION;
    h->node_bytes = sizeof(h->node);
    memcpy(h->capacities, capacities, sizeof(h->capacities));
    for (int i = 0; i < STORE_TABLES; i++)
        h->record_bytes[i] = records[i].bytes;
    read_boot_id(h->boot_id);
    random_bytes(h->node.secret, sizeof(h->node.secret));
    random_bytes(&h->node.table_key, sizeof(h->node.table_key));
    name_node(&h->node);
    atomic_store(&h->node.live_nodes, 1);
    h->magic = REGION_MAGIC;
}

static void recover(struct header *h, const struct layout *l)
{
    for (int i = 0; i < STORE_TABLES; i++)
        shm_table_recover((unsigned char *)h + l->offsets[i], &l->shapes[i]);
}

static int fill_region(struct store_region *r, const char *path, const struct config_store *config,
                       bool *anew, struct err *e)
{
    uint32_t capacities[STORE_TABLES];
    capacities_of(config, capacities);
    struct layout l = layout_of(capacities);
    r->fd = open_locked(path, e);
    if (r->fd < 0)
        return r->fd;
    *anew = !can_go_on(r->fd, capacities, l.bytes);
    int status = *anew ? take_memory(r->fd, path, l.bytes, e) : 0;
    if (status == 0)
        status = map_file(r, r->fd, l.bytes, e);
    if (status < 0)
        return status;
    if (*anew)
        begin_anew(r->header, capacities);
    else
        recover(r->header, &l);
    return attach_tables(r, &l, e);
}

struct store_region *store_region_open(const char *path, const struct config_store *config,
                                       bool *anew, struct err *e)
{
    bool ignored;
    struct store_region *r = mem_new(sizeof(*r));
    if (fill_region(r, path, config, anew ? anew : &ignored, e) < 0)
        store_region_free(&r);
    return r;
}

bool store_region_differs(const struct store_region *r, const struct config_store *config)
{
    uint32_t capacities[STORE_TABLES];
    capacities_of(config, capacities);
    return memcmp(r->capacities, capacities, sizeof(capacities)) != 0;
}

bool store_region_is_on_disk(const struct store_region *r)
{
    struct statfs fs;
    return fstatfs(r->fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
}

int store_region_fd(const struct store_region *r)
{
    return r->fd;
}

/* --- a child's -------------------------------------------------------------------------------- */

/* What is read is copied first: others may write there. */
static int attach_region(struct store_region *r, int fd, struct err *e)
{
    struct header h;
    struct stat st;
    if (fstat(fd, &st) < 0 || pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
        return err_system(e, "store: cannot read descriptor %d", fd);
    bool fits = is_current(&h);
    for (int i = 0; i < STORE_TABLES; i++)
        fits = fits && h.capacities[i] > 0 && h.capacities[i] <= CAPACITY_MAX;
    struct layout l = { 0 };
    if (fits)
        l = layout_of(h.capacities);
    if (!fits || st.st_size != (off_t)l.bytes)
        return err_set(e, ERR_INVALID, "store: made by another version of this program");
    int status = map_file(r, fd, l.bytes, e);
    return status < 0 ? status : attach_tables(r, &l, e);
}

struct store_region *store_region_attach(int fd, struct err *e)
{
    struct store_region *r = mem_new(sizeof(*r));
    r->fd = -1;
    if (attach_region(r, fd, e) < 0)
        store_region_free(&r);
    close(fd);
    return r;
}

/* --- everybody's ------------------------------------------------------------------------------ */

void store_region_free(struct store_region **r)
{
    if (!*r)
        return;
    for (int i = 0; i < STORE_TABLES; i++)
        shm_table_free(&(*r)->tables[i]);
    if ((*r)->header)
        munmap((*r)->header, (*r)->bytes);
    if ((*r)->fd >= 0)
        close((*r)->fd);
    mem_free(*r);
    *r = NULL;
}

struct shm_table *store_region_table(const struct store_region *r, enum store_table which)
{
    return r->tables[which];
}

uint32_t store_region_capacity(const struct store_region *r, enum store_table which)
{
    return r->capacities[which];
}

struct store_node *store_region_node(const struct store_region *r)
{
    return &r->header->node;
}

void store_region_set_why(struct store_region *r, const char *why)
{
    struct store_node *node = &r->header->node;
    uint32_t turn = atomic_load_explicit(&node->why_turn, memory_order_relaxed) + 1;
    char *text = node->why[turn % 2];
    size_t len = MIN(strlen(why), STORE_WHY_BYTES - 1);
    memcpy(text, why, len);
    memset(text + len, 0, STORE_WHY_BYTES - len);
    atomic_store_explicit(&node->why_turn, turn, memory_order_release);
}

void store_region_why(const struct store_region *r, char out[STORE_WHY_BYTES])
{
    const struct store_node *node = &r->header->node;
    uint32_t turn = atomic_load_explicit(&node->why_turn, memory_order_acquire);
    memcpy(out, node->why[turn % 2], STORE_WHY_BYTES);
    out[STORE_WHY_BYTES - 1] = '\0';
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}
