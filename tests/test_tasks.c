/* tests/test_tasks.c -- the contract that every control task of the registry
 * keeps. */
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/suites.h"
#include "tests/task_cases.h"

enum { STEPS = 1000, WORLDS = 33 };

/* Every contract holds for every task in each of these. */
static const char *const wrapped[] = {
    NULL,
    "distractors(white, 3)",
    "distractors(ar1, 2, rho=-0.5)",
    "distractors(chaotic, 5)",
    "distractors(decaying, 2) limit(20)",
    "distractors(redundant, 6)",
    "noise(0.25)",
    "remove(1)",
    "repeat(3)",
    "distractors(ar1, 2) repeat(2) distractors(redundant, 4) noise(0.1) "
    "remove(0, 2) distractors(white, 1)",
};

enum { WRAPPED = sizeof wrapped / sizeof *wrapped };

/* Task i of all of them in all wrappers; bare ones first. */
static const elbo_env *env_of(int i)
{
    return task_at((size_t)i % task_count());
}

static elbo_task_world world_of(int i)
{
    return task_open(env_of(i)->name, "", wrapped[(size_t)i / task_count()], 3);
}

static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

/* Observed again it shows the same, and it steps to the same within a float. */
START_TEST(a_state_that_is_told_is_the_one_observed)
{
    const elbo_task_world w = world_of(_i);
    elbo_rng rng = elbo_rng_stream(8, "world", 0);
    double x[TASK_MOST], y[TASK_MOST], a[TASK_MOST], next[TASK_MOST];
    float o[TASK_MOST], again[TASK_MOST];
    uint8_t terminal;

    if (!w.task->state) return;
    w.task->reset(w.self, 1, &rng, x);
    for (size_t t = 0; t < 200; t++) {
        elbo_rng copy = rng; /* noise is the same twice */

        w.task->observe(w.self, 1, x, &rng, o);
        w.task->state(w.self, 1, o, y);
        w.task->observe(w.self, 1, y, &copy, again);
        for (size_t i = 0; i < w.no; i++)
            ck_assert_double_eq_tol((double)again[i], (double)o[i],
                                    3e-7 * (1 + fabs((double)o[i])));
        task_act(&w, 1, &rng, a);
        (void)task_step(&w, x, a, &rng, next, &terminal);
        memcpy(x, next, sizeof x);
    }
}
END_TEST

START_TEST(every_task_tells_what_it_is)
{
    const elbo_env *const env = env_of(_i);
    const elbo_task_world w = task_open(env->name, "", NULL, 0);

    ck_assert_ptr_eq(elbo_env_find(env->name), env);
    ck_assert_uint_gt(strlen(env->source), 5);
    ck_assert_uint_gt(strlen(env->doc), 5);
    ck_assert_uint_gt(w.limit, 0);
    ck_assert_uint_eq(w.nu, w.choices > 0 ? w.choices : w.na);
    for (size_t i = 0; i < w.nx; i++)
        ck_assert_ptr_nonnull(w.task->state_names[i]);
    for (size_t i = 0; i < w.no; i++)
        ck_assert_ptr_nonnull(w.task->observation_names[i]);
    for (const elbo_option *o = env->options; o && o->name; o++) {
        ck_assert_uint_ge(strlen(o->doc), 1);
        ck_assert_ptr_null(strchr(o->doc, '\n'));
    }
}
END_TEST

/* An episode of random actions that goes on whatever is terminal: the states
 * [STEPS + 1 x nx] and rewards [STEPS]. */
static void wander(const elbo_task_world *w, uint64_t seed, double x[],
                   double reward[])
{
    elbo_rng noise = elbo_rng_stream(seed, "noise", 0);
    elbo_rng choice = elbo_rng_stream(seed, "choice", 0);
    double a[TASK_MOST];
    uint8_t terminal;

    w->task->reset(w->self, 1, &noise, x);
    for (size_t t = 0; t < STEPS; t++) {
        task_act(w, 1, &choice, a);
        reward[t] = task_step(w, &x[t * w->nx], a, &noise, &x[(t + 1) * w->nx],
                              &terminal);
    }
}

/* Neither truncates nor resets itself: it goes on long past its limit. */
START_TEST(the_same_seed_gives_the_same_bits)
{
    static double x[(STEPS + 1) * TASK_MOST], y[(STEPS + 1) * TASK_MOST];
    static double r[STEPS], q[STEPS];
    const elbo_task_world w = world_of(_i);
    const size_t n = (STEPS + 1) * w.nx;

    wander(&w, 5, x, r);
    wander(&w, 5, y, q);
    ck_assert(same(x, y, n * sizeof *x) && same(r, q, sizeof r));
    for (size_t i = 0; i < n; i++) ck_assert(isfinite(x[i]));
    for (size_t i = 0; i < STEPS; i++) ck_assert(isfinite(r[i]));
    wander(&w, 6, y, q);
    ck_assert(!same(x, y, n * sizeof *x));
}
END_TEST

/* Worlds as a batch, [n x .] and alone. */
START_TEST(worlds_together_step_to_the_same_bits_as_alone)
{
    const elbo_task_world w = world_of(_i);
    static double x[TASK_MOST * WORLDS], next[TASK_MOST * WORLDS];
    static float o[TASK_MOST * WORLDS];
    double a[TASK_MOST * WORLDS], reward[WORLDS];
    uint8_t terminal[WORLDS];
    elbo_rng rng[WORLDS];

    for (size_t j = 0; j < WORLDS; j++) rng[j] = elbo_rng_stream(2, "world", j);
    w.task->reset(w.self, WORLDS, rng, x);
    for (size_t t = 0; t < 50; t++) {
        elbo_rng before[WORLDS];

        task_act(&w, WORLDS, rng, a);
        memcpy(before, rng, sizeof rng);
        w.task->step(w.self, WORLDS, x, a, rng, next, reward, terminal);
        w.task->observe(w.self, WORLDS, next, rng, o);
        for (size_t j = 0; j < WORLDS; j++) {
            double x1[TASK_MOST], a1[TASK_MOST], next1[TASK_MOST];
            float o1[TASK_MOST];
            uint8_t terminal1;

            for (size_t i = 0; i < w.nx; i++) x1[i] = x[i * WORLDS + j];
            for (size_t i = 0; i < w.na; i++) a1[i] = a[i * WORLDS + j];
            const double reward1 =
                task_step(&w, x1, a1, &before[j], next1, &terminal1);

            w.task->observe(w.self, 1, next1, &before[j], o1);
            for (size_t i = 0; i < w.nx; i++)
                ck_assert(
                    same(&next1[i], &next[i * WORLDS + j], sizeof *next1));
            ck_assert(same(o1, &o[j * w.no], w.no * sizeof *o1));
            ck_assert(same(&reward1, &reward[j], sizeof reward1));
            ck_assert_uint_eq(terminal1, terminal[j]);
            ck_assert(same(&before[j], &rng[j], sizeof *rng));
        }
        memcpy(x, next, sizeof x);
    }
}
END_TEST

START_TEST(resets_of_one_stream_are_equal)
{
    const elbo_task_world w = world_of(_i);
    elbo_rng a = elbo_rng_stream(4, "reset", 0), b = a;
    double x[TASK_MOST], y[TASK_MOST];

    w.task->reset(w.self, 1, &a, x);
    w.task->reset(w.self, 1, &b, y);
    ck_assert(same(x, y, w.nx * sizeof *x));
    w.task->reset(w.self, 1, &a, y);
    ck_assert(!same(x, y, w.nx * sizeof *x));
}
END_TEST

START_TEST(actions_become_rows_and_rows_actions)
{
    const elbo_task_world w = world_of(_i);
    double a[TASK_MOST * WORLDS], b[TASK_MOST * WORLDS];
    float u[TASK_MOST * WORLDS];
    elbo_rng rng[WORLDS];

    for (size_t j = 0; j < WORLDS; j++) rng[j] = elbo_rng_stream(2, "world", j);
    for (size_t t = 0; t < 20; t++) {
        task_act(&w, WORLDS, rng, a);
        elbo_task_rows(&w, WORLDS, a, u);
        for (size_t i = 0; i < w.nu * WORLDS; i++)
            ck_assert(u[i] >= -1 && u[i] <= 1);
        elbo_task_actions(&w, WORLDS, u, b);
        for (size_t i = 0; i < w.na * WORLDS; i++)
            ck_assert_double_eq_tol(b[i], a[i], 1e-6 * (1 + fabs(a[i])));
    }
}
END_TEST

START_TEST(rows_beyond_the_box_are_clipped_and_ties_go_to_the_first)
{
    const elbo_task_world box = task_open("Pendulum-v1", "", NULL, 0);
    const elbo_task_world two = task_open("CartPole-v1", "", NULL, 0);
    const float far[] = {-1.5F, 0.25F, 7};
    const float rows[] = {0.3F, 0.3F, -2, -1.5F, 0.9F, 0.1F};
    double a[3];
    float u[3];

    elbo_task_actions(&box, 3, far, a);
    ck_assert(!(a[0] > -2) && !(a[0] < -2) && !(a[2] < 2) && !(a[2] > 2));
    ck_assert_double_eq_tol(a[1], 0.5, 1e-15);
    elbo_task_rows(&box, 3, (double[]){-9, 1, 9}, u);
    ck_assert(same(u, (float[]){-1, 0.5F, 1}, sizeof u));
    elbo_task_actions(&two, 3, rows, a);
    ck_assert(a[0] < 0.5 && a[1] > 0.5 && a[2] < 0.5);
}
END_TEST

/* What a model may be told is what the world pays, to a float's rounding. */
START_TEST(rewards_and_ends_are_functions_of_observations)
{
    const elbo_task_world w = world_of(_i);
    elbo_rng rng = elbo_rng_stream(8, "world", 0);
    double x[TASK_MOST], next[TASK_MOST], a[TASK_MOST];
    float o[TASK_MOST], o2[TASK_MOST], u[TASK_MOST], told;
    uint8_t terminal, end;

    w.task->reset(w.self, 1, &rng, x);
    for (size_t t = 0; t < 4000; t++) {
        task_act(&w, 1, &rng, a);

        const double paid = task_step(&w, x, a, &rng, next, &terminal);

        w.task->observe(w.self, 1, x, &rng, o);
        w.task->observe(w.self, 1, next, &rng, o2);
        elbo_task_rows(&w, 1, a, u);
        if (w.task->reward) {
            w.task->reward(w.self, 1, o, u, o2, &told);
            ck_assert_double_eq_tol((double)told, paid,
                                    2e-5 * (1 + fabs(paid)));
        }
        if (w.task->terminal) {
            w.task->terminal(w.self, 1, o2, u, o2, &end);
            ck_assert_uint_eq(end, terminal);
        }
        if (terminal || t % 200 == 199)
            w.task->reset(w.self, 1, &rng, x);
        else
            memcpy(x, next, sizeof x);
    }
}
END_TEST

enum { ROWS = 7 };

/* Leaves of a tape with the rows of a few transitions. */
typedef struct leaves {
    elbo_node node[3];
    size_t cols[3];
    double value[3][ROWS * TASK_MOST];
    float row[3][ROWS * TASK_MOST];
} leaves;

static void draw_rows(const elbo_task_world *w, leaves *l)
{
    elbo_rng rng = elbo_rng_stream(8, "world", 0);
    double x[TASK_MOST], next[TASK_MOST], a[TASK_MOST];
    uint8_t terminal;

    *l = (leaves){
        .cols = {w->no, w->nu, w->no}
    };
    w->task->reset(w->self, 1, &rng, x);
    for (size_t t = 0; t < 10 * ROWS; t++) {
        float *const o = &l->row[0][t / 10 * w->no];

        task_act(w, 1, &rng, a);
        (void)task_step(w, x, a, &rng, next, &terminal);
        w->task->observe(w->self, 1, x, &rng, o);
        elbo_task_rows(w, 1, a, &l->row[1][t / 10 * w->nu]);
        w->task->observe(w->self, 1, next, &rng, &l->row[2][t / 10 * w->no]);
        memcpy(x, next, sizeof x);
    }
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < ROWS * l->cols[k]; i++)
            l->value[k][i] = (double)l->row[k][i];
}

static double sum_of(elbo_tape *tape, elbo_node y)
{
    double r[ROWS], sum = 0;

    elbo_tape_forward(tape);
    elbo_tape_get(tape, y, r);
    for (size_t i = 0; i < ROWS; i++) sum += r[i];
    return sum;
}

/* The derivative on the tape against central differences. */
static void check_slopes(elbo_tape *tape, elbo_node y, leaves *l)
{
    static const double h = 1e-5;

    for (size_t k = 0; k < 3; k++) {
        double slope[ROWS * TASK_MOST];

        (void)sum_of(tape, y);
        elbo_tape_backward(tape, y);
        elbo_tape_gradient(tape, l->node[k], slope);
        for (size_t i = 0; i < ROWS * l->cols[k]; i++) {
            double *const x = &l->value[k][i], kept = *x;
            double side[2];

            for (size_t d = 0; d < 2; d++) {
                *x = kept + (d == 0 ? -h : h);
                elbo_tape_set(tape, l->node[k], l->value[k]);
                side[d] = sum_of(tape, y);
            }
            *x = kept;
            elbo_tape_set(tape, l->node[k], l->value[k]);
            ck_assert_double_eq_tol(slope[i], (side[1] - side[0]) / (2 * h),
                                    1e-6 * (1 + fabs(slope[i])));
        }
    }
}

START_TEST(a_reward_on_the_tape_is_the_reward)
{
    const elbo_task_world w = world_of(_i);
    leaves l;
    float reward[ROWS];
    double r[ROWS];

    if (!w.task->reward_node) return;
    draw_rows(&w, &l);

    elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);

    for (size_t k = 0; k < 3; k++)
        l.node[k] = elbo_tape_input(tape, ROWS, l.cols[k]);

    const elbo_node y =
        w.task->reward_node(w.self, tape, l.node[0], l.node[1], l.node[2]);

    ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
    ck_assert_uint_eq(elbo_tape_rows(tape, y), ROWS);
    ck_assert_uint_eq(elbo_tape_cols(tape, y), 1);
    for (size_t k = 0; k < 3; k++) elbo_tape_set(tape, l.node[k], l.value[k]);
    (void)sum_of(tape, y);
    elbo_tape_get(tape, y, r);
    w.task->reward(w.self, ROWS, l.row[0], l.row[1], l.row[2], reward);
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_double_eq_tol(r[i], (double)reward[i],
                                1e-6 * (1 + fabs(r[i])));
    check_slopes(tape, y, &l);
    elbo_tape_free(tape);
}
END_TEST

static elbo_status open_nothing(const elbo_values *options, elbo_arena *arena,
                                elbo_task_world *out)
{
    (void)options, (void)arena;
    out->nx = out->no = 1;
    return ELBO_OK;
}

START_TEST(no_action_and_bad_options_are_refused_in_words)
{
    static const elbo_task idle = {.open = open_nothing};
    static const elbo_env env = {.name = "idle", .task = &idle};
    elbo_task_world w;

    ck_assert_int_eq(elbo_task_open(&env, NULL, NULL, 0, task_arena, &w),
                     ELBO_EINVAL);
    ck_assert_str_eq(elbo_last_error()->text,
                     "idle: there is no action to take");
    ck_assert_int_eq(task_try_open("Pendulum-v1", "gravity=-1", NULL, 0, &w),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "gravity must be in"));
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    const elbo_env *const env = env_of(_i);
    const char *const wrappers = wrapped[(size_t)_i / task_count()];
    elbo_status s = ELBO_ENOMEM;

    for (long n = 0; s == ELBO_ENOMEM; n++) {
        elbo_values values;
        elbo_task_world w;

        elbo_alloc_budget(n);
        elbo_arena *const arena = elbo_arena_alloc(64);

        s = arena ? elbo_values_init(&values, env->options, arena)
                  : ELBO_ENOMEM;
        if (s == ELBO_OK)
            s = elbo_task_open(env, &values, wrappers, 0, arena, &w);
        elbo_arena_free(arena);
        elbo_alloc_budget(-1);
        ck_assert_int_lt(n, 100);
    }
    ck_assert_int_eq(s, ELBO_OK);
}
END_TEST

Suite *suite_tasks(void)
{
    Suite *s = suite_create("tasks");
    TCase *t = tcase_create("contract");
    const int bare = (int)task_count(), n = bare * WRAPPED;

    tcase_add_checked_fixture(t, task_set_up, task_tear_down);
    tcase_add_loop_test(t, every_task_tells_what_it_is, 0, bare);
    tcase_add_loop_test(t, a_state_that_is_told_is_the_one_observed, 0, n);
    tcase_add_loop_test(t, the_same_seed_gives_the_same_bits, 0, n);
    tcase_add_loop_test(t, worlds_together_step_to_the_same_bits_as_alone, 0,
                        n);
    tcase_add_loop_test(t, resets_of_one_stream_are_equal, 0, n);
    tcase_add_loop_test(t, actions_become_rows_and_rows_actions, 0, n);
    tcase_add_test(t, rows_beyond_the_box_are_clipped_and_ties_go_to_the_first);
    tcase_add_loop_test(t, rewards_and_ends_are_functions_of_observations, 0,
                        n);
    tcase_add_loop_test(t, a_reward_on_the_tape_is_the_reward, 0, n);
    tcase_add_test(t, no_action_and_bad_options_are_refused_in_words);
    tcase_add_loop_test(t, every_allocation_may_fail, 0, n);
    suite_add_tcase(s, t);
    return s;
}
