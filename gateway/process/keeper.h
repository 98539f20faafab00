/* The control plane: one process beside the workers, for what must be done once and not in each of
 * them: the rotation of the TLS session ticket keys, and the admin listener. It may die and come
 * back; workers go on with the last known state. */
#ifndef PROCESS_KEEPER_H
#define PROCESS_KEEPER_H

/* Runs the keeper until its supervisor tells it to leave, or is gone; returns the exit code.
 * Privileges have been dropped. Takes over the descriptors (see channel.h, board.h and
 * store_region.h). */
int keeper_main(int channel_fd, int board_fd, int store_fd);

#endif
