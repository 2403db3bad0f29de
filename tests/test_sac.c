/* tests/test_sac.c -- soft actor-critic against exact soft values, and what it
 * owes. */
#include <math.h>
#include <string.h>

#include "control/actor_critic.h"
#include "tests/sac_cases.h"
#include "tests/suites.h"

/* ---- a finite problem: observations are one-hot, moves are sure ---- */

enum { S = 4, A = 3 };

/* Action a of state s: on the ring, and state 3 ends on action 0. */
static size_t successor(size_t s, size_t a)
{
    return (s + a) % S;
}

static double reward_of(size_t s, size_t a)
{
    return 0.385 * (double)s - 0.5 * (double)a + (s == 2 && a == 1 ? 0.7 : 0);
}

static bool ends(size_t s, size_t a)
{
    return s == 3 && a == 0;
}

static void push_ring(learning *l)
{
    for (size_t s = 0; s < S; s++)
        for (size_t a = 0; a < A; a++) {
            float o[S] = {0}, next[S] = {0}, u[A] = {0};

            o[s] = u[a] = next[successor(s, a)] = 1;
            learning_push(l, o, u, reward_of(s, a), next, ends(s, a));
        }
}

/* V = alpha log mean exp(Q / alpha) */
static double soft_max(const double q[A], double alpha)
{
    double sum = 0;

    for (size_t a = 0; a < A; a++) sum += exp(q[a] / alpha) / A;
    return alpha * log(sum);
}

static void soft_value_iteration(double gamma, double alpha, double Q[S][A])
{
    double V[S] = {0};

    for (size_t sweep = 0; sweep < 2000; sweep++) {
        for (size_t s = 0; s < S; s++)
            for (size_t a = 0; a < A; a++)
                Q[s][a] = reward_of(s, a)
                          + (ends(s, a) ? 0 : gamma * V[successor(s, a)]);
        for (size_t s = 0; s < S; s++) V[s] = soft_max(Q[s], alpha);
    }
}

/* The largest residual d of the soft Bellman equation over the table, where the
 * value of the policy as it is stands for V. Then |Q - Q*| <= d / (1 - gamma):
 * both Q and its V differ from the optimal backup's by no more than what is
 * measured. */
static double residual(const elbo_actor_critic *s, double alpha, double gamma,
                       double Q[S][A], double logits[S][A], elbo_arena *ws)
{
    float o[S * S] = {0}, q[S * A], head[S * A];
    double most = 0;

    for (size_t i = 0; i < S; i++) o[i * S + i] = 1;
    ck_assert_int_eq(
        elbo_mlp_forward(&s->shape.critic, s->critic[0].theta, S, o, q, ws),
        ELBO_OK);
    ck_assert_int_eq(
        elbo_mlp_forward(&s->shape.actor, s->actor.theta, S, o, head, ws),
        ELBO_OK);
    for (size_t i = 0; i < S * A; i++) {
        Q[i / A][i % A] = (double)q[i];
        logits[i / A][i % A] = (double)head[i];
    }
    for (size_t i = 0; i < S; i++)
        for (size_t a = 0; a < A; a++) {
            const double next =
                ends(i, a) ? 0 : soft_max(Q[successor(i, a)], alpha);

            most = fmax(most, fabs(reward_of(i, a) + gamma * next - Q[i][a]));
        }
    return most;
}

/* The fixed point is soft policy iteration's: one critic, a fixed temperature.
 * Targets are without noise, so both losses can vanish; what Adam leaves is
 * measured as the residual d, from which |Q - Q*| <= d / (1 - gamma) follows.
 */
START_TEST(over_choices_it_ends_in_the_soft_optimal_values_and_policy)
{
    learning l = learning_make(S, A, true, S * A);
    const double alpha = 0.385, gamma = 0.8;
    double Q[S][A], best[S][A], logits[S][A];

    l.problem.gamma = gamma;
    l.problem.temperature = alpha;
    push_ring(&l);
    learning_open(&l, "sac",
                  "critics=1 layers=1 width=64 batch=32 rate=0.001 tau=0.05");
    ck_assert_int_eq(learning_improve(&l, 6000), ELBO_OK);
    soft_value_iteration(gamma, alpha, best);

    const double d = residual(l.self, alpha, gamma, Q, logits, l.ws);
    const double bound = d / (1 - gamma) + 1e-6;

    ck_assert_double_le(bound, 1e-3);
    for (size_t s = 0; s < S; s++) {
        const double V = soft_max(Q[s], alpha);
        double sum = 0;

        for (size_t a = 0; a < A; a++) sum += exp(logits[s][a]);
        for (size_t a = 0; a < A; a++) {
            /* log pi = log pi0 + (Q - V) / alpha, to the noise of Adam's steps
             */
            const double want = (best[s][a] - soft_max(best[s], alpha)) / alpha;
            const double got = logits[s][a] - log(sum) + log(A);

            ck_assert_double_eq_tol(Q[s][a], best[s][a], bound);
            ck_assert_double_eq_tol(got, (Q[s][a] - V) / alpha, 1e-3);
            ck_assert_double_eq_tol(got, want, 1e-3 + 2 * bound / alpha);
        }
    }
    learning_free(&l);
}
END_TEST

/* The same fixed point without a network of the policy's; and V, logpi are of Q in closed
 * form from the first. */
START_TEST(the_critics_softmax_is_soft_q_learning)
{
    learning l = learning_make(S, A, true, S * A);
    const double alpha = 0.385, gamma = 0.8;
    double best[S][A], d = 0;
    float o[S * A * S] = {0}, u[S * A * A] = {0}, Q[S * A], V[S * A], logpi[S * A],
          kept[S * A];

    l.problem.gamma = gamma;
    l.problem.temperature = alpha;
    push_ring(&l);
    for (size_t i = 0; i < S * A; i++) o[i * S + i / A] = u[i * A + i % A] = 1;
    learning_open(&l, "sac",
                  "policy=softmax critics=1 layers=1 width=64 batch=32 rate=0.001 "
                  "tau=0.05");
    for (int round = 0; round < 2; round++) {
        const elbo_task_control *const c = l.task;

        ck_assert_int_eq(c->action_value(l.self, S * A, o, u, Q, l.ws), ELBO_OK);
        ck_assert_int_eq(c->value(l.self, S * A, o, V, NULL, l.ws), ELBO_OK);
        ck_assert_int_eq(c->log_policy(l.self, S * A, o, u, logpi, l.ws), ELBO_OK);
        for (size_t i = 0; i < S * A; i++) {
            double q[A];

            for (size_t a = 0; a < A; a++) q[a] = (double)Q[i / A * A + a];
            ck_assert_double_eq_tol((double)V[i], soft_max(q, alpha), 1e-5);
            ck_assert_double_eq_tol((double)logpi[i],
                                    (q[i % A] - soft_max(q, alpha)) / alpha, 1e-5);
        }
        if (round == 0) ck_assert_int_eq(learning_improve(&l, 6000), ELBO_OK);
    }
    soft_value_iteration(gamma, alpha, best);
    for (size_t i = 0; i < S * A; i++) {
        const size_t s = i / A, a = i % A;
        const double next =
            ends(s, a) ? 0 : gamma * (double)V[successor(s, a) * A];

        d = fmax(d, fabs(reward_of(s, a) + next - (double)Q[i]));
    }
    ck_assert_double_le(d, 2e-4);
    for (size_t i = 0; i < S * A; i++)
        ck_assert_double_eq_tol((double)Q[i], best[i / A][i % A],
                                d / (1 - gamma) + 1e-5);
    /* the slow copies have arrived too */
    ck_assert_int_eq(l.task->target_value(l.self, S * A, o, kept, l.ws), ELBO_OK);
    for (size_t i = 0; i < S * A; i++)
        ck_assert_double_eq_tol((double)kept[i], (double)V[i], 1e-3);
    learning_free(&l);
}
END_TEST

/* ---- one step in a box, reward -k (u - c)^2 ---- */

static const double peak = 0.3, steep = 2;

static void push_bandit(learning *l, size_t rows)
{
    elbo_rng rng = elbo_rng_stream(2385, "bandit", 0);
    const float o = 1;

    for (size_t i = 0; i < rows; i++) {
        const double u = 2 * elbo_rng_uniform(&rng) - 1, e = u - peak;
        const float action = (float)u;

        learning_push(l, &o, &action, -steep * e * e, &o, true);
    }
}

/* E[r] - alpha KL of u = tanh(m + exp(l) z), by quadrature in z; *mean is E u.
 */
static double soft_return(const float head[2], double alpha, double *mean)
{
    const double h = 0.01;
    double sum = 0;

    *mean = 0;
    for (double z = -8; z <= 8; z += h) {
        const double p = h * exp(-z * z / 2) / sqrt(2 * 3.14159265358979323846);
        float u;
        const double kl = elbo_soft_sample(head, &z, 1, &u),
                     e = (double)u - peak;

        sum += p * (-steep * e * e - alpha * kl);
        *mean += p * (double)u;
    }
    return sum;
}

/* By search over (m, l), each in turn: what the best policy of the family
 * earns. */
static double best_of_family(double alpha, double *mean)
{
    float head[2] = {0, -1};
    double best = soft_return(head, alpha, mean), step = 0.5;

    for (; step > 1e-5; step /= 2)
        for (int moved = 1; moved;) {
            moved = 0;
            for (int k = 0; k < 4; k++) {
                float trial[2] = {head[0], head[1]};
                double middle;

                trial[k / 2] += (float)(k % 2 ? step : -step);

                const double got = soft_return(trial, alpha, &middle);

                if (got <= best) continue;
                best = got, *mean = middle, moved = 1;
                memcpy(head, trial, sizeof head);
            }
        }
    return best;
}

/* The mean of exp(-steep (u - c)^2 / alpha) on [-1, 1], a truncated Gaussian.
 */
static double truncated_mean(double alpha)
{
    double mass = 0, sum = 0;

    for (double u = -1; u <= 1; u += 1e-4) {
        const double p = exp(-steep * (u - peak) * (u - peak) / alpha);

        mass += p, sum += p * u;
    }
    return sum / mass;
}

/* The soft optimum is a truncated Gaussian. The squashed Gaussians nearly hold
 * it: what their best earns is below it, and what was learnt is below theirs by
 * little. */
START_TEST(one_step_with_a_quadratic_reward_has_a_gaussian_as_its_policy)
{
    static const double alphas[] = {0.2, 0.02};

    for (size_t i = 0; i < 2; i++) {
        const double alpha = alphas[i];
        learning l = learning_make(1, 1, false, 512);
        float head[2];
        const float o = 1;
        double mean, family;

        l.problem.temperature = alpha;
        push_bandit(&l, 512);
        learning_open(&l, "sac", "critics=1 width=32 batch=128 rate=0.001");
        ck_assert_int_eq(learning_improve(&l, 2000), ELBO_OK);

        const elbo_actor_critic *const s = l.self;

        ck_assert_int_eq(elbo_mlp_forward(&s->shape.actor, s->actor.theta, 1,
                                          &o, head, l.ws),
                         ELBO_OK);

        const double best = best_of_family(alpha, &family);
        const double got = soft_return(head, alpha, &mean);

        /* F of the exact soft optimum is alpha log E_{pi0} exp(r / alpha). */
        double Z = 0;

        for (double u = -1 + 5e-5; u < 1; u += 1e-4)
            Z += 1e-4 / 2 * exp(-steep * (u - peak) * (u - peak) / alpha);
        ck_assert_double_le(best, alpha * log(Z) + 1e-6);
        ck_assert_double_ge(got, best - 0.05 * alpha);
        ck_assert_double_eq_tol(mean, family, 0.2 * sqrt(alpha / (2 * steep)));
        ck_assert_double_eq_tol(mean, truncated_mean(alpha),
                                0.3 * sqrt(alpha / (2 * steep)));
        if (i == 1) ck_assert_double_eq_tol(mean, peak, 0.03);
        learning_free(&l);
    }
}
END_TEST

/* ---- the temperature ---- */

/* From far above and far below its target the entropy comes near it. */
START_TEST(a_tuned_temperature_brings_the_entropy_to_its_target)
{
    static const double from[] = {1, 0.001};

    for (size_t i = 0; i < 2; i++) {
        learning l = learning_make(1, 1, false, 512);
        double columns[ELBO_TASK_CONTROL_COLUMNS];

        l.problem.temperature = from[i];
        push_bandit(&l, 512);
        learning_open(&l, "sac",
                      "critics=1 width=32 batch=64 rate=0.003 tune=true "
                      "temperature_rate=0.01 target_entropy=-0.5");
        ck_assert_int_eq(learning_improve(&l, 2500), ELBO_OK);
        ck_assert_int_eq(learning_improve(&l, 200), ELBO_OK);
        l.task->columns(l.self, columns);
        /* of 200 batches of 64 draws of log pi, whose deviation is about 0.7 */
        ck_assert_double_eq_tol(log(2) - columns[1], -0.5, 0.05);
        ck_assert(columns[2] == l.task->temperature(l.self));
        learning_free(&l);
    }
}
END_TEST

Suite *suite_sac(void)
{
    Suite *suite = suite_create("sac");
    TCase *t = tcase_create("sac");

    tcase_add_test(t,
                   over_choices_it_ends_in_the_soft_optimal_values_and_policy);
    tcase_add_test(t, the_critics_softmax_is_soft_q_learning);
    tcase_add_test(
        t, one_step_with_a_quadratic_reward_has_a_gaussian_as_its_policy);
    tcase_add_test(t, a_tuned_temperature_brings_the_entropy_to_its_target);
    suite_add_tcase(suite, t);
    return suite;
}
