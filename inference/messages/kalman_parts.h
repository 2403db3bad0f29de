/* inference/messages/kalman_parts.h -- the workspace that the files of kalman
 * share.
 *
 * Matrices are padded (dense.h) and stored for rows: x' = A x is the row x'
 * times At. Gains and covariances of time t are in a slot, min(t, held): `held`
 * is where the recursion was taken as converged.
 */
#ifndef ELBO_KALMAN_PARTS_H
#define ELBO_KALMAN_PARTS_H

#include "inference/messages/dense.h"
#include "inference/messages/kalman.h"

/* S = U' U; U is upper, or else `inverse` is a generalised inverse of S. */
typedef struct elbo_kalman_root {
    gsl_matrix *U, *inverse;
    bool triangular;
} elbo_kalman_root;

/* exp(-1/2 z' V z): its part in x alone has the root O, O' O = V_xx. Where the
 * emission does not vary, `informed` is the root of V_xx + C' R^-1 C. */
typedef struct elbo_kalman_penalty {
    bool some, is_informed;
    gsl_matrix *V;            /* [nz x nz] */
    gsl_matrix *O, *informed; /* [nx x nx] */
} elbo_kalman_penalty;

enum { ELBO_ON_TRANSITION = 1, ELBO_ON_EMISSION = 2 };

/* A matrix a slot: [rows x cols] each. */
typedef struct elbo_kalman_slots {
    double *data;
    size_t rows, cols;
} elbo_kalman_slots;

struct elbo_kalman {
    size_t nx, ny, nu, nz, capacity;
    elbo_kalman_config config;
    const elbo_lgssm *sys; /* NULL: none */

    /* the model of one step */
    gsl_matrix *A, *At, *Bt, *Q, *Ct, *Dt, *R, *Ur;
    bool Ur_triangular;
    double *b, *d, *m0; /* padded */
    gsl_matrix *RiC;    /* R^-1 C */
    gsl_matrix *Uri;    /* Ur^-1, where Ur is triangular */
    double logdetR;     /* 1/2 log |R|, likewise */
    gsl_matrix *P0;
    elbo_kalman_penalty penalty[4]; /* by the sum of ELBO_ON_ */

    /* the sequence */
    elbo_sequence x;
    size_t T;
    size_t *row_seen; /* [T], how many channels */
    bool complete, smoothed;
    size_t cached; /* rows all of whose slots are right; 0: none */
    bool cached_smoother;
    double loglik;
    size_t singular;

    size_t held;              /* SIZE_MAX: not converged */
    elbo_kalman_slots Kt, Ui; /* K' and the inverse root of S, seen rows only */
    elbo_kalman_slots P;      /* filtered */
    elbo_kalman_slots Jt, E;  /* J'; of x_t given x_(t+1), later smoothed P */
    bool *whole;              /* [T], E has J Q J' in it */
    double *logdet;           /* [T], 1/2 log |S| and of the penalty */
    bool *informed;           /* [T], updated by both at once */
    size_t *back;             /* [T], the slot of the smoothed covariance */
    gsl_matrix *predicted, *m; /* [T x nx] */
    gsl_matrix *Z;             /* [T x nz] */

    /* sums of the smoothed covariances: t = 1 .. T - 2, and of x_(t+1) with x_t
     */
    gsl_matrix *sum, *lag;

    /* scratch */
    elbo_kalman_root root;    /* of the predicted covariance */
    elbo_kalman_root of_x;    /* of another [nx x nx] */
    elbo_kalman_root of_y;    /* of a [ny x ny], or of its seen part */
    gsl_matrix *S, *S_before; /* predicted */
    gsl_matrix *P_now;        /* filtered, at the last row computed, and */
    gsl_matrix *F, *V, *VZ;   /* P_now = F' F + V' V */
    size_t V_rows;
    gsl_matrix *n1, *n2, *n3; /* [nx x nx] */
    gsl_matrix *H, *Us, *Ct_seen, *Ur_seen, *R_seen;
    gsl_matrix *zz, *xz, *yz, *xx, *yy, *Y; /* of the moments; Y [T x ny] */
    gsl_matrix *Rom, *Gt, *Ft, *FP,
        *within;         /* of a row with missing channels */
    size_t *seen, *lost; /* [ny], channels of a row */
    double *row_e, *row_w, *row_z, *row_v, *row_x;
    elbo_arena *scratch; /* its own: of roots by eigenvalues */
};

static inline gsl_matrix elbo_kalman_slot(const elbo_kalman_slots *s, size_t t)
{
    const size_t width = elbo_dense_width(s->cols);

    return (gsl_matrix){.size1 = s->rows,
                        .size2 = s->cols,
                        .tda = width,
                        .data = s->data + t * s->rows * width};
}

/* Its first n rows and m columns. */
static inline gsl_matrix elbo_kalman_part(gsl_matrix A, size_t n, size_t m)
{
    A.size1 = n;
    A.size2 = m;
    return A;
}

/* Where the gains of time t < T - 1 are; T - 1 has its own. */
static inline size_t elbo_kalman_gains(const elbo_kalman *k, size_t t)
{
    return t < k->T - 1 && t > k->held ? k->held : t;
}

/* The model of time t, where it varies. */
elbo_status elbo_kalman_prepare(elbo_kalman *k, size_t t);

/* Cholesky, or eigenvalues where a pivot is lost. ELBO_ENOTPD for a negative
 * one, ELBO_ENOTFINITE. */
elbo_status elbo_kalman_root_of(const gsl_matrix *S, elbo_kalman_root *root,
                                elbo_arena *scratch);

/* The channels that row t has: their number, and which in k->seen. */
size_t elbo_kalman_look(elbo_kalman *k, size_t t);

/* Of the seen channels, borrowed from the workspace; all of them when n = ny.
 */
typedef struct elbo_kalman_emission {
    gsl_matrix Ct, R, Ur; /* R = Ur' Ur */
    gsl_matrix inverse;   /* of R, unless Ur is triangular */
    bool triangular;
} elbo_kalman_emission;
elbo_status elbo_kalman_emission_of(elbo_kalman *k, size_t n,
                                    elbo_kalman_emission *out);

/* z = [m; u_t; 1] */
void elbo_kalman_regressor(const elbo_kalman *k, size_t t, const double m[],
                           double z[]);
/* y = C m + D u_t + d, padded */
void elbo_kalman_output(const elbo_kalman *k, size_t t, const double m[],
                        double y[]);

/* Forward through the sequence; backward after forward(k, true). */
elbo_status elbo_kalman_forward(elbo_kalman *k, bool for_smoother);
void elbo_kalman_backward(elbo_kalman *k);

/* Whether the recursion moved by less than config.steady. */
bool elbo_kalman_settled(const elbo_kalman *k, const gsl_matrix *S,
                         const gsl_matrix *before);

#endif
