/* The region and its names. */
#include "observe/board_region.h"

#include "common/mem.h"
#include "common/random.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOARD_MAGIC 0x64616f62676e6f63ull /* "congboad" */
#define BOARD_VERSION 1
#define BOARD_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

const struct board_kind board_kinds[SERIES_KINDS] = {
    [SERIES_ROUTE] = { 0, BOARD_ROUTES_MAX },
    [SERIES_UPSTREAM] = { BOARD_ROUTES_MAX, BOARD_UPSTREAMS_MAX },
    [SERIES_PEER] = { BOARD_SERIES_MAX, BOARD_PEERS_MAX },
    [SERIES_SYSTEM] = { BOARD_SERIES_MAX + BOARD_PEERS_MAX, BOARD_SYSTEMS_MAX },
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
    b->notes = mem_new_array(BOARD_NAMES_MAX, sizeof(*b->notes));
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

static int check_region(const struct board_region *r, struct err *e)
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
    for (uint32_t i = 0; i < board_kinds[kind].count; i++) {
        uint32_t at = board_kinds[kind].first + i;
        const struct board_name_note *note = &b->notes[at];
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
    memset(&b->region->health[index], 0, sizeof(b->region->health[index]));
    memset(&b->region->addresses[index], 0, sizeof(b->region->addresses[index]));
    memset(b->region->in_flight[index], 0, sizeof(b->region->in_flight[index]));
    memset(&b->region->peer_states[index], 0, sizeof(b->region->peer_states[index]));
}

static void clear_series(struct board *b, uint32_t at)
{
    for (uint32_t slot = 0; slot < BOARD_SLOTS; slot++) {
        if (board_slot(b, slot) == BOARD_SLOT_UNUSED)
            continue;
        struct board_row *row = &b->region->rows[slot];
        memset(&row->counts[at], 0, sizeof(row->counts[at]));
        histogram_clear(&row->latency[at]);
    }
}

/* What was counted under the name that had this place before. */
static void clear_place(struct board *b, enum series_kind kind, uint32_t index)
{
    if (kind == SERIES_PEER)
        clear_peer(b, index);
    else if (kind != SERIES_SYSTEM)
        clear_series(b, board_kinds[kind].first + index);
    if (kind == SERIES_UPSTREAM || kind == SERIES_SYSTEM)
        board_gates_clear(b, kind, index);
}

static void take_place(struct board *b, enum series_kind kind, uint32_t at, struct slice name,
                       uint64_t key)
{
    struct board_name_note *note = &b->notes[at];
    if (note->key)
        clear_place(b, kind, at - board_kinds[kind].first);
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
        take_place(b, kind, at, name, key);
    b->notes[at].round = b->round;
    store_key(b, at, key);
    return (int)(at - board_kinds[kind].first);
}

void board_forget_unused(struct board *b)
{
    for (uint32_t at = 0; at < BOARD_NAMES_MAX; at++)
        if (b->notes[at].key && b->notes[at].round != b->round)
            store_key(b, at, 0);
    b->round++;
}

int board_find(const struct board *b, enum series_kind kind, struct slice name)
{
    if (name.len == 0 || name.len > BOARD_NAME_MAX)
        return -1;
    uint64_t key = name_key(name);
    for (uint32_t i = 0; i < board_kinds[kind].count; i++) {
        uint32_t at = board_kinds[kind].first + i;
        if (load_key(b, at) == key && name_is(b, at, name))
            return (int)i;
    }
    return -1;
}

size_t board_name(const struct board *b, enum series_kind kind, uint32_t index,
                  char out[BOARD_NAME_MAX + 1])
{
    uint32_t at = board_kinds[kind].first + index;
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
    return board_kinds[kind].count;
}

struct metrics *board_metrics(struct board *b, uint32_t slot)
{
    assert(slot < BOARD_SLOTS);
    return &b->region->rows[slot].metrics;
}

struct series board_series(struct board *b, uint32_t slot, enum series_kind kind, int index)
{
    assert(slot < BOARD_SLOTS && (kind == SERIES_ROUTE || kind == SERIES_UPSTREAM));
    if (index < 0)
        return (struct series){ NULL, NULL };
    uint32_t at = board_kinds[kind].first + (uint32_t)index;
    struct board_row *row = &b->region->rows[slot];
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

struct peer_health *board_peer_health(const struct board *b, int index)
{
    assert(index < BOARD_PEERS_MAX);
    return index < 0 ? NULL : &b->region->health[index];
}

struct peer_addresses *board_peer_addresses(const struct board *b, int index)
{
    assert(index < BOARD_PEERS_MAX);
    return index < 0 ? NULL : &b->region->addresses[index];
}

struct closure *board_closure(const struct board *b, int index)
{
    assert(index < BOARD_UPSTREAMS_MAX);
    return index < 0 ? NULL : &b->region->closures[index];
}

struct peer_state *board_peer_state(const struct board *b, int index)
{
    assert(index < BOARD_PEERS_MAX);
    return index < 0 ? NULL : &b->region->peer_states[index];
}

uint32_t board_workers_end(const struct board *b)
{
    return (uint32_t)MIN(counter_read(&b->region->workers_end), BOARD_WORKERS_MAX);
}

static void clear_in_flight(struct board *b, uint32_t worker)
{
    assert(b->notes); /* the supervisor's board */
    for (uint32_t i = 0; i < BOARD_PEERS_MAX; i++)
        if (b->notes[board_kinds[SERIES_PEER].first + i].key)
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
            board_gates_forget_worker(b, slot);
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
