/* tests/bench/bench_cartpole.c -- steps of CartPole-v1 a second, ended episodes
 * restarted: one world, and 4096 that step together.
 *
 * Prints `name value` lines. peer_cartpole.py steps the same worlds by the same
 * actions in processor time; the sums are of |x| after SUMMED steps, in both.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/env.h"
#include "inference/task.h"

enum {
    NX = 4,
    MANY = 4096,
    STARTS = 16,
    PERIOD = 4,
    ROUNDS = 5,
    SUMMED = 1000
};

static const double sample_seconds = 0.2;

/* Processor time: the machine may have other work. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_cartpole: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

/* A number in [0, 1) from a counter: the same in C and in numpy. */
static double scatter(uint64_t i)
{
    return (double)((i * 2654435761u) % 4294967296u) / 4294967296.0;
}

/* n worlds; those that end start again where they started. */
typedef struct fleet {
    elbo_task_world world;
    size_t n;
    double start[STARTS][NX]; /* world j starts at number j mod STARTS */
    double *x, *next;         /* [NX x n] */
    double *a;                /* [PERIOD x n] */
    double *reward;           /* [n] */
    uint8_t *terminal;        /* [n] */
    uint32_t *ended;          /* [n / 8 + 1] */
} fleet;

static fleet make(elbo_arena *arena, size_t n)
{
    const elbo_env *const env = elbo_env_find("CartPole-v1");
    elbo_values values;
    fleet f = {.n = n};

    need(elbo_values_init(&values, env->options, arena) == ELBO_OK);
    need(elbo_task_open(env, &values, NULL, 0, arena, &f.world) == ELBO_OK);
    f.x = elbo_arena_doubles(arena, NX * n);
    f.next = elbo_arena_doubles(arena, NX * n);
    f.a = elbo_arena_doubles(arena, PERIOD * n);
    f.reward = elbo_arena_doubles(arena, n);
    f.terminal = elbo_arena_take(arena, n, 1);
    f.ended = elbo_arena_u32(arena, n / 8 + 1);
    need(elbo_arena_ok(arena));
    for (size_t k = 0; k < STARTS * NX; k++)
        f.start[k / NX][k % NX] = 0.1 * scatter(k) - 0.05;
    for (size_t k = 0; k < PERIOD * n; k++)
        f.a[k] = scatter(k + 77) < 0.5 ? 0 : 1;
    return f;
}

static void restart(fleet *f, size_t j)
{
    for (size_t i = 0; i < NX; i++)
        f->x[i * f->n + j] = f->start[j % STARTS][i];
}

/* Those whose episodes ended: first the eights with one among them, so that
 * nothing has to be guessed, then these. */
static void restart_ended(fleet *f)
{
    const size_t eights = f->n / 8;
    size_t ended = 0;

    for (size_t k = 0; k < eights; k++) {
        uint64_t ends;

        memcpy(&ends, &f->terminal[8 * k], sizeof ends);
        f->ended[ended] = (uint32_t)k;
        ended += ends != 0;
    }
    for (size_t i = 0; i < ended; i++) {
        const size_t first = 8 * (size_t)f->ended[i];
        uint64_t ends;

        memcpy(&ends, &f->terminal[first], sizeof ends);
        for (; ends; ends &= ends - 1)
            restart(f, first + (size_t)__builtin_ctzll(ends) / 8);
    }
    for (size_t j = 8 * eights; j < f->n; j++)
        if (f->terminal[j]) restart(f, j);
}

static void run(fleet *f, size_t steps)
{
    const elbo_task *const task = f->world.task;

    for (size_t j = 0; j < f->n; j++) restart(f, j);
    for (size_t t = 0; t < steps; t++) {
        double *const old = f->x;

        task->step(f->world.self, f->n, f->x, &f->a[t % PERIOD * f->n], NULL,
                   f->next, f->reward, f->terminal);
        f->x = f->next;
        f->next = old;
        restart_ended(f);
    }
}

static double sum(const fleet *f)
{
    double total = 0;

    for (size_t k = 0; k < NX * f->n; k++) total += fabs(f->x[k]);
    return total;
}

static void report(elbo_arena *arena, const char *name, size_t n)
{
    fleet f = make(arena, n);
    double best = 0;

    for (size_t round = 0; round < ROUNDS; round++) {
        const double begin = now();
        size_t steps = 0;

        do {
            run(&f, SUMMED);
            steps += SUMMED;
        } while (now() - begin < sample_seconds);
        best = fmax(best, (double)(steps * n) / (now() - begin));
    }
    printf("%s_rate %.17g\n%s_sum %.17g\n", name, best, name, sum(&f));
}

int main(void)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 20);

    need(arena != NULL);
    report(arena, "one", 1);
    report(arena, "many", MANY);
    elbo_arena_free(arena);
    return EXIT_SUCCESS;
}
