/* inference/engine_facts.h -- an experiment's settings read together: for
 * engine_slots.c (what goes together) and engine_kind.c (what it is).
 */
#ifndef ELBO_ENGINE_FACTS_H
#define ELBO_ENGINE_FACTS_H

#include "inference/engine_state.h"

/* What rules and descriptions look at. */
typedef struct elbo_facts {
    const elbo_setup *setup;
    elbo_slots slots;
    bool tilted, robust, linear, kl_clash;
    bool expression;  /* the likelihood is not logp */
    elbo_return_facts reward, returned; /* of control: reward, return_weight */
    unsigned depends; /* of the likelihood: elbo_expr's set */
    elbo_weight weight;
    bool stops;       /* gradient: stop */
    bool more;        /* it reads more of the planner than Jmodel */
    double kappa;
} elbo_facts;

elbo_status elbo_facts_read(const elbo_setup *setup, elbo_arena *arena,
                            elbo_facts *out);

#endif
