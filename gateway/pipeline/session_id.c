#include "pipeline/session_id.h"

#include "common/buf.h"
#include "common/digest.h"
#include "common/mem.h"
#include "common/random.h"

#define DAY_MS (24ull * 60 * 60 * 1000)
#define ID_BYTES 16
#define MAC_BYTES 16
#define PART_LEN DIGEST_BASE64_LEN(ID_BYTES)

/* As many as a worker has clients: where ids crowd each other out, digests are made again. */
#define SEEN_SETS_BITS 14
#define SEEN_SETS (1 << SEEN_SETS_BITS)
#define SEEN_WAYS 4

/* An id with its signature and its day: all that its text says, in words. As secret as the cookie
 * that it is of. */
#define NAME_WORDS 6
struct name {
    uint64_t words[NAME_WORDS];
};

/* An id that was found good; a cache line. */
struct seen_id {
    struct name name; /* zeroed: none */
    uint8_t hash[SESSION_HASH_BYTES];
};

struct session_seen {
    struct seen_id ids[SEEN_SETS][SEEN_WAYS];
    uint8_t next[SEEN_SETS]; /* the way that is overwritten next */
};

_Static_assert(sizeof(struct name) == 2 * PART_LEN + sizeof(uint32_t), "a name is filled");
_Static_assert(MAC_BYTES + SESSION_HASH_BYTES == DIGEST_BYTES, "one digest makes both");
_Static_assert(SESSION_ID_TEXT_MAX >= 20 + 2 + 2 * PART_LEN, "an id has room");

void session_keys_init(struct session_keys *k, const uint8_t secret[32], uint64_t lifetime_ms)
{
    *k = (struct session_keys){ .days = lifetime_ms / DAY_MS + 1 };
    memcpy(k->secret, secret, sizeof(k->secret));
    if (k->days > SESSION_ID_DAYS_MAX - 2)
        k->days = SESSION_ID_DAYS_MAX - 2;
}

void session_keys_fini(struct session_keys *k)
{
    if (k->seen)
        mem_wipe(k->seen, sizeof(*k->seen));
    mem_free(k->seen);
    mem_wipe(k, sizeof(*k));
}

static const uint8_t *key_of(struct session_keys *k, uint64_t day)
{
    size_t at = day % SESSION_ID_DAYS_MAX;
    if (k->made[at].day != day) {
        digest_derive(slice_of((const char *)k->secret, sizeof(k->secret)), "cong session id", day,
                      k->made[at].key);
        k->made[at].day = day;
    }
    return k->made[at].key;
}

/* The first half signs the id, the second half names it in the stores. */
static void digest_id(struct session_keys *k, uint64_t day, const uint8_t id[ID_BYTES],
                      uint8_t out[DIGEST_BYTES])
{
    struct slice part = slice_of((const char *)id, ID_BYTES);
    digest_hmac(key_of(k, day), &part, 1, out);
}

size_t session_id_mint(struct session_keys *k, uint64_t wall_ms, char text[SESSION_ID_TEXT_MAX],
                       uint8_t hash[SESSION_HASH_BYTES])
{
    uint64_t day = wall_ms / DAY_MS;
    uint8_t id[ID_BYTES], digest[DIGEST_BYTES];
    random_bytes(id, sizeof(id));
    digest_id(k, day, id, digest);
    size_t len = format_u64(text, day);
    text[len++] = '.';
    len += digest_base64(id, sizeof(id), text + len);
    text[len++] = '.';
    len += digest_base64(digest, MAC_BYTES, text + len);
    memcpy(hash, digest + MAC_BYTES, SESSION_HASH_BYTES);
    mem_wipe(id, sizeof(id));
    return len;
}

/* Keys that are not good yet (another node's clock may be ahead by a little) or any more make none
 * of our ids. */
static bool day_is_good(const struct session_keys *k, uint64_t day, uint64_t wall_ms)
{
    uint64_t today = wall_ms / DAY_MS;
    return day > 0 && day <= today + 1 && day + k->days >= today;
}

/* `parts` is "<id>.<mac>". A good day is small, and not 0. */
static struct name name_of(uint64_t day, struct slice parts)
{
    struct name name;
    char *at = (char *)&name;
    uint32_t number = (uint32_t)day;
    memcpy(at, parts.data, PART_LEN);
    memcpy(at + PART_LEN, parts.data + PART_LEN + 1, PART_LEN);
    memcpy(at + 2 * PART_LEN, &number, sizeof(number));
    return name;
}

/* In constant time, or a guess would show how much of it is right. In words: CRYPTO_memcmp() goes
 * byte by byte, which for each of a few candidates costs more than all else that a known id does.
 */
static bool is_name(const struct name *a, const struct name *b)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < NAME_WORDS; i++)
        difference |= a->words[i] ^ b->words[i];
    __asm__("" : "+r"(difference)); /* the compiler, too, looks at all of them */
    return difference == 0;
}

/* Ids are random where they are good; others are never remembered. */
static size_t set_of(const struct name *name)
{
    return (size_t)(name->words[0] * 0x9e3779b97f4a7c15ull >> (64 - SEEN_SETS_BITS));
}

static bool was_seen(const struct session_keys *k, const struct name *name,
                     uint8_t hash[SESSION_HASH_BYTES])
{
    if (!k->seen)
        return false;
    const struct seen_id *set = k->seen->ids[set_of(name)];
    for (size_t i = 0; i < SEEN_WAYS; i++) {
        if (is_name(&set[i].name, name)) {
            memcpy(hash, set[i].hash, SESSION_HASH_BYTES);
            return true;
        }
    }
    return false;
}

static void remember(struct session_keys *k, const struct name *name,
                     const uint8_t hash[SESSION_HASH_BYTES])
{
    size_t set = set_of(name);
    if (!k->seen)
        k->seen = mem_new(sizeof(*k->seen));
    struct seen_id *id = &k->seen->ids[set][k->seen->next[set]++ % SEEN_WAYS];
    id->name = *name;
    memcpy(id->hash, hash, SESSION_HASH_BYTES);
}

bool session_id_check(struct session_keys *k, struct slice text, uint64_t wall_ms,
                      uint8_t hash[SESSION_HASH_BYTES])
{
    uint64_t day;
    uint8_t id[ID_BYTES], mac[MAC_BYTES], digest[DIGEST_BYTES];
    size_t dot = slice_find(text, '.');
    if (text.len != dot + 2 + 2 * PART_LEN || text.data[dot + 1 + PART_LEN] != '.' ||
        text.data[0] == '0' || /* as nobody writes it: there is one text for an id */
        !slice_to_u64(slice_of(text.data, dot), &day) || !day_is_good(k, day, wall_ms))
        return false;
    struct slice parts = slice_from(text, dot + 1);
    struct name name = name_of(day, parts);
    if (was_seen(k, &name, hash))
        return true;
    if (digest_unbase64(slice_of(parts.data, PART_LEN), id, sizeof(id)) != ID_BYTES ||
        digest_unbase64(slice_from(parts, PART_LEN + 1), mac, sizeof(mac)) != MAC_BYTES)
        return false;
    digest_id(k, day, id, digest);
    if (!digest_equal(mac, digest, MAC_BYTES))
        return false;
    memcpy(hash, digest + MAC_BYTES, SESSION_HASH_BYTES);
    remember(k, &name, hash);
    return true;
}
