#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/evaluate.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static double *room(case_problem *c, const elbo_posterior *post)
{
    return elbo_arena_doubles(c->arena, post->stages * post->nS * post->nA);
}

/* ---- exponential: every trajectory ---- */

typedef struct walk {
    const elbo_problem *problem;
    const elbo_posterior *post;
    elbo_parts parts; /* without alpha and charge */
} walk;

/* All continuations of a trajectory that stands in s at stage t, reached with
 * probability `reach` (gamma^t included). */
static void follow(walk *w, size_t t, size_t s, double reach)
{
    const elbo_mdp *mdp = &w->problem->mdp;
    const size_t nA = mdp->nA, rows = mdp->nS * nA;
    const elbo_pattern *pattern = mdp->P.pattern;

    if (t == mdp->horizon || s == mdp->nS) return;
    for (size_t a = 0; a < nA; a++) {
        const size_t row = s * nA + a;
        const double pi = w->post->pi[t * rows + row];
        const double pi0 = w->post->pi0[t * rows + row];

        w->parts.reward += reach * pi * mdp->r[row];
        w->parts.policy_kl += reach * pi * log(pi / pi0);
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const double p = mdp->P.prob[i];
            const double q = w->post->q ? w->post->q[t * pattern->nnz + i] : p;

            if (q <= 0) continue;
            w->parts.transition_kl += reach * pi * q * log(q / p);
            follow(w, t + 1, elbo_successor(pattern, row, i),
                   reach * pi * q * mdp->gamma);
        }
    }
}

static elbo_parts enumerate(const elbo_problem *problem,
                            const elbo_posterior *post)
{
    walk w = {.problem = problem, .post = post};

    for (size_t s = 0; s < problem->mdp.nS; s++)
        follow(&w, 0, s, problem->mdp.mu[s]);
    return w.parts;
}

static const struct {
    const char *transition;
    double alpha, charge; /* of the KL, at gamma = 0.83 */
} settings[] = {
    {"model",              0.7,      0          },
    {"tilt(1.3)",          0.7,      1.3        },
    {"tilt(1.3,kl=next)",  2.385,    1.3 * 0.83 },
    {"tilt(-0.9)",         0.7,      -0.9       },
    {"tilt(-0.9,kl=next)", 0,        -0.9 * 0.83},
    {"tilt(1.3)",          INFINITY, 1.3        },
};
enum { SETTINGS = sizeof settings / sizeof *settings };

START_TEST(parts_are_the_sums_over_all_trajectories)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_parts parts;

    case_garnet(&c, "states=4 actions=2 branching=2 reward=action",
                (unsigned)_i, 0.83, 4);

    const double alpha = settings[_i].alpha, charge = settings[_i].charge;
    const elbo_problem problem =
        case_control(&c, c.truth.P, settings[_i].transition, alpha);
    const elbo_posterior post = case_posterior(&c, &problem, 6);
    const elbo_parts slow = enumerate(&problem, &post);
    double *rho = room(&c, &post);

    case_ok(elbo_bound_control(&problem, &post, &parts, rho, ws));
    ck_assert_double_eq_tol(parts.reward, slow.reward, 1e-13);
    ck_assert_double_eq_tol(
        parts.policy_kl,
        alpha > 0 && isfinite(alpha) ? alpha * slow.policy_kl : 0, 1e-13);
    ck_assert_double_eq_tol(parts.transition_kl,
                            charge != 0 ? charge * slow.transition_kl : 0,
                            1e-13);
    ck_assert(parts.stop_kl == 0);
    ck_assert_double_eq_tol(
        elbo_parts_control(&parts),
        parts.reward - parts.policy_kl - parts.transition_kl, 1e-13);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* Without a horizon: the same sums, state distributions rolled forward until
 * nothing is left. */
START_TEST(parts_without_horizon_are_the_rolled_out_sums)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_parts parts;
    double d[8], next[9], reward = 0, policy = 0, kl = 0;

    case_garnet(&c, "states=8 actions=3 branching=3 reward=action",
                40 + (unsigned)_i, 0.83, 0);

    const double alpha = settings[_i].alpha, charge = settings[_i].charge;
    const elbo_problem problem =
        case_control(&c, c.truth.P, settings[_i].transition, alpha);
    const elbo_posterior post = case_posterior(&c, &problem, 7);
    const elbo_kernel q = elbo_posterior_kernel(&post, &problem, 0);
    const elbo_pattern *pattern = q.pattern;
    double *rho = room(&c, &post);

    memcpy(d, c.truth.mu, sizeof d);
    for (size_t t = 0; t < 250; t++) { /* 0.83^250 < 1e-20 */
        memset(next, 0, sizeof next);
        for (size_t row = 0; row < 24; row++) {
            const double x = d[row / 3] * post.pi[row];

            reward += x * c.truth.r[row];
            policy += x * log(post.pi[row] / post.pi0[row]);
            for (size_t i = elbo_row_begin(pattern, row);
                 i < elbo_row_end(pattern, row); i++) {
                if (q.prob[i] <= 0) continue;
                kl += x * q.prob[i] * log(q.prob[i] / c.truth.P.prob[i]);
                next[elbo_successor(pattern, row, i)] += 0.83 * x * q.prob[i];
            }
        }
        memcpy(d, next, sizeof d);
    }
    case_ok(elbo_bound_control(&problem, &post, &parts, rho, ws));
    ck_assert_double_eq_tol(parts.reward, reward, 1e-12);
    ck_assert_double_eq_tol(parts.policy_kl,
                            alpha > 0 && isfinite(alpha) ? alpha * policy : 0,
                            1e-12);
    ck_assert_double_eq_tol(parts.transition_kl, charge != 0 ? charge * kl : 0,
                            1e-12);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* The solved E-step's own value is F_control: V = sup, evaluated afresh. */
START_TEST(the_solved_value_is_the_bound)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_posterior post;
    elbo_solve_info info;
    elbo_parts parts;

    case_garnet(&c, "states=8 actions=3 branching=3 reward=action",
                80 + (unsigned)_i, 0.83, 0);

    const elbo_problem problem = case_control(
        &c, c.truth.P, settings[_i].transition, settings[_i].alpha);

    case_ok(elbo_posterior_init(&post, &problem, c.arena));

    double *rho = room(&c, &post);

    case_ok(elbo_solve(&problem, &post, &info, ws));
    case_ok(elbo_bound_control(&problem, &post, &parts, rho, ws));
    ck_assert_double_eq_tol(elbo_parts_control(&parts),
                            elbo_dot(c.truth.mu, post.V, 8), 1e-10);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* ---- counts are gradients with respect to log p ---- */

static double control_at(const elbo_problem *problem,
                         const elbo_posterior *post, double rho[],
                         elbo_arena *ws)
{
    elbo_parts parts;

    case_ok(elbo_bound_control(problem, post, &parts, rho, ws));
    return elbo_parts_control(&parts);
}

static void check_counts(case_problem *c, const elbo_problem *whole,
                         const elbo_posterior *post)
{
    elbo_problem loose = *whole; /* one entry moves, its row no longer sums to 1 */
    const elbo_problem *problem = &loose;

    loose.mdp.P.partial = true;

    const size_t nnz = problem->mdp.P.pattern->nnz;
    double *P = problem->mdp.P.prob, *rho = room(c, post);
    double *C = elbo_arena_doubles(c->arena, nnz);
    elbo_arena *ws = elbo_arena_alloc(1024);

    memset(C, 0, nnz * sizeof *C);
    control_at(problem, post, rho, ws);
    case_ok(elbo_bound_counts(problem, post, rho, 0.45, C, ws));
    for (size_t i = 0; i < nnz; i++) {
        const double p = P[i], h = 1e-5;

        P[i] = p * exp(h);
        const double up = control_at(problem, post, rho, ws);
        P[i] = p * exp(-h);
        const double down = control_at(problem, post, rho, ws);
        P[i] = p;
        ck_assert_double_eq_tol(C[i], 0.45 * (up - down) / (2 * h),
                                1e-8 * (1 + fabs(C[i])));
    }
    elbo_arena_free(ws);
}

START_TEST(counts_are_the_gradient_of_the_bound)
{
    static const char *const law =
        "states=4 actions=2 branching=3 reward=action reward_law=uniform";
    case_problem c;

    case_garnet(&c, law, 17 + (unsigned)_i, 0.83, _i == 2 ? 3 : 0);

    elbo_problem problem = case_control(
        &c, c.truth.P, _i == 1 ? "tilt(1.3,kl=next)" : "tilt(1.3)", 0.7);

    if (_i == 3) {
        problem = case_control(&c, c.truth.P, "model", 1);
        problem.optimality = ELBO_LINEAR;
    }

    const elbo_posterior post = case_posterior(&c, &problem, 8);

    check_counts(&c, &problem, &post);
    case_garnet_close(&c);
}
END_TEST

START_TEST(without_a_charge_nothing_is_counted)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_parts parts;
    double C[100] = {0};

    case_garnet(&c, "states=4 actions=2 branching=3 reward=action", 1, 0.9, 0);

    const elbo_problem problem = case_control(&c, c.truth.P, "model", 0.7);
    const elbo_posterior post = case_posterior(&c, &problem, 8);
    double *rho = room(&c, &post);

    case_ok(elbo_bound_control(&problem, &post, &parts, rho, ws));
    case_ok(elbo_bound_counts(&problem, &post, rho, 1, C, ws));
    for (size_t i = 0; i < c.truth.P.pattern->nnz; i++) ck_assert(C[i] == 0);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* ---- the robust profile ---- */

/* V = E_pi [r - alpha log(pi / pi0) + beta log E_p exp(gamma V / beta)], swept.
 */
static double swept_profile(const elbo_problem *problem,
                            const elbo_posterior *post)
{
    const elbo_mdp *mdp = &problem->mdp;
    const double beta = problem->tilt.beta, gamma = mdp->gamma;
    const elbo_pattern *pattern = mdp->P.pattern;
    double V[9] = {0}, new[9] = {0}, value = 0;

    for (size_t k = 0; k < 400; k++) {
        for (size_t s = 0; s < 8; s++) {
            new[s] = 0;
            for (size_t a = 0; a < 3; a++) {
                const size_t row = 3 * s + a;
                double sum = 0;

                for (size_t i = elbo_row_begin(pattern, row);
                     i < elbo_row_end(pattern, row); i++)
                    sum += mdp->P.prob[i]
                           * exp(gamma * V[elbo_successor(pattern, row, i)]
                                 / beta);
                new[s] +=
                    post->pi[row]
                    * (mdp->r[row]
                       - problem->alpha * log(post->pi[row] / post->pi0[row])
                       + beta * log(sum));
            }
        }
        memcpy(V, new, sizeof V);
    }
    for (size_t s = 0; s < 8; s++) value += mdp->mu[s] * V[s];
    return value;
}

START_TEST(the_profile_is_the_least_F_control_of_the_policy)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    double value, error;

    case_garnet(&c, "states=8 actions=3 branching=3 reward=action",
                60 + (unsigned)_i, 0.83, 0);

    const elbo_problem problem = case_control(&c, c.truth.P, "tilt(-1.7)", 0.7);
    const elbo_posterior post = case_posterior(&c, &problem, 9);
    double *rho = room(&c, &post);

    case_ok(elbo_bound_profile(&problem, &post, &value, &error, rho, ws));
    ck_assert_double_eq_tol(value, swept_profile(&problem, &post), 1e-12);
    ck_assert_double_lt(error, 1e-11);
    ck_assert_double_lt(value, control_at(&problem, &post, rho, ws));
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

START_TEST(the_profile_with_a_horizon_is_below_every_q)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    double value, error;

    case_garnet(&c, "states=5 actions=2 branching=3 reward=action", 3, 0.9, 4);

    const elbo_problem problem = case_control(&c, c.truth.P, "tilt(-0.8)", 0.7);
    elbo_posterior post = case_posterior(&c, &problem, 10);
    double *rho = room(&c, &post);
    elbo_rng rng = elbo_rng_stream(1, "test tilts", 0);

    case_ok(elbo_bound_profile(&problem, &post, &value, &error, rho, ws));
    for (size_t k = 0; k < 200; k++) {
        for (size_t i = 0; i < 5 * 6; i++)
            post.V[i] =
                i % 6 == 5 || i >= 4 * 6 ? 0 : 4 * elbo_rng_uniform(&rng) - 2;
        elbo_posterior_tilt(&problem, &post);
        ck_assert_double_ge(control_at(&problem, &post, rho, ws),
                            value - 1e-13);
    }
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* ---- statuses ---- */

START_TEST(a_q_outside_the_support_of_p_is_named)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_parts parts;

    case_garnet(&c, "states=4 actions=2 branching=2 reward=action", 1, 0.9, 0);

    const elbo_problem problem = case_control(&c, c.truth.P, "tilt(1.3)", 0.7);
    const elbo_posterior post = case_posterior(&c, &problem, 2);

    c.truth.P.prob[elbo_row_begin(c.truth.P.pattern, 3)] = 0;
    case_fails(elbo_bound_control(&problem, &post, &parts, room(&c, &post), ws),
               ELBO_ENOTFINITE, "transition_kl");
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

START_TEST(totals_and_scales_count_every_part)
{
    const elbo_parts parts = {2.5, 0.25, -0.125, 1, -8, -0.5};

    ck_assert(elbo_parts_control(&parts) == 2.5 - 0.25 + 0.125 - 1);
    ck_assert(elbo_parts_total(&parts) == 1.375 - 8.5);
    ck_assert(elbo_parts_scale(&parts) == 12.375);
}
END_TEST

Suite *suite_bound(void)
{
    Suite *suite = suite_create("bound");
    TCase *t = tcase_create("bound");

    tcase_add_loop_test(t, parts_are_the_sums_over_all_trajectories, 0,
                        SETTINGS);
    tcase_add_loop_test(t, parts_without_horizon_are_the_rolled_out_sums, 0,
                        SETTINGS);
    tcase_add_loop_test(t, the_solved_value_is_the_bound, 0, SETTINGS);
    tcase_add_loop_test(t, counts_are_the_gradient_of_the_bound, 0, 4);
    tcase_add_test(t, without_a_charge_nothing_is_counted);
    tcase_add_loop_test(t, the_profile_is_the_least_F_control_of_the_policy, 0,
                        10);
    tcase_add_test(t, the_profile_with_a_horizon_is_below_every_q);
    tcase_add_test(t, a_q_outside_the_support_of_p_is_named);
    tcase_add_test(t, totals_and_scales_count_every_part);
    suite_add_tcase(suite, t);
    return suite;
}
