#include "bench/ledger/reconcile.h"

#include "bench/ledger/ledger.h"
#include "bench/ledger/text_digest.h"
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    IS_SENT = 1,
    IS_ACKNOWLEDGED = 2,
    IS_STORED = 4,
    IS_DOUBLED = 8,
    IS_FOUND = 16, /* stored under the receipt that the client has */
    IS_WRONG = 32,
    IS_DOUBTED = 64,
    IS_ARRIVED = 128,
    IS_RESENT = 256,
};

/* 0 as a key: a free place. */
struct dossier {
    uint64_t key, sha256, receipt;
    uint32_t flags;
};

/* Open addressing, at most half full. */
struct reconcile {
    struct dossier *places; /* owned */
    size_t place_count, used;
};

#define PLACES_FIRST 4096

struct reconcile *reconcile_new(void)
{
    struct reconcile *r = mem_new(sizeof(*r));
    r->place_count = PLACES_FIRST;
    r->places = mem_new_array(r->place_count, sizeof(*r->places));
    return r;
}

void reconcile_free(struct reconcile **r)
{
    if (!*r)
        return;
    mem_free((*r)->places);
    mem_free(*r);
    *r = NULL;
}

static struct dossier *place_of(struct reconcile *r, uint64_t key)
{
    size_t at = (size_t)key & (r->place_count - 1);
    while (r->places[at].key && r->places[at].key != key)
        at = (at + 1) & (r->place_count - 1);
    return &r->places[at];
}

static bool grow(struct reconcile *r)
{
    struct dossier *old = r->places;
    size_t old_count = r->place_count;
    if (old_count >= 2ul * RECONCILE_DOSSIERS_MAX)
        return false;
    r->place_count *= 2;
    r->places = mem_new_array(r->place_count, sizeof(*r->places));
    for (size_t i = 0; i < old_count; i++)
        if (old[i].key)
            *place_of(r, old[i].key) = old[i];
    mem_free(old);
    return true;
}

/* NULL when there are too many. */
static struct dossier *dossier_of(struct reconcile *r, struct slice text)
{
    uint64_t key = text_digest(text);
    if (r->used * 2 >= r->place_count && !grow(r))
        return NULL;
    struct dossier *d = place_of(r, key);
    r->used += d->key == 0;
    d->key = key;
    return d;
}

/* --- a line of either ------------------------------------------------------------------------- */

static int add_event(struct reconcile *r, struct slice text)
{
    struct ledger_line line;
    int rc = ledger_parse(text, &line);
    if (rc)
        return rc;
    struct dossier *d = dossier_of(r, line.key);
    if (!d)
        return ERR_LIMIT;
    if (line.event == LEDGER_SENT) {
        d->flags |= IS_SENT;
        d->sha256 = text_digest(line.sha256);
    } else if (line.event == LEDGER_DOUBT) {
        d->flags |= IS_DOUBTED;
    } else {
        d->flags |= IS_ACKNOWLEDGED;
        d->receipt = text_digest(line.receipt);
    }
    return 0;
}

/* The text of a member; the journal's writer escapes quotation marks within others. data is NULL
 * when there is none. */
static struct slice member(struct slice line, struct slice name)
{
    const char *at = memmem(line.data, line.len, name.data, name.len);
    if (!at)
        return slice_of(NULL, 0);
    struct slice rest = slice_from(line, (size_t)(at - line.data) + name.len);
    size_t len = slice_find(rest, '"');
    return len < rest.len ? slice_of(rest.data, len) : slice_of(NULL, 0);
}

static int add_arrived(struct reconcile *r, struct slice key)
{
    struct dossier *d = dossier_of(r, key);
    if (!d)
        return ERR_LIMIT;
    d->flags |= d->flags & IS_ARRIVED ? IS_RESENT : IS_ARRIVED;
    return 0;
}

static int add_stored(struct reconcile *r, struct slice line)
{
    struct slice receipt = member(line, SLICE("\"receipt\":\""));
    struct slice sha256 = member(line, SLICE("\"sha256\":\""));
    struct slice key = member(line, SLICE("\"idempotency_key\":\""));
    if (!receipt.data || !sha256.data)
        return ERR_INVALID;
    if (!key.data) /* nobody's of ours: they all have one */
        return 0;
    struct dossier *d = dossier_of(r, key);
    if (!d)
        return ERR_LIMIT;
    if (d->flags & IS_STORED)
        d->flags |= IS_DOUBLED;
    d->flags |= IS_STORED;
    if (d->receipt == text_digest(receipt))
        d->flags |= IS_FOUND;
    if ((d->flags & IS_SENT) && d->sha256 != text_digest(sha256))
        d->flags |= IS_WRONG;
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

static int complain(int rc, const char *path, size_t number, struct err *e)
{
    if (rc == ERR_LIMIT)
        return err_set(e, rc, "%s:%zu: more than %u dossiers", path, number,
                       RECONCILE_DOSSIERS_MAX);
    return err_set(e, rc, "%s:%zu: the line is not understood", path, number);
}

static int add_line(struct reconcile *r, struct slice line)
{
    struct slice key = member(line, SLICE("\"arrived\":\""));
    return key.data ? add_arrived(r, key) : add_stored(r, line);
}

static int read_lines(struct reconcile *r, const char *path,
                      int (*add)(struct reconcile *r, struct slice line), struct err *e)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_system(e, "cannot read %s", path);
    char *text = NULL;
    size_t size = 0, number = 0;
    int rc = 0;
    ssize_t len = getline(&text, &size, file);
    while (rc == 0 && len > 0 && text[len - 1] == '\n') {
        number++;
        rc = add(r, slice_of(text, (size_t)len - 1));
        len = rc ? 0 : getline(&text, &size, file);
    }
    bool has_failed = ferror(file) != 0;
    free(text);
    fclose(file);
    if (rc)
        return complain(rc, path, number, e);
    return has_failed ? err_system(e, "cannot read %s", path) : 0;
}

int reconcile_ledger(struct reconcile *r, const char *path, struct err *e)
{
    return read_lines(r, path, add_event, e);
}

int reconcile_journal(struct reconcile *r, const char *path, struct err *e)
{
    return read_lines(r, path, add_line, e);
}

void reconcile_count(const struct reconcile *r, struct result_ledger *out)
{
    *out = (struct result_ledger){ .kept = true };
    for (size_t i = 0; i < r->place_count; i++) {
        uint32_t flags = r->places[i].flags;
        bool acknowledged = flags & IS_ACKNOWLEDGED, stored = flags & IS_STORED;
        bool doubted = (flags & IS_DOUBTED) && !acknowledged;
        out->sent += (flags & IS_SENT) != 0;
        out->acknowledged += acknowledged;
        out->stored += stored;
        out->lost += acknowledged && !(flags & IS_FOUND);
        out->doubled += (flags & IS_DOUBLED) != 0;
        out->unacknowledged += stored && (flags & IS_SENT) && !acknowledged;
        out->wrong_content += (flags & IS_WRONG) != 0;
        out->doubted += doubted;
        out->resent += (flags & IS_RESENT) != 0;
        out->untold += (flags & IS_SENT) && !acknowledged && !doubted;
    }
}
