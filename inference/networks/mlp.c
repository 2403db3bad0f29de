#include "inference/networks/mlp.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"

elbo_activation elbo_activation_named(const char *name)
{
    static const struct {
        const char *name;
        elbo_activation f;
    } known[] = {
        {"relu",       ELBO_ACT_RELU      },
        {"leaky_relu", ELBO_ACT_LEAKY_RELU},
        {"tanh",       ELBO_ACT_TANH      },
        {"silu",       ELBO_ACT_SILU      },
    };
    const size_t n = sizeof known / sizeof *known;
    size_t i = 0;

    while (i < n && strcmp(known[i].name, name) != 0) i++;
    assert(i < n);
    return known[i].f;
}

elbo_status elbo_mlp_shape(elbo_mlp *mlp, size_t inputs, size_t hidden,
                           size_t width, size_t outputs, elbo_activation f)
{
    if (hidden >= ELBO_MLP_LAYERS)
        return ELBO_FAIL(ELBO_EINVAL, "%zu hidden layers are more than %d",
                         hidden, ELBO_MLP_LAYERS - 1);
    if (inputs == 0 || outputs == 0 || (hidden && width == 0))
        return ELBO_FAIL(ELBO_EINVAL,
                         "a network of %zu inputs, width %zu, %zu outputs",
                         inputs, width, outputs);
    *mlp = (elbo_mlp){.layers = hidden + 1, .activation = f};
    mlp->width[0] = inputs;
    for (size_t l = 1; l <= hidden; l++) mlp->width[l] = width;
    mlp->width[hidden + 1] = outputs;
    return ELBO_OK;
}

/* Parameters before layer l: those of layers 0 .. l - 1. */
static size_t offset(const elbo_mlp *mlp, size_t l)
{
    size_t n = 0;

    for (size_t k = 0; k < l; k++) n += (mlp->width[k] + 1) * mlp->width[k + 1];
    return n;
}

static size_t weights(const elbo_mlp *mlp, size_t l)
{
    return mlp->width[l] * mlp->width[l + 1];
}

size_t elbo_mlp_size(const elbo_mlp *mlp)
{
    return offset(mlp, mlp->layers);
}

static void draw_uniform(elbo_rng *rng, double bound, size_t n, float out[])
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(bound * (2 * elbo_rng_uniform(rng) - 1));
}

/* Beyond two deviations another is drawn. */
static void draw_truncated(elbo_rng *rng, double deviation, size_t n,
                           float out[])
{
    double z[2];

    for (size_t i = 0; i < n;) {
        elbo_rng_normals(rng, z, 2);
        for (size_t k = 0; k < 2 && i < n; k++)
            if (fabs(z[k]) <= 2) out[i++] = (float)(deviation * z[k]);
    }
}

void elbo_mlp_draw(const elbo_mlp *mlp, elbo_mlp_start how, elbo_rng *rng,
                   float theta[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        const double root = sqrt((double)mlp->width[l]);
        const size_t n = weights(mlp, l), outputs = mlp->width[l + 1];

        if (how == ELBO_START_UNIFORM) {
            draw_uniform(rng, 1 / root, n + outputs, theta);
        } else {
            draw_truncated(rng, 0.5 / root, n, theta);
            for (size_t j = 0; j < outputs; j++) theta[n + j] = 0;
        }
        theta += n + outputs;
    }
}

static elbo_node leaf(elbo_tape *tape, size_t rows, size_t cols, bool learnt)
{
    return learnt ? elbo_tape_input(tape, rows, cols)
                  : elbo_tape_constant(tape, rows, cols);
}

elbo_mlp_leaves elbo_mlp_leaf(const elbo_mlp *mlp, elbo_tape *tape, bool learnt)
{
    elbo_mlp_leaves leaves = {{0}, {0}};

    for (size_t l = 0; l < mlp->layers; l++) {
        leaves.W[l] = leaf(tape, mlp->width[l], mlp->width[l + 1], learnt);
        leaves.b[l] = leaf(tape, 1, mlp->width[l + 1], learnt);
    }
    return leaves;
}

elbo_node elbo_mlp_node(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                        elbo_tape *tape, elbo_node x)
{
    for (size_t l = 0; l < mlp->layers; l++) {
        const bool last = l + 1 == mlp->layers;

        x = elbo_tape_dense(tape, x, leaves->W[l], leaves->b[l],
                            last ? ELBO_ACT_NONE : mlp->activation);
    }
    return x;
}

void elbo_mlp_point(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                    elbo_tape *tape, const float theta[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        const float *const W = theta + offset(mlp, l);

        elbo_tape_point_f32(tape, leaves->W[l], W);
        elbo_tape_point_f32(tape, leaves->b[l], W + weights(mlp, l));
    }
}

void elbo_mlp_point_f64(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                        elbo_tape *tape, const double theta[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        const double *const W = theta + offset(mlp, l);

        elbo_tape_point(tape, leaves->W[l], W);
        elbo_tape_point(tape, leaves->b[l], W + weights(mlp, l));
    }
}

void elbo_mlp_point_gradient(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                             elbo_tape *tape, float grad[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        float *const W = grad + offset(mlp, l);

        elbo_tape_point_adjoint_f32(tape, leaves->W[l], W);
        elbo_tape_point_adjoint_f32(tape, leaves->b[l], W + weights(mlp, l));
    }
}

void elbo_mlp_set(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                  elbo_tape *tape, const double theta[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        const double *const W = theta + offset(mlp, l);

        elbo_tape_set(tape, leaves->W[l], W);
        elbo_tape_set(tape, leaves->b[l], W + weights(mlp, l));
    }
}

elbo_mlp_leaves elbo_mlp_own(const elbo_mlp *mlp, elbo_tape *tape,
                             const float theta[], double wide[])
{
    const elbo_mlp_leaves leaves = elbo_mlp_leaf(mlp, tape, false);

    if (elbo_tape_precision(tape) == ELBO_F32) {
        elbo_mlp_point(mlp, &leaves, tape, theta);
        return leaves;
    }
    for (size_t i = 0; i < elbo_mlp_size(mlp); i++) wide[i] = (double)theta[i];
    elbo_mlp_point_f64(mlp, &leaves, tape, wide);
    return leaves;
}

void elbo_mlp_gradient(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                       const elbo_tape *tape, float grad[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        float *const W = grad + offset(mlp, l);

        elbo_tape_gradient_f32(tape, leaves->W[l], W);
        elbo_tape_gradient_f32(tape, leaves->b[l], W + weights(mlp, l));
    }
}

size_t elbo_mlp_not_finite(const elbo_mlp *mlp, const float theta[])
{
    for (size_t l = 0, i = 0; l < mlp->layers; l++)
        for (const size_t end = offset(mlp, l + 1); i < end; i++)
            if (!isfinite(theta[i])) return l + 1;
    return 0;
}
