/* tests/test_linear.c -- the bound of linear rewards, by Bayes' rule on every
 * trajectory.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/evaluate.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static double *room(case_problem *c, const elbo_posterior *post)
{
    return elbo_arena_doubles(c->arena, post->stages * post->nS * post->nA);
}

/* ---- linear: every trajectory and every stop ---- */

/* The posterior over (trajectory, stop) given reward, by Bayes' rule on each.
 */
typedef struct census {
    const elbo_problem *problem;
    const double *pi;
    double Z, log_reward;
    double X[6], stop[6], N[6 * 4], start[3]; /* unnormalised */
} census;

enum { DEPTH = 7 }; /* gamma = 0.03: the tail is below 1e-12 of Z */

/* The path so far: rows[0 .. t], ended by stage t's row; `weight` its prior
 * probability, to have survived included. */
static void visit(census *k, size_t path[], size_t t, size_t s, double weight)
{
    const elbo_mdp *mdp = &k->problem->mdp;
    const elbo_pattern *pattern = mdp->P.pattern;

    for (size_t a = 0; a < 2; a++) {
        const size_t row = s * 2 + a;
        const double here = weight * k->pi[row];
        const double z = here * (1 - mdp->gamma) * mdp->r[row];

        path[2 * t] = row;
        k->Z += z;
        if (z > 0) k->log_reward += z * log(mdp->r[row]);
        k->stop[row] += z;
        k->start[path[0] / 2] += z;
        for (size_t u = 0; u <= t; u++) k->X[path[2 * u]] += z;
        for (size_t u = 0; u < t; u++)
            k->N[path[2 * u] * 4 + path[2 * u + 1]] += z;
        if (t + 1 == DEPTH) continue;
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const size_t next = elbo_successor(pattern, row, i);

            path[2 * t + 1] = next;
            if (next < 3 && mdp->P.prob[i] > 0)
                visit(k, path, t + 1, next, here * mdp->gamma * mdp->P.prob[i]);
        }
    }
}

static elbo_parts parts_of(const census *k)
{
    const elbo_mdp *mdp = &k->problem->mdp;
    const double gamma = mdp->gamma;
    elbo_parts parts = {.reward = k->log_reward / k->Z};

    for (size_t row = 0; row < 6; row++) {
        const size_t s = row / 2;
        const double x = k->X[row] / k->Z, h = k->stop[row] / k->X[row];
        const double in_s = (k->X[2 * s] + k->X[2 * s + 1]) / k->Z;
        double on = 0;

        if (!(x > 0)) continue;
        parts.policy_kl += x * log(x / in_s / k->pi[row]);
        for (size_t i = 0; i < 4; i++) on += k->N[row * 4 + i] / k->Z;
        for (size_t i = 0; i < 3; i++) {
            const double n = k->N[row * 4 + i] / k->Z;
            const size_t entry = elbo_entry(mdp->P.pattern, row, i);

            if (n > 0)
                parts.transition_kl += n * log(n / on / mdp->P.prob[entry]);
        }
        if (h > 0) parts.stop_kl += x * h * log(h / (1 - gamma));
        if (on > 0) parts.stop_kl += on * log(on / x / gamma);
    }
    for (size_t s = 0; s < 3; s++)
        if (k->start[s] > 0)
            parts.transition_kl +=
                k->start[s] / k->Z * log(k->start[s] / k->Z / mdp->mu[s]);
    return parts;
}

/* With exact rows, and with ones that sum to less than 1, as E log theta has.
 */
START_TEST(linear_parts_are_those_of_the_enumerated_posterior)
{
    static const char *const laws[] = {
        "states=3 actions=2 branching=2 reward=action reward_law=uniform",
        "states=3 actions=2 branching=3 reward=action reward_law=uniform "
        "sparsity=0.4"};
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    size_t path[2 * DEPTH];
    elbo_parts parts;

    case_garnet(&c, laws[_i % 2], 3 + (unsigned)_i, 0.03, 0);
    for (size_t i = 0; _i >= 4 && i < c.truth.P.pattern->nnz; i++)
        c.truth.P.prob[i] *= 0.61 + 0.03 * (double)(i % 5);

    elbo_problem problem = case_control(&c, c.truth.P, "model", 1);

    problem.optimality = ELBO_LINEAR;

    const elbo_posterior post = case_posterior(&c, &problem, 5);
    double *rho = room(&c, &post);
    census k = {.problem = &problem, .pi = post.pi};

    for (size_t s = 0; s < 3; s++) visit(&k, path, 0, s, c.truth.mu[s]);

    const elbo_parts slow = parts_of(&k);

    case_ok(elbo_bound_control(&problem, &post, &parts, rho, ws));
    ck_assert_double_eq_tol(parts.reward, slow.reward, 1e-9);
    ck_assert_double_eq_tol(parts.policy_kl, slow.policy_kl, 1e-9);
    ck_assert_double_eq_tol(parts.transition_kl, slow.transition_kl, 1e-9);
    ck_assert_double_eq_tol(parts.stop_kl, slow.stop_kl, 1e-9);
    ck_assert_double_eq_tol(elbo_parts_control(&parts), log(k.Z), 1e-9);
    ck_assert_double_eq_tol(elbo_parts_control(&parts),
                            log(0.97 * elbo_return(&problem.mdp, rho)), 1e-13);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

START_TEST(a_negative_reward_is_no_probability)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_parts parts;

    case_garnet(&c, "states=4 actions=2 branching=2 reward_law=uniform", 1, 0.9,
                0);

    double *r = elbo_arena_doubles(c.arena, 8);

    memcpy(r, c.truth.r, 8 * sizeof *r);
    r[5] = -0.25;
    c.truth.r = r;

    elbo_problem problem = case_control(&c, c.truth.P, "model", 1);

    problem.optimality = ELBO_LINEAR;

    const elbo_posterior post = case_posterior(&c, &problem, 2);

    case_fails(elbo_bound_control(&problem, &post, &parts, room(&c, &post), ws),
               ELBO_EDATA, "state 2, action 1: reward -0.25");

    for (size_t i = 0; i < 8; i++) r[i] = 0;
    case_fails(elbo_bound_control(&problem, &post, &parts, room(&c, &post), ws),
               ELBO_ENOTFINITE, "J = 0");
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

Suite *suite_linear(void)
{
    Suite *suite = suite_create("linear");
    TCase *t = tcase_create("linear");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, linear_parts_are_those_of_the_enumerated_posterior,
                        0, 8);
    tcase_add_test(t, a_negative_reward_is_no_probability);
    suite_add_tcase(suite, t);
    return suite;
}
