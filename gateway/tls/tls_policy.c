#include "tls/tls_policy.h"

#include "tls/key_schedule.h"

#define SECURITY_LEVEL 2 /* 112 bits: RSA-2048, no SHA-1 signatures */
#define SESSION_LIFETIME_S (12L * 3600)

#define CIPHERS_1_2                                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

#define OPTIONS                                                                                    \
    (SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |           \
     SSL_OP_PRIORITIZE_CHACHA)
/* NO_AUTO_CHAIN: the file's chain is sent as it is, instead of a search at each handshake. */
#define MODES                                                                                      \
    (SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |                                    \
     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN)

static bool set_protocol(SSL_CTX *ctx, const struct config_tls *config)
{
    int oldest = config->min_version == CONFIG_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx, OPTIONS);
    SSL_CTX_set_mode(ctx, MODES);
    SSL_CTX_set_read_ahead(ctx, 0);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, SESSION_LIFETIME_S);
    return SSL_CTX_set_min_proto_version(ctx, oldest) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, CIPHERS_1_3) == 1 &&
           SSL_CTX_set1_groups_list(ctx, GROUPS) == 1;
}

SSL_CTX *tls_policy_new_ctx(const struct config_tls *config, struct err *e)
{
    bool wants_records = config->record_layer == CONFIG_RECORD_LAYER_OWN;
    if (wants_records && key_schedule_init(e) != 0)
        return NULL;
    const char *properties = wants_records ? KEY_SCHEDULE_PROPERTIES : NULL;
    SSL_CTX *ctx = SSL_CTX_new_ex(NULL, properties, TLS_server_method());
    if (!ctx) {
        err_set(e, ERR_NO_MEMORY, "OpenSSL cannot make a context");
        return NULL;
    }
    if (set_protocol(ctx, config))
        return ctx;
    SSL_CTX_free(ctx);
    err_set(e, ERR_INVALID, "this OpenSSL does not know our ciphers and curves");
    return NULL;
}
