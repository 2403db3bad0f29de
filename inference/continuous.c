#include "inference/continuous.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { MOST = 16 }; /* components of a world's x, u or z */

elbo_status elbo_plant_open(const elbo_dynamics *dynamics, const char *settings,
                            elbo_arena *arena, elbo_plant *out)
{
    elbo_values values;

    assert(dynamics->nx <= MOST && dynamics->nu <= MOST
           && dynamics->nz <= MOST);
    ELBO_TRY(elbo_values_init(&values, dynamics->options, arena));
    ELBO_TRY(elbo_values_parse(&values, settings));
    return dynamics->open(&values, arena, out);
}

double elbo_plant_clip(double u, double limit, double *slope)
{
    *slope = fabs(u) <= limit ? 1 : 0;
    return fmax(-limit, fmin(limit, u));
}

static void step(const void *self, const double xu[], double next[])
{
    const elbo_plant *const plant = self;
    const elbo_dynamics *const d = plant->dynamics;

    d->step(plant->self, xu, xu + d->nx, next);
}

/* J = [X U], X [rows x nx], U [rows x nu] */
static void join(const elbo_dynamics *d, size_t rows, const double X[],
                 const double U[], double J[])
{
    const size_t n = d->nx + d->nu;

    for (size_t i = 0; i < rows; i++) {
        memcpy(J + i * n, X + i * d->nx, d->nx * sizeof *J);
        memcpy(J + i * n + d->nx, U + i * d->nu, d->nu * sizeof *J);
    }
}

static void step_jacobian(const void *self, const double xu[], double J[])
{
    const elbo_plant *const plant = self;
    const elbo_dynamics *const d = plant->dynamics;
    double A[MOST * MOST], B[MOST * MOST];

    d->jacobian(plant->self, xu, xu + d->nx, A, B);
    join(d, d->nx, A, B, J);
}

static void observe(const void *self, const double xu[], double z[])
{
    const elbo_plant *const plant = self;

    plant->dynamics->observe(plant->self, xu, xu + plant->dynamics->nx, z);
}

static void observe_jacobian(const void *self, const double xu[], double J[])
{
    const elbo_plant *const plant = self;
    const elbo_dynamics *const d = plant->dynamics;
    double C[MOST * MOST], D[MOST * MOST];

    d->observe_jacobian(plant->self, xu, xu + d->nx, C, D);
    join(d, d->nz, C, D, J);
}

static const double no_input[MOST];

static void observe_end(const void *self, const double x[], double z[])
{
    const elbo_plant *const plant = self;
    const elbo_dynamics *const d = plant->dynamics;
    double all[MOST];

    d->observe(plant->self, x, no_input, all);
    memcpy(z, all, d->nz_end * sizeof *z);
}

static void observe_end_jacobian(const void *self, const double x[], double J[])
{
    const elbo_plant *const plant = self;
    const elbo_dynamics *const d = plant->dynamics;
    double C[MOST * MOST], D[MOST * MOST];

    d->observe_jacobian(plant->self, x, no_input, C, D);
    memcpy(J, C, d->nz_end * d->nx * sizeof *J);
}

elbo_map elbo_plant_step(const elbo_plant *plant)
{
    const elbo_dynamics *const d = plant->dynamics;

    return (elbo_map){plant, d->nx + d->nu, d->nx, step, step_jacobian};
}

elbo_map elbo_plant_observe(const elbo_plant *plant)
{
    const elbo_dynamics *const d = plant->dynamics;

    return (elbo_map){plant, d->nx + d->nu, d->nz, observe, observe_jacobian};
}

elbo_map elbo_plant_observe_end(const elbo_plant *plant)
{
    const elbo_dynamics *const d = plant->dynamics;

    return (elbo_map){plant, d->nx, d->nz_end, observe_end,
                      observe_end_jacobian};
}

static double cost(const elbo_plant *plant, const double x[], const double u[],
                   const double weight[], size_t n)
{
    const elbo_dynamics *const d = plant->dynamics;
    double z[MOST], sum = 0;

    d->observe(plant->self, x, u, z);
    for (size_t i = 0; i < n; i++) {
        const double e = z[i] - d->goal[i];

        sum += weight[i] * e * e;
    }
    return sum;
}

double elbo_plant_cost(const elbo_plant *plant, const double x[],
                       const double u[])
{
    const elbo_dynamics *const d = plant->dynamics;

    return cost(plant, x, u, d->weight, d->nz);
}

double elbo_plant_cost_end(const elbo_plant *plant, const double x[])
{
    const elbo_dynamics *const d = plant->dynamics;

    return cost(plant, x, no_input, d->weight_end, d->nz_end);
}
