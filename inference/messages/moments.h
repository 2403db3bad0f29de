/* inference/messages/moments.h -- weighted second moments of a linear
 * regression.
 *
 *   Szz = sum w z z'   Syz = sum w y z'   Syy = sum w y y'   n = sum w
 *
 * are all that a Gaussian regression of y [ny] on z [nz] asks of its rows. With
 * an expectation in place of a row (variational EM) they are expected moments.
 * A constant is a channel of z that is 1. Sums of squares lose what is small
 * beside a large mean: centre such channels before.
 */
#ifndef ELBO_MOMENTS_H
#define ELBO_MOMENTS_H

#include "inference/core/linalg.h"

typedef struct elbo_moments {
    gsl_matrix *Szz; /* [nz x nz], symmetric */
    gsl_matrix *Syz; /* [ny x nz] */
    gsl_matrix *Syy; /* [ny x ny], symmetric */
    double n;
} elbo_moments;

/* All zero; ny, nz >= 1. ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_moments_init(elbo_moments *S, size_t ny, size_t nz,
                              elbo_arena *arena);
void elbo_moments_clear(elbo_moments *S);

/* Add rows: Y [rows x ny], Z [rows x nz]; weights w [rows] >= 0, NULL = all 1.
 * ELBO_ENOTFINITE or ELBO_EINVAL names the row; S is then unchanged. */
elbo_status elbo_moments_rows(elbo_moments *S, const gsl_matrix *Y,
                              const gsl_matrix *Z, const double w[]);

/* S += w T. */
void elbo_moments_join(elbo_moments *S, double w, const elbo_moments *T);

/* R [ny x ny] = sum w (y - M z)(y - M z)'. ELBO_ENOMEM. */
elbo_status elbo_moments_residual(const elbo_moments *S, const gsl_matrix *M,
                                  gsl_matrix *R, elbo_arena *ws);

/* The least-squares M [ny x nz]; where z has directions without data, the one
 * of least norm in channels scaled to 1. `rank` (of nz) counts the eigenvalues
 * above nz 1e-14 of the largest of the scaled Szz. ELBO_ENOTFINITE,
 * ELBO_ENOCONV. */
elbo_status elbo_moments_regress(const elbo_moments *S, gsl_matrix *M,
                                 size_t *rank, elbo_arena *ws);

/* The least covariance above W and floor diag(scale): eigenvalues of W below
 * the floor (> 0), with channel i divided by scale[i] (> 0; NULL: 1), are
 * raised to it and counted. Of all W >= floor diag(scale) it has the largest
 * likelihood. ELBO_ENOTFINITE, ELBO_ENOCONV. */
elbo_status elbo_floor_covariance(gsl_matrix *W, const double scale[],
                                  double floor, size_t *floored,
                                  elbo_arena *ws);

#endif
