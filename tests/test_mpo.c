/* tests/test_mpo.c -- MPO's E-step against the exact backup, its M-step against
 * closed forms, its losses against differences.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "control/mpo_loss.h"
#include "control/mpo_state.h"
#include "inference/core/linalg.h"
#include "inference/messages/reweight.h"
#include "inference/networks/critic.h"
#include "tests/network_cases.h"
#include "tests/random_process.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* The E-step at a fixed eta is the soft backup with prior pi_old and alpha =
 * eta. */
START_TEST(estep_at_a_fixed_eta_is_the_soft_backup_with_the_old_policy_as_prior)
{
    static const double etas[] = {0.0137, 0.1, 1, 2.385, 50};
    enum { S = 9, A = 5 };
    elbo_rng rng = elbo_rng_stream((uint64_t)_i, "mpo", 0);
    const elbo_mdp mdp = random_process(&rng, S, A, 4, 0.2, arena);
    const double *const old = random_policy(&rng, S, A, true, arena);
    double *const next = random_doubles(&rng, S + 1, -4, 4, arena);
    double V[S + 1], Q[S * A], pi[S * A], q[S * A], kl = 0;
    elbo_reweight_info info;
    elbo_problem problem = problem_of(&mdp, etas[_i], HUGE_VAL, ELBO_KL_STEP);

    next[S] = 0;
    elbo_backup(&problem, old, next, V, Q, pi);

    const elbo_reweight estep = {.rows = S,
                                 .cols = A,
                                 .X = Q,
                                 .p = old,
                                 .epsilon = 0.1,
                                 .low = 1e-8,
                                 .high = 1e8};

    ck_assert_int_eq(elbo_reweight_at(&estep, etas[_i], q, &info), ELBO_OK);
    for (size_t k = 0; k < S * A; k++)
        ck_assert_double_eq_tol(q[k], pi[k], 1e-12);
    for (size_t s = 0; s < S; s++)
        kl += elbo_policy_kl(pi + s * A, old + s * A, A) / S;
    ck_assert_double_eq_tol(info.kl, kl, 1e-12);
    /* The dual without its bound is the mean soft value. */
    double mean = 0;

    for (size_t s = 0; s < S; s++) mean += V[s] / S;
    ck_assert_double_eq_tol(info.dual - etas[_i] * 0.1, mean, 1e-11);
}
END_TEST

enum { B = 6, NO = 3, NU = 2 };

/* A policy over a stand-in of a world, and its loss in double. */
typedef struct lab {
    elbo_task_world world;
    elbo_task_policy policy;
    elbo_mlp_leaves leaves;
    elbo_tape *tape;
    elbo_mpo_nodes n;
    double *theta;
    double o[B * NO], first[B * NU], second[B * NU], mean[B * NU], std[B * NU],
        w[B];
} lab;

static void open_lab(lab *l, bool choices, bool fixed, size_t hidden,
                     bool bounded, bool each, double sets)
{
    *l = (lab){
        .world = {.no = NO,           .nu = NU,   .na = NU,      .choices = choices ? NU : 0},
        .policy = {
                  .bounded = bounded, .std = 0.7, .floor = 1e-3, .fixed = fixed             }
    };
    l->policy.world = &l->world;
    ck_assert_int_eq(elbo_mlp_shape(&l->policy.mlp, NO, hidden, 4,
                                    choices || fixed ? NU : 2 * NU,
                                    ELBO_ACT_TANH),
                     ELBO_OK);
    l->theta = network_draw(&l->policy.mlp, 3, arena);
    l->tape = elbo_tape_place(ELBO_F64, arena);
    l->leaves = elbo_mlp_leaf(&l->policy.mlp, l->tape, true);
    l->n = elbo_mpo_loss(&l->policy, &l->leaves, l->tape, B, each, sets);
    ck_assert_int_eq(elbo_tape_finish(l->tape), ELBO_OK);
}

static void fill_lab(lab *l, double a_mean, double a_std)
{
    elbo_rng rng = elbo_rng_stream(11, "lab", 0);
    const double a[2] = {a_mean, 1.5 * a_mean}, b[2] = {a_std, 0.5 * a_std};
    double total = 0;

    elbo_rng_normals(&rng, l->o, B * NO);
    elbo_rng_normals(&rng, l->first, B * NU);
    for (size_t k = 0; k < B * NU; k++) {
        l->mean[k] = 2 * elbo_rng_uniform(&rng) - 1;
        l->std[k] = 0.2 + elbo_rng_uniform(&rng);
        l->second[k] = 0.1 + elbo_rng_uniform(&rng);
    }
    for (size_t i = 0; i < B; i++) total += l->w[i] = elbo_rng_uniform(&rng);
    for (size_t i = 0; i < B; i++) l->w[i] /= total;
    if (l->world.choices) /* q and log pi_old */
        for (size_t i = 0; i < B; i++) {
            const double q = elbo_rng_uniform(&rng), p = elbo_rng_uniform(&rng);

            l->first[i * NU] = q, l->first[i * NU + 1] = 1 - q;
            l->mean[i * NU] = log(p), l->mean[i * NU + 1] = log(1 - p);
        }
    elbo_tape_set(l->tape, l->n.o, l->o);
    elbo_tape_set(l->tape, l->n.first, l->first);
    elbo_tape_set(l->tape, l->n.mean_old, l->mean);
    elbo_tape_set(l->tape, l->n.weight, l->w);
    elbo_tape_set(l->tape, l->n.a_mean, a);
    if (l->world.choices) return;
    elbo_tape_set(l->tape, l->n.std_old, l->std);
    if (l->policy.fixed) return;
    elbo_tape_set(l->tape, l->n.second, l->second);
    elbo_tape_set(l->tape, l->n.a_std, b);
}

START_TEST(the_loss_has_the_gradient_that_differences_see)
{
    static const struct {
        bool choices, fixed, bounded, each;
        double sets;
    } cases[] = {
        {false, false, true,  false, 1},
        {false, false, false, true,  2},
        {false, true,  true,  true,  1},
        {true,  false, false, false, 1},
    };
    lab l;

    open_lab(&l, cases[_i].choices, cases[_i].fixed, 1, cases[_i].bounded,
             cases[_i].each, cases[_i].sets);
    fill_lab(&l, 0.8, 1.7);
    network_check_gradient(&l.policy.mlp, &l.leaves, l.tape, l.n.loss, l.theta,
                           1e-8);
}
END_TEST

/* mean and std of a box on the lab's tape are not results: the same network
 * again. */
static void policy_of(const lab *l, double mean[], double std[])
{
    elbo_tape *const t = elbo_tape_place(ELBO_F64, arena);
    const elbo_mlp_leaves leaves = elbo_mlp_leaf(&l->policy.mlp, t, false);
    const elbo_node o = elbo_tape_constant(t, B, NO);
    const elbo_task_policy_nodes pi =
        elbo_task_policy_node(&l->policy, &leaves, t, o);

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_mlp_set(&l->policy.mlp, &leaves, t, l->theta);
    elbo_tape_set(t, o, l->o);
    elbo_tape_forward(t);
    elbo_tape_get(t, pi.mean, mean);
    if (!l->world.choices) elbo_tape_get(t, pi.std, std);
}

/* KL(N(m, s^2) || N(n, t^2)) of the definition. */
static double gaussian_kl(double m, double s, double n, double t)
{
    return log(t / s) + (s * s + (m - n) * (m - n)) / (2 * t * t) - 0.5;
}

START_TEST(decoupled_divergences_are_those_of_the_gaussians)
{
    lab l;
    double mean[B * NU], std[B * NU], kl[NU], want_mean[NU] = {0},
                                              want_std[NU] = {0};

    open_lab(&l, false, false, 1, true, true, 1);
    fill_lab(&l, 0, 0);
    elbo_mlp_set(&l.policy.mlp, &l.leaves, l.tape, l.theta);
    elbo_tape_forward(l.tape);
    policy_of(&l, mean, std);
    for (size_t k = 0; k < B * NU; k++) {
        want_mean[k % NU] +=
            l.w[k / NU] * gaussian_kl(l.mean[k], l.std[k], mean[k], l.std[k]);
        want_std[k % NU] +=
            l.w[k / NU] * gaussian_kl(l.mean[k], l.std[k], l.mean[k], std[k]);
    }
    elbo_tape_get(l.tape, l.n.kl_mean, kl);
    for (size_t d = 0; d < NU; d++)
        ck_assert_double_eq_tol(kl[d], want_mean[d], 1e-12);
    elbo_tape_get(l.tape, l.n.kl_std, kl);
    for (size_t d = 0; d < NU; d++)
        ck_assert_double_eq_tol(kl[d], want_std[d], 1e-12);
    /* Together they are the whole, but for the cross term in the mean. */
    ck_assert(want_mean[0] > 0 && want_std[0] > 0);
}
END_TEST

START_TEST(the_divergence_of_choices_is_their_sum)
{
    lab l;
    double logp[B * NU], kl, want = 0;

    open_lab(&l, true, false, 1, false, false, 1);
    fill_lab(&l, 0, 0);
    elbo_mlp_set(&l.policy.mlp, &l.leaves, l.tape, l.theta);
    elbo_tape_forward(l.tape);
    policy_of(&l, logp, NULL);
    for (size_t k = 0; k < B * NU; k++)
        want += l.w[k / NU] * exp(l.mean[k]) * (l.mean[k] - logp[k]);
    elbo_tape_get(l.tape, l.n.kl_mean, &kl);
    ck_assert_double_eq_tol(kl, want, 1e-12);
}
END_TEST

/* Without trust regions the mean of a linear policy is weighted least squares
 * with weights w / std_old^2, solved here by its normal equations; where the
 * only feature is the constant one, std^2 is the weighted mean of `second`. */
START_TEST(without_trust_regions_a_linear_policy_is_weighted_maximum_likelihood)
{
    lab l;
    double slope[NO * 2 * NU], bias[2 * NU];

    open_lab(&l, false, false, 0, false, false, 1);
    fill_lab(&l, 0, 0);
    memset(l.theta, 0, elbo_mlp_size(&l.policy.mlp) * sizeof *l.theta);
    for (size_t d = 0; d < NU; d++) {
        gsl_matrix *const A = elbo_arena_mat(arena, NO + 1, NO + 1);
        gsl_vector *const b = elbo_arena_vec(arena, NO + 1);
        double spread = 0;
        elbo_lu lu;

        gsl_matrix_set_zero(A);
        gsl_vector_set_zero(b);
        for (size_t i = 0; i < B; i++) {
            double x[NO + 1];
            const double s = l.std[i * NU + d], w = l.w[i] / (s * s);

            memcpy(x, l.o + i * NO, sizeof l.o[0] * NO);
            x[NO] = 1;
            for (size_t j = 0; j <= NO; j++) {
                *gsl_vector_ptr(b, j) += w * x[j] * l.first[i * NU + d];
                for (size_t k = 0; k <= NO; k++)
                    *gsl_matrix_ptr(A, j, k) += w * x[j] * x[k];
            }
            spread += l.w[i] * l.second[i * NU + d];
        }
        ck_assert_int_eq(elbo_lu_factor(A, arena, &lu), ELBO_OK);
        ck_assert_int_eq(elbo_lu_solve(&lu, b), ELBO_OK);
        for (size_t j = 0; j < NO; j++)
            l.theta[j * 2 * NU + d] = gsl_vector_get(b, j);
        l.theta[NO * 2 * NU + d] = gsl_vector_get(b, NO);
        /* softplus(s + c) + floor = sqrt(spread) */
        l.theta[NO * 2 * NU + NU + d] =
            log(expm1(sqrt(spread) - 1e-3)) - log(expm1(0.7 - 1e-3));
    }
    elbo_mlp_set(&l.policy.mlp, &l.leaves, l.tape, l.theta);
    elbo_tape_forward(l.tape);
    elbo_tape_backward(l.tape, l.n.loss);
    elbo_tape_gradient(l.tape, l.leaves.W[0], slope);
    elbo_tape_gradient(l.tape, l.leaves.b[0], bias);
    for (size_t j = 0; j <= NO; j++) /* the mean: all features */
        for (size_t d = 0; d < NU; d++)
            ck_assert_double_eq_tol(j < NO ? slope[j * 2 * NU + d] : bias[d], 0,
                                    1e-12);
    for (size_t d = 0; d < NU; d++) /* std: the constant one */
        ck_assert_double_eq_tol(bias[NU + d], 0, 1e-12);
}
END_TEST

START_TEST(the_critics_loss_has_the_gradient_that_differences_see)
{
    const bool choices = _i > 0;
    elbo_tape *const t = elbo_tape_place(ELBO_F64, arena);
    elbo_rng rng = elbo_rng_stream(5, "critic", 0);
    elbo_mlp mlp;
    double x[B * NO], y[B], w[B], pick[B * NU] = {0};

    ck_assert_int_eq(
        elbo_mlp_shape(&mlp, NO, 2, 5, choices ? NU : 1, ELBO_ACT_SILU),
        ELBO_OK);

    const elbo_mlp_leaves leaves = elbo_mlp_leaf(&mlp, t, true);
    const elbo_node at = elbo_tape_constant(t, B, NO);
    const elbo_node which = elbo_tape_constant(t, B, NU);
    const elbo_node goal = elbo_tape_constant(t, B, 1);
    const elbo_node weight = elbo_tape_constant(t, B, 1);
    const elbo_node loss =
        elbo_critic_node(&mlp, &leaves, t, at, which, goal, weight);
    double *const theta = network_draw(&mlp, 8, arena);

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_rng_normals(&rng, x, B * NO);
    elbo_rng_normals(&rng, y, B);
    for (size_t i = 0; i < B; i++) {
        w[i] = elbo_rng_uniform(&rng);
        pick[i * NU + elbo_rng_below(&rng, NU)] = 1;
    }
    elbo_tape_set(t, at, x);
    elbo_tape_set(t, which, pick);
    elbo_tape_set(t, goal, y);
    elbo_tape_set(t, weight, w);
    network_check_gradient(&mlp, &leaves, t, loss, theta, 1e-8);
}
END_TEST

/* ---- multipliers ---- */

/* Adam down d/dx a(x) (epsilon - kl_k), a = softplus(x) + 1e-8: too large a divergence
 * raises its own multiplier. */
START_TEST(multipliers_descend_their_dual)
{
    enum { N = 2, STEPS = 40 };
    const double rate = 0.05, epsilon = 0.3, start[] = {0.7, 40};
    const elbo_adam_config config = elbo_adam_defaults;
    double x[N], m[N] = {0}, v[N] = {0};
    elbo_multiplier by;

    elbo_multiplier_init(&by, N, epsilon, start[_i], rate, arena);
    ck_assert(elbo_arena_ok(arena));
    for (size_t k = 0; k < N; k++) {
        x[k] = log(exp(start[_i]) - 1);
        ck_assert_double_eq_tol(by.a[k], start[_i], 1e-6 * start[_i]);
    }
    for (size_t t = 1; t <= STEPS; t++) {
        const double kl[N] = {0.5 + 0.1 * sin((double)t), 0.05};

        elbo_multiplier_step(&by, kl);
        for (size_t k = 0; k < N; k++) {
            const double slope = (epsilon - kl[k]) * exp(x[k]) / (1 + exp(x[k]));

            m[k] += (1 - config.beta1) * (slope - m[k]);
            v[k] += (1 - config.beta2) * (slope * slope - v[k]);
            x[k] -= rate * m[k] / (1 - pow(config.beta1, (double)t))
                    / (sqrt(v[k] / (1 - pow(config.beta2, (double)t)))
                       + config.epsilon);
            ck_assert_double_eq_tol(by.a[k], log1p(exp(x[k])) + 1e-8,
                                    1e-4 * (1 + fabs(x[k])));
        }
    }
    ck_assert_double_gt(by.a[0], start[_i] + 1);
    ck_assert_double_lt(by.a[1], start[_i] - 0.5);
}
END_TEST

START_TEST(an_infinite_bound_has_no_multiplier)
{
    elbo_multiplier by;

    elbo_multiplier_init(&by, 1, HUGE_VAL, 3, 0.1, arena);
    ck_assert_double_eq(by.a[0], 0);
    elbo_multiplier_step(&by, (double[]){5});
    ck_assert_double_eq(by.a[0], 0);
}
END_TEST

Suite *suite_mpo(void)
{
    Suite *suite = suite_create("mpo");
    TCase *t = tcase_create("mpo");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(
        t, estep_at_a_fixed_eta_is_the_soft_backup_with_the_old_policy_as_prior,
        0, 5);
    tcase_add_loop_test(t, the_loss_has_the_gradient_that_differences_see, 0,
                        4);
    tcase_add_test(t, decoupled_divergences_are_those_of_the_gaussians);
    tcase_add_test(t, the_divergence_of_choices_is_their_sum);
    tcase_add_test(
        t,
        without_trust_regions_a_linear_policy_is_weighted_maximum_likelihood);
    tcase_add_loop_test(
        t, the_critics_loss_has_the_gradient_that_differences_see, 0, 2);
    tcase_add_loop_test(t, multipliers_descend_their_dual, 0, 2);
    tcase_add_test(t, an_infinite_bound_has_no_multiplier);
    suite_add_tcase(suite, t);
    return suite;
}
