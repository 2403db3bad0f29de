/* tests/test_linear_objective_runs.c -- expressions in linear-Gaussian worlds:
 * runs resumed, on threads, and refused.
 */
#include <check.h>
#include <omp.h>

#include "tests/linear_cases.h"
#include "tests/suites.h"

static const case_text resumed[] = {
    {.env_common = "discount=0.95",
     .model_own = "estimate=point prior_mean=identity ridge=0.01",
     .control_common = "temperature=0.1",
     .inference = "likelihood=-0.5*sq(E(V(y))-V(next))+0.1*logp "
                  "weight=1+0*V_target(s) m_step_iterations=20",
     .data = "mode=online steps=20 episode_steps=10"},
    {.env_common = "horizon=6",
     .model_own = "estimate=point time_varying=true",
     .control_common = "temperature=0.1",
     .inference = "likelihood=logpi+logp gradient=implicit m_step_iterations=20",
     .data = "mode=online policy=expert steps=12"},
    {.env_common = "discount=0.95",
     .model_own = "estimate=point prior_mean=identity",
     .control_common = "temperature=0.1",
     .inference = "likelihood=-0.5*sq(E(V(y))-V(next))+0.1*logp "
                  "weight=0.7 m_step_iterations=20",
     .data = "steps=60 episode_steps=10"},
    {.env_own = "states=2 inputs=1 noise=0.05 start=1",
     .env_common = "discount=0.95",
     .model_own = "estimate=point prior_mean=identity learn=gains",
     .control_common = "temperature=0.1",
     .inference = "likelihood=J gradient=search(gp,8)",
     .data = "steps=60 episode_steps=10"},
    {.env_common = "horizon=6",
     .model_own = "estimate=point prior_mean=identity",
     .control_common = "temperature=0.1",
     .inference = "likelihood=-0.5*sq(E(V_then(y))-V_then(next)) iterations=7 "
                  "weight=1+0*V_then(s) m_step_iterations=20",
     .data = "mode=online steps=12"},
    {.env_common = "horizon=6",
     .model_own = "estimate=posterior",
     .control_common = "temperature=0.1 target_rate=0.3",
     .inference = "weight=exp(0.01*clip(V_target(s)+V(next),-50,0))",
     .data = "mode=online steps=12"},
};

static void iterate(elbo_engine *e, int n, elbo_row *row)
{
    for (int k = 0; k < n; k++) case_ok(elbo_engine_iterate(e, row));
}

static void same_rows(const elbo_row *x, const elbo_row *y)
{
    double a[ELBO_ROW_COLUMNS], b[ELBO_ROW_COLUMNS];
    const size_t n = elbo_row_values(x, ELBO_EXPONENTIAL, a);

    ck_assert_uint_eq(elbo_row_values(y, ELBO_EXPONENTIAL, b), n);
    for (size_t i = 0; i < n; i++) ck_assert(a[i] == b[i]);
}

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    char own[LINEAR_OWN];
    const case_text text = linear_text(&resumed[_i], 5, own);

    case_resumes(&text, 5);
}
END_TEST

START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    const int old = omp_get_max_threads();
    elbo_row row[2];

    for (int i = 0; i < 2; i++) {
        case_setup c;
        elbo_engine *engine;

        omp_set_num_threads(1 + 2 * i);
        engine = linear_open(&c, &resumed[_i], 5);
        iterate(engine, 3, &row[i]);
        case_stop(&c, engine);
    }
    omp_set_num_threads(old);
    same_rows(&row[0], &row[1]);
}
END_TEST

/* ---- what is refused ---- */

static const struct {
    const char *model_own, *inference, *control, *data, *section, *key, *text;
} refused[] = {
    {"estimate=posterior", "likelihood=-0.5*sq(E(V(y))-V(next))", NULL, NULL,
     "inference", "likelihood", "estimate: point"},
    {"estimate=point", "likelihood=logpi gradient=implicit", "temperature=0", NULL,
     "inference", "likelihood", "no density"},
    {"estimate=point", "weight=exp(logpi)", "temperature=0.5", NULL, "control",
     "prior_variance", "must be finite"},
    {"estimate=point", "likelihood=V(s)", NULL, NULL, "inference", "likelihood",
     "while gradient is stop"},
    {"estimate=point", "likelihood=r", NULL, NULL, "inference", "likelihood",
     "depends on theta"},
    {"estimate=point", "likelihood=Ed(V(next))+logp", NULL, NULL, "inference",
     "likelihood", "not of this family"},
    {"estimate=point", "weight=occupancy", NULL, NULL, "inference", "weight",
     "not of this family"},
    {"estimate=point", "likelihood=logpi gradient=unroll(5)", "temperature=0.5", NULL,
     "inference", "gradient", "implicit or search"},
    {"estimate=point", "likelihood=logpi gradient=implicit(cg)", "temperature=0.5",
     NULL, "inference", "gradient", "implicit or search"},
    {"estimate=point", "likelihood=logp+1", NULL, "source=population", "data",
     "source", "needs samples"},
    {"estimate=point", "likelihood=brier", NULL, NULL, "inference", "likelihood",
     "not of this family"},
};
enum { REFUSED = sizeof refused / sizeof *refused };

START_TEST(settings_that_do_not_go_together_are_refused)
{
    const char *section, *key;
    case_setup c;

    case_open(&c, &(case_text){.env = "random_linear",
                               .model = "linear_gaussian",
                               .control = "lqr",
                               .model_own = refused[_i].model_own,
                               .inference = refused[_i].inference,
                               .control_common = refused[_i].control,
                               .data = refused[_i].data});
    case_fails(elbo_setup_check(&c.setup, 0, &section, &key), ELBO_ECONFIG,
               refused[_i].text);
    ck_assert_str_eq(section, refused[_i].section);
    ck_assert_str_eq(key, refused[_i].key);
    case_close(&c);
}
END_TEST

START_TEST(an_expression_of_other_worlds_is_refused_there)
{
    const char *section, *key;
    case_setup c;

    case_open(&c, &(case_text){.env = "chain",
                               .model = "softmax",
                               .control = "soft_value_iteration",
                               .inference = "likelihood=-0.5*sq(V(E(y))-V(next))"});
    case_fails(elbo_setup_check(&c.setup, 0, &section, &key), ELBO_ECONFIG,
               "not of this family");
    ck_assert_str_eq(key, "likelihood");
    case_close(&c);
}
END_TEST

START_TEST(a_negative_weight_stops_the_run_in_words)
{
    case_setup c;
    elbo_row row;
    elbo_engine *e = linear_open(&c,
                               &(case_text){.model_own = "estimate=posterior",
                                            .inference = "weight=sum(s)",
                                            .data = "steps=40 episode_steps=6"},
                               1);

    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "must not be negative");
    case_stop(&c, e);
}
END_TEST

Suite *suite_linear_objective_runs(void)
{
    Suite *s = suite_create("linear_objective_runs");
    TCase *t = tcase_create("linear_objective");
    tcase_add_loop_test(t, a_resumed_run_goes_on_to_the_same_bits, 0,
                        sizeof resumed / sizeof *resumed);
    tcase_add_loop_test(t, rows_do_not_depend_on_the_number_of_threads, 0,
                        sizeof resumed / sizeof *resumed);
    tcase_add_loop_test(t, settings_that_do_not_go_together_are_refused, 0, REFUSED);
    tcase_add_test(t, an_expression_of_other_worlds_is_refused_there);
    tcase_add_test(t, a_negative_weight_stops_the_run_in_words);
    suite_add_tcase(s, t);
    return s;
}
