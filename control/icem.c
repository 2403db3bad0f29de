/* control/icem.c -- the sample-efficient cross-entropy method: coloured noise,
 * elites that stay, a population that shrinks. */
#include "control/registry.h"
#include "control/sequence.h"
#include "control/sequence_options.h"

static const elbo_option options[] = {
    ELBO_SEQUENCE_COMMON("30", "100", "3", "best"),
    ELBO_SEQUENCE_ELITES("0.1"),
    ELBO_SEQUENCE_SMOOTHING("0.1"),
    ELBO_SEQUENCE_FLOOR,
    ELBO_SEQUENCE_REAL("colour", "", 0, 10, "2",
                       "the noise has the spectrum f^-colour over the horizon"),
    ELBO_SEQUENCE_REAL(
        "keep", "", 0, 1, "0.3",
        "share of the elites that join the next population, shifted "
        "where it is the next step's"),
    ELBO_SEQUENCE_REAL(
        "decay", "", 1, 100, "1.25",
        "the population shrinks by this factor an iteration, to twice "
        "the elites at least"),
    ELBO_SEQUENCE_BOOL("mean_last", "true",
                       "the mean is one of the last population"),
    {0},
};

static const elbo_task_control task = ELBO_SEQUENCE_CONTROL(
    "planner: no bound; q over action sequences is refit to the elite", false);

const elbo_control elbo_control_icem = {
    .name = "icem",
    .source =
        "Pinneri, Sawant, Blaes, Achterhold, Stueckler, Rolinek, Martius 2020",
    .doc =
        "the cross-entropy method with coloured noise and elites that are kept "
        "from iteration to iteration and step to step",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .task = &task,
};
