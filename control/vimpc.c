/* control/vimpc.c -- variational-inference MPC: any f, an entropy's weight,
 * mixtures.
 */
#include "control/registry.h"
#include "control/sequence.h"
#include "control/sequence_options.h"

static const elbo_option options[] = {
    ELBO_SEQUENCE_COMMON("25", "400", "5", "mean"),
    ELBO_SEQUENCE_BOUNDS,
    ELBO_SEQUENCE_CHOICE(
        "f", "elite|exp", "exp",
        "the likelihood that a sequence is optimal: 1 of the elite, "
        "or exp(return / control.temperature)"),
    ELBO_SEQUENCE_ELITES("0.1"),
    ELBO_SEQUENCE_ESS,
    ELBO_SEQUENCE_REAL(
        "entropy", "", 0, 1, "0",
        "kappa: weights are divided by q^kappa; 0: the last q is the "
        "prior, 1: the uniform one"),
    ELBO_SEQUENCE_INT("components", "", 1, 1000, "5",
                      "of the mixture of Gaussians that q is"),
    ELBO_SEQUENCE_SMOOTHING("0.1"),
    ELBO_SEQUENCE_FLOOR,
    {0},
};

static const elbo_task_control task = ELBO_SEQUENCE_CONTROL(
    "planner: q over action sequences is a mixture refit to the likelihood of "
    "optimality; no bound is recorded",
    true);

const elbo_control elbo_control_vimpc = {
    .name = "vimpc",
    .source = "Okada, Taniguchi: Variational inference MPC, CoRL 2019",
    .doc = "variational-inference MPC: a mixture over action sequences, refit "
           "to the "
           "likelihood of optimality with an entropy's weight",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .task = &task,
};
