/* inference/finite.c -- the steps of EM in finite worlds, and what must rise. */
#include "inference/finite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/finite_facts.h"
#include "inference/evaluate.h"

/* What one side of a comparison is worth, and how far off it may be. */
typedef struct reading {
    double value;
    double scale; /* the sum of absolute terms */
    double steps; /* discounted steps survived: sum of rho */
    double error; /* of the value, beyond rounding */
} reading;

/* ---- what must rise ---- */

static double reward_scale(const elbo_engine *e)
{
    const size_t rows = e->post.nS * e->post.nA;
    double sum = 0;

    for (size_t i = 0; i < e->post.stages * rows; i++)
        sum += fabs(e->rho[i] * e->problem.mdp.r[i % rows]);
    return sum;
}

/* What rounding leaves of one step's KLs: their terms are of the order of 1 and
 * cancel, and a temperature multiplies what remains. */
static double kl_rounding(const elbo_engine *e)
{
    const double alpha = e->problem.alpha;

    if (e->problem.optimality == ELBO_LINEAR) return 0;
    return 8 * DBL_EPSILON
           * ((isfinite(alpha) ? alpha : 0)
              + fabs(elbo_tilt_charge(&e->problem.tilt)));
}

/* F_control at (pi, q, theta); rho is left in the engine. */
static elbo_status read_control(elbo_engine *e, elbo_parts *parts, reading *out)
{
    ELBO_TRY(elbo_bound_control(&e->problem, &e->post, parts, e->rho, e->ws));

    const elbo_parts control = {.policy_kl = parts->policy_kl,
                                .transition_kl = parts->transition_kl,
                                .stop_kl = parts->stop_kl,
                                .reward = parts->reward};

    *out = (reading){
        .value = elbo_parts_control(&control),
        .scale = elbo_parts_scale(&control) + reward_scale(e),
        .steps = elbo_sum(e->rho, e->post.stages * e->post.nS * e->post.nA),
    };
    out->error = kl_rounding(e) * out->steps;
    return ELBO_OK;
}

static bool is_robust(const elbo_engine *e)
{
    return e->problem.optimality == ELBO_EXPONENTIAL
           && elbo_tilt_adversarial(&e->problem.tilt);
}

/* What the E-step promises to raise, at the present policy: F_control, or its
 * minimum over q. A q that fits the new theta nowhere is no standard at all. */
static elbo_status read_promise(elbo_engine *e, reading *out)
{
    elbo_parts parts = {0};
    const elbo_status s = read_control(e, &parts, out);

    if (s == ELBO_ENOTFINITE) *out = (reading){.value = -HUGE_VAL};
    if (s != ELBO_OK) return s == ELBO_ENOTFINITE ? ELBO_OK : s;
    if (!is_robust(e)) return ELBO_OK;

    const double rounding = out->error;

    ELBO_TRY(elbo_bound_profile(&e->problem, &e->post, &out->value, &out->error,
                                e->rho, e->ws));
    out->error += rounding;
    return ELBO_OK;
}

/* An E-step stopped at residual d: each policy's value is within gamma d of the
 * last backup for each step it survives (2 gamma d / (1 - gamma) at most). */
static double solver_loss(const elbo_engine *e, const elbo_solve_info *info,
                          const reading *before, const reading *after)
{
    return e->truth.gamma * info->residual * (before->steps + after->steps)
           + before->error + after->error;
}

/* kappa F_control + lambda E_D[w l] + log p(theta) with (pi, q) as they are;
 * with an outer objective l has a plan of its own at theta. */
static elbo_status read_outer(elbo_engine *e, reading *out)
{
    elbo_parts parts = {0};

    *out = (reading){0};
    if (e->set.kappa != 0) {
        ELBO_TRY(read_control(e, &parts, out));
        out->value *= e->set.kappa;
    }
    if (e->outer) ELBO_TRY(elbo_outer_plan(e->outer, &e->belief, e->ws));
    ELBO_TRY(elbo_engine_learnt(e, &parts));
    out->value += parts.likelihood + parts.prior;
    out->scale += fabs(parts.likelihood) + fabs(parts.prior);
    return ELBO_OK;
}

/* ---- the steps ---- */

elbo_mstep elbo_engine_mstep(const elbo_engine *engine)
{
    const bool free = engine->problem.tilt.kind->free;

    return (elbo_mstep){
        .likelihood = free ? NULL : engine->set.likelihood,
        .C = engine->C,
        .kappa = engine->set.kappa,
        .problem = &engine->problem,
        .post = &engine->post,
        .outer = engine->outer,
        .ascent = engine->set.ascent,
    };
}

/* Whether the M-step climbs one function of theta, to its best. */
static bool has_potential(const elbo_engine *e)
{
    const elbo_objective *const objective = e->expression.objective;

    if (e->set.ascent.last) return false;
    if (e->outer) return e->outer->potential;
    return !objective
           || !(elbo_objective_expression(objective)->depends & ELBO_STOPS_THETA);
}

static elbo_status m_step(elbo_engine *e, elbo_row *row)
{
    const elbo_mstep step = elbo_engine_mstep(e);
    reading before, after;

    ELBO_TRY(elbo_engine_returns(e));
    elbo_engine_seen(e);
    if (e->outer) elbo_outer_begin(e->outer, e->iteration);
    if (e->belief.n == 0 || elbo_engine_idle(e)) return ELBO_OK;
    ELBO_TRY(elbo_engine_prepare(e, 0));
    if (!e->outer) ELBO_TRY(elbo_engine_plan(e));
    if (e->set.budget > 0) return elbo_engine_budgeted(e, row);
    ELBO_TRY(read_outer(e, &before));
    ELBO_TRY(elbo_mstep_run(&step, &e->belief, &row->mstep, e->ws));
    ELBO_TRY(elbo_engine_hold(e));
    ELBO_TRY(read_outer(e, &after));

    const elbo_watch watch = {
        .step = "M-step",
        .quantity = e->set.kappa == 0
                        ? "lambda E_D[w l] + log p(theta)"
                        : "kappa F_control + lambda E_D[w l] + log p(theta)",
        .before = before.value,
        .after = after.value,
        .scale = before.scale + after.scale,
        .allowance = before.error + after.error,
    };

    return has_potential(e) ? elbo_watch_check(&watch) : ELBO_OK;
}

/* After it row->parts holds the control parts. *allowance is what the solver
 * may have lost. */
static elbo_status e_step(elbo_engine *e, elbo_row *row, double *allowance)
{
    const size_t n = e->post.stages * e->post.nS * e->post.nA;
    const elbo_transition *kind = e->problem.tilt.kind;
    const bool promised = e->controller.control->promise == ELBO_RISES
                          && !kind->estep && !kind->chosen;
    reading before = {0}, after;

    ELBO_TRY(elbo_engine_returns(e));
    if (e->set.previous) memcpy(e->post.pi0, e->post.pi, n * sizeof(double));
    if (promised) ELBO_TRY(read_promise(e, &before));
    if (kind->estep)
        ELBO_TRY(kind->estep(&e->problem, &e->post, &row->estep, e->ws));
    else
        ELBO_TRY(e->controller.control->estep(
            &e->controller, &e->problem, &e->post, &row->estep, e->ws));
    if (promised && is_robust(e)) ELBO_TRY(read_promise(e, &after));

    reading now;

    ELBO_TRY(read_control(e, &row->parts, &now));
    if (!is_robust(e)) after = now;
    if (!promised || before.value == -HUGE_VAL) return ELBO_OK;

    *allowance = solver_loss(e, &row->estep, &before, &after);

    const elbo_watch watch = {
        .step = "E-step",
        .quantity = is_robust(e) ? "min over q of F_control" : "F_control",
        .before = before.value,
        .after = after.value,
        .scale = before.scale + after.scale,
        .allowance = *allowance,
    };

    return elbo_watch_check(&watch);
}

/* The closed loop is one potential: F itself, while D and the weights stand. */
static elbo_status watch_loop(const elbo_engine *e, const elbo_row *row,
                              double allowance)
{
    const elbo_watch watch = {
        .step = "EM iteration",
        .quantity = "F",
        .before = e->F,
        .after = row->elbo,
        .scale = fabs(e->F) + elbo_parts_scale(&row->parts) + reward_scale(e),
        .allowance = allowance,
    };
    const bool watched = e->iteration > 0 && e->set.kappa == 1 && !e->set.online
                         && !is_robust(e) && !e->planned && !e->weigher
                         && !e->returns.reward_facts.moves
                         && e->problem.tilt.ratio == ELBO_RATIO_EXACT
                         && !e->problem.tilt.kind->estep
                         && e->controller.control->promise == ELBO_RISES;

    return watched ? elbo_watch_check(&watch) : ELBO_OK;
}

/* F is then another's estimate in every round, and never settles. */
static bool draws(const elbo_engine *e)
{
    const elbo_objective *const objective = e->expression.objective;

    return e->controller.control->draws
           || (objective && elbo_expr_samples(elbo_objective_expression(objective)));
}

static elbo_status gather(elbo_engine *e, elbo_row *row)
{
    ELBO_TRY(elbo_engine_learn_from(e));
    row->env_steps = (uint64_t)(elbo_engine_size(e) + 0.5);
    ELBO_TRY(elbo_engine_see(e));
    return elbo_engine_hold(e);
}

static elbo_status record(elbo_engine *e, elbo_row *row)
{
    elbo_standing_plan(&e->standing, &e->post);
    return elbo_engine_record(e, row);
}

static bool restless(const elbo_engine *e, const elbo_row *row)
{
    /* what remembers goes on from where no gain was */
    const bool looking = e->set.ascent.archive && !row->mstep.converged;

    return looking || draws(e);
}

const elbo_posterior *elbo_engine_posterior(const elbo_engine *engine)
{
    return &engine->post;
}

const elbo_belief *elbo_engine_belief(const elbo_engine *engine)
{
    return &engine->belief;
}

const elbo_mdp *elbo_engine_truth(const elbo_engine *engine)
{
    return &engine->truth;
}

const elbo_world *elbo_engine_world(const elbo_engine *engine)
{
    return engine->family == &elbo_finite_family ? &engine->world : NULL;
}

/* Data, kernels, policies and values, roughly: what grows with the world. */
static elbo_extent extent(const elbo_engine *e)
{
    const elbo_posterior *const post = &e->post;
    const double rows = (double)post->stages * (double)(post->nS * post->nA);
    const double entries = (double)e->truth.P.pattern->nnz
                           + 3 * (double)e->belief.mean.pattern->nnz
                           + (post->q ? (double)post->nnz : 0);
    elbo_extent x = {
        .parameters = e->belief.n,
        .bytes = 8 * (4 * rows + entries + 2 * (double)e->belief.n)
                 + 29 * (double)e->data.capacity,
    };

    snprintf(x.world, sizeof x.world, "%zu states, %zu actions, %zu transitions",
             e->world.nS, e->world.nA, e->truth.P.pattern->nnz);
    return x;
}

/* ---- the family ---- */

static bool serves_model(const elbo_model *model)
{
    return model->open != NULL;
}

static bool serves_control(const elbo_control *control)
{
    return control->estep != NULL;
}

static elbo_status expression(const elbo_setup *setup, const char *key,
                              const char *text, elbo_arena *arena, size_t *column,
                              const char **nearest)
{
    elbo_expr *expr;

    (void)setup;
    if (strcmp(key, "reward") == 0 || strcmp(key, "return_weight") == 0)
        return elbo_return_parse_finite(text, strcmp(key, "reward") == 0, arena,
                                        column, nearest);
    if (elbo_likelihood_term(text)) return ELBO_OK;
    return elbo_objective_parse_finite(text, arena, &expr, column, nearest);
}

static const elbo_absent absent[] = {
    {"control", "prior_variance"},
    {"control", "plan_rounds"},
    {"data", "noise"},
    {"data", "state_limit"},
    {"evaluation", "held_out"},
    {"evaluation", "held_out_of"},
    {0},
};

const elbo_family elbo_finite_family = {
    .noun = "finite worlds",
    .absent = absent,
    .serves_model = serves_model,
    .serves_control = serves_control,
    .check = elbo_finite_check,
    .expression = expression,
    .kind = elbo_finite_kind,
    .named = elbo_finite_named,
    .oracles = elbo_finite_oracles,
    .open = elbo_finite_open,
    .close = elbo_finite_close,
    .gather = gather,
    .m_step = m_step,
    .e_step = e_step,
    .record = record,
    .watch = watch_loop,
    .restless = restless,
    .judge = elbo_finite_judge,
    .save = elbo_finite_save,
    .load = elbo_finite_load,
    .extent = extent,
    .check_gradient = elbo_finite_check_gradient,
};
