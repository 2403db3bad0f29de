/* tests/test_return_gradient.c -- the slopes of a return against differences. */
#include <check.h>
#include <math.h>

#include "inference/messages/lqr_gradient.h"
#include "tests/lqr_cases.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    ck_assert_int_eq(elbo_linalg_start(), ELBO_OK);
    arena = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

typedef struct scene {
    const elbo_linear_chain *chain;
    const elbo_lqr *lqr;
    const gsl_vector *m0;
    const gsl_matrix *P0;
} scene;

static double return_of(const void *data)
{
    const scene *s = data;
    const elbo_mark mark = elbo_arena_mark(arena);
    const size_t n = s->chain->T ? s->chain->T : 1;
    elbo_quadratic *V = elbo_arena_take(arena, n, sizeof *V);

    for (size_t t = 0; t < n; t++) V[t] = elbo_quadratic_take(arena, s->chain->nx);
    ck_assert_int_eq(elbo_linear_evaluate(s->chain, s->lqr->reward, s->lqr->nreward,
                                          s->lqr->terminal, V, arena),
                     ELBO_OK);

    const double J = elbo_quadratic_mean(&V[0], s->m0, s->P0);

    elbo_arena_release(arena, mark);
    return J;
}

/* For ever; ten stages that differ; ten of one kind, whose slopes add up. */
START_TEST(gradients_of_a_return_equal_differences)
{
    elbo_rng rng = elbo_rng_stream(2385, "return", (uint64_t)_i);
    const lqr_shape shape = {.nx = 3, .nu = 2, .noise = 5, .T = _i ? 10 : 0,
                             .varying = _i == 1, .radius = 1.2};
    const elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    const size_t n = lqr.T ? lqr.T : 1;
    elbo_linear_policy *pi = elbo_arena_take(arena, n, sizeof *pi);
    elbo_linear_policy *dpi = elbo_arena_take(arena, n, sizeof *dpi);
    elbo_lqr_gradient *world = elbo_arena_take(arena, n, sizeof *world);
    const size_t npolicy = _i == 2 ? 1 : n;

    for (size_t t = 0; t < n; t++) {
        pi[t] = policy_random(&rng, 3, 2, arena);
        dpi[t] = elbo_linear_policy_take(arena, 3, 2);
        world[t] = elbo_lqr_gradient_take(arena, 3, 2);
    }

    const elbo_linear_chain chain = {.nx = 3, .nu = 2, .T = lqr.T, .gamma = 0.93,
                                     .dynamics = lqr.dynamics,
                                     .ndynamics = lqr.ndynamics, .policy = pi,
                                     .npolicy = npolicy};
    const scene s = {&chain, &lqr, vector_random(&rng, 3, 1, arena),
                     covariance_random(&rng, 3, 3, 1, arena)};

    ck_assert_msg(elbo_linear_return_gradient(&chain, lqr.reward, lqr.nreward,
                                              lqr.terminal, s.m0, s.P0, dpi, world,
                                              arena)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    for (size_t t = 1; _i == 2 && t < n; t++) {
        elbo_lqr_gradient_add(&world[0], &world[t]);
        gsl_matrix_add(dpi[0].K, dpi[t].K);
        gsl_vector_add(dpi[0].k, dpi[t].k);
        gsl_matrix_add(dpi[0].S, dpi[t].S);
    }
    for (size_t t = 0; t < npolicy; t++) {
        slopes_match(return_of, &s, pi[t].K, dpi[t].K, false, "K");
        slopes_match_vector(return_of, &s, pi[t].k, dpi[t].k, "k");
        slopes_match(return_of, &s, pi[t].S, dpi[t].S, true, "S");
    }
    for (size_t t = 0; t < lqr.ndynamics; t++) {
        const elbo_linear_dynamics *p = &lqr.dynamics[t];

        slopes_match(return_of, &s, p->A, world[t].A, false, "A");
        slopes_match(return_of, &s, p->B, world[t].B, false, "B");
        slopes_match(return_of, &s, p->W, world[t].W, true, "W");
        slopes_match_vector(return_of, &s, p->c, world[t].c, "c");
        slopes_match_quadratic(return_of, &s, &lqr.reward[t], &world[t].reward,
                               "reward");
    }
}
END_TEST

/* At the optimum of LQR no policy gradient is left. */
START_TEST(policy_gradient_vanishes_at_the_optimum)
{
    elbo_rng rng = elbo_rng_stream(2386, "optimum", 0);
    const lqr_shape shape = {.nx = 3, .nu = 2, .noise = 3, .radius = 2};
    const elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    const elbo_lqr_solution solution = lqr_solved(&lqr, arena);
    const elbo_linear_chain chain = chain_of_solution(&lqr, &solution, arena);
    elbo_linear_policy slope = elbo_linear_policy_take(arena, 3, 2);
    const gsl_vector *m0 = vector_random(&rng, 3, 2, arena);

    ck_assert_int_eq(elbo_linear_return_gradient(&chain, lqr.reward, 1, NULL, m0,
                                                 NULL, &slope, NULL, arena),
                     ELBO_OK);
    ck_assert_double_lt(gsl_matrix_max(slope.K), 1e-12);
    ck_assert_double_gt(gsl_matrix_min(slope.K), -1e-12);
    ck_assert_double_lt(gsl_vector_max(slope.k), 1e-12);
    ck_assert_double_gt(gsl_vector_min(slope.k), -1e-12);
    ck_assert_double_lt(gsl_matrix_get(slope.S, 0, 0), -1);
}
END_TEST

Suite *suite_return_gradient(void)
{
    Suite *s = suite_create("return_gradient");
    TCase *t = tcase_create("return_gradient");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, gradients_of_a_return_equal_differences, 0, 3);
    tcase_add_test(t, policy_gradient_vanishes_at_the_optimum);
    suite_add_tcase(s, t);
    return s;
}
