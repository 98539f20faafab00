/* Ends a worker's connections earlier than usual while something runs short: process/guard.h says
 * what and how far. A part of the connections is looked at in each step, so that a crowd does not
 * leave, and come back, in one instant. */
#ifndef PROCESS_SHEDDING_H
#define PROCESS_SHEDDING_H

#include "common/list.h"
#include "http/http_server.h"
#include "observe/pressure.h"

struct shedding {
    struct http_server *server;   /* borrowed: whose timeouts are changed */
    struct list *connections;     /* borrowed: struct http_conn; their order is changed */
    struct config_timeouts usual; /* as configured */
};

/* Each period of the guard. `keep_alive` is the level for idle connections, `blocked` for clients
 * who do not take their answer. */
void shedding_step(struct shedding *s, enum pressure_level keep_alive, enum pressure_level blocked);

#endif
