/* inference/observed_draw.h -- sequences drawn from a world whose law is known. */
#ifndef ELBO_OBSERVED_DRAW_H
#define ELBO_OBSERVED_DRAW_H

#include "inference/observed_control.h"

/* Inputs are N(0, noise^2 I) in a share epsilon of the steps, else 0, on top of what
 * a controller says, if there is one. */
typedef struct elbo_observed_behaviour {
    double epsilon, noise;
    size_t episode_steps; /* a sequence has so many rows; 0: all there are */
    const elbo_observed_controller *controller; /* sees what is not lost; or NULL */
} elbo_observed_behaviour;

/* Append `rows` rows as whole sequences, the last as long as is left. ELBO_ESIZE when
 * they do not fit; ELBO_ENOTFINITE names sequence and row of what runs away. What is
 * appended before a failure stands. */
elbo_status elbo_observed_draw(const elbo_observed_world *world,
                               const elbo_observed_behaviour *how, size_t rows,
                               elbo_rng *rng, elbo_observed_data *data,
                               elbo_arena *ws);

#endif
