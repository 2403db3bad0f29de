/* inference/finite_outer.c -- the gradient slot's objective, from the settings. */
#include "inference/engine_state.h"

void elbo_engine_seen(elbo_engine *engine)
{
    const double *const start = engine->world.start;

    engine->seen_truth = engine->truth;
    engine->seen_problem = engine->problem;
    if (start) engine->seen_truth.mu = engine->seen_problem.mdp.mu = start;
}

/* M-steps by the search of the slot, with what it remembers. */
static elbo_status open_search(elbo_engine *e, const elbo_route *route,
                               uint64_t seed)
{
    elbo_ascent *const ascent = &e->set.ascent;

    if (!route->search) return ELBO_OK;
    ELBO_TRY(elbo_ascender_check(route->search, e->belief.n));
    ascent->method = route->search;
    ascent->iterations = route->n;
    ascent->step = route->step;
    ascent->box = route->box;
    ascent->seed = seed;
    if (!route->search->remembers) return ELBO_OK;
    ascent->archive = elbo_arena_take(e->arena, 1, sizeof *ascent->archive);
    ELBO_TRY(elbo_arena_check(e->arena, "a search's memory"));
    return elbo_archive_init(ascent->archive, ELBO_GP_POINTS, e->belief.n,
                             e->arena);
}

elbo_status elbo_engine_open_outer(elbo_engine *engine, const elbo_setup *setup,
                                   uint64_t seed)
{
    elbo_slots slots;
    elbo_outer *outer;
    unsigned depends;

    elbo_engine_seen(engine);
    ELBO_TRY(elbo_slots_read(setup, engine->arena, &slots));
    if (elbo_route_stops(&slots.route)) return ELBO_OK;
    ELBO_TRY(open_search(engine, &slots.route, seed));
    ELBO_TRY(elbo_likelihood_depends(elbo_text(setup->inference, "likelihood"),
                                     &depends));
    outer = elbo_arena_take(engine->arena, 1, sizeof *outer);
    ELBO_TRY(elbo_arena_check(engine->arena, "the outer objective"));
    *outer = (elbo_outer){
        .route = slots.route,
        .objective = engine->expression.objective,
        .truth = &engine->seen_truth,
        .problem = &engine->seen_problem,
        .controller = &engine->controller,
        .start = &engine->post,
        .previous = engine->set.previous,
        .seed = seed,
        .potential =
            elbo_route_exact(&slots.route) && !(depends & ELBO_HAS_STOP),
    };
    elbo_engine_follow_rewards(engine, outer);
    if (engine->returns.reward_facts.stops) outer->potential = false;
    engine->outer = outer;
    return elbo_outer_open(outer, engine->arena);
}
