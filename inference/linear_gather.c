/* inference/linear_gather.c -- the data of linear-Gaussian worlds and their
 * moments.
 */
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/textfile.h"
#include "inference/linear_state.h"

/* ---- opening ---- */

elbo_status elbo_linear_solve_world(elbo_engine *e, double alpha,
                                    const elbo_linear_policy **out)
{
    elbo_linear *const l = e->linear;
    elbo_lqr problem = elbo_linear_problem(e);
    elbo_linear_posterior best;
    elbo_linear_policy *policy =
        elbo_arena_take(e->arena, l->stages, sizeof *policy);

    ELBO_TRY(elbo_arena_check(e->arena, "the world's plan"));
    problem.dynamics = l->truth;
    problem.ndynamics = l->ntruth;
    problem.alpha = alpha;
    problem.beta = HUGE_VAL;
    ELBO_TRY(l->control->linear(l->control_own, &problem, e->arena, &best));
    for (size_t t = 0; t < l->stages; t++) policy[t] = best.stage[t].pi;
    *out = policy;
    return ELBO_OK;
}

/* Uniform: the random actions alone. */
static elbo_status open_behaviour(elbo_engine *e, const elbo_values *data)
{
    elbo_linear *const l = e->linear;

    l->behaviour = (elbo_linear_behaviour){
        .stages = l->stages,
        .epsilon = elbo_real(data, "epsilon"),
        .noise = elbo_real(data, "noise"),
        .episode_steps = (size_t)elbo_int(data, "episode_steps"),
        .limit = elbo_real(data, "state_limit"),
    };
    if (l->behaviour.episode_steps == 0)
        l->behaviour.episode_steps = l->horizon;
    l->behaviour.share = elbo_real(data, "expert");
    if (l->behaviour.share > 0) ELBO_TRY(elbo_linear_solve_world(e, 0, &l->behaviour.expert));
    if (elbo_choice_is(data, "policy", "current")) {
        l->behaviour.policy = l->pi;
        return ELBO_OK;
    }
    if (elbo_choice_is(data, "policy", "optimal")) 
        return elbo_linear_solve_world(e, 0, &l->behaviour.policy);
    if (elbo_choice_is(data, "policy", "expert"))
        return elbo_linear_solve_world(e, l->alpha, &l->behaviour.policy);
    l->behaviour.epsilon = 1;
    return ELBO_OK;
}

elbo_status elbo_linear_open_data(elbo_engine *e, const elbo_setup *setup,
                                  uint64_t seed)
{
    elbo_linear *const l = e->linear;
    const size_t rounds = e->set.online ? (size_t)e->set.iterations : 1;
    size_t capacity;

    ELBO_TRY(elbo_linear_collector_init(&l->collector, l->world.nx, seed,
                                        e->arena));
    if (elbo_choice_is(setup->data, "source", "file")) {
        const char *path = elbo_textfile_path(
            setup->folder, elbo_text(setup->data, "file"), e->arena);

        ELBO_TRY(elbo_arena_check(e->arena, "the data's path"));
        return elbo_linear_data_read(&l->data, path, l->world.nx, l->world.nu,
                                     e->arena);
    }
    if (!elbo_size_mul(e->set.population ? 0 : e->set.steps, rounds, &capacity))
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu iterations of %zu steps are too many",
                         rounds, e->set.steps);
    ELBO_TRY(elbo_linear_data_init(&l->data, l->world.nx, l->world.nu, capacity,
                                   e->arena));
    return open_behaviour(e, setup->data);
}

/* ---- each iteration ---- */

static elbo_status behave(const elbo_linear *l, const elbo_linear_behaviour *how,
                          elbo_linear_policy pi[], elbo_arena *ws)
{
    for (size_t t = 0; t < l->stages; t++) {
        pi[t] = elbo_linear_policy_take(ws, l->world.nx, l->world.nu);
        ELBO_TRY(elbo_arena_check(ws, "the behaviour"));
        gsl_matrix_set_zero(pi[t].K);
        gsl_vector_set_zero(pi[t].k);
        gsl_matrix_set_zero(pi[t].S);
        if (how->policy) {
            gsl_matrix_memcpy(pi[t].K, how->policy[t].K);
            gsl_vector_memcpy(pi[t].k, how->policy[t].k);
            gsl_matrix_memcpy(pi[t].S, how->policy[t].S);
        }
        for (size_t i = 0; i < l->world.nu; i++)
            *gsl_matrix_ptr(pi[t].S, i, i) +=
                how->epsilon * how->noise * how->noise;
    }
    return ELBO_OK;
}

elbo_status elbo_linear_visits(elbo_engine *e, const elbo_linear_behaviour *how,
                               elbo_linear_moments **out, double *mass)
{
    const elbo_linear *const l = e->linear;
    elbo_linear_policy *pi = elbo_arena_take(e->ws, l->stages, sizeof *pi);
    elbo_linear_chain chain = elbo_linear_chain_in(l, l->truth, l->ntruth);

    *out = elbo_arena_take(e->ws, l->stages, sizeof **out);
    ELBO_TRY(elbo_arena_check(e->ws, "the visits"));
    ELBO_TRY(behave(l, how, pi, e->ws));
    for (size_t t = 0; t < l->stages; t++)
        (*out)[t] = elbo_linear_moments_take(e->ws, l->world.nx, l->world.nu);
    ELBO_TRY(elbo_arena_check(e->ws, "the visits"));
    chain.policy = pi;
    chain.npolicy = l->stages;
    ELBO_TRY(elbo_linear_occupancy(&chain, l->world.m0, l->world.P0, *out, e->ws));
    *mass = 0;
    for (size_t t = 0; t < l->stages; t++) *mass += (*out)[t].mass;
    return ELBO_OK;
}

/* Moments of the behaviour's visits, of mass `steps`. */
static elbo_status populate(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    elbo_linear_moments *out;
    double mass;

    ELBO_TRY(elbo_linear_visits(e, &l->behaviour, &out, &mass));

    const double each = (double)e->set.steps / mass
                        * (e->set.lambda_each ? e->set.lambda
                                              : e->set.lambda
                                                    / (double)e->set.steps);

    for (size_t t = 0; t < l->stages; t++)
        elbo_linear_count(&l->D[t % l->belief.stages], each * e->set.weight,
                          &out[t]);
    l->mass += (double)e->set.steps;
    return ELBO_OK;
}

static elbo_status count(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const double size = (double)l->data.n;
    const double scale =
        e->set.lambda_each || size == 0 ? e->set.lambda : e->set.lambda / size;

    l->mass = size;
    return elbo_linear_data_moments(&l->data, scale, l->belief.stages, l->D,
                                    e->ws);
}

/* Weights and counts of D as it is. */
static elbo_status learn_from(elbo_engine *e)
{
    ELBO_TRY(elbo_linear_weigh(e));
    return count(e);
}

static elbo_status collect(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const size_t before = e->iteration > 0 ? l->data.n : 0;

    ELBO_TRY(elbo_linear_collect(&l->data, &l->collector, &l->world,
                                 &l->behaviour, e->set.steps, e->ws));
    for (size_t i = before; i < l->data.n; i++) l->data.w[i] = e->set.weight;
    return learn_from(e);
}

static elbo_status gather(elbo_engine *e)
{
    const bool stands = e->iteration > 0 && !e->set.online;

    if (stands) return e->linear->weigher ? learn_from(e) : ELBO_OK;
    if (e->set.steps == 0) return learn_from(e);
    return e->set.population ? populate(e) : collect(e);
}

elbo_status elbo_linear_gather(elbo_engine *engine, elbo_row *row)
{
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    const elbo_status s = gather(engine);

    elbo_arena_release(engine->ws, mark);
    row->env_steps = (uint64_t)(engine->linear->mass + 0.5);
    return s;
}
