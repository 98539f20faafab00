/* How many connections the kernel holds at one port, asked for over sock_diag(7). Its cost grows
 * with all connections of the machine: some 100 ms at 120,000 users on this side and that. */
#ifndef RUN_SOCKET_COUNT_H
#define RUN_SOCKET_COUNT_H

#include "common/base.h"

/* Established IPv4 connections whose local port (is_local) or remote port is `port`. 0 as well when
 * the kernel does not answer. */
uint32_t socket_count(uint16_t port, bool is_local);

#endif
