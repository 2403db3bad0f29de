/* EM for decision processes against its published tables. */
#include <math.h>
#include <string.h>

#include "tests/control_cases.h"

static trial em_trial(const char *settings, dense_world (*make)(elbo_arena *))
{
    trial t = trial_make();

    t.world = make(t.arena);
    trial_open(&t, "em_policy", settings, 0, INFINITY);
    return t;
}

static dense_world sparse_maze(elbo_arena *arena)
{
    return maze(.001, 10, arena);
}

static dense_world shifted_maze(elbo_arena *arena)
{
    return maze(1, 10, arena);
}

static dense_world small_garnet(elbo_arena *arena)
{
    return garnet(97, 11, 4, 0.9, arena);
}

/* J after k rounds from the uniform policy, to the printed digits. */
START_TEST(em_returns_on_the_maze_match_the_table)
{
    static const struct {
        size_t k;
        double sparse, shifted; /* 0: not printed */
    } table[] = {
        {0,   0.01013183, 10.00011866},
        {1,   0.01100987, 0          },
        {2,   0.0157839,  0          },
        {3,   0.03256076, 0          },
        {5,   0.12769347, 0          },
        {10,  0.52410378, 10.00236897},
        {20,  1.00369789, 0          },
        {50,  1.27490717, 10.18670223},
        {100, 1.34118346, 10.68958728},
        {200, 1.37360174, 11.05561918},
    };
    trial t = em_trial("", _i ? shifted_maze : sparse_maze);
    size_t k = 0;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const double J = _i ? table[i].shifted : table[i].sparse;

        trial_steps(&t, table[i].k - k);
        k = table[i].k;
        if (J > 0) ck_assert_double_eq_tol(trial_return(&t), J, 6e-9);
    }
    trial_free(&t);
}
END_TEST

START_TEST(the_greedy_m_step_is_policy_iteration)
{
    static const double J[] = {10.00011866, 11.23324928, 11.23987724,
                               11.23987724};
    trial t = em_trial("m_step=greedy", shifted_maze);
    double pi[400];

    for (size_t k = 0; k < 4; k++) {
        ck_assert_double_eq_tol(trial_return(&t), J[k], 6e-9);
        memcpy(pi, t.post.pi, sizeof pi);
        memcpy(t.post.pi0, pi, sizeof pi); /* has no say: */
        trial_steps(&t, 1);
    }
    ck_assert(same_bits(pi, t.post.pi, 400)); /* and ties do not move it */
    trial_free(&t);
}
END_TEST

START_TEST(scaling_the_rewards_leaves_the_path)
{
    static const double scales[] = {4, 2.385, 1e-5};
    static const double tolerance[] = {0, 1e-11, 1e-11};

    for (int c = 0; c < 3; c++) {
        trial one = em_trial("", small_garnet), other = trial_make();

        other.world = small_garnet(other.arena);
        for (size_t i = 0; i < 44; i++) other.world.r[i] *= scales[c];
        trial_open(&other, "em_policy", "", 0, INFINITY);
        for (int k = 0; k < 30; k++) {
            trial_steps(&one, 1);
            trial_steps(&other, 1);
            ck_assert_double_le(
                largest_difference(one.post.pi, other.post.pi, 44),
                tolerance[c]);
        }
        trial_free(&one);
        trial_free(&other);
    }
}
END_TEST

START_TEST(every_round_raises_the_return)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        trial t = trial_make();

        t.world = garnet(seed, 9, 3, 0.93, t.arena);
        trial_open(&t, "em_policy", _i ? "m_step=greedy" : "", 0, INFINITY);

        double J = trial_return(&t);

        for (int k = 0; k < 40; k++) {
            trial_steps(&t, 1);

            const double after = trial_return(&t);

            ck_assert_double_ge(after, J * (1 - 1e-13));
            J = after;
        }
        trial_free(&t);
    }
}
END_TEST

/* V and Q by elimination on the policy before the round; pi' = pi Q / V. */
START_TEST(the_values_are_those_of_the_policy_that_was_improved)
{
    trial t = em_trial("", small_garnet);
    const dense_world *w = &t.world;
    double pi[44], V[11];

    trial_steps(&t, 3);
    memcpy(pi, t.post.pi, sizeof pi);
    dense_value(w, pi, V);
    trial_steps(&t, 1);
    ck_assert_double_lt(largest_difference(t.post.V, V, 11), 1e-12);
    for (size_t i = 0; i < 44; i++) {
        double q = w->r[i];

        for (size_t y = 0; y < 11; y++) q += 0.9 * w->P[i * 11 + y] * V[y];
        ck_assert_double_eq_tol(t.post.Q[i], q, 1e-12);
        ck_assert_double_eq_tol(t.post.pi[i], pi[i] * q / V[i / 4], 1e-12);
    }
    ck_assert_double_lt(t.info.residual, 1e-12);
    trial_free(&t);
}
END_TEST

START_TEST(rounds_in_one_e_step_equal_as_many_e_steps)
{
    trial at_once = em_trial("rounds=7", small_garnet);
    trial one_by_one = em_trial("", small_garnet);

    trial_steps(&at_once, 2);
    trial_steps(&one_by_one, 14);
    ck_assert_uint_eq(at_once.info.sweeps, 7);
    ck_assert(same_bits(at_once.post.pi, one_by_one.post.pi, 44));
    ck_assert(same_bits(at_once.post.V, one_by_one.post.V, 11));
    trial_free(&at_once);
    trial_free(&one_by_one);
}
END_TEST

/* States 0 and 1 pass to each other and earn nothing; 2 and 3 earn. */
START_TEST(states_worth_nothing_keep_their_policy)
{
    trial t = trial_make();

    t.world = dense_alloc(4, 2, 0.9, t.arena);
    for (size_t s = 0; s < 4; s++)
        for (size_t a = 0; a < 2; a++) {
            double *p = t.world.P + (2 * s + a) * 4;

            p[s / 2 * 2 + a] = 0.7;
            p[s / 2 * 2 + 1 - a] = 0.3;
            t.world.r[2 * s + a] = s < 2 ? 0 : (double)s - 1.615;
        }
    t.world.mu[3] = 1;
    trial_open(&t, "em_policy", "", 0, INFINITY);
    t.post.pi[0] = 0.385;
    t.post.pi[1] = 0.615;
    trial_steps(&t, 9);
    ck_assert_double_eq(t.post.pi[0], 0.385);
    ck_assert_double_eq(t.post.pi[1], 0.615);
    ck_assert_double_eq(t.post.pi[2], 0.5);
    ck_assert_double_gt(t.post.pi[7], 0.55); /* 3 earns more than 2 */
    trial_free(&t);
}
END_TEST

START_TEST(a_negative_reward_is_named_with_its_place)
{
    trial t = em_trial("", small_garnet);

    t.world.r[4 * 5 + 2] = -0.125;
    ck_assert_int_eq(trial_step(&t), ELBO_EDATA);

    const char *text = elbo_last_error()->text;

    ck_assert_ptr_nonnull(strstr(text, "state 5, action 2"));
    ck_assert_ptr_nonnull(strstr(text, "-0.125"));
    trial_free(&t);
}
END_TEST

/* V is finite, but r + gamma E V of the one action that pi leaves out is not.
 */
START_TEST(an_infinite_value_of_an_action_not_taken_is_named)
{
    trial t = em_trial("", small_garnet);

    for (size_t i = 0; i < 44; i++) t.world.r[i] = 1.5e307;
    t.world.r[4 * 6 + 1] = 1.7e308;
    t.post.pi[4 * 6 + 1] = 0;
    t.post.pi[4 * 6] = 0.5;
    ck_assert_int_eq(trial_step(&t), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "state 6, action 1: Q is inf"));
    trial_free(&t);
}
END_TEST

/* J over T steps by a forward pass of the state's distribution. */
static double staged_return(const trial *t, size_t T)
{
    const dense_world *w = &t->world;
    double now[11], J = 0, discount = 1;

    memcpy(now, w->mu, sizeof now);
    for (size_t k = 0; k < T; k++) {
        double then[11] = {0};

        for (size_t i = 0; i < 44; i++) {
            const double x = now[i / 4] * t->post.pi[k * 44 + i];

            J += discount * x * w->r[i];
            for (size_t y = 0; y < 11; y++) then[y] += x * w->P[i * 11 + y];
        }
        memcpy(now, then, sizeof now);
        discount *= w->gamma;
    }
    return J;
}

START_TEST(with_a_horizon_each_stage_has_its_own_policy_and_j_rises)
{
    enum { T = 6 };
    trial t = trial_make();

    t.world = small_garnet(t.arena);
    t.problem.mdp.horizon = T;
    trial_open(&t, "em_policy", "", 0, INFINITY);

    const double uniform = staged_return(&t, T);
    double J = uniform;

    for (int k = 0; k < 25; k++) {
        trial_steps(&t, 1);

        const double after = staged_return(&t, T);

        ck_assert_double_ge(after, J * (1 - 1e-13));
        J = after;
    }
    ck_assert_double_gt(J, 1.1 * uniform);
    ck_assert(!same_bits(t.post.pi, t.post.pi + (T - 1) * 44, 44));
    trial_free(&t);
}
END_TEST

TCase *tcase_em_policy(void)
{
    TCase *t = tcase_create("em_policy");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, em_returns_on_the_maze_match_the_table, 0, 2);
    tcase_add_test(t, the_greedy_m_step_is_policy_iteration);
    tcase_add_test(t, scaling_the_rewards_leaves_the_path);
    tcase_add_loop_test(t, every_round_raises_the_return, 0, 2);
    tcase_add_test(t, the_values_are_those_of_the_policy_that_was_improved);
    tcase_add_test(t, rounds_in_one_e_step_equal_as_many_e_steps);
    tcase_add_test(t, states_worth_nothing_keep_their_policy);
    tcase_add_test(t, a_negative_reward_is_named_with_its_place);
    tcase_add_test(t, an_infinite_value_of_an_action_not_taken_is_named);
    tcase_add_test(t, with_a_horizon_each_stage_has_its_own_policy_and_j_rises);
    return t;
}
