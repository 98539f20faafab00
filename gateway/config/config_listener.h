/* The part of the configuration that says where clients come in, and how (see config.h). */
#ifndef CONFIG_CONFIG_LISTENER_H
#define CONFIG_CONFIG_LISTENER_H

#include "common/slice.h"

#include <sys/socket.h>

#define CONFIG_LISTENERS_MAX 64

struct config_address {
    struct sockaddr_storage sockaddr;
    socklen_t len;
    const char *text; /* as written: "0.0.0.0:8443", "[::1]:80" */
    const char *host; /* peers: the name to look up, while len is 0; NULL: it is an address */
    uint16_t port;    /* of host */
};

struct config_network {
    int family;          /* AF_INET or AF_INET6 */
    uint8_t address[16]; /* network order; 4 bytes used for AF_INET */
    uint8_t prefix_bits;
};

/* A file that the configuration names: where it is and what was in it when it was read. */
struct config_file {
    const char *path;
    struct slice data;
};

struct config_certificate {
    struct config_file cert; /* PEM, leaf first, then the chain */
    struct config_file key;  /* PEM */
    struct config_file ocsp; /* DER response to staple; path NULL when there is none */
};

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_client_auth {
    CONFIG_CLIENT_AUTH_OFF,
    CONFIG_CLIENT_AUTH_OPTIONAL,
    CONFIG_CLIENT_AUTH_REQUIRED
};
enum config_record_layer { CONFIG_RECORD_LAYER_OPENSSL, CONFIG_RECORD_LAYER_OWN };

struct config_tls {
    struct config_certificate *certificates;
    size_t certificate_count;
    enum config_tls_version min_version;
    enum config_record_layer record_layer;
    enum config_client_auth client_auth;
    struct config_file client_ca; /* path NULL unless client_auth asks for certificates */
};

struct config_listener {
    struct config_address address;
    struct config_tls *tls; /* NULL: plain HTTP */
    bool http2;             /* offered beside HTTP/1.1; only where there is TLS */
    bool redirect_https;    /* answer every request with a redirect to https:// */
    bool proxy_protocol;    /* a PROXY header is required from trusted peers, refused from others */
};

#endif
