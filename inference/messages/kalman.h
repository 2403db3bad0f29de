/* inference/messages/kalman.h -- exact inference in linear-Gaussian models.
 *
 *   x_0     ~ N(m0, P0)                                x, m0, b [nx]   P0, Q
 * [nx x nx] x_(t+1) = A x_t + B u_t + b + w,   w ~ N(0, Q)     u [nu]   A [nx x
 * nx]  B [nx x nu] y_t     = C x_t + D u_t + d + v,   v ~ N(0, R)     y, d [ny]
 * C [ny x nx]  D [ny x nu]
 *
 * Filter in Joseph form, P = (I - KC) P (I - KC)' + K R K' (Bucy & Joseph
 * 1968), and smoother of Rauch, Tung & Striebel 1965 in the same form,
 *
 *   P_t|T = (I - JA) P (I - JA)' + J (Q + P_(t+1)|T) J',   J = P A' (A P A' +
 * Q)^-1:
 *
 * sums of squares, so that covariances stay positive semi-definite in rounding
 * also when R or Q is many orders below P, where P - K S K' cancels; and
 * products only, where a square-root filter would need an orthogonal
 * factorisation a step. Q, R and P0 may be singular (a noiseless channel, a
 * known start) as long as C P C' + R is positive definite.
 *
 * Penalties make the model that of variational Bayes (mniw.h): a factor
 * exp(-1/2 z_t' V z_t), z_t = [x_t; u_t; 1], for each transition out of x_t and
 * for each row of Y that is seen. They are quadratic costs as well.
 */
#ifndef ELBO_KALMAN_H
#define ELBO_KALMAN_H

#include "inference/messages/moments.h"

/* Borrowed, never freed here. B and D are NULL when nu = 0 or without effect; b
 * and d are NULL for 0. */
typedef struct elbo_lgssm_step {
    const gsl_matrix *A, *B, *Q;
    const gsl_vector *b;
    const gsl_matrix *C, *D, *R;
    const gsl_vector *d;
} elbo_lgssm_step;

typedef struct elbo_lgssm {
    size_t nx, ny, nu;
    const elbo_lgssm_step *steps; /* [1], or [varying] */
    size_t varying; /* 0: steps[0] at all times; else at least the rows of Y */
    const gsl_vector *m0;
    const gsl_matrix *P0;
    /* [nx + nu + 1, the same] or NULL; the blocks of x are PSD. */
    const gsl_matrix *transition_penalty, *emission_penalty;
} elbo_lgssm;

/* One sequence, borrowed. NaN in Y is a missing value: whole rows or single
 * channels. Nothing else may be missing. */
typedef struct elbo_sequence {
    const gsl_matrix *Y; /* [T x ny], T >= 1 */
    const gsl_matrix *U; /* [T x nu]; NULL when nu = 0. Row T - 1 meets D and
                            the emission's moments only */
} elbo_sequence;

typedef struct elbo_kalman_config {
    /* Where the model does not vary and nothing is missing: once the largest
     * change of a predicted covariance in a step is below `steady` times its
     * largest element, gains and covariances are kept; likewise backwards. 0:
     * never. */
    double steady;
} elbo_kalman_config;
extern const elbo_kalman_config elbo_kalman_defaults; /* steady = 0 */

typedef struct elbo_kalman_info {
    double loglik;   /* log of the integral over x_0 .. x_(T-1), in nats */
    size_t rows;     /* of Y with a value */
    size_t values;   /* seen */
    size_t missing;  /* values not seen */
    size_t steady;   /* covariances computed forwards; T when never steady */
    size_t singular; /* predicted covariances inverted on their range only */
} elbo_kalman_info;

/* Workspace and result for one sequence at a time; nothing is allocated later.
 */
typedef struct elbo_kalman elbo_kalman;

/* For sequences of at most T rows: about 8 T (3 nx^2 + ny nx + ny^2) bytes.
 * ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_kalman_init(const elbo_kalman_config *config, size_t nx,
                             size_t ny, size_t nu, size_t T, elbo_arena *arena,
                             elbo_kalman **out);

/* Take a model, borrowed until the next; its values are read here (those of
 * `varying` steps at each sequence). ELBO_ENOTPD when Q, R, P0 or a penalty has
 * a negative eigenvalue, ELBO_ENOTFINITE for the rest; no model is then set. */
elbo_status elbo_kalman_model(elbo_kalman *k, const elbo_lgssm *sys);

/* p(x_t | y_0 .. y_t) for every t, or p(x_t | y_0 .. y_(T-1)). After
 * ELBO_ENOTFINITE (an infinite value in Y, any in U) or ELBO_ENOTPD (C P C' +
 * R), which name the row, there is no result. */
elbo_status elbo_kalman_filter(elbo_kalman *k, const elbo_sequence *x,
                               elbo_kalman_info *info);
elbo_status elbo_kalman_smooth(elbo_kalman *k, const elbo_sequence *x,
                               elbo_kalman_info *info);

/* Of the last filter or smoother, borrowed until the next: [T' x nx], T' the
 * capacity, of which the sequence fills its rows; and the covariance of x_t. */
const gsl_matrix *elbo_kalman_means(const elbo_kalman *k);
gsl_matrix elbo_kalman_covariance(const elbo_kalman *k, size_t t);
/* Cov(x_(t+1), x_t | y_0 .. y_(T-1)) [nx x nx]; smoother only, t < T - 1. */
void elbo_kalman_lag_one(elbo_kalman *k, size_t t, gsl_matrix *out);

/* Add the expected moments of the last smoothed sequence, any of them NULL:
 *   start       y = x_0                 z = 1
 *   transition  y = x_(t+1), t < T - 1  z = [x_t; u_t; 1]
 *   emission    y = y_t, rows seen      z = [x_t; u_t; 1]
 * A missing channel of a row that is seen enters by its conditional moments.
 * ELBO_ENOMEM; the moments are then undefined. */
elbo_status elbo_kalman_moments(elbo_kalman *k, elbo_moments *start,
                                elbo_moments *transition,
                                elbo_moments *emission);

#endif
