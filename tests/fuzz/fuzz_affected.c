/* A list of affected submissions of any bytes is read without harm: names end, states are known.
 * What is appended to any file is read back from it as it was, behind what it held. */
#include "store/affected_list.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define ENTRIES_MAX 16
#define FILE_BYTES_MAX (ENTRIES_MAX * AFFECTED_ENTRY_BYTES)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/cong-fuzz-affected-XXXXXX";
static char path[sizeof(folder) + 16];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/affected", folder);
    atexit(remove_folder);
    return 0;
}

struct reading {
    size_t count;
    struct affected_entry last;
};

static void note(void *user, const struct affected_entry *e)
{
    struct reading *r = user;
    REQUIRE(strlen(e->reference) < sizeof(e->reference) && strlen(e->route) < sizeof(e->route));
    REQUIRE(strlen(e->upstream) < sizeof(e->upstream));
    REQUIRE(e->state >= SUBMISSION_DISPATCHED && e->state <= SUBMISSION_ANSWERED);
    r->count++;
    r->last = *e;
}

static struct reading read_all(struct affected_head *head)
{
    struct reading r = { 0 };
    struct err e;
    REQUIRE(affected_list_read(folder, head, note, &r, &e) == 0);
    return r;
}

static void write_file(const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

/* As shared memory may hold it. */
static struct affected_entry compose(const uint8_t *data, size_t size)
{
    struct dispatch_record record = { 0 };
    memcpy(&record, data, MIN(size, sizeof(record)));
    record.state = (uint8_t)(SUBMISSION_DISPATCHED + record.state % 3);
    return affected_entry_of(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct affected_head head, later;
    size_t unlisted;
    size = MIN(size, FILE_BYTES_MAX);
    write_file(data, size);
    struct reading before = read_all(&head);
    REQUIRE(before.count <= size / AFFECTED_ENTRY_BYTES);
    struct affected_entry entry = compose(data, size);
    REQUIRE(affected_list_append(folder, &entry, 1, 1, &unlisted) == 0 && unlisted == 0);
    struct reading after = read_all(&later);
    REQUIRE(after.count == before.count + 1);
    REQUIRE(memcmp(&after.last, &entry, sizeof(entry)) == 0);
    REQUIRE(later.unlisted == head.unlisted && later.unknown >= 1);
    return 0;
}
