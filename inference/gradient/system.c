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

void elbo_system_note(const elbo_adjoint *system, const double x[],
                      size_t iterations, bool converged,
                      elbo_gradient_info *info)
{
    double left = 0, scale = 0;

    for (size_t i = 0; i < system->P->n; i++) {
        const double Mx = x[i] - system->gamma * row_of(system->P_t, x, i);

        left += (system->b[i] - Mx) * (system->b[i] - Mx);
        scale += system->b[i] * system->b[i];
    }
    info->solves++;
    info->iterations += iterations;
    info->unconverged += !converged;
    if (scale > 0) info->residual = fmax(info->residual, sqrt(left / scale));
}
