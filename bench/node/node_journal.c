#include "bench/node/node_journal.h"

#include "bench/ledger/text_digest.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES 256           /* keys are told apart by so many bytes */
#define LINE_BYTES (512 * 1024) /* a head of 64 KiB, each byte escaped to six */

/* What an idempotency key has led to; `key` is a digest. */
struct filed {
    uint64_t key, receipt;
};

/* Open addressing, at most half full; a receipt is its 60 bits, and 0 is no receipt. */
struct node_journal {
    int fd;               /* -1: in memory only */
    FILE *past;           /* owned: reads the same file; NULL: there is none, or nothing to read */
    struct random random; /* from the kernel: two nodes never give the same receipt */
    uint64_t *slots;
    size_t slot_count, used;
    struct filed *keys; /* of a unique journal */
    size_t key_count, keys_used;
    bool unique, lose_next;
    struct buf line;
    char *text; /* owned: the line that getline() read last */
    size_t text_size;
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

/* Without quotation marks, which the file has escaped. */
static uint64_t key_digest(struct slice key)
{
    char plain[KEY_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < key.len && len < sizeof(plain); i++)
        if (key.data[i] != '"' && key.data[i] != '\\')
            plain[len++] = key.data[i];
    return text_digest(slice_of(plain, len));
}

static struct filed *filed_under(const struct node_journal *j, uint64_t key)
{
    size_t i = (size_t)key & (j->key_count - 1);
    while (j->keys[i].key && j->keys[i].key != key)
        i = (i + 1) & (j->key_count - 1);
    return &j->keys[i];
}

static void grow_keys(struct node_journal *j)
{
    struct filed *old = j->keys;
    size_t old_count = j->key_count;
    j->key_count = old_count ? old_count * 2 : 1024;
    j->keys = mem_new_array(j->key_count, sizeof(*j->keys));
    for (size_t i = 0; i < old_count; i++)
        if (old[i].key)
            *filed_under(j, old[i].key) = old[i];
    mem_free(old);
}

static void remember_key(struct node_journal *j, struct slice key, uint64_t receipt)
{
    if (!j->unique || !key.data)
        return;
    if (j->keys_used * 2 >= j->key_count)
        grow_keys(j);
    struct filed *place = filed_under(j, key_digest(key));
    j->keys_used += place->key == 0;
    *place = (struct filed){ key_digest(key), receipt };
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

/* The text of a member, escaped as it is; data is NULL when there is none. */
static struct slice member(struct slice line, struct slice name)
{
    const char *at = memmem(line.data, line.len, name.data, name.len);
    if (!at)
        return slice_of(NULL, 0);
    struct slice rest = slice_from(line, (size_t)(at - line.data) + name.len);
    size_t len = 0;
    while (len < rest.len && rest.data[len] != '"')
        len += rest.data[len] == '\\' ? 2 : 1;
    return slice_of(rest.data, MIN(len, rest.len));
}

static void load_line(struct node_journal *j, struct slice line)
{
    uint64_t receipt = receipt_read(member(line, SLICE("\"receipt\":\"")));
    if (!receipt)
        return;
    remember(j, receipt);
    remember_key(j, member(line, SLICE("\"idempotency_key\":\"")), receipt);
}

/* What has been written since it was read last. A pipe or a device has nothing to tell. */
static void catch_up(struct node_journal *j)
{
    if (!j->past)
        return;
    clearerr(j->past);
    ssize_t len = getline(&j->text, &j->text_size, j->past);
    for (; len > 0; len = getline(&j->text, &j->text_size, j->past))
        load_line(j, slice_of(j->text, (size_t)len));
}

static bool is_a_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int open_file(struct node_journal *j, const char *path, struct err *e)
{
    j->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (j->fd < 0)
        return err_system(e, "cannot open the journal %s", path);
    if (!is_a_file(j->fd))
        return 0;
    j->past = fopen(path, "re");
    if (!j->past)
        return err_system(e, "cannot read the journal %s", path);
    catch_up(j);
    return 0;
}

struct node_journal *node_journal_open(const char *path, bool unique, struct err *e)
{
    struct node_journal *j = mem_new(sizeof(*j));
    j->fd = -1;
    j->unique = unique;
    random_init(&j->random);
    buf_init(&j->line, LINE_BYTES);
    grow(j);
    grow_keys(j);
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
    if ((*j)->past)
        fclose((*j)->past);
    buf_fini(&(*j)->line);
    free((*j)->text);
    mem_free((*j)->slots);
    mem_free((*j)->keys);
    mem_free(*j);
    *j = NULL;
}

static void json_optional(struct json *j, const char *key, struct slice value)
{
    if (value.data)
        json_string(j, key, value);
}

static int write_line(struct node_journal *j)
{
    if (!buf_ok(&j->line))
        return ERR_LIMIT;
    ssize_t n = write(j->fd, j->line.data, j->line.len);
    if (n == (ssize_t)j->line.len)
        return 0;
    log_write(LOG_ERROR, "the journal could not be written: %s",
              n < 0 ? strerror(errno) : "the line was cut");
    return ERR_SYSTEM;
}

void node_journal_note_arrival(struct node_journal *j, struct slice key, const char *node)
{
    struct json json;
    if (j->fd < 0)
        return;
    buf_clear(&j->line);
    json_init(&json, &j->line);
    json_object(&json, NULL);
    json_string(&json, "arrived", key);
    json_string(&json, "node", slice_str(node));
    json_end_object(&json);
    buf_append_char(&j->line, '\n');
    (void)write_line(j);
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
    return write_line(j);
}

/* Nobody else looks or adds meanwhile; the lock goes with a process that dies. */
static void lock(struct node_journal *j)
{
    if (!j->unique || j->fd < 0)
        return;
    while (flock(j->fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    catch_up(j);
}

static void unlock(struct node_journal *j)
{
    if (j->unique && j->fd >= 0)
        flock(j->fd, LOCK_UN);
}

static uint64_t known_receipt(const struct node_journal *j, struct slice key)
{
    return j->unique && key.data ? filed_under(j, key_digest(key))->receipt : 0;
}

static int add_new(struct node_journal *j, const struct node_dossier *d,
                   struct node_receipt *receipt)
{
    uint64_t value = receipt_new(j);
    receipt_write(receipt, value);
    bool is_written = j->fd >= 0 && !j->lose_next;
    int rc = is_written ? append(j, d, receipt) : 0;
    j->lose_next = false;
    if (rc)
        return rc;
    remember(j, value);
    remember_key(j, d->idempotency_key, value);
    return 0;
}

int node_journal_add(struct node_journal *j, const struct node_dossier *d,
                     struct node_receipt *receipt)
{
    lock(j);
    uint64_t known = known_receipt(j, d->idempotency_key);
    receipt->is_repeated = known != 0;
    if (known)
        receipt_write(receipt, known);
    int rc = known ? 0 : add_new(j, d, receipt);
    unlock(j);
    return rc;
}

bool node_journal_find(struct node_journal *j, struct slice key, struct node_receipt *receipt)
{
    lock(j);
    uint64_t known = known_receipt(j, key);
    unlock(j);
    receipt->is_repeated = known != 0;
    receipt_write(receipt, known);
    return known != 0;
}
