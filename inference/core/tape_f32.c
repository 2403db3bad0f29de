/* The tape's kernels in single precision. */
#include <gsl/gsl_cblas.h>
#include <math.h>
#include <string.h>

#include "inference/core/tape_graph.h"

#define REAL    float
#define KERNELS elbo_kernels_f32
#define GEMM    cblas_sgemm
#define EXP     expf
#define LOG     logf
#define LOG1P   log1pf
#define SQRT    sqrtf
#define TANH    tanhf
#define POW     powf
#define FABS    fabsf
#define SIN     sinf
#define COS     cosf
#define ATAN2   atan2f

#include "inference/core/tape_linear.h"

#include "inference/core/tape_rules.h"

#include "inference/core/tape_elementwise.h"

#include "inference/core/tape_kernels.h"
