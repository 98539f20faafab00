#include "store/redis_setup.h"

#include "common/log.h"
#include "common/mem.h"
#include "store/redis_client.h"
#include "tls/tls_client.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGUMENTS_MAX 65536

/* Files end in a line break that nobody means. */
static struct slice password_of(const struct config_redis *config)
{
    struct slice s = config->password.path ? config->password.data : SLICE("");
    while (s.len && (s.data[s.len - 1] == '\n' || s.data[s.len - 1] == '\r'))
        s.len--;
    return s;
}

void redis_setup_init(struct redis_setup *s, struct loop *loop, const struct config_redis *config,
                      struct metrics *metrics)
{
    *s = (struct redis_setup){
        .loop = loop,
        .config = config,
        .metrics = metrics,
        .password = password_of(config),
    };
    if (!config->tls)
        return;
    const struct tls_client_files files = { &config->tls_ca, &config->tls_cert, &config->tls_key };
    tls_engine_init(&s->engine);
    s->tls = tls_client_context(&files, &s->problem);
    if (!s->tls)
        log_write(LOG_ERROR, "TLS to Redis: %s", s->problem.text);
}

void redis_setup_fini(struct redis_setup *s)
{
    SSL_CTX_free(s->tls);
    if (s->config->tls)
        tls_engine_fini(&s->engine);
    *s = (struct redis_setup){ 0 };
}

static void fill_sha1(struct redis_script *script)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(script->text, strlen(script->text), digest, &len, EVP_sha1(), NULL) != 1) {
        log_write(LOG_ERROR, "OpenSSL cannot make a SHA-1; this process stops");
        abort();
    }
    for (size_t i = 0; i < (sizeof(script->sha1) - 1) / 2; i++)
        snprintf(script->sha1 + 2 * i, 3, "%02x", digest[i]);
}

void redis_setup_learn(struct redis_setup *s, struct redis_script *script)
{
    if (!script->sha1[0])
        fill_sha1(script);
    for (size_t i = 0; i < s->script_count; i++)
        if (s->scripts[i] == script)
            return;
    if (s->script_count < REDIS_SCRIPTS_MAX)
        s->scripts[s->script_count++] = script;
}

struct address redis_setup_server(const struct redis_setup *s, size_t index)
{
    struct address a;
    const struct config_address *server = &s->config->servers[index % s->config->server_count];
    address_from_sockaddr(&a, (const struct sockaddr *)&server->sockaddr);
    return a;
}

void redis_address_name(const struct address *a, char out[REDIS_NAME_BYTES])
{
    char ip[ADDRESS_TEXT_BYTES];
    address_format(a, ip);
    snprintf(out, REDIS_NAME_BYTES, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
}

char *redis_format(const struct slice *args, size_t count, size_t *len)
{
    char *command = NULL;
    const char **data = count <= ARGUMENTS_MAX ? mem_try(count * sizeof(*data)) : NULL;
    size_t *lens = count <= ARGUMENTS_MAX ? mem_try(count * sizeof(*lens)) : NULL;
    int n = -1;
    if (data && lens) {
        for (size_t i = 0; i < count; i++) {
            data[i] = args[i].data ? args[i].data : "";
            lens[i] = args[i].len;
        }
        n = redisFormatCommandArgv(&command, (int)count, data, lens);
    }
    mem_free(data);
    mem_free(lens);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? command : NULL;
}

/* CRC-16/XMODEM, four bits at a time. */
static uint16_t crc16(struct slice s)
{
    static const uint16_t table[16] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
    };
    uint16_t crc = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.data[i];
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ byte >> 4) & 15]);
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ byte) & 15]);
    }
    return crc;
}

uint16_t redis_key_slot(struct slice key)
{
    size_t open = slice_find(key, '{');
    if (open < key.len) {
        struct slice tag = slice_from(key, open + 1);
        size_t len = slice_find(tag, '}');
        if (len > 0 && len < tag.len)
            key = slice_of(tag.data, len);
    }
    return crc16(key) % REDIS_SLOTS;
}
