/* The tape's kernels in double precision. */
#include <math.h>
#include <string.h>

#include "inference/core/product.h"
#include "inference/core/tape_graph.h"

#define REAL    double
#define KERNELS elbo_kernels_f64
#define EXP     exp
#define LOG     log
#define SQRT    sqrt
#define TANH    tanh
#define POW     pow
#define FABS    fabs
#define SIN     sin
#define COS     cos
#define ATAN2   atan2

typedef elbo_product_f64 product;
#define run_product elbo_product_run_f64

/* 1 / (1 + e^-x) without overflow, and its derivative without cancellation. */
static inline double sigmoid(double x)
{
    const double e = exp(-fabs(x));

    return (x < 0 ? e : 1) / (1 + e);
}

static inline double sigmoid_slope(double x)
{
    const double e = exp(-fabs(x));

    return e / ((1 + e) * (1 + e));
}

static inline double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static inline double silu_slope(double x)
{
    return sigmoid(x) + x * sigmoid_slope(x);
}

static inline double silu(double x, double *slope)
{
    *slope = silu_slope(x);
    return x * sigmoid(x);
}

#include "inference/core/tape_linear.h"

#include "inference/core/tape_rules.h"

#include "inference/core/tape_elementwise.h"

#include "inference/core/tape_products.h"

#include "inference/core/tape_dense.h"

#include "inference/core/tape_kernels.h"
