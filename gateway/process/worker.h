/* The data plane: one process, one thread, one loop. It knows of the world what the supervisor
 * tells it through the channel, and serves clients until told to stop. */
#ifndef PROCESS_WORKER_H
#define PROCESS_WORKER_H

/* Runs until drained or until the supervisor is gone. Takes over the descriptors. Returns the
 * process's exit status. */
int worker_main(int slot, int channel_fd, int board_fd, int store_fd);

#endif
