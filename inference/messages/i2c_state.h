/* inference/messages/i2c_state.h -- the messages of i2c; for i2c_*.c alone. */
#ifndef ELBO_I2C_STATE_H
#define ELBO_I2C_STATE_H

#include "inference/messages/i2c.h"

struct elbo_i2c {
    elbo_i2c_problem p;
    elbo_i2c_config config;
    elbo_transform joint, last; /* of maps from (x, u), from x */
    size_t n;                   /* nx + nu */
    size_t iteration;
    double alpha;
    double logdet_W, logdet_end;
    gsl_matrix *V, *V_end; /* W^-1, W_end^-1 */

    /* the posterior: what the view shows and a checkpoint holds */
    double *K, *k, *S;          /* [T x nu x nx] [T x nu] [T x nu x nu] */
    double *mean, *cov;         /* [T x n] [T x n x n] */
    double *end_mean, *end_cov; /* [nx] [nx x nx] */

    /* of one E-step, a row a t */
    double *m1, *S1; /* (x, u) filtered: [T x n] [T x n x n] */
    double *m3, *S3; /* x' predicted: [T x nx] [T x nx x nx] */
    double *C;       /* Cov((x, u), x'): [T x n x nx] */
};

/* Windows on row t of the arrays above. */
gsl_matrix elbo_i2c_window(double *data, size_t t, size_t rows, size_t cols);
gsl_vector elbo_i2c_row(double *data, size_t t, size_t n);

/* The joint of (x, u) when x ~ N(mx, Sx) and the input follows the prior p(u |
 * x) at t; `faded` as the config says. m [n], S [n x n]. */
elbo_status elbo_i2c_prior(const elbo_i2c *i2c, size_t t, const gsl_vector *mx,
                           const gsl_matrix *Sx, bool faded, gsl_vector *m,
                           gsl_matrix *S, elbo_arena *ws);

/* Filter; *evidence = log p(goals). Smooth, and the controllers. */
elbo_status elbo_i2c_filter(elbo_i2c *i2c, double *evidence, elbo_arena *ws);
elbo_status elbo_i2c_smooth(elbo_i2c *i2c, elbo_arena *ws);

/* E (z - goal)' W (z - goal) for x ~ N(m, P) */
elbo_status elbo_i2c_cost(const elbo_transform *rule, const elbo_map *h,
                          const gsl_vector *goal, const gsl_matrix *W,
                          const gsl_vector *m, const gsl_matrix *P,
                          double *cost, elbo_arena *ws);

#endif
