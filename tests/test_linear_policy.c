/* tests/test_linear_policy.c -- gradJ_error in linear-Gaussian worlds. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/linear_cases.h"
#include "tests/suites.h"

static const case_text paml = {
    .env = "linear",
    .env_own = "A=0.9,0.4,0;-0.4,0.9,0;0,0,0.98 B=0.1,0;0,0.1;0,0 state_cost=2,2,0 "
               "action_cost=2 start=0.3,-0.2,1 start_covariance=0.3 noise=0.01",
    .env_common = "horizon=6 discount=0.95",
    .model = "linear_gaussian",
    .model_own = "estimate=point prior_mean=identity spread=0.05 input_spread=0.05",
    .control_common = "temperature=0.1",
    .inference = "likelihood=-gradJ_error iterations=6 m_step_iterations=5",
    .data = "mode=online policy=current epsilon=1 noise=0.3 steps=20"};

/* |dJ/d(K, k) in the model - the same in the world| by differences of returns. */
static double error_by_differences(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const double h = 1e-4;
    double sum = 0;

    for (size_t t = 0; t < l->stages; t++)
        for (size_t i = 0; i < l->world.nu * (l->world.nx + 1); i++) {
            double *const x = i < l->world.nu ? gsl_vector_ptr(l->pi[t].k, i)
                                              : l->pi[t].K->data + i - l->world.nu;
            const double was = *x;
            double J[2][2];

            for (int side = 0; side < 2; side++) {
                *x = was + (side ? -h : h);
                case_ok(elbo_linear_return(e, l->pi, l->belief.mean, 1, &J[side][0]));
                case_ok(elbo_linear_return(e, l->pi, l->truth, 1, &J[side][1]));
            }
            *x = was;
            sum += pow((J[0][0] - J[1][0] - J[0][1] + J[1][1]) / (2 * h), 2);
        }
    return sqrt(sum);
}

START_TEST(error_is_that_of_returns_seen_by_differences)
{
    case_setup c;
    elbo_row row;
    elbo_engine *e = linear_open(&c, &paml, 3);

    for (size_t k = 0; k < 3; k++) {
        case_ok(elbo_engine_iterate(e, &row));

        const double each = -row.parts.likelihood / (double)row.env_steps;

        ck_assert_double_gt(each, 0);
        ck_assert_double_eq_tol(each, error_by_differences(e), 1e-7 * (1 + each));
    }
    case_stop(&c, e);
}
END_TEST

START_TEST(slope_is_what_differences_see)
{
    static const char *const likelihoods[] = {
        "likelihood=-gradJ_error", "likelihood=logp-0.3*sq(gradJ_error)*E(V(y))"};
    elbo_derivative_check found;
    case_text text = paml;
    case_setup c;
    elbo_engine *e;

    text.inference = likelihoods[_i];
    e = linear_open(&c, &text, 3);
    case_ok(elbo_engine_check_gradient(e, &found));
    ck_assert_ptr_null(found.skipped);
    /* the check's own differences, of second order, err by as much: the slope is the
     * same to 1e-9 for steps from 1e-2 to 1e-4 along the policy */
    ck_assert_double_lt(found.relative, 1e-5);
    case_stop(&c, e);
}
END_TEST

START_TEST(run_resumes_to_the_same_bits)
{
    char own[LINEAR_OWN];
    const case_text text = linear_text(&paml, 3, own);

    case_resumes(&text, 3);
}
END_TEST

static void refused(case_text text, const char *key)
{
    char own[LINEAR_OWN];

    text = linear_text(&text, 3, own);
    case_refused(&text, "inference", key);
}

START_TEST(the_gradient_in_the_world_is_an_oracle)
{
    case_setup c;
    elbo_engine *const e = linear_open(&c, &paml, 3);
    const char *const *names;

    case_ok(elbo_setup_oracles(&c.setup, c.arena, &names));
    ck_assert_str_eq(names[0], "gradJ_error");
    ck_assert_ptr_null(names[1]);
    case_stop(&c, e);
}
END_TEST

START_TEST(what_has_no_such_gradient_is_refused)
{
    case_text text = paml;

    text.env_common = "discount=0.9";
    refused(text, "likelihood");
    text = paml;
    text.inference = "likelihood=-gradJ_error gradient=implicit";
    refused(text, "gradient");
    text = paml;
    text.inference = "weight=gradJ_error";
    refused(text, "weight");
}
END_TEST

/* At temperature inf the world's best policy is judged: the plan of temperature 0, a
 * little noise on it, whatever the model. */
START_TEST(the_best_policy_of_the_world_is_judged)
{
    case_text text = {.env_common = _i % 2 ? "discount=0.9" : "horizon=7 discount=0.95",
                      .model = "true",
                      .control_common = "temperature=0",
                      .data = "steps=40 episode_steps=6"};
    case_setup a, b;
    elbo_row best, row;
    elbo_engine *const plan = linear_open(&a, &text, 4);
    double J;

    text.control_common = "temperature=inf prior=optimal prior_variance=1e-12";
    text.model = "linear_gaussian";
    text.model_own = "estimate=point prior_noise=0.3";
    text.inference = "likelihood=-sq(E(V(y))-V(next)) gradient=implicit "
                     "iterations=2 m_step_iterations=3";

    elbo_engine *const judge = linear_open(&b, &text, 4);
    const elbo_linear *const l = judge->linear;
    elbo_derivative_check found;

    case_ok(elbo_engine_iterate(plan, &best));
    case_ok(elbo_engine_iterate(judge, &row));
    ck_assert_double_eq_tol(row.return_real, best.return_real,
                            1e-8 * fabs(best.return_real));
    for (size_t t = 0; t < l->stages; t++)
        for (size_t i = 0; i < l->world.nu * l->world.nx; i++)
            ck_assert_double_eq_tol(l->pi[t].K->data[i],
                                    plan->linear->pi[t].K->data[i], 1e-9);
    case_ok(elbo_linear_return(judge, l->pi, l->belief.mean, 1, &J));
    ck_assert_double_eq_tol(row.return_model, J, 1e-10 * fabs(J));
    ck_assert_double_gt(fabs(row.value_gap), 1e-3);
    ck_assert(row.parts.policy_kl == 0);
    case_stop(&b, judge);

    elbo_engine *const slopes = linear_open(&b, &text, 4);

    case_ok(elbo_engine_check_gradient(slopes, &found));
    ck_assert_ptr_null(found.skipped);
    ck_assert_double_le(found.relative, 1e-6);
    case_stop(&a, plan);
    case_stop(&b, slopes);
}
END_TEST

Suite *suite_linear_policy(void)
{
    Suite *s = suite_create("linear_policy");
    TCase *t = tcase_create("gradJ_error");

    tcase_add_loop_test(t, the_best_policy_of_the_world_is_judged, 0, 2);
    tcase_add_test(t, error_is_that_of_returns_seen_by_differences);
    tcase_add_loop_test(t, slope_is_what_differences_see, 0, 2);
    tcase_add_test(t, run_resumes_to_the_same_bits);
    tcase_add_test(t, the_gradient_in_the_world_is_an_oracle);
    tcase_add_test(t, what_has_no_such_gradient_is_refused);
    suite_add_tcase(s, t);
    return s;
}
