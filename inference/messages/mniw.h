/* inference/messages/mniw.h -- the conjugate belief over a linear-Gaussian map.
 *
 *   y | z ~ N(M z, W)           y [ny]  z [nz]  M [ny x nz]  W [ny x ny]
 *   W     ~ IW(Psi, nu)         log density  nu/2 log|Psi| - (nu + ny + 1)/2
 * log|W|
 *                                            - 1/2 tr Psi W^-1 - nu ny/2 log 2
 *                                            - log Gamma_ny(nu/2)
 *   M | W ~ MN(M0, W, K^-1)     vec(M) has covariance K^-1 (x) W
 *
 * the matrix-normal inverse-Wishart (West & Harrison, Bayesian Forecasting and
 * Dynamic Models, 1997, 16.4; Murphy, Machine Learning, 2012, 4.6.3). With nz =
 * 1 and z = 1 it is the normal inverse-Wishart. K and Psi are positive definite
 * and nu > ny - 1. Every function that takes `ws` leaves it as it was.
 */
#ifndef ELBO_MNIW_H
#define ELBO_MNIW_H

#include "inference/core/rng.h"
#include "inference/messages/moments.h"

typedef struct elbo_mniw {
    gsl_matrix *M;   /* [ny x nz], the mean */
    gsl_matrix *K;   /* [nz x nz], precision of the columns, in units of W^-1 */
    gsl_matrix *Psi; /* [ny x ny], scale; E W^-1 = nu Psi^-1 */
    double nu;       /* degrees of freedom */
} elbo_mniw;

/* Room for one, in the arena; values unset. ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_mniw_init(elbo_mniw *q, size_t ny, size_t nz,
                           elbo_arena *arena);
/* M = 0, K = k I, Psi = psi I. */
void elbo_mniw_isotropic(elbo_mniw *q, double k, double psi, double nu);
void elbo_mniw_copy(elbo_mniw *to, const elbo_mniw *from);
/* ELBO_EINVAL for nu <= ny - 1, ELBO_ENOTPD or ELBO_ENOTFINITE for the rest. */
elbo_status elbo_mniw_check(const elbo_mniw *q, elbo_arena *ws);

/* The exact posterior by one Cholesky factor of the joint second moments of z
 * and y, prior included: defined whatever the rank of Szz. post may be prior.
 * ELBO_ENOTPD when rounding or moments that are none leave no positive definite
 * K or Psi; post is then unchanged. */
elbo_status elbo_mniw_posterior(const elbo_mniw *prior, const elbo_moments *S,
                                elbo_mniw *post, elbo_arena *ws);

/* log of the marginal likelihood of the data that led from prior to post;
 * n = S->n. For weights other than 1 it is the log of the integral of the
 * weighted likelihood. ELBO_ENOTPD. */
elbo_status elbo_mniw_evidence(const elbo_mniw *prior, const elbo_mniw *post,
                               double n, double *evidence, elbo_arena *ws);

/* KL(q || p) in nats. ELBO_ENOTPD. */
elbo_status elbo_mniw_kl(const elbo_mniw *q, const elbo_mniw *p, double *kl,
                         elbo_arena *ws);

/* E_q sum w log N(y; M z, W). ELBO_ENOTPD. */
elbo_status elbo_mniw_loglik(const elbo_mniw *q, const elbo_moments *S,
                             double *loglik, elbo_arena *ws);

/* exp E_q log N(y; M z, W), a Gaussian that sums to less than 1:
 *   E_q log N(y; M z, W) = log N(y; M z, W) + constant - ny/2 z' V z
 * with W = Psi/nu, V = K^-1 and constant <= 0. */
typedef struct elbo_mniw_kernel {
    const gsl_matrix *M; /* of q, borrowed */
    gsl_matrix *W;       /* [ny x ny] = (E W^-1)^-1 */
    gsl_matrix *V;       /* [nz x nz] */
    double constant;
} elbo_mniw_kernel;
elbo_status elbo_mniw_kernel_init(elbo_mniw_kernel *kernel, size_t ny,
                                  size_t nz, elbo_arena *arena);
/* ELBO_ENOTPD. */
elbo_status elbo_mniw_kernel_of(const elbo_mniw *q, elbo_mniw_kernel *kernel);

/* E W^-1 [ny x ny]. ELBO_ENOTPD. */
elbo_status elbo_mniw_precision(const elbo_mniw *q, gsl_matrix *precision);
/* E W [ny x ny]; ELBO_EINVAL for nu <= ny + 1, where it is infinite. */
elbo_status elbo_mniw_covariance(const elbo_mniw *q, gsl_matrix *W);
/* E log |W|. ELBO_ENOTPD. */
elbo_status elbo_mniw_logdet(const elbo_mniw *q, double *logdet,
                             elbo_arena *ws);

/* Where the joint density of (M, W) is largest: M, W = Psi / (nu + ny + nz +
 * 1). */
void elbo_mniw_mode(const elbo_mniw *q, gsl_matrix *M, gsl_matrix *W);

/* Maximum likelihood under W >= floor I (floor > 0, in units of y^2):
 * elbo_moments_regress and elbo_floor_covariance. */
typedef struct elbo_mniw_ml_info {
    size_t rank;    /* of Szz, of nz */
    size_t floored; /* eigenvalues of W raised */
} elbo_mniw_ml_info;
/* ELBO_EINVAL for S->n <= 0; ELBO_ENOTFINITE, ELBO_ENOCONV. */
elbo_status elbo_mniw_ml(const elbo_moments *S, double floor, gsl_matrix *M,
                         gsl_matrix *W, elbo_mniw_ml_info *info,
                         elbo_arena *ws);

/* One draw (Bartlett 1933). ELBO_ENOTPD. */
elbo_status elbo_mniw_sample(const elbo_mniw *q, elbo_rng *rng, gsl_matrix *M,
                             gsl_matrix *W, elbo_arena *ws);

/* Into and from the current section; the sizes are those of q. ELBO_EDATA when
 * the section holds another size or values that are none of a belief. */
void elbo_mniw_save(const elbo_mniw *q, elbo_writer *out);
elbo_status elbo_mniw_load(elbo_mniw *q, elbo_reader *in);

#endif
