/* What the kernel knows of a TCP connection's progress. A file of its own: the C library's struct
 * tcp_info, which libuv's header brings along, ends before what is asked for here. */
#ifndef NET_TCP_PROGRESS_H
#define NET_TCP_PROGRESS_H

#include <stdint.h>

/* Bytes that the peer's kernel has acknowledged so far. 0 where the kernel cannot tell. */
uint64_t tcp_progress_acknowledged(int fd);

#endif
