/* models/linear_gaussian.h -- model linear_gaussian from within: for
 * linear_gaussian.c and linear_point.c alone.
 */
#ifndef ELBO_LINEAR_GAUSSIAN_H
#define ELBO_LINEAR_GAUSSIAN_H

#include "inference/linear.h"
#include "inference/messages/mniw.h"

/* One stage. A, B, c and W are what `mean` points to. */
typedef struct elbo_linear_regression {
    elbo_mniw prior, post;
    elbo_mniw_kernel kernel;
    gsl_matrix *A, *B, *W, *G;
    gsl_vector *c;
    size_t rank, floored;
    gsl_matrix *L; /* of a point: W = L L' */
} elbo_linear_regression;

/* What theta is, of a point. */
typedef enum elbo_learnt { ELBO_LEARN_ALL, ELBO_LEARN_MAP, ELBO_LEARN_GAINS } elbo_learnt;

typedef enum elbo_estimate { ELBO_POSTERIOR, ELBO_REGRESSION, ELBO_POINT } elbo_estimate;

typedef struct elbo_linear_gaussian {
    size_t nx, nz; /* nz = nx + nu + 1 */
    elbo_estimate estimate;
    elbo_learnt learnt;
    double floor, ridge;
    bool to_zero; /* what the ridge pulls to */
    elbo_linear_regression *stage;
} elbo_linear_gaussian;

/* linear_point.c: elbo_linear_model's members of the same name. */
size_t elbo_linear_point_size(const elbo_linear_gaussian *g);
void elbo_linear_point_get(const elbo_linear_belief *belief, double theta[]);
elbo_status elbo_linear_point_set(elbo_linear_belief *belief, const double theta[]);
void elbo_linear_point_pullback(const elbo_linear_belief *belief,
                                const elbo_linear_slope slope[], double grad[]);
double elbo_linear_point_log_prior(const elbo_linear_belief *belief);

#endif
