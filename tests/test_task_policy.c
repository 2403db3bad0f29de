/* tests/test_task_policy.c -- Epi and roll of real controls and models, against
 * what these do by themselves.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/task_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { MOST = 200 };

static case_text run_of(const char *env, const char *head, const char *control,
                        const char *own, const char *common)
{
    static char model[128];

    snprintf(model, sizeof model,
             "members=1 layers=1 width=8 epochs=2 batch=32 head=%s", head);
    return (case_text){
        .env = env,
        .env_common = "horizon=20",
        .model = "ensemble",
        .model_own = model,
        .control = control,
        .control_own = own,
        .control_common = common,
        .inference = "iterations=6",
        .data = "mode=online policy=current steps=40 initial=40 streams=2",
        .evaluation = "episodes=2",
    };
}

/* Two iterations on, and an expression there. */
static elbo_engine *start(case_setup *c, const case_text *text, const char *of,
                          elbo_task_objective **out)
{
    elbo_engine *const e = case_start(c, text, 7);
    elbo_row row;

    for (int i = 0; i < 2; i++) case_ok(elbo_engine_iterate(e, &row));

    const elbo_task_sight sight = elbo_task_sight_of(e->task);

    ck_assert_uint_le(e->task->data.n, MOST);
    case_ok(elbo_task_objective_open("likelihood", of, ELBO_TASK_LIKELIHOOD,
                                     &sight, MOST, e->arena, out));
    case_ok(elbo_task_objective_plan(*out, &e->task->data, NULL, e->ws));
    return e;
}

/* V is by its fixed draws, and so is Epi. */
START_TEST(a_soft_value_is_that_of_its_actions)
{
    static const struct {
        const char *env, *control, *own, *of;
    } cases[] = {
        {"Pendulum-v1", "sac", "width=16 layers=1 batch=16 value_samples=6",
         "Epi(Q(s, a)) - 0.2*Epi(logpi) - V(s)"},
        {"Pendulum-v1", "sac", "width=16 layers=1 batch=16 value_samples=1",
         "Epi(A(s, a) - 0.2*logpi)"},
        {"CartPole-v1", "sac", "width=16 layers=1 batch=16 critics=1",
         "Epi(Q(s, a)) - 0.2*Epi(logpi) - V(s)"},
        {"Pendulum-v1", "td3", "width=16 layers=1 batch=16",
         "Epi(Q(s, a)) - V(s)"},
    };
    const case_text text = run_of(
        cases[_i].env, "gaussian", cases[_i].control, cases[_i].own,
        _i < 3 ? "updates=0.5 temperature=0.2" : "updates=0.5");
    elbo_task_objective *o;
    case_setup c;
    elbo_engine *const e = start(&c, &text, cases[_i].of, &o);
    double out[MOST];

    case_ok(elbo_task_objective_values(o, 0, out, e->ws));
    for (size_t i = 0; i < e->task->data.n; i++)
        ck_assert_double_eq_tol(out[i], 0, 2e-5);
    elbo_task_objective_close(o);
    case_stop(&c, e);
}
END_TEST

static void act(elbo_task_run *run, size_t n, const float o[], elbo_rng rng[],
                bool explore, float u[], elbo_arena *ws)
{
    const elbo_task_act how = {
        .n = n, .o = o, .rng = rng, .explore = explore, .u = u};

    case_ok(run->control->act(run->solver, &how, ws));
}

/* Of a certain model and a hard policy: one step after the other. */
START_TEST(certain_steps_ahead_are_the_model_s_own)
{
    enum { NO = 3 };
    const case_text text =
        run_of("Pendulum-v1", "deterministic", "td3",
               "width=16 layers=1 batch=16", "updates=0.5");
    elbo_task_objective *o;
    case_setup c;
    elbo_engine *const e = start(&c, &text, "roll(3, sum(y)) + 0*logp", &o);
    elbo_task_run *const run = e->task;
    const size_t n = run->data.n;
    static float at[MOST * NO], next[MOST * NO], u[MOST], reward[MOST];
    static uint32_t member[MOST];
    static elbo_rng rng[MOST];
    uint8_t end[MOST];
    double out[MOST];

    case_ok(elbo_task_objective_values(o, 0, out, e->ws));
    memcpy(at, run->data.o, n * NO * sizeof *at);
    memcpy(u, run->data.u, n * sizeof *u);
    for (size_t k = 0; k < 3; k++) {
        if (k > 0) act(run, n, at, rng, false, u, e->ws);
        case_ok(run->belief.model->draw(&run->belief, n, at, u, member, rng,
                                        true, next, reward, end, e->ws));
        memcpy(at, next, n * NO * sizeof *at);
    }
    for (size_t i = 0; i < n; i++) {
        const double want = (double)at[NO * i] + (double)at[NO * i + 1]
                            + (double)at[NO * i + 2];

        ck_assert_double_eq_tol(out[i], want, 1e-5 * (1 + fabs(want)));
    }
    elbo_task_objective_close(o);
    case_stop(&c, e);
}
END_TEST

/* Of noisy ones: the mean of their own draws, by the thousand. Boxes draw
 * actions; choices are summed over. */
START_TEST(steps_ahead_are_those_of_draws)
{
    enum { DRAWS = 20000, ROUNDS = 2000, NO = 4 };
    const bool choices = _i == 1;
    const case_text text = run_of(
        choices ? "CartPole-v1" : "Pendulum-v1", "gaussian", "sac",
        "width=16 layers=1 batch=16", "updates=0.5 temperature=0.2");
    elbo_task_objective *o;
    case_setup c;
    elbo_engine *const e = start(&c, &text, "roll(2, sum(y)) + 0*logp", &o);
    elbo_task_run *const run = e->task;
    const size_t no = run->world.no, nu = run->world.nu;
    static float at[DRAWS * NO], next[DRAWS * NO], u[2 * DRAWS], reward[DRAWS];
    static uint32_t member[DRAWS];
    static uint8_t end[DRAWS];
    static elbo_rng noise[DRAWS], rng[DRAWS];
    double got = 0, sum = 0, square = 0, once[MOST];
    size_t row = 0;

    while (run->data.end[row]) row++;
    run->data.n = row + 1; /* the others are not asked for */
    for (uint64_t k = 0; k < ROUNDS; k++) {
        case_ok(elbo_task_objective_values(o, k, once, e->ws));
        got += once[row] / ROUNDS;
    }
    for (size_t k = 0; k < DRAWS; k++) {
        noise[k] = elbo_rng_stream(9, "noise", k);
        rng[k] = elbo_rng_stream(9, "actions", k);
        memcpy(at + k * no, run->data.o + row * no, no * sizeof *at);
        memcpy(u + k * nu, run->data.u + row * nu, nu * sizeof *u);
    }
    for (size_t t = 0; t < 2; t++) {
        if (t > 0) act(run, DRAWS, at, rng, true, u, e->ws);
        case_ok(run->belief.model->draw(&run->belief, DRAWS, at, u, member,
                                        noise, false, next, reward, end,
                                        e->ws));
        memcpy(at, next, DRAWS * no * sizeof *at);
    }
    for (size_t k = 0; k < DRAWS; k++) {
        double x = 0;

        for (size_t j = 0; j < no; j++) x += (double)at[k * no + j];
        sum += x / DRAWS;
        square += x * x / DRAWS;
    }

    const double spread = sqrt(square - sum * sum);

    ck_assert_double_eq_tol(
        got, sum,
        5 * spread
            * sqrt(1.0 / DRAWS + 1.0 / (ROUNDS * ELBO_NETWORK_SAMPLES)));
    elbo_task_objective_close(o);
    case_stop(&c, e);
}
END_TEST

static const char *const learners[] = {
    "iterations=6 likelihood=-0.5*sq(roll(2,V(y))-Ed(V(next)))",
    "iterations=6 likelihood=logp-0.1*sq(Epi(E(V_target(y)))-V(s))",
    "iterations=6 weight=exp(clip(Q(s,a)-Epi(Q(s,a)),-1,1))",
};

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    case_text text = run_of("Pendulum-v1", "gaussian", "sac",
                            "width=16 layers=1 batch=16 value_samples=2",
                            "updates=0.25 rollout_batch=20 temperature=0.1");

    text.inference = learners[_i];
    case_resumes(&text, 7);
}
END_TEST

/* As `elbo check` has it: from a member's parameters, in double. */
START_TEST(the_gradient_is_that_of_differences)
{
    static const char *const envs[] = {"Pendulum-v1", "CartPole-v1"};
    case_text text =
        run_of(envs[_i / 2], "gaussian", "sac",
               "width=16 layers=1 batch=16 value_samples=2 activation=tanh",
               "updates=0.25 rollout_batch=20 temperature=0.1");
    elbo_derivative_check check = {0};
    case_setup c;

    text.model_own = "members=1 layers=1 width=8 epochs=2 batch=32 "
                     "activation=tanh";
    text.inference = learners[_i % 2];

    elbo_engine *const e = case_start(&c, &text, 7);

    case_ok(elbo_engine_check_gradient(e, &check));
    ck_assert_uint_gt(check.n, 3);
    ck_assert_double_lt(check.relative, 1e-6);
    case_stop(&c, e);
}
END_TEST

Suite *suite_task_policy(void)
{
    Suite *s = suite_create("task_policy");
    TCase *t = tcase_create("task_policy");

    tcase_add_loop_test(t, a_soft_value_is_that_of_its_actions, 0, 4);
    tcase_add_test(t, certain_steps_ahead_are_the_model_s_own);
    tcase_add_loop_test(t, steps_ahead_are_those_of_draws, 0, 2);
    tcase_add_loop_test(t, a_resumed_run_goes_on_to_the_same_bits, 0, 3);
    tcase_add_loop_test(t, the_gradient_is_that_of_differences, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
