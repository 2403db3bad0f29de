#include "inference/mstep_frozen.h"

#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/evaluate.h"

static elbo_feedback feedback_of(const elbo_mstep *step)
{
    if (step->kappa == 0) return ELBO_CUT;
    if (step->problem->optimality == ELBO_LINEAR) return ELBO_COUNTS;
    if (step->problem->tilt.kind->free) return ELBO_MOVES;
    return elbo_tilt_charge(&step->problem->tilt) == 0 ? ELBO_MOVES
                                                       : ELBO_COUNTS;
}

static elbo_status check_feedback(const elbo_mstep *step,
                                  const elbo_belief *belief, elbo_feedback kind)
{
    const elbo_model *const model = belief->model;

    if (kind != ELBO_CUT && step->problem->optimality == ELBO_EXPONENTIAL
        && elbo_tilt_adversarial(&step->problem->tilt))
        return ELBO_FAIL(ELBO_EINVAL,
                         "feedback %g with transition: %s, whose q is robust: "
                         "it never enters the M-step",
                         step->kappa, step->problem->tilt.kind->name);
    if (kind == ELBO_MOVES && belief->n > 0 && !model->pullback)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "feedback %g under transition: model needs a gradient, "
            "which model %s, a posterior, has not",
            step->kappa, model->name);
    if (kind != ELBO_COUNTS) return ELBO_OK;
    if (step->kappa < 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "feedback %g would send negative counts; it goes with "
                         "transition: model",
                         step->kappa);
    return ELBO_OK;
}

/* The counts that F_control sends through KL(q || p_theta), q held fixed. */
static elbo_status expected_counts(const elbo_mstep *step, size_t nnz,
                                   elbo_frozen *f, elbo_arena *ws)
{
    const elbo_posterior *const post = step->post;
    const size_t rows = post->nS * post->nA;
    double *const rho = elbo_arena_doubles(ws, post->stages * rows);
    double *const C = elbo_arena_doubles(ws, nnz);
    elbo_parts parts;

    ELBO_TRY(elbo_arena_check(ws, "the M-step's expected counts"));
    memset(C, 0, nnz * sizeof *C);
    ELBO_TRY(elbo_bound_control(step->problem, post, &parts, rho, ws));
    ELBO_TRY(elbo_bound_counts(step->problem, post, rho, step->kappa, C, ws));
    for (size_t i = rows; i < post->stages * rows; i++) rho[i % rows] += rho[i];
    f->counts = C;
    f->visits = rho;
    return ELBO_OK;
}

elbo_status elbo_frozen_init(const elbo_mstep *step, elbo_belief *belief,
                             elbo_frozen *f, elbo_arena *ws)
{
    *f = (elbo_frozen){step, belief, feedback_of(step), NULL, NULL, ws};
    ELBO_TRY(check_feedback(step, belief, f->kind));
    if (f->kind != ELBO_COUNTS) return ELBO_OK;
    return expected_counts(step, belief->mean.pattern->nnz, f, ws);
}

/* b -= charge KL(q_theta || p), where the environment is p. */
static void charge_rows(const elbo_frozen *f, double b[])
{
    const elbo_problem *const problem = f->step->problem;
    const double charge = elbo_tilt_charge(&problem->tilt);
    const size_t rows = problem->mdp.nS * problem->mdp.nA;
    const size_t stages = elbo_stages(&problem->mdp);

    if (charge == 0) return;
    for (size_t row = 0; row < rows; row++) {
        const double cost =
            charge * elbo_row_kl(&f->belief->mean, &problem->mdp.P, row);

        for (size_t t = 0; t < stages; t++) b[t * rows + row] -= cost;
    }
}

/* G -= kappa charge sum_t rho_t(s,a) (log q_theta / p + 1). */
static void add_charge_gradient(const elbo_frozen *f, const double rho[],
                                double G[])
{
    const elbo_problem *const problem = f->step->problem;
    const double charge = elbo_tilt_charge(&problem->tilt);
    const elbo_pattern *const pattern = f->belief->mean.pattern;
    const double *const q = f->belief->mean.prob;
    const size_t rows = problem->mdp.nS * problem->mdp.nA;

    if (charge == 0) return;
    for (size_t row = 0; row < rows; row++) {
        const size_t end = elbo_row_end(pattern, row);
        double c = 0;

        for (size_t t = 0; t < elbo_stages(&problem->mdp); t++)
            c += f->step->kappa * charge * rho[t * rows + row];
        for (size_t i = elbo_row_begin(pattern, row); i < end; i++)
            if (q[i] > 0)
                G[i] -= c * (log(q[i] / problem->mdp.P.prob[i]) + 1);
    }
}

/* G += kappa sum_t rho_t(s,a) gamma V_{t+1}(s'), the gradient of mu'V. */
static void add_planner_gradient(const elbo_frozen *f, const double rho[],
                                 const double V[], double G[])
{
    const elbo_pattern *const pattern = f->belief->mean.pattern;
    const elbo_mdp *const mdp = &f->step->problem->mdp;
    const size_t rows = mdp->nS * mdp->nA, stages = elbo_stages(mdp);

    for (size_t t = 0; t < stages; t++) {
        const double *const next =
            V + (mdp->horizon ? t + 1 : 0) * (mdp->nS + 1);

        for (size_t row = 0; row < rows; row++) {
            const double c = f->step->kappa * rho[t * rows + row] * mdp->gamma;
            const size_t end = elbo_row_end(pattern, row);

            for (size_t i = elbo_row_begin(pattern, row); i < end; i++)
                G[i] += c * next[elbo_successor(pattern, row, i)];
        }
    }
}

/* Whether F_control's rewards are the belief's own: others stand still. */
static bool learns_rewards(const elbo_frozen *f)
{
    return f->belief->reward && f->step->problem->mdp.r == f->belief->reward;
}

/* What kappa sum rho r sends to rewards that are learned: G behind the kernel.
 */
static void add_visits(const elbo_frozen *f, const double rho[], double G[])
{
    const elbo_belief *const belief = f->belief;
    const size_t nnz = belief->mean.pattern->nnz;
    const size_t rows =
        learns_rewards(f) ? elbo_belief_slopes(belief) - nnz : 0;

    for (size_t i = 0; i < rows; i++) G[nnz + i] += f->step->kappa * rho[i];
}

/* *value += kappa sum rho r with (pi, q) and so rho held; G likewise. */
static void add_rewards(const elbo_frozen *f, double *value, double G[])
{
    const elbo_belief *const belief = f->belief;

    const size_t nnz = belief->mean.pattern->nnz;

    if (!f->visits || !learns_rewards(f)) return;
    *value += f->step->kappa
              * elbo_dot(f->visits, belief->reward,
                         elbo_belief_slopes(belief) - nnz);
    if (G) add_visits(f, f->visits, G);
}

/* *value += kappa F_control(pi, p_theta); G likewise, unless NULL. */
static elbo_status add_planner(const elbo_frozen *f, double *value, double G[])
{
    const elbo_problem *const problem = f->step->problem;
    const elbo_posterior *const post = f->step->post;
    const size_t nS = post->nS, n = post->stages * nS * post->nA;
    const elbo_chain chain = {&problem->mdp, post->pi, f->belief->mean, 0};
    double *const b = elbo_arena_doubles(f->ws, n);
    double *const rho = elbo_arena_doubles(f->ws, n);
    double *const V = elbo_arena_doubles(f->ws, (post->stages + 1) * (nS + 1));

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's planner"));
    elbo_policy_reward(problem, post, b);
    charge_rows(f, b);
    ELBO_TRY(elbo_evaluate(&chain, b, V, f->ws));
    *value += f->step->kappa * elbo_dot(problem->mdp.mu, V, nS);
    if (!G) return ELBO_OK;
    ELBO_TRY(elbo_occupancy(&chain, rho, f->ws));
    add_planner_gradient(f, rho, V, G);
    add_charge_gradient(f, rho, G);
    for (size_t i = post->nS * post->nA; i < n; i++)
        rho[i % (nS * post->nA)] += rho[i];
    add_visits(f, rho, G);
    return ELBO_OK;
}

static elbo_status add_likelihood(const elbo_frozen *f,
                                  const elbo_likelihood *likelihood,
                                  const double C[], double *value, double G[])
{
    double term = 0;

    ELBO_TRY(elbo_belief_likelihood(f->belief, likelihood, C, &term, G));
    *value += term;
    return ELBO_OK;
}

/* *value += lambda E_D[w l], G likewise. */
static elbo_status add_data(const elbo_frozen *f, double *value, double G[])
{
    const elbo_mstep *const step = f->step;
    double term;

    if (!step->likelihood) return ELBO_OK;
    if (!step->outer)
        return add_likelihood(f, step->likelihood, step->C, value, G);
    ELBO_TRY(elbo_outer_value(step->outer, f->belief, &term, G, f->ws));
    *value += term;
    return ELBO_OK;
}

static elbo_status sum_terms(const elbo_frozen *f, double *value, double grad[])
{
    elbo_belief *const belief = f->belief;
    const elbo_model *const model = belief->model;
    const size_t slopes = elbo_belief_slopes(belief);
    double *const G = grad ? elbo_arena_doubles(f->ws, slopes) : NULL;
    double sum = 0;

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's gradient"));
    if (G) memset(G, 0, slopes * sizeof *G);
    ELBO_TRY(add_data(f, &sum, G));
    if (f->counts)
        ELBO_TRY(add_likelihood(f, &elbo_likelihood_logp, f->counts, &sum, G));
    add_rewards(f, &sum, G);
    if (f->kind == ELBO_MOVES) ELBO_TRY(add_planner(f, &sum, G));

    if (grad) memset(grad, 0, belief->n * sizeof *grad);
    if (grad && belief->n > 0) model->pullback(belief, G, grad);
    if (f->step->likelihood && model->log_prior)
        sum += model->log_prior(belief, grad);
    if (!isfinite(sum))
        return ELBO_FAIL(ELBO_ENOTFINITE, "the M-step's objective is %g", sum);
    *value = sum;
    return ELBO_OK;
}

elbo_status elbo_frozen_value(const elbo_frozen *f, double *value,
                              double grad[])
{
    const elbo_mark mark = elbo_arena_mark(f->ws);
    const elbo_status s = sum_terms(f, value, grad);

    elbo_arena_release(f->ws, mark);
    return s;
}
