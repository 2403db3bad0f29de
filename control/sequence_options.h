/* control/sequence_options.h -- options of the planners over action sequences; a
 * control's table names those that act in it, with its own defaults. */
#ifndef ELBO_SEQUENCE_OPTIONS_H
#define ELBO_SEQUENCE_OPTIONS_H

#include "inference/core/options.h"

#define ELBO_SEQUENCE_INT(name_, unit_, low_, high_, fallback_, doc_)          \
    {.name = (name_), .type = ELBO_INT, .unit = (unit_), .low = (low_),        \
     .high = (high_), .fallback = (fallback_), .doc = (doc_)}
#define ELBO_SEQUENCE_REAL(name_, unit_, low_, high_, fallback_, doc_)         \
    {.name = (name_), .type = ELBO_REAL, .unit = (unit_), .low = (low_),       \
     .high = (high_), .fallback = (fallback_), .doc = (doc_)}
#define ELBO_SEQUENCE_BOOL(name_, fallback_, doc_)                             \
    {.name = (name_), .type = ELBO_BOOL, .unit = "", .fallback = (fallback_),  \
     .doc = (doc_)}
#define ELBO_SEQUENCE_CHOICE(name_, choices_, fallback_, doc_)                 \
    {.name = (name_), .type = ELBO_CHOICE, .unit = "",                         \
     .choices = (choices_), .fallback = (fallback_), .doc = (doc_)}

/* What every one of them has. */
#define ELBO_SEQUENCE_COMMON(horizon, population, iterations, act)             \
    ELBO_SEQUENCE_INT("horizon", "steps", 1, 1e4, horizon,                     \
                      "length of the action sequences"),                       \
    ELBO_SEQUENCE_INT("population", "", 1, 1e6, population,                    \
                      "sequences drawn in an iteration"),                      \
    ELBO_SEQUENCE_INT("iterations", "", 1, 1e4, iterations,                    \
                      "refits of q for a plan"),                               \
    ELBO_SEQUENCE_REAL("initial_std", "half-widths of the box", 1e-6, 1e3,     \
                       "0.5", "of q where a plan starts"),                     \
    ELBO_SEQUENCE_BOOL("warm_start", "true",                                   \
                       "a plan starts at the last one's mean, shifted"),       \
    ELBO_SEQUENCE_INT("replan", "steps", 1, 1e4, "1",                          \
                      "between plans; what is between follows the last one"),  \
    ELBO_SEQUENCE_INT("particles", "", 1, 1e4, "20",                           \
                      "rollouts of each sequence; 1 of propagation: mean"),    \
    ELBO_SEQUENCE_CHOICE("propagation", "ts1|tsinf|mean", "tsinf",             \
                         "a particle's member of the ensemble: drawn at each " \
                         "step, kept, or the mean of all"),                    \
    ELBO_SEQUENCE_CHOICE("aggregation", "before|after", "before",              \
                         "the mean over particles is taken before f, neutral " \
                         "to what the model does not know, or after it"),      \
    ELBO_SEQUENCE_BOOL("common_noise", "false",                                \
                       "a particle has the same noise under every sequence "   \
                       "of an iteration"),                                     \
    ELBO_SEQUENCE_CHOICE("act", "mean|best", act,                              \
                         "by the mean of q's heaviest component, or the best " \
                         "sequence of the last population"),                   \
    ELBO_SEQUENCE_REAL("exploration", "half-widths of the box", 0, 10, "0",    \
                       "deviation of noise on actions that collect data; of "  \
                       "choices the share drawn uniformly")

#define ELBO_SEQUENCE_BOUNDS                                                   \
    ELBO_SEQUENCE_CHOICE("bounds", "truncated|clip", "truncated",              \
                         "how sequences stay in the box: normals cut at two "  \
                         "deviations, which shrink to fit, or clipped ones")
#define ELBO_SEQUENCE_ELITES(share)                                            \
    ELBO_SEQUENCE_REAL("elites", "", 1e-6, 1, share,                           \
                       "share of the population that q is refit to")
#define ELBO_SEQUENCE_SMOOTHING(share)                                         \
    ELBO_SEQUENCE_REAL("smoothing", "", 0, 0.999, share,                       \
                       "share of the old mean and variance that stays")
#define ELBO_SEQUENCE_FLOOR                                                    \
    ELBO_SEQUENCE_REAL("std_floor", "half-widths of the box", 0, 1, "0",       \
                       "least deviation of q; of choices the share of the "    \
                       "uniform distribution in it")
#define ELBO_SEQUENCE_ESS                                                      \
    ELBO_SEQUENCE_REAL("ess", "sequences", 0, 1e6, "0",                        \
                       "above 0: the temperature of each refit is the one at " \
                       "which 1 / sum of f's squared weights is this")

#endif
