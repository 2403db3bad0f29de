/* The tape's kernels in single precision. */
#include <math.h>
#include <string.h>

#include "inference/core/explog_f32.h"
#include "inference/core/product.h"
#include "inference/core/tape_graph.h"

#define REAL    float
#define KERNELS elbo_kernels_f32
#define EXP     elbo_exp_f32
#define LOG     elbo_log_f32
#define SQRT    sqrtf
#define TANH    elbo_tanh_f32
#define POW     powf
#define FABS    fabsf
#define SIN     sinf
#define COS     cosf
#define ATAN2   atan2f

typedef elbo_product_f32 product;
#define run_product elbo_product_run_f32

static inline float sigmoid(float x)
{
    float slope;

    return elbo_sigmoid_f32(x, &slope);
}

static inline float sigmoid_slope(float x)
{
    float slope;

    (void)elbo_sigmoid_f32(x, &slope);
    return slope;
}

static inline float softplus(float x)
{
    return elbo_softplus_f32(x);
}

static inline float silu(float x, float *slope)
{
    return elbo_silu_f32(x, slope);
}

static inline float silu_slope(float x)
{
    float slope;

    (void)elbo_silu_f32(x, &slope);
    return slope;
}

#include "inference/core/tape_linear.h"

#include "inference/core/tape_rules.h"

#include "inference/core/tape_elementwise.h"

#include "inference/core/tape_products.h"

#include "inference/core/tape_dense.h"

#include "inference/core/tape_kernels.h"
