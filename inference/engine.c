#include "inference/engine.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/engine_state.h"
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

static elbo_status m_step(elbo_engine *e, elbo_row *row)
{
    const elbo_mstep step = elbo_engine_mstep(e);
    reading before, after;

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

    if (e->set.ascent.last || (e->outer && !e->outer->potential))
        return ELBO_OK;
    return elbo_watch_check(&watch);
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

    return objective && elbo_expr_samples(elbo_objective_expression(objective));
}

static elbo_status iterate(elbo_engine *e, elbo_row *row)
{
    double allowance = 0;

    ELBO_TRY(elbo_engine_learn_from(e));
    row->env_steps = (uint64_t)(elbo_data_size(&e->data) + 0.5);
    ELBO_TRY(elbo_engine_see(e));
    ELBO_TRY(elbo_engine_hold(e));
    ELBO_TRY(elbo_engine_returns(e));
    ELBO_TRY(m_step(e, row));
    ELBO_TRY(elbo_engine_returns(e));
    ELBO_TRY(e_step(e, row, &allowance));
    elbo_standing_plan(&e->standing, &e->post);
    ELBO_TRY(elbo_engine_record(e, row));
    ELBO_TRY(watch_loop(e, row, allowance));

    const double change = fabs(row->elbo - e->F);
    /* what remembers goes on from where no gain was */
    const bool looking = e->set.ascent.archive && !row->mstep.converged;

    e->converged = e->iteration > 0 && !e->set.online && !looking && !draws(e)
                   && change <= e->set.tolerance * (1 + fabs(row->elbo));
    e->F = row->elbo;
    e->iteration++;
    return ELBO_OK;
}

elbo_status elbo_engine_iterate(elbo_engine *engine, elbo_row *row)
{
    const unsigned long long number = engine->iteration + 1;

    *row = (elbo_row){.iteration = number};

    const elbo_status s = iterate(engine, row);

    if (s == ELBO_OK) return s;
    if (s == ELBO_ENOTFINITE) {
        const elbo_error error = *elbo_last_error();

        elbo_fail_at(ELBO_ECHECK, error.file, error.line, "%s", error.text);
    }
    return elbo_fail_prefix("iteration %llu", number);
}

elbo_verdict elbo_engine_verdict(const elbo_engine *engine)
{
    if (engine->converged) return ELBO_CONVERGED;
    return engine->iteration >= engine->set.iterations ? ELBO_BUDGET
                                                       : ELBO_RUNNING;
}

uint64_t elbo_engine_iteration(const elbo_engine *engine)
{
    return engine->iteration;
}

uint64_t elbo_engine_budget(const elbo_engine *engine)
{
    return engine->set.iterations;
}

elbo_optimality elbo_engine_optimality(const elbo_engine *engine)
{
    return engine->problem.optimality;
}

const char *const *elbo_engine_columns(const elbo_engine *engine)
{
    return engine->columns;
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
    return &engine->world;
}
