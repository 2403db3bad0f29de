/* tests/test_task_gradient.c -- the equation that critics solve, what an M-step makes of
 * the derivatives through it, and what is refused; the derivatives themselves stand in
 * test_task_implicit.c and test_task_unroll.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/engine.h"
#include "tests/engine_cases.h"
#include "tests/equation_lab.h"
#include "tests/suites.h"

/* Q_k of all rows, by the network itself. */
static void critic_values(const equation_bench *b, size_t k, double out[])
{
    const elbo_actor_critic *const s = b->critic;
    const elbo_mlp *const mlp = &s->shape.critic;
    float x[4 * EQUATION_ROWS], y[2 * EQUATION_ROWS];

    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        float *const row = x + mlp->width[0] * i;

        memcpy(row, b->data.o + 2 * i, 2 * sizeof *row);
        if (!s->shape.choices) memcpy(row + 2, b->data.u + 2 * i, 2 * sizeof *row);
    }
    case_ok(elbo_mlp_forward(mlp, s->critic[k].theta, EQUATION_ROWS, x, y, ensemble_ws));
    for (size_t i = 0; i < EQUATION_ROWS; i++)
        out[i] = (double)(s->shape.choices ? y[2 * i + (b->data.u[2 * i] == 0)] : y[i]);
}

/* Of all critics, in the numbers that the control tells. */
START_TEST(the_equation_is_the_control_s_own_bellman_error)
{
    equation_bench b;
    float V[EQUATION_ROWS], next[2 * EQUATION_ROWS];
    double mean[2 * EQUATION_ROWS], reward[EQUATION_ROWS], Q[EQUATION_ROWS], want = 0;

    equation_set_up(&b, (size_t)_i, "implicit(identity)", equation_model,
                    equation_texts[0]);

    equation_lab l = equation_open(&b, 0);
    const double got = equation_run(&l, b.theta, l.loss);

    elbo_tape_get(l.tape, l.nodes.mean, mean);
    elbo_tape_get(l.tape, l.nodes.rhat, reward);
    for (size_t i = 0; i < 2 * EQUATION_ROWS; i++) next[i] = (float)mean[i];
    case_ok(
        b.control->target_value(b.critic, EQUATION_ROWS, next, V, ensemble_ws));
    for (size_t k = 0; k < b.critic->shape.critics; k++) {
        critic_values(&b, k, Q);
        for (size_t i = 0; i < EQUATION_ROWS; i++) {
            const double y = reward[i] + (b.data.end[i] ? 0 : 0.9 * (double)V[i]);

            want += pow(Q[i] - y, 2) / (2 * EQUATION_ROWS);
        }
    }
    ck_assert_double_eq_tol(got, want, 1e-5 * (1 + want));
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

/* Q, V and V_target of the equation at (s, a), where slow copies are apart. */
START_TEST(what_an_expression_reads_is_what_the_control_tells)
{
    equation_bench b;
    float own[3][EQUATION_ROWS];
    double apart = 0;

    equation_set_up(&b, (size_t)_i, "implicit(identity)", equation_model,
                    equation_texts[0]);
    case_ok(b.control->action_value(b.critic, EQUATION_ROWS, b.data.o, b.data.u,
                                    own[0], ensemble_ws));
    case_ok(b.control->value(b.critic, EQUATION_ROWS, b.data.o, own[1], NULL,
                             ensemble_ws));
    case_ok(b.control->target_value(b.critic, EQUATION_ROWS, b.data.o, own[2],
                                    ensemble_ws));

    equation_lab l = equation_open(&b, 0);
    const elbo_node read[] = {l.Q, l.V, l.target};

    for (size_t k = 0; k < 3; k++) {
        double got[EQUATION_ROWS];

        equation_run(&l, b.theta, l.loss);
        elbo_tape_get(l.tape, read[k], got);
        for (size_t i = 0; i < EQUATION_ROWS; i++) {
            ck_assert_double_eq_tol(got[i], (double)own[k][i],
                                    1e-5 * (1 + fabs(got[i])));
            apart = fmax(apart, fabs((double)own[1][i] - (double)own[2][i]));
        }
    }
    ck_assert_double_ge(apart, 1e-3);
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

/* What an M-step runs in, whose w are the floats themselves. */
START_TEST(floats_follow_doubles)
{
    static const char *const gradients[] = {"implicit(neumann(2))", "unroll(3, 0.2)"};
    equation_bench b;
    double wide[2][EQUATION_MOST], narrow[2][EQUATION_MOST];

    equation_set_up(&b, (size_t)_i % EQUATION_CRITICS,
                    gradients[(size_t)_i / EQUATION_CRITICS], equation_model,
                    equation_texts[1]);
    equation_derive(&b, ELBO_F32, narrow[0], narrow[1]);
    for (size_t i = 0; i < b.n; i++) b.theta[i] = (double)(float)b.theta[i];
    equation_derive(&b, ELBO_F64, wide[0], wide[1]);
    for (size_t k = 0; k < 2; k++)
        for (size_t j = 0; j < b.n; j++)
            ck_assert_double_eq_tol(narrow[k][j], wide[k][j],
                                    1e-4 * equation_largest(b.n, wide[k]));
    equation_tear_down(&b);
}
END_TEST

/* All products, and no more: by the norm of a step on all rows. */
START_TEST(a_step_of_the_model_follows_the_whole_of_it)
{
    static const char *const gradients[] = {"implicit(neumann(2))", "unroll(1, 0.4)",
                                            "unroll(4, 0.4)"};
    char model[256];
    equation_bench b;
    double direct[EQUATION_MOST], pulled[EQUATION_MOST], sum = 0;

    snprintf(model, sizeof model, "%s steps=1", equation_model);
    equation_set_up(&b, 0, gradients[_i], model, equation_texts[1]);
    equation_derive(&b, ELBO_F32, direct, pulled);
    for (size_t j = 0; j < b.n; j++) sum += pow(direct[j] + pulled[j], 2);

    elbo_task_fit info;

    case_ok(b.belief.model->fit(&b.belief, &b.mstep, &info, ensemble_ws));
    ck_assert_uint_eq(info.steps, 1);
    ck_assert_double_eq_tol(info.gradient_norm, sqrt(sum), 1e-5 * sqrt(sum));
    equation_tear_down(&b);
}
END_TEST

/* The program's own check, with a member that is not certain. */
START_TEST(the_check_follows_the_gradient_slot)
{
    static const char *const gradients[] = {
        "implicit(identity)", "implicit(neumann(2))", "implicit(cg(1e-9, 20))",
        "unroll(1, 0.5)", "unroll(3, 0.2)"};
    equation_bench b;
    elbo_derivative_check found = {0};

    equation_set_up(&b, 1, gradients[_i],
                    "members=1 layers=1 width=5 activation=silu reward=learnt "
                    "terminal=learnt holdout=0 batch=60",
                    equation_texts[1]);
    case_ok(b.belief.model->check(&b.belief, &b.mstep, &found, ensemble_ws));
    case_ok(elbo_task_objective_made(b.objective));
    ck_assert_uint_gt(found.n, 5);
    ck_assert_double_le(found.relative, 1e-6);
    ck_assert_double_ge(fabs(found.got) + fabs(found.want), 1e-12);
    equation_tear_down(&b);
}
END_TEST

/* ---- refusals ---- */

/* A series, and a descent. */
START_TEST(what_grows_is_no_derivative)
{
    static const struct {
        const char *gradient, *why;
    } cases[] = {{"implicit(neumann(400))", "the solve does not converge"},
                 {"unroll(60, 1e4)", "of 60, from L = "}};
    equation_bench b;

    equation_set_up(&b, 0, cases[_i].gradient, equation_model, equation_texts[0]);

    elbo_ensemble_task t = {.belief = &b.belief, .mstep = &b.mstep};
    float *const theta = b.critic->critic[0].theta;
    bool more;

    for (size_t i = 0; i < b.critic->critic[0].n; i++) theta[i] *= 8;
    case_ok(elbo_ensemble_split(b.belief.self, &b.data, &t.rows, ensemble_ws));
    case_ok(elbo_ensemble_prepare(&t, ensemble_ws));
    case_ok(elbo_ensemble_build(&t, ELBO_F32));
    ck_assert_int_eq(elbo_ensemble_turn(&t, &more), ELBO_ENOTFINITE);
    ck_assert_msg(strstr(elbo_last_error()->text, cases[_i].why) != NULL, "%s",
                  elbo_last_error()->text);
    elbo_tape_free(t.tape);
    equation_tear_down(&b);
}
END_TEST

START_TEST(what_cannot_be_followed_is_refused)
{
    static const elbo_task_control deaf = {0};
    equation_bench b;
    elbo_task_objective *o;

    equation_set_up(&b, 0, "implicit(identity)", equation_model,
                    equation_texts[0]);

    elbo_task_sight sight = {.world = &b.world,
                             .belief = &b.belief,
                             .control = b.control,
                             .solver = b.critic,
                             .gamma = 0.9,
                             .route = &b.route};
    elbo_task_belief many = ensemble_open(
        &elbo_model_ensemble, "members=3 width=4 reward=learnt terminal=learnt",
        &b.world, 5);
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"0*logp + logpi",                        "no density"       },
        {"Q(s,a) - V_then(next)",                 "no value function"},
        {"-0.5*sum(sq(gradV(next)*(E(y)-next)))", "no value function"},
        {"Q(s,a) + E(V_target(y))",               "of the data alone"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(elbo_task_objective_open("likelihood", wrong[i].text,
                                                  false, &sight, EQUATION_ROWS,
                                                  ensemble_arena, &o),
                         ELBO_EINVAL);
        ck_assert_msg(strstr(elbo_last_error()->text, wrong[i].why) != NULL,
                      "%s: %s", wrong[i].text, elbo_last_error()->text);
    }
    sight.belief = &many;
    ck_assert_int_eq(elbo_task_objective_open("likelihood", equation_texts[0],
                                              false, &sight, EQUATION_ROWS,
                                              ensemble_arena, &o),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "1 member, not 3"));
    sight.belief = &b.belief;
    sight.control = &deaf;
    ck_assert_int_eq(elbo_task_objective_open("likelihood", equation_texts[0],
                                              false, &sight, EQUATION_ROWS,
                                              ensemble_arena, &o),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no equation"));
    equation_tear_down(&b);
}
END_TEST

Suite *suite_task_gradient(void)
{
    Suite *const s = suite_create("task_gradient");
    TCase *const t = tcase_create("task_gradient");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, the_equation_is_the_control_s_own_bellman_error, 0,
                        EQUATION_CRITICS);
    tcase_add_loop_test(t, what_an_expression_reads_is_what_the_control_tells, 0,
                        EQUATION_CRITICS);
    tcase_add_loop_test(t, floats_follow_doubles, 0, 2 * EQUATION_CRITICS);
    tcase_add_loop_test(t, a_step_of_the_model_follows_the_whole_of_it, 0, 3);
    tcase_add_loop_test(t, the_check_follows_the_gradient_slot, 0, 5);
    tcase_add_loop_test(t, what_grows_is_no_derivative, 0, 2);
    tcase_add_test(t, what_cannot_be_followed_is_refused);
    suite_add_tcase(s, t);
    return s;
}
