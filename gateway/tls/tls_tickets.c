#include "tls/tls_tickets.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/random.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define READ_TRIES 8
#define IV_BYTES 16

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock in shared memory would outlive its holder");

union ticket_words {
    struct tls_ticket_keys keys;
    uint64_t words[TLS_TICKETS_WORDS];
};

/* --- the shared section ----------------------------------------------------------------------- */

/* Whoever sees one of these words must also see the `turn` that was stored before. */
static void store_copy(_Atomic uint64_t *copy, const union ticket_words *from)
{
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < TLS_TICKETS_WORDS; i++)
        atomic_store_explicit(&copy[i], from->words[i], memory_order_relaxed);
}

static void publish(struct tls_tickets *t, const union ticket_words *next)
{
    static const union ticket_words none;
    uint64_t turn = atomic_load_explicit(&t->turn, memory_order_relaxed);
    store_copy(t->copies[(turn + 1) % 2], next);
    atomic_store_explicit(&t->turn, turn + 1, memory_order_release);
    store_copy(t->copies[turn % 2], &none); /* what is forgotten must not lie around */
}

void tls_tickets_init(struct tls_tickets *t)
{
    union ticket_words fresh;
    random_bytes(&fresh, sizeof(fresh));
    publish(t, &fresh);
    t->since_ms = clock_wall_ms();
    mem_wipe(&fresh, sizeof(fresh));
}

void tls_tickets_set(struct tls_tickets *t, const struct tls_ticket_keys *keys)
{
    union ticket_words copy = { .keys = *keys };
    publish(t, &copy);
    mem_wipe(&copy, sizeof(copy));
}

void tls_ticket_keys_rotate(struct tls_ticket_keys *keys)
{
    struct tls_ticket_key *slots = keys->slots;
    memmove(slots + 1, slots, (TLS_TICKET_SLOTS - 1) * sizeof(*slots));
    random_bytes(&slots[TLS_TICKET_NEXT], sizeof(*slots));
}

void tls_tickets_rotate(struct tls_tickets *t)
{
    struct tls_ticket_keys keys;
    if (!tls_tickets_read(t, &keys)) {
        tls_tickets_init(t);
        return;
    }
    tls_ticket_keys_rotate(&keys);
    tls_tickets_set(t, &keys);
    mem_wipe(&keys, sizeof(keys));
}

bool tls_tickets_read(const struct tls_tickets *t, struct tls_ticket_keys *keys)
{
    union ticket_words copy;
    bool is_consistent = false;
    for (int tries = 0; tries < READ_TRIES && !is_consistent; tries++) {
        uint64_t turn = atomic_load_explicit(&t->turn, memory_order_acquire);
        if (turn == 0)
            return false;
        for (size_t i = 0; i < TLS_TICKETS_WORDS; i++)
            copy.words[i] = atomic_load_explicit(&t->copies[turn % 2][i], memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        is_consistent = atomic_load_explicit(&t->turn, memory_order_relaxed) == turn;
    }
    if (is_consistent)
        *keys = copy.keys;
    mem_wipe(&copy, sizeof(copy));
    return is_consistent;
}

/* --- sealed, for other nodes ------------------------------------------------------------------ */

#define NONCE_BYTES 12
#define TAG_BYTES 16

_Static_assert(TLS_TICKETS_SEALED_BYTES == NONCE_BYTES + sizeof(struct tls_ticket_keys) + TAG_BYTES,
               "nonce, keys, tag");

/* What OpenSSL refuses here is a mistake of ours or lack of memory. */
static void require(bool is_good)
{
    if (!is_good)
        abort();
}

static EVP_CIPHER_CTX *begin_gcm(const uint8_t key[32], const uint8_t *nonce, struct slice context,
                                 int seals)
{
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len;
    require(gcm && EVP_CipherInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, nonce, seals) == 1 &&
            EVP_CipherUpdate(gcm, NULL, &len, (const unsigned char *)context.data,
                             (int)context.len) == 1);
    return gcm;
}

void tls_ticket_keys_seal(const struct tls_ticket_keys *keys, const uint8_t key[32],
                          struct slice context, uint8_t out[TLS_TICKETS_SEALED_BYTES])
{
    uint8_t *text = out + NONCE_BYTES, *tag = text + sizeof(*keys);
    int len;
    random_bytes(out, NONCE_BYTES);
    EVP_CIPHER_CTX *gcm = begin_gcm(key, out, context, 1);
    require(EVP_CipherUpdate(gcm, text, &len, (const unsigned char *)keys, sizeof(*keys)) == 1 &&
            EVP_CipherFinal_ex(gcm, text + len, &len) == 1 &&
            EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1);
    EVP_CIPHER_CTX_free(gcm);
}

bool tls_ticket_keys_unseal(struct tls_ticket_keys *keys, const uint8_t key[32],
                            struct slice context, struct slice sealed)
{
    const uint8_t *nonce = (const uint8_t *)sealed.data, *text = nonce + NONCE_BYTES;
    struct tls_ticket_keys found;
    int len;
    if (sealed.len != TLS_TICKETS_SEALED_BYTES)
        return false;
    EVP_CIPHER_CTX *gcm = begin_gcm(key, nonce, context, 0);
    require(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES,
                                (void *)(text + sizeof(found))) == 1 &&
            EVP_CipherUpdate(gcm, (unsigned char *)&found, &len, text, sizeof(found)) == 1);
    bool is_ours = EVP_CipherFinal_ex(gcm, (unsigned char *)&found + len, &len) == 1;
    EVP_CIPHER_CTX_free(gcm);
    if (is_ours)
        *keys = found;
    mem_wipe(&found, sizeof(found));
    return is_ours;
}

/* --- the use of the keys ---------------------------------------------------------------------- */

/* What the callback finds through the SSL_CTX: the section, and the cipher, looked up once. Index
 * numbers belong to the process, as OpenSSL has it. */
static int section_index = -1, cipher_index = -1;
static CRYPTO_ONCE indexes_once = CRYPTO_ONCE_STATIC_INIT;

static void free_cipher(void *ctx, void *cipher, CRYPTO_EX_DATA *data, int index, long number,
                        void *pointer)
{
    (void)ctx, (void)data, (void)index, (void)number, (void)pointer;
    EVP_CIPHER_free(cipher);
}

static void make_indexes(void)
{
    section_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    cipher_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_cipher);
}

static bool set_keys(const struct tls_ticket_key *key, const EVP_CIPHER *cipher,
                     EVP_CIPHER_CTX *cipher_ctx, EVP_MAC_CTX *mac, const unsigned char *iv,
                     int is_new)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac_key,
                                          sizeof(key->mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_END,
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1 &&
           EVP_CipherInit_ex(cipher_ctx, cipher, NULL, key->cipher_key, iv, is_new) == 1;
}

static const struct tls_ticket_key *find_key(const struct tls_ticket_keys *keys,
                                             const unsigned char *name)
{
    for (size_t i = 0; i < TLS_TICKET_SLOTS; i++)
        if (memcmp(keys->slots[i].name, name, sizeof(keys->slots[i].name)) == 0)
            return &keys->slots[i];
    return NULL;
}

enum { TICKET_ERROR = -1, TICKET_UNKNOWN = 0, TICKET_GOOD = 1, TICKET_GOOD_RENEW = 2 };

/* OpenSSL asks for keys to open a ticket, or (is_new) to seal one:
 * SSL_CTX_set_tlsext_ticket_key_cb(3). */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher_ctx,
                     EVP_MAC_CTX *mac, int is_new)
{
    SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
    const EVP_CIPHER *cipher = SSL_CTX_get_ex_data(ctx, cipher_index);
    struct tls_ticket_keys keys;
    if (!tls_tickets_read(SSL_CTX_get_ex_data(ctx, section_index), &keys))
        return TICKET_UNKNOWN;
    const struct tls_ticket_key *key = &keys.slots[TLS_TICKET_CURRENT];
    int result = TICKET_GOOD;
    if (is_new) {
        memcpy(name, key->name, sizeof(key->name));
        random_bytes(iv, IV_BYTES);
    } else {
        key = find_key(&keys, name);
        /* TLS 1.3 clients use a ticket once (RFC 8446 C.4): without a new one, every second
         * handshake would be a full one. */
        if (key && (key > &keys.slots[TLS_TICKET_CURRENT] || SSL_version(ssl) == TLS1_3_VERSION))
            result = TICKET_GOOD_RENEW;
    }
    if (!key)
        result = TICKET_UNKNOWN;
    else if (!set_keys(key, cipher, cipher_ctx, mac, iv, is_new))
        result = TICKET_ERROR;
    mem_wipe(&keys, sizeof(keys));
    return result;
}

int tls_tickets_attach(const struct tls_tickets *t, SSL_CTX *ctx, struct err *e)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    bool is_ready = cipher && CRYPTO_THREAD_run_once(&indexes_once, make_indexes) == 1;
    if (!is_ready || SSL_CTX_set_ex_data(ctx, cipher_index, cipher) != 1) {
        EVP_CIPHER_free(cipher);
        return err_set(e, ERR_NO_MEMORY, "OpenSSL cannot set up session tickets");
    }
    if (SSL_CTX_set_ex_data(ctx, section_index, (void *)t) != 1)
        return err_set(e, ERR_NO_MEMORY, "OpenSSL cannot set up session tickets");
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
    return 0;
}
