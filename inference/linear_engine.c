/* inference/linear_engine.c -- the steps of EM in linear-Gaussian worlds, and what
 * must rise.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/linear_state.h"

/* ---- problems and chains ---- */

elbo_lqr elbo_linear_problem(const elbo_engine *e)
{
    const elbo_linear *const l = e->linear;
    elbo_lqr p = elbo_lqr_defaults;

    p.nx = l->world.nx;
    p.nu = l->world.nu;
    p.T = l->horizon;
    p.dynamics = elbo_linear_predictions(l, &p.ndynamics);
    if (l->charged) p.dynamics = l->belief.geo;
    p.reward = &l->world.reward;
    p.nreward = 1;
    p.prior = l->prior;
    p.nprior = l->nprior;
    p.terminal = l->horizon ? &l->world.terminal : NULL;
    p.gamma = l->tilt.gamma;
    p.alpha = l->alpha;
    p.beta = l->tilt.beta;
    p.kl_next = l->tilt.kl == ELBO_KL_NEXT;
    return p;
}

elbo_linear_chain elbo_linear_chain_in(const elbo_linear *l,
                                       const elbo_linear_dynamics *map, size_t n)
{
    return (elbo_linear_chain){
        .nx = l->world.nx,
        .nu = l->world.nu,
        .T = l->horizon,
        .dynamics = map,
        .ndynamics = n,
        .policy = l->pi,
        .npolicy = l->stages,
        .gamma = l->tilt.gamma,
    };
}

elbo_linear_chain elbo_linear_chain_of(const elbo_linear *l)
{
    if (elbo_tilt_charge(&l->tilt) != 0)
        return elbo_linear_chain_in(l, l->q, l->stages);

    size_t n;
    const elbo_linear_dynamics *const map = elbo_linear_predictions(l, &n);

    return elbo_linear_chain_in(l, map, n);
}

void elbo_linear_stage_set(elbo_linear_stage *out, const elbo_lqr_stage *in)
{
    gsl_matrix_memcpy(out->pi.K, in->pi.K);
    gsl_vector_memcpy(out->pi.k, in->pi.k);
    gsl_matrix_memcpy(out->pi.S, in->pi.S);
    gsl_matrix_memcpy(out->A, in->q.A);
    gsl_matrix_memcpy(out->B, in->q.B);
    gsl_matrix_memcpy(out->W, in->q.W);
    if (in->q.c)
        gsl_vector_memcpy(out->c, in->q.c);
    else
        gsl_vector_set_zero(out->c);
    elbo_quadratic_copy(&out->V, &in->V);
    elbo_quadratic_copy(&out->Q, &in->Q);
}

void elbo_linear_count(elbo_moments *S, double w, const elbo_linear_moments *m)
{
    const size_t nz = m->zz->size1, nx = m->yy->size1;

    for (size_t i = 0; i < nz; i++) {
        for (size_t j = 0; j < nz; j++)
            *gsl_matrix_ptr(S->Szz, i, j) += w * gsl_matrix_get(m->zz, i, j);
        *gsl_matrix_ptr(S->Szz, i, nz) += w * gsl_vector_get(m->z, i);
        *gsl_matrix_ptr(S->Szz, nz, i) += w * gsl_vector_get(m->z, i);
    }
    *gsl_matrix_ptr(S->Szz, nz, nz) += w * m->mass;
    for (size_t i = 0; i < nx; i++) {
        for (size_t j = 0; j < nz; j++)
            *gsl_matrix_ptr(S->Syz, i, j) += w * gsl_matrix_get(m->yz, i, j);
        *gsl_matrix_ptr(S->Syz, i, nz) += w * gsl_vector_get(m->y, i);
        for (size_t j = 0; j < nx; j++)
            *gsl_matrix_ptr(S->Syy, i, j) += w * gsl_matrix_get(m->yy, i, j);
    }
    S->n += w * m->mass;
}

/* ---- what must rise ---- */

typedef struct reading {
    double value, scale;
} reading;

/* F_control at (pi, q, theta); -HUGE_VAL where it is infinite: a q that left the
 * model's range, a policy that does not stabilise it. */
static elbo_status read_control(elbo_engine *e, elbo_lqr_parts *parts,
                                reading *out)
{
    const elbo_linear *const l = e->linear;
    const elbo_lqr problem = elbo_linear_problem(e);
    const elbo_linear_chain chain = elbo_linear_chain_of(l);
    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = elbo_lqr_parts_at(&problem, &chain, l->world.m0,
                                            l->world.P0, parts, e->ws);

    elbo_arena_release(e->ws, mark);
    *out = (reading){.value = -HUGE_VAL};
    if (s == ELBO_ENOCONV || s == ELBO_ENOTPD) return ELBO_OK;
    ELBO_TRY(s);
    out->value = parts->reward - parts->policy_kl - parts->transition_kl;
    out->scale = fabs(parts->reward) + fabs(parts->policy_kl)
                 + fabs(parts->transition_kl);
    return ELBO_OK;
}

static elbo_status read_outer(elbo_engine *e, reading *out)
{
    double likelihood, prior;

    *out = (reading){0};
    if (e->set.kappa != 0 && e->linear->planned) {
        elbo_lqr_parts parts;

        ELBO_TRY(read_control(e, &parts, out));
        out->value *= e->set.kappa;
    }
    ELBO_TRY(elbo_linear_learnt(e, &likelihood, &prior));
    out->value += likelihood + prior;
    out->scale += fabs(likelihood) + fabs(prior);
    return ELBO_OK;
}

/* ---- the M-step ---- */

/* S += kappa charge E_{pi, q} of the transitions: what F_control says of theta. */
static elbo_status add_expected(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const elbo_linear_chain chain = elbo_linear_chain_of(l);
    const double charge = e->set.kappa * elbo_tilt_charge(&l->tilt);
    elbo_linear_moments *out = elbo_arena_take(e->ws, l->stages, sizeof *out);

    ELBO_TRY(elbo_arena_check(e->ws, "the expected transitions"));
    for (size_t t = 0; t < l->stages; t++)
        out[t] = elbo_linear_moments_take(e->ws, l->world.nx, l->world.nu);
    ELBO_TRY(elbo_arena_check(e->ws, "the expected transitions"));
    ELBO_TRY(elbo_linear_occupancy(&chain, l->world.m0, l->world.P0, out, e->ws));
    for (size_t t = 0; t < l->stages; t++)
        elbo_linear_count(&l->S[t % l->belief.stages], charge, &out[t]);
    return ELBO_OK;
}

/* S: what counts as log p. */
static elbo_status count(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    for (size_t t = 0; t < l->belief.stages; t++) {
        elbo_moments_clear(&l->S[t]);
        if (!l->objective) elbo_moments_join(&l->S[t], 1, &l->D[t]);
    }
    return e->set.kappa != 0 && l->planned ? add_expected(e) : ELBO_OK;
}

elbo_status elbo_linear_bind_standing(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    if (!l->objective || !elbo_route_stops(&l->route)) return ELBO_OK;
    return elbo_linear_bind(e, l->objective);
}

elbo_status elbo_linear_prepare(elbo_engine *e)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_status s = count(e);

    elbo_arena_release(e->ws, mark);
    return s == ELBO_OK ? elbo_linear_bind_standing(e) : s;
}

static elbo_status fit(elbo_engine *e, elbo_mstep_info *info)
{
    elbo_linear *const l = e->linear;

    if (l->belief.follows) return elbo_linear_follow(e, info);
    info->closed = info->converged = true;
    return l->belief.model->fit(&l->belief, l->S, e->ws);
}

static elbo_status m_step(elbo_engine *e, elbo_row *row)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    reading before, after;

    if (e->linear->belief.n == 0) return ELBO_OK;
    ELBO_TRY(elbo_linear_prepare(e));
    ELBO_TRY(read_outer(e, &before));

    const elbo_status s = fit(e, &row->mstep);

    elbo_arena_release(e->ws, mark);
    ELBO_TRY(s);
    ELBO_TRY(read_outer(e, &after));
    if (before.value == -HUGE_VAL || !e->linear->potential) return ELBO_OK;

    const elbo_watch watch = {
        .step = "M-step",
        .quantity = e->set.kappa == 0
                        ? "lambda E_D[w l] + log p(theta)"
                        : "kappa F_control + lambda E_D[w l] + log p(theta)",
        .before = before.value,
        .after = after.value,
        .scale = before.scale + after.scale,
    };

    return elbo_watch_check(&watch);
}

/* ---- the E-step ---- */

static elbo_status plan(elbo_engine *e, elbo_lqr_info *info)
{
    elbo_linear *const l = e->linear;
    const elbo_lqr problem = elbo_linear_problem(e);
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_linear_posterior post;
    const elbo_status s =
        l->control->linear(l->control_own, &problem, e->ws, &post);

    for (size_t t = 0; s == ELBO_OK && t < l->stages; t++)
        elbo_linear_stage_set(&l->stage[t], &post.stage[t]);
    elbo_arena_release(e->ws, mark);
    *info = post.info;
    l->planned = s == ELBO_OK;
    if (s == ELBO_OK) elbo_linear_move_targets(e);
    return s;
}

static elbo_status e_step(elbo_engine *e, elbo_row *row, double *allowance)
{
    const bool promised = e->linear->planned && !e->linear->adversarial;
    elbo_lqr_parts parts;
    elbo_lqr_info info = {0};
    reading before = {.value = -HUGE_VAL}, after;

    ELBO_TRY(elbo_linear_correct(e));
    if (promised) ELBO_TRY(read_control(e, &parts, &before));
    ELBO_TRY(plan(e, &info));
    ELBO_TRY(read_control(e, &parts, &after));
    row->parts.reward = parts.reward;
    row->parts.policy_kl = parts.policy_kl;
    row->parts.transition_kl = parts.transition_kl;
    row->estep = (elbo_solve_info){.sweeps = info.sweeps,
                                   .residual = info.residual,
                                   .converged = info.converged};
    *allowance = info.residual * (1 + before.scale + after.scale);
    if (after.value == -HUGE_VAL)
        return ELBO_FAIL(ELBO_ENOTFINITE, "F_control is not finite: %s",
                         elbo_last_error()->text);
    if (before.value == -HUGE_VAL) return ELBO_OK;

    const elbo_watch watch = {
        .step = "E-step",
        .quantity = "F_control",
        .before = before.value,
        .after = after.value,
        .scale = before.scale + after.scale,
        .allowance = *allowance,
    };

    return elbo_watch_check(&watch);
}

static elbo_status watch_loop(const elbo_engine *e, const elbo_row *row,
                              double allowance)
{
    const elbo_watch watch = {
        .step = "EM iteration",
        .quantity = "F",
        .before = e->F,
        .after = row->elbo,
        .scale = fabs(e->F) + elbo_parts_scale(&row->parts),
        .allowance = allowance,
    };

    /* the first row had no feedback yet */
    if (e->iteration == 0 || e->set.kappa != 1 || e->set.online
        || e->linear->adversarial)
        return ELBO_OK;
    return elbo_watch_check(&watch);
}

static bool restless(const elbo_engine *e, const elbo_row *row)
{
    const bool moves = e->set.kappa != 0 || e->linear->objective
                       || e->linear->weigher;

    /* what remembers goes on from where no gain was */
    if (e->set.ascent.archive && !row->mstep.converged) return true;
    return moves && e->iteration < 2;
}

/* ---- the family ---- */

static bool serves_model(const elbo_model *model)
{
    return model->linear != NULL;
}

static bool serves_control(const elbo_control *control)
{
    return control->linear != NULL;
}

static void close(elbo_engine *e)
{
    if (!e->linear) return;
    elbo_linear_objective_close(e->linear->objective);
    elbo_linear_objective_close(e->linear->weigher);
}

static elbo_extent extent(const elbo_engine *e)
{
    const elbo_linear *const l = e->linear;
    const double nx = (double)l->world.nx, nu = (double)l->world.nu;
    const double each = 4 * nx * nx + nx * nu + nu * nu;
    elbo_extent x = {
        .parameters = l->belief.n,
        .bytes = 8 * (2 * (double)l->stages * each
                      + 6 * (double)l->belief.stages * (nx + nu) * (nx + nu)
                      + (2 * nx + nu + 1) * (double)l->data.capacity),
    };

    snprintf(x.world, sizeof x.world, "%zu states, %zu inputs, linear-Gaussian",
             l->world.nx, l->world.nu);
    return x;
}

static elbo_status expression(const elbo_setup *setup, const char *key,
                              const char *text, elbo_arena *arena, size_t *column,
                              const char **nearest)
{
    elbo_expr *expr;

    (void)setup;
    if (strcmp(key, "weight") != 0 && strcmp(key, "likelihood") != 0)
        return ELBO_OK;
    if (elbo_likelihood_term(text)) {
        *column = 0;
        *nearest = NULL;
        return ELBO_FAIL(ELBO_EINVAL, "%s is a likelihood of finite worlds", text);
    }
    return elbo_linear_objective_parse(text, arena, &expr, column, nearest);
}

static const elbo_absent absent[] = {
    {"inference", "optimality"},
    {"inference", "norm_bound"},
    {"control", "prior_epsilon"},
    {"control", "reward"},
    {"control", "return_weight"},
    {"control", "value"},
    {"control", "values"},
    {"control", "tolerance"},
    {"control", "sweeps"},
    {"control", "plan_rounds"},
    {"data", "over"},
    {"data", "pool"},
    {"evaluation", "expert_discount"},
    {"evaluation", "held_out"},
    {"evaluation", "held_out_of"},
    {0},
};

const elbo_family elbo_linear_family = {
    .noun = "linear-Gaussian worlds",
    .absent = absent,
    .serves_model = serves_model,
    .serves_control = serves_control,
    .check = elbo_linear_check,
    .expression = expression,
    .kind = elbo_linear_kind,
    .named = elbo_linear_named,
    .oracles = elbo_linear_oracles,
    .open = elbo_linear_open_parts,
    .close = close,
    .gather = elbo_linear_gather,
    .m_step = m_step,
    .e_step = e_step,
    .record = elbo_linear_record,
    .watch = watch_loop,
    .restless = restless,
    .judge = elbo_linear_judge,
    .save = elbo_linear_save,
    .load = elbo_linear_load,
    .extent = extent,
    .check_gradient = elbo_linear_check_gradient,
};
