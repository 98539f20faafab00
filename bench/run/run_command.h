/* `cong-bench run SCENARIO`: from the command line to the verdict and its reports. */
#ifndef RUN_RUN_COMMAND_H
#define RUN_RUN_COMMAND_H

/* Returns the exit code: 0 PASS, 1 FAIL, 2 INVALID, 3 usage, 130 interrupted. */
int run_command(int argc, char **argv);

#endif
