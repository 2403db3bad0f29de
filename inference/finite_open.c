/* inference/finite_open.c -- an engine of finite worlds, part by part. */
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/finite.h"
#include "inference/optimal.h"

static elbo_status open_world(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed)
{
    e->world.seed = seed;
    ELBO_TRY(
        setup->env->open(setup->env_own, setup->folder, e->arena, &e->world));
    e->world.env = setup->env;
    return elbo_world_mdp(&e->world, elbo_real(setup->env_common, "discount"),
                          elbo_horizon_read(setup), e->arena, &e->truth);
}

/* known [nS x nA]: the rows that end the episode for sure. */
static elbo_status mark_known(elbo_engine *e)
{
    static const double sure = 1 - 1e-15;
    const elbo_kernel *P = &e->truth.P;
    const size_t rows = e->truth.nS * e->truth.nA;
    uint8_t *known = elbo_arena_take(e->arena, rows, sizeof *known);

    ELBO_TRY(elbo_arena_check(e->arena, "the known rows"));
    for (size_t row = 0; row < rows; row++) {
        const size_t end = elbo_entry(P->pattern, row, e->truth.nS);

        known[row] = end != (size_t)-1 && P->prob[end] >= sure;
    }
    e->context.known = known;
    return ELBO_OK;
}

/* theta's ball, and theta in it from the start. */
static elbo_status bound_model(elbo_engine *e)
{
    elbo_belief *const belief = &e->belief;

    ELBO_TRY(elbo_norm_bound_balls(&e->set.bound, belief, e->arena,
                                   &e->set.ascent.balls));
    if (!e->set.ascent.balls) return ELBO_OK;
    elbo_balls_project(e->set.ascent.balls, belief->theta);
    belief->model->update(belief);
    return ELBO_OK;
}

static elbo_status open_model(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed)
{
    e->context = (elbo_model_context){
        .world = &e->world,
        .mdp = &e->truth,
        .seed = seed,
        .folder = setup->folder};
    ELBO_TRY(mark_known(e));
    e->belief.model = setup->model;
    ELBO_TRY(setup->model->open(setup->model_own, &e->context, e->arena,
                                &e->belief));
    ELBO_TRY(bound_model(e));
    e->C = elbo_arena_doubles(e->arena, e->belief.mean.pattern->nnz);
    e->tally.C = elbo_arena_doubles(e->arena, e->belief.mean.pattern->nnz);
    ELBO_TRY(elbo_arena_check(e->arena, "the data's counts"));
    memset(e->C, 0, e->belief.mean.pattern->nnz * sizeof *e->C);
    return ELBO_OK;
}

/* pi0, and the first policy: the world's best with a share of random actions. */
static elbo_status take_optimal_prior(elbo_engine *e, double epsilon)
{
    const size_t n = e->post.stages * e->post.nS * e->post.nA;
    elbo_posterior best;

    ELBO_TRY(elbo_optimal_policy(&e->truth, &e->problem, e->arena, &best));
    for (size_t i = 0; i < n; i++)
        e->post.pi0[i] = e->post.pi[i] =
            (1 - epsilon) * best.pi[i] + epsilon / (double)e->post.nA;
    return ELBO_OK;
}

static elbo_status open_control(elbo_engine *e, const elbo_setup *setup)
{
    elbo_slots slots;

    ELBO_TRY(elbo_slots_read(setup, e->arena, &slots));
    e->problem = (elbo_problem){
        .mdp = e->truth,
        .tilt = slots.tilt,
        .alpha = slots.alpha,
        .optimality = slots.optimality,
        .tolerance = elbo_real(setup->control_common, "tolerance"),
        .sweeps = (size_t)elbo_int(setup->control_common, "sweeps"),
        .seed = e->context.seed,
    };

    /* q is charged against exp(E log theta) where its KL is part of one bound
     * with theta; the cut clamps to the posterior's mean, and an opponent deviates
     * from it (exp(E log theta) would pay for doubt where beta < 0). */
    const bool charged =
        elbo_tilt_charge(&slots.tilt) > 0
        || (slots.optimality == ELBO_LINEAR && e->set.kappa != 0);

    e->problem.mdp.P = charged ? e->belief.geo : e->belief.mean;
    if (e->belief.reward) e->problem.mdp.r = e->belief.reward;
    ELBO_TRY(elbo_engine_prepare_free(e));
    ELBO_TRY(elbo_posterior_init(&e->post, &e->problem, e->arena));
    ELBO_TRY(elbo_engine_start_free(e));
    if (elbo_choice_is(setup->control_common, "prior", "optimal"))
        ELBO_TRY(take_optimal_prior(
            e, elbo_real(setup->control_common, "prior_epsilon")));
    elbo_posterior_tilt(&e->problem, &e->post); /* V = 0: q = p / its sum */
    e->rho =
        elbo_arena_doubles(e->arena, e->post.stages * e->post.nS * e->post.nA);
    ELBO_TRY(elbo_arena_check(e->arena, "the occupancy"));
    e->controller.control = setup->control;
    return setup->control->open(setup->control_own, &e->problem, e->arena,
                                &e->controller);
}

static elbo_status check_rewards(const elbo_engine *e)
{
    const elbo_mdp *mdp = &e->truth;

    if (e->problem.optimality != ELBO_LINEAR) return ELBO_OK;
    for (size_t row = 0; row < mdp->nS * mdp->nA; row++)
        if (!(mdp->r[row] >= 0))
            return ELBO_FAIL(ELBO_EDATA,
                             "linear optimality needs rewards of 0 or more: "
                             "state %zu, action %zu earns %g",
                             row / mdp->nA, row % mdp->nA, mdp->r[row]);
    return ELBO_OK;
}

/* Whom the column expert_kl compares with. */
static elbo_status open_expert(elbo_engine *e, double discount)
{
    elbo_mdp world = e->truth;
    elbo_posterior post;

    if (!(discount > 0)) return ELBO_OK;
    world.gamma = discount;
    ELBO_TRY(elbo_expert_policy(&world, &e->problem, e->arena, &post));
    e->expert = post.pi;
    return ELBO_OK;
}

elbo_status elbo_finite_open(elbo_engine *e, const elbo_setup *setup,
                             uint64_t seed, const char **section)
{
    *section = "env";
    ELBO_TRY(open_world(e, setup, seed));
    *section = "model";
    ELBO_TRY(open_model(e, setup, seed));
    *section = "control";
    ELBO_TRY(open_control(e, setup));
    ELBO_TRY(check_rewards(e));
    *section = "data";
    ELBO_TRY(elbo_engine_open_data(e, setup, seed));
    *section = "inference";
    ELBO_TRY(elbo_factors_open(e->arena, &e->factors));
    ELBO_TRY(elbo_engine_open_standing(e, setup));
    ELBO_TRY(
        elbo_engine_open_weight(e, elbo_text(setup->inference, "weight")));
    ELBO_TRY(elbo_engine_open_objective(
        e, elbo_text(setup->inference, "likelihood")));
    *section = "control";
    ELBO_TRY(elbo_engine_open_returns(
        e, elbo_text(setup->control_common, "reward"),
        elbo_text(setup->control_common, "return_weight")));
    *section = "inference";
    ELBO_TRY(elbo_engine_open_outer(e, setup, seed));
    ELBO_TRY(open_expert(e, elbo_real(setup->evaluation, "expert_discount")));
    elbo_engine_name_columns(e);
    return ELBO_OK;
}

void elbo_finite_close(elbo_engine *e)
{
    elbo_objective_close(e->expression.objective);
    elbo_objective_close(e->weigher);
    elbo_engine_close_returns(e);
    elbo_factors_close(e->factors);
}
