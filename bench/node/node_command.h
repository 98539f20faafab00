/* `cong-bench node`: from the command line to the running node. */
#ifndef NODE_COMMAND_H
#define NODE_COMMAND_H

/* Returns the exit code: 0, 1 when the node could not start, 2 for a faulty command line. */
int node_command(int argc, char **argv);

#endif
