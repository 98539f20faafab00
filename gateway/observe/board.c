/* How the region is laid out:
 *
 *   header | states | slots | tickets | keys of names | names | in flight [peer][worker] |
 *   clients [worker] | rows
 *
 * A row holds first what is small and always in use (metrics, counts), then the histograms, so that
 * a process which serves five routes touches a handful of pages. A reader looks at a histogram only
 * where the counts beside it are not zero: reading a page that nobody wrote would allocate it. */
#include "observe/board.h"

#include "common/mem.h"
#include "common/random.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOARD_MAGIC 0x64616f62676e6f63ull /* "congboad" */
#define BOARD_VERSION 1
#define BOARD_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define PAGE_BYTES 4096
#define NAMES_MAX (BOARD_ROUTES_MAX + BOARD_UPSTREAMS_MAX + BOARD_PEERS_MAX)
#define SERIES_MAX (BOARD_ROUTES_MAX + BOARD_UPSTREAMS_MAX)

struct row {
    _Alignas(PAGE_BYTES) struct metrics metrics;
    _Alignas(64) struct series_counts counts[SERIES_MAX];
    struct series_peer_counts peers[BOARD_PEERS_MAX];
    struct histogram latency[SERIES_MAX];
};

struct region {
    uint64_t magic;
    uint32_t version, metric_words;
    uint64_t bytes;
    _Atomic uint64_t states[BOARD_STATE_COUNT];
    _Atomic uint64_t slots[BOARD_SLOTS];
    _Atomic uint64_t workers_end; /* slots of workers from here on were never used */
    unsigned char client_secret[BOARD_SECRET_BYTES];
    _Alignas(64) unsigned char tickets[BOARD_TICKET_BYTES];
    /* Hash of the name, or 0; written after the name, cleared before the name changes. */
    _Alignas(PAGE_BYTES) _Atomic uint64_t keys[NAMES_MAX];
    char names[NAMES_MAX][BOARD_NAME_MAX + 1];
    _Alignas(PAGE_BYTES) _Atomic uint32_t in_flight[BOARD_PEERS_MAX][BOARD_WORKERS_MAX];
    _Alignas(PAGE_BYTES) unsigned char clients[BOARD_WORKERS_MAX][BOARD_CLIENT_BYTES];
    struct row rows[BOARD_SLOTS];
};

/* What the supervisor remembers of a name, visible or forgotten. */
struct name_note {
    uint64_t key;
    uint64_t round; /* the last round in which it was registered */
};

struct board {
    struct region *region;   /* mapped */
    int fd;                  /* owned by the supervisor's board; -1 in children */
    struct name_note *notes; /* owned; NULL in children */
    uint64_t round;          /* grows with each board_forget_unused() */
};

/* The part of keys and names (and of series, where a kind has them) that belongs to each kind. */
static const struct {
    uint32_t first, count;
} kinds[SERIES_KINDS] = {
    [SERIES_ROUTE] = { 0, BOARD_ROUTES_MAX },
    [SERIES_UPSTREAM] = { BOARD_ROUTES_MAX, BOARD_UPSTREAMS_MAX },
    [SERIES_PEER] = { SERIES_MAX, BOARD_PEERS_MAX },
};

static int map_region(struct board *b, int fd, struct err *e)
{
    void *p = mmap(NULL, sizeof(*b->region), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_system(e, "shared memory: cannot map %zu bytes", sizeof(*b->region));
    b->region = p;
    /* Ticket keys have no business in a core dump. */
    if (madvise(p, sizeof(*b->region), MADV_DONTDUMP))
        return err_system(e, "shared memory: cannot keep it out of core dumps");
    return 0;
}

static int create_region(struct board *b, struct err *e)
{
    b->fd = memfd_create("cong-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (b->fd < 0)
        return err_system(e, "shared memory: memfd_create failed");
    if (ftruncate(b->fd, sizeof(*b->region)))
        return err_system(e, "shared memory: cannot size it to %zu bytes", sizeof(*b->region));
    /* A child that shrank the file would kill all others by SIGBUS. */
    if (fcntl(b->fd, F_ADD_SEALS, BOARD_SEALS))
        return err_system(e, "shared memory: cannot seal its size");
    return map_region(b, b->fd, e);
}

struct board *board_create(struct err *e)
{
    struct board *b = mem_new(sizeof(*b));
    b->notes = mem_new_array(NAMES_MAX, sizeof(*b->notes));
    b->round = 1;
    if (create_region(b, e)) {
        board_free(&b);
        return NULL;
    }
    b->region->magic = BOARD_MAGIC;
    b->region->version = BOARD_VERSION;
    b->region->metric_words = METRICS_COUNTER_COUNT + METRICS_GAUGE_COUNT + BOARD_STATE_COUNT;
    b->region->bytes = sizeof(*b->region);
    random_bytes(b->region->client_secret, sizeof(b->region->client_secret));
    return b;
}

static int check_region(const struct region *r, struct err *e)
{
    if (r->magic != BOARD_MAGIC || r->version != BOARD_VERSION || r->bytes != sizeof(*r) ||
        r->metric_words != METRICS_COUNTER_COUNT + METRICS_GAUGE_COUNT + BOARD_STATE_COUNT)
        return err_set(e, ERR_INVALID, "shared memory: made by another version of this program");
    return 0;
}

static int attach_region(struct board *b, int fd, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_system(e, "shared memory: cannot inspect descriptor %d", fd);
    if (st.st_size != (off_t)sizeof(*b->region))
        return err_set(e, ERR_INVALID, "shared memory: descriptor %d has %lld bytes, not %zu", fd,
                       (long long)st.st_size, sizeof(*b->region));
    int result = map_region(b, fd, e);
    return result ? result : check_region(b->region, e);
}

struct board *board_attach(int fd, struct err *e)
{
    struct board *b = mem_new(sizeof(*b));
    b->fd = -1;
    if (attach_region(b, fd, e))
        board_free(&b);
    close(fd);
    return b;
}

int board_fd(const struct board *b)
{
    return b->fd;
}

void board_free(struct board **b)
{
    if (!*b)
        return;
    if ((*b)->region)
        munmap((*b)->region, sizeof(*(*b)->region));
    if ((*b)->fd >= 0)
        close((*b)->fd);
    mem_free((*b)->notes);
    mem_free(*b);
    *b = NULL;
}

/* FNV-1a; never 0. */
static uint64_t name_key(struct slice name)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3ull;
    return hash ? hash : 1;
}

static uint64_t load_key(const struct board *b, uint32_t at)
{
    return atomic_load_explicit(&b->region->keys[at], memory_order_acquire);
}

static void store_key(struct board *b, uint32_t at, uint64_t key)
{
    atomic_store_explicit(&b->region->keys[at], key, memory_order_release);
}

static bool name_is(const struct board *b, uint32_t at, struct slice name)
{
    const char *text = b->region->names[at];
    return memcmp(text, name.data, name.len) == 0 && text[name.len] == '\0';
}

/* Where a name goes: its old place, else a place that nobody had, else the one forgotten
 * longest. */
static int choose_place(const struct board *b, enum series_kind kind, struct slice name,
                        uint64_t key)
{
    int place = ERR_LIMIT;
    uint64_t oldest = b->round;
    for (uint32_t i = 0; i < kinds[kind].count; i++) {
        uint32_t at = kinds[kind].first + i;
        const struct name_note *note = &b->notes[at];
        if (note->key == key && name_is(b, at, name))
            return (int)at;
        if (load_key(b, at) == 0 && note->round < oldest) {
            oldest = note->round;
            place = (int)at;
        }
    }
    return place;
}

static void clear_peer(struct board *b, uint32_t index)
{
    for (uint32_t slot = 0; slot < BOARD_SLOTS; slot++)
        if (board_slot(b, slot) != BOARD_SLOT_UNUSED)
            memset(&b->region->rows[slot].peers[index], 0, sizeof(struct series_peer_counts));
    memset(b->region->in_flight[index], 0, sizeof(b->region->in_flight[index]));
}

static void clear_series(struct board *b, uint32_t at)
{
    for (uint32_t slot = 0; slot < BOARD_SLOTS; slot++) {
        if (board_slot(b, slot) == BOARD_SLOT_UNUSED)
            continue;
        struct row *row = &b->region->rows[slot];
        memset(&row->counts[at], 0, sizeof(row->counts[at]));
        histogram_clear(&row->latency[at]);
    }
}

static void take_place(struct board *b, uint32_t at, struct slice name, uint64_t key)
{
    struct name_note *note = &b->notes[at];
    if (note->key && at >= kinds[SERIES_PEER].first)
        clear_peer(b, at - kinds[SERIES_PEER].first);
    else if (note->key)
        clear_series(b, at);
    note->key = key;
    memcpy(b->region->names[at], name.data, name.len);
    b->region->names[at][name.len] = '\0';
}

int board_register(struct board *b, enum series_kind kind, struct slice name)
{
    if (name.len == 0 || name.len > BOARD_NAME_MAX || memchr(name.data, '\0', name.len))
        return ERR_INVALID;
    uint64_t key = name_key(name);
    int place = choose_place(b, kind, name, key);
    if (place < 0)
        return place;
    uint32_t at = (uint32_t)place;
    if (b->notes[at].key != key || !name_is(b, at, name))
        take_place(b, at, name, key);
    b->notes[at].round = b->round;
    store_key(b, at, key);
    return (int)(at - kinds[kind].first);
}

void board_forget_unused(struct board *b)
{
    for (uint32_t at = 0; at < NAMES_MAX; at++)
        if (b->notes[at].key && b->notes[at].round != b->round)
            store_key(b, at, 0);
    b->round++;
}

int board_find(const struct board *b, enum series_kind kind, struct slice name)
{
    if (name.len == 0 || name.len > BOARD_NAME_MAX)
        return -1;
    uint64_t key = name_key(name);
    for (uint32_t i = 0; i < kinds[kind].count; i++) {
        uint32_t at = kinds[kind].first + i;
        if (load_key(b, at) == key && name_is(b, at, name))
            return (int)i;
    }
    return -1;
}

size_t board_name(const struct board *b, enum series_kind kind, uint32_t index,
                  char out[BOARD_NAME_MAX + 1])
{
    uint32_t at = kinds[kind].first + index;
    uint64_t key = load_key(b, at);
    if (key == 0)
        return 0;
    memcpy(out, b->region->names[at], BOARD_NAME_MAX);
    out[BOARD_NAME_MAX] = '\0';
    atomic_thread_fence(memory_order_acquire);
    /* It may have been given to another name meanwhile. */
    return load_key(b, at) == key ? strlen(out) : 0;
}

uint32_t board_limit(enum series_kind kind)
{
    return kinds[kind].count;
}

struct metrics *board_metrics(struct board *b, uint32_t slot)
{
    assert(slot < BOARD_SLOTS);
    return &b->region->rows[slot].metrics;
}

struct series board_series(struct board *b, uint32_t slot, enum series_kind kind, int index)
{
    assert(slot < BOARD_SLOTS && kind != SERIES_PEER);
    if (index < 0)
        return (struct series){ NULL, NULL };
    uint32_t at = kinds[kind].first + (uint32_t)index;
    struct row *row = &b->region->rows[slot];
    return (struct series){ &row->counts[at], &row->latency[at] };
}

struct series_peer board_peer(struct board *b, uint32_t slot, int index)
{
    assert(slot < BOARD_WORKERS_MAX && index < BOARD_PEERS_MAX);
    if (index < 0)
        return (struct series_peer){ NULL, NULL };
    return (struct series_peer){ &b->region->rows[slot].peers[index],
                                 &b->region->in_flight[index][slot] };
}

uint32_t board_workers_end(const struct board *b)
{
    return (uint32_t)MIN(counter_read(&b->region->workers_end), BOARD_WORKERS_MAX);
}

uint32_t board_in_flight(const struct board *b, int index)
{
    assert(index < BOARD_PEERS_MAX);
    if (index < 0)
        return 0;
    const _Atomic uint32_t *cells = b->region->in_flight[index];
    uint32_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++)
        sum += atomic_load_explicit(&cells[slot], memory_order_relaxed);
    return sum;
}

/* The first slot at or after `slot` that has or had a process; BOARD_SLOTS at the end. */
static uint32_t next_used(const struct board *b, uint32_t slot)
{
    while (slot < BOARD_SLOTS && board_slot(b, slot) == BOARD_SLOT_UNUSED)
        slot++;
    return slot;
}

#define FOREACH_USED(slot, b)                                                                      \
    for (uint32_t slot = next_used(b, 0); slot < BOARD_SLOTS; slot = next_used(b, slot + 1))

uint64_t board_counter(const struct board *b, enum metric_counter id)
{
    uint64_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++)
        sum += metrics_counter(&b->region->rows[slot].metrics, id);
    return sum;
}

uint64_t board_gauge_sum(const struct board *b, enum metric_gauge id)
{
    uint64_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++)
        sum += metrics_gauge(&b->region->rows[slot].metrics, id);
    return sum;
}

uint64_t board_gauge_min(const struct board *b, enum metric_gauge id)
{
    uint64_t least = UINT64_MAX;
    FOREACH_USED(slot, b)
    {
        uint64_t value = metrics_gauge(&b->region->rows[slot].metrics, id);
        if (board_slot(b, slot) == BOARD_SLOT_UP && value < least)
            least = value;
    }
    return least == UINT64_MAX ? 0 : least;
}

uint64_t board_gauge_max(const struct board *b, enum metric_gauge id)
{
    uint64_t most = 0;
    FOREACH_USED(slot, b)
    most = MAX(most, metrics_gauge(&b->region->rows[slot].metrics, id));
    return most;
}

static void add_counts(struct series_counts *sum, const struct series_counts *counts)
{
    for (uint32_t i = 0; i < SERIES_CLASSES; i++)
        counter_add(&sum->by_class[i], counter_read(&counts->by_class[i]));
    counter_add(&sum->bytes_in, counter_read(&counts->bytes_in));
    counter_add(&sum->bytes_out, counter_read(&counts->bytes_out));
}

struct series_counts board_counts(const struct board *b, enum series_kind kind, uint32_t index)
{
    assert(kind != SERIES_PEER && index < kinds[kind].count);
    struct series_counts sum = { 0 };
    FOREACH_USED(slot, b)
    add_counts(&sum, &b->region->rows[slot].counts[kinds[kind].first + index]);
    return sum;
}

static bool has_requests(const struct series_counts *counts)
{
    for (uint32_t i = 0; i < SERIES_CLASSES; i++)
        if (counter_read(&counts->by_class[i]))
            return true;
    return false;
}

struct histogram board_latency(const struct board *b, enum series_kind kind, uint32_t index)
{
    assert(kind != SERIES_PEER && index < kinds[kind].count);
    uint32_t at = kinds[kind].first + index;
    struct histogram sum = { 0 };
    FOREACH_USED(slot, b)
    {
        const struct row *row = &b->region->rows[slot];
        if (has_requests(&row->counts[at]))
            histogram_merge(&sum, &row->latency[at]);
    }
    return sum;
}

struct series_peer_counts board_peer_counts(const struct board *b, uint32_t index)
{
    assert(index < BOARD_PEERS_MAX);
    struct series_peer_counts sum = { 0 };
    FOREACH_USED(slot, b)
    for (uint32_t i = 0; i < SERIES_PEER_EVENTS; i++)
        counter_add(&sum.by_event[i],
                    counter_read(&b->region->rows[slot].peers[index].by_event[i]));
    return sum;
}

static void clear_in_flight(struct board *b, uint32_t worker)
{
    assert(b->notes); /* the supervisor's board */
    for (uint32_t i = 0; i < BOARD_PEERS_MAX; i++)
        if (b->notes[kinds[SERIES_PEER].first + i].key)
            atomic_store_explicit(&b->region->in_flight[i][worker], 0, memory_order_relaxed);
}

/* The pages go, and read as zeroes. */
static void clear_clients(struct board *b, uint32_t worker)
{
    unsigned char *section = b->region->clients[worker];
    if (madvise(section, BOARD_CLIENT_BYTES, MADV_REMOVE))
        memset(section, 0, BOARD_CLIENT_BYTES);
}

void board_set_slot(struct board *b, uint32_t slot, enum board_slot state)
{
    assert(slot < BOARD_SLOTS);
    if (slot < BOARD_WORKERS_MAX && slot >= board_workers_end(b))
        counter_set(&b->region->workers_end, slot + 1);
    if (state != BOARD_SLOT_UP) {
        metrics_reset_gauges(&b->region->rows[slot].metrics);
        if (slot < BOARD_WORKERS_MAX) {
            clear_in_flight(b, slot);
            clear_clients(b, slot);
        }
    }
    counter_set(&b->region->slots[slot], state);
}

enum board_slot board_slot(const struct board *b, uint32_t slot)
{
    assert(slot < BOARD_SLOTS);
    return (enum board_slot)counter_read(&b->region->slots[slot]);
}

void board_set_state(struct board *b, enum board_state id, uint64_t value)
{
    counter_set(&b->region->states[id], value);
}

uint64_t board_state(const struct board *b, enum board_state id)
{
    return counter_read(&b->region->states[id]);
}

void *board_ticket_section(struct board *b)
{
    return b->region->tickets;
}

void *board_client_section(struct board *b, uint32_t worker)
{
    assert(worker < BOARD_WORKERS_MAX);
    return b->region->clients[worker];
}

const void *board_client_secret(const struct board *b)
{
    return b->region->client_secret;
}
