/* tests/test_task_weights.c -- expressions as the weight of control tasks, and
 * what a control or model does not tell.
 */
#include <math.h>

#include "inference/task_state.h"
#include "tests/engine_cases.h"
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

/* ---- factors ---- */

/* Of a run that is read back the factors' values and what they are of stand as they
 * were saved, before any step: by the weight as bound, and at the data's rows anew. */
START_TEST(a_run_read_back_has_the_factors_values)
{
    const case_text text = case_sac(
        "updates=0.25 rollout_batch=20 temperature=0.1 "
        "reward=logratio(classifier,2,10)",
        "iterations=6 weight=exp(logratio(classifier,2,10))");
    double w[2][400], at[2][400], moved = 0;
    elbo_engine *e[2];
    case_setup c[2];
    elbo_row row;

    for (int k = 0; k < 2; k++) e[k] = case_start(&c[k], &text, 7);
    for (int i = 0; i < 2; i++) case_ok(elbo_engine_iterate(e[0], &row));
    case_carry(e[0], e[1]);

    const size_t n = e[0]->task->data.n;

    ck_assert(n > 0 && n <= 400 && e[1]->task->data.n == n);
    for (int k = 0; k < 2; k++) {
        elbo_task_run *const run = e[k]->task;
        elbo_arena *const ws = e[k]->ws;

        case_ok(elbo_task_objective_plan(run->weigher, &run->data, NULL, ws));
        case_ok(elbo_task_objective_weights(run->weigher, w[k], ws));
        case_ok(elbo_task_factors_at(run->factors, run->rewarder, &run->data, ws));
        case_ok(elbo_task_objective_plan(run->rewarder, &run->data, NULL, ws));
        case_ok(elbo_task_objective_pay(run->rewarder, 0, false, at[k], ws));
    }
    ck_assert_mem_eq(w[1], w[0], n * sizeof *w[0]);
    ck_assert_mem_eq(at[1], at[0], n * sizeof *at[0]);
    for (size_t i = 0; i < n; i++) {
        ck_assert_double_eq_tol(w[1][i], exp(at[1][i]), 1e-6 * w[1][i]);
        moved = fmax(moved, fabs(at[1][i]));
    }
    ck_assert_double_gt(moved, 1e-3);
    for (int k = 0; k < 2; k++) case_stop(&c[k], e[k]);
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
    tcase_add_test(t, a_run_read_back_has_the_factors_values);
    tcase_add_test(t, what_a_control_or_model_has_not_is_refused);
    suite_add_tcase(s, t);
    return s;
}
