/* inference/transition/notebook.c -- free(mode=notebook): the damped updates of
 * the official code of Mismatched No More (experiments.ipynb, 2022).
 *
 *   Q   <- r - KL + gamma q (pi Q)     swept from 0, to a norm of 1e-6
 *   pi' = argmax Q (the first),  V = Q(s, pi'),  q' ~ p exp(V / beta)
 *   pi  <- (pi' + pi) / 2,  q <- (q' + q) / 2, into the class again
 * The KL weighs beta and the exponent has no gamma: neither of the two bounds
 * (kl: step, kl: next) is what these updates raise.
 */
#include <math.h>
#include <string.h>

#include "inference/backup.h"
#include "inference/model.h"

enum { SWEEPS = 1000 }; /* of one evaluation at most */

static const double damping = 0.5, still = 1e-6;

/* numpy's infinity norm of a matrix [S x A]: its largest sum of a row. */
static double row_norm(const double x[], const double y[], size_t nS, size_t nA)
{
    double most = 0;

    for (size_t s = 0; s < nS; s++) {
        double sum = 0;

        for (size_t a = 0; a < nA; a++)
            sum += fabs(x[s * nA + a] - y[s * nA + a]);
        most = fmax(most, sum);
    }
    return most;
}

/* Q of (pi, q): the last sweep, of the norm's change, is not kept. */
static elbo_status evaluate(const elbo_problem *problem, elbo_posterior *post,
                            elbo_arena *ws)
{
    const size_t nS = post->nS, nA = post->nA, rows = nS * nA;
    double *next = elbo_arena_doubles(ws, rows);
    double *V = elbo_arena_doubles(ws, nS + 1);
    double *Q = post->Q;

    ELBO_TRY(elbo_arena_check(ws, "notebook: values"));
    memset(Q, 0, rows * sizeof *Q);
    V[nS] = 0;
    for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
        for (size_t s = 0; s < nS; s++) {
            V[s] = 0;
            for (size_t i = s * nA; i < (s + 1) * nA; i++)
                V[s] += post->pi[i] * Q[i];
        }
        problem->tilt.kind->expect(&problem->tilt, &problem->mdp.P, V, 0, rows,
                                   next);
        for (size_t i = 0; i < rows; i++) next[i] += problem->mdp.r[i];
        if (row_norm(Q, next, nS, nA) < still) break;
        memcpy(Q, next, rows * sizeof *Q);
    }
    return ELBO_OK;
}

/* V = max Q; pi half-way to the first action that attains it. */
static void answer_policy(elbo_posterior *post)
{
    const size_t nA = post->nA;

    for (size_t s = 0; s < post->nS; s++) {
        const double *Q = post->Q + s * nA;
        size_t best = 0;

        for (size_t a = 1; a < nA; a++)
            if (Q[a] > Q[best]) best = a;
        for (size_t a = 0; a < nA; a++)
            post->pi[s * nA + a] =
                (1 - damping) * (a == best) + damping * post->pi[s * nA + a];
        post->V[s] = Q[best];
    }
    post->V[post->nS] = 0;
}

/* q half-way to the tilt of the base, then into the class; the largest change
 * that was sought. */
static elbo_status answer_model(const elbo_problem *problem,
                                elbo_posterior *post, double *change,
                                elbo_arena *ws)
{
    const elbo_class *held = problem->tilt.held;
    const elbo_model *model = held->belief->model;
    double *q = elbo_arena_doubles(ws, post->nnz);

    ELBO_TRY(elbo_arena_check(ws, "notebook: q"));
    elbo_transition_tilt.posterior(&problem->tilt, &held->base, post->V, 0,
                                   post->nS * post->nA, q);
    *change = 0;
    for (size_t i = 0; i < post->nnz; i++) {
        *change = fmax(*change, fabs(post->q[i] - q[i]));
        post->q[i] = (1 - damping) * q[i] + damping * post->q[i];
    }
    if (model->project) model->project(held->belief, post->q);
    return elbo_class_charge(&problem->tilt, &problem->mdp.P,
                             problem->tilt.held);
}

static elbo_status move(const elbo_problem *problem, elbo_posterior *post,
                        elbo_solve_info *info, elbo_arena *ws)
{
    *info = (elbo_solve_info){.sweeps = 1};
    ELBO_TRY(evaluate(problem, post, ws));
    for (size_t i = 0; i < post->nS * post->nA; i++)
        if (!isfinite(post->Q[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "notebook: state %zu, action %zu: Q is %g",
                             i / post->nA, i % post->nA, post->Q[i]);
    answer_policy(post);
    ELBO_TRY(answer_model(problem, post, &info->residual, ws));
    info->converged = info->residual < still;
    return ELBO_OK;
}

static elbo_status estep(const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = move(problem, post, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* The present q: it moves in the E-step alone. */
static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    elbo_transition_free.expect(tilt, p, V, first, last, out);
}

static void posterior(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t first, size_t last, double q[])
{
    if (q != tilt->held->q.prob)
        elbo_transition_free.posterior(tilt, p, V, first, last, q);
}

const elbo_transition elbo_transition_notebook = {
    .name = "free(mode=notebook)",
    .source = "github.com/ben-eysenbach/mnm, experiments.ipynb",
    .formula = "q ~ p exp(V / beta), KL weighed by beta, steps of 1/2",
    .doc = "the damped best responses of the official notebook",
    .expect = expect,
    .posterior = posterior,
    .free = true,
    .estep = estep,
};
