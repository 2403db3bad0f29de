/* control/learner.h -- a network that learns: its parameters, a slow copy of
 * them, and the optimiser's state.
 *
 * A loss is a sum over blocks of rows; each block leaves its gradient in its
 * own place, and they are added in the blocks' order, so no thread count
 * changes a bit.
 */
#ifndef ELBO_LEARNER_H
#define ELBO_LEARNER_H

#include "inference/networks/adam.h"
#include "inference/networks/mlp.h"

typedef struct elbo_learner {
    const char *name; /* "critic 2", for what is said of failures */
    elbo_mlp mlp;
    size_t n, blocks;
    float *theta;
    float *target; /* [n] follows theta slowly; NULL: no such copy */
    float *grad;   /* [blocks x n] */
    elbo_adam adam;
    double loss; /* the last finite one; NaN before the first */
} elbo_learner;

/* theta drawn from `rng` as PyTorch's Linear, the target equal to it. Memory
 * from the arena. */
elbo_status elbo_learner_init(elbo_learner *learner, const char *name,
                              const elbo_mlp *mlp, size_t blocks, bool target,
                              const elbo_adam_config *adam, elbo_rng *rng,
                              elbo_arena *arena);

/* One step down the sum of the blocks' gradients of a loss. ELBO_ENOTFINITE
 * names the control, the network, the layer, the update and the last finite
 * loss; nothing has moved then. */
elbo_status elbo_learner_step(elbo_learner *learner, const char *control,
                              uint64_t update, double loss);

/* target += tau (theta - target) */
void elbo_learner_follow(elbo_learner *learner, double tau);

void elbo_learner_save(const elbo_learner *learner, elbo_writer *out);
elbo_status elbo_learner_load(elbo_learner *learner, elbo_reader *in);

/* "the last finite loss was 3.5", or that none was before; NAN: none. Returns text. */
enum { ELBO_LOSS_TEXT = 64 };
const char *elbo_loss_before(double last, char text[ELBO_LOSS_TEXT]);

#endif
