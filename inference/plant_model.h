/* inference/plant_model.h -- models of continuous worlds: a map and its noise.
 *
 *   x' ~ N(f(x, u), W)        z = (x, u) [nx + nu]
 */
#ifndef ELBO_PLANT_MODEL_H
#define ELBO_PLANT_MODEL_H

#include "inference/continuous.h"
#include "inference/core/checkpoint.h"

typedef struct elbo_plant_model elbo_plant_model;

/* An open model. `f` and `W` are what controls plan in; they keep their place
 * while theta moves. Lives in the arena it was opened with. */
typedef struct elbo_plant_belief {
    const elbo_plant_model *model;
    void *self;
    size_t n;      /* parameters; 0: fixed */
    elbo_map f;    /* z -> E x' */
    gsl_matrix *W; /* [nx x nx] */
} elbo_plant_belief;

/* Real transitions: rows of Z [n x (nx + nu)] and Y [n x nx] with weights
 * w [n] >= 0. */
typedef struct elbo_plant_data {
    const gsl_matrix *Z, *Y;
    const double *w;
} elbo_plant_data;

struct elbo_plant_model {
    elbo_status (*open)(const elbo_values *options, const elbo_plant *plant,
                        uint64_t seed, elbo_arena *arena,
                        elbo_plant_belief *out);
    /* theta <- the exact posterior of the data, map and noise updated. After a
     * failure theta is unchanged. NULL: fixed. */
    elbo_status (*fit)(elbo_plant_belief *belief, const elbo_plant_data *data,
                       elbo_arena *ws);
    /* sum w E log N(y; f(z), W) and -KL(q(theta) || p(theta)), nats. NULL: 0. */
    elbo_status (*learnt)(const elbo_plant_belief *belief,
                          const elbo_plant_data *data, double *likelihood,
                          double *prior, elbo_arena *ws);
    void (*save)(const elbo_plant_belief *belief, elbo_writer *out);
    elbo_status (*load)(elbo_plant_belief *belief, elbo_reader *in);
};

#endif
