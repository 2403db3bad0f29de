#include "tests/lqr_cases.h"

#include <check.h>
#include <math.h>

#include "inference/core/linalg.h"

elbo_arena *lqr_arena;

void lqr_set_up(void)
{
    ck_assert_int_eq(elbo_linalg_start(), ELBO_OK);
    lqr_arena = elbo_arena_alloc(1 << 18);
}

void lqr_tear_down(void)
{
    elbo_arena_free(lqr_arena);
}

gsl_matrix *matrix_zero(size_t rows, size_t cols, elbo_arena *arena)
{
    gsl_matrix *A = elbo_arena_mat(arena, rows, cols);

    ck_assert_ptr_nonnull(A);
    gsl_matrix_set_zero(A);
    return A;
}

gsl_matrix *matrix_random(elbo_rng *rng, size_t rows, size_t cols, double scale,
                          elbo_arena *arena)
{
    gsl_matrix *A = matrix_zero(rows, cols, arena);

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            gsl_matrix_set(A, i, j, scale * (2 * elbo_rng_uniform(rng) - 1));
    return A;
}

gsl_vector *vector_random(elbo_rng *rng, size_t n, double scale,
                          elbo_arena *arena)
{
    gsl_vector *a = elbo_arena_vec(arena, n);

    ck_assert_ptr_nonnull(a);
    for (size_t i = 0; i < n; i++)
        gsl_vector_set(a, i, scale * (2 * elbo_rng_uniform(rng) - 1));
    return a;
}

gsl_matrix *times(const gsl_matrix *A, const gsl_matrix *B, elbo_arena *arena)
{
    gsl_matrix *C = matrix_zero(A->size1, B->size2, arena);

    ck_assert_uint_eq(A->size2, B->size1);
    for (size_t i = 0; i < C->size1; i++)
        for (size_t j = 0; j < C->size2; j++)
            for (size_t k = 0; k < A->size2; k++)
                *gsl_matrix_ptr(C, i, j) +=
                    gsl_matrix_get(A, i, k) * gsl_matrix_get(B, k, j);
    return C;
}

gsl_matrix *transposed(const gsl_matrix *A, elbo_arena *arena)
{
    gsl_matrix *C = matrix_zero(A->size2, A->size1, arena);

    gsl_matrix_transpose_memcpy(C, A);
    return C;
}

gsl_matrix *covariance_random(elbo_rng *rng, size_t n, size_t cols,
                              double scale, elbo_arena *arena)
{
    if (cols == 0) return matrix_zero(n, n, arena);

    const gsl_matrix *M = matrix_random(rng, n, cols, 1, arena);
    gsl_matrix *C = times(M, transposed(M, arena), arena);

    gsl_matrix_scale(C, scale / (double)cols);
    elbo_sym_mean(C);
    return C;
}

gsl_matrix *matrix_of(size_t rows, size_t cols, const double a[],
                      elbo_arena *arena)
{
    gsl_matrix *A = matrix_zero(rows, cols, arena);

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            gsl_matrix_set(A, i, j, a[i * cols + j]);
    return A;
}

gsl_vector *vector_of(size_t n, const double a[], elbo_arena *arena)
{
    gsl_vector *v = elbo_arena_vec(arena, n);

    ck_assert_ptr_nonnull(v);
    for (size_t i = 0; i < n; i++) gsl_vector_set(v, i, a[i]);
    return v;
}

elbo_quadratic quadratic_of(size_t n, const double P[], const double p[],
                            double c, elbo_arena *arena)
{
    return (elbo_quadratic){
        .P = matrix_of(n, n, P, arena), .p = vector_of(n, p, arena), .c = c};
}

double matrix_gap(const gsl_matrix *A, const gsl_matrix *B)
{
    double most = 0;

    ck_assert(A->size1 == B->size1 && A->size2 == B->size2);
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++) {
            const double gap =
                fabs(gsl_matrix_get(A, i, j) - gsl_matrix_get(B, i, j));

            if (!(gap <= most)) most = gap;
        }
    return most;
}

double vector_gap(const gsl_vector *a, const gsl_vector *b)
{
    double most = 0;

    ck_assert_uint_eq(a->size, b->size);
    for (size_t i = 0; i < a->size; i++) {
        const double gap = fabs(gsl_vector_get(a, i) - gsl_vector_get(b, i));

        if (!(gap <= most)) most = gap;
    }
    return most;
}

double quadratic_gap(const elbo_quadratic *f, const elbo_quadratic *g)
{
    return fmax(fabs(f->c - g->c),
                fmax(matrix_gap(f->P, g->P), vector_gap(f->p, g->p)));
}

static elbo_quadratic concave(elbo_rng *rng, size_t n, elbo_arena *arena)
{
    elbo_quadratic f = {.P = covariance_random(rng, n, 2 * n, 1, arena),
                        .p = vector_random(rng, n, 0.5, arena),
                        .c = elbo_rng_uniform(rng) - 0.5};

    for (size_t i = 0; i < n; i++) *gsl_matrix_ptr(f.P, i, i) += 0.2385;
    return f;
}

static elbo_linear_dynamics dynamics_random(elbo_rng *rng, const lqr_shape *s,
                                            elbo_arena *arena)
{
    const size_t nz = s->nx + s->nu;

    return (elbo_linear_dynamics){
        .A = matrix_random(rng, s->nx, s->nx, s->radius / (double)s->nx, arena),
        .B = matrix_random(rng, s->nx, s->nu, 0.7, arena),
        .W = covariance_random(rng, s->nx, s->noise, 0.3, arena),
        .c = vector_random(rng, s->nx, 0.3, arena),
        .G = s->penalty ? covariance_random(rng, nz + 1, nz + 2, 0.05, arena)
                        : NULL,
        .g0 = s->penalty ? -0.02385 : (double)NAN,
    };
}

static elbo_linear_prior prior_random(elbo_rng *rng, const lqr_shape *s,
                                      elbo_arena *arena)
{
    gsl_matrix *precision = covariance_random(rng, s->nu, s->nu, 1, arena);

    for (size_t i = 0; i < s->nu; i++) *gsl_matrix_ptr(precision, i, i) += 0.4;
    return (elbo_linear_prior){
        .K = matrix_random(rng, s->nu, s->nx, 0.4, arena),
        .k = vector_random(rng, s->nu, 0.4, arena),
        .precision = precision,
    };
}

elbo_lqr lqr_random(elbo_rng *rng, const lqr_shape *s, elbo_arena *arena)
{
    const size_t n = s->varying ? s->T : 1;
    elbo_linear_dynamics *dynamics =
        elbo_arena_take(arena, n, sizeof *dynamics);
    elbo_quadratic *reward = elbo_arena_take(arena, n, sizeof *reward);
    elbo_linear_prior *prior = elbo_arena_take(arena, n, sizeof *prior);
    elbo_quadratic *terminal = elbo_arena_take(arena, 1, sizeof *terminal);
    elbo_lqr lqr = elbo_lqr_defaults;

    ck_assert(elbo_arena_ok(arena) && (s->T || !s->varying));
    for (size_t t = 0; t < n; t++) {
        dynamics[t] = dynamics_random(rng, s, arena);
        reward[t] = concave(rng, s->nx + s->nu, arena);
        prior[t] = prior_random(rng, s, arena);
    }
    *terminal = concave(rng, s->nx, arena);
    lqr.nx = s->nx;
    lqr.nu = s->nu;
    lqr.T = s->T;
    lqr.dynamics = dynamics;
    lqr.reward = reward;
    lqr.prior = prior;
    lqr.ndynamics = lqr.nreward = n;
    lqr.nprior = s->prior ? n : 0;
    lqr.terminal = s->T ? terminal : NULL;
    lqr.gamma = s->T ? 1 : 0.95;
    return lqr;
}

elbo_lqr_solution lqr_solved(const elbo_lqr *lqr, elbo_arena *arena)
{
    elbo_lqr_solution solution;

    ck_assert_msg(
        elbo_lqr_solve(lqr, &elbo_lqr_config_defaults, &solution, arena)
            == ELBO_OK,
        "%s", elbo_last_error()->text);
    ck_assert_msg(solution.info.converged, "residual %g after %zu",
                  solution.info.residual, solution.info.sweeps);
    return solution;
}

elbo_linear_chain chain_of_solution(const elbo_lqr *lqr,
                                    const elbo_lqr_solution *solution,
                                    elbo_arena *arena)
{
    const size_t n = lqr->T ? lqr->T : 1;
    elbo_linear_dynamics *q = elbo_arena_take(arena, n, sizeof *q);
    elbo_linear_policy *pi = elbo_arena_take(arena, n, sizeof *pi);

    ck_assert(elbo_arena_ok(arena));
    for (size_t t = 0; t < n; t++) {
        q[t] = solution->stages[t].q;
        pi[t] = solution->stages[t].pi;
    }
    return (elbo_linear_chain){.nx = lqr->nx,
                               .nu = lqr->nu,
                               .T = lqr->T,
                               .dynamics = q,
                               .policy = pi,
                               .ndynamics = n,
                               .npolicy = n,
                               .gamma = lqr->gamma};
}

/* Five points: the error is of fourth order. `mirror` moves along. */
static double slope(loss_of f, const void *L, double *x, double *mirror)
{
    static const double weight[] = {1, -8, 0, 8, -1};
    const double at = *x, h = 2e-3;
    double sum = 0;

    for (int k = -2; k <= 2; k++) {
        if (k == 0) continue;
        *x = *mirror = at + k * h;
        sum += weight[k + 2] * f(L) / (12 * h);
    }
    *x = *mirror = at;
    return sum;
}

static void compare(loss_of f, const void *L, double *x, double *mirror,
                    double gradient, const char *what)
{
    const double expected = slope(f, L, x, mirror);

    ck_assert_msg(fabs(gradient - expected) < 1e-8 * (1 + fabs(expected)),
                  "%s: %.12g, differences say %.12g", what, gradient, expected);
}

void slopes_match(loss_of f, const void *L, const gsl_matrix *A,
                  const gsl_matrix *gradient, bool symmetric, const char *what)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < (symmetric ? i + 1 : A->size2); j++) {
            double *x = &A->data[i * A->tda + j];
            double *mirror = symmetric ? &A->data[j * A->tda + i] : x;
            const double twice = symmetric && i != j ? 2 : 1;

            compare(f, L, x, mirror, twice * gsl_matrix_get(gradient, i, j),
                    what);
        }
}

void slopes_match_vector(loss_of f, const void *L, const gsl_vector *a,
                         const gsl_vector *gradient, const char *what)
{
    for (size_t i = 0; i < a->size; i++)
        compare(f, L, &a->data[i * a->stride], &a->data[i * a->stride],
                gsl_vector_get(gradient, i), what);
}

void slopes_match_quadratic(loss_of f, const void *L, const elbo_quadratic *a,
                            const elbo_quadratic *gradient, const char *what)
{
    slopes_match(f, L, a->P, gradient->P, true, what);
    slopes_match_vector(f, L, a->p, gradient->p, what);
    compare(f, L, (double *)&a->c, (double *)&a->c, gradient->c, what);
}

elbo_linear_policy policy_random(elbo_rng *rng, size_t nx, size_t nu,
                                 elbo_arena *arena)
{
    return (elbo_linear_policy){
        .K = matrix_random(rng, nu, nx, 0.15, arena),
        .k = vector_random(rng, nu, 0.5, arena),
        .S = covariance_random(rng, nu, nu + 1, 0.5, arena)};
}
