/* tests/test_sac.c -- soft actor-critic against exact soft values, and what it
 * owes. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "control/sac_state.h"
#include "inference/core/alloc.h"
#include "tests/sac_cases.h"
#include "tests/scratch_folder.h"
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
static double residual(const sac *s, double alpha, double gamma, double Q[S][A],
                       double logits[S][A], elbo_arena *ws)
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

    ck_assert_double_le(bound, 0.05);
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
            ck_assert_double_eq_tol(got, (Q[s][a] - V) / alpha, 0.05);
            ck_assert_double_eq_tol(got, want, 0.05 + 2 * bound / alpha);
        }
    }
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
        ck_assert_int_eq(learning_improve(&l, 3000), ELBO_OK);

        const sac *const s = l.self;

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

/* ---- what a batch is ---- */

START_TEST(targets_keep_to_ends_and_to_their_rows)
{
    learning l = learning_make(2, 1, false, 8);
    const float o[] = {0.1f, 0.2f}, next[] = {-0.3f, 0.4f}, u = 0.385f;

    learning_push(&l, o, &u, 2.385, next, true);
    learning_push(&l, next, &u, -1.5, o, false);
    learning_open(&l, "sac", "width=8 batch=16 critics=2");
    ck_assert_int_eq(learning_improve(&l, 1), ELBO_OK);

    const sac *const s = l.self;
    size_t over = 0;

    for (size_t i = 0; i < s->batch.rows; i++) {
        const bool end = s->batch.o[2 * i] == o[0];

        over += end;
        ck_assert(s->batch.going[i] == (end ? 0 : 1));
        ck_assert(s->batch.next[2 * i] == (end ? next[0] : o[0]));
        ck_assert(s->batch.reward[i] == (end ? 2.385f : -1.5f));
        ck_assert((s->y[i] == s->batch.reward[i]) == end);
    }
    ck_assert(over > 0 && over < s->batch.rows);
    learning_free(&l);
}
END_TEST

START_TEST(a_batch_mixes_data_and_rollouts_by_their_share)
{
    learning l = learning_make(1, 1, false, 4),
             model = learning_make(1, 1, false, 4);
    const double weight[4] = {0.25, 0.25, 0.25, 0.25};
    const float real = 1, imagined = -1, u = 0;
    elbo_task_estep estep = {.data = &l.data,
                             .rollouts = &model.data,
                             .rollout_weight = weight,
                             .real = 0.05,
                             .updates = 1};

    learning_push(&l, &real, &u, 1, &real, false);
    learning_push(&model, &imagined, &u, 1, &imagined, false);
    learning_open(&l, "sac", "width=8 batch=64");
    ck_assert_int_eq(l.task->improve(l.self, &estep, l.ws), ELBO_OK);

    const sac *const s = l.self;

    for (size_t i = 0; i < 64; i++) {
        ck_assert(s->batch.o[i] == (i < 3 ? real : imagined)); /* 3.2 rows */
        ck_assert(s->batch.weight[i] == (i < 3 ? 1 : 0.25f));
    }
    learning_free(&l);
    learning_free(&model);
}
END_TEST

/* ---- state ---- */

static void check_same(const learning *a, const learning *b)
{
    const sac *const s = a->self, *const t = b->self;

    ck_assert_mem_eq(s->actor.theta, t->actor.theta,
                     s->actor.n * sizeof(float));
    for (size_t k = 0; k < s->shape.critics; k++) {
        ck_assert_mem_eq(s->critic[k].theta, t->critic[k].theta,
                         s->critic[k].n * sizeof(float));
        ck_assert_mem_eq(s->critic[k].target, t->critic[k].target,
                         s->critic[k].n * sizeof(float));
    }
    ck_assert(s->alpha == t->alpha);

    double x[ELBO_TASK_CONTROL_COLUMNS], y[ELBO_TASK_CONTROL_COLUMNS];

    a->task->columns(a->self, x);
    b->task->columns(b->self, y);
    ck_assert_mem_eq(x, y, sizeof x);
}

START_TEST(a_saved_learner_goes_on_to_the_same_bits)
{
    for (size_t choices = 0; choices < 2; choices++) {
        const char *const settings =
            "width=16 batch=32 tune=true interval=3 tau=0.1";
        learning a = learning_make(3, 2, choices, 64);
        learning b = learning_make(3, 2, choices, 64);

        learning_fill(&a, 64, 1);
        learning_fill(&b, 64, 1);
        learning_open(&a, "sac", settings);
        learning_open(&b, "sac", settings);
        ck_assert_int_eq(learning_improve(&a, 7), ELBO_OK);
        learning_save(&a, scratch_path);
        ck_assert_int_eq(learning_load(&b, scratch_path), ELBO_OK);
        check_same(&a, &b);
        ck_assert_int_eq(learning_improve(&a, 8), ELBO_OK);
        ck_assert_int_eq(learning_improve(&b, 8), ELBO_OK);
        check_same(&a, &b);
        learning_free(&a);
        learning_free(&b);
    }
}
END_TEST

START_TEST(another_shape_is_not_loaded)
{
    learning a = learning_make(3, 2, false, 8),
             b = learning_make(3, 2, false, 8);

    learning_open(&a, "sac", "width=16 batch=8");
    learning_open(&b, "sac", "width=17 batch=8");
    learning_save(&a, scratch_path);
    ck_assert_int_eq(learning_load(&b, scratch_path), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "policy"));
    learning_free(&a);
    learning_free(&b);
}
END_TEST

START_TEST(threads_change_no_bit)
{
    const int before = omp_get_max_threads();

    for (size_t choices = 0; choices < 2; choices++) {
        learning l[3];

        for (int k = 0; k < 3; k++) {
            omp_set_num_threads(1 << k);
            l[k] = learning_make(3, 2, choices, 64);
            learning_fill(&l[k], 64, 1);
            learning_open(&l[k], "sac", "width=64 batch=512 tune=true");
            ck_assert_int_eq(learning_improve(&l[k], 4), ELBO_OK);
        }
        omp_set_num_threads(before);
        check_same(&l[0], &l[1]);
        check_same(&l[0], &l[2]);
        for (int k = 0; k < 3; k++) learning_free(&l[k]);
    }
}
END_TEST

START_TEST(a_warm_update_allocates_nothing)
{
    learning l = learning_make(3, 2, false, 64);

    learning_fill(&l, 64, 1);
    learning_open(&l, "sac", "width=32 batch=256 tune=true");
    ck_assert_int_eq(learning_improve(&l, 2), ELBO_OK);

    const unsigned long before = elbo_alloc_count();

    ck_assert_int_eq(learning_improve(&l, 20), ELBO_OK);
    ck_assert_uint_eq(elbo_alloc_count(), before);
    learning_free(&l);
}
END_TEST

/* ---- values and actions ---- */

/* V on a tape of doubles is the control's own, and its slopes are those of
 * differences and those that the control gives. */
START_TEST(the_value_on_a_tape_is_the_controls_own)
{
    for (size_t choices = 0; choices < 2; choices++) {
        enum { N = 40, NO = 3 };
        static const double h = 1e-6;
        learning l = learning_make(NO, 2, choices, 64);
        float o[N * NO], V[N], gradient[N * NO];
        double x[N * NO], v[N], slope[N * NO], above[N], below[N];
        elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);
        const elbo_node leaf = elbo_tape_input(tape, N, NO);
        elbo_node node;

        learning_fill(&l, 64, 1);
        learning_open(&l, "sac",
                      "width=16 batch=32 activation=tanh value_samples=5");
        ck_assert_int_eq(l.task->value_node(l.self, tape, leaf, &node),
                         ELBO_OK);
        ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
        ck_assert_int_eq(learning_improve(&l, 20),
                         ELBO_OK); /* after the tape was made */
        for (size_t i = 0; i < N * NO; i++)
            x[i] = (double)(o[i] = (float)sin(1.385 * (double)i));
        ck_assert_int_eq(l.task->value(l.self, N, o, V, gradient, l.ws),
                         ELBO_OK);
        elbo_tape_set(tape, leaf, x);
        elbo_tape_forward(tape);
        elbo_tape_get(tape, node, v);
        elbo_tape_backward(tape, node);
        elbo_tape_gradient(tape, leaf, slope);
        for (size_t i = 0; i < N; i++)
            ck_assert_double_eq_tol((double)V[i], v[i], 1e-5);
        for (size_t j = 0; j < NO; j++) {
            for (size_t i = 0; i < N; i++) x[i * NO + j] += h;
            elbo_tape_set(tape, leaf, x);
            elbo_tape_forward(tape);
            elbo_tape_get(tape, node, above);
            for (size_t i = 0; i < N; i++) x[i * NO + j] -= 2 * h;
            elbo_tape_set(tape, leaf, x);
            elbo_tape_forward(tape);
            elbo_tape_get(tape, node, below);
            for (size_t i = 0; i < N; i++) {
                const size_t at = i * NO + j;

                x[at] += h;
                ck_assert_double_eq_tol((above[i] - below[i]) / (2 * h),
                                        slope[at], 1e-7);
                ck_assert_double_eq_tol((double)gradient[at], slope[at], 1e-4);
            }
        }
        elbo_tape_free(tape);
        learning_free(&l);
    }
}
END_TEST

/* Draws of worlds do not depend on their neighbours; the judged action draws
 * nothing. */
START_TEST(a_world_acts_the_same_in_any_company)
{
    for (size_t choices = 0; choices < 2; choices++) {
        learning l = learning_make(2, 3, choices, 8);
        const float o[] = {0.1f, 0.2f, -0.5f, 0.385f, 1, -1};
        float all[9], one[3];
        double logpi[3], alone;
        elbo_rng rng[3], fresh;

        learning_open(&l, "sac", "width=16 batch=8");
        for (size_t i = 0; i < 3; i++) rng[i] = elbo_rng_stream(5, "act", i);
        fresh = rng[2];
        elbo_task_act act = {.n = 3,
                             .o = o,
                             .rng = rng,
                             .explore = true,
                             .u = all,
                             .logpi = logpi};

        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        act = (elbo_task_act){.n = 1,
                              .o = o + 4,
                              .rng = &fresh,
                              .explore = true,
                              .u = one,
                              .logpi = &alone};
        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        ck_assert_mem_eq(one, all + 6, sizeof one);
        ck_assert(alone == logpi[2]);

        const elbo_rng before = fresh;

        act.explore = false;
        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        ck_assert_mem_eq(&fresh, &before, sizeof fresh);
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

/* ---- failures ---- */

START_TEST(what_cannot_be_learnt_is_said_in_words)
{
    learning l = learning_make(2, 1, false, 8);
    const elbo_task_estep none = {.data = &l.data, .real = 1, .updates = 0};

    learning_open(&l, "sac", "width=8 batch=4");
    ck_assert_int_eq(l.task->improve(l.self, &none, l.ws), ELBO_OK);
    ck_assert_int_eq(learning_improve(&l, 1), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no transitions"));
    learning_free(&l);

    l = learning_make(2, 1, false, 8);
    l.world.nu = 0;
    ck_assert_int_eq(learning_try_open(&l, "sac", ""), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "size 0"));
    learning_free(&l);

    l = learning_make(2, 1, false, 8);
    l.problem.temperature = 0;
    ck_assert_int_eq(learning_try_open(&l, "sac", "width=8 tune=true"),
                     ELBO_EINVAL);
    l.problem.temperature = INFINITY;
    ck_assert_int_eq(learning_try_open(&l, "sac", "width=8"), ELBO_EINVAL);
    learning_free(&l);
}
END_TEST

START_TEST(a_batch_of_one_and_no_temperature_are_learnt_from)
{
    learning l = learning_make(2, 1, false, 8);

    l.problem.temperature = 0;
    learning_fill(&l, 1, 1);
    learning_open(&l, "sac", "width=8 batch=1 critics=1");
    ck_assert_int_eq(learning_improve(&l, 50), ELBO_OK);
    learning_free(&l);
}
END_TEST

START_TEST(what_is_not_finite_is_named)
{
    learning l = learning_make(2, 1, false, 8);
    const double weight[] = {1, (double)NAN};
    elbo_task_estep estep = {.data = &l.data,
                             .rollouts = &l.data,
                             .rollout_weight = weight,
                             .updates = 20};

    learning_fill(&l, 2, 1);
    learning_open(&l, "sac", "width=8 batch=4");
    ck_assert_int_eq(learning_improve(&l, 3), ELBO_OK);
    ck_assert_int_eq(l.task->improve(l.self, &estep, l.ws), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "row 1 has the weight nan"));

    sac *const s = l.self;
    float *const broken =
        &s->critic[1].theta[2 * 8 + 8 + 8 + 3]; /* in layer 2 */

    *broken = NAN;
    ck_assert_int_eq(learning_improve(&l, 3), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "sac: critic 2"));
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "layer 2 of 3"));
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "last finite loss was"));
    learning_free(&l);
}
END_TEST

/* Deadly: large steps towards targets that run away. The bound tells. */
START_TEST(a_critic_that_diverges_shows_in_its_columns)
{
    learning l = learning_make(2, 1, false, 64);
    double columns[ELBO_TASK_CONTROL_COLUMNS];

    learning_fill(&l, 64, 1);
    learning_open(&l, "sac", "width=32 batch=32 critics=1");
    ck_assert_int_eq(learning_improve(&l, 200), ELBO_OK);
    l.task->columns(l.self, columns);
    ck_assert_double_lt(columns[4], columns[5]);
    learning_free(&l);

    l = learning_make(2, 1, false, 64);
    learning_fill(&l, 64, 1);
    learning_open(&l, "sac",
                  "width=32 batch=32 critics=1 tau=1 rate=1 clip=10");
    ck_assert(learning_improve(&l, 200) != ELBO_OK
              || (l.task->columns(l.self, columns), columns[4] > columns[5]));
    learning_free(&l);
}
END_TEST

Suite *suite_sac(void)
{
    Suite *suite = suite_create("sac");
    TCase *t = tcase_create("sac");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t,
                   over_choices_it_ends_in_the_soft_optimal_values_and_policy);
    tcase_add_test(
        t, one_step_with_a_quadratic_reward_has_a_gaussian_as_its_policy);
    tcase_add_test(t, targets_keep_to_ends_and_to_their_rows);
    tcase_add_test(t, a_batch_mixes_data_and_rollouts_by_their_share);
    tcase_add_test(t, a_saved_learner_goes_on_to_the_same_bits);
    tcase_add_test(t, another_shape_is_not_loaded);
    tcase_add_test(t, threads_change_no_bit);
    tcase_add_test(t, a_warm_update_allocates_nothing);
    tcase_add_test(t, the_value_on_a_tape_is_the_controls_own);
    tcase_add_test(t, a_world_acts_the_same_in_any_company);
    tcase_add_test(t, a_tuned_temperature_brings_the_entropy_to_its_target);
    tcase_add_test(t, what_cannot_be_learnt_is_said_in_words);
    tcase_add_test(t, a_batch_of_one_and_no_temperature_are_learnt_from);
    tcase_add_test(t, what_is_not_finite_is_named);
    tcase_add_test(t, a_critic_that_diverges_shows_in_its_columns);
    suite_add_tcase(suite, t);
    return suite;
}
