/* The control socket: the only place for commands that change something.
 *
 * SOCK_SEQPACKET in the runtime folder, mode 0600. A connection carries one command, its word
 * and what belongs to it in one packet, and one answer: packets that begin with CONTROL_MORE,
 * CONTROL_DONE or CONTROL_FAILED, then text; the last two end it. A client that does not send its
 * command or does not take its answer in CONTROL_PATIENCE_MS is dropped; nothing here ever blocks.
 */
#ifndef PROCESS_CONTROL_H
#define PROCESS_CONTROL_H

#include "common/err.h"
#include "common/slice.h"

#include <poll.h>

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_PATIENCE_MS 5000
#define CONTROL_COMMAND_BYTES 1024
#define CONTROL_PACKET_BYTES 16384

#define CONTROL_MORE '.'
#define CONTROL_DONE '0'
#define CONTROL_FAILED '1'

struct control;
struct control_client;

/* A command has come. The callee answers it now, or says what it waits for with control_wait(). */
typedef void (*control_command_fn)(void *user, struct control_client *client, struct slice command);

/* Replaces a socket that a dead gateway left. NULL on failure. */
struct control *control_open(const char *runtime_dir, control_command_fn on_command, void *user,
                             struct err *e);
/* Sends what can be sent at once, closes all and removes the socket. NULL-safe; *c is NULL after.
 */
void control_close(struct control **c);

/* The end of the client's connection; `text` is copied. */
void control_answer(struct control_client *client, bool done, struct slice text);
/* The client will be answered by control_answer_waiting() with the same event. */
void control_wait(struct control_client *client, uint64_t event);
void control_answer_waiting(struct control *c, uint64_t event, bool done, struct slice text);

/* For poll(2): fills at most 1 + CONTROL_CLIENTS_MAX places and returns how many. */
size_t control_watch(const struct control *c, struct pollfd *out);
/* Handles the same places after poll(2), and what is overdue. */
void control_run(struct control *c, const struct pollfd *polled, size_t count, uint64_t now_ms);
/* When control_run() has something to do though nothing happens; UINT64_MAX: never. */
uint64_t control_due_ms(const struct control *c);

#endif
