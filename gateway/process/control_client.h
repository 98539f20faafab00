/* The other end of the control socket: `cong reload`, `cong status` and the like. */
#ifndef PROCESS_CONTROL_CLIENT_H
#define PROCESS_CONTROL_CLIENT_H

/* Sends the command to the gateway that runs in `runtime_dir`, prints the answer (to standard error
 * if it failed) and returns the exit code: 0 when it was done, 1 when not. Waits as long as the
 * gateway takes. */
int control_client_run(const char *runtime_dir, const char *command);

#endif
