/* inference/messages/i2c.h -- input inference for control: a controller as the
 * posterior over inputs, given that every step's cost features met their goal.
 *
 *   x_0 ~ N(m0, P0),  u_t ~ N(mu_t, Sigma_u),  x_t+1 ~ N(f(x_t, u_t), Sigma)
 *   goal = h(x_t, u_t) + N(0, alpha W^-1),  t = 0 .. T - 1
 *   goal_end = h_end(x_T) + N(0, alpha W_end^-1)
 * so that -log p(goal | tau) = cost(tau) / (2 alpha) + const, where
 *   cost = sum_t (h - goal)' W (h - goal) + the end's.
 *
 * E-step: a Gaussian filter that meets the goal and then the dynamics, and a
 * Rauch-Tung-Striebel smoother over (x, u). The controller is the posterior's
 * conditional, u ~ N(K x + k, S) with K = Sigma_ux Sigma_xx^-1.
 * M-step: the prior p(u | x) becomes that conditional, and
 *   alpha <- E cost / (T nz + nz_end), its ratio clipped to [clip, 2 - clip].
 * With linear f, h and without `fade` this is EM: the evidence never falls.
 *
 * The process noise is inferred too: with Sigma > 0 the posterior counts on
 * helpful noise (risk-seeking). For linear f, h, after one E-step and t >= 1
 * the gains are those of the Riccati recursion with R + alpha Sigma_u^-1 for R
 * and (P^-1 + Sigma / alpha)^-1 for P.
 *
 * Reference: Watson, Abdulsamad, Peters, Stochastic optimal control as
 * approximate input inference (2019); Watson and Peters, Advancing trajectory
 * optimization with approximate inference (2021), for quadrature and covariance
 * control. Their code's `alpha` is ours, the papers' its inverse.
 */
#ifndef ELBO_I2C_H
#define ELBO_I2C_H

#include "inference/core/checkpoint.h"
#include "inference/messages/transform.h"

/* All borrowed, for as long as the solver lives. */
typedef struct elbo_i2c_problem {
    size_t nx, nu, T;
    elbo_map f;     /* (x, u) -> E x' */
    elbo_map h;     /* (x, u) -> z [nz] */
    elbo_map h_end; /* x_T -> z [nz_end]; ny = 0: the end costs nothing */
    const gsl_vector *m0;
    const gsl_matrix *P0;    /* [nx x nx] PSD; with Sigma large enough that the
                                predicted states' covariances are PD */
    const gsl_matrix *Sigma; /* [nx x nx] PSD */
    const gsl_vector *goal, *goal_end;
    const gsl_matrix *W, *W_end;  /* [nz x nz], [nz_end x nz_end] PD */
    const gsl_matrix *mu;         /* [T x nu] */
    const gsl_matrix *Sigma_u;    /* [nu x nu] PD */
    const gsl_vector *target;     /* of x_T, for covariance control; or NULL */
    const gsl_matrix *target_cov; /* [nx x nx] PD */
} elbo_i2c_problem;

typedef struct elbo_i2c_config {
    elbo_transform_config transform;
    double alpha; /* of the first E-step; > 0 */
    double clip;  /* in [0, 1]; 1 keeps alpha */
    /* The prior's gains are multiplied by exp(-d' (Sigma_xx + P)^-1 d / 2), d
     * between its mean and the filter's: where the posterior knows nothing,
     * feedback fades (the official code's "expert controller"; not in the
     * papers, and no M-step). */
    bool fade;
    /* Covariance control: 0: x_T is given the target as its marginal. Else the
     * target multiplies the filter's marginal with its covariance times
     * 1 + anneal * iteration (the official code's 1), which nonlinear worlds
     * need, and `fade` with it. */
    double anneal;
} elbo_i2c_config;

/* cubature, alpha 1, clip 0, fade, anneal 0 */
extern const elbo_i2c_config elbo_i2c_defaults;

/* Of one iteration, at the alpha of its E-step. */
typedef struct elbo_i2c_info {
    size_t iteration; /* the first is 1 */
    double alpha;     /* of the E-step; alpha_next is the M-step's */
    double alpha_next;
    double elbo;       /* log p(goals) by the filter: exact for linear maps */
    double likelihood; /* E log p(goal | tau) under the posterior */
    double kl;         /* likelihood - elbo: from the posterior to the prior */
    double cost;       /* E cost of the T steps under the posterior */
    double cost_end;
    double kl_target; /* KL(x_T in closed loop || target); NaN without one */
} elbo_i2c_info;

typedef struct elbo_i2c elbo_i2c;

/* Memory from `arena`. ELBO_EINVAL: a setting; ELBO_ENOTPD: W, W_end, Sigma_u
 * or target_cov; ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_i2c_open(const elbo_i2c_config *config,
                          const elbo_i2c_problem *problem, elbo_arena *arena,
                          elbo_i2c **out);

/* One E- and M-step. ELBO_ENOTPD, ELBO_ENOTFINITE name the step; the posterior
 * is then undefined: load a checkpoint or open anew. */
elbo_status elbo_i2c_iterate(elbo_i2c *i2c, elbo_i2c_info *info,
                             elbo_arena *ws);

/* The posterior of the last iteration; valid until the next. Rows of t. */
typedef struct elbo_i2c_view {
    size_t nx, nu, T;
    const double *K;                  /* [T x nu x nx] */
    const double *k;                  /* [T x nu] */
    const double *S;                  /* [T x nu x nu] */
    const double *mean;               /* [T x (nx + nu)] of (x, u) */
    const double *cov;                /* [T x (nx + nu) x (nx + nu)] */
    const double *end_mean, *end_cov; /* of x_T */
} elbo_i2c_view;
elbo_i2c_view elbo_i2c_posterior(const elbo_i2c *i2c);

/* u = K_t x + k_t */
void elbo_i2c_act(const elbo_i2c *i2c, size_t t, const double x[], double u[]);

/* The marginals of x_0 .. x_T in closed loop under the prior dynamics, the
 * controller with its noise S: mean [(T + 1) x nx], cov [(T + 1) x nx x nx],
 * and E cost in *cost (NULL ok). */
elbo_status elbo_i2c_propagate(const elbo_i2c *i2c, double mean[], double cov[],
                               double *cost, elbo_arena *ws);

/* Into, and from, the current section: all that the next iteration depends on.
 * Load needs the same problem and config; ELBO_EDATA when sizes differ. */
void elbo_i2c_save(const elbo_i2c *i2c, elbo_writer *out);
elbo_status elbo_i2c_load(elbo_i2c *i2c, elbo_reader *in);

#endif
