/* inference/continuous.h -- worlds of real states and inputs with known truth.
 *
 *   x' = f(x, u) + noise,   noise ~ N(0, diag(noise))     x [nx]  u [nu]
 *   z  = h(x, u)                                          z [nz]
 *   cost of a step   (z - goal)' diag(weight) (z - goal)
 *   cost of the end  the same over the first nz_end components of z, which
 *                    depend on x alone
 * Inputs beyond +-limit act as the limit does. A world is a const table; its
 * functions are pure, so one open world serves any number of threads.
 */
#ifndef ELBO_CONTINUOUS_H
#define ELBO_CONTINUOUS_H

#include "inference/core/options.h"
#include "inference/messages/transform.h"

typedef struct elbo_dynamics elbo_dynamics;

/* An open world; lives in the arena it was opened with, const from then on. */
typedef struct elbo_plant {
    const elbo_dynamics *dynamics;
    const void *self;
    double dt;    /* s, a step */
    double limit; /* of |u_j|; inf: none */
} elbo_plant;

struct elbo_dynamics {
    const char *name, *source, *doc;
    size_t nx, nu;
    const elbo_option *options;
    const char *const *state, *const *input; /* [nx], [nu] names with units */
    elbo_status (*open)(const elbo_values *options, elbo_arena *arena,
                        elbo_plant *out);
    void (*step)(const void *self, const double x[], const double u[],
                 double next[]);
    /* A = df/dx [nx x nx], B = df/du [nx x nu]; B = 0 beyond the limit. */
    void (*jacobian)(const void *self, const double x[], const double u[],
                     double A[], double B[]);
    /* Mechanical energy in J of state x, or NULL. */
    double (*energy)(const void *self, const double x[]);

    size_t nz, nz_end;
    void (*observe)(const void *self, const double x[], const double u[],
                    double z[]);
    /* C = dh/dx [nz x nx], D = dh/du [nz x nu] */
    void (*observe_jacobian)(const void *self, const double x[],
                             const double u[], double C[], double D[]);
    /* The published experiment: where it starts, with which variances. */
    const double *start, *start_variance; /* [nx] */
    const double *noise;                  /* [nx] */
    const double *goal, *weight;          /* [nz] */
    const double *weight_end;             /* [nz_end] */
    size_t horizon;                       /* steps */
};

/* envs/registry.c; ends in NULL. */
extern const elbo_dynamics *const elbo_continuous_worlds[];
const elbo_dynamics *elbo_dynamics_find(const char *name); /* NULL: unknown */

/* "name=value ..." over the defaults; ELBO_EINVAL as elbo_values_parse. */
elbo_status elbo_plant_open(const elbo_dynamics *dynamics, const char *settings,
                            elbo_arena *arena, elbo_plant *out);

/* The world as maps of (x, u) [nx + nu] and of the last x [nx], which borrow
 * the plant. */
elbo_map elbo_plant_step(const elbo_plant *plant);
elbo_map elbo_plant_observe(const elbo_plant *plant);
elbo_map elbo_plant_observe_end(const elbo_plant *plant);

/* The cost of a step, and of the end, under the world's own goal and weights.
 */
double elbo_plant_cost(const elbo_plant *plant, const double x[],
                       const double u[]);
double elbo_plant_cost_end(const elbo_plant *plant, const double x[]);

/* u within +-limit, and *slope = du/du there: 1, or 0 beyond it. */
double elbo_plant_clip(double u, double limit, double *slope);

#endif
