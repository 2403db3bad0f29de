/* tests/bench/bench_tabular.c -- sweeps a second of value iteration.
 *
 *   bench_tabular grid     1000 x 1000 cells, 4 moves, 3 successors each
 *   bench_tabular garnet   500 states, 10 actions, every successor possible
 *
 * Prints `name value` lines. The same processes, sweep for sweep, are timed by
 * peer_tabular.py; `sum` is that of V after SUMMED sweeps from 0, in both.
 * What is timed is elbo_solve: from its 8th sweep on it reads the dense process in
 * single precision first (backup.h), while the peer reads all of it in double.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/backup.h"
#include "inference/core/linalg.h"
#include "inference/core/parallel.h"

enum { SIDE = 1000, MOVES = 4, ROUNDS = 5, SUMMED = 30 };
enum { GARNET_STATES = 500, GARNET_ACTIONS = 10 };
enum { GRID_SWEEPS = 30, GARNET_SWEEPS = 300 }; /* of one solve */
enum { TRIAD = 10 * 1000 * 1000 };

static const double sample_seconds = 0.25;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_tabular: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

/* A number in [0, 1) from a counter: the same in C and in numpy. */
static double scatter(uint64_t i)
{
    return (double)((i * 2654435761u) % 4294967296u) / 4294967296.0;
}

/* Where move `a` (north, east, south, west) leads from s; walls stop it. */
static uint32_t neighbour(size_t s, size_t a)
{
    const size_t row = s / SIDE, column = s % SIDE;

    if (a == 0) return (uint32_t)(row > 0 ? s - SIDE : s);
    if (a == 1) return (uint32_t)(column < SIDE - 1 ? s + 1 : s);
    if (a == 2) return (uint32_t)(row < SIDE - 1 ? s + SIDE : s);
    return (uint32_t)(column > 0 ? s - 1 : s);
}

/* 0.8 as intended, 0.1 to each side. */
static size_t grid_outcomes(const void *world, size_t s, size_t a,
                            elbo_outcome out[])
{
    const double r = scatter(s * MOVES + a);

    (void)world;
    out[0] = (elbo_outcome){neighbour(s, a), false, 0.8, r};
    out[1] = (elbo_outcome){neighbour(s, (a + 1) % MOVES), false, 0.1, r};
    out[2] = (elbo_outcome){neighbour(s, (a + 3) % MOVES), false, 0.1, r};
    return 3;
}

static size_t garnet_outcomes(const void *world, size_t s, size_t a,
                              elbo_outcome out[])
{
    const size_t row = s * GARNET_ACTIONS + a;
    double sum = 0;

    (void)world;
    for (size_t i = 0; i < GARNET_STATES; i++)
        sum += 1e-3 + scatter(row * GARNET_STATES + i);
    for (size_t i = 0; i < GARNET_STATES; i++)
        out[i] = (elbo_outcome){
            .next = (uint32_t)i,
            .prob = (1e-3 + scatter(row * GARNET_STATES + i)) / sum,
            .reward = scatter(row)};
    return GARNET_STATES;
}

/* One problem, and where its value stands. */
typedef struct run {
    elbo_problem problem;
    elbo_posterior post;
    elbo_arena *arena;
} run;

static void open_run(run *x, elbo_outcomes *outcomes, size_t nS, size_t nA,
                     size_t most)
{
    elbo_mdp *mdp = &x->problem.mdp;
    double *r;

    need(elbo_mdp_build(NULL, outcomes, nS, nA, most, x->arena, &mdp->P, &r)
         == ELBO_OK);
    mdp->nS = nS;
    mdp->nA = nA;
    mdp->r = r;
    mdp->gamma = 0.99;
    x->problem.tilt =
        (elbo_tilt){.kind = &elbo_transition_model,
                    .beta = HUGE_VAL,
                    .gamma = mdp->gamma};
    x->problem.tolerance = -1; /* none is met: all sweeps are made */
    need(elbo_posterior_init(&x->post, &x->problem, x->arena) == ELBO_OK);
}

/* Go on from V for so many sweeps, each with its residual. */
static void sweep(run *x, size_t sweeps)
{
    elbo_solve_info info;

    x->problem.sweeps = sweeps;
    need(elbo_solve(&x->problem, &x->post, &info, x->arena) == ELBO_OK);
}

/* Sweeps a second over one sample. */
static double rate(run *x, size_t sweeps)
{
    const double start = now();
    size_t n = 0;

    for (; now() - start < sample_seconds; n += sweeps) sweep(x, sweeps);
    return (double)n / (now() - start);
}

/* The kernel in the CSR layout, on the same entries. */
static void to_csr(elbo_kernel *P, elbo_arena *arena)
{
    elbo_pattern *csr = elbo_arena_take(arena, 1, sizeof *csr);
    const elbo_pattern *p = P->pattern;
    size_t *start = elbo_arena_sizes(arena, p->nS * p->nA + 1);

    need(elbo_arena_ok(arena));
    for (size_t row = 0; row < p->nS * p->nA; row++)
        start[row + 1] = elbo_row_end(p, row);
    *csr = *p;
    csr->width = 0;
    csr->start = start;
    P->pattern = csr;
}

/* STREAM's triad, in bytes a second. */
static double triad(double a[], const double b[], const double c[])
{
    const double start = now();
    size_t n = 0;

    for (; now() - start < sample_seconds; n++)
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < TRIAD; i++) a[i] = b[i] + 0.385 * c[i];
    return 24.0 * TRIAD * (double)n / (now() - start);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double x[], size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return x[n / 2];
}

static double checksum(run *x)
{
    sweep(x, SUMMED);
    return elbo_sum(x->post.V, x->problem.mdp.nS);
}

/* What one sweep must touch: prob, next, r, V read, V written. */
static double bytes_touched(const elbo_mdp *mdp)
{
    return (double)mdp->P.pattern->nnz * 12 + 8 * (double)(mdp->nS * mdp->nA)
           + 16 * (double)mdp->nS;
}

static void grid(elbo_arena *arena)
{
    double stream[ROUNDS], hard[ROUNDS], csr[ROUNDS], soft[ROUNDS];
    double of_stream[ROUNDS], soft_cost[ROUNDS];
    double *abc = elbo_arena_doubles(arena, 3 * (size_t)TRIAD);
    const double start = now();
    run fixed = {.arena = arena}, listed, warm;

    need(elbo_arena_ok(arena));
    memset(abc, 0, 3 * (size_t)TRIAD * sizeof *abc);
    open_run(&fixed, grid_outcomes, (size_t)SIDE * SIDE, MOVES, 3);
    printf("grid_build_seconds %.3g\n", now() - start);
    printf("grid_sum %.17g\n", checksum(&fixed));
    listed = fixed;
    to_csr(&listed.problem.mdp.P, arena);
    warm = listed;
    warm.problem.alpha = 0.05;
    for (int i = 0; i < ROUNDS; i++) {
        stream[i] = triad(abc, abc + TRIAD, abc + 2 * (size_t)TRIAD);
        hard[i] = rate(&fixed, GRID_SWEEPS);
        csr[i] = rate(&listed, GRID_SWEEPS);
        soft[i] = rate(&warm, GRID_SWEEPS);
        of_stream[i] = hard[i] * bytes_touched(&fixed.problem.mdp) / stream[i];
        soft_cost[i] = csr[i] / soft[i];
    }
    printf("triad_gb %.4g\n", median(stream, ROUNDS) / 1e9);
    printf("grid %.5g\n", median(hard, ROUNDS));
    printf("grid_csr %.5g\n", median(csr, ROUNDS));
    printf("grid_soft_csr %.5g\n", median(soft, ROUNDS));
    printf("grid_of_triad %.4g\n", median(of_stream, ROUNDS));
    printf("soft_cost %.4g\n", median(soft_cost, ROUNDS));
}

static void garnet(elbo_arena *arena)
{
    double rates[ROUNDS];
    run x = {.arena = arena};

    open_run(&x, garnet_outcomes, GARNET_STATES, GARNET_ACTIONS, GARNET_STATES);
    printf("garnet_sum %.17g\n", checksum(&x));
    for (int i = 0; i < ROUNDS; i++) rates[i] = rate(&x, GARNET_SWEEPS);
    printf("garnet %.5g\n", median(rates, ROUNDS));
}

int main(int argc, char *argv[])
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);

    need(arena && elbo_linalg_start() == ELBO_OK);
    if (argc == 2 && strcmp(argv[1], "grid") == 0)
        grid(arena);
    else if (argc == 2 && strcmp(argv[1], "garnet") == 0)
        garnet(arena);
    else
        fprintf(stderr, "usage: bench_tabular grid|garnet\n");
    elbo_arena_free(arena);
    return argc == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
