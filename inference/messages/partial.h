/* inference/messages/partial.h -- Gaussian rows with channels that are not seen.
 *
 *   y = (o, l) ~ N(m, W):   o ~ N(m_o, W_oo),
 *   l | o ~ N(m_l + G (o - m_o), W_ll - G W_ol),   G = W_lo W_oo^-1
 *
 * (Anderson, An Introduction to Multivariate Statistical Analysis, 2003, 2.5): the
 * marginal density of what is seen, and what EM counts for what is not (Ghahramani &
 * Jordan, Supervised learning from incomplete data via an EM approach, 1994).
 */
#ifndef ELBO_PARTIAL_H
#define ELBO_PARTIAL_H

#include "inference/core/linalg.h"

typedef struct elbo_partial {
    size_t ny, n, lost;  /* n + lost = ny */
    size_t *seen, *away; /* the channels, ascending: [n] of them, [lost] */
    gsl_matrix *L;       /* [n x n]: L L' = W_oo */
    gsl_matrix *Gt;      /* [n x lost]: G' */
    gsl_matrix *within;  /* [lost x lost], the covariance of l given o */
    double logdet;       /* log |W_oo| */
    double *e;           /* [ny] scratch */
} elbo_partial;

/* Room for any channels of ny; ELBO_ENOMEM. */
elbo_status elbo_partial_init(elbo_partial *p, size_t ny, elbo_arena *arena);
/* Of which y [ny] is NaN, at least one and not all. */
void elbo_partial_look(elbo_partial *p, const double y[]);
/* L, logdet, and where `lost` is wanted G and within, for the channels of the last
 * look. ELBO_ENOTPD. */
elbo_status elbo_partial_condition(elbo_partial *p, const gsl_matrix *W, bool lost);
/* (o - m_o)' W_oo^-1 (o - m_o); m, y [ny] */
double elbo_partial_square(elbo_partial *p, const double m[], const double y[]);
/* out [ny] = y, with E(l | o) where it is NaN. */
void elbo_partial_fill(elbo_partial *p, const double m[], const double y[],
                       double out[]);

/* A row of a sequence that is seen in part. */
typedef struct elbo_partial_row {
    const double *y; /* [ny] */
    size_t ny, t;
} elbo_partial_row;

/* Channels of y [ny] that are seen. */
size_t elbo_partial_seen(const double y[], size_t ny);
/* Those rows of y [T x ny], with the same channels next to one another, *rows from
 * `arena`, *n of them. ELBO_ENOMEM. */
elbo_status elbo_partial_rows(const double y[], size_t T, size_t ny,
                              elbo_arena *arena, elbo_partial_row **rows, size_t *n);
/* Where the rows end that have the channels of row i. */
size_t elbo_partial_end(const elbo_partial_row rows[], size_t n, size_t i);

#endif
