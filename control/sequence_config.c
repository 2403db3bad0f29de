/* control/sequence_config.c -- options of a planner as its configuration. */
#include "control/sequence.h"

/* An option that the table may lack. */
static double real_or(const elbo_values *v, const char *name, double otherwise)
{
    const bool has = elbo_option_find(v->options, name) != (size_t)-1;

    return has ? elbo_real(v, name) : otherwise;
}

static bool choice_or(const elbo_values *v, const char *name,
                      const char *choice, bool otherwise)
{
    const bool has = elbo_option_find(v->options, name) != (size_t)-1;

    return has ? elbo_choice_is(v, name, choice) : otherwise;
}

static bool flag_or(const elbo_values *v, const char *name, bool otherwise)
{
    const bool has = elbo_option_find(v->options, name) != (size_t)-1;

    return has ? elbo_flag(v, name) : otherwise;
}

static elbo_propagation propagation_of(const elbo_values *v)
{
    if (elbo_choice_is(v, "propagation", "ts1")) return ELBO_TS1;
    return elbo_choice_is(v, "propagation", "tsinf") ? ELBO_TSINF
                                                     : ELBO_EXPECTATION;
}

elbo_status elbo_sequence_configure(const elbo_values *v,
                                    const elbo_task_problem *problem,
                                    elbo_sequence_config *out)
{
    const bool elite = elbo_option_find(v->options, "elites") != (size_t)-1;
    const bool soft = elbo_option_find(v->options, "ess") != (size_t)-1;

    *out = (elbo_sequence_config){
        .horizon = (size_t)elbo_int(v, "horizon"),
        .population = (size_t)elbo_int(v, "population"),
        .iterations = (size_t)elbo_int(v, "iterations"),
        .components = (size_t)real_or(v, "components", 1),
        .exponential = choice_or(v, "f", "exp", soft),
        .elites = real_or(v, "elites", 1),
        .temperature = soft ? problem->temperature : 0,
        .ess = real_or(v, "ess", 0),
        .entropy = real_or(v, "entropy", 0),
        .refit_std = elite, /* MPPI's stays */
        .initial_std = elbo_real(v, "initial_std"),
        .std_floor = real_or(v, "std_floor", 0),
        .smoothing = real_or(v, "smoothing", 0),
        .truncated = choice_or(v, "bounds", "truncated", false),
        .colour = real_or(v, "colour", 0),
        .keep = real_or(v, "keep", 0),
        .decay = real_or(v, "decay", 1),
        .mean_last = flag_or(v, "mean_last", false),
        .best = elbo_choice_is(v, "act", "best"),
        .warm = elbo_flag(v, "warm_start"),
        .replan = (size_t)elbo_int(v, "replan"),
        .particles = (size_t)elbo_int(v, "particles"),
        .propagation = propagation_of(v),
        .inside = elbo_choice_is(v, "aggregation", "after"),
        .common = elbo_flag(v, "common_noise"),
        .exploration = elbo_real(v, "exploration"),
    };
    if (out->replan > out->horizon)
        return ELBO_FAIL(ELBO_EINVAL,
                         "replan must be at most the horizon, %zu, not %zu",
                         out->horizon, out->replan);
    if (out->ess > (double)out->population)
        return ELBO_FAIL(ELBO_EINVAL,
                         "ess must be at most the population, %zu, not %g",
                         out->population, out->ess);
    return ELBO_OK;
}
