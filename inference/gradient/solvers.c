/* inference/gradient/solvers.c -- x = b + gamma P' x, exactly or by a
 * truncation.
 */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/gradient/kinds.h"
#include "inference/gradient/system.h"

elbo_status elbo_solver_solve(const elbo_solver *solver,
                              const elbo_adjoint *system, const elbo_route *route,
                              double x[], elbo_gradient_info *info, elbo_arena *ws)
{
    const elbo_operator M = elbo_system_operator(system);

    return solver->iterate ? solver->iterate(&M, route, x, info, ws)
                           : solver->solve(system, route, x, info, ws);
}

void elbo_solver_set_iterative(const elbo_values *values, elbo_route *out)
{
    out->tolerance = elbo_real(values, "tolerance");
    out->limit = (size_t)elbo_int(values, "iterations");
}

/* ---- exact ---- */

static elbo_status solve_exact(const elbo_adjoint *system,
                               const elbo_route *route, double x[],
                               elbo_gradient_info *info, elbo_arena *ws)
{
    double *const Mx = elbo_arena_doubles(ws, system->P->n);
    const elbo_operator M = elbo_system_operator(system);

    (void)route;
    ELBO_TRY(elbo_arena_check(ws, "the adjoint equation"));
    ELBO_TRY(elbo_resolvent(system->P_t, system->gamma, system->b, x, ws));
    elbo_operator_note(&M, x, Mx, 0, true, info);
    return ELBO_OK;
}

const elbo_solver elbo_solver_exact = {
    .name = "exact",
    .source = "Christianson, Optimization Methods and Software 1994",
    .formula = "x = (I - gamma P')^-1 b",
    .doc = "one transposed solve of the policy's chain",
    .exact = true,
    .solve = solve_exact,
};

/* ---- cg ---- */

/* Conjugate gradients on M' M x = M' b, by the residual r = b - M x (CGLS). */
static elbo_status solve_cg(const elbo_operator *system,
                            const elbo_route *route, double x[],
                            elbo_gradient_info *info, elbo_arena *ws)
{
    const size_t n = system->n;
    double *const r = elbo_arena_doubles(ws, n);
    double *const s = elbo_arena_doubles(ws, n); /* M' r */
    double *const p = elbo_arena_doubles(ws, n);
    double *const Mp = elbo_arena_doubles(ws, n);
    size_t step = 0;

    ELBO_TRY(elbo_arena_check(ws, "conjugate gradients"));
    memset(x, 0, n * sizeof *x);
    memcpy(r, system->b, n * sizeof *r);
    system->transposed(system->self, r, s);
    memcpy(p, s, n * sizeof *p);

    const double wanted = route->tolerance * sqrt(elbo_dot(r, r, n));
    double ss = elbo_dot(s, s, n);
    bool done = false;

    while (!(done = sqrt(elbo_dot(r, r, n)) <= wanted) && step < route->limit) {
        system->apply(system->self, p, Mp);

        const double alpha = ss / elbo_dot(Mp, Mp, n);

        if (!isfinite(alpha)) break;
        for (size_t i = 0; i < n; i++) {
            x[i] += alpha * p[i];
            r[i] -= alpha * Mp[i];
        }
        system->transposed(system->self, r, s);

        const double next = elbo_dot(s, s, n), beta = next / ss;

        for (size_t i = 0; i < n; i++) p[i] = s[i] + beta * p[i];
        ss = next;
        step++;
    }
    elbo_operator_note(system, x, Mp, step, done, info);
    return ELBO_OK;
}

static const elbo_option cg_options[] = {
    ELBO_ITERATIVE_OPTIONS("1000"),
    {0},
};

const elbo_solver elbo_solver_cg = {
    .name = "cg",
    .source = "Hestenes and Stiefel 1952, on the normal equations",
    .formula = "M' M x = M' b,  M = I - gamma P'",
    .doc = "conjugate gradients, to a tolerance or a limit of iterations",
    .options = cg_options,
    .set = elbo_solver_set_iterative,
    .exact = true,
    .iterate = solve_cg,
};

/* ---- neumann, identity ---- */

/* x <- b + gamma P' x from gV', n times: lambda_Q then has the terms 0 .. n of
 * the series sum_j (gamma Pi' P')^j. */
static elbo_status solve_series(const elbo_operator *system,
                                const elbo_route *route, double x[],
                                elbo_gradient_info *info, elbo_arena *ws)
{
    const size_t n = system->n;
    double *const Mx = elbo_arena_doubles(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "a Neumann series"));
    memcpy(x, system->start, n * sizeof *x);
    for (size_t step = 0; step < route->n; step++) {
        system->apply(system->self, x, Mx);
        for (size_t i = 0; i < n; i++) x[i] += system->b[i] - Mx[i];
    }
    elbo_operator_note(system, x, Mx, route->n, true, info);
    return ELBO_OK;
}

static const elbo_option series_options[] = {
    {.name = "k",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .doc = "terms beyond the first"},
    {0 },
};

static void set_series(const elbo_values *values, elbo_route *out)
{
    out->n = (size_t)elbo_int(values, "k");
}

const elbo_solver elbo_solver_neumann = {
    .name = "neumann",
    .source = "Lorraine, Vicol, Duvenaud, AISTATS 2020",
    .formula = "lambda_Q = sum_{j=0..k} (gamma Pi' P')^j g",
    .doc = "the series of the inverse, cut after k + 1 terms",
    .options = series_options,
    .set = set_series,
    .iterate = solve_series,
};

const elbo_solver elbo_solver_identity = {
    .name = "identity",
    .source = "Nikishin et al., AAAI 2022, the default of their code",
    .formula = "lambda_Q = g",
    .doc = "the inverse Jacobian replaced by I: neumann(0)",
    .iterate = solve_series,
};
