/* tests/bench/bench_language.c -- what the objective language costs: IterVAML,
 * -0.5*sq(E(V(y)) - V(next)), with its derivative by p, as a compiled program
 * and as a hand-written function of one thread.
 *
 *   rooms   104 states, 4 actions, 4 successors each; every entry is observed
 *   grid    10000 states, 4 actions, 3 successors each; every entry is observed
 *   dense   300 states, 4 actions, every successor; 5000 transitions
 *
 * Prints `name value` lines; `*_ratio` is program over hand, both of one
 * thread.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/core/linalg.h"
#include "inference/language/program.h"

enum { ROUNDS = 15 };
static const double sample_seconds = 0.05;

typedef struct bench {
    elbo_batch batch;
    double *p, *V, *G;
    elbo_program *program;
    double *m, *g; /* [rows] of the hand-written loss */
    double value;
} bench;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_language: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

/* A number in [0, 1) from a counter. */
static double scatter(uint64_t i)
{
    return (double)((i * 2654435761u) % 4294967296u) / 4294967296.0;
}

/* nS states, nA actions, `width` successors a row, n transitions. */
static void open_bench(bench *x, size_t nS, size_t width, size_t n,
                       elbo_arena *arena)
{
    const size_t nA = 4, rows = nS * nA, nnz = rows * width;
    size_t *start = elbo_arena_sizes(arena, rows + 1);
    uint32_t *successor = elbo_arena_u32(arena, nnz);
    uint32_t *row = elbo_arena_u32(arena, n), *next = elbo_arena_u32(arena, n);
    uint32_t *entry = elbo_arena_u32(arena, n);
    double *r = elbo_arena_doubles(arena, n);
    double *weight = elbo_arena_doubles(arena, n);

    x->p = elbo_arena_doubles(arena, nnz);
    x->G = elbo_arena_doubles(arena, nnz);
    x->V = elbo_arena_doubles(arena, nS + 1);
    x->m = elbo_arena_doubles(arena, rows);
    x->g = elbo_arena_doubles(arena, rows);
    need(elbo_arena_ok(arena));
    for (size_t i = 0; i <= rows; i++) start[i] = i * width;
    for (size_t i = 0; i < nnz; i++) {
        const size_t s = i / width / nA;

        successor[i] = (uint32_t)((s + i % width * (width < nS ? 37 : 1)) % nS);
        x->p[i] = (0.5 + scatter(i)) / (double)width;
        x->G[i] = 0;
    }
    for (size_t t = 0; t < n; t++) {
        const size_t i = t * (nnz / n);

        entry[t] = (uint32_t)i;
        row[t] = (uint32_t)(i / width);
        next[t] = successor[i];
        r[t] = scatter(t);
        weight[t] = 1 + scatter(t + n);
    }
    for (size_t s = 0; s < nS; s++) x->V[s] = scatter(s + 77);
    x->V[nS] = 0;
    x->batch = (elbo_batch){.nS = nS,
                            .nA = nA,
                            .n = n,
                            .row = row,
                            .next = next,
                            .entry = entry,
                            .r = r,
                            .weight = weight,
                            .nnz = nnz,
                            .start = start,
                            .successor = successor,
                            .gamma = 0.97};
}

static void compile(bench *x, const char *text, elbo_arena *arena)
{
    const elbo_scope scope = {.finite = true};
    elbo_expr *e;
    size_t column;
    const char *nearest;

    need(elbo_expression_parse(text, arena, &e, &column) == ELBO_OK);
    need(elbo_expression_check(e, &scope, &column, &nearest) == ELBO_OK);
    need(elbo_program_alloc(e, &x->batch, &x->program, &column) == ELBO_OK);
}

static void run_program(bench *x)
{
    const elbo_bindings bind = {.p = x->p, .V = x->V};
    size_t sample;

    need(elbo_program_run(x->program, &bind, &x->value, x->G, &sample)
         == ELBO_OK);
}

/* The same as one would write it for this loss alone: m = P V once a row, then
 * one pass over the data, then one over the entries. */
static void run_hand(bench *x)
{
    const elbo_batch *const b = &x->batch;
    const size_t rows = b->nS * b->nA;
    double value = 0;

    for (size_t row = 0; row < rows; row++) {
        double m = 0;

        for (size_t i = b->start[row]; i < b->start[row + 1]; i++)
            m += x->p[i] * x->V[b->successor[i]];
        x->m[row] = m;
        x->g[row] = 0;
    }
    for (size_t t = 0; t < b->n; t++) {
        const double off = x->m[b->row[t]] - x->V[b->next[t]];

        value -= 0.5 * b->weight[t] * off * off;
        x->g[b->row[t]] -= b->weight[t] * off;
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t i = b->start[row]; i < b->start[row + 1]; i++)
            x->G[i] += x->g[row] * x->V[b->successor[i]];
    x->value = value;
}

/* Seconds a run. */
static double cost(bench *x, void (*run)(bench *))
{
    const double start = now();
    size_t n = 0;

    for (; now() - start < sample_seconds; n++) run(x);
    return (now() - start) / (double)n;
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

static void measure(bench *x, const char *name, elbo_arena *arena)
{
    double program[ROUNDS], hand[ROUNDS], ratio[ROUNDS];

    compile(x, "-0.5*sq(E(V(y)) - V(next))", arena);
    run_hand(x);
    printf("%s_hand %.17g\n", name, x->value);
    run_program(x);
    printf("%s_program %.17g\n", name, x->value);
    for (int i = 0; i < ROUNDS; i++) {
        program[i] = cost(x, run_program);
        hand[i] = cost(x, run_hand);
        ratio[i] = program[i] / hand[i];
    }
    printf("%s_hand_us %.4g\n", name, median(hand, ROUNDS) * 1e6);
    printf("%s_program_us %.4g\n", name, median(program, ROUNDS) * 1e6);
    printf("%s_ratio %.4g\n", name, median(ratio, ROUNDS));
    elbo_program_free(x->program);
}

int main(void)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    bench x = {0};

    need(arena && elbo_linalg_start() == ELBO_OK);
    omp_set_num_threads(1);
    open_bench(&x, 104, 4, 1664, arena);
    measure(&x, "rooms", arena);
    open_bench(&x, 10000, 3, 120000, arena);
    measure(&x, "grid", arena);
    open_bench(&x, 300, 300, 5000, arena);
    measure(&x, "dense", arena);
    elbo_arena_free(arena);
    return EXIT_SUCCESS;
}
