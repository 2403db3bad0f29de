#include "inference/backup.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "inference/core/explog.h"
#include "inference/core/parallel.h"
#include "inference/core/unroll.h"

/* Rows of a block of states: as many as keep all a block needs in the first
 * cache, but one state at least. */
enum { ROWS = 256, BLOCK = ELBO_MOST_ACTIONS };

/* A solve that has gone on for so long is likely to go on: what makes sweeps
 * faster is made. */
enum { SWEEPS_THAT_PAY = 8 };

/* A block of states in work: arrays start at its first state or row. */
typedef struct block {
    size_t n, nA; /* states, actions */
    double alpha;
    bool plain;            /* pi0 allows every action, and no Q is NaN */
    double uniform;        /* what pi0 is everywhere; 0: it differs */
    const double *pi0, *Q; /* [n x nA] */
    double *V;             /* [n] */
    double *pi;            /* [n x nA] or NULL */
} block;

/* V = max of Q. */
static inline void best_of_all(size_t nA, size_t n, const double Q[restrict],
                               double V[restrict])
{
    for (size_t s = 0; s < n; s++) {
        double best = Q[s * nA];

        for (size_t a = 1; a < nA; a++)
            best = Q[s * nA + a] > best ? Q[s * nA + a] : best;
        V[s] = best;
    }
}

/* V = max of Q over the actions that pi0 allows; NaN if one of their Q is. */
static void best_allowed(const block *b)
{
    for (size_t s = 0; s < b->n; s++) {
        const double *Q = b->Q + s * b->nA, *pi0 = b->pi0 + s * b->nA;
        double best = -HUGE_VAL;

        for (size_t a = 0; a < b->nA; a++)
            if (pi0[a] > 0 && (Q[a] > best || isnan(Q[a]))) best = Q[a];
        b->V[s] = best;
    }
}

static void maximise(const block *b)
{
    if (b->plain) {
        ELBO_UNROLL(b->nA, best_of_all, b->n, b->Q, b->V)
    } else {
        best_allowed(b);
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

/* x = (Q - max Q) / alpha. What pi0 does not allow may be better than the
 * maximum: it is cut, and weighs 0. */
static inline void exponents(size_t nA, size_t n, double per_alpha,
                             const double Q[], const double V[], double x[])
{
    for (size_t s = 0; s < n; s++) {
        const double best = V[s];

#pragma omp simd /* by actions: by states the arrays would be transposed */
        for (size_t a = 0; a < nA; a++) {
            const double d = (Q[s * nA + a] - best) * per_alpha;

            x[s * nA + a] = 0 < d ? 0 : d;
        }
    }
}

/* more = sum pi0 exp(x) - 1, from exp(x) - 1: no digits are lost where the sum
 * is near 1, and few unless it is small. */
static inline void add_actions(size_t nA, size_t n, const double pi0[restrict],
                               const double minus_one[restrict],
                               double more[restrict])
{
    for (size_t s = 0; s < n; s++) {
        double mass = -1, sum = 0;

        for (size_t a = 0; a < nA; a++) {
            mass += pi0[s * nA + a];
            sum += pi0[s * nA + a] * minus_one[s * nA + a];
        }
        more[s] = sum + mass;
    }
}

/* The same to the bit, where pi0 is `share` of every action and need not be
 * read. */
static inline void add_equal_actions(size_t nA, size_t n, double share,
                                     const double minus_one[restrict],
                                     double more[restrict])
{
    double mass = -1;

    for (size_t a = 0; a < nA; a++) mass += share;
    for (size_t s = 0; s < n; s++) {
        double sum = 0;

        for (size_t a = 0; a < nA; a++) sum += share * minus_one[s * nA + a];
        more[s] = sum + mass;
    }
}

/* alpha log sum pi0 exp(Q / alpha) of a state whose best action pi0 hardly
 * allows. */
static double careful_value(const block *b, size_t s)
{
    const double *Q = b->Q + s * b->nA, *pi0 = b->pi0 + s * b->nA;
    double best = -HUGE_VAL, sum = 0;

    for (size_t a = 0; a < b->nA; a++)
        if (pi0[a] > 0 && Q[a] > best) best = Q[a];
    for (size_t a = 0; a < b->nA; a++)
        if (pi0[a] > 0) sum += pi0[a] * exp((Q[a] - best) / b->alpha);
    return best + b->alpha * log(sum);
}

static void add_logs(size_t n, double alpha, const double more[restrict],
                     double V[restrict])
{
    for (size_t s = 0; s < n; s++)
        V[s] += alpha * elbo_log_near(1 + more[s], more[s]);
}

/* pi ~ pi0 exp(x). */
static void soft_policy(const block *b, const double x[restrict])
{
    double minus_one;

    for (size_t i = 0; i < b->n * b->nA; i++)
        b->pi[i] = b->pi0[i] * elbo_exp(x[i], &minus_one);
    for (size_t s = 0; s < b->n; s++) {
        double *pi = b->pi + s * b->nA, sum = 0;

        for (size_t a = 0; a < b->nA; a++) sum += pi[a];
        for (size_t a = 0; a < b->nA; a++) pi[a] /= sum;
    }
}

/* V = max Q + alpha log sum pi0 exp(x). */
static void soft(const block *b)
{
    static const double small = 1.0 / 64 - 1; /* six bits of the sum are lost */
    double x[BLOCK], more[BLOCK];

    maximise(b);
    ELBO_UNROLL(b->nA, exponents, b->n, 1 / b->alpha, b->Q, b->V, x)
    if (b->pi) soft_policy(b, x);
    elbo_expm1_all(b->n * b->nA, x);
    if (b->uniform > 0) {
        ELBO_UNROLL(b->nA, add_equal_actions, b->n, b->uniform, x, more)
    } else {
        ELBO_UNROLL(b->nA, add_actions, b->n, b->pi0, x, more)
    }
    add_logs(b->n, b->alpha, more, b->V);
    for (size_t s = 0; s < b->n; s++)
        if (more[s] < small) b->V[s] = careful_value(b, s);
}

/* The larger of `largest` and max |x - y|, as bits. The bits of doubles without
 * a sign are ordered as they are, NaN above all, and a maximum of integers is
 * one that the compiler may vectorise.
 */
static int64_t distance(int64_t largest, size_t n, const double x[restrict],
                        const double y[restrict])
{
    for (size_t i = 0; i < n; i++) {
        const int64_t d = (int64_t)elbo_bits(fabs(x[i] - y[i]));

        largest = d > largest ? d : largest;
    }
    return largest;
}

/* One sweep, as the chunks see it. */
typedef struct sweep {
    const elbo_problem *problem;
    const double *pi0, *V_next;
    double *V, *Q, *pi; /* Q and pi may be NULL */
    bool all;           /* V alone is wanted, and pi0 allows every action */
    double uniform;     /* pi0 is known to be this everywhere; 0: it is not */
    void (*reduce)(const block *b);
    bool backwards; /* the caches still hold what the sweep before ended with */
} sweep;

/* Whether every action of n rows is allowed. */
static bool allows(size_t n, const double pi0[])
{
    uint64_t forbidden = 0;

    for (size_t i = 0; i < n; i++) forbidden |= (uint64_t) !(pi0[i] > 0);
    return forbidden == 0;
}

/* 1 / nA where pi0 is that of every action, else 0. */
static double uniform_share(size_t nS, size_t nA, const double pi0[])
{
    const double share = 1 / (double)nA;
    uint64_t other = 0;

    for (size_t i = 0; i < nS * nA; i++) other |= (uint64_t)(pi0[i] != share);
    return other == 0 ? share : 0;
}

/* The rewards of the next block are asked for while this one is in work: the
 * processor's own guesses end with each page. */
static void ask_ahead(const double r[], size_t rows)
{
    enum { LINE = 8 };

    for (size_t i = 0; i < rows; i += LINE) __builtin_prefetch(r + i);
}

/* Q += r; whether all of it is a number. */
static bool add_rewards(size_t n, const double r[restrict], double Q[restrict])
{
    uint64_t bad = 0;

    for (size_t i = 0; i < n; i++) {
        const double q = Q[i] + r[i];

        bad |= (uint64_t)(q != q);
        Q[i] = q;
    }
    return bad == 0;
}

/* Q = r + ce(V_next), V and pi of n states from s on; `buffer` holds Q where
 * the sweep does not ask for it. `left`: how many states follow. */
static void reduce_states(const sweep *w, size_t s, size_t n, size_t left,
                          double buffer[])
{
    const elbo_problem *problem = w->problem;
    const size_t nA = problem->mdp.nA, row = s * nA, rows = n * nA;
    double *Q = w->Q ? w->Q + row : buffer;

    ask_ahead(problem->mdp.r + row + rows, (left < n ? left : n) * nA);
    problem->tilt.kind->expect(&problem->tilt, &problem->mdp.P, w->V_next, row,
                               row + rows, Q);

    const bool numbers = add_rewards(rows, problem->mdp.r + row, Q);

    w->reduce(
        &(block){.n = n,
                 .nA = nA,
                 .alpha = problem->alpha,
                 .plain = numbers && (w->all || allows(rows, w->pi0 + row)),
                 .uniform = w->uniform,
                 .pi0 = w->pi0 + row,
                 .Q = Q,
                 .V = w->V + s,
                 .pi = w->pi ? w->pi + row : NULL});
}

/* V in one pass over the process, where that is all there is to do. */
static bool maximise_states(const sweep *w, size_t s, size_t n)
{
    const elbo_tilt *tilt = &w->problem->tilt;

    return w->all && w->reduce == hard && tilt->kind->best
           && tilt->kind->best(tilt, &w->problem->mdp, w->V_next, s, s + n,
                               w->V + s);
}

/* V of states first .. last - 1 by blocks; their residual. */
static double sweep_states(void *arg, size_t first, size_t last)
{
    const sweep *w = arg;
    const size_t nS = w->problem->mdp.nS, nA = w->problem->mdp.nA;
    const size_t begin = w->backwards ? nS - last : first;
    const size_t end = w->backwards ? nS - first : last;
    const size_t most = nA < ROWS ? ROWS / nA : 1;
    double buffer[BLOCK];
    int64_t residual = 0;

    for (size_t s = begin, n; s < end; s += n) {
        n = end - s < most ? end - s : most;
        if (!maximise_states(w, s, n))
            reduce_states(w, s, n, end - s - n, buffer);
        residual = distance(residual, n, w->V + s, w->V_next + s);
    }
    return elbo_from_bits((uint64_t)residual);
}

/* A rough number of operations, by which parallel loops decide. */
static size_t work_of(const elbo_problem *problem)
{
    return 2 * problem->mdp.P.pattern->nnz
           + 8 * problem->mdp.nS * problem->mdp.nA;
}

static double run(const elbo_problem *problem, sweep w)
{
    const double alpha = problem->alpha;

    assert(alpha >= 0 && problem->mdp.nA <= ELBO_MOST_ACTIONS);
    w.problem = problem;
    w.reduce = alpha > DBL_MIN ? isinf(alpha) ? average : soft : hard;
    w.V[problem->mdp.nS] = 0;
    return elbo_parallel_max(problem->mdp.nS, work_of(problem), &w,
                             sweep_states);
}

double elbo_backup(const elbo_problem *problem, const double pi0[],
                   const double V_next[], double V[], double Q[], double pi[])
{
    return run(problem,
               (sweep){.pi0 = pi0, .V_next = V_next, .V = V, .Q = Q, .pi = pi});
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
        ELBO_TRY(elbo_posterior_check(post, t));
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
    /* known once, hard sweeps need not read pi0 again */
    const bool all = allows(post->nS * post->nA, post->pi0);
    const double uniform = uniform_share(post->nS, post->nA, post->pi0);
    const bool plain =
        all && problem->tilt.kind->best && !(problem->alpha > DBL_MIN);
    elbo_problem p = *problem;
    bool small = false;
    size_t sweeps = 1; /* with the last one */

    ELBO_TRY(elbo_arena_check(ws, "solve: values"));
    from[post->nS] = 0;
    for (; sweeps < problem->sweeps && !small; sweeps++) {
        double *const swap = from;

        if (sweeps == SWEEPS_THAT_PAY && plain)
            elbo_kernel_round(&problem->mdp.P, ws, &p.mdp.P);
        residual = run(&p, (sweep){.pi0 = post->pi0,
                                   .all = all,
                                   .uniform = uniform,
                                   .V_next = from,
                                   .V = to,
                                   .backwards = sweeps % 2 == 0});
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
    return elbo_posterior_check(post, 0);
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
