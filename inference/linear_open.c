/* inference/linear_open.c -- an engine of linear-Gaussian worlds, part by part. */
#include <math.h>

#include "inference/linear_state.h"

static elbo_status open_world(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed)
{
    elbo_linear *const l = e->linear;

    l->world.seed = seed;
    l->horizon = elbo_horizon_read(setup);
    l->stages = l->horizon ? l->horizon : 1;
    ELBO_TRY(setup->env->linear(setup->env_own, setup->folder, e->arena, &l->world));
    if (l->world.period > 1 && l->horizon == 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "a map that varies in time needs env.horizon");
    l->ntruth = l->world.period > 1 ? l->horizon : 1;
    l->truth = elbo_arena_take(e->arena, l->ntruth, sizeof *l->truth);
    ELBO_TRY(elbo_arena_check(e->arena, "the world's maps"));
    for (size_t t = 0; t < l->ntruth; t++)
        l->truth[t] = *elbo_linear_world_map(&l->world, t);
    return ELBO_OK;
}

static elbo_status take_moments(elbo_engine *e, elbo_moments **out)
{
    const elbo_linear *l = e->linear;
    const size_t nz = l->world.nx + l->world.nu + 1, n = l->belief.stages;

    *out = elbo_arena_take(e->arena, n, sizeof **out);
    ELBO_TRY(elbo_arena_check(e->arena, "the data's moments"));
    for (size_t t = 0; t < n; t++)
        ELBO_TRY(elbo_moments_init(&(*out)[t], l->world.nx, nz, e->arena));
    return ELBO_OK;
}

static elbo_status open_model(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed)
{
    elbo_linear *const l = e->linear;

    l->context = (elbo_linear_context){
        .world = &l->world, .horizon = l->horizon, .seed = seed};
    ELBO_TRY(setup->model->linear->open(setup->model_own, &l->context, e->arena,
                                        &l->belief));
    ELBO_TRY(take_moments(e, &l->D));
    return take_moments(e, &l->S);
}

static elbo_status take_stage(elbo_engine *e, elbo_linear_stage *stage)
{
    const size_t nx = e->linear->world.nx, nu = e->linear->world.nu;
    elbo_arena *const arena = e->arena;

    *stage = (elbo_linear_stage){
        .pi = elbo_linear_policy_take(arena, nx, nu),
        .A = elbo_arena_mat(arena, nx, nx),
        .B = elbo_arena_mat(arena, nx, nu),
        .W = elbo_arena_mat(arena, nx, nx),
        .c = elbo_arena_vec(arena, nx),
        .V = elbo_quadratic_take(arena, nx),
        .Q = elbo_quadratic_take(arena, nx + nu),
        .target = elbo_quadratic_take(arena, nx),
    };
    ELBO_TRY(elbo_arena_check(arena, "a plan"));
    stage->map = (elbo_linear_dynamics){
        .A = stage->A, .B = stage->B, .W = stage->W, .c = stage->c};
    gsl_matrix_set_zero(stage->pi.K);
    gsl_vector_set_zero(stage->pi.k);
    gsl_matrix_set_zero(stage->pi.S);
    gsl_matrix_set_zero(stage->A);
    gsl_matrix_set_zero(stage->B);
    gsl_matrix_set_zero(stage->W);
    gsl_vector_set_zero(stage->c);
    elbo_quadratic_zero(&stage->V);
    elbo_quadratic_zero(&stage->Q);
    elbo_quadratic_zero(&stage->target);
    return ELBO_OK;
}

/* Before the first E-step pi is pi0, or u = 0 where that is flat. */
static elbo_status open_plan(elbo_engine *e, double variance)
{
    elbo_linear *const l = e->linear;

    l->stage = elbo_arena_take(e->arena, l->stages, sizeof *l->stage);
    l->pi = elbo_arena_take(e->arena, l->stages, sizeof *l->pi);
    l->q = elbo_arena_take(e->arena, l->stages, sizeof *l->q);
    ELBO_TRY(elbo_arena_check(e->arena, "a plan"));
    for (size_t t = 0; t < l->stages; t++) {
        elbo_linear_policy *const pi = &l->stage[t].pi;

        ELBO_TRY(take_stage(e, &l->stage[t]));
        for (size_t i = 0; isfinite(variance) && i < l->world.nu; i++)
            gsl_matrix_set(pi->S, i, i, variance);
        if (l->nprior > 0 && l->prior[t % l->nprior].K) {
            gsl_matrix_memcpy(pi->K, l->prior[t % l->nprior].K);
            gsl_vector_memcpy(pi->k, l->prior[t % l->nprior].k);
        }
        l->pi[t] = *pi;
        l->q[t] = l->stage[t].map;
    }
    return ELBO_OK;
}

/* pi0: about 0, or about what is best in the world. */
static elbo_status open_prior(elbo_engine *e, double variance, bool optimal)
{
    elbo_linear *const l = e->linear;
    const elbo_linear_policy *best = NULL;

    if (!isfinite(variance)) return ELBO_OK;
    if (optimal) ELBO_TRY(elbo_linear_solve_world(e, 0, &best));
    l->prior_precision = elbo_arena_mat(e->arena, l->world.nu, l->world.nu);
    l->nprior = optimal ? l->stages : 1;
    l->prior = elbo_arena_take(e->arena, l->nprior, sizeof *l->prior);
    ELBO_TRY(elbo_arena_check(e->arena, "the prior policy"));
    gsl_matrix_set_identity(l->prior_precision);
    gsl_matrix_scale(l->prior_precision, 1 / variance);
    for (size_t t = 0; t < l->nprior; t++)
        l->prior[t] = (elbo_linear_prior){.K = optimal ? best[t].K : NULL,
                                          .k = optimal ? best[t].k : NULL,
                                          .precision = l->prior_precision};
    return ELBO_OK;
}

static elbo_status open_control(elbo_engine *e, const elbo_setup *setup)
{
    elbo_linear *const l = e->linear;
    const double variance = elbo_real(setup->control_common, "prior_variance");
    elbo_slots slots;

    ELBO_TRY(elbo_slots_read(setup, e->arena, &slots));
    l->alpha = slots.alpha;
    l->tilt = slots.tilt;
    l->adversarial = elbo_tilt_adversarial(&slots.tilt);
    /* an opponent deviates from what is believed: from the posterior's mean */
    l->charged = elbo_tilt_charge(&slots.tilt) > 0;
    l->control = setup->control;
    l->control_own = setup->control_own;
    ELBO_TRY(open_prior(
        e, variance, elbo_choice_is(setup->control_common, "prior", "optimal")));
    return open_plan(e, variance);
}

static void name_columns(elbo_engine *e)
{
    const elbo_linear_belief *const belief = &e->linear->belief;
    size_t n = elbo_engine_name_fixed(e);

    if (belief->model->columns) {
        const size_t own = belief->model->columns(belief, NULL);

        for (size_t i = 0; i < own; i++)
            e->columns[n++] = belief->model->column_names[i];
    }
    if (e->set.judged) e->columns[n++] = "nll";
    elbo_engine_name_last(e, n);
}

elbo_status elbo_linear_open_parts(elbo_engine *e, const elbo_setup *setup,
                                   uint64_t seed, const char **section)
{
    e->linear = elbo_arena_take(e->arena, 1, sizeof *e->linear);
    ELBO_TRY(elbo_arena_check(e->arena, "the engine"));
    *section = "env";
    ELBO_TRY(open_world(e, setup, seed));
    *section = "model";
    ELBO_TRY(open_model(e, setup, seed));
    *section = "control";
    ELBO_TRY(open_control(e, setup));
    *section = "data";
    ELBO_TRY(elbo_linear_open_data(e, setup, seed));
    ELBO_TRY(elbo_linear_open_correction(e));
    *section = "inference";
    ELBO_TRY(elbo_linear_open_expressions(e, setup, seed));
    ELBO_TRY(elbo_linear_open_policy(e));
    name_columns(e);
    return ELBO_OK;
}
