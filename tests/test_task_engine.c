/* tests/test_task_engine.c -- the engine in control tasks. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/task_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"
#include "tests/task_stand_ins.h"

static const case_text idle = {
    .env = "Pendulum-v1",
    .env_common = "horizon=30",
    .model = "true",
    .control = "none",
    .inference = "iterations=6",
    .data = "mode=online steps=40 initial=10 streams=5",
    .evaluation = "episodes=8",
};

/* ... in a model that is learnt from half as many steps an M-step. */
static const case_text learnt = {
    .env = "Pendulum-v1",
    .env_common = "horizon=30",
    .model = "ensemble",
    .model_own = "width=8 layers=2 members=3 elites=2 epochs=4",
    .control = "none",
    .inference = "iterations=6 m_step_every=2",
    .data = "mode=online steps=40 initial=10 streams=5 capacity=120",
    .evaluation = "episodes=8 every=2",
};

/* ... and a policy that learns from it, of a box and of choices. */
static const case_text improved = {
    .env = "Pendulum-v1",
    .env_common = "horizon=30",
    .model = "ensemble",
    .model_own = "width=8 layers=2 members=3 elites=2 epochs=4",
    .control = "sac",
    .control_own = "width=8 batch=16 tune=true",
    .control_common = "updates=0.7 rollout_length=3 rollout_batch=30 rollout_keep=3 "
                      "real_ratio=0.25",
    .inference = "iterations=6 m_step_every=2",
    .data = "mode=online policy=current steps=20 initial=40 streams=2",
    .evaluation = "episodes=8 every=2",
};
static const case_text chosen = {
    .env = "CartPole-v1",
    .env_common = "horizon=30",
    .model = "true",
    .control = "sac",
    .control_own = "width=8 batch=16",
    .control_common = "rollout_length=5 rollout_batch=30",
    .inference = "iterations=6",
    .data = "mode=online policy=current steps=20",
};

/* ... and all of it one by one. */
static const case_text single = {
    .env = "Pendulum-v1",
    .env_common = "horizon=3",
    .model = "ensemble",
    .model_own = "width=8 layers=1 members=1 batch=1 epochs=2",
    .control = "sac",
    .control_own = "width=8 batch=1",
    .control_common = "rollout_batch=1",
    .inference = "iterations=6",
    .data = "mode=online policy=current steps=1 capacity=2",
    .evaluation = "episodes=1",
};

/* A planner, its models asked about an expert's steps and a grid's. */
static const case_text asked = {
    .env = "cartpole_continuous",
    .env_common = "horizon=20",
    .model = "ensemble",
    .model_own = "width=8 layers=1 members=2 epochs=4",
    .control = "cem",
    .control_own = "horizon=3 population=12 iterations=2 particles=2",
    .inference = "iterations=4",
    .data = "mode=online policy=current episodes=1 initial=20",
    .evaluation = "episodes=0 regimes=true",
};

/* The model through the critics of its own policy. */
static const case_text through = {
    .env = "CartPole-v1",
    .env_common = "horizon=30",
    .model = "ensemble",
    .model_own = "width=3 layers=1 members=1 head=deterministic reward=learnt "
                 "predicts=next normalise=none steps=3 batch=16",
    .control = "sac",
    .control_own = "width=8 batch=16",
    .control_common = "rollout_batch=30 rollout_first=data real_ratio=0",
    .inference = "iterations=6 gradient=implicit(cg(1e-4,3)) "
                 "likelihood=-0.5*sq(Q(s,a)-(r+gamma*V_target(next)))",
    .data = "mode=online policy=current steps=20 epsilon=0.1",
    .evaluation = "episodes=4 every=2",
};

/* ... after steps of theirs on what it tells. */
static const case_text unrolled = {
    .env = "Pendulum-v1",
    .env_common = "horizon=30",
    .model = "ensemble",
    .model_own = "width=4 layers=1 members=1 reward=learnt steps=3 batch=16",
    .control = "td3",
    .control_own = "width=8 batch=16",
    .control_common = "rollout_batch=30 rollout_first=data real_ratio=0",
    .inference = "iterations=6 gradient=unroll(3,0.02) "
                 "likelihood=0.1*logp-0.5*sq(Q(s,a)-(r+gamma*V(next)))",
    .data = "mode=online policy=current steps=20 epsilon=0.1",
    .evaluation = "episodes=4 every=2",
};

static const case_text *const runs[] = {&idle,   &learnt, &improved, &chosen,
                                        &single, &asked,  &through,  &unrolled};

/* ---- the record ---- */

START_TEST(parts_add_up_to_the_bound)
{
    case_setup c;
    elbo_engine *e = case_start(&c, &idle, 7);
    elbo_row row;

    for (int k = 0; k < 3; k++) {
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert(row.elbo
                  == row.parts.reward + row.parts.likelihood + row.parts.prior);
        ck_assert(row.parts.policy_kl == 0 && row.parts.transition_kl == 0);
        ck_assert(row.value_gap == row.return_model - row.return_real);
        ck_assert_uint_eq(row.env_steps, 10 + 40 * ((unsigned)k + 1));
        ck_assert_double_eq(row.ess, (double)row.env_steps);
    }
    case_stop(&c, e);
}
END_TEST

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    case_resumes(runs[_i], 7);
}
END_TEST

START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    case_threads(runs[_i], 7, 3);
}
END_TEST

START_TEST(gradients_of_the_model_s_objective_are_checked)
{
    elbo_derivative_check found;
    case_setup c;
    elbo_engine *e = case_start(&c, &learnt, 7);

    case_ok(elbo_engine_check_gradient(e, &found));
    ck_assert_ptr_null(found.skipped);
    ck_assert_uint_eq(found.n, ELBO_DERIVATIVE_CHECKS);
    ck_assert_double_lt(found.relative, 1e-7);
    ck_assert_double_ne(found.got, 0);
    case_stop(&c, e);
    e = case_start(&c, &idle, 7);
    case_ok(elbo_engine_check_gradient(e, &found));
    ck_assert_str_eq(found.skipped, "the model has no parameters");
    case_stop(&c, e);
}
END_TEST

/* ---- data ---- */

/* An episode is cut after T steps, its last row is no end, and rows follow on one
 * another. */
START_TEST(a_time_limit_is_no_end)
{
    case_setup c;
    elbo_engine *e = case_start(&c, &idle, 7);
    const elbo_replay *const data = &e->task->data;
    size_t cut = 0;
    elbo_row row;

    for (int k = 0; k < 6; k++) case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_eq(data->n, 250);
    for (size_t i = 0; i < data->n; i++) {
        const size_t no = data->no;

        ck_assert_uint_eq(data->end[i], 0);
        ck_assert_uint_lt(data->step[i], 30);
        cut += data->step[i] == 29;
        if (i < 5 || data->step[i] == 0) continue;
        ck_assert_uint_eq(data->episode[i], data->episode[i - 5]);
        ck_assert_uint_eq(data->step[i], data->step[i - 5] + 1);
        ck_assert(memcmp(data->o + i * no, data->next + (i - 5) * no,
                         no * sizeof *data->o)
                  == 0);
    }
    ck_assert_uint_eq(cut, 5);
    case_stop(&c, e);
}
END_TEST

/* The real return is the mean of sums over whole episodes of what was collected. */
START_TEST(without_episodes_collection_is_the_evaluation)
{
    case_text text = idle;
    case_setup c;
    elbo_row row;
    double sum = 0;

    text.data = "mode=online steps=60";
    text.evaluation = "episodes=0 rollouts=2";

    elbo_engine *e = case_start(&c, &text, 7);
    const elbo_replay *const data = &e->task->data;

    case_ok(elbo_engine_iterate(e, &row));
    for (size_t i = 0; i < 60; i++) sum += (double)data->reward[i];
    ck_assert_double_eq_tol(row.return_real, sum / 2, 1e-4);
    case_stop(&c, e);
}
END_TEST

/* The second iteration is the first of the policy's. */
START_TEST(episodes_are_collected_whole_after_the_initial_steps)
{
    case_text text = idle;
    case_setup c;
    elbo_row row;

    text.data = "mode=online initial=40 episodes=1";
    text.evaluation = "episodes=0 rollouts=2 every=6"; /* collection in every row */

    elbo_engine *e = case_start(&c, &text, 7);
    const elbo_replay *const data = &e->task->data;

    for (size_t k = 0; k < 3; k++) {
        double sum = 0;

        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_uint_eq(row.env_steps, 40 + k * 30); /* an episode has 30 steps */
        ck_assert_uint_eq(e->task->gathered, k ? 30 : 0);
        if (k == 0) continue;
        for (size_t i = data->n - 30; i < data->n; i++) {
            sum += (double)data->reward[i];
            ck_assert_uint_eq(data->episode[i], data->episode[data->n - 1]);
        }
        ck_assert_double_eq_tol(row.return_real, sum, 1e-4);
    }
    case_stop(&c, e);
}
END_TEST

/* Nothing is collected and nothing learnt: what is known is judged. */
START_TEST(an_empty_replay_is_no_fault)
{
    case_text text = idle;
    case_setup c;
    elbo_row row;

    text.data = "steps=0";

    elbo_engine *e = case_start(&c, &text, 7);

    for (int k = 0; k < 2; k++) case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_eq(row.env_steps, 0);
    ck_assert_double_eq(row.ess, 0);
    ck_assert_double_lt(row.return_real, 0);
    case_stop(&c, e);
}
END_TEST

/* Of the stand-in all actions are above 0, of the prior half. */
START_TEST(a_share_of_what_is_collected_may_be_uniform)
{
    case_text text = {.env_common = "horizon=10 discount=0.9",
                      .inference = "iterations=1",
                      .data = "mode=online policy=current steps=4000 epsilon=0.4",
                      .evaluation = "episodes=1"};
    case_setup c;
    elbo_row row;
    double below = 0;

    stand_in_reset();
    stand_ins.p = 1;

    elbo_engine *e = stand_in_start(&c, &text, 7);

    case_ok(elbo_engine_iterate(e, &row));
    for (size_t i = 0; i < 4000; i++) below += e->task->data.u[i] < 0;
    /* four deviations of 4000 draws */
    ck_assert_double_eq_tol(below / 4000, 0.2, 4 * sqrt(0.2 * 0.8 / 4000));
    case_stop(&c, e);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *suite_task_engine(void)
{
    Suite *s = suite_create("task_engine");
    TCase *t = tcase_create("engine");

    tcase_add_test(t, parts_add_up_to_the_bound);
    tcase_add_loop_test(t, a_resumed_run_goes_on_to_the_same_bits, 0, COUNT(runs));
    tcase_add_loop_test(t, rows_do_not_depend_on_the_number_of_threads, 0, COUNT(runs));
    tcase_add_test(t, gradients_of_the_model_s_objective_are_checked);
    tcase_add_test(t, a_time_limit_is_no_end);
    tcase_add_test(t, without_episodes_collection_is_the_evaluation);
    tcase_add_test(t, episodes_are_collected_whole_after_the_initial_steps);
    tcase_add_test(t, an_empty_replay_is_no_fault);
    tcase_add_test(t, a_share_of_what_is_collected_may_be_uniform);
    suite_add_tcase(s, t);
    return s;
}
