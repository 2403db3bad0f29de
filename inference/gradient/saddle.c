/* inference/gradient/saddle.c -- the multiplier of the planner's constraint.
 *
 *   min over v, max over lambda of  b'v - lambda' (v - gamma P_pi v)
 * the Lagrangian of F subject to V = T(V), to first order in v = dV: its saddle
 * is v = 0 and the lambda of the implicit function theorem. By extragradient
 * steps, which converge on a bilinear saddle where plain ones turn in circles.
 */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/gradient/kinds.h"
#include "inference/gradient/system.h"

/* (v, lambda) and where the field points from there. */
typedef struct point {
    double *v, *lambda;
} point;

static point take(size_t n, elbo_arena *ws)
{
    return (point){elbo_arena_doubles(ws, n), elbo_arena_doubles(ws, n)};
}

/* Downhill in v: M lambda - b. Uphill in lambda: -M' v. */
static void field(const elbo_adjoint *system, const point *at, point *out)
{
    const size_t n = system->P->n;

    elbo_system_apply(system, at->lambda, out->v);
    elbo_system_transposed(system, at->v, out->lambda);
    for (size_t i = 0; i < n; i++) {
        out->v[i] -= system->b[i];
        out->lambda[i] = -out->lambda[i];
    }
}

static void move(size_t n, const point *from, double step, const point *along,
                 point *to)
{
    for (size_t i = 0; i < n; i++) {
        to->v[i] = from->v[i] + step * along->v[i];
        to->lambda[i] = from->lambda[i] + step * along->lambda[i];
    }
}

/* The largest column sum of |M'|, or of |M|. */
static double largest(const elbo_sparse *A, double gamma)
{
    double most = 0;

    for (size_t row = 0; row < A->n; row++) {
        double sum = 1;

        for (size_t i = A->start[row]; i < A->start[row + 1]; i++)
            sum += gamma * fabs(A->value[i]);
        most = fmax(most, sum);
    }
    return most;
}

static double distance(const elbo_adjoint *system, const point *along)
{
    const size_t n = system->P->n;

    return sqrt(elbo_dot(along->v, along->v, n)
                + elbo_dot(along->lambda, along->lambda, n));
}

static elbo_status solve(const elbo_adjoint *system, const elbo_route *route,
                         double x[], elbo_gradient_info *info, elbo_arena *ws)
{
    const size_t n = system->P->n;
    /* |M|_2 <= sqrt(|M|_1 |M|_inf) */
    const double step = 0.9
                        / sqrt(largest(system->P, system->gamma)
                               * largest(system->P_t, system->gamma));
    const double wanted =
        route->tolerance * sqrt(elbo_dot(system->b, system->b, n));
    const elbo_operator M = elbo_system_operator(system);
    point now = take(n, ws), ahead = take(n, ws), along = take(n, ws);
    size_t steps = 0;
    bool done = false;

    ELBO_TRY(elbo_arena_check(ws, "a saddle"));
    memset(now.v, 0, n * sizeof *now.v);
    memset(now.lambda, 0, n * sizeof *now.lambda);
    for (;; steps++) {
        field(system, &now, &along);
        done = distance(system, &along) <= wanted;
        if (done || steps >= route->limit) break;
        move(n, &now, step, &along, &ahead);
        field(system, &ahead, &along);
        move(n, &now, step, &along, &now);
    }
    memcpy(x, now.lambda, n * sizeof *x);
    elbo_operator_note(&M, x, along.v, steps, done, info);
    return ELBO_OK;
}

static const elbo_option options[] = {
    ELBO_ITERATIVE_OPTIONS("1000000"),
    {0},
};

const elbo_solver elbo_solver_adjoint = {
    .name = "adjoint",
    .source = "Bacon, Schaefer, Gehring, Brunskill, Precup 2019; Korpelevich "
              "1976 (extragradient)",
    .formula = "the saddle of b'v - lambda' (I - gamma P) v",
    .doc = "the Lagrangian's multiplier, by extragradient steps",
    .options = options,
    .set = elbo_solver_set_iterative,
    .exact = true,
    .solve = solve,
};
