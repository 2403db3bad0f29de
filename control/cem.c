/* control/cem.c -- the cross-entropy method over action sequences, as in PETS.
 */
#include "control/registry.h"
#include "control/sequence.h"
#include "control/sequence_options.h"

static const elbo_option options[] = {
    ELBO_SEQUENCE_COMMON("25", "400", "5", "mean"),
    ELBO_SEQUENCE_BOUNDS,
    ELBO_SEQUENCE_ELITES("0.1"),
    ELBO_SEQUENCE_SMOOTHING("0.1"),
    ELBO_SEQUENCE_FLOOR,
    {0},
};

static const elbo_task_control task = ELBO_SEQUENCE_CONTROL(
    "planner: no bound; q over action sequences is refit to the elite", false);

const elbo_control elbo_control_cem = {
    .name = "cem",
    .source =
        "Rubinstein, Davidson 1999; Chua, Calandra, McAllister, Levine 2018",
    .doc = "the cross-entropy method: q over action sequences refit to the "
           "elite of "
           "a population, at each step",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .task = &task,
};
