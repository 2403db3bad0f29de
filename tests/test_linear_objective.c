/* tests/test_linear_objective.c -- weight, likelihood and gradient as expressions
 * in linear-Gaussian worlds, by whole engines.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/linear_cases.h"
#include "tests/suites.h"

static elbo_row run(elbo_engine *engine)
{
    elbo_row row;

    do case_ok(elbo_engine_iterate(engine, &row));
    while (elbo_engine_verdict(engine) == ELBO_RUNNING);
    return row;
}

/* ---- derivatives ---- */

static const struct {
    const char *likelihood;
    const char *more; /* of inference */
    const char *env, *model, *control;
} derived[] = {
    {"logp", "", "discount=0.95", "learn=all", "temperature=0.1"},
    {"logp", "transition=tilt(40) feedback=1", "horizon=6", "ridge=0.3",
     "temperature=0.1"},
    {"-0.5*sq(E(V(y))-V(next))", "", "discount=0.95", "learn=all", "temperature=0.1"},
    {"-0.5*sq(E(V(y))-V(next))", "transition=tilt(40) feedback=0.5", "horizon=6",
     "time_varying=true", "temperature=0"},
    {"-0.5*E(sq(V(y)-V(next)))+0.1*logp", "", "horizon=6", "learn=map",
     "temperature=0"},
    {"-0.5*sum(sq(stop(gradV(next))*(E(y)-next)))", "", "discount=0.95",
     "learn=gains", "temperature=0"},
    {"-abs(mean(E(V(y))-V(next)))-0.1*sum(Var(y))", "", "discount=0.95", "ridge=0.1",
     "temperature=0"},
    {"logpi+0.1*logp", "gradient=implicit", "discount=0.95", "learn=all",
     "temperature=0.2"},
    {"logpi", "gradient=implicit transition=tilt(40)", "discount=0.95", "learn=all",
     "temperature=0.2 prior_variance=2"},
    {"logpi", "gradient=implicit", "horizon=6", "time_varying=true",
     "temperature=0.2"},
    {"-0.5*sq(Q(s,a)-(r+gamma*V(next)))", "gradient=implicit", "discount=0.95",
     "learn=all", "temperature=0"},
    {"-0.5*sq(Q(s,a)-(r+gamma*V(next)))", "gradient=implicit", "horizon=6",
     "time_varying=true", "temperature=0.1"},
    {"-0.5*sq(Q(s,a)-(r+gamma*V(next)))", "gradient=implicit transition=tilt(40)",
     "discount=0.95", "learn=all", "temperature=0.1"},
    {"J+A(s,a)", "gradient=implicit transition=tilt(-40)", "horizon=6", "learn=all",
     "temperature=0.1"},
    {"-sum(sq(a-Epi(a)))-0.1*Var(V(y))", "gradient=implicit", "discount=0.95",
     "learn=map", "temperature=0"},
    {"-Epi(sq(A(s,a)))", "gradient=implicit", "horizon=6", "learn=all",
     "temperature=0.3"},
    {"J-0.01*sum(sq(E(y)-next))", "gradient=implicit", "discount=0.95", "learn=all",
     "temperature=0.1"},
    {"J", "gradient=implicit", "horizon=6", "time_varying=true", "temperature=0"},
    {"Jmodel+0.1*logp", "gradient=implicit", "discount=0.95", "learn=all",
     "temperature=0.1"},
    {"Jmodel", "gradient=implicit", "horizon=6 discount=1", "time_varying=true",
     "temperature=0.1"},
};
enum { DERIVED = sizeof derived / sizeof *derived };

/* Every parameter at a theta near the truth, by the objective that M-steps climb:
 * under implicit the planner is solved again for each quotient. */
START_TEST(every_derivative_is_the_difference_quotient)
{
    const bool implicit = strstr(derived[_i].more, "implicit");
    char model[120], inference[200];
    case_setup c;
    elbo_row row = {0};
    double theta[400], grad[400], value, unused, moved = 0, largest = 0;

    snprintf(model, sizeof model, "estimate=point %s", derived[_i].model);
    snprintf(inference, sizeof inference, "likelihood=%s %s", derived[_i].likelihood,
             derived[_i].more);

    elbo_engine *e = linear_open(&c,
                               &(case_text){.env_common = derived[_i].env,
                                            .model_own = model,
                                            .control_common = derived[_i].control,
                                            .inference = inference,
                                            .data = "steps=40 episode_steps=6"},
                               (unsigned)_i);
    elbo_linear_belief *belief = &e->linear->belief;
    const elbo_linear_dynamics *truth = &e->linear->world.dynamics;

    ck_assert_uint_le(belief->n, 400);
    case_ok(e->family->gather(e, &row));
    belief->model->get(belief, theta);
    for (size_t j = 0; j < belief->n; j++)
        theta[j] += 0.1 * sin(2.385 * (double)(j + 1));
    for (size_t t = 0; t < belief->stages; t++)
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++)
                theta[t * belief->n / belief->stages
                      + i * (strstr(model, "gains") ? 5 : 6) + j] +=
                    0.8 * gsl_matrix_get(truth->A, i, j);
    case_ok(belief->model->set(belief, theta));
    case_ok(e->family->e_step(e, &row, &unused));
    case_ok(elbo_linear_prepare(e));
    case_ok(elbo_linear_objective_at(e, theta, &value, grad));
    if (e->linear->objective) elbo_linear_objective_hold(e->linear->objective, true);
    for (size_t j = 0; j < belief->n; j++) largest = fmax(largest, fabs(grad[j]));
    for (size_t j = 0; j < belief->n; j++) {
        const double at = theta[j], h = 1e-4;
        double f[4], want;

        for (int k = 0; k < 4; k++) {
            theta[j] = at + h * (k < 2 ? k - 2 : k - 1);
            case_ok(elbo_linear_objective_at(e, theta, &f[k], NULL));
        }
        theta[j] = at;
        want = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
        moved = fmax(moved, fabs(want));
        ck_assert_msg(fabs(grad[j] - want) <= (implicit ? 1e-5 : 1e-6) * (1 + largest),
                      "%s: parameter %zu: %.10g, not %.10g", inference, j, grad[j],
                      want);
    }
    ck_assert_double_gt(moved, 1e-3);
    case_stop(&c, e);
}
END_TEST

START_TEST(the_engine_compares_its_own_derivatives)
{
    case_setup c;
    elbo_derivative_check found;
    elbo_engine *e = linear_open(
        &c,
        &(case_text){.model_own = "estimate=point",
                     .inference = "likelihood=logpi+stop(V(s))*logp "
                                  "gradient=implicit",
                     .control_common = "temperature=0.2",
                     .data = "steps=40 episode_steps=6"},
        1);

    case_ok(elbo_engine_check_gradient(e, &found));
    ck_assert_ptr_null(found.skipped);
    ck_assert_uint_eq(found.n, ELBO_DERIVATIVE_CHECKS);
    ck_assert_double_le(found.relative, 1e-6);
    ck_assert_double_gt(fabs(found.want), 1e-6);
    case_stop(&c, e);
}
END_TEST

/* ---- what is known otherwise ---- */

/* The regression, climbed to: by moments, and by the tape. */
START_TEST(a_climbed_likelihood_is_the_regression)
{
    static const char *const texts[] = {"likelihood=logp", "likelihood=1*logp+0"};
    case_setup a, b;
    char inference[200];
    const char data[] = "steps=300 episode_steps=15";

    snprintf(inference, sizeof inference,
             "%s iterations=3 m_step_iterations=3000 m_step_tolerance=1e-9",
             texts[_i % 2]);

    elbo_engine *closed = linear_open(
        &a, &(case_text){.model_own = "estimate=maximum_likelihood", .data = data},
        (unsigned)_i);
    elbo_engine *climbed = linear_open(&b,
                                     &(case_text){.model_own = "estimate=point "
                                                               "prior_noise=0.1",
                                                  .inference = inference,
                                                  .data = data},
                                     (unsigned)_i);
    const elbo_row x = run(closed), y = run(climbed);
    const elbo_linear_dynamics *p = &closed->linear->belief.mean[0];
    const elbo_linear_dynamics *q = &climbed->linear->belief.mean[0];

    ck_assert_double_eq_tol(x.parts.likelihood, y.parts.likelihood,
                            1e-8 * fabs(x.parts.likelihood));
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            ck_assert_double_eq_tol(gsl_matrix_get(p->A, i, j),
                                    gsl_matrix_get(q->A, i, j), 1e-5);
            ck_assert_double_eq_tol(gsl_matrix_get(p->W, i, j),
                                    gsl_matrix_get(q->W, i, j), 1e-6);
        }
        ck_assert_double_eq_tol(gsl_vector_get(p->c, i), gsl_vector_get(q->c, i),
                                1e-5);
    }
    case_stop(&a, closed);
    case_stop(&b, climbed);
}
END_TEST

/* The row's data term, from maps and values by hand. */
START_TEST(the_data_term_of_a_row_is_the_sum_by_hand)
{
    case_setup c;
    elbo_engine *e = linear_open(
        &c,
        &(case_text){.env_common = _i ? "horizon=6" : "discount=0.95",
                     .model_own = "estimate=point ridge=0.2",
                     .control_common = "temperature=0.1",
                     .inference = "likelihood=-0.5*sq(E(V(y))-V(next)) iterations=4 "
                                  "weight=exp(-0.1*sum(sq(s))) data_scale=7",
                     .data = "steps=60 episode_steps=6"},
        3);
    const elbo_row row = run(e);
    const elbo_linear *l = e->linear;
    const elbo_linear_dynamics *map = &l->belief.mean[0];
    double sum = 0, prior = 0, w = 0, w2 = 0, size = 0;

    for (size_t i = 0; i < l->data.n; i++) {
        const double *s = l->data.x + 3 * i, *u = l->data.u + 2 * i;
        const size_t t = _i ? l->data.step[i] % 6 + 1 : 0;
        const elbo_quadratic *V = t < 6 ? &l->stage[t].V : &l->world.terminal;
        gsl_vector_const_view next = gsl_vector_const_view_array(l->data.y + 3 * i, 3);
        double m[3], off;
        gsl_vector_view mean = gsl_vector_view_array(m, 3);
        const double weight =
            exp(-0.1 * (s[0] * s[0] + s[1] * s[1] + s[2] * s[2]));

        for (size_t a = 0; a < 3; a++) {
            m[a] = gsl_vector_get(map->c, a);
            for (size_t b = 0; b < 3; b++) m[a] += gsl_matrix_get(map->A, a, b) * s[b];
            for (size_t b = 0; b < 2; b++) m[a] += gsl_matrix_get(map->B, a, b) * u[b];
        }
        off = elbo_quadratic_mean(V, &mean.vector, map->W)
              - elbo_quadratic_at(V, &next.vector);
        sum -= 7.0 / 60 * weight * off * off / 2;
        size += 7.0 / 60 * weight * off * off / 2;
        w += weight;
        w2 += weight * weight;
    }
    for (size_t a = 0; a < 3; a++) {
        prior -= 0.1 * pow(gsl_vector_get(map->c, a), 2);
        for (size_t b = 0; b < 3; b++) prior -= 0.1 * pow(gsl_matrix_get(map->A, a, b), 2);
        for (size_t b = 0; b < 2; b++) prior -= 0.1 * pow(gsl_matrix_get(map->B, a, b), 2);
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-10 * (1 + size));
    ck_assert_double_eq_tol(row.parts.prior, prior, 1e-12 * (1 - prior));
    ck_assert_double_eq_tol(row.ess, w * w / w2, 1e-10 * row.ess);
    ck_assert_double_ne(sum, 0);
    case_stop(&c, e);
}
END_TEST

START_TEST(points_start_where_their_seed_says)
{
    static const char own[] = "estimate=point spread=0.2 input_spread=1 "
                              "prior_mean=identity";
    double theta[3][30];

    for (unsigned i = 0; i < 3; i++) { /* the last is the first's again */
        char world[LINEAR_OWN];
        const case_text text =
            linear_text(&(case_text){.model_own = own}, 0, world);
        case_setup c;
        elbo_engine *e = case_start(&c, &text, i % 2);

        ck_assert_uint_le(e->linear->belief.n, 30);
        e->linear->belief.model->get(&e->linear->belief, theta[i]);
        case_stop(&c, e);
    }
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 5; j++) {
            ck_assert(theta[0][6 * i + j] == theta[2][6 * i + j]);
            ck_assert(theta[0][6 * i + j] != theta[1][6 * i + j]);
            ck_assert_double_le(fabs(theta[0][6 * i + j] - (i == j)),
                                j < 3 ? 0.8 : 4);
        }
}
END_TEST

/* An expert's actions, by the model's own plan: its gains are the expert's. */
START_TEST(imitation_finds_the_expert)
{
    case_setup c;
    elbo_engine *e = linear_open(
        &c,
        &(case_text){.env_common = "discount=0.95",
                     .model_own = "estimate=point prior_mean=identity learn=gains",
                     .control_common = "temperature=0",
                     .inference = "likelihood=-0.5*sum(sq(a-Epi(a))) "
                                  "gradient=implicit iterations=2 "
                                  "m_step_iterations=2000 m_step_tolerance=1e-10",
                     .data = "policy=expert steps=400 episode_steps=10"},
        (unsigned)_i);
    const elbo_row row = run(e);
    const elbo_linear *l = e->linear;

    ck_assert_double_ge(row.parts.likelihood, -1e-6);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            ck_assert_double_eq_tol(gsl_matrix_get(l->pi[0].K, i, j),
                                    gsl_matrix_get(l->behaviour.policy[0].K, i, j),
                                    1e-3);
    case_stop(&c, e);
}
END_TEST

/* J climbed through the planner comes to the best return, which is the true model's. */
START_TEST(the_return_climbed_through_the_planner_is_the_best)
{
    case_setup a, b;
    elbo_engine *best = linear_open(&a,
                                  &(case_text){.model = "true",
                                               .env_common = "discount=0.95",
                                               .control_common = "temperature=0",
                                               .data = "steps=0"},
                                  (unsigned)_i);
    elbo_engine *e = linear_open(
        &b,
        &(case_text){.env_common = "discount=0.95",
                     .model_own = "estimate=point prior_mean=identity learn=gains",
                     .control_common = "temperature=0",
                     .inference = "likelihood=J gradient=implicit iterations=2 "
                                  "data_scale=1 m_step_iterations=2000",
                     .data = "steps=40 episode_steps=10"},
        (unsigned)_i);
    const double want = run(best).return_real, got = run(e).return_real;

    ck_assert_double_le(got, want + 1e-9 * fabs(want));
    ck_assert_double_ge(got, want - 1e-4 * fabs(want));
    case_stop(&a, best);
    case_stop(&b, e);
}
END_TEST

Suite *suite_linear_objective(void)
{
    Suite *s = suite_create("linear_objective");
    TCase *t = tcase_create("linear_objective");

    tcase_add_loop_test(t, every_derivative_is_the_difference_quotient, 0, DERIVED);
    tcase_add_test(t, the_engine_compares_its_own_derivatives);
    tcase_add_loop_test(t, a_climbed_likelihood_is_the_regression, 0, 6);
    tcase_add_loop_test(t, the_data_term_of_a_row_is_the_sum_by_hand, 0, 2);
    tcase_add_test(t, points_start_where_their_seed_says);
    tcase_add_loop_test(t, imitation_finds_the_expert, 0, 5);
    tcase_add_loop_test(t, the_return_climbed_through_the_planner_is_the_best, 0, 5);
    suite_add_tcase(s, t);
    return s;
}
