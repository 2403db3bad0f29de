/* tests/bench/bench_hmm.c -- milliseconds of a forward-backward pass with
 * expected transitions, T = 10 000.
 *
 *   bench_hmm STATES
 *
 * Prints `name value` lines. The same chain is timed by peer_hmm.py; `loglik`
 * and `count` (E number of 0 -> 1) tell that it is the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "inference/core/linalg.h"
#include "inference/messages/hmm.h"

enum { T = 10000, ROUNDS = 7 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_hmm: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

/* A number in [0, 1) from a counter: the same in C and in numpy. */
static double scatter(size_t i)
{
    return (double)((i * 2654435761u) % 4294967296u) / 4294967296.0;
}

static void simplex(double p[], size_t n, size_t from)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += p[i] = 0.01 + scatter(from + i);
    for (size_t i = 0; i < n; i++) p[i] /= sum;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    need(elbo_linalg_start() == ELBO_OK);

    const size_t K = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);

    need(ws && K > 1);

    double *const start = elbo_arena_doubles(ws, K);
    double *const A = elbo_arena_doubles(ws, K * K);
    double *const logs = elbo_arena_doubles(ws, T * K);
    double *const gamma = elbo_arena_doubles(ws, T * K);
    elbo_hmm_posterior out = {
        .occupancy = gamma,
        .transitions = elbo_arena_take(ws, K * K, sizeof(double)),
    };
    double ms[ROUNDS];

    need(elbo_arena_ok(ws));
    simplex(start, K, 7);
    for (size_t i = 0; i < K; i++) simplex(A + i * K, K, K * i);
    for (size_t i = 0; i < T * K; i++) logs[i] = -5 * scatter(3 * i + 1);

    const elbo_hmm hmm = {K, start, A};

    need(!elbo_hmm_forward_backward(&hmm, logs, T, &out, ws)); /* warm */
    for (size_t r = 0; r < ROUNDS; r++) {
        const double begin = now();

        for (size_t i = 0; i < K * K; i++) out.transitions[i] = 0;
        need(!elbo_hmm_forward_backward(&hmm, logs, T, &out, ws));
        ms[r] = now() - begin;
    }
    qsort(ms, ROUNDS, sizeof *ms, ascending);
    printf("ms %.4f\nloglik %.17g\ncount %.17g\n", ms[ROUNDS / 2], out.loglik,
           out.transitions[1]);
    elbo_arena_free(ws);
    return 0;
}
