/* inference/standing.h -- values of states that stand still while theta moves.
 *
 *   V_then    V of the last E-step before each round of collection
 *   V_target  <- (1 - rate) V_target + rate V after each E-step, the first of
 *             which it copies; Q_target likewise
 *   of data   V, Q of a policy in the process that D itself is: each visited
 * row (s, a) gives its mean reward and its observed successors; a row that D
 * has not visited earns 0 and ends
 * With a horizon each has a block a stage, as in elbo_posterior.
 */
#ifndef ELBO_STANDING_H
#define ELBO_STANDING_H

#include "inference/core/checkpoint.h"
#include "inference/data.h"
#include "inference/posterior.h"

/* What V and Q an objective reads. */
typedef enum elbo_reading {
    ELBO_READS_MODEL, /* the planner's */
    ELBO_READS_DATA,
    ELBO_READS_TARGET
} elbo_reading;

typedef struct elbo_standing {
    size_t nS, nA, horizon;
    elbo_reading reads;
    double rate;
    size_t rounds;             /* of `then`; 0: not wanted */
    double *then;              /* [rounds x values x (nS + 1)] */
    double *target, *target_Q; /* [values x (nS + 1)], [stages x nS x nA] */
    bool targeted;             /* they have been copied once */
    double *data, *data_Q;     /* likewise; values: 1, or horizon + 1 */
} elbo_standing;

/* Zeros, from the arena. nS, nA, horizon, reads, rate and rounds are set. */
elbo_status elbo_standing_open(elbo_standing *standing, elbo_arena *arena);

/* V before the round's collection; no more than `rounds` of them. */
void elbo_standing_collect(elbo_standing *standing, size_t round,
                           const double V[]);

/* After an E-step. */
void elbo_standing_plan(elbo_standing *standing, const elbo_posterior *post);

/* V and Q, as elbo_posterior has them, of the policy pi in the data's own process,
 * with weights as the data's masses; of `mdp` nS, nA, gamma and the horizon are
 * read.
 * ELBO_ESINGULAR as elbo_evaluate. */
elbo_status elbo_data_values(const elbo_data *data, const elbo_mdp *mdp,
                             const double pi[], double V[], double Q[],
                             elbo_arena *ws);

/* Q = r + gamma P V of one stage. */
void elbo_backup_rows(const elbo_mdp *mdp, const double V[], double Q[]);

/* Into, and from, the current section. ELBO_EDATA. */
void elbo_standing_save(const elbo_standing *standing, elbo_writer *out);
elbo_status elbo_standing_load(elbo_standing *standing, elbo_reader *in);

#endif
