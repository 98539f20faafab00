#include "bench/node/node_journal.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES (512 * 1024) /* a head of 64 KiB, each byte escaped to six */

/* Open addressing; a receipt is its 60 bits, and 0 is no receipt. */
struct node_journal {
    int fd;               /* -1: in memory only */
    struct random random; /* from the kernel: two nodes never give the same receipt */
    uint64_t *slots;
    size_t slot_count, used;
    bool lose_next;
    struct buf line;
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* --- the set ---------------------------------------------------------------------------------- */

static uint64_t *slot_of(const struct node_journal *j, uint64_t receipt)
{
    size_t i = (size_t)(receipt * 0x9e3779b97f4a7c15u) & (j->slot_count - 1);
    while (j->slots[i] && j->slots[i] != receipt)
        i = (i + 1) & (j->slot_count - 1);
    return &j->slots[i];
}

static void grow(struct node_journal *j)
{
    uint64_t *old = j->slots;
    size_t old_count = j->slot_count;
    j->slot_count = old_count ? old_count * 2 : 1024;
    j->slots = mem_new_array(j->slot_count, sizeof(*j->slots));
    for (size_t i = 0; i < old_count; i++)
        if (old[i])
            *slot_of(j, old[i]) = old[i];
    mem_free(old);
}

static void remember(struct node_journal *j, uint64_t receipt)
{
    if (j->used * 2 >= j->slot_count)
        grow(j);
    uint64_t *slot = slot_of(j, receipt);
    j->used += *slot == 0;
    *slot = receipt;
}

/* --- receipts --------------------------------------------------------------------------------- */

static void receipt_write(struct node_receipt *receipt, uint64_t value)
{
    for (size_t i = NODE_RECEIPT_LEN; i-- > 0; value >>= 5)
        receipt->text[i] = alphabet[value & 31];
    receipt->text[NODE_RECEIPT_LEN] = '\0';
}

/* 0 when `text` is no receipt. */
static uint64_t receipt_read(struct slice text)
{
    uint64_t value = 0;
    if (text.len != NODE_RECEIPT_LEN)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;
        if (!at)
            return 0;
        value = value << 5 | (uint64_t)(at - alphabet);
    }
    return value;
}

static uint64_t receipt_new(struct node_journal *j)
{
    uint64_t value = 0;
    while (value == 0 || *slot_of(j, value))
        value = random_next(&j->random) >> 4;
    return value;
}

void node_journal_lose_next(struct node_journal *j)
{
    j->lose_next = true;
}

bool node_journal_has(const struct node_journal *j, struct slice receipt)
{
    uint64_t value = receipt_read(receipt);
    return value && *slot_of(j, value) == value;
}

/* --- the file --------------------------------------------------------------------------------- */

static void load_line(struct node_journal *j, const char *line)
{
    static const char key[] = "\"receipt\":\"";
    const char *at = strstr(line, key);
    size_t left = at ? strlen(at) - (sizeof(key) - 1) : 0;
    uint64_t receipt = left < NODE_RECEIPT_LEN
                           ? 0
                           : receipt_read(slice_of(at + sizeof(key) - 1, NODE_RECEIPT_LEN));
    if (receipt)
        remember(j, receipt);
}

/* A pipe or a device has nothing to tell about the past. */
static bool has_a_past(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static int load(struct node_journal *j, const char *path, struct err *e)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_system(e, "cannot read the journal %s", path);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) > 0)
        load_line(j, line);
    free(line);
    fclose(file);
    return 0;
}

static int open_file(struct node_journal *j, const char *path, struct err *e)
{
    j->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (j->fd < 0)
        return err_system(e, "cannot open the journal %s", path);
    return has_a_past(j->fd) ? load(j, path, e) : 0;
}

struct node_journal *node_journal_open(const char *path, struct err *e)
{
    struct node_journal *j = mem_new(sizeof(*j));
    j->fd = -1;
    random_init(&j->random);
    buf_init(&j->line, LINE_BYTES);
    grow(j);
    if (path && open_file(j, path, e))
        node_journal_close(&j);
    return j;
}

void node_journal_close(struct node_journal **j)
{
    if (!*j)
        return;
    if ((*j)->fd >= 0)
        close((*j)->fd);
    buf_fini(&(*j)->line);
    mem_free((*j)->slots);
    mem_free(*j);
    *j = NULL;
}

static void json_optional(struct json *j, const char *key, struct slice value)
{
    if (value.data)
        json_string(j, key, value);
}

static void format_line(struct buf *line, const struct node_dossier *d,
                        const struct node_receipt *receipt)
{
    struct json json;
    char when[CLOCK_ISO_LEN + 1];
    clock_format_iso(when, clock_wall_ms());
    buf_clear(line);
    json_init(&json, line);
    json_object(&json, NULL);
    json_string(&json, "time", slice_of(when, CLOCK_ISO_LEN));
    json_string(&json, "receipt", slice_str(receipt->text));
    json_optional(&json, "idempotency_key", d->idempotency_key);
    json_optional(&json, "ref", d->ref);
    json_u64(&json, "bytes", d->bytes);
    json_string(&json, "sha256", slice_str(d->sha256));
    json_string(&json, "node", slice_str(d->node));
    json_end_object(&json);
    buf_append_char(line, '\n');
}

static int append(struct node_journal *j, const struct node_dossier *d,
                  const struct node_receipt *receipt)
{
    format_line(&j->line, d, receipt);
    if (!buf_ok(&j->line))
        return ERR_LIMIT;
    ssize_t n = write(j->fd, j->line.data, j->line.len);
    if (n == (ssize_t)j->line.len)
        return 0;
    log_write(LOG_ERROR, "the journal could not be written: %s",
              n < 0 ? strerror(errno) : "the line was cut");
    return ERR_SYSTEM;
}

int node_journal_add(struct node_journal *j, const struct node_dossier *d,
                     struct node_receipt *receipt)
{
    uint64_t value = receipt_new(j);
    receipt_write(receipt, value);
    bool is_written = j->fd >= 0 && !j->lose_next;
    int rc = is_written ? append(j, d, receipt) : 0;
    j->lose_next = false;
    if (rc == 0)
        remember(j, value);
    return rc;
}
