/* inference/messages/features.h -- Bayesian linear regression on fixed
 * features: models that are mildly nonlinear and still conjugate.
 *
 *   y = M phi(x) + N(0, W)     x [nx]  phi [m]  y [ny]  M [ny x m]
 *   phi = (1, x, psi_1(x / l), .., psi_n(x / l)),   l [nx] length scales
 *   fourier  psi_j(v) = sqrt(2 / n) cos(w_j'v + b_j), w ~ N(0, I), b uniform:
 *            psi(x)'psi(y) is exp(-|v - v'|^2 / 2) in the mean
 *   rbf      psi_j(v) = exp(-|v - c_j|^2 / 2) about rows of the data
 *
 * With (M, W) of a matrix-normal inverse-Wishart belief (mniw.h) all is exact:
 * the posterior, the evidence, Student's t for a new y.
 *
 * References: Rahimi and Recht, Random features for large-scale kernel machines
 * (2007), for fourier; Bishop, Pattern recognition (2006), 3.1, 3.3.
 */
#ifndef ELBO_FEATURES_H
#define ELBO_FEATURES_H

#include "inference/messages/mniw.h"
#include "inference/messages/transform.h"

typedef struct elbo_feature_kind elbo_feature_kind;

/* Plain; arrays live in the arena it was opened with. */
typedef struct elbo_features {
    const elbo_feature_kind *kind;
    size_t nx, n, m; /* m = 1 + nx + n */
    double *inverse; /* [nx] 1 / l */
    double *w;       /* [n x nx] frequencies, or centres, in units of l */
    double *b;       /* [n] phases; of rbf unused */
} elbo_features;

struct elbo_feature_kind {
    const char *name, *source, *doc;
    /* w and b; X [rows x nx] are the data. */
    void (*draw)(elbo_features *f, const gsl_matrix *X, elbo_rng *rng);
    /* psi(v), slope = dpsi/dr for r = w'v + b or |v - w|^2 / 2 */
    double (*value)(const elbo_features *f, size_t j, const double v[],
                    double *slope);
    bool ridge; /* r = w'v + b, else |v - w|^2 / 2 */
};
extern const elbo_feature_kind elbo_feature_fourier, elbo_feature_rbf;
/* Both; ends in NULL. */
extern const elbo_feature_kind *const elbo_feature_kinds[];
const elbo_feature_kind *
elbo_feature_find(const char *name); /* NULL: unknown */

/* n >= 0 features of X's columns, with stream (seed, "features", 0). scale [nx]
 * are the length scales; NULL: the standard deviations of X's columns, 1 for
 * one that is constant. ELBO_EINVAL: a scale that is not positive;
 * ELBO_ENOTFINITE names the row; ELBO_ENOMEM. X has at least a row. */
elbo_status elbo_features_open(const elbo_feature_kind *kind, size_t n,
                               const gsl_matrix *X, const double scale[],
                               uint64_t seed, elbo_arena *arena,
                               elbo_features *out);

/* phi as a map with its Jacobian; borrows f. */
elbo_map elbo_features_map(const elbo_features *f);

/* Phi [rows x m] from X [rows x nx]. */
void elbo_features_rows(const elbo_features *f, const gsl_matrix *X,
                        gsl_matrix *Phi);

/* post = the belief over (M, W) after rows Y [rows x ny] on X [rows x nx]; post
 * may be prior, whose nz is m. The statuses of elbo_moments_rows and
 * elbo_mniw_posterior. */
elbo_status elbo_features_fit(const elbo_features *f, const gsl_matrix *X,
                              const gsl_matrix *Y, const elbo_mniw *prior,
                              elbo_mniw *post, elbo_arena *ws);

/* A new y at x: Student's t with `degrees` of freedom, mean M phi and scale
 * matrix Psi (1 + phi'K^-1 phi) / degrees. mean [ny], scale [ny x ny]. */
elbo_status elbo_features_predict(const elbo_features *f, const elbo_mniw *q,
                                  const double x[], double mean[],
                                  gsl_matrix *scale, double *degrees,
                                  elbo_arena *ws);

/* x -> M phi(x), plus the first `ny` entries of x where `change` (a model of
 * steps); with its Jacobian. A plain value that elbo_feature_model_map borrows. */
typedef struct elbo_feature_model {
    const elbo_features *features;
    const gsl_matrix *M; /* [ny x m] */
    bool change;
} elbo_feature_model;
elbo_map elbo_feature_model_map(const elbo_feature_model *regression);

/* Into, and from, the current section; sizes and kind as f has them, or
 * ELBO_EDATA. */
void elbo_features_save(const elbo_features *f, elbo_writer *out);
elbo_status elbo_features_load(elbo_features *f, elbo_reader *in);

#endif
