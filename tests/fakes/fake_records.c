#include "fakes/fake_records.h"

#include <openssl/err.h>
#include <stdlib.h>

#define ROUNDS_MAX 10
#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static const char *const suite_names[] = {
    [RECORD_AES_128_GCM_SHA256] = "TLS_AES_128_GCM_SHA256",
    [RECORD_AES_256_GCM_SHA384] = "TLS_AES_256_GCM_SHA384",
    [RECORD_CHACHA20_POLY1305_SHA256] = "TLS_CHACHA20_POLY1305_SHA256",
};

/* ---- the site ---- */

/* A reader of its own for what tls/handoff.h reads too: neither is to judge itself. */
static void take_secret(const char *line, const char *label, uint8_t *secret)
{
    if (strncmp(line, label, strlen(label)) != 0)
        return;
    const char *hex = strrchr(line, ' ') + 1;
    size_t bytes = strlen(hex) / 2;
    REQUIRE(bytes <= RECORD_SECRET_MAX_BYTES);
    for (size_t i = 0; i < bytes; i++) {
        char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        secret[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void on_key(const SSL *ssl, const char *line)
{
    struct fake_records *f = SSL_get_app_data(ssl);
    take_secret(line, "CLIENT_TRAFFIC_SECRET_0 ", f->start.client_secret);
    take_secret(line, "SERVER_TRAFFIC_SECRET_0 ", f->start.server_secret);
}

void fake_records_site_init(struct fake_records_site *site)
{
    memset(site, 0, sizeof(*site));
    fake_certificate_init(&site->certificate, "EC", "DNS:a.vn", NULL);
    site->server = SSL_CTX_new(TLS_server_method());
    site->client = SSL_CTX_new(TLS_client_method());
    REQUIRE(site->server && site->client);
    REQUIRE(SSL_CTX_use_certificate(site->server, site->certificate.x509) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(site->server, site->certificate.key) == 1);
    SSL_CTX_set_session_cache_mode(site->server, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_keylog_callback(site->server, on_key);
    REQUIRE(SSL_CTX_set_min_proto_version(site->client, TLS1_3_VERSION) == 1);
    record_engine_init(&site->engine);
}

void fake_records_site_fini(struct fake_records_site *site)
{
    SSL_CTX_free(site->server);
    SSL_CTX_free(site->client);
    fake_certificate_fini(&site->certificate);
    record_engine_fini(&site->engine);
}

/* ---- life ---- */

static void connect_pair(struct fake_records *f)
{
    BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
    REQUIRE(f->server && f->client && to_server && to_client);
    BIO_set_mem_eof_return(to_server, -1);
    BIO_set_mem_eof_return(to_client, -1);
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(f->client, to_client, to_server);
    SSL_set_bio(f->server, to_server, to_client);
    SSL_set_accept_state(f->server);
    SSL_set_connect_state(f->client);
}

static void shake_hands(struct fake_records *f)
{
    bool is_done = false;
    for (int round = 0; round < ROUNDS_MAX && !is_done; round++) {
        int client = SSL_do_handshake(f->client);
        is_done = SSL_do_handshake(f->server) == 1 && client == 1;
    }
    ERR_clear_error();
    REQUIRE(is_done);
}

static void ask_for(struct fake_records *f, uint16_t plain_max)
{
    uint8_t mode = TLSEXT_max_fragment_length_512;
    while (512 << (mode - TLSEXT_max_fragment_length_512) < plain_max)
        mode++;
    REQUIRE(SSL_set_tlsext_max_fragment_length(f->client, mode) == 1);
}

void fake_records_begin_again(struct fake_records *f)
{
    record_fini(&f->ours, &f->site->engine);
    REQUIRE(record_init(&f->ours, &f->site->engine, &f->start) == 0);
}

void fake_records_init(struct fake_records *f, struct fake_records_site *site,
                       enum record_suite suite, unsigned tickets, uint16_t plain_max)
{
    memset(f, 0, sizeof(*f));
    f->site = site;
    f->server = SSL_new(site->server);
    f->client = SSL_new(site->client);
    connect_pair(f);
    SSL_set_app_data(f->server, f);
    REQUIRE(SSL_set_ciphersuites(f->client, suite_names[suite]) == 1);
    REQUIRE(SSL_set_num_tickets(f->server, tickets) == 1);
    if (plain_max)
        ask_for(f, plain_max);
    shake_hands(f);
    REQUIRE(BIO_reset(SSL_get_wbio(f->server)) == 1); /* nobody reads the tickets */
    f->start.suite = suite;
    f->start.server_sequence = tickets;
    f->start.plain_max = plain_max ? plain_max : RECORD_PLAIN_MAX_BYTES;
    fake_records_begin_again(f);
    memcpy(f->forger.secret, f->start.client_secret, sizeof(f->forger.secret));
    REQUIRE(record_keys_derive(&site->engine, suite, &f->forger) == 0);
}

void fake_records_fini(struct fake_records *f)
{
    record_fini(&f->ours, &f->site->engine);
    SSL_free(f->server);
    SSL_free(f->client);
    memset(f, 0, sizeof(*f));
}

/* ---- the client ---- */

size_t fake_records_forge(struct fake_records *f, uint8_t type, struct slice content, size_t zeros,
                          char *out)
{
    static char inner[RECORD_BODY_MAX_BYTES + 64];
    size_t len = content.len + 1 + zeros, body = len + RECORD_TAG_BYTES;
    REQUIRE(len <= sizeof(inner));
    if (content.len)
        memcpy(inner, content.data, content.len);
    memset(inner + content.len, 0, zeros + 1);
    inner[content.len] = (char)type;
    const uint8_t head[] = { 23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
    memcpy(out, head, sizeof(head));
    /* What seals a record puts a type behind its data: here that is the last byte of `inner`. */
    REQUIRE(record_keys_seal(&f->site->engine, f->start.suite, &f->forger, head, inner, len - 1,
                             (uint8_t)inner[len - 1], (uint8_t *)out + sizeof(head)) == 0);
    return sizeof(head) + body;
}

size_t fake_records_forge_update(struct fake_records *f, uint8_t request, char *out)
{
    const char message[] = { 24, 0, 0, 1, (char)request };
    size_t len = fake_records_forge(f, 22, slice_of(message, sizeof(message)), 0, out);
    REQUIRE(record_keys_update(&f->site->engine, f->start.suite, &f->forger) == 0);
    return len;
}

/* ---- readers ---- */

static void begin_verdict(struct fake_verdict *v)
{
    v->plain_len = 0;
    v->event = RECORD_NEED_INPUT;
    v->alert = RECORD_ALERT_NONE;
    v->updates_asked = 0;
}

static void read_ours(struct fake_records *f, struct slice bytes, struct fake_verdict *v)
{
    while (v->event == RECORD_NEED_INPUT && bytes.len) {
        static char room[2 * RECORD_BODY_MAX_BYTES];
        struct record_plain plain = { .data = room, .size = sizeof(room) };
        v->event = record_read(&f->ours, &f->site->engine, &bytes, &plain);
        REQUIRE(plain.len <= sizeof(v->plain) - v->plain_len);
        memcpy(v->plain + v->plain_len, room, plain.len);
        v->plain_len += plain.len;
        if (v->event == RECORD_NEED_ROOM)
            v->event = RECORD_NEED_INPUT;
        else
            REQUIRE(v->event != RECORD_NEED_INPUT || bytes.len == 0);
    }
    if (v->event == RECORD_FAILED)
        v->alert = (enum record_alert)f->ours.alert;
}

static void on_message(int is_write, int version, int type, const void *data, size_t len, SSL *ssl,
                       void *user)
{
    static const uint8_t update_asked[] = { 24, 0, 0, 1, 1 };
    struct fake_verdict *v = user;
    (void)version, (void)ssl;
    if (is_write && type == SSL3_RT_ALERT && len == 2)
        v->alert = ((const uint8_t *)data)[1];
    if (!is_write && type == SSL3_RT_HANDSHAKE && len == sizeof(update_asked))
        v->updates_asked += memcmp(data, update_asked, len) == 0;
}

static void read_theirs(struct fake_records *f, struct slice bytes, struct fake_verdict *v)
{
    if (v->event != RECORD_NEED_INPUT || !bytes.len)
        return;
    SSL_set_msg_callback(f->server, on_message);
    SSL_set_msg_callback_arg(f->server, v);
    REQUIRE(BIO_write(SSL_get_rbio(f->server), bytes.data, (int)bytes.len) == (int)bytes.len);
    for (;;) {
        size_t n = 0;
        ERR_clear_error();
        if (SSL_read_ex(f->server, v->plain + v->plain_len, sizeof(v->plain) - v->plain_len, &n) ==
            1) {
            v->plain_len += n;
            continue;
        }
        int error = SSL_get_error(f->server, 0);
        /* After a user_canceled SSL_get_error() no longer knows a close_notify. */
        bool is_end = error == SSL_ERROR_SYSCALL &&
                      (SSL_get_shutdown(f->server) & SSL_RECEIVED_SHUTDOWN) != 0;
        if (error == SSL_ERROR_ZERO_RETURN || is_end)
            v->event = RECORD_END;
        else if (error != SSL_ERROR_WANT_READ)
            v->event = RECORD_FAILED;
        break;
    }
    ERR_clear_error();
    SSL_set_msg_callback(f->server, NULL);
}

void fake_records_read(struct fake_records *f, struct slice bytes, size_t step,
                       struct fake_verdict *ours, struct fake_verdict *theirs)
{
    begin_verdict(ours);
    begin_verdict(theirs);
    for (; bytes.len; bytes = slice_from(bytes, MIN(step, bytes.len))) {
        struct slice piece = slice_of(bytes.data, MIN(step, bytes.len));
        read_ours(f, piece, ours);
        read_theirs(f, piece, theirs);
    }
}

void fake_records_read_cut(struct fake_records *f, struct slice bytes, size_t cut,
                           struct fake_verdict *ours, struct fake_verdict *theirs)
{
    begin_verdict(ours);
    read_ours(f, slice_of(bytes.data, cut), ours);
    read_ours(f, slice_from(bytes, cut), ours);
    if (!theirs)
        return;
    begin_verdict(theirs);
    read_theirs(f, slice_of(bytes.data, cut), theirs);
    read_theirs(f, slice_from(bytes, cut), theirs);
}

/* ---- writers ---- */

static bool is_what_openssl_wrote(struct fake_records *f, const char *out, size_t len)
{
    char *theirs;
    size_t theirs_len = (size_t)BIO_get_mem_data(SSL_get_wbio(f->server), &theirs);
    bool same = len == theirs_len && memcmp(out, theirs, len) == 0;
    REQUIRE(BIO_reset(SSL_get_wbio(f->server)) == 1);
    return same;
}

bool fake_records_write(struct fake_records *f, struct slice data, char *out, size_t *len)
{
    REQUIRE(SSL_write(f->server, data.data, (int)data.len) == (int)data.len);
    *len = 0;
    while (data.len) {
        size_t n = record_seal(&f->ours, &f->site->engine, &data, (uint8_t *)out + *len);
        REQUIRE(n);
        *len += n;
    }
    return is_what_openssl_wrote(f, out, *len);
}

bool fake_records_shutdown(struct fake_records *f, char *out, size_t *len)
{
    SSL_shutdown(f->server);
    *len = record_seal_alert(&f->ours, &f->site->engine, RECORD_ALERT_CLOSE_NOTIFY, (uint8_t *)out);
    return is_what_openssl_wrote(f, out, *len);
}
