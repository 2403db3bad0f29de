/* inference/trajectory.h -- controls of continuous worlds: from a known map to a
 * time-varying linear controller over one horizon.
 *
 *   u_t ~ N(K_t x + k_t, S_t),  t = 0 .. T - 1
 *   r   = -1/2 cost, undiscounted: optimality exp(r / temperature) a step
 */
#ifndef ELBO_TRAJECTORY_H
#define ELBO_TRAJECTORY_H

#include "inference/continuous.h"
#include "inference/core/checkpoint.h"

/* What is to be controlled: the model's map and noise in the world's costs. All
 * borrowed, for as long as the solver lives. */
typedef struct elbo_trajectory_problem {
    const elbo_plant *plant;
    size_t T;
    elbo_map f, h, h_end; /* (x, u) -> x', z; x_T -> its z */
    gsl_vector *m0, *goal, *goal_end;
    gsl_matrix *P0, *Sigma; /* of the start, of the noise */
    gsl_matrix *W, *W_end;
    double temperature;    /* alpha of the first round */
    double prior_variance; /* of each input; inf: flat */
    uint64_t seed;         /* streams "control" */
} elbo_trajectory_problem;

/* After one round, at (pi, q): F = reward - kl. */
typedef struct elbo_trajectory_info {
    double reward; /* nats where the temperature is inferred, else of r */
    double kl;     /* of the inputs and the noise together, from their priors */
    bool watched;  /* F may not fall from one round to the next */
} elbo_trajectory_info;

typedef struct elbo_trajectory_view {
    const double *K, *k, *S; /* [T x nu x nx] [T x nu] [T x nu x nu] */
} elbo_trajectory_view;

enum { ELBO_TRAJECTORY_COLUMNS = 3 };

/* The control's `trajectory` member. */
typedef struct elbo_trajectory {
    const char *kind; /* what its F is */
    /* *self from the arena. ELBO_EINVAL for options that do not fit. */
    elbo_status (*open)(const elbo_values *options,
                        const elbo_trajectory_problem *problem,
                        elbo_arena *arena, void **self);
    /* One round. After a failure the controller is undefined. */
    elbo_status (*iterate)(void *self, elbo_trajectory_info *info,
                           elbo_arena *ws);
    elbo_trajectory_view (*view)(const void *self);
    const char *const *column_names; /* ends in NULL */
    void (*columns)(const void *self, double out[]);
    void (*save)(const void *self, elbo_writer *out);
    elbo_status (*load)(void *self, elbo_reader *in);
} elbo_trajectory;

#endif
