/* inference/engine_outer.c -- the gradient slot's objective, from the settings. */
#include "inference/engine_state.h"

elbo_status elbo_engine_open_outer(elbo_engine *engine, const elbo_setup *setup,
                                   uint64_t seed)
{
    elbo_slots slots;
    elbo_outer *outer;
    unsigned depends;

    ELBO_TRY(elbo_slots_read(setup, engine->arena, &slots));
    if (elbo_route_stops(&slots.route)) return ELBO_OK;
    ELBO_TRY(elbo_likelihood_depends(elbo_text(setup->inference, "likelihood"),
                                     &depends));
    outer = elbo_arena_take(engine->arena, 1, sizeof *outer);
    ELBO_TRY(elbo_arena_check(engine->arena, "the outer objective"));
    *outer = (elbo_outer){
        .route = slots.route,
        .objective = engine->expression.objective,
        .truth = &engine->truth,
        .problem = &engine->problem,
        .controller = &engine->controller,
        .start = &engine->post,
        .seed = seed,
        .potential =
            elbo_route_exact(&slots.route) && !(depends & ELBO_HAS_STOP),
    };
    engine->outer = outer;
    return elbo_outer_open(outer, engine->arena);
}
