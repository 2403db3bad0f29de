/* tests/test_identities.c -- exact identities of model-based learning, on random
 * worlds: what a wrong model and a wrong policy cost.
 */
#include <math.h>
#include <string.h>

#include "inference/evaluate.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { INSTANCES = 20 };

/* A true kernel, a model of it and policies, with values and occupancies. */
typedef struct stage {
    case_problem c;
    elbo_kernel truth, model; /* both dense */
    size_t nS, nA;
    double gamma;
} stage;

static elbo_kernel dense(case_problem *c, const char *model, const char *how)
{
    return case_model(c, model, how).mean;
}

static void set_as(stage *x, const char *garnet, unsigned instance)
{
    case_garnet(&x->c, garnet, instance, 0.93, 0);
    x->nS = x->c.truth.nS;
    x->nA = x->c.truth.nA;
    x->gamma = 0.93;
    x->truth = dense(&x->c, "mixture", "members=world");
    x->model = dense(&x->c, "mixture", "members=world;random");
}

static void set(stage *x, unsigned instance)
{
    set_as(x, "states=9 actions=3 branching=4", instance);
}

static double *policy(stage *x, uint64_t index)
{
    double *const pi = elbo_arena_doubles(x->c.arena, x->nS * x->nA);
    elbo_rng rng = elbo_rng_stream(77, "test", index);

    for (size_t s = 0; s < x->nS; s++) {
        double sum = 0;

        for (size_t a = 0; a < x->nA; a++)
            sum += pi[s * x->nA + a] = -log(elbo_rng_uniform(&rng));
        for (size_t a = 0; a < x->nA; a++) pi[s * x->nA + a] /= sum;
    }
    return pi;
}

/* V by 2000 sweeps of the policy's backup, and d, the normalised occupancy, by
 * 2000 steps of the chain: no solver of the library's. */
static double *value(const stage *x, const elbo_kernel *P, const double pi[])
{
    double *V = elbo_arena_doubles(x->c.arena, x->nS + 1);
    double *W = elbo_arena_doubles(x->c.arena, x->nS + 1);

    for (size_t s = 0; s <= x->nS; s++) V[s] = W[s] = 0;
    for (size_t n = 0; n < 2000; n++) {
        double *const kept = V;

        for (size_t s = 0; s < x->nS; s++) {
            W[s] = 0;
            for (size_t a = 0; a < x->nA; a++) {
                const size_t row = s * x->nA + a;
                double next = 0;

                for (size_t y = 0; y < x->nS; y++)
                    next += P->prob[row * (x->nS + 1) + y] * V[y];
                W[s] += pi[row] * (x->c.truth.r[row] + x->gamma * next);
            }
        }
        V = W;
        W = kept;
    }
    return V;
}

static double *occupancy(const stage *x, const elbo_kernel *P,
                         const double pi[])
{
    const size_t nS = x->nS;
    double *const d = elbo_arena_doubles(x->c.arena, nS * x->nA);
    double *now = elbo_arena_doubles(x->c.arena, nS + 1);
    double *then = elbo_arena_doubles(x->c.arena, nS + 1);
    double scale = 1 - x->gamma;

    memset(d, 0, nS * x->nA * sizeof *d);
    memcpy(now, x->c.truth.mu, nS * sizeof *now);
    for (size_t n = 0; n < 2000; n++, scale *= x->gamma) {
        double *const kept = now;

        memset(then, 0, (nS + 1) * sizeof *then);
        for (size_t row = 0; row < nS * x->nA; row++) {
            const double mass = now[row / x->nA] * pi[row];

            d[row] += scale * mass;
            for (size_t y = 0; y < nS; y++)
                then[y] += mass * P->prob[row * (nS + 1) + y];
        }
        now = then;
        then = kept;
    }
    return d;
}

static double start(const stage *x, const double V[])
{
    double J = 0;

    for (size_t s = 0; s < x->nS; s++) J += x->c.truth.mu[s] * V[s];
    return J;
}

/* E_d [ E_P V - E_R V ] */
static double moment_gap(const stage *x, const double d[], const elbo_kernel *P,
                         const elbo_kernel *R, const double V[])
{
    double sum = 0;

    for (size_t row = 0; row < x->nS * x->nA; row++)
        for (size_t y = 0; y < x->nS; y++) {
            const size_t i = row * (x->nS + 1) + y;

            sum += d[row] * (P->prob[i] - R->prob[i]) * V[y];
        }
    return sum;
}

/* Modhe et al. 2020: J_model - J_real = gamma / (1 - gamma) E_d [E_model V -
 * E_real V], d of one dynamics and V of the other. */
START_TEST(returns_of_one_policy_differ_by_the_model_advantage)
{
    stage x;

    set(&x, (unsigned)_i);

    const double *const pi = policy(&x, (uint64_t)_i);
    const double *const V = value(&x, &x.truth, pi);
    const double *const U = value(&x, &x.model, pi);
    const double gap = start(&x, U) - start(&x, V);
    const double scale = x.gamma / (1 - x.gamma);
    const double *const real = occupancy(&x, &x.truth, pi);
    const double *const model = occupancy(&x, &x.model, pi);

    ck_assert_double_gt(fabs(gap), 1e-4);
    ck_assert_double_eq_tol(
        scale * moment_gap(&x, real, &x.model, &x.truth, U), gap, 1e-10);
    ck_assert_double_eq_tol(
        scale * moment_gap(&x, model, &x.model, &x.truth, V), gap, 1e-10);
    case_garnet_close(&x.c);
}
END_TEST

/* Vemula et al. 2023, performance difference via advantage in the model, with
 * V that of `ours` in the model:
 *   J(ours) - J(best) = 1 / (1 - gamma) {
 *       E_{d best, real} [V(s) - E_{a ~ best} Q(s, a)]         in the model
 *     + gamma E_{d ours, real} [E_real V - E_model V]
 *     + gamma E_{d best, real} [E_model V - E_real V] } */
START_TEST(returns_of_two_policies_differ_by_advantage_and_moments)
{
    stage x;

    set(&x, (unsigned)_i);

    const double *const ours = policy(&x, (uint64_t)_i);
    const double *const best = policy(&x, 1000 + (uint64_t)_i);
    const double *const V = value(&x, &x.model, ours);
    const double *const d_ours = occupancy(&x, &x.truth, ours);
    const double *const d_best = occupancy(&x, &x.truth, best);
    double advantage = 0;

    for (size_t row = 0; row < x.nS * x.nA; row++) {
        double Q = x.c.truth.r[row];

        for (size_t y = 0; y < x.nS; y++)
            Q += x.gamma * x.model.prob[row * (x.nS + 1) + y] * V[y];
        advantage += d_best[row] * (V[row / x.nA] - Q);
    }

    const double right =
        (advantage + x.gamma * moment_gap(&x, d_ours, &x.truth, &x.model, V)
         + x.gamma * moment_gap(&x, d_best, &x.model, &x.truth, V))
        / (1 - x.gamma);
    const double left = start(&x, value(&x, &x.truth, ours))
                        - start(&x, value(&x, &x.truth, best));

    ck_assert_double_gt(fabs(left), 1e-4);
    ck_assert_double_eq_tol(left, right, 1e-10);
    case_garnet_close(&x.c);
}
END_TEST

/* The library's solvers give the same values and occupancies. */
START_TEST(values_and_occupancies_agree_with_repeated_backups)
{
    stage x;

    set(&x, (unsigned)_i);

    double *const pi = policy(&x, (uint64_t)_i);
    const elbo_chain chain = {.mdp = &x.c.truth, .pi = pi, .q = x.model};
    double *const rho = elbo_arena_doubles(x.c.arena, x.nS * x.nA);
    double *const V = elbo_arena_doubles(x.c.arena, 2 * (x.nS + 1));

    case_ok(elbo_occupancy(&chain, rho, x.c.arena));
    case_ok(elbo_evaluate(&chain, x.c.truth.r, V, x.c.arena));

    const double *const d = occupancy(&x, &x.model, pi);
    const double *const W = value(&x, &x.model, pi);

    for (size_t i = 0; i < x.nS * x.nA; i++)
        ck_assert_double_eq_tol((1 - x.gamma) * rho[i], d[i], 1e-12);
    for (size_t s = 0; s < x.nS; s++)
        ck_assert_double_eq_tol(V[s], W[s], 1e-10);
    case_garnet_close(&x.c);
}
END_TEST

/* ---- approximate value equivalence ---- */

enum { STATES = 5, ACTIONS = 2, POLICIES = 32 };

/* W <- T_pi V in the kernel. */
static void backup(const stage *x, const elbo_kernel *P, unsigned code,
                   const double V[], double W[])
{
    for (size_t s = 0; s < STATES; s++) {
        const size_t row = s * ACTIONS + (code >> s & 1);

        W[s] = x->c.truth.r[row];
        for (size_t y = 0; y < STATES; y++)
            W[s] += x->gamma * P->prob[row * (STATES + 1) + y] * V[y];
    }
    W[STATES] = 0;
}

static double *value_of(const stage *x, const elbo_kernel *P, unsigned code)
{
    double pi[STATES * ACTIONS] = {0};

    for (size_t s = 0; s < STATES; s++) pi[s * ACTIONS + (code >> s & 1)] = 1;
    return value(x, P, pi);
}

static double distance(const double V[], const double W[])
{
    double most = 0;

    for (size_t s = 0; s < STATES; s++) most = fmax(most, fabs(V[s] - W[s]));
    return most;
}

/* max over policies of |T~^k v - v|, v the policy's real value and T~ its backup
 * in the model: the error of order-k value equivalence at the values of all
 * deterministic policies. */
static double error_of_order(const stage *x, size_t k)
{
    double most = 0;

    for (unsigned code = 0; code < POLICIES; code++) {
        double V[STATES + 1], W[STATES + 1];
        const double *const v = value_of(x, &x->truth, code);

        memcpy(V, v, sizeof V);
        for (size_t i = 0; i < k; i++) {
            backup(x, &x->model, code, V, W);
            memcpy(V, W, sizeof V);
        }
        most = fmax(most, distance(V, v));
    }
    return most;
}

/* The policy whose value is greatest at every state. */
static unsigned best_of(const stage *x, const elbo_kernel *P)
{
    unsigned best = 0;
    double most = -HUGE_VAL;

    for (unsigned code = 0; code < POLICIES; code++) {
        const double *const v = value_of(x, P, code);
        double sum = 0;

        for (size_t s = 0; s < STATES; s++) sum += v[s];
        if (sum > most) {
            most = sum;
            best = code;
        }
    }
    return best;
}

/* Grimm, Barreto, Singh 2022, in the form derived here: T~^k contracts by
 * gamma^k, so |v~ - v| <= e_k / (1 - gamma^k) for each policy, and what the
 * model's best policy loses is at most twice that. e_k / (1 - gamma^k) is
 * |v~ - v| itself as k grows; e_1 is the bound of one step. */
START_TEST(planning_loses_no_more_than_the_error_of_any_order_allows)
{
    static const size_t orders[] = {1, 2, 5, 20, 2000};
    stage x;

    set_as(&x, "states=5 actions=2 branching=3", (unsigned)_i);
    for (size_t i = 0; i < (STATES + 1) * STATES * ACTIONS; i++)
        x.model.prob[i] =
            x.truth.prob[i] + 0.4 * (x.model.prob[i] - x.truth.prob[i]);

    const unsigned plan = best_of(&x, &x.model);
    const double loss = distance(
        value_of(&x, &x.truth, best_of(&x, &x.truth)),
        value_of(&x, &x.truth, plan));
    const double *const promised = value_of(&x, &x.model, plan);
    const double *const real = value_of(&x, &x.truth, plan);

    for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
        const double e = error_of_order(&x, orders[k]);
        const double bound = e / (1 - pow(x.gamma, (double)orders[k]));

        ck_assert_double_gt(e, 1e-6);
        ck_assert_double_le(loss, 2 * bound + 1e-10);
        ck_assert_double_le(distance(promised, real), bound + 1e-10);
    }
    case_garnet_close(&x.c);
}
END_TEST

Suite *suite_identities(void)
{
    Suite *suite = suite_create("identities");
    TCase *tcase = tcase_create("identities");

    tcase_add_loop_test(
        tcase, returns_of_one_policy_differ_by_the_model_advantage, 0,
        INSTANCES);
    tcase_add_loop_test(
        tcase, returns_of_two_policies_differ_by_advantage_and_moments, 0,
        INSTANCES);
    tcase_add_loop_test(
        tcase, values_and_occupancies_agree_with_repeated_backups, 0, 3);
    tcase_add_loop_test(
        tcase, planning_loses_no_more_than_the_error_of_any_order_allows, 0, 10);
    suite_add_tcase(suite, tcase);
    return suite;
}
