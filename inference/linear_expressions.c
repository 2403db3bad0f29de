/* inference/linear_expressions.c -- the weight and the likelihood as expressions in
 * linear-Gaussian worlds: what they read, and when.
 */
#include <math.h>

#include "inference/linear_state.h"

/* ---- opening ---- */

static elbo_status open_one(elbo_engine *e, const char *slot, const char *text,
                            elbo_linear_objective **out)
{
    const elbo_linear *const l = e->linear;
    const size_t rounds = e->set.online ? (size_t)e->set.iterations : 1;

    return elbo_linear_objective_open(slot, text, &l->world, l->belief.stages,
                                      l->horizon, l->tilt.gamma, rounds,
                                      e->set.online ? e->set.steps : 0, e->arena,
                                      out);
}

/* M-steps by the search of the slot, with what it remembers. */
static elbo_status open_search(elbo_engine *e, uint64_t seed)
{
    const elbo_route *const route = &e->linear->route;
    const size_t n = e->linear->belief.n;
    elbo_ascent *const ascent = &e->set.ascent;

    if (!route->search) return ELBO_OK;
    ELBO_TRY(elbo_ascender_check(route->search, n));
    ascent->method = route->search;
    ascent->iterations = route->n;
    ascent->step = route->step;
    ascent->box = route->box;
    ascent->seed = seed;
    if (!route->search->remembers) return ELBO_OK;
    ascent->archive = elbo_arena_take(e->arena, 1, sizeof *ascent->archive);
    ELBO_TRY(elbo_arena_check(e->arena, "a search's memory"));
    return elbo_archive_init(ascent->archive, ELBO_GP_POINTS, n, e->arena);
}

elbo_status elbo_linear_open_expressions(elbo_engine *e, const elbo_setup *setup,
                                         uint64_t seed)
{
    elbo_linear *const l = e->linear;
    const char *const likelihood = elbo_text(setup->inference, "likelihood");
    const char *const weight = elbo_text(setup->inference, "weight");
    elbo_slots slots;
    elbo_weight w;

    ELBO_TRY(elbo_slots_read(setup, e->arena, &slots));
    ELBO_TRY(elbo_weight_parse(weight, &w, NULL, NULL));
    l->route = slots.route;
    l->target_rate = elbo_real(setup->control_common, "target_rate");
    l->potential = !e->set.ascent.last;
    if (!w.constant) ELBO_TRY(open_one(e, "weight", weight, &l->weigher));
    if (e->set.likelihood->conjugate) return ELBO_OK;
    ELBO_TRY(open_one(e, "likelihood", likelihood, &l->objective));

    const unsigned hidden =
        elbo_route_stops(&l->route) ? ELBO_STOPS_THETA : ELBO_HAS_STOP;

    if (elbo_linear_objective_expression(l->objective)->depends & hidden)
        l->potential = false;
    return open_search(e, seed);
}

/* ---- the data ---- */

static double scale_of(const elbo_engine *e)
{
    const double size = (double)e->linear->data.n;

    return e->set.lambda_each || size == 0 ? e->set.lambda : e->set.lambda / size;
}

static elbo_status read_weights(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    ELBO_TRY(elbo_linear_objective_data(l->weigher, &l->data, 1, NULL));
    ELBO_TRY(elbo_linear_objective_model(l->weigher, &l->belief, e->ws));
    ELBO_TRY(elbo_linear_bind(e, l->weigher));
    return elbo_linear_objective_weights(l->weigher, l->data.w);
}

/* V_then of the data that have just come. */
static elbo_status remember(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const size_t round = e->set.online ? (size_t)e->iteration : 0;
    const elbo_quadratic *const terminal =
        l->planned && l->horizon ? &l->world.terminal : NULL;
    elbo_quadratic *const V = elbo_arena_take(e->ws, l->stages, sizeof *V);

    ELBO_TRY(elbo_arena_check(e->ws, "values as they were"));
    for (size_t t = 0; t < l->stages; t++) V[t] = l->stage[t].V;
    if (l->weigher) elbo_linear_objective_then(l->weigher, round, V, terminal);
    if (l->objective) elbo_linear_objective_then(l->objective, round, V, terminal);
    return ELBO_OK;
}

elbo_status elbo_linear_weigh(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    if (e->set.online || e->iteration == 0) ELBO_TRY(remember(e));

    if (l->weigher) ELBO_TRY(read_weights(e));
    return elbo_linear_reopen(e);
}

elbo_status elbo_linear_reopen(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    if (!l->objective) return ELBO_OK;
    return elbo_linear_objective_data(l->objective, &l->data, scale_of(e),
                                      l->data.w);
}

/* ---- the plan ---- */

static elbo_status read_returns(elbo_engine *e, const elbo_linear_objective *o,
                                elbo_linear_plan *plan)
{
    elbo_linear *const l = e->linear;

    if (elbo_linear_objective_reads(o, ELBO_GAUSSIAN_J))
        ELBO_TRY(elbo_linear_return(e, plan->pi, l->truth, l->ntruth, &plan->J));
    if (elbo_linear_objective_reads(o, ELBO_GAUSSIAN_JMODEL))
        ELBO_TRY(elbo_linear_return(e, plan->pi, l->belief.mean, l->belief.stages,
                                    &plan->Jmodel));
    return ELBO_OK;
}

static elbo_status bind(elbo_engine *e, elbo_linear_objective *o)
{
    elbo_linear *const l = e->linear;
    elbo_quadratic *V = elbo_arena_take(e->ws, l->stages, sizeof *V);
    elbo_quadratic *Q = elbo_arena_take(e->ws, l->stages, sizeof *Q);
    elbo_quadratic *target = elbo_arena_take(e->ws, l->stages, sizeof *target);
    elbo_linear_plan plan = {.V = V, .Q = Q, .pi = l->pi};

    ELBO_TRY(elbo_arena_check(e->ws, "what an expression reads"));
    for (size_t t = 0; t < l->stages; t++) {
        V[t] = l->stage[t].V;
        Q[t] = l->stage[t].Q;
        target[t] = l->stage[t].target;
    }
    /* before the first plan V is 0 to the end */
    if (l->planned && l->horizon) plan.terminal = &l->world.terminal;
    if (l->planned) ELBO_TRY(read_returns(e, o, &plan));
    elbo_linear_objective_target(o, target, plan.terminal);
    return elbo_linear_objective_plan(o, &plan, e->ws);
}

elbo_status elbo_linear_bind(elbo_engine *e, elbo_linear_objective *o)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = bind(e, o);

    elbo_arena_release(e->ws, mark);
    ELBO_TRY(s);
    return o == e->linear->objective ? elbo_linear_real_gradient(e) : ELBO_OK;
}

static void approach(elbo_quadratic *target, const elbo_quadratic *V, double rate)
{
    const size_t n = V->p->size;

    for (size_t i = 0; i < n; i++) {
        double *const p = gsl_vector_ptr(target->p, i);

        *p += rate * (gsl_vector_get(V->p, i) - *p);
        for (size_t j = 0; j < n; j++) {
            double *const P = gsl_matrix_ptr(target->P, i, j);

            *P += rate * (gsl_matrix_get(V->P, i, j) - *P);
        }
    }
    target->c += rate * (V->c - target->c);
}

void elbo_linear_move_targets(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    for (size_t t = 0; t < l->stages; t++)
        approach(&l->stage[t].target, &l->stage[t].V,
                 l->targeted ? l->target_rate : 1);
    l->targeted = true;
}
