#include "bench/run/scenario_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "bench/scenarios"

int scenario_path_folder(char out[PATH_MAX], struct err *e)
{
    char program[PATH_MAX];
    snprintf(out, PATH_MAX, FOLDER);
    if (access(out, R_OK) == 0)
        return 0;
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    for (char *slash = strrchr(program, '/'); slash; slash = strrchr(program, '/')) {
        *slash = '\0';
        int needed = snprintf(out, PATH_MAX, "%s/" FOLDER, program);
        if (needed < PATH_MAX && access(out, R_OK) == 0)
            return 0;
    }
    return err_set(e, ERR_INVALID, "there is no folder " FOLDER " here or above the program");
}

int scenario_path_find(const char *word, char out[PATH_MAX], struct err *e)
{
    char folder[PATH_MAX];
    if (strpbrk(word, "/.")) {
        snprintf(out, PATH_MAX, "%s", word);
        return access(word, R_OK) == 0 ? 0 : err_system(e, "cannot read %s", word);
    }
    int rc = scenario_path_folder(folder, e);
    if (rc)
        return rc;
    int needed = snprintf(out, PATH_MAX, "%s/%s.yaml", folder, word);
    if (needed < PATH_MAX && access(out, R_OK) == 0)
        return 0;
    return err_set(e, ERR_INVALID,
                   "there is no scenario \"%s\"; `cong-bench list` tells what there is", word);
}
