#include "inference/backup.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/explog.h"
#include "inference/core/parallel.h"

/* Rows of a block of states: what a block needs stays in the second cache. */
enum { BLOCK = ELBO_MOST_ACTIONS };

/* A block of states in work: arrays start at its first state or row. */
typedef struct block {
    size_t n, nA; /* states, actions */
    double alpha;
    const double *pi0, *Q; /* [n x nA] */
    double *V;             /* [n] */
    double *pi;            /* [n x nA] or NULL */
} block;

/* V = max of Q over the actions that pi0 allows; NaN if one of their Q is. */
static inline void best_actions(size_t nA, const block *b)
{
    for (size_t s = 0; s < b->n; s++) {
        const double *Q = b->Q + s * nA, *pi0 = b->pi0 + s * nA;
        double best = -HUGE_VAL;

        for (size_t a = 0; a < nA; a++) {
            const double q = pi0[a] > 0 ? Q[a] : -HUGE_VAL;

            best = q > best || q != q ? q : best;
        }
        b->V[s] = best;
    }
}

/* The same for the action counts that are common: gcc unrolls them. */
static void maximise(const block *b)
{
    switch (b->nA) {
    case 2:
        best_actions(2, b);
        break;
    case 4:
        best_actions(4, b);
        break;
    default:
        best_actions(b->nA, b);
    }
}

/* alpha = 0: pi is on the first action that attains V. */
static void hard(const block *b)
{
    maximise(b);
    for (size_t s = 0; b->pi && s < b->n; s++) {
        const double *Q = b->Q + s * b->nA, *pi0 = b->pi0 + s * b->nA;
        double *pi = b->pi + s * b->nA, left = 1;

        for (size_t a = 0; a < b->nA; a++) {
            pi[a] = pi0[a] > 0 && Q[a] == b->V[s] ? left : 0;
            left -= pi[a];
        }
    }
}

/* alpha = inf: V = sum pi0 Q, pi = pi0. */
static void average(const block *b)
{
    for (size_t s = 0; s < b->n; s++) {
        const double *Q = b->Q + s * b->nA, *pi0 = b->pi0 + s * b->nA;
        double sum = 0;

        for (size_t a = 0; a < b->nA; a++) sum += pi0[a] * Q[a];
        b->V[s] = sum;
    }
    if (b->pi) memcpy(b->pi, b->pi0, b->n * b->nA * sizeof *b->pi);
}

/* x = (Q - max Q) / alpha becomes exp(x), and minus_one exp(x) - 1. What pi0
 * does not allow may be better than the maximum: it is cut, and weighs 0. */
static void exponentials(const block *b, double x[restrict],
                         double minus_one[restrict])
{
    for (size_t s = 0; s < b->n; s++)
        for (size_t a = 0; a < b->nA; a++)
            x[s * b->nA + a] = b->Q[s * b->nA + a] - b->V[s];
    for (size_t i = 0; i < b->n * b->nA; i++) {
        const double y = x[i] / b->alpha;

        x[i] = elbo_exp(y > 0 ? 0 : y, &minus_one[i]);
    }
}

/* V = max Q + alpha log sum pi0 exp(x). The sum and its excess over 1 are both
 * kept, for either alone loses digits somewhere. */
static void soft(const block *b)
{
    double x[BLOCK], minus_one[BLOCK], sum[BLOCK], excess[BLOCK];

    maximise(b);
    exponentials(b, x, minus_one);
    for (size_t s = 0, i = 0; s < b->n; s++) {
        double mass = 0, weight = 0, more = 0;

        for (size_t a = 0; a < b->nA; a++, i++) {
            mass += b->pi0[i];
            weight += b->pi0[i] * x[i];
            more += b->pi0[i] * minus_one[i];
        }
        sum[s] = weight;
        excess[s] = more + (mass - 1);
    }
    for (size_t s = 0; s < b->n; s++)
        b->V[s] += b->alpha * elbo_log_near(sum[s], excess[s]);
    for (size_t i = 0; b->pi && i < b->n * b->nA; i++)
        b->pi[i] = b->pi0[i] * x[i] / sum[i / b->nA];
}

/* max |x - y|. The bits of doubles without a sign are ordered as they are, NaN
 * above all, and a maximum of integers is one that the compiler may vectorise.
 */
static double distance(size_t n, const double x[], const double y[])
{
    int64_t largest = 0;

    for (size_t i = 0; i < n; i++) {
        const int64_t d = (int64_t)elbo_bits(fabs(x[i] - y[i]));

        largest = d > largest ? d : largest;
    }
    return elbo_from_bits((uint64_t)largest);
}

/* One sweep, as the chunks see it. */
typedef struct sweep {
    const elbo_problem *problem;
    const double *pi0, *V_next;
    double *V, *Q, *pi; /* Q and pi may be NULL */
    void (*reduce)(const block *b);
} sweep;

/* Q = r + ce(V_next), V and pi of states first .. last - 1; their residual. */
static double sweep_states(void *arg, size_t first, size_t last)
{
    const sweep *w = arg;
    const elbo_problem *problem = w->problem;
    const size_t nA = problem->mdp.nA, most = BLOCK / nA;
    double buffer[BLOCK];

    for (size_t s = first, n; s < last; s += n) {
        n = last - s < most ? last - s : most;

        const size_t row = s * nA, rows = n * nA;
        double *Q = w->Q ? w->Q + row : buffer;

        problem->tilt.kind->expect(&problem->tilt, &problem->mdp.P, w->V_next,
                                   row, row + rows, Q);
        for (size_t i = 0; i < rows; i++) Q[i] += problem->mdp.r[row + i];
        w->reduce(&(block){.n = n,
                           .nA = nA,
                           .alpha = problem->alpha,
                           .pi0 = w->pi0 + row,
                           .Q = Q,
                           .V = w->V + s,
                           .pi = w->pi ? w->pi + row : NULL});
    }
    return distance(last - first, w->V + first, w->V_next + first);
}

/* A rough number of operations, by which parallel loops decide. */
static size_t work_of(const elbo_problem *problem)
{
    return 2 * problem->mdp.P.pattern->nnz
           + 8 * problem->mdp.nS * problem->mdp.nA;
}

double elbo_backup(const elbo_problem *problem, const double pi0[],
                   const double V_next[], double V[], double Q[], double pi[])
{
    const double alpha = problem->alpha;
    sweep w = {.problem = problem,
               .pi0 = pi0,
               .V_next = V_next,
               .V = V,
               .Q = Q,
               .pi = pi,
               .reduce = alpha > 0 ? isinf(alpha) ? average : soft : hard};

    assert(alpha >= 0 && problem->mdp.nA <= ELBO_MOST_ACTIONS);
    V[problem->mdp.nS] = 0;
    return elbo_parallel_max(problem->mdp.nS, work_of(problem), &w,
                             sweep_states);
}

/* q of one stage from the value it is followed by. */
typedef struct tilting {
    const elbo_problem *problem;
    const double *V;
    double *q;
} tilting;

static void tilt_states(void *arg, size_t chunk, size_t first, size_t last)
{
    const tilting *t = arg;
    const elbo_problem *problem = t->problem;

    (void)chunk;
    problem->tilt.kind->posterior(&problem->tilt, &problem->mdp.P, t->V,
                                  first * problem->mdp.nA,
                                  last * problem->mdp.nA, t->q);
}

static void tilt_stage(const elbo_problem *problem, elbo_posterior *post,
                       size_t stage, const double V_next[])
{
    tilting t = {problem, V_next, NULL};

    if (!post->q) return;
    t.q = post->q + stage * post->nnz;
    elbo_parallel(post->nS, 8 * work_of(problem), &t, tilt_states);
}

/* The value that follows stage t. */
static double *value_after(const elbo_problem *problem, elbo_posterior *post,
                           size_t t)
{
    return post->V + (problem->mdp.horizon ? t + 1 : 0) * (post->nS + 1);
}

void elbo_posterior_tilt(const elbo_problem *problem, elbo_posterior *post)
{
    for (size_t t = 0; t < post->stages; t++)
        tilt_stage(problem, post, t, value_after(problem, post, t));
}

/* All of V, Q finite, or the first state at fault. */
static elbo_status check_finite(const elbo_posterior *post, size_t stage)
{
    const double *V = post->V + stage * (post->nS + 1);
    const double *Q = post->Q + stage * post->nS * post->nA;

    for (size_t s = 0; s < post->nS; s++) {
        for (size_t a = 0; a < post->nA; a++)
            if (!isfinite(Q[s * post->nA + a]))
                return ELBO_FAIL(ELBO_ENOTFINITE,
                                 "stage %zu, state %zu, action %zu: Q is %g",
                                 stage, s, a, Q[s * post->nA + a]);
        if (!isfinite(V[s]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "stage %zu, state %zu: V is %g",
                             stage, s, V[s]);
    }
    return ELBO_OK;
}

/* Backwards once: stage t is followed by the value of stage t + 1. */
static elbo_status solve_stages(const elbo_problem *problem,
                                elbo_posterior *post, elbo_solve_info *info)
{
    const size_t rows = post->nS * post->nA;

    memset(post->V + post->stages * (post->nS + 1), 0,
           (post->nS + 1) * sizeof *post->V);
    for (size_t t = post->stages; t-- > 0;) {
        double *V = post->V + t * (post->nS + 1);

        (void)elbo_backup(problem, post->pi0 + t * rows, V + post->nS + 1, V,
                          post->Q + t * rows, post->pi + t * rows);
        ELBO_TRY(check_finite(post, t));
        tilt_stage(problem, post, t, V + post->nS + 1);
    }
    *info = (elbo_solve_info){.sweeps = 1, .converged = true};
    return ELBO_OK;
}

/* Sweep V to and fro; the last sweep, after the residual is small enough or the
 * sweeps are spent, also gives Q and pi, and q is tilted by what it started
 * from: V = max over (pi, q) at that value is attained by exactly these. */
static elbo_status solve_fixed_point(const elbo_problem *problem,
                                     elbo_posterior *post,
                                     elbo_solve_info *info, elbo_arena *ws)
{
    double *from = post->V, *to = elbo_arena_doubles(ws, post->nS + 1);
    double residual = HUGE_VAL;
    bool small = false;
    size_t sweeps = 1; /* with the last one */

    ELBO_TRY(elbo_arena_check(ws, "solve: values"));
    from[post->nS] = 0;
    for (; sweeps < problem->sweeps && !small; sweeps++) {
        double *const swap = from;

        residual = elbo_backup(problem, post->pi0, from, to, NULL, NULL);
        small = !(residual > problem->tolerance); /* or NaN: seen below */
        from = to;
        to = swap;
    }
    residual = elbo_backup(problem, post->pi0, from, to, post->Q, post->pi);
    tilt_stage(problem, post, 0, from);
    if (to != post->V) memcpy(post->V, to, (post->nS + 1) * sizeof *post->V);
    *info =
        (elbo_solve_info){.sweeps = sweeps,
                          .residual = residual,
                          .converged = small || residual <= problem->tolerance};
    return check_finite(post, 0);
}

elbo_status elbo_solve(const elbo_problem *problem, elbo_posterior *post,
                       elbo_solve_info *info, elbo_arena *ws)
{
    if (problem->mdp.nA > ELBO_MOST_ACTIONS)
        return ELBO_FAIL(ELBO_ESIZE, "backup: %zu actions, at most %d",
                         problem->mdp.nA, ELBO_MOST_ACTIONS);
    if (problem->mdp.horizon) return solve_stages(problem, post, info);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = solve_fixed_point(problem, post, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}
