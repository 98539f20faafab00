/* A journal of submissions of any bytes, torn or forged, is read back without harm, and tells of no
 * more than its entries say. Entries that are sound make the same records in whatever order, and in
 * whichever files, they lie. */
#include "store/journal_entry.h"
#include "store/submission_record.h"
#include "store/submission_replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define NOW_MS 1000
#define ENTRIES_MAX 32

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shm_table_shape shape = { 512, sizeof(struct submission_record), false };
static const struct siphash_key secret = { 1, 2 };
static char folder[] = "/dev/shm/cong-fuzz-journal-XXXXXX";
static void *memory;

static void remove_folder(void)
{
    char path[JOURNAL_PATH_MAX];
    for (uint64_t segment = 1; segment <= 2; segment++) {
        journal_entry_log_path(path, folder, segment);
        unlink(path);
    }
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    REQUIRE(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    memory = mmap(NULL, shm_table_bytes(&shape), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                  -1, 0);
    REQUIRE(memory != MAP_FAILED);
    return 0;
}

static void write_segment(uint64_t segment, const void *bytes, size_t size)
{
    char path[JOURNAL_PATH_MAX];
    journal_entry_log_path(path, folder, segment);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

/* ---- what is in the table afterwards ---- */

struct belief {
    uint8_t key[DIGEST_BYTES];
    uint64_t since_ms;
    uint32_t fence;
    uint8_t state;
};

struct beliefs {
    struct belief all[2 * ENTRIES_MAX];
    size_t count;
};

static void note(void *user, void *record)
{
    struct beliefs *b = user;
    const struct submission_record *r = record;
    struct belief *belief = &b->all[b->count++];
    REQUIRE(b->count <= ARRAY_LEN(b->all));
    REQUIRE(r->state >= SUBMISSION_PENDING && r->state <= SUBMISSION_ANSWERED);
    REQUIRE(r->state == SUBMISSION_ANSWERED || (r->head_bytes == 0 && !r->whole && !r->segment));
    REQUIRE(r->owner == 0 && r->lease_ms == 0);
    memset(belief, 0, sizeof(*belief));
    memcpy(belief->key, r->key, DIGEST_BYTES);
    belief->since_ms = r->since_ms;
    belief->fence = r->fence;
    belief->state = r->state;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct belief));
}

static void replay(struct beliefs *b, struct submission_replay *result)
{
    struct err e;
    uint32_t cursor = 0;
    memset(memory, 0, shm_table_bytes(&shape));
    memset(b, 0, sizeof(*b));
    struct shm_table *table = shm_table_new(memory, &shape, &e);
    REQUIRE(table && submission_replay_run(folder, table, secret, NOW_MS, result, &e) == 0);
    do {
        REQUIRE(shm_table_visit(table, &cursor, 64, NOW_MS, note, b));
    } while (cursor);
    shm_table_free(&table);
    REQUIRE(b->count == result->records && result->records + result->torn <= result->entries);
    qsort(b->all, b->count, sizeof(b->all[0]), compare);
}

/* ---- */

static void read_anything(const uint8_t *data, size_t size)
{
    struct beliefs b;
    struct submission_replay result;
    write_segment(1, data, MIN(size, (size_t)ENTRIES_MAX * JOURNAL_ENTRY_BYTES));
    write_segment(2, data, 0);
    replay(&b, &result);
}

/* Eight bytes an entry, so that a few keys, times and fences meet. */
static size_t compose(struct journal_entry entries[ENTRIES_MAX], const uint8_t *data, size_t size)
{
    size_t count = 0;
    for (; size >= 8 && count < ENTRIES_MAX; data += 8, size -= 8) {
        struct journal_entry *e = &entries[count++];
        memset(e, 0, sizeof(*e));
        memset(e->key, data[0] % 4, sizeof(e->key));
        e->since_ms = data[1] % 4;
        e->fence = data[2] % 4;
        e->state = (uint8_t)(JOURNAL_DISPATCHED + data[3] % 4);
        e->expires_ms = NOW_MS - 64 + data[4]; /* some have expired */
        e->head_bytes = data[5];
        e->whole = data[6] & 1;
        journal_entry_seal(e);
        if (data[7] == 0xff)
            e->status++; /* torn */
    }
    return count;
}

static void read_in_any_order(const uint8_t *data, size_t size)
{
    struct journal_entry entries[ENTRIES_MAX], turned[ENTRIES_MAX];
    struct beliefs one, other;
    struct submission_replay result;
    size_t count = compose(entries, data, size);
    size_t half = count / 2;
    for (size_t i = 0; i < count; i++)
        turned[i] = entries[count - 1 - i];
    write_segment(1, entries, count * sizeof(entries[0]));
    write_segment(2, entries, 0);
    replay(&one, &result);
    REQUIRE(result.entries == count);
    write_segment(1, turned, half * sizeof(turned[0]));
    write_segment(2, turned + half, (count - half) * sizeof(turned[0]));
    replay(&other, &result);
    REQUIRE(result.entries == count && one.count == other.count);
    REQUIRE(memcmp(one.all, other.all, one.count * sizeof(one.all[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] & 1)
        read_in_any_order(data + 1, size - 1);
    else
        read_anything(data + 1, size - 1);
    return 0;
}
