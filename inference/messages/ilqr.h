/* inference/messages/ilqr.h -- iterative LQR: Gauss-Newton on a trajectory,
 * each step a linear-quadratic problem solved by a backward pass.
 *
 *   J(u) = sum_t |h(x_t, u_t) - goal|^2_W + |h_end(x_T) - goal_end|^2_W_end
 *   x_0 given, x_t+1 = f(x_t, u_t), |u_t| <= limit            |e|^2_W = e'W e
 *
 * An iteration linearises f and h about the trajectory, adds lambda |du|^2 / 2
 * to each step's cost, solves (inference/messages/lqr.h), and rolls out u = u_t
 * + a k_t + K_t (x - x_t), cut to the limits, for a = 1, 1/2, .. until J falls
 * by a share of what the model promises; else lambda grows. J never rises.
 * Inputs at a limit whose gradient points out of it stay there for the
 * iteration (projected Newton, Bertsekas 1982).
 *
 * References: Li and Todorov, Iterative linear quadratic regulator design
 * (2004); Tassa, Erez, Todorov, Synthesis and stabilization of complex
 * behaviors (2012), for the schedule of lambda.
 */
#ifndef ELBO_ILQR_H
#define ELBO_ILQR_H

#include <stdbool.h>

#include "inference/core/checkpoint.h"
#include "inference/messages/transform.h"

/* All borrowed, for as long as the solver lives. */
typedef struct elbo_ilqr_problem {
    size_t nx, nu, T;
    elbo_map f;     /* (x, u) -> x' */
    elbo_map h;     /* (x, u) -> z [nz] */
    elbo_map h_end; /* x_T -> z [nz_end]; ny = 0: the end costs nothing */
    const gsl_vector *x0;
    const gsl_vector *goal, *goal_end;
    const gsl_matrix *W, *W_end; /* PSD */
    const double *limit;         /* [nu], each > 0; NULL: none */
    const gsl_matrix *u;         /* [T x nu] to start from */
} elbo_ilqr_problem;

typedef struct elbo_ilqr_config {
    double lambda;      /* of the first iteration */
    double least, most; /* of lambda; below `least` it is 0 */
    double factor;      /* > 1, by which it moves: squared when again */
    size_t halvings;    /* of a step, at most */
    double sufficient;  /* share of the promised decrease, in (0, 1) */
    double tolerance;   /* with lambda 0, converged when
                          promised <= tolerance (1 + J) */
} elbo_ilqr_config;

/* lambda 1 in [1e-6, 1e10], factor 2, 12 halvings, 1e-4, tolerance 1e-12 */
extern const elbo_ilqr_config elbo_ilqr_defaults;

typedef struct elbo_ilqr_info {
    size_t iteration; /* the first is 1 */
    double cost;      /* J after it */
    double promised;  /* J - the model's minimum, before it; >= 0 */
    double gradient;  /* largest |dJ/du| before it, of inputs that are free */
    double step;      /* a; 0: none was accepted */
    double lambda;    /* used */
    bool converged;
    bool stuck; /* no step at the largest lambda */
} elbo_ilqr_info;

typedef struct elbo_ilqr elbo_ilqr;

/* Memory from `arena`; rolls out the first trajectory. ELBO_EINVAL: a setting;
 * ELBO_ENOTFINITE with the step; ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_ilqr_open(const elbo_ilqr_config *config,
                           const elbo_ilqr_problem *problem, elbo_arena *arena,
                           elbo_ilqr **out);

/* A failure leaves the trajectory as it was. ELBO_ENOTFINITE names the step
 * whose derivatives are not finite. */
elbo_status elbo_ilqr_iterate(elbo_ilqr *ilqr, elbo_ilqr_info *info,
                              elbo_arena *ws);
/* Until converged or stuck, at most so often. */
elbo_status elbo_ilqr_solve(elbo_ilqr *ilqr, size_t iterations,
                            elbo_ilqr_info *info, elbo_arena *ws);

/* The trajectory and the gains of the last iteration that had any (0 before).
 */
typedef struct elbo_ilqr_view {
    const double *x; /* [(T + 1) x nx] */
    const double *u; /* [T x nu] */
    const double *K; /* [T x nu x nx] */
    double cost;
} elbo_ilqr_view;
elbo_ilqr_view elbo_ilqr_trajectory(const elbo_ilqr *ilqr);

/* u = u_t + K_t (x - x_t) within the limits */
void elbo_ilqr_act(const elbo_ilqr *ilqr, size_t t, const double x[],
                   double u[]);

/* Into, and from, the current section. Load needs the same problem and config;
 * ELBO_EDATA when sizes differ. */
void elbo_ilqr_save(const elbo_ilqr *ilqr, elbo_writer *out);
elbo_status elbo_ilqr_load(elbo_ilqr *ilqr, elbo_reader *in);

#endif
