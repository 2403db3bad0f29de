/* The value iterations and policy iteration, for every sign of beta. The other
 * cases are in control_contract.c, control_em.c and control_psi.c. */
#include <math.h>
#include <string.h>

#include "tests/control_cases.h"
#include "tests/suites.h"

/* -- soft and hard value iteration -- */

/* Printed values of soft value iteration on the maze. There the entropy is that
 * of unnormalised actions, which adds alpha log 4 a step. */
START_TEST(soft_values_of_the_maze_match_the_table)
{
    static const struct {
        double low, goal, alpha, V, J;
    } table[] = {
        {.001, 10, 1,   13.87876840, 0.02781320 },
        {.001, 10, .1,  1.90545817,  1.04209839 },
        {.001, 10, .01, 1.39267104,  1.38062292 },
        {1,    10, .1,  11.79515513, 10.87615226},
        {1,    10, .01, 11.24583560, 11.23171539},
    };

    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        const double entropy = table[k].alpha * log(4) / (1 - 0.9);
        trial t = trial_make();

        t.world = maze(table[k].low, table[k].goal, t.arena);
        trial_open(&t, "soft_value_iteration", "", table[k].alpha, INFINITY);
        trial_steps(&t, 1);
        ck_assert(t.info.converged);
        ck_assert_double_eq_tol(t.post.V[0] + entropy, table[k].V, 6e-9);
        ck_assert_double_eq_tol(trial_return(&t), table[k].J, 6e-9);
        trial_free(&t);
    }
}
END_TEST

START_TEST(value_iterations_start_from_the_last_values)
{
    for (int hard = 0; hard < 2; hard++) {
        trial t = trial_make();

        t.world = garnet(29, 9, 3, 0.95, t.arena);
        t.problem.tolerance = 1e-12;
        trial_open(&t, hard ? "value_iteration" : "soft_value_iteration", "",
                   hard ? 0 : 0.3, INFINITY);
        trial_steps(&t, 1);
        ck_assert_uint_gt(t.info.sweeps, 100);
        trial_steps(&t, 1);
        ck_assert_uint_le(t.info.sweeps, 2);
        trial_free(&t);
    }
}
END_TEST

START_TEST(temperature_zero_is_hard_by_the_same_code)
{
    trial soft = trial_make(), cold = trial_make(), hard = trial_make();
    trial *all[] = {&soft, &cold, &hard};

    for (int k = 0; k < 3; k++) {
        all[k]->world = garnet(17, 13, 3, 0.9, all[k]->arena);
        trial_open(all[k], k < 2 ? "soft_value_iteration" : "value_iteration",
                   "", k == 0 ? 1e-7 : 0, INFINITY);
        trial_steps(all[k], 1);
    }
    ck_assert(same_bits(cold.post.V, hard.post.V, 13));
    ck_assert(same_bits(cold.post.pi, hard.post.pi, 13 * 3));
    /* 0 <= V_hard - V_soft <= alpha log 3 / (1 - gamma) */
    ck_assert_double_le(largest_difference(soft.post.V, hard.post.V, 13),
                        1e-7 * log(3) / (1 - 0.9) + 1e-11);
    for (int k = 0; k < 3; k++) trial_free(all[k]);
}
END_TEST

START_TEST(an_infinite_beta_is_the_model_by_the_same_code)
{
    trial far = trial_make(), limit = trial_make(), model = trial_make();
    trial *all[] = {&far, &limit, &model};
    size_t column;
    const char *nearest;

    for (int k = 0; k < 3; k++) {
        all[k]->world = garnet(19, 13, 3, 0.9, all[k]->arena);
        trial_open(all[k], "soft_value_iteration", "", 0.25,
                   k == 0 ? 1e7 : HUGE_VAL);
        if (k == 1)
            ck_assert_int_eq(elbo_transition_parse(
                                 "tilt(inf)", ELBO_KL_STEP, 0.9, all[k]->arena,
                                 &all[k]->problem.tilt, &column, &nearest),
                             ELBO_OK);
        trial_steps(all[k], 1);
    }
    ck_assert_ptr_eq(limit.problem.tilt.kind, &elbo_transition_model);
    ck_assert(same_bits(limit.post.V, model.post.V, 13));
    /* ce - gamma E V <= (gamma range V)^2 / (8 beta), range V < 10 */
    ck_assert_double_le(largest_difference(far.post.V, model.post.V, 13),
                        81 / (8 * 1e7) / (1 - 0.9));
    for (int k = 0; k < 3; k++) trial_free(all[k]);
}
END_TEST

/* The best of all 2^5 deterministic policies, each by elimination. */
START_TEST(value_iteration_equals_the_best_policy_by_enumeration)
{
    enum { S = 5 };
    trial t = trial_make();
    double best[S] = {0}, V[S];

    t.world = garnet(41, S, 2, 0.9, t.arena);
    for (unsigned code = 0; code < 1u << S; code++) {
        double pi[2 * S] = {0};

        for (unsigned s = 0; s < S; s++) pi[2 * s + (code >> s & 1)] = 1;
        dense_value(&t.world, pi, V);
        for (size_t s = 0; s < S; s++) best[s] = fmax(best[s], V[s]);
    }
    trial_open(&t, "value_iteration", "", 0, INFINITY);
    trial_steps(&t, 1);
    ck_assert_double_lt(largest_difference(t.post.V, best, S), 1e-11);
    ck_assert_double_eq_tol(
        trial_return(&t), (best[0] + best[1] + best[2] + best[3] + best[4]) / S,
        1e-11);
    trial_free(&t);
}
END_TEST

/* -- policy iteration -- */

static const double betas[] = {INFINITY, 1, -1};

START_TEST(policy_iteration_equals_value_iteration)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        trial pi = trial_make(), vi = trial_make();
        trial *both[] = {&pi, &vi};

        for (int k = 0; k < 2; k++) {
            both[k]->world = garnet(seed, 12, 3, 0.9, both[k]->arena);
            trial_open(both[k], k ? "value_iteration" : "policy_iteration", "",
                       0, betas[_i]);
            trial_steps(both[k], 1);
            ck_assert(both[k]->info.converged);
        }
        ck_assert_double_lt(largest_difference(pi.post.V, vi.post.V, 12), 1e-9);
        ck_assert_double_lt(largest_difference(pi.post.Q, vi.post.Q, 36), 1e-9);
        ck_assert_double_le(pi.info.residual, 1e-9);
        ck_assert_uint_lt(pi.info.sweeps, 40);
        ck_assert_double_lt(fabs(trial_return(&pi) - trial_return(&vi)), 1e-9);
        if (pi.post.q)
            ck_assert_double_lt(
                largest_difference(pi.post.q, vi.post.q, pi.post.nnz), 1e-9);
        trial_free(&pi);
        trial_free(&vi);
    }
}
END_TEST

/* Near beta = 0- the opponent is all but deterministic, and rounds that move
 * both at once cycle for ever on many of these worlds. */
START_TEST(a_sharp_opponent_is_answered_before_the_policy_moves)
{
    for (uint64_t seed = 100; seed < 160; seed++) {
        const double beta = -pow(10, -1 - (double)(seed % 3));
        trial pi = trial_make(), vi = trial_make();
        trial *both[] = {&pi, &vi};

        for (int k = 0; k < 2; k++) {
            trial *t = both[k];

            t->world = garnet(seed, 4, 2, 0.95, t->arena);
            for (size_t i = 0; i < 8; i++) t->world.r[i] *= 10;
            t->problem.tolerance = 1e-10;
            trial_open(t, k ? "value_iteration" : "policy_iteration", "", 0,
                       beta);
            trial_steps(t, 1);
            ck_assert(t->info.converged);
        }
        ck_assert_uint_lt(pi.info.sweeps, 40);
        ck_assert_double_lt(largest_difference(pi.post.V, vi.post.V, 4), 1e-8);
        trial_free(&pi);
        trial_free(&vi);
    }
}
END_TEST

START_TEST(policy_iteration_with_a_horizon_is_backward_induction)
{
    enum { S = 9, A = 3, T = 6 };
    trial t = trial_make();
    double V[S] = {0};

    t.world = garnet(23, S, A, 0.9, t.arena);
    t.problem.mdp.horizon = T;
    trial_open(&t, "policy_iteration", "", 0, INFINITY);
    trial_steps(&t, 1);
    for (size_t stage = T; stage-- > 0;) {
        double before[S];

        memcpy(before, V, sizeof V);
        for (size_t s = 0; s < S; s++) {
            V[s] = -HUGE_VAL;
            for (size_t i = s * A; i < (s + 1) * A; i++) {
                double q = t.world.r[i];

                for (size_t y = 0; y < S; y++)
                    q += 0.9 * t.world.P[i * S + y] * before[y];
                V[s] = fmax(V[s], q);
            }
        }
        ck_assert_double_lt(
            largest_difference(t.post.V + stage * (S + 1), V, S), 1e-13);
    }
    trial_free(&t);
}
END_TEST

START_TEST(policy_iteration_keeps_its_action_on_ties)
{
    trial t = trial_make();

    t.world = garnet(2, 6, 3, 0.9, t.arena);
    for (size_t i = 0; i < 18; i++) {
        t.world.r[i] = 2.385;
        memcpy(t.world.P + i * 6, t.world.P + i / 3 * 18, 6 * sizeof(double));
    }
    trial_open(&t, "policy_iteration", "", 0, INFINITY);
    memset(t.post.pi, 0, 18 * sizeof(double));
    for (size_t s = 0; s < 6; s++) t.post.pi[3 * s + s % 3] = 1;
    trial_steps(&t, 1);
    ck_assert_uint_eq(t.info.sweeps, 1);
    for (size_t s = 0; s < 6; s++)
        ck_assert_double_eq(t.post.pi[3 * s + s % 3], 1);
    trial_free(&t);
}
END_TEST

START_TEST(policy_iteration_takes_only_what_its_prior_allows)
{
    trial t = trial_make();

    t.world = garnet(7, 8, 3, 0.9, t.arena);
    trial_open(&t, "policy_iteration", "", 0, INFINITY);
    for (size_t s = 0; s < 8; s++) {
        t.post.pi0[3 * s] = 0;
        t.post.pi0[3 * s + 1] = t.post.pi0[3 * s + 2] = 0.5;
    }
    trial_steps(&t, 1);
    ck_assert(t.info.converged);
    for (size_t s = 0; s < 8; s++) ck_assert_double_eq(t.post.pi[3 * s], 0);
    trial_free(&t);
}
END_TEST

START_TEST(policy_iteration_stopped_early_says_so)
{
    trial t = trial_make();

    t.world = maze(.001, 10, t.arena);
    t.problem.sweeps = 1;
    trial_open(&t, "policy_iteration", "", 0, INFINITY);
    trial_steps(&t, 1);
    ck_assert(!t.info.converged);
    ck_assert_uint_eq(t.info.sweeps, 1);
    ck_assert_double_gt(t.info.residual, 0.1);
    trial_free(&t);
}
END_TEST

START_TEST(undiscounted_worlds_without_an_end_are_refused_as_singular)
{
    static const char *const exact[] = {"policy_iteration", "em_policy"};
    trial t = trial_make();

    t.world = garnet(13, 7, 2, 1, t.arena);
    trial_open(&t, exact[_i], "", 0, INFINITY);
    ck_assert_int_eq(trial_step(&t), ELBO_ESINGULAR);
    trial_free(&t);
}
END_TEST

/* -- the three-state world of risk -- */

static bool goes_right(const char *control, double beta)
{
    trial t = trial_make();

    t.world = risk(t.arena);
    trial_open(&t, control, "", 0, beta);
    trial_steps(&t, 1);

    const bool right = t.post.pi[2 * 1 + 1] > 0.5;

    trial_free(&t);
    return right;
}

/* At the threshold both sides are worth 500 and the middle 451, so that
 * exp(-1/beta) = (1 + exp(-44.1/beta)) / 2: beta* = 1 / log 2 but for 2^-44. */
START_TEST(optimism_goes_right_below_the_threshold_in_closed_form)
{
    const char *control = _i ? "value_iteration" : "policy_iteration";
    double low = 0.5, high = 5;

    while (high - low > 1e-10) {
        const double middle = (low + high) / 2;

        *(goes_right(control, middle) ? &low : &high) = middle;
    }
    ck_assert_double_eq_tol(low, 1 / log(2), 2e-9);
    ck_assert(goes_right(control, 0.02));
    ck_assert(!goes_right(control, 50));
    ck_assert(!goes_right(control, INFINITY));
}
END_TEST

START_TEST(a_robust_control_always_goes_left)
{
    const char *control = _i ? "value_iteration" : "policy_iteration";
    static const double negative[] = {-0.02, -0.3, -1, -2.385, -50, -1e4};

    for (size_t k = 0; k < sizeof negative / sizeof *negative; k++)
        ck_assert(!goes_right(control, negative[k]));
}
END_TEST

START_TEST(the_risk_worlds_values_match_the_published_ones)
{
    static const double V[] = {500, 451, 461.72727272727275};
    trial t = trial_make();

    t.world = risk(t.arena);
    trial_open(&t, "policy_iteration", "", 0, INFINITY);
    trial_steps(&t, 1);
    ck_assert_double_lt(largest_difference(t.post.V, V, 3), 1e-10);
    ck_assert_double_eq_tol(trial_return(&t), 451, 1e-10);

    const double right[] = {0, 1, 0, 1, 0, 1};

    ck_assert_double_eq_tol(dense_value(&t.world, right, NULL),
                            320.34482758620686, 1e-10);
    trial_free(&t);
}
END_TEST

/* Donsker and Varadhan: what q may choose orders the values. */
START_TEST(robust_values_lie_below_the_models_and_optimistic_ones_above)
{
    static const double order[] = {-0.1, -1, -10, INFINITY, 10, 1, 0.1};
    double last[12];

    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        trial t = trial_make();

        t.world = garnet(71, 12, 3, 0.9, t.arena);
        trial_open(&t, "policy_iteration", "", 0, order[k]);
        trial_steps(&t, 1);
        ck_assert(t.info.converged);
        for (size_t s = 0; s < 12 && k > 0; s++)
            ck_assert_double_gt(t.post.V[s], last[s] + 1e-6);
        memcpy(last, t.post.V, sizeof last);
        trial_free(&t);
    }
}
END_TEST

static TCase *tcase_solvers(void)
{
    TCase *t = tcase_create("solvers");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, soft_values_of_the_maze_match_the_table);
    tcase_add_test(t, value_iterations_start_from_the_last_values);
    tcase_add_test(t, temperature_zero_is_hard_by_the_same_code);
    tcase_add_test(t, an_infinite_beta_is_the_model_by_the_same_code);
    tcase_add_test(t, value_iteration_equals_the_best_policy_by_enumeration);
    tcase_add_loop_test(t, policy_iteration_equals_value_iteration, 0, 3);
    tcase_add_test(t, a_sharp_opponent_is_answered_before_the_policy_moves);
    tcase_add_test(t, policy_iteration_with_a_horizon_is_backward_induction);
    tcase_add_test(t, policy_iteration_keeps_its_action_on_ties);
    tcase_add_test(t, policy_iteration_takes_only_what_its_prior_allows);
    tcase_add_test(t, policy_iteration_stopped_early_says_so);
    tcase_add_loop_test(
        t, undiscounted_worlds_without_an_end_are_refused_as_singular, 0, 2);
    tcase_add_loop_test(
        t, optimism_goes_right_below_the_threshold_in_closed_form, 0, 2);
    tcase_add_loop_test(t, a_robust_control_always_goes_left, 0, 2);
    tcase_add_test(t, the_risk_worlds_values_match_the_published_ones);
    tcase_add_test(
        t, robust_values_lie_below_the_models_and_optimistic_ones_above);
    return t;
}

Suite *suite_control(void)
{
    Suite *s = suite_create("control");

    suite_add_tcase(s, tcase_control_contract());
    suite_add_tcase(s, tcase_solvers());
    suite_add_tcase(s, tcase_em_policy());
    suite_add_tcase(s, tcase_psi_learning());
    suite_add_tcase(s, tcase_q_learning());
    return s;
}
