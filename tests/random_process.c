#include "tests/random_process.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "tests: no memory for a random process\n");
    exit(EXIT_FAILURE);
}

double *random_doubles(elbo_rng *rng, size_t n, double low, double high,
                       elbo_arena *arena)
{
    double *x = elbo_arena_doubles(arena, n);

    need(x != NULL);
    for (size_t i = 0; i < n; i++)
        x[i] = low + (high - low) * elbo_rng_uniform(rng);
    return x;
}

/* x[n] >= 0 is made to sum to 1. */
static void normalise(double x[], size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    for (size_t i = 0; i < n; i++) x[i] /= sum;
}

double *random_policy(elbo_rng *rng, size_t rows, size_t nA, bool sparse,
                      elbo_arena *arena)
{
    double *pi = random_doubles(rng, rows * nA, 0.05, 1, arena);

    for (size_t row = 0; row < rows; row++) {
        const size_t kept = elbo_rng_below(rng, nA);

        for (size_t a = 0; a < nA; a++)
            if (sparse && a != kept && elbo_rng_below(rng, 3) == 0)
                pi[row * nA + a] = 0;
        normalise(pi + row * nA, nA);
    }
    return pi;
}

typedef struct garnet {
    size_t nS, branching;
    double ends;
    elbo_rng *rng;
} garnet;

/* `branching` distinct states, drawn by Floyd's method; the last may be END. */
static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const garnet *g = world;
    elbo_rng rng = *g->rng; /* the same answer each time it is asked */
    size_t n = 0;

    rng.index[0] ^= (uint32_t)s;
    rng.index[1] ^= (uint32_t)a;
    rng.used = 4;
    for (size_t top = g->nS - g->branching; top < g->nS; top++) {
        size_t next = elbo_rng_below(&rng, top + 1);

        for (size_t i = 0; i < n; i++)
            if (out[i].next == next) next = top;
        out[n++] = (elbo_outcome){.next = (uint32_t)next,
                                  .prob = 0.03 + elbo_rng_uniform(&rng)};
    }
    out[n - 1].terminal = elbo_rng_uniform(&rng) < g->ends;

    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += out[i].prob;
    for (size_t i = 0; i < n; i++) {
        out[i].prob /= sum;
        out[i].reward = 3 * elbo_rng_uniform(&rng) - 1.5;
    }
    return n;
}

elbo_mdp random_process(elbo_rng *rng, size_t nS, size_t nA, size_t branching,
                        double ends, elbo_arena *arena)
{
    elbo_rng stream = elbo_rng_stream(elbo_rng_u32(rng), "garnet", 0);
    const garnet g = {nS, branching, ends, &stream};
    elbo_mdp mdp = {.nS = nS, .nA = nA, .gamma = 0.93};
    double *r, *mu = random_doubles(rng, nS, 0, 1, arena);

    normalise(mu, nS);
    mdp.mu = mu;
    need(elbo_mdp_build(&g, outcomes, nS, nA, branching, arena, &mdp.P, &r)
         == ELBO_OK);
    mdp.r = r;
    return mdp;
}

/* The widest row without its zeros, and the number of such entries. */
static size_t widest(const elbo_kernel *P, size_t *nnz)
{
    const elbo_pattern *p = P->pattern;
    size_t most = 1;

    *nnz = 0;
    for (size_t row = 0; row < p->nS * p->nA; row++) {
        size_t n = 0;

        for (size_t i = elbo_row_begin(p, row); i < elbo_row_end(p, row); i++)
            n += P->prob[i] != 0;
        *nnz += n;
        if (n > most) most = n;
    }
    return most;
}

static void copy_row(const elbo_kernel *from, size_t row, elbo_pattern *p,
                     uint32_t *next, double *prob)
{
    const elbo_pattern *old = from->pattern;
    size_t at = elbo_row_begin(p, row);
    uint32_t last = 0;

    for (size_t i = elbo_row_begin(old, row); i < elbo_row_end(old, row); i++) {
        if (from->prob[i] == 0) continue;
        last = (uint32_t)elbo_successor(old, row, i);
        prob[next ? at : elbo_row_begin(p, row) + last] = from->prob[i];
        if (next) next[at++] = last;
    }
    while (next && p->width && at < elbo_row_end(p, row)) next[at++] = last;
}

elbo_kernel in_layout(const elbo_kernel *P, layout wanted, elbo_arena *arena)
{
    const size_t nS = P->pattern->nS, nA = P->pattern->nA, rows = nS * nA;
    size_t nnz;
    const size_t width = widest(P, &nnz);
    elbo_pattern *p = elbo_arena_take(arena, 1, sizeof *p);

    need(p && (wanted != LAYOUT_FIXED || width <= 8));
    *p = (elbo_pattern){.nS = nS, .nA = nA, .nnz = nnz};
    if (wanted == LAYOUT_FIXED) p->width = width;
    if (wanted == LAYOUT_DENSE) p->width = nS + 1;
    if (wanted != LAYOUT_CSR) p->nnz = rows * p->width;

    uint32_t *next =
        wanted == LAYOUT_DENSE ? NULL : elbo_arena_u32(arena, p->nnz);
    size_t *start =
        wanted == LAYOUT_CSR ? elbo_arena_sizes(arena, rows + 1) : NULL;
    double *prob = elbo_arena_take(arena, p->nnz, sizeof *prob);

    need(elbo_arena_ok(arena));
    for (size_t row = 0; start && row < rows; row++) {
        start[row + 1] = start[row];
        for (size_t i = elbo_row_begin(P->pattern, row);
             i < elbo_row_end(P->pattern, row); i++)
            start[row + 1] += P->prob[i] != 0;
    }
    p->start = start;
    p->next = next;
    for (size_t row = 0; row < rows; row++) copy_row(P, row, p, next, prob);
    return (elbo_kernel){.pattern = p, .prob = prob};
}

elbo_problem problem_of(const elbo_mdp *mdp, double alpha, double beta,
                        elbo_kl kl)
{
    return (elbo_problem){
        .mdp = *mdp,
        .tilt = {.kind = isinf(beta) ? &elbo_transition_model
                                     : &elbo_transition_tilt,
                 .beta = beta,
                 .kl = kl,
                 .gamma = mdp->gamma},
        .alpha = alpha,
        .tolerance = 1e-13,
        .sweeps = 100000
    };
}
