/* tests/test_task_reward.c -- what a step of the model pays, and counts of what
 * follows, in control tasks.
 */
#include <math.h>
#include <string.h>

#include "inference/task_state.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"
#include "tests/task_stand_ins.h"

/* ---- what a step pays ---- */

static elbo_engine *start_paid(case_setup *c)
{
    case_text text = stand_in_text;

    text.control_common = "temperature=0.3 updates=0.5 rollout_length=2 "
                          "rollout_batch=10 reward=2*r-0.4*sum(sq(s))-0.3";
    text.evaluation = "episodes=4000";
    return stand_in_start(c, &text, 7);
}

/* Of rollouts the expression, of the data the world's own reward. */
START_TEST(rollouts_pay_the_expression_and_data_the_reward)
{
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.bias = 0.7;

    elbo_engine *e = start_paid(&c);
    const elbo_task_run *const run = e->task;

    for (size_t k = 0; k < 3; k++) case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_gt(run->rollouts.n, 10);
    for (size_t i = 0; i < run->rollouts.n; i++) {
        const double x = (double)run->rollouts.o[i],
                     u = (double)run->rollouts.u[i];
        const double r = -x * x - stand_ins.c * u * u + 0.7;

        ck_assert_double_eq_tol((double)run->rollouts.reward[i],
                                2 * r - 0.4 * x * x - 0.3,
                                1e-5 * (1 + fabs(r) + x * x));
    }
    for (size_t i = 0; i < run->data.n; i++) {
        const double x = (double)run->data.o[i], u = (double)run->data.u[i];

        ck_assert_double_eq_tol((double)run->data.reward[i],
                                -x * x - stand_ins.c * u * u,
                                1e-5 * (1 + x * x));
    }
    case_stop(&c, e);
}
END_TEST

/* F is of what control maximises, return_model of the model's own reward:
 * 2 r - 0.4 x^2 - 0.3 is 2.4 (-x^2 - (2 c / 2.4) u^2) - 0.3. */
START_TEST(the_bound_is_of_what_control_maximises)
{
    case_setup c;
    elbo_row row;

    stand_in_reset();

    elbo_engine *e = start_paid(&c);
    const double p = stand_ins.p, mean = (2 * p - 1) / 2, square = 1.0 / 3;
    const double J = stand_in_return(1, 20, 0.5, 0.25, 0, 0);
    double F;

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.return_model, J,
                            4 * e->task->score.model.error);
    stand_ins.c *= 2 / 2.4;
    F = 2.4 * stand_in_return(0.9, 20, mean, square, 0, 0)
        - 0.3 * (1 - pow(0.9, 20)) / (1 - 0.9);
    ck_assert_double_eq_tol(row.parts.reward, F,
                            4 * e->task->score.control.error);
    case_stop(&c, e);
}
END_TEST

/* A weight of a half is a discount of a half more. */
START_TEST(weighed_returns_are_discounted_by_the_weights)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    text.control_common = "temperature=0.3 updates=0.5 rollout_length=3 "
                          "rollout_batch=10 return_weight=0.5+0*sum(next)";
    text.evaluation = "episodes=4000";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const double p = stand_ins.p, mean = (2 * p - 1) / 2, square = 1.0 / 3;
    const double kl = p * log(2 * p) + (1 - p) * log(2 * (1 - p));

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.elbo,
                            stand_in_return(0.45, 20, mean, square, kl, 0.3),
                            4 * e->task->score.control.error);
    ck_assert_uint_ge(e->task->rollouts.n, 10);
    for (size_t i = 0; i < e->task->rollouts.n; i++)
        ck_assert_double_eq_tol(e->task->going[i], 0.5, 1e-12);
    case_stop(&c, e);
}
END_TEST

/* ... and each row of the rollouts has its own, also when older ones have gone. */
START_TEST(weights_of_returns_stand_beside_their_rows)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.end = 1.2;
    text.control_common = "updates=0.5 rollout_length=3 rollout_batch=10 "
                          "rollout_keep=2 return_weight=exp(sum(next)-sum(s))";
    text.evaluation = "episodes=4";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const elbo_replay *const r = &e->task->rollouts;

    for (size_t k = 0; k < 4; k++) case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_gt(r->n, 20); /* of two iterations, 10 of each at least */
    for (size_t i = 0; i < r->n; i++) {
        const double w = exp((double)r->next[i] - (double)r->o[i]);

        ck_assert_double_eq_tol(e->task->going[i], w, 1e-6 * w);
    }
    case_stop(&c, e);
}
END_TEST

/* ---- runs ---- */

static case_text run_of(const char *control)
{
    return case_sac(control, "iterations=6");
}

#define ROLLED                                                                 \
    "updates=0.25 rollout_batch=20 rollout_length=2 rollout_keep=2 "           \
    "temperature=0.1 "

static const char *const controls[] = {
    ROLLED "reward=r-0.3*aleatoric-0.2*disagreement",
    ROLLED "reward=r-0.1*sqrt(Var(V(y)))",
    ROLLED "reward=r+0.1*logratio(classifier,2,10)+0.01*clip(logp,-5,5)",
    ROLLED "return_weight=clip(exp(logratio(classifier,2,10)),0,2)",
};
enum { CONTROLS = sizeof controls / sizeof *controls };

START_TEST(rows_are_finite_and_a_resumed_run_goes_on_to_the_same_bits)
{
    const case_text text = run_of(controls[_i]);

    case_resumes(&text, 7);
}
END_TEST

START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    const case_text text = run_of(controls[_i]);

    case_threads(&text, 7, 2);
}
END_TEST

/* MOPO's penalty, from the members as they stand when the rollouts are made. */
START_TEST(the_penalty_is_of_the_members_at_each_row)
{
    const case_text text = run_of(controls[0]);
    case_setup c;
    elbo_row row;
    elbo_engine *e = case_start(&c, &text, 7);
    elbo_task_run *const run = e->task;

    for (int i = 0; i < 2; i++) case_ok(elbo_engine_iterate(e, &row));

    const elbo_replay *const d = &run->rollouts;
    const size_t last = d->n - run->kept[run->keep - 1], n = d->n - last;
    float *const aleatoric = elbo_arena_take(e->ws, n, sizeof(float));
    float *const apart = elbo_arena_take(e->ws, n, sizeof(float));
    float *const r = elbo_arena_take(e->ws, n, sizeof(float));

    ck_assert_uint_gt(n, 20);
    case_ok(run->belief.model->doubts(&run->belief, n, d->o + 3 * last,
                                      d->u + last, aleatoric, apart, e->ws));
    run->world.task->reward(run->world.self, n, d->o + 3 * last, d->u + last,
                            d->next + 3 * last, r);
    for (size_t i = 0; i < n; i++) {
        const double want = (double)r[i] - 0.3 * (double)aleatoric[i]
                            - 0.2 * (double)apart[i];

        ck_assert_double_gt((double)aleatoric[i], 1e-3);
        ck_assert_double_gt((double)apart[i], 1e-3);
        ck_assert_double_eq_tol((double)d->reward[last + i], want,
                                1e-4 * (1 + fabs(want)));
    }
    case_stop(&c, e);
}
END_TEST

/* Two factors, whoever reads them: at rows of the data a reward's are the weight's. */
START_TEST(a_factor_says_the_same_to_rewards_and_to_weights)
{
    case_text text = run_of("updates=0.25 rollout_batch=400 temperature=0.1 "
                            "reward=r+logratio(classifier,2,10)"
                            "-2*logratio(classifier,3,20)");
    case_setup c;
    elbo_row row;
    double out[400], moved = 0;

    text.inference = "iterations=6 weight=exp(logratio(classifier,2,10)"
                     "-2*logratio(classifier,3,20))";

    elbo_engine *e = case_start(&c, &text, 7);
    elbo_task_run *const run = e->task;

    for (int i = 0; i < 2; i++) case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_le(run->data.n, 400);
    case_ok(elbo_task_factors_at(run->factors, run->rewarder, &run->data, e->ws));
    case_ok(elbo_task_objective_plan(run->rewarder, &run->data, NULL, e->ws));
    case_ok(elbo_task_objective_pay(run->rewarder, 0, false, out, e->ws));
    for (size_t i = 0; i < run->data.n; i++) {
        const double ratio = out[i] - (double)run->data.reward[i];

        ck_assert_double_eq_tol(exp(ratio), run->weight[i],
                                1e-6 * run->weight[i]);
        moved = fmax(moved, fabs(ratio));
    }
    ck_assert_double_gt(moved, 1e-3);
    case_stop(&c, e);
}
END_TEST

enum { WRONG = 11 };

START_TEST(contradictions_are_blamed)
{
    static const struct {
        const char *settings, *model, *control, *inference, *key;
    } wrong[] = {
        {"reward=r-aleatoric",                      "true",     "sac",  "iterations=6", "reward"},
        {"reward=r-E(sum(y))",                      "true",     "sac",  "iterations=6", "reward"},
        {"reward=r-aleatoric rollout_length=0",     "ensemble", "sac",
         "iterations=6",                                                  "reward"},
        {"reward=r-aleatoric",                      "ensemble", "cem",  "iterations=6", "reward"},
        {"reward=r-aleatoric",                      "ensemble", "none", "iterations=6", "reward"},
        {"reward=r-aleatoric temperature=0.1",      "ensemble", "pathwise",
         "iterations=6",                                                  "reward"},
        {"reward=2*r",                              "ensemble", "sac",
         "iterations=6 transition=tilt(2)",                               "reward"},
        {"return_weight=0.5",                       "ensemble", "awr",
         "iterations=6",                                                  "return_weight"},
        {"return_weight=0.5",                       "ensemble", "sac",
         "iterations=6 transition=tilt(2)",                               "return_weight"},
        {"return_weight=0.5 rollout_length=0",      "ensemble", "sac",
         "iterations=6",                                                  "return_weight"},
        {"reward=2*r real_ratio=0",                 "ensemble", "sac",
         "likelihood=logp-sq(Q(s,a)) gradient=implicit(identity)",        "reward"},
    };
    _Static_assert(sizeof wrong / sizeof *wrong == WRONG, "each is tried");
    case_text text = run_of(wrong[_i].settings);

    text.model = wrong[_i].model;
    text.control = wrong[_i].control;
    text.inference = wrong[_i].inference;
    text.model_own = text.control_own = NULL;
    text.data = "mode=online policy=uniform steps=40 initial=40 streams=2";
    case_refused(&text, "control", wrong[_i].key);
}
END_TEST

START_TEST(what_a_reward_may_not_read_is_refused_at_its_place)
{
    static const struct {
        const char *text, *why;
        size_t column;
    } wrong[] = {
        {"r - mean(V(next))",          "has no data",        4},
        {"r + V_then(next)",           "has no data",        4},
        {"r + occupancy(current,3,20)/occupancy(data)", "of the data alone", 4},
        {"r + distance_to(current)",   "of the data alone",  4},
        {"r + E(logratio)",            "next alone",         6},
        {"r - aleatorik",              "unknown name",       4},
    };
    elbo_expr *expr;
    size_t column = 99;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        case_fails(elbo_task_reward_parse(wrong[i].text, ensemble_arena, &expr,
                                          &column, NULL),
                   ELBO_EINVAL, wrong[i].why);
        ck_assert_msg(column == wrong[i].column, "%s: column %zu", wrong[i].text,
                      column);
    }
}
END_TEST

Suite *suite_task_reward(void)
{
    Suite *s = suite_create("task_reward");
    TCase *t = tcase_create("task_reward");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, rollouts_pay_the_expression_and_data_the_reward);
    tcase_add_test(t, the_bound_is_of_what_control_maximises);
    tcase_add_test(t, weighed_returns_are_discounted_by_the_weights);
    tcase_add_test(t, weights_of_returns_stand_beside_their_rows);
    tcase_add_loop_test(
        t, rows_are_finite_and_a_resumed_run_goes_on_to_the_same_bits, 0,
        CONTROLS);
    tcase_add_loop_test(t, rows_do_not_depend_on_the_number_of_threads, 0,
                        CONTROLS);
    tcase_add_test(t, the_penalty_is_of_the_members_at_each_row);
    tcase_add_test(t, a_factor_says_the_same_to_rewards_and_to_weights);
    tcase_add_loop_test(t, contradictions_are_blamed, 0, WRONG);
    tcase_add_test(t, what_a_reward_may_not_read_is_refused_at_its_place);
    suite_add_tcase(s, t);
    return s;
}
