/* The tape's kernels in double precision. */
#include <gsl/gsl_cblas.h>
#include <math.h>
#include <string.h>

#include "inference/core/tape_graph.h"

#define REAL    double
#define KERNELS elbo_kernels_f64
#define GEMM    cblas_dgemm
#define EXP     exp
#define LOG     log
#define LOG1P   log1p
#define SQRT    sqrt
#define TANH    tanh
#define POW     pow
#define FABS    fabs
#define SIN     sin
#define COS     cos
#define ATAN2   atan2

#include "inference/core/tape_linear.h"

#include "inference/core/tape_rules.h"

#include "inference/core/tape_elementwise.h"

#include "inference/core/tape_kernels.h"
