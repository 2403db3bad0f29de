/* inference/engine_settings.c -- what an experiment says, as numbers. */
#include <stdlib.h>
#include <string.h>

#include "inference/engine_state.h"

elbo_status elbo_settings_read(const elbo_setup *setup, elbo_arena *arena,
                               elbo_settings *set)
{
    const elbo_values *how = setup->inference, *data = setup->data;
    const char *lambda = elbo_text(how, "data_scale");

    *set = (elbo_settings){
        .kappa = elbo_real(how, "feedback"),
        .lambda = lambda[0] == '|' || lambda[0] == 'b' ? 1
                                                       : strtod(lambda, NULL),
        .lambda_each = strstr(lambda, "|D|") != NULL,
        .budget = elbo_budget_read(lambda),
        .previous =
            setup->control->previous_prior
            || elbo_choice_is(setup->control_common, "prior", "previous"),
        .online = elbo_choice_is(data, "mode", "online"),
        .current = elbo_choice_is(data, "policy", "current"),
        .population = elbo_choice_is(data, "source", "population"),
        .by_rows = elbo_choice_is(data, "over", "rows"),
        .steps = elbo_choice_is(data, "source", "file")
                     ? 0
                     : (size_t)elbo_int(data, "steps"),
        .iterations = (uint64_t)elbo_int(how, "iterations"),
        .tolerance = elbo_real(how, "tolerance"),
        .ascent = {.last = elbo_choice_is(how, "m_step_keep", "last"),
                   .method = elbo_ascender_find(elbo_text(how, "m_step")),
                   .iterations = (size_t)elbo_int(how, "m_step_iterations"),
                   .tolerance = elbo_real(how, "m_step_tolerance"),
                   .rate = elbo_real(how, "m_step_rate")},
    };
    if (elbo_choice_is(setup->evaluation, "nll", "data"))
        set->judged = ELBO_JUDGED_DATA;
    if (elbo_choice_is(setup->evaluation, "nll", "current"))
        set->judged = ELBO_JUDGED_CURRENT;
    ELBO_TRY(elbo_norm_bound_parse(elbo_text(how, "norm_bound"), arena,
                                   &set->bound, NULL, NULL));
    ELBO_TRY(elbo_likelihood_parse(elbo_text(how, "likelihood"),
                                   &set->likelihood, NULL, NULL));

    elbo_weight w;

    ELBO_TRY(elbo_weight_parse(elbo_text(how, "weight"), &w, NULL, NULL));
    set->weight = w.constant ? w.number : 1;
    return ELBO_OK;
}
