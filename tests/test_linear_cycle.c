/* tests/test_linear_cycle.c -- linear worlds whose map varies in time, and data of
 * which an expert has a share.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/linear_cases.h"
#include "tests/suites.h"

static const char alternating[] =
    "A=0.5,0,0,0,0;0,0.5,0,0,0;0,0,0.5,0,0;0,0,0,0.5,0;0,0,0,0,0.5;"
    "1.5,0,0,0,0;0,1.5,0,0,0;0,0,1.5,0,0;0,0,0,1.5,0;0,0,0,0,1.5 "
    "B=1;0;0;0;0 state_cost=0 action_cost=1 terminal_cost=1 noise=0 start=0.1 "
    "start_covariance=0";

static elbo_engine *open_case(case_setup *c, case_text text)
{
    text.env = "linear";
    if (!text.env_own) text.env_own = alternating;
    return linear_open(c, &text, 3);
}

/* Vemula et al. 2023, their code's output: the best controller's cost; and by hand that
 * of no control, 5/2 (0.1 0.75^50)^2. */
START_TEST(the_best_plan_costs_what_was_published)
{
    case_setup a, b;
    elbo_row best, none;
    elbo_engine *e = open_case(&a, (case_text){.env_common = "horizon=100 discount=1",
                                               .model = "true",
                                               .control_common = "temperature=0",
                                               .data = "steps=0"});
    elbo_engine *idle = open_case(&b, (case_text){.env_common = "horizon=100 discount=1",
                                                  .model = "linear_gaussian",
                                                  .model_own = "estimate=point",
                                                  .control_common = "temperature=0",
                                                  .data = "steps=0"});
    const double still = -2.5 * 0.01 * pow(0.75, 100);

    case_ok(elbo_engine_iterate(e, &best));
    case_ok(elbo_engine_iterate(idle, &none));
    ck_assert_double_eq_tol(best.return_real, -6.604662127522981e-15, 1e-26);
    ck_assert(best.return_model == best.return_real);
    ck_assert_double_eq_tol(none.return_real, still, 1e-12 * -still);
    case_stop(&a, e);
    case_stop(&b, idle);
}
END_TEST

/* Steps alternate, from the start of each episode; who acts is one or the other. */
START_TEST(each_step_has_its_map_and_each_episode_its_actor)
{
    case_setup c;
    elbo_row row;
    elbo_engine *e = open_case(
        &c, (case_text){.env_common = "horizon=7 discount=1",
                        .model = "linear_gaussian",
                        .control_common = "temperature=0",
                        .data = "policy=uniform noise=0.3 expert=0.25 steps=2800"});
    const elbo_linear *l = e->linear;
    size_t expert = 0, other = 0;

    case_ok(elbo_engine_iterate(e, &row));
    for (size_t i = 0; i < l->data.n; i += 7) {
        size_t by_expert = 0;

        for (size_t t = 0; t < 7; t++) {
            const double *x = l->data.x + 5 * (i + t), *y = l->data.y + 5 * (i + t);
            const double u = l->data.u[i + t];
            gsl_vector_const_view s = gsl_vector_const_view_array(x, 5);
            double best = gsl_vector_get(l->behaviour.expert[t].k, 0);

            ck_assert_uint_eq(l->data.step[i + t], t);
            for (size_t j = 0; j < 5; j++) {
                ck_assert_double_eq_tol(y[j], (t % 2 ? 1.5 : 0.5) * x[j] + (j ? 0 : u),
                                        1e-14);
                best += gsl_matrix_get(l->behaviour.expert[t].K, 0, j)
                        * gsl_vector_get(&s.vector, j);
            }
            by_expert += fabs(u - best) <= 1e-14;
        }
        ck_assert(by_expert == 0 || by_expert == 7);
        expert += by_expert == 7;
        other += by_expert == 0;
    }
    /* 400 episodes: 100 +- 5 standard deviations */
    ck_assert_uint_eq(expert + other, 400);
    ck_assert_uint_ge(expert, 57);
    ck_assert_uint_le(expert, 143);
    case_stop(&c, e);
}
END_TEST

START_TEST(what_varies_in_time_has_an_end)
{
    const char *section;
    case_setup c;
    elbo_engine *e;

    case_open(&c, &(case_text){.env = "linear",
                               .env_own = alternating,
                               .model = "true",
                               .control = "lqr"});
    case_fails(elbo_engine_open_parts(&c.setup, 0, &section, &e), ELBO_EINVAL,
               "needs env.horizon");
    case_close(&c);
}
END_TEST

Suite *suite_linear_cycle(void)
{
    Suite *s = suite_create("linear_cycle");
    TCase *t = tcase_create("linear_cycle");

    tcase_add_test(t, the_best_plan_costs_what_was_published);
    tcase_add_test(t, each_step_has_its_map_and_each_episode_its_actor);
    tcase_add_test(t, what_varies_in_time_has_an_end);
    suite_add_tcase(s, t);
    return s;
}
