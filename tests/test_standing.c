/* tests/test_standing.c -- what objectives read beside the plan: past values,
 * slow copies, values of the data's own process, samples, learned rewards.
 */
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* E V(y) of sample i's row under the model. */
static double mean_of(const elbo_engine *e, size_t i, const double V[])
{
    const elbo_pattern *pattern = e->belief.mean.pattern;
    const size_t row = e->data.s[i] * e->world.nA + e->data.a[i];
    const size_t end = elbo_row_end(pattern, row);
    double m = 0;

    for (size_t k = elbo_row_begin(pattern, row); k < end; k++)
        m += e->belief.mean.prob[k] * V[elbo_successor(pattern, row, k)];
    return m;
}

static double next_of(const elbo_engine *e, size_t i, const double V[])
{
    return e->data.terminal[i] ? 0 : V[e->data.next[i]];
}

enum { ROUNDS = 5, MOST = 64 };

START_TEST(each_sample_keeps_the_values_of_its_round)
{
    const case_text text = {.model = "softmax",
                            .inference =
                                "likelihood=-0.5*sq(E(V_then(y))-V_then(next)) "
                                "iterations=5 m_step_iterations=5",
                            .data = "mode=online policy=current steps=12"};
    double V[ROUNDS][MOST] = {{0}};
    case_engine x;

    case_engine_open(&x, &text);
    for (size_t k = 0; k < ROUNDS; k++) {
        const elbo_engine *e = x.engine;
        elbo_row row;
        double sum = 0;

        memcpy(V[k], e->post.V, e->post.nS * sizeof(double));
        case_ok(elbo_engine_iterate(x.engine, &row));
        for (size_t i = 0; i < e->data.n; i++)
            sum -=
                0.5
                * pow(mean_of(e, i, V[i / 12]) - next_of(e, i, V[i / 12]), 2);
        ck_assert_double_eq_tol(row.parts.likelihood, sum,
                                1e-12 * (1 + fabs(sum)));
        ck_assert(k == 0 || sum < 0);
    }
    case_engine_close(&x);
}
END_TEST

START_TEST(the_target_follows_the_plan_at_its_rate)
{
    const case_text text = {
        .model = "softmax",
        .inference = "likelihood=logp-0.5*sq(E(V_target(y))-V_target(next))"
                     "-sq(E(V(y))-V(next)) iterations=5 m_step_iterations=5",
        .control_common = "value=target target_rate=0.3",
        .data = "mode=online policy=current steps=12"};
    double V[MOST] = {0};
    case_engine x;

    case_engine_open(&x, &text);
    for (size_t k = 0; k < ROUNDS; k++) {
        const elbo_engine *e = x.engine;
        elbo_row row;
        double sum = 0;

        case_ok(elbo_engine_iterate(x.engine, &row));
        for (size_t s = 0; s < e->post.nS; s++) {
            V[s] = k == 0 ? e->post.V[s] : 0.7 * V[s] + 0.3 * e->post.V[s];
            ck_assert_double_eq_tol(e->standing.target[s], V[s], 1e-12);
        }
        for (size_t i = 0; i < e->data.n; i++) {
            const size_t at = e->data.s[i] * e->world.nA + e->data.a[i];
            const size_t next =
                e->data.terminal[i] ? e->world.nS : e->data.next[i];

            sum += log(e->belief.mean
                           .prob[elbo_entry(e->belief.mean.pattern, at, next)])
                   - 1.5 * pow(mean_of(e, i, V) - next_of(e, i, V), 2);
        }
        ck_assert_double_eq_tol(row.parts.likelihood, sum,
                                1e-11 * (1 + fabs(sum)));
    }
    case_engine_close(&x);
}
END_TEST

/* Sweeps over the samples themselves, until nothing moves. */
static void sweep_data(const elbo_engine *e, double V[], double Q[])
{
    const size_t nA = e->world.nA, rows = e->world.nS * nA;

    memset(V, 0, MOST * sizeof *V);
    for (int k = 0; k < 6000; k++) {
        double n[MOST] = {0};

        memset(Q, 0, MOST * sizeof *Q);
        for (size_t i = 0; i < e->data.n; i++) {
            const size_t row = e->data.s[i] * nA + e->data.a[i];

            Q[row] += e->data.r[i] + e->truth.gamma * next_of(e, i, V);
            n[row]++;
        }
        for (size_t row = 0; row < rows; row++)
            if (n[row] > 0) Q[row] /= n[row];
        for (size_t s = 0; s < e->world.nS; s++) {
            V[s] = 0;
            for (size_t a = 0; a < nA; a++)
                V[s] += e->post.pi[s * nA + a] * Q[s * nA + a];
        }
    }
}

START_TEST(values_of_the_data_are_those_of_its_own_process)
{
    const case_text text = {.model = "softmax",
                            .inference =
                                "likelihood=-0.5*sq(E(V(y))-V(next))+Q(s,a) "
                                "m_step_iterations=5",
                            .control_common = "value=data temperature=0.3",
                            .data = "steps=30"}; /* some rows have no data */
    double V[MOST], Q[MOST];
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);
    for (int k = 0; k < 2; k++) {
        const elbo_engine *e = x.engine;
        double sum = 0;

        case_ok(elbo_engine_iterate(x.engine, &row));
        sweep_data(e, V, Q);
        for (size_t i = 0; i < e->post.nS * e->post.nA; i++)
            ck_assert_double_eq_tol(e->standing.data_Q[i], Q[i], 1e-10);
        for (size_t i = 0; i < e->data.n; i++)
            sum += Q[e->data.s[i] * e->world.nA + e->data.a[i]]
                   - 0.5 * pow(mean_of(e, i, V) - next_of(e, i, V), 2);
        ck_assert_double_eq_tol(row.parts.likelihood, sum,
                                1e-9 * (1 + fabs(sum)));
    }
    case_engine_close(&x);
}
END_TEST

/* Held values are constants to the gradient slot too. */
START_TEST(values_of_the_data_are_never_differentiated)
{
    const case_text text = {
        .model = "softmax",
        .inference = "likelihood=logp+V(s)*Q(next,a) gradient=implicit",
        .control_common = "value=data temperature=0.5",
        .data = "steps=30"};
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);

    elbo_engine *e = x.engine;
    double V[MOST] = {0}, Q[MOST] = {0}, logpi[MOST] = {0};
    elbo_slopes slopes = {.V = V, .Q = Q, .logpi = logpi};
    double value;

    case_ok(elbo_engine_iterate(e, &row));
    case_ok(elbo_objective_slopes(e->expression.objective, &e->belief.mean,
                                  &value, NULL, &slopes));
    for (size_t i = 0; i < MOST; i++) ck_assert(V[i] == 0 && Q[i] == 0);
    case_engine_close(&x);
}
END_TEST

/* Gaussian noise and prior: the ridge mean of each row's rewards. */
START_TEST(a_learned_reward_is_the_ridge_mean)
{
    const case_text text = {.model = "softmax",
                            .model_own = "reward=learned reward_precision=0.5",
                            .inference = "likelihood=logp-0.5*sq(r-rhat)",
                            .data = "steps=60"};
    double sum[MOST] = {0}, n[MOST] = {0};
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);
    case_ok(elbo_engine_iterate(x.engine, &row));
    case_ok(elbo_engine_iterate(x.engine, &row));

    const elbo_engine *e = x.engine;

    for (size_t i = 0; i < e->data.n; i++) {
        sum[e->data.s[i] * e->world.nA + e->data.a[i]] += e->data.r[i];
        n[e->data.s[i] * e->world.nA + e->data.a[i]]++;
    }
    for (size_t i = 0; i < e->post.nS * e->post.nA; i++) {
        ck_assert_double_eq_tol(e->belief.reward[i], sum[i] / (n[i] + 0.5),
                                1e-5);
        ck_assert(e->problem.mdp.r[i] == e->belief.reward[i]);
    }
    case_engine_close(&x);
}
END_TEST

START_TEST(samples_are_drawn_anew_and_again_the_same)
{
    const case_text text = {
        .model = "softmax",
        .inference = "likelihood=logp-0.1*usq(E(V(y),2)-V(next)) m_step=adam "
                     "m_step_iterations=3",
        .data = "steps=40"};
    case_engine x, y;

    case_engine_open(&x, &text);
    case_engine_open(&y, &text);
    for (int k = 0; k < 4; k++) {
        elbo_row a, b;

        case_ok(elbo_engine_iterate(x.engine, &a));
        case_ok(elbo_engine_iterate(y.engine, &b));
        ck_assert(a.elbo == b.elbo);
    }
    case_engine_close(&x);
    case_engine_close(&y);
}
END_TEST

/* ---- sets of values ---- */

/* clang-format off */
static const case_text sets[] = {
    {.model = "softmax", .inference = "likelihood=-0.5*sq(E(V(y))-V(next))",
     .control_common = "values=functions(3)", .data = "steps=40"},
    {.model = "softmax", .inference = "likelihood=-0.5*sq(E(V(y))-V(next))",
     .control_common = "values=indicators(4)", .data = "steps=40"},
    {.model = "softmax", .inference = "likelihood=-0.5*sq(E(V(y))-V(next))",
     .control_common = "values=policies(3)", .data = "steps=40"},
    {.model = "low_rank", .model_own = "rank=2",
     .inference = "likelihood=-0.5*sq(E(V(y))-V(next))",
     .control_common = "values=policies(2,kind=stochastic)", .data = "steps=40"},
    {.model = "softmax", .inference = "likelihood=-0.5*sq(E(V(y))-V(next))",
     .control_common = "values=policies(2,kind=actions,world=data)",
     .data = "steps=40"},
};
/* clang-format on */
enum { SETS = sizeof sets / sizeof *sets, OF_POLICIES = 2, OF_DATA = 4 };

START_TEST(the_term_is_summed_over_the_set)
{
    case_engine x;
    elbo_row row;
    double sum = 0;

    case_engine_open(&x, &sets[_i]);
    case_ok(elbo_engine_iterate(x.engine, &row));

    const elbo_engine *e = x.engine;

    for (size_t k = 0; k < elbo_value_set_size(e->members); k++) {
        const double *V = elbo_value_set_member(e->members, k).V;

        for (size_t i = 0; i < e->data.n; i++)
            sum -= 0.5 * pow(mean_of(e, i, V) - next_of(e, i, V), 2);
    }
    ck_assert_double_lt(sum, 0);
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-11 * (1 + fabs(sum)));
    case_engine_close(&x);
}
END_TEST

/* Terms that read no member: one of theta, one of the policy, and, where members
 * are functions, the planner's own log pi. */
START_TEST(other_terms_count_once)
{
    static const char *const values[] = {"values=functions(3)",
                                         "values=policies(4,stochastic)"};
    const case_text text = {
        .model = "softmax",
        .inference =
            "likelihood=-(0.5*sq(E(V(y))-V(next))-logp)+0.3*stop(logpi)+r",
        .control_common = values[_i],
        .data = "steps=40"};
    case_engine x;
    elbo_row row;
    double sum = 0;

    case_engine_open(&x, &text);
    case_ok(elbo_engine_iterate(x.engine, &row));

    const elbo_engine *e = x.engine;
    const size_t n = elbo_value_set_size(e->members), nA = e->world.nA;

    for (size_t i = 0; i < e->data.n; i++) {
        const size_t s_a = e->data.s[i] * nA + e->data.a[i];
        const size_t at =
            elbo_entry(e->belief.mean.pattern, s_a,
                       e->data.terminal[i] ? e->world.nS : e->data.next[i]);

        sum += log(e->belief.mean.prob[at]) + e->data.r[i];
        if (_i == 0) sum += 0.3 * log(e->post.pi[s_a]);
        for (size_t k = 0; k < n; k++) {
            const elbo_member m = elbo_value_set_member(e->members, k);

            sum -= 0.5 * pow(mean_of(e, i, m.V) - next_of(e, i, m.V), 2);
            if (_i == 1) sum += 0.3 * m.logpi[s_a];
        }
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-10 * (1 + fabs(sum)));
    case_engine_close(&x);
}
END_TEST

START_TEST(the_gradient_is_that_of_the_sum)
{
    case_engine x;
    elbo_row row;
    double value, up, down;

    case_engine_open(&x, &sets[_i]);
    case_ok(elbo_engine_iterate(x.engine, &row));

    elbo_engine *e = x.engine;
    const elbo_mstep step = {.likelihood = e->set.likelihood, .C = e->C};
    double *grad = elbo_arena_doubles(x.setup.arena, e->belief.n);

    for (size_t j = 0; j < e->belief.n; j++)
        e->belief.theta[j] += 0.3 * sin(2.385 * (double)j);
    e->belief.model->update(&e->belief);
    case_ok(elbo_mstep_objective(&step, &e->belief, &value, grad, e->ws));
    for (size_t j = 0; j < e->belief.n; j += 3) {
        const double at = e->belief.theta[j], h = 1e-5;

        e->belief.theta[j] = at + h;
        e->belief.model->update(&e->belief);
        case_ok(elbo_mstep_objective(&step, &e->belief, &up, NULL, e->ws));
        e->belief.theta[j] = at - h;
        e->belief.model->update(&e->belief);
        case_ok(elbo_mstep_objective(&step, &e->belief, &down, NULL, e->ws));
        e->belief.theta[j] = at;
        ck_assert_double_eq_tol(grad[j], (up - down) / (2 * h),
                                1e-6 * (1 + fabs(grad[j]) + fabs(value)));
    }
    case_engine_close(&x);
}
END_TEST

/* Each policy's own Bellman equation, in the world and in the data. */
START_TEST(values_of_policies_are_exact)
{
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &sets[_i]);
    case_ok(elbo_engine_iterate(x.engine, &row));

    const elbo_engine *e = x.engine;
    const elbo_pattern *pattern = e->truth.P.pattern;
    const size_t nA = e->world.nA, rows = e->world.nS * nA;

    for (size_t k = 0; k < elbo_value_set_size(e->members); k++) {
        const elbo_member m = elbo_value_set_member(e->members, k);
        double Q[MOST] = {0}, n[MOST] = {0};

        for (size_t row_ = 0; _i != OF_DATA && row_ < rows; row_++) {
            Q[row_] = e->truth.r[row_];
            for (size_t i = elbo_row_begin(pattern, row_);
                 i < elbo_row_end(pattern, row_); i++)
                Q[row_] += e->truth.gamma * e->truth.P.prob[i]
                           * m.V[elbo_successor(pattern, row_, i)];
        }
        for (size_t i = 0; _i == OF_DATA && i < e->data.n; i++) {
            const size_t at = e->data.s[i] * nA + e->data.a[i];

            Q[at] += e->data.r[i] + e->truth.gamma * next_of(e, i, m.V);
            n[at]++;
        }
        for (size_t i = 0; i < rows; i++) {
            if (n[i] > 0) Q[i] /= n[i];
            ck_assert_double_eq_tol(m.Q[i], Q[i], 1e-9 * (1 + fabs(Q[i])));
        }
        for (size_t s = 0; s < e->world.nS; s++) {
            double V = 0, sum = 0;

            for (size_t a = 0; a < nA; a++) {
                sum += exp(m.logpi[s * nA + a]);
                V += exp(m.logpi[s * nA + a]) * Q[s * nA + a];
            }
            ck_assert_double_eq_tol(sum, 1, 1e-12);
            ck_assert_double_eq_tol(m.V[s], V, 1e-9 * (1 + fabs(V)));
        }
    }
    case_engine_close(&x);
}
END_TEST

START_TEST(groups_part_the_states)
{
    case_engine x;

    case_engine_open(&x, &sets[1]);
    for (size_t s = 0; s < x.engine->world.nS; s++) {
        double sum = 0;

        for (size_t k = 0; k < 4; k++)
            sum += elbo_value_set_member(x.engine->members, k).V[s];
        ck_assert(sum == 1);
    }
    case_engine_close(&x);
}
END_TEST

START_TEST(a_wrong_set_is_told)
{
    const char *nearest = NULL;
    size_t column = 99;
    bool oracle = true;

    case_fails(elbo_value_set_check("polices(3)", &column, &nearest),
               ELBO_EINVAL, "polices");
    ck_assert_str_eq(nearest, "policies");
    case_fails(
        elbo_value_set_check("policies(3, kind=good)", &column, &nearest),
        ELBO_EINVAL, "good");
    case_fails(elbo_value_set_check("functions", &column, &nearest),
               ELBO_EINVAL, "n");
    case_ok(elbo_value_set_check("planner", &column, &nearest));
    case_ok(elbo_value_set_oracle("policies(3)", &oracle));
    ck_assert(oracle);
    case_ok(elbo_value_set_oracle("policies(3,world=data)", &oracle));
    ck_assert(!oracle);
}
END_TEST

/* clang-format off */
static const struct {
    case_text text;
    const char *key;
} wrong[] = {
    {{.model = "softmax", .inference = "likelihood=logp-sq(r-rhat)"}, "reward"},
    {{.model = "tabular", .inference = "likelihood=logp-sq(r-rhat)"}, "reward"},
    {{.model = "softmax", .model_own = "reward=learned"}, "reward"},
    {{.model = "softmax", .inference = "likelihood=logp*V_then(next)"}, "mode"},
    {{.model = "softmax", .control_common = "values=functions(2)"}, "values"},
    {{.model = "softmax", .inference = "likelihood=logp*V_target(next)",
      .env_common = "horizon=3", .data = "source=file file=x.csv"}, "source"},
};
/* clang-format on */

START_TEST(what_cannot_be_is_refused)
{
    const char *section, *key;
    bool found = false;
    case_setup c;

    case_open_small(&c, &wrong[_i].text);
    for (size_t skip = 0;
         elbo_setup_check(&c.setup, skip, &section, &key) == ELBO_ECONFIG;
         skip++)
        found = found || strcmp(key, wrong[_i].key) == 0;
    ck_assert(found);
    case_close(&c);
}
END_TEST

Suite *suite_standing(void)
{
    Suite *suite = suite_create("standing");
    TCase *t = tcase_create("standing");

    tcase_add_test(t, each_sample_keeps_the_values_of_its_round);
    tcase_add_test(t, the_target_follows_the_plan_at_its_rate);
    tcase_add_test(t, values_of_the_data_are_those_of_its_own_process);
    tcase_add_test(t, values_of_the_data_are_never_differentiated);
    tcase_add_test(t, a_learned_reward_is_the_ridge_mean);
    tcase_add_test(t, samples_are_drawn_anew_and_again_the_same);
    tcase_add_loop_test(t, the_term_is_summed_over_the_set, 0, SETS);
    tcase_add_loop_test(t, other_terms_count_once, 0, 2);
    tcase_add_loop_test(t, the_gradient_is_that_of_the_sum, 0, SETS);
    tcase_add_loop_test(t, values_of_policies_are_exact, OF_POLICIES, SETS);
    tcase_add_test(t, groups_part_the_states);
    tcase_add_test(t, a_wrong_set_is_told);
    tcase_add_loop_test(t, what_cannot_be_is_refused, 0,
                        (int)(sizeof wrong / sizeof *wrong));
    suite_add_tcase(suite, t);
    return suite;
}
