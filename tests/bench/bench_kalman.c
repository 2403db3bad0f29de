/* tests/bench/bench_kalman.c -- milliseconds of an iteration that learns a
 * latent linear system, T = 1000, ny = nx / 2.
 *
 *   bench_kalman NX
 *
 * `em`: all of A, C, Q, R, m0, P0 by EM; `em_steady`: the same with gains kept
 * where they converged; `vb`: variational EM. The same data are learnt from by
 * peer_kalman.py; `loglik` (after ROUNDS iterations) tells that EM is the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "inference/core/linalg.h"
#include "inference/messages/lds.h"

enum { T = 1000, ROUNDS = 9 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_kalman: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

/* A number in [0, 1) from a counter: the same in C and in numpy. */
static double scatter(size_t i)
{
    return (double)((i * 2654435761u) % 4294967296u) / 4294967296.0;
}

/* Of variance 1: a sum of twelve. */
static double noise(size_t i)
{
    double sum = -6;

    for (size_t k = 0; k < 12; k++) sum += scatter(12 * i + k);
    return sum;
}

typedef struct problem {
    gsl_matrix *A, *C, *Q, *R, *P0, *Y;
    gsl_vector *m0;
    elbo_lgssm_step step;
    elbo_lgssm sys;
    elbo_sequence data;
} problem;

static void open_problem(problem *p, size_t nx, size_t ny, elbo_arena *arena)
{
    double *x = elbo_arena_doubles(arena, nx),
           *y = elbo_arena_doubles(arena, nx);

    *p = (problem){.A = elbo_arena_mat(arena, nx, nx),
                   .C = elbo_arena_mat(arena, ny, nx),
                   .Q = elbo_arena_mat(arena, nx, nx),
                   .R = elbo_arena_mat(arena, ny, ny),
                   .P0 = elbo_arena_mat(arena, nx, nx),
                   .Y = elbo_arena_mat(arena, T, ny),
                   .m0 = elbo_arena_vec(arena, nx)};
    need(elbo_arena_ok(arena));
    gsl_matrix_set_zero(p->A);
    gsl_matrix_set_identity(p->Q);
    gsl_matrix_set_identity(p->R);
    gsl_matrix_set_identity(p->P0);
    gsl_vector_set_zero(p->m0);
    for (size_t i = 0; i < nx; i++) {
        gsl_matrix_set(p->A, i, i, 0.9 - 0.6 * (double)i / (double)nx);
        if (i + 1 < nx) gsl_matrix_set(p->A, i, i + 1, 0.1);
        x[i] = 0;
    }
    for (size_t i = 0; i < ny; i++)
        for (size_t j = 0; j < nx; j++)
            gsl_matrix_set(p->C, i, j, scatter(i * nx + j) - 0.5);
    for (size_t t = 0; t < T; t++) {
        for (size_t i = 0; i < ny; i++) {
            double sum = noise((2 * t + 1) * nx + i);

            for (size_t j = 0; j < nx; j++)
                sum += gsl_matrix_get(p->C, i, j) * x[j];
            gsl_matrix_set(p->Y, t, i, sum);
        }
        for (size_t i = 0; i < nx; i++) {
            y[i] = noise(2 * t * nx + i);
            for (size_t j = 0; j < nx; j++)
                y[i] += gsl_matrix_get(p->A, i, j) * x[j];
        }
        for (size_t i = 0; i < nx; i++) x[i] = y[i];
    }
    p->step = (elbo_lgssm_step){.A = p->A, .Q = p->Q, .C = p->C, .R = p->R};
    p->sys = (elbo_lgssm){
        .nx = nx, .ny = ny, .steps = &p->step, .m0 = p->m0, .P0 = p->P0};
    p->data = (elbo_sequence){.Y = p->Y};
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median of the iterations, and the last bound. */
static double learn(const problem *p, elbo_lds_method method, double steady,
                    double *bound)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    elbo_lds_config config = elbo_lds_defaults;
    double ms[ROUNDS];
    elbo_lds_info info;
    elbo_lds *lds;

    config.nx = p->sys.nx;
    config.method = method;
    config.initial = &p->sys;
    config.steady = steady;
    if (method == ELBO_LDS_EM) config.hold = ELBO_LDS_HOLD_b | ELBO_LDS_HOLD_d;
    need(arena && elbo_lds_open(&config, &p->data, 1, arena, &lds) == ELBO_OK);
    for (size_t i = 0; i < ROUNDS; i++) {
        const double start = now();

        need(elbo_lds_iterate(lds, &info) == ELBO_OK);
        ms[i] = now() - start;
    }
    *bound = info.bound;
    elbo_arena_free(arena);
    qsort(ms, ROUNDS, sizeof *ms, ascending);
    return ms[ROUNDS / 2];
}

int main(int argc, char *argv[])
{
    const long nx = argc == 2 ? atol(argv[1]) : 0;
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    double exact, steady, bound;
    problem p;

    if (nx < 2) {
        fprintf(stderr, "usage: bench_kalman NX\n");
        return EXIT_FAILURE;
    }
    need(arena && elbo_linalg_start() == ELBO_OK);
    open_problem(&p, (size_t)nx, (size_t)nx / 2, arena);
    printf("em %.5g\n", learn(&p, ELBO_LDS_EM, 0, &exact));
    printf("em_steady %.5g\n", learn(&p, ELBO_LDS_EM, 1e-10, &steady));
    printf("vb %.5g\n", learn(&p, ELBO_LDS_VB, 0, &bound));
    printf("loglik %.17g\n", -exact);
    printf("steady_gap %.3g\n", fabs(steady - exact));
    elbo_arena_free(arena);
    return EXIT_SUCCESS;
}
