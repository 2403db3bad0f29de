#include "inference/gradient/system.h"

#include <math.h>

static double row_of(const elbo_sparse *A, const double x[], size_t row)
{
    double sum = 0;

    for (size_t i = A->start[row]; i < A->start[row + 1]; i++)
        sum += A->value[i] * x[A->column[i]];
    return sum;
}

void elbo_system_apply(const elbo_adjoint *system, const double x[], double y[])
{
    for (size_t i = 0; i < system->P->n; i++)
        y[i] = x[i] - system->gamma * row_of(system->P_t, x, i);
}

void elbo_system_transposed(const elbo_adjoint *system, const double x[],
                            double y[])
{
    for (size_t i = 0; i < system->P->n; i++)
        y[i] = x[i] - system->gamma * row_of(system->P, x, i);
}

static void apply(const void *self, const double x[], double y[])
{
    elbo_system_apply(self, x, y);
}

static void transposed(const void *self, const double x[], double y[])
{
    elbo_system_transposed(self, x, y);
}

elbo_operator elbo_system_operator(const elbo_adjoint *system)
{
    return (elbo_operator){.self = system,
                           .n = system->P->n,
                           .apply = apply,
                           .transposed = transposed,
                           .b = system->b,
                           .start = system->start};
}

void elbo_operator_note(const elbo_operator *system, const double x[],
                        double Mx[], size_t iterations, bool converged,
                        elbo_gradient_info *info)
{
    double left = 0, scale = 0;

    if (!info) return;
    system->apply(system->self, x, Mx);
    for (size_t i = 0; i < system->n; i++) {
        left += (system->b[i] - Mx[i]) * (system->b[i] - Mx[i]);
        scale += system->b[i] * system->b[i];
    }
    info->solves++;
    info->iterations += iterations;
    info->unconverged += !converged;
    if (scale > 0) info->residual = fmax(info->residual, sqrt(left / scale));
}
