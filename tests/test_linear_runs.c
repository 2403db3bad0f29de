/* tests/test_linear_runs.c -- runs in linear-Gaussian worlds: resumed, judged,
 * refused. */
#include <check.h>
#include <math.h>

#include "tests/linear_cases.h"
#include "tests/suites.h"

static const case_text resumed[] = {
    {.env_common = "horizon=12",
     .control_common = "temperature=0.1",
     .inference = "transition=tilt(5) feedback=1",
     .data = "mode=online policy=current epsilon=1 noise=0.1 steps=7",
     .evaluation = "regret=true"},
    {.env_common = "horizon=4",
     .model_own = "time_varying=true",
     .data = "steps=40"},
    {.model_own = "estimate=maximum_likelihood",
     .env_common = "horizon=12",
     .control_common = "temperature=0",
     .data = "mode=online policy=current epsilon=0.5 steps=12"},
    {.data = "source=population steps=100 noise=2",
     .env_common = "horizon=12"},
};

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    char own[LINEAR_OWN];
    const case_text text = linear_text(&resumed[_i], 5, own);

    case_resumes(&text, 5);
}
END_TEST

/* The sum of what the best policy earns less the one that collected: in both
 * families, the best as the true model's own run has it. */
static const struct {
    case_text learner, oracle;
} regretful[] = {
    {{.env_common = "horizon=8",
      .control_common = "temperature=0",
      .data = "mode=online policy=current epsilon=1 steps=8",
      .evaluation = "regret=true"},
     {.model = "true",
      .env_common = "horizon=8",
      .control_common = "temperature=0",
      .data = "steps=0"}},
    {{.env = "garnet",
      .env_own = "states=6 actions=2",
      .env_common = "discount=0.9",
      .model = "tabular",
      .control = "soft_value_iteration",
      .control_common = "temperature=0.1",
      .data = "mode=online policy=current steps=8",
      .evaluation = "regret=true"},
     {.env = "garnet",
      .env_own = "states=6 actions=2",
      .env_common = "discount=0.9",
      .model = "true",
      .control = "value_iteration",
      .control_common = "temperature=0",
      .data = "steps=0"}},
};

START_TEST(regret_is_summed_over_the_rounds_of_collection)
{
    case_setup a, b;
    elbo_engine *learner = linear_open(&a, &regretful[_i].learner, 1);
    elbo_engine *oracle = linear_open(&b, &regretful[_i].oracle, 1);
    double best, first, sum;
    elbo_row row;

    case_ok(learner->family->judge(learner, &best, &first));
    case_ok(elbo_engine_iterate(oracle, &row));
    ck_assert_double_eq_tol(best, row.return_real, 1e-8 * fabs(best));
    ck_assert_double_gt(best, first);
    sum = best - first;
    for (int k = 0; k < 4; k++) {
        case_ok(elbo_engine_iterate(learner, &row));
        ck_assert_str_eq(learner->columns[12 + row.own.n - 1], "regret");
        ck_assert_double_eq_tol(row.own.x[row.own.n - 1], sum, 1e-9 * fabs(sum));
        sum += best - row.return_real;
    }
    case_stop(&a, learner);
    case_stop(&b, oracle);
}
END_TEST

/* A policy that lets the world run away earns minus infinity, and is told so. */
START_TEST(an_unstable_promise_is_refused_in_words)
{
    case_setup c;
    elbo_engine *e = linear_open(
        &c,
        &(case_text){.env = "linear",
                     .env_own = "A=1.2 B=1",
                     .model = "random",
                     .control_common = "temperature=0",
                     .data = "steps=0"},
        4);
    elbo_row row;

    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "does not stabilise");
    case_stop(&c, e);
}
END_TEST

static const struct {
    const char *section, *key;
    case_text text;
} refused[] = {
    {"model",     "name",           {.model = "tabular"}                         },
    {"control",   "name",           {.control = "value_iteration"}               },
    {"env",       "discount",       {.env_common = "discount=1"}                 },
    {"inference", "likelihood",     {.inference = "likelihood=-0.5*sq(E(V(y))-V(next))"}},
    {"inference", "transition",     {.inference = "transition=robust(0.1)"}      },
    {"inference", "feedback",       {.inference = "feedback=1"}                  },
    {"inference", "feedback",       {.inference = "feedback=1 transition=tilt(-2)"}},
    {"control",   "prior_variance", {.control_common = "temperature=inf"}        },
    {"data",      "policy",         {.data = "policy=current"}                   },
    {"evaluation", "regret",        {.evaluation = "regret=true"}                },
};

START_TEST(settings_that_do_not_go_together_are_refused)
{
    char own[LINEAR_OWN];
    const case_text text = linear_text(&refused[_i].text, 0, own);

    case_refused(&text, refused[_i].section, refused[_i].key);
}
END_TEST

Suite *suite_linear_runs(void)
{
    Suite *s = suite_create("linear_runs");
    TCase *t = tcase_create("runs");

    tcase_add_loop_test(t, a_resumed_run_goes_on_to_the_same_bits, 0,
                        sizeof resumed / sizeof *resumed);
    tcase_add_loop_test(t, regret_is_summed_over_the_rounds_of_collection, 0, 2);
    tcase_add_test(t, an_unstable_promise_is_refused_in_words);
    tcase_add_loop_test(t, settings_that_do_not_go_together_are_refused, 0,
                        sizeof refused / sizeof *refused);
    suite_add_tcase(s, t);
    return s;
}
