#include "bench/run/socket_count.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENTS 3

/* A listening socket on a port that the kernel has chosen. */
static int listening(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *address =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    assert_int_equal(bind(fd, (const struct sockaddr *)address, len), 0);
    assert_int_equal(listen(fd, CLIENTS), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static void counts_both_ends_of_connections(void **state)
{
    struct sockaddr_in address;
    int clients[CLIENTS], server = listening(&address);
    uint16_t port = ntohs(address.sin_port);
    (void)state;
    assert_int_equal(socket_count(port, true), 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof(address)), 0);
    }
    assert_int_equal(socket_count(port, true), CLIENTS);
    assert_int_equal(socket_count(port, false), CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts_both_ends_of_connections) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
