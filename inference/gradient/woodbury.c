/* inference/gradient/woodbury.c -- I plus a matrix of low rank, inverted.
 *
 *   gamma P' ~ U S W'   its `rank` largest singular values
 *   (I - U S W')^-1 b = b + U S (I - W' U S)^-1 W' b
 * (Wang et al. 2021 take the low-rank part from sampled trajectories; here it
 * is the best one of its rank. At full rank it is exact.)
 */
#include <lapacke.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/gradient/kinds.h"
#include "inference/gradient/system.h"

/* gamma P' = U S W', all of it; column j of U and row j of Wt belong to S[j].
 */
typedef struct singular {
    double *U, *S, *Wt; /* [n x n], [n], [n x n] */
} singular;

static elbo_status decompose(const elbo_adjoint *system, singular *out,
                             elbo_arena *ws)
{
    const elbo_sparse *const A = system->P_t;
    const size_t n = A->n;
    double *const full = elbo_arena_doubles(ws, n * n);

    *out = (singular){elbo_arena_doubles(ws, n * n), elbo_arena_doubles(ws, n),
                      elbo_arena_doubles(ws, n * n)};
    ELBO_TRY(elbo_arena_check(ws, "a chain's singular values"));
    memset(full, 0, n * n * sizeof *full);
    for (size_t row = 0; row < n; row++)
        for (size_t i = A->start[row]; i < A->start[row + 1]; i++)
            full[row * n + A->column[i]] += system->gamma * A->value[i];

    const lapack_int size = (lapack_int)n;
    const lapack_int info =
        LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'A', size, size, full, size, out->S,
                       out->U, size, out->Wt, size);

    if (info != 0)
        return ELBO_FAIL(ELBO_ENOCONV,
                         "woodbury: singular values of a chain of %zu states "
                         "(dgesdd: %d)",
                         n, (int)info);
    return ELBO_OK;
}

/* y = (I - W' U S)^-1 W' b, of `rank` numbers. */
static elbo_status inner(const elbo_adjoint *system, const singular *f,
                         size_t rank, double y[], elbo_arena *ws)
{
    const size_t n = system->P->n;
    gsl_matrix *const M = elbo_arena_mat(ws, rank, rank);
    gsl_vector view = {.size = rank, .stride = 1, .data = y};
    elbo_lu lu;

    ELBO_TRY(elbo_arena_check(ws, "woodbury's inner system"));
    for (size_t i = 0; i < rank; i++) {
        const double *const w = f->Wt + i * n;

        y[i] = 0;
        for (size_t k = 0; k < n; k++) y[i] += w[k] * system->b[k];
        for (size_t j = 0; j < rank; j++) {
            double sum = 0;

            for (size_t k = 0; k < n; k++) sum += w[k] * f->U[k * n + j];
            gsl_matrix_set(M, i, j, (i == j) - sum * f->S[j]);
        }
    }
    ELBO_TRY(elbo_lu_factor(M, ws, &lu));
    return elbo_lu_solve(&lu, &view);
}

static elbo_status solve(const elbo_adjoint *system, const elbo_route *route,
                         double x[], elbo_gradient_info *info, elbo_arena *ws)
{
    const size_t n = system->P->n, rank = route->n < n ? route->n : n;
    double *const y = elbo_arena_doubles(ws, rank);
    double *const Mx = elbo_arena_doubles(ws, n);
    const elbo_operator M = elbo_system_operator(system);
    singular f;

    ELBO_TRY(decompose(system, &f, ws));
    ELBO_TRY(inner(system, &f, rank, y, ws));
    for (size_t i = 0; i < n; i++) {
        x[i] = system->b[i];
        for (size_t j = 0; j < rank; j++)
            x[i] += f.U[i * n + j] * f.S[j] * y[j];
    }
    elbo_operator_note(&M, x, Mx, 1, true, info);
    return ELBO_OK;
}

static const elbo_option options[] = {
    {.name = "rank",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .doc = "of what is added to I"},
    {0    },
};

static void set(const elbo_values *values, elbo_route *out)
{
    out->n = (size_t)elbo_int(values, "rank");
}

const elbo_solver elbo_solver_woodbury = {
    .name = "woodbury",
    .source = "Wang et al., NeurIPS 2021",
    .formula = "(I - U S W')^-1 b,  U S W' ~ gamma P' of the given rank",
    .doc = "the inverse of I plus a matrix of low rank",
    .options = options,
    .set = set,
    .solve = solve,
};
