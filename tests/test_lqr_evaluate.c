/* tests/test_lqr_evaluate.c -- values, occupancies and the parts of F. */
#include <check.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "inference/messages/lqr.h"
#include "tests/lqr_cases.h"
#include "tests/suites.h"

/* A start N(m0, P0) well off the origin. */
typedef struct start_law {
    gsl_vector *m;
    gsl_matrix *P;
} start_law;

static start_law start_random(elbo_rng *rng, size_t nx)
{
    return (start_law){vector_random(rng, nx, 2, lqr_arena),
                       covariance_random(rng, nx, nx, 0.5, lqr_arena)};
}

static elbo_quadratic value_of(const elbo_linear_chain *chain, const elbo_lqr *lqr)
{
    const size_t n = chain->T ? chain->T : 1;
    elbo_quadratic *V = elbo_arena_take(lqr_arena, n, sizeof *V);

    for (size_t t = 0; t < n; t++) V[t] = elbo_quadratic_take(lqr_arena, chain->nx);
    ck_assert_msg(elbo_linear_evaluate(chain, lqr->reward, lqr->nreward,
                                       lqr->terminal, V, lqr_arena)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    return V[0];
}

static elbo_linear_moments *occupancy_of(const elbo_linear_chain *chain,
                                         const start_law *start)
{
    const size_t n = chain->T ? chain->T : 1;
    elbo_linear_moments *m = elbo_arena_take(lqr_arena, n, sizeof *m);

    for (size_t t = 0; t < n; t++)
        m[t] = elbo_linear_moments_take(lqr_arena, chain->nx, chain->nu);
    ck_assert_msg(elbo_linear_occupancy(chain, start->m, start->P, m, lqr_arena)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    return m;
}

static elbo_lqr_parts parts_of(const elbo_lqr *lqr, const elbo_linear_chain *chain,
                               const start_law *start)
{
    elbo_lqr_parts parts;

    ck_assert_msg(
        elbo_lqr_parts_at(lqr, chain, start->m, start->P, &parts, lqr_arena) == ELBO_OK,
        "%s", elbo_last_error()->text);
    return parts;
}

static double balance(const elbo_lqr_parts *p)
{
    return p->reward - p->policy_kl - p->transition_kl;
}

typedef struct regime {
    double alpha, beta;
    bool next, prior, penalty;
    size_t T;
} regime;

static const regime regimes[] = {
    {0, INFINITY, false, false, false, 8}, {0.7, INFINITY, false, false, false, 8},
    {0.7, 3, false, true, false, 8},       {0.7, 3, true, true, true, 8},
    {0.7, -8, true, false, true, 8},       {INFINITY, 3, false, true, true, 8},
    {0, -8, false, false, false, 8},       {0.7, INFINITY, false, true, false, 0},
    {0.7, 3, false, false, true, 0},       {0.7, 3, true, true, true, 0},
    {0.7, -9, true, true, false, 0},       {INFINITY, 3, false, true, true, 0},
    {0, -9, false, false, false, 0},
};
enum { NREGIMES = sizeof regimes / sizeof *regimes };

static elbo_lqr problem(elbo_rng *rng, const regime *k)
{
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = k->T, .noise = 2,
                             .varying = k->T > 0, .radius = k->T ? 1.5 : 2,
                             .prior = k->prior, .penalty = k->penalty};
    elbo_lqr lqr = lqr_random(rng, &shape, lqr_arena);

    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    lqr.gamma = 0.93;
    return lqr;
}

/* F_control at its optimum is E_mu V. */
START_TEST(parts_balance_to_the_value)
{
    elbo_rng rng = elbo_rng_stream(2385, "balance", (uint64_t)_i);
    const elbo_lqr lqr = problem(&rng, &regimes[_i]);
    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    const elbo_linear_chain chain = chain_of_solution(&lqr, &s, lqr_arena);
    const start_law start = start_random(&rng, 3);
    const elbo_lqr_parts parts = parts_of(&lqr, &chain, &start);
    const double V = elbo_quadratic_mean(&s.stages[0].V, start.m, start.P);

    ck_assert_double_eq_tol(balance(&parts), V, 1e-10 * (1 + fabs(V)));
    if (lqr.alpha == 0 || isinf(lqr.alpha)) {
        ck_assert_double_eq(parts.policy_kl, 0);
    } else if (lqr.nprior) {
        ck_assert_double_gt(parts.policy_kl, 0);
    }
    if (isinf(lqr.beta)) ck_assert_double_eq(parts.transition_kl, 0);
    else if (!regimes[_i].penalty)
        ck_assert_double_gt(parts.transition_kl / lqr.beta, 0);
}
END_TEST

/* Rewards of any size and temperatures of 1e-11 to 1e7 of them, q moving in the whole
 * space or in a plane of it: nothing is lost, and q never leaves the plane. */
START_TEST(parts_balance_at_any_temperature)
{
    const double scale = pow(10, 5 * (_i % 3));
    elbo_rng rng = elbo_rng_stream(2392, "temperature", (uint64_t)_i);
    const lqr_shape shape = {.nx = 6, .nu = 2, .T = 20, .noise = _i % 2 ? 2 : 6,
                             .radius = 6};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    const start_law start = start_random(&rng, 6);

    gsl_matrix_scale(lqr.reward[0].P, scale);
    gsl_matrix_scale(lqr.terminal->P, scale);
    for (double beta = 1e-11; beta < 1e8; beta *= 100) {
        lqr.beta = beta * scale;

        const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
        const elbo_linear_chain chain = chain_of_solution(&lqr, &s, lqr_arena);
        const elbo_lqr_parts parts = parts_of(&lqr, &chain, &start);
        const double V = elbo_quadratic_mean(&s.stages[0].V, start.m, start.P);

        ck_assert_double_eq_tol(balance(&parts), V,
                                1e-12 * (fabs(parts.reward) + parts.transition_kl));
    }
}
END_TEST

/* pi maximises F_control, q maximises (beta > 0) or minimises it: along random
 * directions the slope is 0 and the curvature has its sign. q keeps to the range of
 * W, and a pi of alpha = 0 has no noise to move. */
START_TEST(solution_is_the_stationary_point_of_its_parts)
{
    static const int finite[] = {2, 3, 4, 8, 9, 10};
    const regime *k = &regimes[finite[_i]];
    elbo_rng rng = elbo_rng_stream(2386, "stationary", (uint64_t)_i);
    const elbo_lqr lqr = problem(&rng, k);
    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    const start_law start = start_random(&rng, 3);
    const elbo_lqr_stage *stage = &s.stages[0];
    const double h = 1e-3;

    for (int which = 0; which < 4; which++) {
        gsl_matrix *dK = matrix_random(&rng, 2, 3, 1, lqr_arena);
        gsl_matrix *dS = covariance_random(&rng, 2, 2, 0.1, lqr_arena);
        gsl_matrix *dA = times(lqr.dynamics[0].W, matrix_random(&rng, 3, 3, 1, lqr_arena),
                               lqr_arena);
        double F[3];

        for (int side = -1; side <= 1; side++) {
            elbo_linear_chain chain = chain_of_solution(&lqr, &s, lqr_arena);
            elbo_linear_policy *pi = (elbo_linear_policy *)chain.policy;
            elbo_linear_dynamics *q = (elbo_linear_dynamics *)chain.dynamics;
            gsl_matrix *K = matrix_zero(2, 3, lqr_arena), *S = matrix_zero(2, 2, lqr_arena);
            gsl_matrix *A = matrix_zero(3, 3, lqr_arena), *W = matrix_zero(3, 3, lqr_arena);

            gsl_matrix_memcpy(K, stage->pi.K);
            gsl_matrix_memcpy(S, stage->pi.S);
            gsl_matrix_memcpy(A, stage->q.A);
            gsl_matrix_memcpy(W, stage->q.W);
            for (size_t i = 0; i < 3; i++)
                for (size_t j = 0; j < 3; j++) {
                    if (which == 0 && i < 2)
                        *gsl_matrix_ptr(K, i, j) += side * h * gsl_matrix_get(dK, i, j);
                    if (which == 1 && i < 2 && j < 2)
                        *gsl_matrix_ptr(S, i, j) += side * h * gsl_matrix_get(dS, i, j);
                    if (which == 2)
                        *gsl_matrix_ptr(A, i, j) += side * h * gsl_matrix_get(dA, i, j);
                    if (which == 3) *gsl_matrix_ptr(W, i, j) *= 1 + side * h;
                }
            pi[0].K = K;
            pi[0].S = S;
            q[0].A = A;
            q[0].W = W;

            const elbo_lqr_parts parts = parts_of(&lqr, &chain, &start);

            F[side + 1] = balance(&parts);
        }

        const double slope = (F[2] - F[0]) / (2 * h);
        const double curvature = (F[2] - 2 * F[1] + F[0]) / (h * h);
        const bool maximised = which < 2 || lqr.beta > 0;

        ck_assert_msg(fabs(slope) < 1e-5 * (1 + fabs(curvature)),
                      "direction %d: slope %g, curvature %g", which, slope, curvature);
        ck_assert_msg((maximised ? -curvature : curvature) > 1e-6,
                      "direction %d: curvature %g", which, curvature);
    }
}
END_TEST

static elbo_linear_chain other_policy(elbo_rng *rng, const elbo_lqr *lqr)
{
    elbo_linear_policy *pi = elbo_arena_take(lqr_arena, 1, sizeof *pi);

    *pi = policy_random(rng, lqr->nx, lqr->nu, lqr_arena);
    return (elbo_linear_chain){.nx = lqr->nx, .nu = lqr->nu, .T = lqr->T,
                               .dynamics = lqr->dynamics,
                               .ndynamics = lqr->ndynamics, .policy = pi,
                               .npolicy = 1, .gamma = lqr->gamma};
}

/* E V(x_0) by values = sum gamma^t E r by moments = 2000 stages of raw moments. */
START_TEST(values_equal_moments_and_long_sums)
{
    elbo_rng rng = elbo_rng_stream(2387, "values", (uint64_t)_i);
    const lqr_shape shape = {.nx = 3, .nu = 2, .noise = 2, .radius = 1.2};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    elbo_linear_chain chain = other_policy(&rng, &lqr);
    const start_law start = start_random(&rng, 3);

    chain.gamma = lqr.gamma = 0.93;

    const elbo_quadratic V = value_of(&chain, &lqr);
    const double J = elbo_quadratic_mean(&V, start.m, start.P);
    const elbo_linear_moments *ever = occupancy_of(&chain, &start);

    ck_assert_double_eq_tol(ever->mass, 1 / (1 - lqr.gamma), 1e-12);
    ck_assert_double_eq_tol(elbo_linear_moments_mean(ever, lqr.reward), J,
                            1e-12 * (1 + fabs(J)));

    chain.T = lqr.T = 600; /* 0.93^600 = 1e-19 */
    const elbo_quadratic far = value_of(&chain, &lqr);
    const elbo_linear_moments *each = occupancy_of(&chain, &start);
    elbo_linear_moments sum = each[0];

    for (size_t t = 1; t < chain.T; t++) elbo_linear_moments_add(&sum, &each[t]);
    ck_assert_double_lt(quadratic_gap(&V, &far), 1e-11 * (1 + fabs(V.c)));
    ck_assert_double_lt(vector_gap(sum.z, ever->z), 1e-11);
    ck_assert_double_lt(vector_gap(sum.y, ever->y), 1e-11);
    ck_assert_double_lt(matrix_gap(sum.zz, ever->zz), 1e-11);
    ck_assert_double_lt(matrix_gap(sum.yz, ever->yz), 1e-11);
    ck_assert_double_lt(matrix_gap(sum.yy, ever->yy), 1e-11);
}
END_TEST

/* One trajectory of the chain; its return, and the products of stage 3. */
static double roll(const elbo_linear_chain *chain, const elbo_lqr *lqr,
                   const start_law *start, gsl_matrix *L0, gsl_matrix *LW,
                   gsl_matrix *LS, elbo_rng *rng, double third[])
{
    double x[3], y[3], u[2], e[8], sum = 0, discount = 1;
    gsl_vector *z = elbo_arena_vec(lqr_arena, 5);
    const elbo_linear_dynamics *p = chain->dynamics;

    elbo_rng_normals(rng, e, 8);
    for (size_t i = 0; i < 3; i++) {
        x[i] = gsl_vector_get(start->m, i);
        for (size_t j = 0; j < 3; j++) x[i] += gsl_matrix_get(L0, i, j) * e[j];
    }
    for (size_t t = 0; t < chain->T; t++) {
        elbo_rng_normals(rng, e, 8);
        for (size_t i = 0; i < 2; i++) {
            u[i] = gsl_vector_get(chain->policy->k, i);
            for (size_t j = 0; j < 3; j++)
                u[i] += gsl_matrix_get(chain->policy->K, i, j) * x[j];
            for (size_t j = 0; j < 2; j++) u[i] += gsl_matrix_get(LS, i, j) * e[3 + j];
        }
        for (size_t i = 0; i < 5; i++) gsl_vector_set(z, i, i < 3 ? x[i] : u[i - 3]);
        for (size_t i = 0; i < 3; i++) {
            y[i] = gsl_vector_get(p->c, i);
            for (size_t j = 0; j < 3; j++)
                y[i] += gsl_matrix_get(p->A, i, j) * x[j]
                        + gsl_matrix_get(LW, i, j) * e[j];
            for (size_t j = 0; j < 2; j++) y[i] += gsl_matrix_get(p->B, i, j) * u[j];
        }
        sum += discount * elbo_quadratic_at(lqr->reward, z);
        discount *= chain->gamma;
        if (t == 3) {
            third[0] = y[0] * u[1];
            third[1] = y[1] * y[2];
            third[2] = x[2] * u[0];
        }
        memcpy(x, y, sizeof x);
    }
    for (size_t i = 0; i < 3; i++) gsl_vector_set(z, i, x[i]);

    const gsl_vector_view end = gsl_vector_subvector(z, 0, 3);

    return sum + discount * elbo_quadratic_at(lqr->terminal, &end.vector);
}

/* 10^5 trajectories of 6 steps: within 5 standard errors, by 4 numbers. */
START_TEST(simulated_trajectories_agree)
{
    enum { N = 100000 };
    elbo_rng rng = elbo_rng_stream(2388, "trajectories", 0);
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = 6, .noise = 2, .radius = 1.5};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    elbo_linear_chain chain = other_policy(&rng, &lqr);
    const start_law start = start_random(&rng, 3);
    gsl_matrix *L0 = matrix_zero(3, 3, lqr_arena), *LW = matrix_zero(3, 3, lqr_arena);
    gsl_matrix *LS = matrix_zero(2, 2, lqr_arena);
    double sum[4] = {0}, squares[4] = {0};

    chain.gamma = lqr.gamma = 0.9;
    ck_assert_int_eq(elbo_psd_factor(start.P, L0, lqr_arena), ELBO_OK);
    ck_assert_int_eq(elbo_psd_factor(lqr.dynamics->W, LW, lqr_arena), ELBO_OK);
    ck_assert_int_eq(elbo_psd_factor(chain.policy->S, LS, lqr_arena), ELBO_OK);
    for (size_t n = 0; n < N; n++) {
        const elbo_mark mark = elbo_arena_mark(lqr_arena);
        double got[4] = {0};

        got[3] = roll(&chain, &lqr, &start, L0, LW, LS, &rng, got);
        elbo_arena_release(lqr_arena, mark);
        for (int i = 0; i < 4; i++) {
            sum[i] += got[i] / N;
            squares[i] += got[i] * got[i] / N;
        }
    }

    const elbo_quadratic V = value_of(&chain, &lqr);
    const elbo_linear_moments *m = &occupancy_of(&chain, &start)[3];
    const double exact[] = {gsl_matrix_get(m->yz, 0, 4) / m->mass,
                            gsl_matrix_get(m->yy, 1, 2) / m->mass,
                            gsl_matrix_get(m->zz, 2, 3) / m->mass,
                            elbo_quadratic_mean(&V, start.m, start.P)};

    ck_assert_double_eq_tol(m->mass, pow(0.9, 3), 1e-15);
    for (int i = 0; i < 4; i++) {
        const double error = sqrt((squares[i] - sum[i] * sum[i]) / N);

        ck_assert_msg(fabs(sum[i] - exact[i]) < 5 * error, "%d: %g, exactly %g +- %g",
                      i, sum[i], exact[i], error);
    }
}
END_TEST

/* gamma rho^2 on both sides of 1, where rho < 1 / gamma throughout. */
START_TEST(chains_that_outgrow_the_discount_are_refused)
{
    const double zero = 0, one = 1, none[] = {0, 0}, cost[] = {1, 0, 0, 1};
    elbo_linear_policy pi = {.K = matrix_of(1, 1, &zero, lqr_arena),
                             .k = vector_of(1, &zero, lqr_arena),
                             .S = matrix_of(1, 1, &zero, lqr_arena)};
    const elbo_quadratic r = quadratic_of(2, cost, none, 0, lqr_arena);
    elbo_linear_dynamics p = {.B = matrix_of(1, 1, &one, lqr_arena),
                              .W = matrix_of(1, 1, &one, lqr_arena)};
    elbo_linear_chain chain = {.nx = 1, .nu = 1, .dynamics = &p, .ndynamics = 1,
                               .policy = &pi, .npolicy = 1, .gamma = 0.64};
    elbo_quadratic V = elbo_quadratic_take(lqr_arena, 1);
    elbo_linear_moments m = elbo_linear_moments_take(lqr_arena, 1, 1);
    const gsl_vector *x0 = vector_of(1, &one, lqr_arena);

    p.A = matrix_of(1, 1, (const double[]){1.2499}, lqr_arena);
    ck_assert_int_eq(elbo_linear_evaluate(&chain, &r, 1, NULL, &V, lqr_arena), ELBO_OK);
    ck_assert_double_eq_tol(gsl_matrix_get(V.P, 0, 0),
                            1 / (1 - 0.64 * 1.2499 * 1.2499), 1e-8);
    ck_assert_int_eq(elbo_linear_occupancy(&chain, x0, NULL, &m, lqr_arena), ELBO_OK);
    p.A = matrix_of(1, 1, (const double[]){1.2501}, lqr_arena);
    ck_assert_int_eq(elbo_linear_evaluate(&chain, &r, 1, NULL, &V, lqr_arena),
                     ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "rho(A + B K) = 1.2501"));
    ck_assert_int_eq(elbo_linear_occupancy(&chain, x0, NULL, &m, lqr_arena),
                     ELBO_ENOCONV);
}
END_TEST

static lapack_logical inside(const double *re, const double *im)
{
    return hypot(*re, *im) < 1;
}

/* The stabilising solution of P = Q + A'P A - A'P B (R + B'P B)^-1 B'P A from the
 * ordered Schur form of the symplectic matrix (Laub 1979):
 *   [A + G A^-T Q, -G A^-T; -A^-T Q, A^-T],  G = B R^-1 B'. */
START_TEST(infinite_horizon_equals_the_schur_method)
{
    enum { N = 4, M = 2 };
    elbo_rng rng = elbo_rng_stream(2391, "schur", (uint64_t)_i);
    const lqr_shape shape = {.nx = N, .nu = M, .noise = 2, .radius = 4};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    elbo_quadratic r = lqr.reward[0];
    double S[4 * N * N], re[2 * N], im[2 * N], U[4 * N * N];
    lapack_int n_inside;

    for (size_t i = 0; i < N; i++)
        for (size_t j = N; j < N + M; j++) {
            gsl_matrix_set(r.P, i, j, 0);
            gsl_matrix_set(r.P, j, i, 0);
        }
    lqr.reward = &r;

    /* sqrt(gamma) A and B; the dense pieces by solves. */
    const double root = sqrt(lqr.gamma);
    gsl_matrix *A = matrix_zero(N, N, lqr_arena), *B = matrix_zero(N, M, lqr_arena);
    gsl_matrix *R = matrix_zero(M, M, lqr_arena), *At = matrix_zero(N, N, lqr_arena);
    gsl_matrix *inverse = matrix_zero(N, N, lqr_arena);
    elbo_lu lu;

    gsl_matrix_memcpy(A, lqr.dynamics->A);
    gsl_matrix_memcpy(B, lqr.dynamics->B);
    gsl_matrix_scale(A, root);
    gsl_matrix_scale(B, root);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < M; j++)
            gsl_matrix_set(R, i, j, gsl_matrix_get(r.P, N + i, N + j));
    ck_assert_int_eq(elbo_chol(R), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(R), ELBO_OK);
    gsl_matrix_transpose_memcpy(At, A);
    gsl_matrix_set_identity(inverse);
    ck_assert_int_eq(elbo_lu_factor(At, lqr_arena, &lu), ELBO_OK);
    ck_assert_int_eq(elbo_lu_solve_columns(&lu, inverse, lqr_arena), ELBO_OK);

    const gsl_matrix *G = times(times(B, R, lqr_arena), transposed(B, lqr_arena), lqr_arena);
    const gsl_matrix *GA = times(G, inverse, lqr_arena);
    gsl_matrix *Q = matrix_zero(N, N, lqr_arena);

    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            gsl_matrix_set(Q, i, j, gsl_matrix_get(r.P, i, j));

    const gsl_matrix *GAQ = times(GA, Q, lqr_arena), *AQ = times(inverse, Q, lqr_arena);

    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            S[i * 2 * N + j] = gsl_matrix_get(A, i, j) + gsl_matrix_get(GAQ, i, j);
            S[i * 2 * N + N + j] = -gsl_matrix_get(GA, i, j);
            S[(N + i) * 2 * N + j] = -gsl_matrix_get(AQ, i, j);
            S[(N + i) * 2 * N + N + j] = gsl_matrix_get(inverse, i, j);
        }
    ck_assert_int_eq(LAPACKE_dgees(LAPACK_ROW_MAJOR, 'V', 'S', inside, 2 * N, S,
                                   2 * N, &n_inside, re, im, U, 2 * N),
                     0);
    ck_assert_int_eq(n_inside, N);

    /* P = U21 U11^-1, so U11' P = U21' */
    gsl_matrix *U11 = matrix_zero(N, N, lqr_arena), *P = matrix_zero(N, N, lqr_arena);

    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            gsl_matrix_set(U11, j, i, U[i * 2 * N + j]);
            gsl_matrix_set(P, j, i, U[(N + i) * 2 * N + j]);
        }
    ck_assert_int_eq(elbo_lu_factor(U11, lqr_arena, &lu), ELBO_OK);
    ck_assert_int_eq(elbo_lu_solve_columns(&lu, P, lqr_arena), ELBO_OK);

    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    double size = 0;

    for (size_t i = 0; i < N; i++) size = fmax(size, gsl_matrix_get(P, i, i));
    ck_assert_double_lt(matrix_gap(P, s.stages[0].V.P), 1e-10 * (1 + size));
}
END_TEST

Suite *suite_lqr_evaluate(void)
{
    Suite *s = suite_create("lqr_evaluate");
    TCase *t = tcase_create("evaluate");

    tcase_add_checked_fixture(t, lqr_set_up, lqr_tear_down);
    tcase_add_loop_test(t, parts_balance_to_the_value, 0, NREGIMES);
    tcase_add_loop_test(t, parts_balance_at_any_temperature, 0, 12);
    tcase_add_loop_test(t, solution_is_the_stationary_point_of_its_parts, 0, 6);
    tcase_add_loop_test(t, values_equal_moments_and_long_sums, 0, 10);
    tcase_add_test(t, simulated_trajectories_agree);
    tcase_add_test(t, chains_that_outgrow_the_discount_are_refused);
    tcase_add_loop_test(t, infinite_horizon_equals_the_schur_method, 0, 20);
    suite_add_tcase(s, t);
    return s;
}
