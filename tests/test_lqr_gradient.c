/* tests/test_lqr_gradient.c -- derivatives through solutions and trajectories. */
#include "inference/messages/lqr_gradient.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/lqr_cases.h"
#include "tests/suites.h"

typedef struct regime {
    double alpha, beta;
    bool next, prior, penalty;
    size_t T;
    bool varying;
} regime;

static const regime regimes[] = {
    {0, INFINITY, false, false, false, 4, true},
    {0.7, INFINITY, false, true, false, 4, false},
    {0.7, 3, false, false, true, 4, true},
    {0.7, 3, true, true, true, 4, true},
    {0.7, -9, true, true, false, 4, true},
    {INFINITY, 3, false, true, true, 4, true},
    {0, INFINITY, false, false, false, 0, false},
    {0.7, INFINITY, false, true, false, 0, false},
    {0.7, 3, false, false, true, 0, false},
    {0.7, 3, true, true, true, 0, false},
    {0.7, -12, true, true, false, 0, false},
    {INFINITY, 3, false, true, true, 0, false},
    {0, -12, false, false, false, 0, false},
};
enum { NREGIMES = sizeof regimes / sizeof *regimes, NX = 3, NU = 2 };

static elbo_lqr problem(elbo_rng *rng, const regime *k)
{
    const lqr_shape shape = {.nx = NX, .nu = NU, .T = k->T, .noise = NX + 2,
                             .varying = k->varying, .radius = 1.5,
                             .prior = k->prior, .penalty = k->penalty};
    elbo_lqr lqr = lqr_random(rng, &shape, lqr_arena);

    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    lqr.gamma = 0.93;
    return lqr;
}

static elbo_lqr_cotangent *cotangents(elbo_rng *rng, const elbo_lqr *lqr)
{
    const size_t n = lqr->T ? lqr->T : 1;
    elbo_lqr_cotangent *out = elbo_arena_take(lqr_arena, n, sizeof *out);

    for (size_t t = 0; t < n; t++) {
        gsl_matrix *P = matrix_random(rng, NX, NX, 1, lqr_arena);
        gsl_matrix *S = matrix_random(rng, NU, NU, 1, lqr_arena);

        elbo_sym_mean(P);
        elbo_sym_mean(S);
        out[t] = (elbo_lqr_cotangent){
            .V = {.P = P, .p = vector_random(rng, NX, 1, lqr_arena),
                  .c = elbo_rng_uniform(rng) - 0.5},
            .K = matrix_random(rng, NU, NX, 1, lqr_arena),
            .k = vector_random(rng, NU, 1, lqr_arena),
            .S = S,
        };
    }
    return out;
}

static double inner(const gsl_matrix *A, const gsl_matrix *B)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            sum += gsl_matrix_get(A, i, j) * gsl_matrix_get(B, i, j);
    return sum;
}

static double dot(const gsl_vector *a, const gsl_vector *b)
{
    double sum = 0;

    for (size_t i = 0; i < a->size; i++)
        sum += gsl_vector_get(a, i) * gsl_vector_get(b, i);
    return sum;
}

/* A loss whose cotangents are `bar`, at the problem as it is now. */
typedef struct loss {
    const elbo_lqr *lqr;
    const elbo_lqr_cotangent *bar;
    /* of trajectories */
    const gsl_vector *x0;
    const gsl_matrix *dX, *dU;
} loss;

static double of_solution(const void *data)
{
    const loss *L = data;
    const elbo_mark mark = elbo_arena_mark(lqr_arena);
    const elbo_lqr_solution s = lqr_solved(L->lqr, lqr_arena);
    const size_t n = L->lqr->T ? L->lqr->T : 1;
    double sum = 0;

    for (size_t t = 0; t < n; t++) {
        const elbo_lqr_stage *at = &s.stages[t];
        const elbo_lqr_cotangent *bar = &L->bar[t];

        sum += inner(bar->V.P, at->V.P) + dot(bar->V.p, at->V.p)
               + bar->V.c * at->V.c + inner(bar->K, at->pi.K)
               + dot(bar->k, at->pi.k) + inner(bar->S, at->pi.S);
    }
    elbo_arena_release(lqr_arena, mark);
    return sum;
}

/* The loss is not linear in the trajectory, and dX, dU its derivatives there. */
static double of_trajectory(const void *data)
{
    const loss *L = data;
    const elbo_mark mark = elbo_arena_mark(lqr_arena);
    const elbo_lqr_solution s = lqr_solved(L->lqr, lqr_arena);
    gsl_matrix *X = matrix_zero(L->lqr->T + 1, NX, lqr_arena);
    gsl_matrix *U = matrix_zero(L->lqr->T, NU, lqr_arena);

    elbo_lqr_trajectory(L->lqr, &s, L->x0, X, U);

    const double sum = inner(L->dX, X) + inner(L->dU, U)
                       + 0.25 * (inner(X, X) + 2 * inner(U, U));

    elbo_arena_release(lqr_arena, mark);
    return sum;
}

static elbo_lqr_gradient *gradients(size_t n)
{
    elbo_lqr_gradient *out = elbo_arena_take(lqr_arena, n, sizeof *out);

    for (size_t t = 0; t < n; t++) out[t] = elbo_lqr_gradient_take(lqr_arena, NX, NU);
    ck_assert(elbo_arena_ok(lqr_arena));
    return out;
}

/* One entry for all stages: their sum. */
static void fold(elbo_lqr_gradient g[], size_t n, size_t entries)
{
    for (size_t t = 1; entries == 1 && t < n; t++)
        elbo_lqr_gradient_add(&g[0], &g[t]);
}

static void compare_all(loss_of f, const loss *L,
                        elbo_lqr_gradient g[], bool noise)
{
    const elbo_lqr *lqr = L->lqr;

    fold(g, lqr->T ? lqr->T : 1, lqr->ndynamics);
    for (size_t t = 0; t < lqr->ndynamics; t++) {
        const elbo_linear_dynamics *p = &lqr->dynamics[t];

        slopes_match(f, L, p->A, g[t].A, false, "A");
        slopes_match(f, L, p->B, g[t].B, false, "B");
        if (noise) slopes_match(f, L, p->W, g[t].W, true, "W");
        slopes_match_vector(f, L, p->c, g[t].c, "c");
        slopes_match_quadratic(f, L, &lqr->reward[t], &g[t].reward, "reward");
    }
}

START_TEST(gradients_of_solutions_equal_differences)
{
    elbo_rng rng = elbo_rng_stream(2385, "differences", (uint64_t)_i);
    const elbo_lqr lqr = problem(&rng, &regimes[_i]);
    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    const loss L = {.lqr = &lqr, .bar = cotangents(&rng, &lqr)};
    elbo_lqr_gradient *g = gradients(lqr.T ? lqr.T : 1);
    elbo_quadratic terminal = elbo_quadratic_take(lqr_arena, NX);

    ck_assert_msg(elbo_lqr_reverse(&lqr, &s, L.bar, g, &terminal, lqr_arena) == ELBO_OK,
                  "%s", elbo_last_error()->text);
    compare_all(of_solution, &L, g, true);
    if (lqr.T)
        slopes_match_quadratic(of_solution, &L, lqr.terminal, &terminal, "terminal");
}
END_TEST

/* The last digits, by another route: 700 unrolled stages of the same map. */
START_TEST(implicit_equals_unrolled)
{
    elbo_rng rng = elbo_rng_stream(2386, "unrolled", (uint64_t)_i);
    const regime *k = &regimes[6 + _i];
    elbo_lqr lqr = problem(&rng, k);
    const elbo_lqr_cotangent *bar = cotangents(&rng, &lqr);
    const elbo_lqr_solution ever = lqr_solved(&lqr, lqr_arena);
    elbo_lqr_gradient *g = gradients(1), *each = gradients(700);
    elbo_lqr_cotangent *first = elbo_arena_take(lqr_arena, 700, sizeof *first);

    ck_assert_int_eq(elbo_lqr_reverse(&lqr, &ever, bar, g, NULL, lqr_arena), ELBO_OK);
    lqr.T = 700;
    first[0] = bar[0];

    const elbo_lqr_solution far = lqr_solved(&lqr, lqr_arena);

    ck_assert_int_eq(elbo_lqr_reverse(&lqr, &far, first, each, NULL, lqr_arena),
                     ELBO_OK);
    fold(each, 700, 1);

    const double size = 1 + fabs(gsl_matrix_max(g->A)) + fabs(gsl_matrix_min(g->A));

    ck_assert_double_lt(matrix_gap(g->A, each->A), 1e-11 * size);
    ck_assert_double_lt(matrix_gap(g->B, each->B), 1e-11 * size);
    ck_assert_double_lt(matrix_gap(g->W, each->W), 1e-11 * size);
    ck_assert_double_lt(vector_gap(g->c, each->c), 1e-11 * size);
    ck_assert_double_lt(quadratic_gap(&g->reward, &each->reward), 1e-11 * size);
}
END_TEST

START_TEST(gradients_of_trajectories_equal_differences)
{
    elbo_rng rng = elbo_rng_stream(2387, "trajectories", (uint64_t)_i);
    regime k = regimes[0];

    k.T = 5;
    k.varying = _i % 2;

    elbo_lqr lqr = problem(&rng, &k);

    if (_i == 2) lqr.terminal = NULL;

    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    const loss L = {.lqr = &lqr, .x0 = vector_random(&rng, NX, 2, lqr_arena),
                    .dX = matrix_random(&rng, 6, NX, 1, lqr_arena),
                    .dU = matrix_random(&rng, 5, NU, 1, lqr_arena)};
    gsl_matrix *X = matrix_zero(6, NX, lqr_arena), *U = matrix_zero(5, NU, lqr_arena);
    gsl_matrix *dX = matrix_zero(6, NX, lqr_arena), *dU = matrix_zero(5, NU, lqr_arena);
    gsl_vector *x0 = vector_random(&rng, NX, 0, lqr_arena);
    elbo_quadratic terminal = elbo_quadratic_take(lqr_arena, NX);
    elbo_lqr_gradient *g = gradients(5);

    elbo_lqr_trajectory(&lqr, &s, L.x0, X, U);
    for (size_t t = 0; t < 6; t++) {
        for (size_t i = 0; i < NX; i++)
            gsl_matrix_set(dX, t, i, gsl_matrix_get(L.dX, t, i)
                                         + 0.5 * gsl_matrix_get(X, t, i));
        for (size_t i = 0; t < 5 && i < NU; i++)
            gsl_matrix_set(dU, t, i,
                           gsl_matrix_get(L.dU, t, i) + gsl_matrix_get(U, t, i));
    }
    ck_assert_msg(elbo_lqr_trajectory_reverse(&lqr, &s, X, U, dX, dU, g, &terminal,
                                              x0, lqr_arena)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    compare_all(of_trajectory, &L, g, false);
    if (lqr.terminal)
        slopes_match_quadratic(of_trajectory, &L, lqr.terminal, &terminal, "terminal");
    slopes_match_vector(of_trajectory, &L, L.x0, x0, "x0");
}
END_TEST

/* The same by hand: back through the rollout to gains, and through those. */
START_TEST(one_more_lqr_equals_the_reverse_of_the_recursion)
{
    elbo_rng rng = elbo_rng_stream(2388, "routes", (uint64_t)_i);
    regime k = regimes[0];

    k.T = 12;

    const elbo_lqr lqr = problem(&rng, &k);
    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    gsl_matrix *X = matrix_zero(13, NX, lqr_arena), *U = matrix_zero(12, NU, lqr_arena);
    const gsl_matrix *dX = matrix_random(&rng, 13, NX, 1, lqr_arena);
    const gsl_matrix *dU = matrix_random(&rng, 12, NU, 1, lqr_arena);
    elbo_lqr_gradient *a = gradients(12), *b = gradients(12);
    elbo_lqr_cotangent *bar = elbo_arena_take(lqr_arena, 12, sizeof *bar);
    double lambda[NX];

    elbo_lqr_trajectory(&lqr, &s, vector_random(&rng, NX, 2, lqr_arena), X, U);
    ck_assert_int_eq(elbo_lqr_trajectory_reverse(&lqr, &s, X, U, dX, dU, a, NULL,
                                                 NULL, lqr_arena),
                     ELBO_OK);

    for (size_t i = 0; i < NX; i++) lambda[i] = gsl_matrix_get(dX, 12, i);
    for (size_t t = 12; t-- > 0;) {
        const elbo_linear_dynamics *p = &lqr.dynamics[t];
        gsl_matrix *K = matrix_zero(NU, NX, lqr_arena);
        gsl_vector *kk = vector_random(&rng, NU, 0, lqr_arena);
        double back[NX];

        for (size_t j = 0; j < NU; j++) {
            double u = gsl_matrix_get(dU, t, j);

            for (size_t i = 0; i < NX; i++)
                u += gsl_matrix_get(p->B, i, j) * lambda[i];
            gsl_vector_set(kk, j, u);
            for (size_t i = 0; i < NX; i++)
                gsl_matrix_set(K, j, i, u * gsl_matrix_get(X, t, i));
        }
        for (size_t j = 0; j < NX; j++) {
            back[j] = gsl_matrix_get(dX, t, j);
            for (size_t i = 0; i < NX; i++)
                back[j] += gsl_matrix_get(p->A, i, j) * lambda[i];
            for (size_t i = 0; i < NU; i++)
                back[j] += gsl_matrix_get(s.stages[t].pi.K, i, j)
                           * gsl_vector_get(kk, i);
        }
        bar[t] = (elbo_lqr_cotangent){.K = K, .k = kk};

        /* The map's own place in the rollout. */
        for (size_t i = 0; i < NX; i++) {
            for (size_t j = 0; j < NX; j++)
                *gsl_matrix_ptr(a[t].A, i, j) -= lambda[i] * gsl_matrix_get(X, t, j);
            for (size_t j = 0; j < NU; j++)
                *gsl_matrix_ptr(a[t].B, i, j) -= lambda[i] * gsl_matrix_get(U, t, j);
            *gsl_vector_ptr(a[t].c, i) -= lambda[i];
        }
        memcpy(lambda, back, sizeof lambda);
    }
    ck_assert_int_eq(elbo_lqr_reverse(&lqr, &s, bar, b, NULL, lqr_arena), ELBO_OK);
    for (size_t t = 0; t < 12; t++) {
        ck_assert_double_lt(matrix_gap(a[t].A, b[t].A), 1e-11);
        ck_assert_double_lt(matrix_gap(a[t].B, b[t].B), 1e-11);
        ck_assert_double_lt(vector_gap(a[t].c, b[t].c), 1e-11);
        ck_assert_double_lt(quadratic_gap(&a[t].reward, &b[t].reward), 1e-11);
    }
}
END_TEST

/* One state, known in closed form: V = -P x^2/2, P = 1 + P a^2 / (1 + P), b = 1. */
START_TEST(scalar_riccati_has_the_derivative_by_hand)
{
    const double a = 1.3, one = 1, zero = 0, none[] = {0, 0}, cost[] = {1, 0, 0, 1};
    const double P = (a * a + sqrt(a * a * a * a + 4)) / 2;
    const elbo_linear_dynamics p = {.A = matrix_of(1, 1, &a, lqr_arena),
                                    .B = matrix_of(1, 1, &one, lqr_arena),
                                    .W = matrix_of(1, 1, &zero, lqr_arena)};
    const elbo_quadratic r = quadratic_of(2, cost, none, 0, lqr_arena);
    elbo_lqr_gradient g = elbo_lqr_gradient_take(lqr_arena, 1, 1);
    elbo_lqr_cotangent bar = {.V = {.P = matrix_of(1, 1, &one, lqr_arena)}};
    elbo_lqr lqr = elbo_lqr_defaults;

    lqr.nx = lqr.nu = 1;
    lqr.dynamics = &p;
    lqr.reward = &r;
    lqr.ndynamics = lqr.nreward = 1;

    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);

    ck_assert_double_eq_tol(gsl_matrix_get(s.stages[0].V.P, 0, 0), P, 1e-14);
    ck_assert_int_eq(elbo_lqr_reverse(&lqr, &s, &bar, &g, NULL, lqr_arena), ELBO_OK);
    /* dP/da = a + a^3 / sqrt(a^4 + 4) */
    ck_assert_double_eq_tol(gsl_matrix_get(g.A, 0, 0),
                            a + a * a * a / sqrt(a * a * a * a + 4), 1e-13);

    /* The level of V has no derivative where it has no limit. */
    bar.V = (elbo_quadratic){.c = 1};
    ck_assert_int_eq(elbo_lqr_reverse(&lqr, &s, &bar, &g, NULL, lqr_arena),
                     ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "level"));
}
END_TEST

Suite *suite_lqr_gradient(void)
{
    Suite *s = suite_create("lqr_gradient");
    TCase *t = tcase_create("gradient");

    tcase_add_checked_fixture(t, lqr_set_up, lqr_tear_down);
    tcase_add_loop_test(t, gradients_of_solutions_equal_differences, 0, NREGIMES);
    tcase_add_loop_test(t, implicit_equals_unrolled, 0, NREGIMES - 6);
    tcase_add_loop_test(t, gradients_of_trajectories_equal_differences, 0, 4);
    tcase_add_loop_test(t, one_more_lqr_equals_the_reverse_of_the_recursion, 0, 3);
    tcase_add_test(t, scalar_riccati_has_the_derivative_by_hand);
    suite_add_tcase(s, t);
    return s;
}
