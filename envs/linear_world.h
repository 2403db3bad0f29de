/* envs/linear_world.h -- what linear-Gaussian worlds share: costs, noise, start,
 * and how continuous time becomes steps.
 */
#ifndef ELBO_LINEAR_WORLD_H
#define ELBO_LINEAR_WORLD_H

#include "inference/linear.h"

/* Options of every such world, for its table. `noise` and so on are the world's
 * own defaults, as text. */
#define ELBO_LINEAR_OPTIONS(state, action, end, there, disturbance, from, spread)  \
    {.name = "state_cost",                                                         \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = state,                                                            \
     .doc = "Q of the reward -1/2 (x - goal)'Q (x - goal) - 1/2 u'R u: a number, " \
            "a diagonal, or a matrix \"1 0; 0 1\"",                                \
     .check = elbo_matrix_check},                                                  \
    {.name = "action_cost",                                                        \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = action,                                                           \
     .doc = "R, written alike",                                                    \
     .check = elbo_matrix_check},                                                  \
    {.name = "terminal_cost",                                                      \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = end,                                                              \
     .doc = "of the state after the last step, where there is a horizon",          \
     .check = elbo_matrix_check},                                                  \
    {.name = "goal",                                                               \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = there,                                                            \
     .doc = "the state that costs nothing: one number for all, or nx",             \
     .check = elbo_matrix_check},                                                  \
    {.name = "noise",                                                              \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = disturbance,                                                      \
     .doc = "W, the covariance of a step's disturbance, as state_cost",            \
     .check = elbo_matrix_check},                                                  \
    {.name = "start",                                                              \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = from,                                                             \
     .doc = "the mean of the first state",                                         \
     .check = elbo_matrix_check},                                                  \
    {.name = "start_covariance",                                                   \
     .type = ELBO_TEXT,                                                            \
     .unit = "",                                                                   \
     .fallback = spread,                                                           \
     .doc = "its covariance, as state_cost",                                       \
     .check = elbo_matrix_check}

/* Everything but the map itself, which stands in `world` with nx and nu.
 * ELBO_EINVAL names the option. */
elbo_status elbo_linear_world_read(const elbo_values *options, elbo_arena *arena,
                                   elbo_linear_world *world);

/* Room for A, B, c, all 0; the world keeps them as its dynamics. */
elbo_status elbo_linear_world_take(elbo_linear_world *world, size_t nx, size_t nu,
                                   elbo_arena *arena, gsl_matrix **A,
                                   gsl_matrix **B, gsl_vector **c);

/* dx/dt = F x + G u with u held for dt: A = exp(F dt), B = int exp(F s) ds G, by
 * the exponential of the joint matrix (Van Loan 1978). F and G stand in A and B. */
elbo_status elbo_zero_order_hold(gsl_matrix *A, gsl_matrix *B, double dt,
                                 elbo_arena *arena);

#endif
