/* tests/test_value_sets.c -- policies met on a search, sets that are renewed, and
 * classes of models that are equivalent to an order.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

typedef struct opened {
    case_setup setup;
    elbo_engine *engine;
} opened;

static void open_rooms(opened *x, const char *values)
{
    static char control[96];
    const case_text text = {.env = "four_rooms",
                            .control = "value_iteration",
                            .control_common = control,
                            .model = "low_rank",
                            .model_own = "rank=2",
                            .inference = "likelihood=-sq(E(V(y))-V(next))",
                            .data = "source=population over=rows"};

    snprintf(control, sizeof control, "values=%s", values);
    case_open(&x->setup, &text);
    case_ok(elbo_engine_open(&x->setup.setup, 3, &x->engine));
}

static void close_rooms(opened *x)
{
    elbo_engine_free(x->engine);
    case_close(&x->setup);
}

static double mean_value(const opened *x, size_t k)
{
    const size_t nS = x->engine->world.nS;
    double sum = 0;

    for (size_t s = 0; s < nS; s++)
        sum += elbo_value_set_member(x->engine->members, k).V[s];
    return sum / (double)nS;
}

/* States where no action is sure. */
static double share_of_doubt(const opened *x, size_t k)
{
    const double *const logpi = elbo_value_set_member(x->engine->members, k).logpi;
    const size_t nS = x->engine->world.nS, nA = x->engine->world.nA;
    size_t n = 0;

    for (size_t s = 0; s < nS; s++) {
        bool sure = false;
        double all = 0;

        for (size_t a = 0; a < nA; a++) {
            all += exp(logpi[s * nA + a]);
            sure = sure || logpi[s * nA + a] >= 0;
        }
        ck_assert_double_eq_tol(all, 1, 1e-12);
        n += !sure;
    }
    return (double)n / (double)nS;
}

/* V is its policy's value, and those met late are worth more than those met
 * early; drawn blindly they are worth next to nothing in four rooms. */
START_TEST(a_search_meets_better_and_better_policies)
{
    static const char *const sets[] = {"policies(60,deterministic,real,search)",
                                       "policies(60,stochastic,real,search)"};
    opened x;
    double early = 0, late = 0, doubt = 0;

    open_rooms(&x, sets[_i]);
    for (size_t k = 0; k < 60; k++) {
        const elbo_member m = elbo_value_set_member(x.engine->members, k);
        const size_t nS = x.engine->world.nS, nA = x.engine->world.nA;

        (k < 30 ? &early : &late)[0] += mean_value(&x, k) / 30;
        doubt += share_of_doubt(&x, k) / 60;
        for (size_t s = 0; s < nS; s++) {
            double v = 0;

            for (size_t a = 0; a < nA; a++)
                v += exp(m.logpi[s * nA + a]) * m.Q[s * nA + a];
            ck_assert_double_eq_tol(v, m.V[s], 1e-9 * (1 + fabs(v)));
        }
    }
    ck_assert_double_gt(late, early + 3);
    ck_assert_double_gt(late, 20); /* the optimum is 72.9 */
    if (_i == 0) ck_assert_double_eq(doubt, 0);
    /* 60 x 104 states, a tenth of them: 624 +- 24 */
    if (_i == 1) ck_assert_double_eq_tol(doubt, 0.1, 0.02);
    close_rooms(&x);

    open_rooms(&x, "policies(20)");
    for (size_t k = 0; k < 20; k++) ck_assert_double_lt(mean_value(&x, k), 20);
    close_rooms(&x);
}
END_TEST

/* The batch depends on the iteration alone: a resumed run meets it again. */
START_TEST(a_fresh_set_is_another_in_each_iteration)
{
    static const char *const sets[] = {
        "policies(4,deterministic,real,search,true)",
        "policies(4,stochastic,real,chance,true)",
        "policies(4,deterministic,real,search)"};
    opened x;
    double first[4], second[4];

    open_rooms(&x, sets[_i]);

    elbo_engine *const e = x.engine;

    for (size_t k = 0; k < 4; k++) first[k] = mean_value(&x, k);
    case_ok(elbo_value_set_fit(e->members, &e->data, 5, e->ws));
    for (size_t k = 0; k < 4; k++) second[k] = mean_value(&x, k);
    ck_assert((memcmp(first, second, sizeof first) == 0) == (_i == 2));
    case_ok(elbo_value_set_fit(e->members, &e->data, 0, e->ws));
    for (size_t k = 0; k < 4; k++)
        ck_assert_double_eq(mean_value(&x, k), first[k]);
    case_ok(elbo_value_set_fit(e->members, &e->data, 5, e->ws));
    for (size_t k = 0; k < 4; k++)
        ck_assert_double_eq(mean_value(&x, k), second[k]);
    close_rooms(&x);
}
END_TEST

START_TEST(a_search_knows_the_world)
{
    bool oracle;

    case_ok(elbo_value_set_oracle("policies(3,deterministic,data)", &oracle));
    ck_assert(!oracle);
    case_ok(elbo_value_set_oracle("policies(3,deterministic,data,search)",
                                  &oracle));
    ck_assert(oracle);
}
END_TEST

/* A function beside each policy, drawn with it and anew with a fresh batch. */
START_TEST(functions_stand_beside_policies)
{
    opened x;
    double first[2], sum = 0, square = 0;
    bool oracle;

    open_rooms(&x, "policies(8,stochastic,real,chance,true,uniform)");

    elbo_engine *const e = x.engine;
    const size_t nS = e->world.nS;

    for (size_t k = 0; k < 8; k++) {
        const elbo_member m = elbo_value_set_member(e->members, k);

        ck_assert_ptr_null(m.Q);
        ck_assert_ptr_nonnull(m.logpi);
        ck_assert(m.V[nS] == 0);
        for (size_t s = 0; s < nS; s++) {
            ck_assert(m.V[s] >= -1 && m.V[s] <= 1);
            sum += m.V[s] / (8 * (double)nS);
            square += m.V[s] * m.V[s] / (8 * (double)nS);
        }
    }
    /* 832 numbers: 0 +- 0.02, 1/3 +- 0.01 */
    ck_assert_double_eq_tol(sum, 0, 0.1);
    ck_assert_double_eq_tol(square, 1. / 3, 0.05);
    for (size_t k = 0; k < 2; k++) first[k] = mean_value(&x, k);
    ck_assert(first[0] < first[1] || first[0] > first[1]);
    case_ok(elbo_value_set_fit(e->members, &e->data, 5, e->ws));
    ck_assert(mean_value(&x, 0) < first[0] || mean_value(&x, 0) > first[0]);
    case_ok(elbo_value_set_fit(e->members, &e->data, 0, e->ws));
    ck_assert_double_eq(mean_value(&x, 0), first[0]);
    close_rooms(&x);

    case_ok(elbo_value_set_oracle("policies(3,stochastic,real,chance,true,uniform)",
                                  &oracle));
    ck_assert(!oracle);
    case_ok(elbo_value_set_oracle("policies(3,stochastic,real,search,true,uniform)",
                                  &oracle));
    ck_assert(oracle);
}
END_TEST

/* ---- the order of an equivalence ---- */

/* The world is equivalent to its own exact data at every order, its rewards known; a
 * random model is not. */
START_TEST(the_world_is_equivalent_at_every_order)
{
    static const char *const models[] = {"true", "random"};
    case_text text = {.model = models[_i],
                      .control_common = "temperature=0.4",
                      .inference = "weight=1+0*V(s)+0*logpi iterations=1",
                      .data = "source=population over=rows"};
    static const char *const orders[] = {"1", "2", "7", "40"};
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    case_open_small(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 3, &e));
    case_ok(elbo_engine_iterate(e, &row));
    for (size_t k = 0; k < 4; k++) {
        char formula[80];
        elbo_objective *order;
        double value;

        snprintf(formula, sizeof formula,
                 "-sq(Epi(T(%s, V(y))) - Epi(Td(%s, V(y))))", orders[k],
                 orders[k]);
        case_ok(elbo_objective_open(formula, &e->world, &e->truth,
                                    e->belief.mean.pattern, e->data.capacity,
                                    e->arena, &order));
        case_ok(elbo_engine_join(e, order));
        case_ok(elbo_objective_data(order, e->belief.mean.pattern, &e->data,
                                    1 / (double)e->data.n, e->ws));
        case_ok(elbo_engine_bind(e, order));
        case_ok(elbo_objective_value(order, &e->belief.mean, &value, NULL));
        if (_i == 0)
            ck_assert_double_ge(value, -1e-20); /* off by 1e-10 */
        else
            ck_assert_double_lt(value, -1e-3);
        elbo_objective_close(order);
    }
    elbo_engine_free(e);
    case_close(&c);
}
END_TEST

/* V <- (r + gamma P)^k V on two states; P stays, or swaps them. */
static void backups(bool swaps, const double r[2], double gamma, size_t k,
                    double V[2])
{
    for (size_t i = 0; i < k; i++) {
        const double old[2] = {V[0], V[1]};

        for (size_t s = 0; s < 2; s++)
            V[s] = r[s] + gamma * old[swaps ? 1 - s : s];
    }
}

/* Grimm et al. 2021, section 3: M^k is within M^K where k divides K, and no
 * more. In the world nothing moves; the model swaps two states, and its reward is
 * that with which two of its steps are two of the world's. */
START_TEST(classes_of_order_k_are_nested_where_k_divides)
{
    const double gamma = 0.8, r[2] = {0.7, -0.4};
    const double b[2] = {(1 + gamma) * r[0], (1 + gamma) * r[1]};
    /* (I + gamma S) x = (1 + gamma) r */
    const double x[2] = {(b[0] - gamma * b[1]) / (1 - gamma * gamma),
                         (b[1] - gamma * b[0]) / (1 - gamma * gamma)};

    for (size_t k = 1; k <= 9; k++) {
        double off = 0;

        for (unsigned i = 0; i < 3; i++) {
            elbo_rng rng = elbo_rng_stream(i, "test order", k);
            double V[2], W[2];

            for (size_t s = 0; s < 2; s++)
                V[s] = W[s] = elbo_rng_uniform(&rng) - 0.5;
            backups(false, r, gamma, k, V);
            backups(true, x, gamma, k, W);
            off = fmax(off, fmax(fabs(V[0] - W[0]), fabs(V[1] - W[1])));
        }
        if (k % 2 == 0)
            ck_assert_double_le(off, 1e-14);
        else
            ck_assert_double_gt(off, 0.05);
    }
    /* and so the value is right at order infinity, with no row of it right */
    ck_assert_double_eq_tol((x[0] + gamma * x[1]) / (1 - gamma * gamma),
                            r[0] / (1 - gamma), 1e-14);
}
END_TEST

Suite *suite_value_sets(void)
{
    Suite *suite = suite_create("value_sets");
    TCase *t = tcase_create("value_sets");

    tcase_add_loop_test(t, a_search_meets_better_and_better_policies, 0, 2);
    tcase_add_loop_test(t, a_fresh_set_is_another_in_each_iteration, 0, 3);
    tcase_add_test(t, a_search_knows_the_world);
    tcase_add_test(t, functions_stand_beside_policies);
    tcase_add_loop_test(t, the_world_is_equivalent_at_every_order, 0, 2);
    tcase_add_test(t, classes_of_order_k_are_nested_where_k_divides);
    suite_add_tcase(suite, t);
    return suite;
}
