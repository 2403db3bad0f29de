#include <check.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "tests/backup_cases.h"
#include "tests/random_process.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

static const double alphas[] = {0, 0.0137, 1, 2.385, HUGE_VAL};
static const double betas[] = {HUGE_VAL, 0.71, -0.71};
enum {
    ALPHAS = sizeof alphas / sizeof *alphas,
    BETAS = sizeof betas / sizeof *betas
};

/* The backup of one (s, a) by its definition, in long double. */
static long double naive_q(const elbo_problem *problem, const double V[],
                           size_t row)
{
    const elbo_kernel *P = &problem->mdp.P;
    const long double gamma = (long double)problem->mdp.gamma;
    const long double beta = (long double)problem->tilt.beta;
    const long double b =
        problem->tilt.kl == ELBO_KL_NEXT ? beta : beta / gamma;
    long double sum = 0;

    for (size_t i = elbo_row_begin(P->pattern, row);
         i < elbo_row_end(P->pattern, row); i++) {
        const long double v =
            (long double)V[elbo_successor(P->pattern, row, i)];

        sum += (long double)P->prob[i] * (isinf(beta) ? v : expl(v / b));
    }
    return (long double)problem->mdp.r[row]
           + gamma * (isinf(beta) ? sum : b * logl(sum));
}

/* The same of a state; Q [nA] is filled. */
static long double naive_v(const elbo_problem *problem, const double pi0[],
                           const double V[], size_t s, long double Q[])
{
    const size_t nA = problem->mdp.nA;
    const long double alpha = (long double)problem->alpha;
    long double best = -HUGE_VALL, mean = 0, sum = 0;

    for (size_t a = 0; a < nA; a++) {
        const long double p = (long double)pi0[s * nA + a];

        Q[a] = naive_q(problem, V, s * nA + a);
        if (p > 0) best = fmaxl(best, Q[a]);
        mean += p * Q[a];
    }
    for (size_t a = 0; a < nA; a++)
        if (pi0[s * nA + a] > 0 && alpha > 0)
            sum += (long double)pi0[s * nA + a] * expl((Q[a] - best) / alpha);
    if (isinf(problem->alpha)) return mean;
    return problem->alpha > 0 ? best + alpha * logl(sum) : best;
}

/* pi of an action by its definition; hard ties do not occur in random problems.
 */
static long double naive_pi(const elbo_problem *problem, double pi0,
                            long double Q, long double V)
{
    if (isinf(problem->alpha)) return (long double)pi0;
    if (problem->alpha > 0)
        return (long double)pi0 * expl((Q - V) / (long double)problem->alpha);
    return pi0 > 0 && Q == V ? 1 : 0;
}

static void check_sweep(const elbo_problem *problem, const double pi0[],
                        const double V_next[])
{
    const size_t nS = problem->mdp.nS, nA = problem->mdp.nA;
    double *V = elbo_arena_doubles(arena, nS + 1);
    double *Q = elbo_arena_doubles(arena, nS * nA);
    double *pi = elbo_arena_doubles(arena, nS * nA);
    long double q[16], largest = 0;
    const double residual = elbo_backup(problem, pi0, V_next, V, Q, pi);

    for (size_t s = 0; s < nS; s++) {
        const long double v = naive_v(problem, pi0, V_next, s, q);

        ck_assert_double_eq_tol(V[s], (double)v, 2e-14);
        for (size_t a = 0; a < nA; a++) {
            const double p = pi0[s * nA + a];

            ck_assert_double_eq_tol(Q[s * nA + a], (double)q[a], 2e-14);
            ck_assert_double_eq_tol(
                pi[s * nA + a], (double)naive_pi(problem, p, q[a], v), 1e-11);
        }
        largest = fmaxl(largest, fabsl(v - (long double)V_next[s]));
    }
    ck_assert_double_eq(V[nS], 0);
    ck_assert_double_eq_tol(residual, (double)largest, 2e-14);
}

static double *random_values(elbo_rng *rng, size_t nS)
{
    double *V = random_doubles(rng, nS + 1, -4, 4, arena);

    V[nS] = 0;
    return V;
}

/* All settings of (alpha, beta, kl) on one process in every layout. */
static void check_settings(const elbo_mdp *mdp, const double pi0[],
                           const double V[], bool fixed)
{
    for (layout l = fixed ? 0 : 1; l < LAYOUTS; l++)
        for (size_t i = 0; i < ALPHAS; i++)
            for (size_t j = 0; j < BETAS; j++)
                for (elbo_kl kl = ELBO_KL_STEP; kl <= ELBO_KL_NEXT; kl++) {
                    elbo_problem problem =
                        problem_of(mdp, alphas[i], betas[j], kl);

                    problem.mdp.P = in_layout(&mdp->P, l, arena);
                    check_sweep(&problem, pi0, V);
                }
}

START_TEST(backup_matches_the_definition_in_every_layout_and_setting)
{
    elbo_rng rng = elbo_rng_stream(1, "backup", 0);

    for (size_t branching = 1; branching <= 10; branching++) {
        const size_t nA = 1 + branching % 5;
        const elbo_mdp mdp =
            random_process(&rng, 26, nA, branching, 0.3, arena);
        const double *pi0 = random_policy(&rng, 26, nA, branching % 2, arena);

        check_settings(&mdp, pi0, random_values(&rng, 26), branching <= 8);
    }
}
END_TEST

START_TEST(blocks_join_without_a_seam)
{
    elbo_rng rng = elbo_rng_stream(2, "blocks", 0);
    const elbo_mdp mdp = random_process(&rng, 3001, 16, 2, 0.1, arena);
    const double *pi0 = random_policy(&rng, 3001, 16, true, arena);
    const double *V = random_values(&rng, 3001);

    for (size_t i = 0; i < ALPHAS; i++) {
        const elbo_problem problem =
            problem_of(&mdp, alphas[i], i % 2 ? HUGE_VAL : 0.71, ELBO_KL_STEP);

        check_sweep(&problem, pi0, V);
    }
}
END_TEST

START_TEST(as_many_actions_as_are_allowed_are_one_block)
{
    elbo_rng rng = elbo_rng_stream(3, "actions", 0);
    elbo_mdp mdp = random_process(&rng, 3, ELBO_MOST_ACTIONS, 2, 0.1, arena);
    const double *pi0 = random_policy(&rng, 3, mdp.nA, true, arena);
    double V_next[4] = {1, -2, 0.5, 0}, V[4];
    elbo_problem problem = problem_of(&mdp, 0.7, HUGE_VAL, ELBO_KL_STEP);
    elbo_posterior post;
    elbo_solve_info info;

    (void)elbo_backup(&problem, pi0, V_next, V, NULL, NULL);
    for (size_t s = 0; s < 3; s++) {
        long double sum = 0;

        for (size_t a = 0; a < mdp.nA; a++)
            sum += (long double)pi0[s * mdp.nA + a]
                   * expl(naive_q(&problem, V_next, s * mdp.nA + a) / 0.7L);
        ck_assert_double_eq_tol(V[s], (double)(0.7L * logl(sum)), 1e-13);
    }
    problem.mdp = random_process(&rng, 3, ELBO_MOST_ACTIONS + 1, 2, 0.1, arena);
    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena), ELBO_ESIZE);
}
END_TEST

START_TEST(actions_that_the_prior_forbids_do_not_count)
{
    elbo_rng rng = elbo_rng_stream(4, "forbidden", 0);
    elbo_mdp mdp = random_process(&rng, 9, 3, 3, 0.1, arena);
    double *r = elbo_arena_doubles(arena, 27);
    double *pi0 = random_policy(&rng, 9, 3, false, arena);
    const double *V_next = random_values(&rng, 9);
    double V[10], Q[27], pi[27];

    memcpy(r, mdp.r, 27 * sizeof *r);
    for (size_t s = 0; s < 9; s++) { /* the best by far, and forbidden */
        r[3 * s + 1] = 1e5;
        pi0[3 * s] = 0.25;
        pi0[3 * s + 1] = 0;
        pi0[3 * s + 2] = 0.75;
    }
    mdp.r = r;
    for (size_t i = 0; i < ALPHAS; i++) {
        const elbo_problem problem =
            problem_of(&mdp, alphas[i], HUGE_VAL, ELBO_KL_STEP);

        (void)elbo_backup(&problem, pi0, V_next, V, Q, pi);
        for (size_t s = 0; s < 9; s++) {
            ck_assert_double_lt(V[s], 20);
            ck_assert_double_eq(pi[3 * s + 1], 0);
            ck_assert_double_eq_tol(pi[3 * s] + pi[3 * s + 2], 1, 1e-15);
        }
    }
}
END_TEST

START_TEST(a_tie_is_won_by_the_first_action_the_prior_allows)
{
    const uint32_t next[] = {1, 1, 1};
    const elbo_pattern pattern = {
        .nS = 1, .nA = 3, .width = 1, .next = next, .nnz = 3};
    double prob[] = {1, 1, 1};
    const double r[] = {2.385, 2.385, 2.385}, mu[] = {1};
    const double pi0[] = {0, 0.5, 0.5}, V_next[] = {0, 0};
    const elbo_mdp mdp = {
        .nS = 1,
        .nA = 3,
        .P = {&pattern, prob},
        .r = r,
        .mu = mu,
        .gamma = 0.5
    };
    const elbo_problem problem = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP);
    double V[2], Q[3], pi[3];

    ck_assert_double_eq(elbo_backup(&problem, pi0, V_next, V, Q, pi), 2.385);
    ck_assert_double_eq(pi[0], 0);
    ck_assert_double_eq(pi[1], 1);
    ck_assert_double_eq(pi[2], 0);
}
END_TEST

START_TEST(a_hot_policy_loses_no_digits)
{
    elbo_rng rng = elbo_rng_stream(5, "hot", 0);
    const elbo_mdp mdp = random_process(&rng, 26, 4, 3, 0.1, arena);
    double pi0[104];
    const double *V_next = random_values(&rng, 26);
    const elbo_problem inf = problem_of(&mdp, HUGE_VAL, HUGE_VAL, ELBO_KL_STEP);
    double V[27], V_inf[27];

    for (size_t i = 0; i < 104; i++) pi0[i] = 0.25;
    (void)elbo_backup(&inf, pi0, V_next, V_inf, NULL, NULL);
    for (double alpha = 1e3; alpha < 1e16; alpha *= 10) {
        const elbo_problem hot =
            problem_of(&mdp, alpha, HUGE_VAL, ELBO_KL_STEP);

        /* 0 <= V_alpha - E Q <= span(Q)^2 / (8 alpha) */
        (void)elbo_backup(&hot, pi0, V_next, V, NULL, NULL);
        for (size_t s = 0; s < 26; s++) {
            ck_assert_double_ge(V[s] - V_inf[s], -1e-14);
            ck_assert_double_le(V[s] - V_inf[s], 121 / (8 * alpha) + 1e-14);
        }
    }
}
END_TEST

START_TEST(a_value_that_is_not_a_number_is_never_lost)
{
    elbo_rng rng = elbo_rng_stream(6, "nan", 0);
    const elbo_mdp mdp = random_process(&rng, 26, 3, 3, 0, arena);
    const double *pi0 = random_policy(&rng, 26, 3, false, arena);
    double *V_next = random_values(&rng, 26), V[27];

    V_next[11] = (double)NAN;
    for (size_t i = 0; i < ALPHAS; i++)
        for (size_t j = 0; j < BETAS; j++) {
            const elbo_problem problem =
                problem_of(&mdp, alphas[i], betas[j], ELBO_KL_STEP);

            ck_assert(isnan(elbo_backup(&problem, pi0, V_next, V, NULL, NULL)));
            for (size_t s = 0; s < 26; s++) {
                bool reaches = false;

                for (size_t e = 9 * s; e < 9 * s + 9; e++)
                    reaches |= mdp.P.pattern->next[e] == 11;
                ck_assert_int_eq(isnan(V[s]) != 0, reaches);
            }
        }
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    elbo_rng rng = elbo_rng_stream(7, "threads", 0);
    const size_t nS = 9001, nA = 3, nnz = nS * nA * 4;
    const elbo_mdp mdp = random_process(&rng, nS, nA, 4, 0.1, arena);
    const int threads = omp_get_max_threads();

    for (size_t i = 0; i < ALPHAS; i++) {
        elbo_problem problem =
            problem_of(&mdp, alphas[i], i % 2 ? 0.9 : HUGE_VAL, ELBO_KL_NEXT);
        elbo_posterior one, many;
        elbo_solve_info a, b;

        problem.sweeps = 40;
        ck_assert_int_eq(elbo_posterior_init(&one, &problem, arena), ELBO_OK);
        ck_assert_int_eq(elbo_posterior_init(&many, &problem, arena), ELBO_OK);
        omp_set_num_threads(1);
        ck_assert_int_eq(elbo_solve(&problem, &one, &a, arena), ELBO_OK);
        omp_set_num_threads(i % 2 ? 2 : 4);
        ck_assert_int_eq(elbo_solve(&problem, &many, &b, arena), ELBO_OK);
        ck_assert_uint_eq(a.sweeps, b.sweeps);
        ck_assert_mem_eq(&a.residual, &b.residual, sizeof a.residual);
        ck_assert_mem_eq(one.V, many.V, (nS + 1) * sizeof *one.V);
        ck_assert_mem_eq(one.Q, many.Q, nS * nA * sizeof *one.Q);
        ck_assert_mem_eq(one.pi, many.pi, nS * nA * sizeof *one.pi);
        if (one.q) ck_assert_mem_eq(one.q, many.q, nnz * sizeof *one.q);
    }
    omp_set_num_threads(threads);
}
END_TEST

Suite *suite_backup(void)
{
    Suite *suite = suite_create("backup");
    TCase *t = tcase_create("backup");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t,
                   backup_matches_the_definition_in_every_layout_and_setting);
    tcase_add_test(t, blocks_join_without_a_seam);
    tcase_add_test(t, as_many_actions_as_are_allowed_are_one_block);
    tcase_add_test(t, actions_that_the_prior_forbids_do_not_count);
    tcase_add_test(t, a_tie_is_won_by_the_first_action_the_prior_allows);
    tcase_add_test(t, a_hot_policy_loses_no_digits);
    tcase_add_test(t, a_value_that_is_not_a_number_is_never_lost);
    tcase_add_test(t, any_number_of_threads_gives_the_same_bits);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, tcase_solve());
    suite_add_tcase(suite, tcase_rough());
    return suite;
}
