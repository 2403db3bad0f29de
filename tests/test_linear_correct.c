/* tests/test_linear_correct.c -- transition: corrected in runs of linear worlds. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/messages/opc.h"
#include "tests/linear_cases.h"
#include "tests/suites.h"

enum { T = 12 };

static const char world[] =
    "A=1.1,0.1;-0.1,0.9 B=0.6,0.3;-0.3,0.6 start=1,0.5 start_covariance=0 noise=0";

/* A model that stays at (I, I) beside that world; one episode a round. */
static case_text wrong_model(void)
{
    return (case_text){
        .env = "linear",
        .env_own = world,
        .env_common = "horizon=12 discount=1",
        .model = "linear_gaussian",
        .model_own = "estimate=point learn=gains prior_mean=both ridge=1e12 "
                     "prior_noise=1e-6",
        .control_common = "temperature=0",
        .inference = "transition=corrected iterations=30",
        .data = "mode=online policy=current steps=12"};
}

static elbo_engine *start(case_setup *c, case_text text)
{
    return linear_open(c, &text, 3);
}

/* The first episode, by u = 0, by hand; the plan by the messages alone. */
START_TEST(the_first_plan_is_lqr_in_the_model_shifted_by_hand)
{
    case_setup c;
    elbo_row row;
    elbo_engine *e = start(&c, wrong_model());
    elbo_linear *const l = e->linear;
    elbo_lqr problem;
    elbo_lqr_solution best;
    elbo_linear_dynamics shifted[T];
    gsl_vector *shift;
    double x[2] = {1, 0.5};

    case_ok(elbo_engine_iterate(e, &row));
    problem = elbo_linear_problem(e);
    for (size_t t = 0; t < T; t++) {
        const double y[] = {1.1 * x[0] + 0.1 * x[1], -0.1 * x[0] + 0.9 * x[1]};

        shift = elbo_arena_vec(c.arena, 2);
        shifted[t] = l->belief.mean[0];
        for (size_t i = 0; i < 2; i++)
            gsl_vector_set(shift, i,
                           y[i] - gsl_matrix_get(shifted[t].A, i, 0) * x[0]
                               - gsl_matrix_get(shifted[t].A, i, 1) * x[1]);
        shifted[t].c = shift;
        memcpy(x, y, sizeof x);
    }
    problem.dynamics = shifted;
    problem.ndynamics = T;
    case_ok(elbo_lqr_solve(&problem, &elbo_lqr_config_defaults, &best, c.arena));
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < 2; i++) {
            ck_assert_double_eq_tol(gsl_vector_get(l->pi[t].k, i),
                                    gsl_vector_get(best.stages[t].pi.k, i), 1e-10);
            for (size_t j = 0; j < 2; j++)
                ck_assert_double_eq_tol(gsl_matrix_get(l->pi[t].K, i, j),
                                        gsl_matrix_get(best.stages[t].pi.K, i, j),
                                        1e-10);
        }
    case_stop(&c, e);
}
END_TEST

static elbo_row last_row(case_text text, size_t rounds)
{
    case_setup c;
    elbo_row row;
    elbo_engine *e = start(&c, text);

    for (size_t k = 0; k < rounds; k++) case_ok(elbo_engine_iterate(e, &row));
    case_stop(&c, e);
    return row;
}

/* Where the policy no longer moves it plays its own reference. */
START_TEST(a_settled_run_has_no_value_gap_and_earns_more_than_the_wrong_model)
{
    case_text plain = wrong_model();
    const elbo_row corrected = last_row(plain, 30);

    plain.inference = "transition=model iterations=30";

    const elbo_row wrong = last_row(plain, 30);

    ck_assert(fabs(wrong.value_gap) > 0.1);
    ck_assert(fabs(corrected.value_gap) < 1e-3 * fabs(wrong.value_gap));
    ck_assert(corrected.return_real > wrong.return_real + 0.05);
}
END_TEST

/* Half an episode a round: the correction is that of the last whole one. */
START_TEST(an_episode_under_way_is_not_yet_read)
{
    case_text text = wrong_model();
    case_setup a, b;
    elbo_row row, same;
    elbo_engine *half = start(&a, text);

    text.data = "mode=online policy=current steps=6";

    elbo_engine *slow = start(&b, text);

    case_ok(elbo_engine_iterate(half, &row));
    case_ok(elbo_engine_iterate(slow, &same));
    ck_assert(row.return_model != same.return_model);
    text.inference = "transition=model iterations=30";
    ck_assert_double_eq_tol(same.return_model, last_row(text, 1).return_model, 1e-9);
    case_stop(&a, half);
    case_stop(&b, slow);
}
END_TEST

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    case_text text = wrong_model();
    char own[LINEAR_OWN];

    text.model_own = NULL;
    text.data = "mode=online policy=current epsilon=1 noise=0.3 steps=7";
    text = linear_text(&text, 3, own);
    case_resumes(&text, 5);
}
END_TEST

static void refused(case_text text, const char *key)
{
    char own[LINEAR_OWN];

    text = linear_text(&text, 3, own);
    case_refused(&text, "inference", key);
}

START_TEST(settings_without_episodes_or_stages_are_refused)
{
    case_text text = wrong_model();
    const case_text finite = {.env = "chain",
                              .model = "tabular",
                              .control = "value_iteration",
                              .control_common = "temperature=0",
                              .inference = "transition=corrected"};

    text.env_common = "discount=0.9";
    refused(text, "transition");
    text = wrong_model();
    text.data = "source=population";
    refused(text, "transition");
    text = wrong_model();
    text.inference = "transition=corrected gradient=implicit likelihood=logpi";
    text.control_common = "temperature=1 prior_variance=1";
    refused(text, "gradient");
    case_refused(&finite, "inference", "transition");
}
END_TEST

Suite *suite_linear_correct(void)
{
    Suite *s = suite_create("linear_correct");
    TCase *t = tcase_create("corrected");

    tcase_add_test(t, the_first_plan_is_lqr_in_the_model_shifted_by_hand);
    tcase_add_test(t,
                   a_settled_run_has_no_value_gap_and_earns_more_than_the_wrong_model);
    tcase_add_test(t, an_episode_under_way_is_not_yet_read);
    tcase_add_test(t, a_resumed_run_goes_on_to_the_same_bits);
    tcase_add_test(t, settings_without_episodes_or_stages_are_refused);
    suite_add_tcase(s, t);
    return s;
}
