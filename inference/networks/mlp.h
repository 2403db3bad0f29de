/* inference/networks/mlp.h -- multilayer perceptrons.
 *
 *   h_0 = x,  h_l = f(h_{l-1} W_l + b_l),  out = h_{L-1} W_L + b_L
 *
 * theta is one array: for each layer W [in x out] row-major, then b [out]. Rows are
 * samples. Products go through CBLAS, one thread a call.
 */
#ifndef ELBO_MLP_H
#define ELBO_MLP_H

#include "inference/core/rng.h"
#include "inference/core/tape.h"

enum { ELBO_MLP_LAYERS = 8 };

/* The names that options give, as their choices; and which one it is (it must be one). */
#define ELBO_ACTIVATIONS "relu|leaky_relu|tanh|silu"
elbo_activation elbo_activation_named(const char *name);

typedef struct elbo_mlp {
    size_t layers;                     /* affine maps, 1 .. ELBO_MLP_LAYERS */
    size_t width[ELBO_MLP_LAYERS + 1]; /* inputs, hidden ones, outputs */
    elbo_activation activation;        /* f; none after the last layer */
} elbo_mlp;

/* `hidden` layers of one width between. ELBO_EINVAL: too many, or a width of 0. */
elbo_status elbo_mlp_shape(elbo_mlp *mlp, size_t inputs, size_t hidden,
                           size_t width, size_t outputs, elbo_activation f);
size_t elbo_mlp_size(const elbo_mlp *mlp); /* of theta */

/* How weights start. */
typedef enum elbo_mlp_start {
    ELBO_START_UNIFORM,  /* W, b ~ U(-1/sqrt(in), 1/sqrt(in)): PyTorch's Linear */
    ELBO_START_TRUNCATED /* W ~ N(0, 1/(4 in)) cut at two deviations, b = 0: PETS, MBPO */
} elbo_mlp_start;
void elbo_mlp_draw(const elbo_mlp *mlp, elbo_mlp_start how, elbo_rng *rng,
                   float theta[]);

/* The parameters as leaves of a tape, shared by any number of passes. */
typedef struct elbo_mlp_leaves {
    elbo_node W[ELBO_MLP_LAYERS], b[ELBO_MLP_LAYERS];
} elbo_mlp_leaves;
/* learnt: inputs, differentiated; else constants. */
elbo_mlp_leaves elbo_mlp_leaf(const elbo_mlp *mlp, elbo_tape *tape, bool learnt);
/* x [B x inputs] -> [B x outputs]: one fused node a layer. */
elbo_node elbo_mlp_node(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                        elbo_tape *tape, elbo_node x);
/* After elbo_tape_finish. In a tape of floats: the leaves are theta itself from now
 * on, borrowed, no copies. Networks of one shape may take turns on one tape a thread:
 * seven tapes in turn would not stay in its cache. In either precision: copies. */
void elbo_mlp_point(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                    elbo_tape *tape, const float theta[]);
/* In a tape of doubles: the leaves are theta itself, also before elbo_tape_finish. */
void elbo_mlp_point_f64(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                        elbo_tape *tape, const double theta[]);
void elbo_mlp_set(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                  elbo_tape *tape, const double theta[]);
/* In a tape of floats: backward puts the gradient into grad itself from now on, laid
 * out as theta; borrowed. What y does not depend on is not written. */
void elbo_mlp_point_gradient(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                             elbo_tape *tape, float grad[]);
/* Constant leaves that are theta, borrowed; in a tape of doubles its copy in `wide`
 * [elbo_mlp_size], which is filled now. For parts of a graph that another finishes. */
elbo_mlp_leaves elbo_mlp_own(const elbo_mlp *mlp, elbo_tape *tape, const float theta[],
                             double wide[]);
/* After elbo_tape_backward: a copy of the gradient, laid out as theta. */
void elbo_mlp_gradient(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                       const elbo_tape *tape, float grad[]);

/* out [n x outputs] without a tape; blocks of rows in parallel where that pays; the
 * same bits for any number of threads. ELBO_ENOMEM. */
elbo_status elbo_mlp_forward(const elbo_mlp *mlp, const float theta[], size_t n,
                             const float x[], float out[], elbo_arena *ws);

/* The same of one block of rows, on this thread; room [2 n widest layer]. */
void elbo_mlp_rows(const elbo_mlp *mlp, const float theta[], size_t n,
                   const float x[], float out[], float room[]);
size_t elbo_mlp_widest(const elbo_mlp *mlp);

/* The layer (from 1) in which theta or grad first is not finite; 0: none. */
size_t elbo_mlp_not_finite(const elbo_mlp *mlp, const float theta[]);

#endif
