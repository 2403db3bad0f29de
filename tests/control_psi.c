/* psi-learning against the textbook's recursion and its relatives. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/checkpoint.h"
#include "tests/control_cases.h"

START_TEST(psi_returns_on_the_maze_match_the_table)
{
    static const struct {
        size_t k;
        double sparse, shifted; /* 0: not printed */
    } table[] = {
        {1,    0.01013183, 0          },
        {10,   0.01440054, 0          },
        {50,   1.23627681, 11.07959922},
        {100,  1.37014125, 11.22054096},
        {500,  1.38734103, 11.23971538},
        {2000, 1.3874961,  11.23986688},
    };
    trial t = trial_make();
    size_t k = 0;

    t.world = maze(_i ? 1 : .001, 10, t.arena);
    trial_open(&t, "psi_learning", "", 1, INFINITY);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const double J = _i ? table[i].shifted : table[i].sparse;

        trial_steps(&t, table[i].k - k);
        k = table[i].k;
        if (J > 0) ck_assert_double_eq_tol(trial_return(&t), J, 6e-9);
    }
    trial_free(&t);
}
END_TEST

enum { S = 10, A = 3 };

static double log_sum_exp(const double x[])
{
    double top = fmax(fmax(x[0], x[1]), x[2]), sum = 0;

    for (size_t a = 0; a < A; a++) sum += exp(x[a] - top);
    return top + log(sum);
}

/* Psi <- Psi - Psibar + r / alpha + gamma E Psibar(s'), as it is printed. */
static void textbook(const dense_world *w, double alpha, double Psi[])
{
    double bar[S];

    for (size_t s = 0; s < S; s++) bar[s] = log_sum_exp(Psi + s * A);
    for (size_t i = 0; i < S * A; i++) {
        Psi[i] += w->r[i] / alpha - bar[i / A];
        for (size_t y = 0; y < S; y++)
            Psi[i] += w->gamma * w->P[i * S + y] * bar[y];
    }
}

static trial psi_trial(uint64_t seed, const char *settings, double alpha)
{
    trial t = trial_make();

    t.world = garnet(seed, S, A, 0.9, t.arena);
    trial_open(&t, "psi_learning", settings, alpha, INFINITY);
    return t;
}

/* The textbook starts at Psi = 0, so at Psibar = log 3 where ours is 0: that
 * constant fades with gamma^k and moves no policy. */
START_TEST(psi_learning_equals_the_textbooks_recursion)
{
    static const double alphas[] = {1, 0.385, 2.385};
    const double alpha = alphas[_i];
    trial t = psi_trial(31, "", alpha);
    double Psi[S * A] = {0};

    for (int k = 1; k <= 60; k++) {
        const double offset = alpha * log(3) * pow(0.9, k);

        textbook(&t.world, alpha, Psi);
        trial_steps(&t, 1);
        for (size_t s = 0; s < S; s++) {
            const double bar = log_sum_exp(Psi + s * A);

            ck_assert_double_eq_tol(t.post.V[s] + offset, alpha * bar, 1e-12);
            for (size_t i = s * A; i < (s + 1) * A; i++)
                ck_assert_double_eq_tol(t.post.pi[i], exp(Psi[i] - bar), 1e-12);
        }
    }
    trial_free(&t);
}
END_TEST

START_TEST(psi_learning_is_one_soft_backup_with_the_last_policy_as_prior)
{
    trial t = psi_trial(37, "", 0.5);
    double pi0[S * A], pi[S * A], V[S + 1] = {0}, V_next[S + 1];

    memcpy(pi, t.post.pi, sizeof pi);
    for (int k = 0; k < 60; k++) {
        memcpy(pi0, pi, sizeof pi);
        memcpy(V_next, V, sizeof V);
        elbo_backup(&t.problem, pi0, V_next, V, NULL, pi);
        trial_steps(&t, 1);
        ck_assert_double_lt(largest_difference(t.post.V, V, S), 1e-12);
        ck_assert_double_lt(largest_difference(t.post.pi, pi, S * A), 1e-12);
    }
    trial_free(&t);
}
END_TEST

/* Solving with prior pi_1 ~ pi0 exp((Q_1 - V_1) / alpha) adds the potential
 * Q_1 - V_1 = r + gamma P V_1 - V_1 to the reward, so k solved rounds are
 *   pi_k = the soft policy at alpha / k,   sum of V_1 .. V_k = k V at alpha /
 * k. */
START_TEST(solved_rounds_with_the_last_policy_as_prior_cool_as_alpha_over_k)
{
    static const double alpha = 1.385;
    trial carried = trial_make();
    double sum[S] = {0};

    carried.world = garnet((uint64_t)_i, S, A, 0.9, carried.arena);
    trial_open(&carried, "soft_value_iteration", "", alpha, INFINITY);
    for (int k = 1; k <= 6; k++) {
        trial cool = trial_make();

        cool.world = garnet((uint64_t)_i, S, A, 0.9, cool.arena);
        trial_open(&cool, "soft_value_iteration", "", alpha / k, INFINITY);
        trial_steps(&cool, 1);

        memcpy(carried.post.pi0, carried.post.pi, S * A * sizeof(double));
        trial_steps(&carried, 1);
        ck_assert_double_lt(
            largest_difference(carried.post.pi, cool.post.pi, S * A), 1e-9);
        for (size_t s = 0; s < S; s++) {
            sum[s] += carried.post.V[s];
            ck_assert_double_eq_tol(sum[s], k * cool.post.V[s], 1e-9);
        }
        trial_free(&cool);
    }
    trial_free(&carried);
}
END_TEST

START_TEST(rounds_in_one_e_step_equal_as_many_e_steps)
{
    trial at_once = psi_trial(43, "rounds=5", 0.7);
    trial one_by_one = psi_trial(43, "", 0.7);

    trial_steps(&at_once, 3);
    trial_steps(&one_by_one, 15);
    ck_assert_uint_eq(at_once.info.sweeps, 5);
    ck_assert(same_bits(at_once.post.pi, one_by_one.post.pi, S * A));
    ck_assert(same_bits(at_once.post.V, one_by_one.post.V, S));
    trial_free(&at_once);
    trial_free(&one_by_one);
}
END_TEST

/* Two equal arms but for their rewards: the log-odds fall by the difference of
 * rewards in every round, far beyond what exp can hold, and rise again. */
START_TEST(an_action_that_exp_has_lost_comes_back)
{
    trial t = trial_make();

    t.world = dense_alloc(1, 2, 0.9, t.arena);
    t.world.P[0] = t.world.P[1] = t.world.mu[0] = 1;
    t.world.r[0] = 3;
    t.world.r[1] = 0.615;
    trial_open(&t, "psi_learning", "rounds=1000", 1, INFINITY);
    trial_steps(&t, 1); /* log odds -2385 */
    ck_assert_double_gt(t.post.pi[1], 0);
    ck_assert_double_lt(t.post.pi[1], 1e-300);
    ck_assert_double_eq(t.post.pi[0], 1);

    t.world.r[0] = 0.615;
    t.world.r[1] = 3;
    trial_steps(&t, 1); /* log odds 0 but for rounding */
    ck_assert_double_eq_tol(t.post.pi[1], 0.5, 1e-9);
    trial_steps(&t, 1);
    ck_assert_double_eq(t.post.pi[1], 1);
    trial_free(&t);
}
END_TEST

/* A tilt is charged as in every E-step: r + ce(V). */
START_TEST(a_tilt_enters_the_backup_and_is_kept)
{
    trial t = trial_make();
    double V[S + 1] = {0}, next[S + 1], Q[S * A];

    t.world = garnet(47, S, A, 0.9, t.arena);
    trial_open(&t, "psi_learning", "", 1, -0.5);
    trial_steps(&t, 4);
    memcpy(V, t.post.V, sizeof V);
    trial_steps(&t, 1);
    elbo_backup(&t.problem, t.post.pi0, V, next, Q, NULL);
    ck_assert_double_lt(largest_difference(t.post.Q, Q, S * A), 1e-12);
    ck_assert_double_lt(largest_difference(t.post.V, next, S), 1e-12);
    memcpy(Q, t.post.q, sizeof Q);
    elbo_posterior_tilt(&t.problem, &t.post);
    ck_assert(same_bits(Q, t.post.q, S * A));
    trial_free(&t);
}
END_TEST

static void save_trial(const trial *t, const char *path)
{
    elbo_writer *out = elbo_writer_alloc();

    elbo_writer_section(out, "posterior");
    elbo_posterior_save(&t->post, out);
    elbo_writer_section(out, "control");
    t->controller.control->save(&t->controller, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status load_trial(trial *t, const char *path)
{
    elbo_reader *in = NULL;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "posterior"), ELBO_OK);
    if (t->post.nS == S)
        ck_assert_int_eq(elbo_posterior_load(&t->post, in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "control"), ELBO_OK);

    const elbo_status status = t->controller.control->load(&t->controller, in);

    elbo_reader_free(in);
    return status;
}

static const char *scratch_path(void)
{
    static char path[64];

    snprintf(path, sizeof path, "/tmp/elbo-control-%ld.ckpt", (long)getpid());
    return path;
}

/* Turns the rewards around, so that lost actions come back, and goes on. */
static void reverse(trial *t, size_t rounds)
{
    for (size_t i = 0; i < S * A; i++) t->world.r[i] *= -1;
    trial_steps(t, rounds);
}

START_TEST(a_resumed_run_has_the_same_bits_as_one_never_stopped)
{
    /* 0: saved before the first round; 40: with log pi beyond exp's reach */
    static const size_t before[] = {0, 1, 40};
    trial whole = psi_trial(53, "rounds=20", 0.5);
    trial saved = psi_trial(53, "rounds=20", 0.5);
    trial resumed = psi_trial(53, "rounds=20", 0.5);

    trial_steps(&whole, before[_i]);
    reverse(&whole, before[_i] + 1);
    trial_steps(&saved, before[_i]);
    save_trial(&saved, scratch_path());
    ck_assert_int_eq(load_trial(&resumed, scratch_path()), ELBO_OK);
    remove(scratch_path());
    reverse(&resumed, before[_i] + 1);
    ck_assert(same_bits(whole.post.V, resumed.post.V, S));
    ck_assert(same_bits(whole.post.Q, resumed.post.Q, S * A));
    ck_assert(same_bits(whole.post.pi, resumed.post.pi, S * A));
    trial_free(&whole);
    trial_free(&saved);
    trial_free(&resumed);
}
END_TEST

START_TEST(a_state_of_another_size_is_refused)
{
    trial saved = psi_trial(59, "", 1), other = trial_make();

    trial_steps(&saved, 1);
    save_trial(&saved, scratch_path());
    other.world = garnet(59, S + 1, A, 0.9, other.arena);
    trial_open(&other, "psi_learning", "", 1, INFINITY);
    ck_assert_int_eq(load_trial(&other, scratch_path()), ELBO_EDATA);
    remove(scratch_path());
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "not 33"));
    trial_free(&saved);
    trial_free(&other);
}
END_TEST

START_TEST(a_state_cut_short_is_refused)
{
    trial t = psi_trial(61, "", 1);

    for (int put = 0; put < 3; put++) {
        elbo_writer *out = elbo_writer_alloc();

        elbo_writer_section(out, "posterior");
        elbo_posterior_save(&t.post, out);
        elbo_writer_section(out, "control");
        if (put > 0) elbo_put_u64(out, S * A);
        if (put > 1) elbo_put_u64(out, 1);
        ck_assert_int_eq(elbo_writer_commit(out, scratch_path()), ELBO_OK);
        elbo_writer_free(out);
        ck_assert_int_eq(load_trial(&t, scratch_path()), ELBO_EDATA);
        remove(scratch_path());
    }
    trial_free(&t);
}
END_TEST

START_TEST(psi_learning_refuses_a_temperature_it_cannot_divide_by)
{
    static const double wrong[] = {0, INFINITY};

    for (size_t k = 0; k < 2; k++) {
        trial t = trial_make();

        t.world = garnet(67, S, A, 0.9, t.arena);
        ck_assert_int_eq(trial_try(&t, "psi_learning", "", wrong[k], INFINITY),
                         ELBO_EINVAL);
        trial_free(&t);
    }
}
END_TEST

START_TEST(psi_learning_with_a_horizon_reaches_backward_induction)
{
    enum { T = 5 };
    trial t = trial_make(), hard = trial_make();
    trial *both[] = {&t, &hard};

    for (int k = 0; k < 2; k++) {
        both[k]->world = garnet(73, S, A, 0.9, both[k]->arena);
        both[k]->problem.mdp.horizon = T;
        trial_open(both[k], k ? "value_iteration" : "psi_learning", "",
                   k ? 0 : 0.01, INFINITY);
        trial_steps(both[k], k ? 1 : 300);
    }
    ck_assert_double_lt(largest_difference(t.post.V, hard.post.V, T * (S + 1)),
                        1e-3);
    trial_free(&t);
    trial_free(&hard);
}
END_TEST

TCase *tcase_psi_learning(void)
{
    TCase *t = tcase_create("psi_learning");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, psi_returns_on_the_maze_match_the_table, 0, 2);
    tcase_add_loop_test(t, psi_learning_equals_the_textbooks_recursion, 0, 3);
    tcase_add_test(
        t, psi_learning_is_one_soft_backup_with_the_last_policy_as_prior);
    tcase_add_loop_test(
        t, solved_rounds_with_the_last_policy_as_prior_cool_as_alpha_over_k, 0,
        20);
    tcase_add_test(t, rounds_in_one_e_step_equal_as_many_e_steps);
    tcase_add_test(t, an_action_that_exp_has_lost_comes_back);
    tcase_add_test(t, a_tilt_enters_the_backup_and_is_kept);
    tcase_add_loop_test(t, a_resumed_run_has_the_same_bits_as_one_never_stopped,
                        0, 3);
    tcase_add_test(t, a_state_of_another_size_is_refused);
    tcase_add_test(t, a_state_cut_short_is_refused);
    tcase_add_test(t, psi_learning_refuses_a_temperature_it_cannot_divide_by);
    tcase_add_test(t, psi_learning_with_a_horizon_reaches_backward_induction);
    return t;
}
