/* `cong-bench list`: the scenarios that there are, a line each. */
#ifndef RUN_LIST_COMMAND_H
#define RUN_LIST_COMMAND_H

/* Returns the exit code. */
int list_command(int argc, char **argv);

#endif
