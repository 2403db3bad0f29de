/* tests/bench/bench_sac.c -- updates a second of soft actor-critic: two critics
 * and a policy of 256 x 256, batches of 256, 17 observations, 6 actions,
 * float32.
 *
 * Prints `name value` lines. The same update is timed by peer_sac.py.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "inference/control.h"
#include "inference/core/linalg.h"
#include "inference/task_control.h"

enum { NO = 17, NU = 6, ROWS = 10000, WARM = 10, UPDATES = 30, ROUNDS = 7 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_sac: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

static void fill(elbo_replay *data)
{
    elbo_rng rng = elbo_rng_stream(1, "rows", 0);
    float o[NO], u[NU], next[NO];

    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < NO; j++) {
            o[j] = (float)(2 * elbo_rng_uniform(&rng) - 1);
            next[j] = (float)(2 * elbo_rng_uniform(&rng) - 1);
        }
        for (size_t j = 0; j < NU; j++)
            u[j] = (float)(2 * elbo_rng_uniform(&rng) - 1);
        need(!elbo_replay_push(
            data, &(elbo_replay_row){.o = o,
                                     .u = u,
                                     .next = next,
                                     .reward = (float)elbo_rng_uniform(&rng),
                                     .end = i % 100 == 99}));
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(void)
{
    need(elbo_linalg_start() == ELBO_OK);

    static const double low[NU] = {-1, -1, -1, -1, -1, -1};
    static const double high[NU] = {1, 1, 1, 1, 1, 1};
    elbo_arena *const arena = elbo_arena_alloc(1 << 20);
    const elbo_task_world world = {
        .nx = NO, .no = NO, .na = NU, .nu = NU, .low = low, .high = high};
    const elbo_task_problem problem = {
        .world = &world, .gamma = 0.99, .temperature = 1, .seed = 1};
    const elbo_control *const sac = elbo_control_find("sac");
    elbo_values values;
    elbo_replay data;
    void *self;
    double rate[ROUNDS];

    need(arena && !elbo_replay_init(&data, NO, NU, ROWS, arena));
    fill(&data);
    need(!elbo_values_init(&values, sac->options, arena)
         && !elbo_values_parse(&values, "tune=true")
         && !sac->task->open(&values, &problem, arena, &self));

    elbo_task_estep estep = {.data = &data, .real = 1, .updates = WARM};

    need(!sac->task->improve(self, &estep, arena));
    estep.updates = UPDATES;
    for (size_t r = 0; r < ROUNDS; r++) {
        const double begin = now();

        need(!sac->task->improve(self, &estep, arena));
        rate[r] = UPDATES / (now() - begin);
    }
    qsort(rate, ROUNDS, sizeof *rate, ascending);
    printf("sac_updates %.4f\n", rate[ROUNDS / 2]);
    elbo_arena_free(arena);
    return 0;
}
