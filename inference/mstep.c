#include "inference/mstep.h"

#include <assert.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/evaluate.h"

/* BFGS: the first trial step (distance in theta) and how exact a line search is
 * (the share of the starting slope that may remain). */
static const double first_step = 1, line_tolerance = 0.1;

/* How F_control reaches theta. */
typedef enum feedback {
    CUT,    /* kappa = 0 */
    COUNTS, /* q is fixed: through its KL, as expected counts */
    MOVES   /* q = p_theta: through the planner's values */
} feedback;

/* One M-step's objective, all but theta frozen. */
typedef struct frozen {
    const elbo_mstep *step;
    elbo_belief *belief;
    feedback kind;
    const double *counts; /* [nnz] that F_control sends; NULL unless COUNTS */
    elbo_arena *ws;
} frozen;

static feedback feedback_of(const elbo_mstep *step)
{
    if (step->kappa == 0) return CUT;
    if (step->problem->optimality == ELBO_LINEAR) return COUNTS;
    return elbo_tilt_charge(&step->problem->tilt) == 0 ? MOVES : COUNTS;
}

static elbo_status check_feedback(const elbo_mstep *step,
                                  const elbo_belief *belief, feedback kind)
{
    const elbo_model *const model = belief->model;

    if (kind != CUT && step->problem->optimality == ELBO_EXPONENTIAL
        && elbo_tilt_adversarial(&step->problem->tilt))
        return ELBO_FAIL(ELBO_EINVAL,
                         "feedback %g with transition: %s, whose q is robust: "
                         "it never enters the M-step",
                         step->kappa, step->problem->tilt.kind->name);
    if (kind == MOVES && belief->n > 0 && !model->pullback)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "feedback %g under transition: model needs a gradient, "
            "which model %s, a posterior, has not",
            step->kappa, model->name);
    if (kind != COUNTS) return ELBO_OK;
    if (step->kappa < 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "feedback %g would send negative counts; it goes with "
                         "transition: model",
                         step->kappa);
    return ELBO_OK;
}

/* The counts that F_control sends through KL(q || p_theta), q held fixed. */
static elbo_status expected_counts(const elbo_mstep *step, size_t nnz,
                                   const double **counts, elbo_arena *ws)
{
    const elbo_posterior *const post = step->post;
    double *const rho =
        elbo_arena_doubles(ws, post->stages * post->nS * post->nA);
    double *const C = elbo_arena_doubles(ws, nnz);
    elbo_parts parts;

    ELBO_TRY(elbo_arena_check(ws, "the M-step's expected counts"));
    memset(C, 0, nnz * sizeof *C);
    ELBO_TRY(elbo_bound_control(step->problem, post, &parts, rho, ws));
    ELBO_TRY(elbo_bound_counts(step->problem, post, rho, step->kappa, C, ws));
    *counts = C;
    return ELBO_OK;
}

static elbo_status freeze(const elbo_mstep *step, elbo_belief *belief,
                          frozen *f, elbo_arena *ws)
{
    *f = (frozen){step, belief, feedback_of(step), NULL, ws};
    ELBO_TRY(check_feedback(step, belief, f->kind));
    if (f->kind != COUNTS) return ELBO_OK;
    return expected_counts(step, belief->mean.pattern->nnz, &f->counts, ws);
}

/* G += kappa sum_t rho_t(s,a) gamma V_{t+1}(s'), the gradient of mu'V. */
static void add_planner_gradient(const frozen *f, const double rho[],
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

/* *value += kappa F_control(pi, p_theta); G likewise, unless NULL. */
static elbo_status add_planner(const frozen *f, double *value, double G[])
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
    ELBO_TRY(elbo_evaluate(&chain, b, V, f->ws));
    *value += f->step->kappa * elbo_dot(problem->mdp.mu, V, nS);
    if (!G) return ELBO_OK;
    ELBO_TRY(elbo_occupancy(&chain, rho, f->ws));
    add_planner_gradient(f, rho, V, G);
    return ELBO_OK;
}

/* *value += sum C log p by the likelihood; a posterior's own sum is exact where
 * exp(E log theta) underflows. */
static elbo_status add_likelihood(const frozen *f,
                                  const elbo_likelihood *likelihood,
                                  const double C[], double *value, double G[])
{
    const elbo_belief *const belief = f->belief;
    double term = NAN;

    if (likelihood->conjugate && belief->model->expect_log)
        term = belief->model->expect_log(belief, C);
    if (!isfinite(term)) ELBO_TRY(elbo_likelihood_value(likelihood, &belief->geo, C, &term, G));
    *value += term;
    return ELBO_OK;
}

static elbo_status sum_terms(const frozen *f, double *value, double grad[])
{
    elbo_belief *const belief = f->belief;
    const elbo_model *const model = belief->model;
    const size_t nnz = belief->mean.pattern->nnz;
    double *const G = grad ? elbo_arena_doubles(f->ws, nnz) : NULL;
    double sum = 0;

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's gradient"));
    if (G) memset(G, 0, nnz * sizeof *G);
    ELBO_TRY(add_likelihood(f, f->step->likelihood, f->step->C, &sum, G));
    if (f->counts)
        ELBO_TRY(add_likelihood(f, &elbo_likelihood_logp, f->counts, &sum, G));
    if (f->kind == MOVES) ELBO_TRY(add_planner(f, &sum, G));

    if (grad) memset(grad, 0, belief->n * sizeof *grad);
    if (grad && belief->n > 0) model->pullback(belief, G, grad);
    if (model->log_prior) sum += model->log_prior(belief, grad);
    if (!isfinite(sum))
        return ELBO_FAIL(ELBO_ENOTFINITE, "the M-step's objective is %g", sum);
    *value = sum;
    return ELBO_OK;
}

/* The objective at the belief's theta; the scratch is given back. */
static elbo_status objective(const frozen *f, double *value, double grad[])
{
    const elbo_mark mark = elbo_arena_mark(f->ws);
    const elbo_status s = sum_terms(f, value, grad);

    elbo_arena_release(f->ws, mark);
    return s;
}

/* theta <- the exact maximiser given data and feedback counts. */
static elbo_status fit_closed(const frozen *f, elbo_mstep_info *info)
{
    elbo_belief *const belief = f->belief;
    const size_t nnz = belief->mean.pattern->nnz;
    double *const C = elbo_arena_doubles(f->ws, nnz);
    double *const old = elbo_arena_doubles(f->ws, belief->n);

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's counts"));
    info->closed = info->converged = true;
    ELBO_TRY(objective(f, &info->before, NULL));

    memcpy(old, belief->theta, belief->n * sizeof *old);
    for (size_t i = 0; i < nnz; i++)
        C[i] = f->step->C[i] + (f->counts ? f->counts[i] : 0);
    ELBO_TRY(belief->model->fit(belief, C));

    const elbo_status s = objective(f, &info->after, NULL);

    if (s == ELBO_OK) return s;
    memcpy(belief->theta, old, belief->n * sizeof *old);
    belief->model->update(belief);
    return s;
}

/* The search for theta: minimises -objective / scale. */
typedef struct search {
    const frozen *f;
    double scale;      /* of the order of |D| */
    double *best;      /* [n] the best theta seen */
    double best_value; /* its objective */
    double *grad;      /* [n] of the objective */
    elbo_status fatal; /* what no shorter step can mend */
} search;

/* A point where the objective is not finite is infinitely bad: the line search
 * turns back from it. */
static double try_theta(search *x, const gsl_vector *theta, gsl_vector *g)
{
    elbo_belief *const belief = x->f->belief;
    double value = 0;

    for (size_t j = 0; j < belief->n; j++)
        belief->theta[j] = gsl_vector_get(theta, j);
    belief->model->update(belief);

    const elbo_status s = objective(x->f, &value, g ? x->grad : NULL);

    if (s == ELBO_ENOMEM || s == ELBO_ESIZE) x->fatal = s;
    if (s != ELBO_OK) {
        if (g) gsl_vector_set_zero(g);
        return HUGE_VAL;
    }
    if (value > x->best_value) {
        x->best_value = value;
        memcpy(x->best, belief->theta, belief->n * sizeof *x->best);
    }
    for (size_t j = 0; g && j < belief->n; j++)
        gsl_vector_set(g, j, -x->grad[j] / x->scale);
    return -value / x->scale;
}

static double cost(const gsl_vector *theta, void *arg)
{
    return try_theta(arg, theta, NULL);
}

static void cost_and_gradient(const gsl_vector *theta, void *arg, double *value,
                              gsl_vector *g)
{
    *value = try_theta(arg, theta, g);
}

static void slope(const gsl_vector *theta, void *arg, gsl_vector *g)
{
    try_theta(arg, theta, g);
}

static bool is_flat(const gsl_multimin_fdfminimizer *bfgs, double tolerance)
{
    const gsl_vector *const g = bfgs->gradient;

    return sqrt(elbo_dot(g->data, g->data, g->size))
           <= tolerance * fmax(1, fabs(bfgs->f));
}

/* Iterates until the gradient is flat, or no step gains: once more from the
 * steepest descent, then theta is at the optimum to rounding. */
static void minimise(search *x, gsl_multimin_fdfminimizer *bfgs,
                     gsl_multimin_function_fdf *fdf, elbo_mstep_info *info)
{
    const elbo_mstep *const step = x->f->step;
    double stalled = HUGE_VAL;

    gsl_multimin_fdfminimizer_set(bfgs, fdf, bfgs->x, first_step,
                                  line_tolerance);
    while (!info->converged && !x->fatal
           && info->iterations < step->iterations) {
        info->converged = is_flat(bfgs, step->tolerance);
        if (info->converged) break;
        info->iterations++;
        if (gsl_multimin_fdfminimizer_iterate(bfgs) == GSL_SUCCESS) continue;

        info->converged = !(bfgs->f < stalled);
        stalled = bfgs->f;
        gsl_multimin_fdfminimizer_set(bfgs, fdf, bfgs->x, first_step,
                                      line_tolerance);
    }
}

/* theta <- the best of a BFGS search, never worse than where it began. */
static elbo_status follow_gradient(const frozen *f, elbo_mstep_info *info)
{
    elbo_belief *const belief = f->belief;
    const size_t n = belief->n, nnz = belief->mean.pattern->nnz;
    search x = {
        .f = f,
        .scale = fmax(1, elbo_sum(f->step->C, nnz)),
        .best = elbo_arena_doubles(f->ws, n),
        .grad = elbo_arena_doubles(f->ws, n),
    };
    gsl_multimin_function_fdf fdf = {cost, slope, cost_and_gradient, n, &x};

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's search"));
    ELBO_TRY(objective(f, &info->before, NULL));
    x.best_value = info->before;
    memcpy(x.best, belief->theta, n * sizeof *x.best);

    gsl_multimin_fdfminimizer *const bfgs = gsl_multimin_fdfminimizer_alloc(
        gsl_multimin_fdfminimizer_vector_bfgs2, n);

    if (!bfgs) return ELBO_FAIL(ELBO_ENOMEM, "BFGS over %zu parameters", n);
    for (size_t j = 0; j < n; j++) gsl_vector_set(bfgs->x, j, belief->theta[j]);
    minimise(&x, bfgs, &fdf, info);
    gsl_multimin_fdfminimizer_free(bfgs);

    info->after = x.best_value;
    memcpy(belief->theta, x.best, n * sizeof *x.best);
    belief->model->update(belief);
    return x.fatal;
}

static elbo_status run(const elbo_mstep *step, elbo_belief *belief,
                       elbo_mstep_info *info, elbo_arena *ws)
{
    frozen f;

    *info = (elbo_mstep_info){0};
    ELBO_TRY(freeze(step, belief, &f, ws));
    if (belief->n == 0) {
        info->closed = info->converged = true;
        ELBO_TRY(objective(&f, &info->before, NULL));
        info->after = info->before;
        return ELBO_OK;
    }
    if (step->likelihood->conjugate && belief->model->fit && f.kind != MOVES)
        return fit_closed(&f, info);
    if (!belief->model->pullback)
        return ELBO_FAIL(ELBO_EINVAL,
                         "model %s, a posterior, has no gradient for "
                         "likelihood %s",
                         belief->model->name, step->likelihood->name);
    return follow_gradient(&f, info);
}

elbo_status elbo_mstep_run(const elbo_mstep *step, elbo_belief *belief,
                           elbo_mstep_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = run(step, belief, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status evaluate(const elbo_mstep *step, elbo_belief *belief,
                            double *value, double grad[], elbo_arena *ws)
{
    frozen f;

    ELBO_TRY(freeze(step, belief, &f, ws));
    return objective(&f, value, grad);
}

elbo_status elbo_mstep_objective(const elbo_mstep *step, elbo_belief *belief,
                                 double *value, double grad[], elbo_arena *ws)
{
    assert(!grad || belief->n == 0 || belief->model->pullback);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = evaluate(step, belief, value, grad, ws);

    elbo_arena_release(ws, mark);
    return s;
}
