/* tests/test_task_weights.c -- expressions as the weight of control tasks, and
 * what a control or model does not tell.
 */
#include <math.h>

#include "tests/objective_bench.h"
#include "tests/suites.h"

START_TEST(a_weight_is_its_expression_at_each_row)
{
    enum { N = 700 };
    objective_bench b;
    double w[N], density[N];
    uint32_t slot[N];

    objective_set_up(&b, "members=3 width=9", N, 0.3, &objective_bent);
    for (size_t i = 0; i < N; i++) slot[i] = (uint32_t)i;

    elbo_task_objective *o = objective_open(
        &b, "exp(clip(A(s, a), -1, 1)) + sq(V(next)) + exp(logpi + logp)",
        true);

    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_ok(elbo_task_objective_weights(o, w, ensemble_ws));
    case_ok(b.belief.model->log_density(&b.belief, &b.data, slot, N, density,
                                        ensemble_ws));
    for (size_t i = 0; i < N; i++) {
        const double u = (double)b.data.u[i],
                     Q = (double)b.data.o[2 * i] + 3 * u;
        const double A = Q - 2 * tanh(objective_line(b.data.o + 2 * i));
        const double V =
            b.data.end[i] ? 0 : 2 * tanh(objective_line(b.data.next + 2 * i));
        const double want =
            exp(fmin(fmax(A, -1), 1)) + V * V + exp(-u * u + density[i]);

        ck_assert_double_eq_tol(w[i], want, 1e-5 * (1 + want));
    }
    elbo_task_objective_close(o);
}
END_TEST

/* After the ring has gone round, a slot's weight is its new tenant's. */
START_TEST(weights_follow_rows_round_the_ring)
{
    enum { N = 50 };
    objective_bench b;
    double w[N];

    objective_set_up(&b, "members=1 width=4", N, 0.3, &objective_bent);

    elbo_task_objective *o = objective_open(&b, "sq(V(next)) + sq(r)", true);
    const elbo_replay more = ensemble_rows(30, 0.3, 77);

    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    for (size_t i = 0; i < more.n; i++) {
        const elbo_replay_row row = {.o = more.o + 2 * i,
                                     .u = more.u + i,
                                     .next = more.next + 2 * i,
                                     .reward = more.reward[i],
                                     .end = more.end[i]};

        case_ok(elbo_replay_push(&b.data, &row));
    }
    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_ok(elbo_task_objective_weights(o, w, ensemble_ws));
    for (size_t i = 0; i < N; i++) {
        const float *next = i < 30 ? more.next + 2 * i : b.data.next + 2 * i;
        const double r = (double)(i < 30 ? more.reward[i] : b.data.reward[i]);
        const double V = b.data.end[i] ? 0 : 2 * tanh(objective_line(next));

        ck_assert_double_eq_tol(w[i], V * V + r * r,
                                1e-5 * (1 + V * V + r * r));
    }
    elbo_task_objective_close(o);
}
END_TEST

START_TEST(a_weight_that_is_none_names_its_row)
{
    objective_bench b;
    double w[20];

    objective_set_up(&b, "members=1 width=4", 20, 0.3, &objective_bent);
    b.data.reward[13] = -4;
    b.data.episode[13] = 2;

    elbo_task_objective *o = objective_open(&b, "max(r, -4) + 3.5", true);

    for (size_t i = 0; i < 20; i++)
        b.data.reward[i] = fmaxf(b.data.reward[i], -3);
    b.data.reward[13] = -4;
    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_fails(
        elbo_task_objective_weights(o, w, ensemble_ws), ELBO_ECHECK,
        "-0.5 in row 13 (episode 2, step 13): a weight must not be negative");
    o = objective_open(&b, "log(r + 4)", true);
    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_fails(elbo_task_objective_weights(o, w, ensemble_ws), ELBO_ENOTFINITE,
               "-inf in row 13");
}
END_TEST

/* ---- what is not there ---- */

START_TEST(what_a_control_or_model_has_not_is_refused)
{
    static const elbo_task_control mute = {.plans = true};
    objective_bench b;
    elbo_task_objective *o;

    objective_set_up(&b, "members=1 width=4", 20, 0.3, &objective_bent);
    b.sight.control = &mute;
    case_fails(elbo_task_objective_open("likelihood", "logp + E(V(y))", false,
                                        &b.sight, 9, ensemble_arena, &o),
               ELBO_EINVAL,
               "likelihood, column 10: V: this control has no value");
    case_fails(elbo_task_objective_open("weight", "exp(A(s, a))", true,
                                        &b.sight, 9, ensemble_arena, &o),
               ELBO_EINVAL,
               "weight, column 5: A: this control tells no value of an");
    case_fails(elbo_task_objective_open("weight", "E(r)", true, &b.sight, 9,
                                        ensemble_arena, &o),
               ELBO_EINVAL, "no member");
    case_fails(elbo_task_objective_open("likelihood", "V(a*s)*logp", false,
                                        &b.sight, 9, ensemble_arena, &o),
               ELBO_EINVAL, "V: ");
}
END_TEST

Suite *suite_task_weights(void)
{
    Suite *s = suite_create("task_weights");
    TCase *t = tcase_create("task_objective");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, a_weight_is_its_expression_at_each_row);
    tcase_add_test(t, weights_follow_rows_round_the_ring);
    tcase_add_test(t, a_weight_that_is_none_names_its_row);
    tcase_add_test(t, what_a_control_or_model_has_not_is_refused);
    suite_add_tcase(s, t);
    return s;
}
