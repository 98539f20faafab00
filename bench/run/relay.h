/* A TCP relay between the generators and the gateway, there only for a self-test of the judge: a
 * gateway that drops connections. Bytes pass as they are until SIGUSR1 comes; from then on, every
 * so many connections, open or new, are reset when the next bytes of the gateway are about to
 * pass: in the middle of a handshake or an answer. */
#ifndef RUN_RELAY_H
#define RUN_RELAY_H

#include "common/base.h"

#include <netinet/in.h>

struct relay_setup {
    struct sockaddr_in listen, gateway;
    uint32_t drop_percent;
};

/* Serves until it is killed; the exit code when it cannot. `setup` is a struct relay_setup. */
int relay_main(void *setup);

#endif
