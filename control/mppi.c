/* control/mppi.c -- model predictive path integral control: the mean of q moves
 * to the softmax of returns. */
#include "control/registry.h"
#include "control/sequence.h"
#include "control/sequence_options.h"

static const elbo_option options[] = {
    ELBO_SEQUENCE_COMMON("25", "1000", "1", "mean"),
    ELBO_SEQUENCE_BOUNDS,
    ELBO_SEQUENCE_ESS,
    ELBO_SEQUENCE_SMOOTHING("0"),
    {0},
};

static const elbo_task_control task =
    ELBO_SEQUENCE_CONTROL("planner: q over action sequences is refit to "
                          "exp(return / temperature); no bound "
                          "is recorded",
                          true);

const elbo_control elbo_control_mppi = {
    .name = "mppi",
    .source = "Williams, Wagener, Goldfain, Drews, Rehg, Boots, Theodorou 2017",
    .doc =
        "model predictive path integral control: action sequences weighted by "
        "exp(return / control.temperature), or at a target ESS",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .task = &task,
};
