/* All gauges of processes, and all words about the gateway as a whole, one row each: the only place
 * where one is listed.
 *
 * GAUGE(id, name, combine, help): a process's value now, reset when it dies. The gateway's value is
 *     the SUM of its workers', or the MIN or MAX of its processes' where a sum says nothing.
 * STATE(id, name, type, help): a word that the supervisor writes for the gateway as a whole.
 *
 * Prometheus names get the prefix "cong_". */
#ifndef OBSERVE_METRICS_GAUGES_H
#define OBSERVE_METRICS_GAUGES_H

#define METRICS_GAUGES(GAUGE)                                                                      \
    GAUGE(CONNECTIONS_OPEN, connections_open, SUM, "Client connections open now")                  \
    GAUGE(HTTP2_ASLEEP, http2_asleep, SUM, "Idle HTTP/2 connections without a session now")        \
    GAUGE(REQUESTS_ACTIVE, requests_active, SUM, "Requests being answered now")                    \
    GAUGE(TUNNELS_OPEN, tunnels_open, SUM, "Tunnels open now")                                     \
    GAUGE(UPSTREAM_IDLE, upstream_connections_idle, SUM, "Pooled idle connections to peers now")   \
    GAUGE(SPOOL_BYTES, spool_bytes, SUM, "Bytes set aside for bodies that wait now")               \
    GAUGE(PRESSURE, pressure, MAX,                                                                 \
          "How short something is at worst: 0 calm, 1 tight, 2 scarce, 3 critical")                \
    GAUGE(PRESSURE_MEMORY, pressure_memory, MAX, "How short the node is of memory, 0 to 3")        \
    GAUGE(PRESSURE_SOCKETS, pressure_sockets, MAX,                                                 \
          "How short the machine is of the kernel's memory for TCP, 0 to 3")                       \
    GAUGE(PRESSURE_DESCRIPTORS, pressure_descriptors, MAX,                                         \
          "How short a worker is of descriptors, 0 to 3")                                          \
    GAUGE(PRESSURE_TIME, pressure_time, MAX, "How short a worker is of time, 0 to 3")              \
    GAUGE(MEMORY, memory_bytes, MAX, "Resident memory of all processes, shared pages once")        \
    GAUGE(MEMORY_PRIVATE, memory_private_bytes, SUM,                                               \
          "Resident memory of workers that is not shared")                                         \
    GAUGE(MEMORY_SHARED, memory_shared_bytes, MAX,                                                 \
          "Resident shared memory of the process with most")                                       \
    GAUGE(MEMORY_ALLOCATED, memory_allocated_bytes, SUM,                                           \
          "Memory that workers have allocated and not freed")                                      \
    GAUGE(MEMORY_IN_USE, memory_in_use_bytes, SUM,                                                 \
          "Memory of workers' allocators that holds something, with what they need themselves")    \
    GAUGE(MEMORY_SOCKETS, memory_sockets_bytes, MAX,                                               \
          "What the kernel keeps for TCP connections, beside resident memory")                     \
    GAUGE(DESCRIPTORS_OPEN, descriptors_open, MAX, "Open descriptors of the worker with most")     \
    GAUGE(LOOP_LAG, loop_lag_ms, MAX, "How late the loop of a worker was last, at most")           \
    GAUGE(CONFIG_GENERATION, config_generation, MIN,                                               \
          "Number of the configuration that every process has applied")

#define METRICS_STATES(STATE)                                                                      \
    STATE(READY, ready, gauge, "1 while load balancers may send work here")                        \
    STATE(DRAINING, draining, gauge, "1 while the gateway finishes its work before it leaves")     \
    STATE(CONFIG_WANTED, config_generation_wanted, gauge,                                          \
          "Number of the newest valid configuration")                                              \
    STATE(USERS_CAPACITY, users_capacity, gauge,                                                   \
          "Concurrent users that the configuration promises to carry")                             \
    STATE(MEMORY_LIMIT, memory_limit_bytes, gauge,                                                 \
          "Resident memory and that of sockets that the gateway may take, 0 for any")              \
    STATE(RESTARTS, process_restarts_total, counter,                                               \
          "Workers and keepers started again after they died")

#endif
