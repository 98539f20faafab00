/* A board and a scenario file for the process of a generator, which is run within the test. */
#ifndef TESTS_UNIT_BENCH_GENERATOR_SCENE_H
#define TESTS_UNIT_BENCH_GENERATOR_SCENE_H

#include "bench/load/generator.h"
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct generator_scene {
    struct results_board *board;
    struct results_generator *out; /* of the slot */
    struct generator_start start;  /* `target` and `ca_path` are the test's affair */
    char scenario_path[64];        /* an empty file */
};

static inline void generator_scene_begin(struct generator_scene *s, uint32_t slot)
{
    int fd = memfd_create("board", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, sizeof(*s->board)), 0);
    s->board = mmap(NULL, sizeof(*s->board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(s->board, MAP_FAILED);
    s->board->start_us = clock_now_us();
    s->out = &s->board->generators[slot];
    snprintf(s->scenario_path, sizeof(s->scenario_path), "/tmp/test_generator.XXXXXX");
    close(mkstemp(s->scenario_path));
    s->start = (struct generator_start){ .scenario_path = s->scenario_path,
                                         .scale = 1,
                                         .users_scale = 1,
                                         .seed = 1,
                                         .board_fd = fd,
                                         .slot = slot,
                                         .shares = 1,
                                         .server_name = "a.vn" };
}

static inline void generator_scene_end(struct generator_scene *s)
{
    munmap(s->board, sizeof(*s->board));
    close(s->start.board_fd);
    unlink(s->scenario_path);
}

#endif
