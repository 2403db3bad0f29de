/* tests/bench/bench_rollout.c -- one step of many states through an ensemble: a
 * random member a state, Gaussian noise.
 *
 *     bench_rollout
 *
 * 7 members of 4 x 200 units (SiLU), 23 inputs, 18 outputs with their
 * deviations, 100 000 states. Prints the states a second, the share of the
 * sgemm rate at n = 1024, and sums that the peer must find too: of the mean's
 * changes, and the deviation of the noise about it. Parameters and states are
 * made by integers, as in peer_rollout.py.
 */
#include <gsl/gsl_cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "inference/core/linalg.h"
#include "models/ensemble.h"
#include "models/registry.h"

enum { NO = 18, NU = 5, N = 100000, MEMBERS = 7, ROUNDS = 9, SIDE = 1024 };

/* Of one thread the processor's time, which a busy machine does not stretch. */
static double now(void)
{
    const bool one = omp_get_max_threads() == 1;
    struct timespec t;

    clock_gettime(one ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Even on [0, 1): the same in the peer. */
static double scatter(uint64_t i)
{
    return (double)(uint32_t)(i * UINT64_C(2654435761)) / 4294967296.0;
}

static void no_reward(const void *self, size_t n, const float o[],
                      const float u[], const float next[], float out[])
{
    (void)self, (void)o, (void)u, (void)next;
    for (size_t i = 0; i < n; i++) out[i] = 0;
}

static void start(elbo_ensemble *e)
{
    for (size_t m = 0; m < MEMBERS; m++) {
        float *theta = elbo_ensemble_theta(e, m);
        size_t at = 0;

        for (size_t l = 0; l < e->mlp.layers; l++) {
            const size_t n = e->mlp.width[l], k = n * e->mlp.width[l + 1];

            for (size_t i = 0; i < k; i++)
                theta[at + i] = (float)((2 * scatter(1000003 * m + at + i) - 1)
                                        / sqrt((double)n));
            at += k + e->mlp.width[l + 1];
        }
    }
}

static double median(double x[], size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && x[j] < x[j - 1]; j--) {
            const double kept = x[j];

            x[j] = x[j - 1];
            x[j - 1] = kept;
        }
    return x[n / 2];
}

static double gemm_rate(elbo_arena *arena)
{
    float *const a = elbo_arena_take(arena, SIDE * SIDE, sizeof *a);
    float *const b = elbo_arena_take(arena, SIDE * SIDE, sizeof *b);
    float *const c = elbo_arena_take(arena, SIDE * SIDE, sizeof *c);
    double took[ROUNDS];

    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
        a[i] = b[i] = (float)scatter(i);
    for (size_t k = 0; k < ROUNDS; k++) {
        const double begin = now();

        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE,
                    1, a, SIDE, b, SIDE, 0, c, SIDE);
        took[k] = now() - begin;
    }
    return 2e-9 * SIDE * SIDE * SIDE / median(took, ROUNDS);
}

int main(void)
{
    static const elbo_task task = {.reward = no_reward};
    static const double low[NU] = {-1, -1, -1, -1, -1},
                        high[NU] = {1, 1, 1, 1, 1};
    const elbo_task_world world = {.task = &task,
                                   .nx = NO,
                                   .no = NO,
                                   .na = NU,
                                   .nu = NU,
                                   .low = low,
                                   .high = high};
    elbo_arena *const arena = elbo_arena_alloc(1 << 20), *const ws =
                                                             elbo_arena_alloc(
                                                                 1 << 20);
    elbo_values values;
    elbo_task_belief belief;

    if (elbo_linalg_start() != ELBO_OK) return 1;
    if (elbo_values_init(&values, elbo_model_ensemble.options, arena) != ELBO_OK
        || elbo_values_parse(&values,
                             "members=7 layers=4 width=200 terminal=never")
               != ELBO_OK
        || elbo_model_ensemble.task->open(&values, &world, 1, arena, &belief)
               != ELBO_OK)
        return 1;
    start(belief.self);

    float *const o = elbo_arena_take(arena, N * NO, sizeof *o);
    float *const u = elbo_arena_take(arena, N * NU, sizeof *u);
    float *const next = elbo_arena_take(arena, N * NO, sizeof *next);
    float *const mean = elbo_arena_take(arena, N * NO, sizeof *mean);
    float *const reward = elbo_arena_take(arena, N, sizeof *reward);
    uint8_t *const end = elbo_arena_take(arena, N, 1);
    uint32_t *const member = elbo_arena_u32(arena, N);
    elbo_rng *const rng = elbo_arena_take(arena, N, sizeof *rng);
    double took[ROUNDS], sum = 0, squares = 0;

    for (size_t i = 0; i < (size_t)N * NO; i++)
        o[i] = (float)(4 * scatter(i) - 2);
    for (size_t i = 0; i < (size_t)N * NU; i++)
        u[i] = (float)(2 * scatter(7 * i) - 1);
    for (size_t i = 0; i < N; i++) {
        member[i] = (uint32_t)(scatter(13 * i + 5) * MEMBERS);
        rng[i] = elbo_rng_stream(1, "rollout", i);
    }
    for (size_t k = 0; k < ROUNDS; k++) {
        const double begin = now();

        if (belief.model->draw(&belief, N, o, u, member, rng, false, next,
                               reward, end, ws)
            != ELBO_OK)
            return 1;
        took[k] = now() - begin;
    }
    if (belief.model->draw(&belief, N, o, u, member, rng, true, mean, reward,
                           end, ws)
        != ELBO_OK)
        return 1;
    for (size_t i = 0; i < (size_t)N * NO; i++) {
        sum += fabs((double)mean[i] - (double)o[i]);
        squares += pow((double)next[i] - (double)mean[i], 2);
    }

    const double t = median(took, ROUNDS);
    /* multiplications and additions of a state */
    const double flops = 2.0 * (23 * 200 + 3 * 200 * 200 + 200 * 36);

    printf("states_per_second %.0f\n", N / t);
    printf("of_gemm %.3f\n", 1e-9 * flops * N / t / gemm_rate(arena));
    printf("change %.6f\n", sum / N / NO);
    printf("deviation %.6f\n", sqrt(squares / N / NO));
    elbo_arena_free(arena);
    elbo_arena_free(ws);
    return 0;
}
