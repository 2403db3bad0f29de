/* tests/test_returns.c -- control.reward and control.return_weight. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/evaluate.h"
#include "inference/returns.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static elbo_engine *run(case_setup *c, const case_text *text, elbo_row *row)
{
    const char *section, *key;
    elbo_engine *e;

    case_open_small(c, text);
    case_ok(elbo_setup_check(&c->setup, 0, &section, &key));
    case_ok(elbo_engine_open(&c->setup, 3, &e));
    do {
        case_ok(elbo_engine_iterate(e, row));
    } while (elbo_engine_verdict(e) == ELBO_RUNNING);
    return e;
}

static void end(case_setup *c, elbo_engine *e)
{
    elbo_engine_free(e);
    case_close(c);
}

/* sum_y P(y) f(V(y)) of a row of a kernel. */
static double mean_of(const elbo_kernel *P, const double V[], size_t row,
                      double power)
{
    double sum = 0;

    for (size_t i = elbo_row_begin(P->pattern, row);
         i < elbo_row_end(P->pattern, row); i++)
        sum += P->prob[i] * pow(V[elbo_successor(P->pattern, row, i)], power);
    return sum;
}

START_TEST(a_reward_of_its_own_is_planned_with_and_the_raw_one_reported)
{
    const case_text text = {.model = "true",
                            .control = "value_iteration",
                            .control_common = "reward=0.3*log(2+sq(r))"};
    case_setup c;
    elbo_row row;
    elbo_engine *e = run(&c, &text, &row);
    const elbo_mdp *mdp = elbo_engine_truth(e);
    const elbo_posterior *post = elbo_engine_posterior(e);
    double F = 0;

    for (size_t i = 0; i < mdp->nS * mdp->nA; i++) {
        const double r = 0.3 * log(2 + mdp->r[i] * mdp->r[i]);

        ck_assert_double_eq_tol(
            post->Q[i], r + mdp->gamma * mean_of(&mdp->P, post->V, i, 1), 1e-8);
    }
    for (size_t s = 0; s < mdp->nS; s++) F += mdp->mu[s] * post->V[s];
    ck_assert_double_eq_tol(row.parts.reward, F, 1e-7);
    ck_assert_double_eq_tol(row.return_model, row.return_real, 1e-12);

    /* J in raw rewards, evaluated apart */
    const elbo_chain chain = {.mdp = mdp, .pi = post->pi, .q = mdp->P};
    double V[16], J = 0;

    case_ok(elbo_evaluate(&chain, mdp->r, V, c.arena));
    for (size_t s = 0; s < mdp->nS; s++) J += mdp->mu[s] * V[s];
    ck_assert_double_eq_tol(row.return_real, J, 1e-12);
    end(&c, e);
}
END_TEST

/* At its end a frozen reward is a fixed point: Q is that of the present V. */
START_TEST(a_penalty_on_the_spread_of_values_settles)
{
    const case_text text = {.model = "true",
                            .control = "value_iteration",
                            .control_common = "reward=r-0.3*sqrt(Var(V(y)))",
                            .inference = "iterations=400 tolerance=1e-13"};
    case_setup c;
    elbo_row row;
    elbo_engine *e = run(&c, &text, &row);
    const elbo_mdp *mdp = elbo_engine_truth(e);
    const elbo_posterior *post = elbo_engine_posterior(e);

    for (size_t i = 0; i < mdp->nS * mdp->nA; i++) {
        const double m = mean_of(&mdp->P, post->V, i, 1);
        const double var = fmax(mean_of(&mdp->P, post->V, i, 2) - m * m, 0);

        ck_assert_double_eq_tol(
            post->Q[i], mdp->r[i] - 0.3 * sqrt(var) + mdp->gamma * m, 1e-6);
    }
    ck_assert(strstr(elbo_setup_kind(&c.setup), "moves") != NULL);
    end(&c, e);
}
END_TEST

START_TEST(linear_optimality_is_checked_on_controls_reward)
{
    const case_text right = {.model = "true",
                             .control = "em_policy",
                             .control_common = "reward=exp(r)",
                             .inference = "optimality=linear iterations=3"};
    const case_text wrong = {.model = "true",
                             .control = "em_policy",
                             .control_common = "reward=r-3",
                             .inference = "optimality=linear"};
    case_setup c;
    elbo_row row;
    elbo_engine *e = run(&c, &right, &row);

    end(&c, e);
    case_open_small(&c, &wrong);
    case_ok(elbo_engine_open(&c.setup, 3, &e));
    case_fails(elbo_engine_iterate(e, &row), ELBO_EDATA, "is below 0");
    end(&c, e);
}
END_TEST

START_TEST(a_reward_that_is_no_number_names_its_place)
{
    const case_text text = {.control_common = "reward=log(r-1)"};
    case_setup c;
    elbo_row row;
    elbo_engine *e;

    case_open_small(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 3, &e));
    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "control.reward");
    end(&c, e);
}
END_TEST

/* ---- weights of returns ---- */

START_TEST(an_exact_ratio_makes_the_models_plan_the_worlds)
{
    const case_text weighed = {
        .model = "softmax",
        .control_common = "return_weight=exp(logratio) temperature=0.4",
        .inference = "iterations=2",
        .data = "steps=60"};
    const case_text known = {.model = "true",
                             .control_common = "temperature=0.4"};
    case_setup cw, ck;
    elbo_row w, k;
    elbo_engine *weighed_run = run(&cw, &weighed, &w);
    elbo_engine *known_run = run(&ck, &known, &k);

    for (size_t s = 0; s < 7; s++)
        ck_assert_double_eq_tol(elbo_engine_posterior(weighed_run)->V[s],
                                elbo_engine_posterior(known_run)->V[s], 1e-8);
    ck_assert_double_eq_tol(w.parts.reward, w.return_real, 1e-8);
    ck_assert_double_eq_tol(w.return_real, k.return_real, 1e-8);
    ck_assert_double_gt(fabs(w.return_model - w.return_real), 1e-3);
    end(&cw, weighed_run);
    end(&ck, known_run);
}
END_TEST

START_TEST(a_constant_weight_is_a_discount)
{
    const case_text weighed = {.model = "true",
                               .env_common = "discount=0.9",
                               .control_common =
                                   "return_weight=0.8 temperature=0.4"};
    const case_text known = {.model = "true",
                             .env_common = "discount=0.72",
                             .control_common = "temperature=0.4"};
    case_setup cw, ck;
    elbo_row w, k;
    elbo_engine *weighed_run = run(&cw, &weighed, &w);
    elbo_engine *known_run = run(&ck, &known, &k);

    for (size_t s = 0; s < 7; s++)
        ck_assert_double_eq_tol(elbo_engine_posterior(weighed_run)->V[s],
                                elbo_engine_posterior(known_run)->V[s], 1e-9);
    ck_assert_double_eq_tol(w.parts.reward, k.parts.reward, 1e-9);
    ck_assert_double_eq_tol(w.return_model, w.return_real, 1e-12);
    end(&cw, weighed_run);
    end(&ck, known_run);
}
END_TEST

START_TEST(weights_that_let_values_grow_are_refused_in_words)
{
    const case_text text = {.model = "true",
                            .control_common = "return_weight=1.5"};
    case_setup c;
    elbo_row row;
    elbo_engine *e;

    case_open_small(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 3, &e));
    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "grow without end");
    end(&c, e);
}
END_TEST

/* ---- DAM's bell curve (papers/haghgoo2021_dam) ---- */

static const char *const road =
    "transitions=papers/haghgoo2021_dam/road.csv "
    "initial=papers/haghgoo2021_dam/road.initial.csv";

/* Of p / q V at one model sample of driving on: its mean, and *variance. */
static double weighed(const elbo_engine *e, double *variance)
{
    const elbo_kernel *q = &elbo_engine_belief(e)->mean;
    const elbo_mdp *mdp = elbo_engine_truth(e);
    const double *V = elbo_engine_posterior(e)->V;
    double first = 0, second = 0;

    for (size_t i = elbo_row_begin(mdp->P.pattern, 0);
         i < elbo_row_end(mdp->P.pattern, 0); i++) {
        const size_t next = elbo_successor(mdp->P.pattern, 0, i);
        const double p = mdp->P.prob[i];

        if (!(p > 0)) continue;
        first += p * V[next];
        second += p * p / q->prob[elbo_entry(q->pattern, 0, next)] * V[next]
                  * V[next];
    }
    *variance = second - first * first;
    return first;
}

/* E_q[w f] = E_p f; the weight w f^2 fits the model whose estimate varies least,
 * since E_q[(w f)^2] has the gradient -E_p[w f^2 grad log q]. */
START_TEST(weighed_values_are_the_worlds_and_their_variance_can_be_fitted)
{
    const case_text plain = {
        .env = "table",
        .env_own = road,
        .env_common = "discount=0.9",
        .model = "features",
        .model_own = "transitions=papers/haghgoo2021_dam/bell.csv",
        .control = "value_iteration",
        .control_common = "return_weight=exp(logratio)",
        .inference = "iterations=40 tolerance=0",
        .data = "steps=400"};
    case_text aware = plain;
    case_setup cp, ca;
    elbo_row p, a;
    double varies, less;

    aware.inference = "iterations=300 tolerance=0 m_step=adam m_step_rate=0.01 "
                      "m_step_iterations=5 "
                      "weight=exp(logratio)*sq(V(next))";

    elbo_engine *plain_run = run(&cp, &plain, &p);
    elbo_engine *aware_run = run(&ca, &aware, &a);

    ck_assert_double_eq_tol(weighed(plain_run, &varies), 2, 1e-12);
    ck_assert_double_eq_tol(elbo_engine_posterior(plain_run)->Q[0], 1.8, 1e-9);
    ck_assert_double_eq_tol(weighed(aware_run, &less), 2, 1e-12);
    ck_assert_double_eq_tol(elbo_engine_posterior(aware_run)->Q[0], 1.8, 1e-9);
    ck_assert_double_lt(less, 0.995 * varies);
    end(&cp, plain_run);
    end(&ca, aware_run);
}
END_TEST

/* ---- texts ---- */

static const struct {
    bool reward;
    const char *text;
    size_t column;
    const char *says;
} wrong[] = {
    {true,  "r + V(next)",   6, "no successor"},
    {true,  "2*logp",        2, "no successor"},
    {true,  "exp(logratio)", 4, "no successor"},
    {true,  "r - mean(r)",   4, "no data"     },
    {false, "Ed(V(next))",   0, "no data"     },
    {true,  "r - lag",       4, "lag"         },
};

START_TEST(words_without_a_meaning_are_refused)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    size_t column;
    const char *nearest;

    case_fails(elbo_return_parse_finite(wrong[_i].text, wrong[_i].reward, arena,
                                        &column, &nearest),
               ELBO_EINVAL, wrong[_i].says);
    ck_assert_uint_eq(column, wrong[_i].column);
    elbo_arena_free(arena);
}
END_TEST

/* What control tasks alone have a meaning for is no wrong option, but no setting
 * of a finite world. */
START_TEST(words_of_other_worlds_are_refused_in_this_one)
{
    static const char *const settings[] = {
        "reward=r+V(next)", "reward=2*logp", "reward=r-aleatoric"};
    size_t column;
    const char *nearest;

    for (size_t i = 0; i < 3; i++) {
        const case_text text = {.control_common = settings[i],
                                .data = "steps=20"};

        case_ok(elbo_reward_check(strchr(settings[i], '=') + 1, &column,
                                  &nearest));
        case_refused(&text, "control", "reward");
    }
    case_fails(elbo_reward_check("r - mean(r)", &column, &nearest), ELBO_EINVAL,
               "no data");
    ck_assert_uint_eq(column, 4);
    case_fails(elbo_return_weight_check("Ed(V(next))", &column, &nearest),
               ELBO_EINVAL, "no data");
    case_fails(elbo_reward_check("r - lag", &column, &nearest), ELBO_EINVAL,
               "lag");
    ck_assert_uint_eq(column, 4);
}
END_TEST

START_TEST(words_with_one_are_accepted)
{
    static const char *const rewards[] = {
        "(1-gamma)*log(r) - (1-gamma)*log(1-gamma)",
        "r - 0.1*sqrt(Var(V(y)))",
        "r + E(logratio(classifier))",
        "r + 2*occupancy",
        "r - 0.1*logpi",
    };
    static const char *const weights[] = {"exp(logratio)",
                                          "clip(exp(logratio),0,5)", "1"};
    size_t column;
    const char *nearest;

    for (size_t i = 0; i < 5; i++)
        case_ok(elbo_reward_check(rewards[i], &column, &nearest));
    for (size_t i = 0; i < 3; i++)
        case_ok(elbo_return_weight_check(weights[i], &column, &nearest));
}
END_TEST

START_TEST(the_bound_on_log_J_is_called_one)
{
    const case_text text = {
        .control_common = "reward=(1-gamma)*log(r)-(1-gamma)*log(1-gamma)",
        .inference = "transition=free(kl=next)"};
    case_setup c;

    case_open_small(&c, &text);
    ck_assert(strstr(elbo_setup_kind(&c.setup), "F <= log J") != NULL);
    case_close(&c);
}
END_TEST

Suite *suite_returns(void)
{
    Suite *s = suite_create("returns");
    TCase *t = tcase_create("reward");

    tcase_add_test(
        t, a_reward_of_its_own_is_planned_with_and_the_raw_one_reported);
    tcase_add_test(t, a_penalty_on_the_spread_of_values_settles);
    tcase_add_test(t, linear_optimality_is_checked_on_controls_reward);
    tcase_add_test(t, a_reward_that_is_no_number_names_its_place);
    suite_add_tcase(s, t);
    t = tcase_create("weight");
    tcase_add_test(t, an_exact_ratio_makes_the_models_plan_the_worlds);
    tcase_add_test(t, a_constant_weight_is_a_discount);
    tcase_add_test(t, weights_that_let_values_grow_are_refused_in_words);
    tcase_add_test(
        t, weighed_values_are_the_worlds_and_their_variance_can_be_fitted);
    suite_add_tcase(s, t);
    t = tcase_create("texts");
    tcase_add_loop_test(t, words_without_a_meaning_are_refused, 0,
                        sizeof wrong / sizeof *wrong);
    tcase_add_test(t, words_of_other_worlds_are_refused_in_this_one);
    tcase_add_test(t, words_with_one_are_accepted);
    tcase_add_test(t, the_bound_on_log_J_is_called_one);
    suite_add_tcase(s, t);
    return s;
}
