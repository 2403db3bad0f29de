/* tests/test_planner_state.c -- what a planner remembers from step to step,
 * saves, and does on any number of threads. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/planner_worlds.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

enum { N = LQ_STATES };

static const float lq_start[N] = {0.35F, 0.2F};

/* A q so narrow that the plan is its mean. */
START_TEST(a_warm_start_is_the_last_plan_shifted)
{
    stand_in s;

    stand_in_open(&s, N, 1, 0, 1);
    s.one = linear_quadratic;

    planner_trial t = trial_of(&s, "mppi",
                               "horizon=4 population=20 particles=1 replan=2 "
                               "initial_std=1e-6",
                               1, 5);
    float *const memory = t.act.memory, *const plan = memory + 3;
    float *const mean = plan + 4;

    t.first[0] = 0;
    memory[0] = 1, memory[1] = 2; /* planned two steps ago */
    for (size_t i = 0; i < 4; i++) mean[i] = 0.1F * (float)(i + 1);
    trial_act(&t);
    for (size_t i = 0; i < 4; i++)
        ck_assert_double_eq_tol((double)plan[i],
                                i < 2 ? 0.1 * (double)(i + 3) : 0, 1e-5);
    ck_assert_double_eq((double)t.act.u[0], (double)plan[0]);

    const float second = plan[1];
    const double rows = trial_column(&t, "plan_rows");

    trial_act(&t); /* follows it */
    ck_assert_double_eq((double)t.act.u[0], (double)second);
    ck_assert_double_eq(trial_column(&t, "plan_rows"), rows);
    trial_act(&t); /* plans again */
    ck_assert_double_gt(trial_column(&t, "plan_rows"), rows);
    t.first[0] = 1; /* a new episode starts at 0 */
    memory[0] = 1;
    for (size_t i = 0; i < 4; i++) mean[i] = 0.5F;
    trial_act(&t);
    ck_assert_double_eq_tol((double)plan[0], 0, 1e-5);
    trial_end(&t);
}
END_TEST

static const char *const every[] = {
    "cem horizon=5 population=300 iterations=3 particles=3",
    "icem horizon=5 population=300 iterations=3 particles=3 propagation=ts1",
    "mppi horizon=5 population=300 iterations=2 particles=3 common_noise=true "
    "ess=20",
    "vimpc horizon=5 population=300 iterations=3 particles=3 entropy=0.3 "
    "aggregation=after",
};
enum { EVERY = sizeof every / sizeof *every, WORLDS = 2 };

/* Steps of a control on two worlds; exploring. */
static planner_trial stepped(const stand_in *s, const char *what, size_t steps)
{
    char control[8] = {0};
    const char *const settings = strchr(what, ' ') + 1;

    memcpy(control, what, (size_t)(settings - what) - 1);

    char all[256];

    snprintf(all, sizeof all, "%s exploration=0.1", settings);

    planner_trial t = trial_of(s, control, all, WORLDS, 9);

    t.act.explore = true;
    for (size_t i = 0; i < WORLDS; i++)
        memcpy(t.o + i * N, lq_start, sizeof lq_start);
    for (size_t i = 0; i < steps; i++) trial_act(&t);
    return t;
}

static bool same_acts(const planner_trial *a, const planner_trial *b)
{
    double x[ELBO_TASK_CONTROL_COLUMNS], y[ELBO_TASK_CONTROL_COLUMNS];

    a->control->task->columns(a->self, x);
    b->control->task->columns(b->self, y);
    return memcmp(a->act.u, b->act.u, WORLDS * sizeof(float)) == 0
           && memcmp(a->act.memory, b->act.memory,
                     a->memory * WORLDS * sizeof(float))
                  == 0
           && memcmp(x, y, sizeof x) == 0;
}

static void noisy_open(stand_in *s)
{
    stand_in_open(s, N, 1, 0, 3);
    s->one = linear_quadratic;
    s->noise = 0.1;
}

START_TEST(planning_has_the_same_bits_for_any_number_of_threads)
{
    const int threads = omp_get_max_threads();
    planner_trial t[3];
    stand_in s;

    noisy_open(&s);
    for (int k = 0; k < 3; k++) {
        omp_set_num_threads(1 << k);
        t[k] = stepped(&s, every[_i], 3);
    }
    omp_set_num_threads(threads);
    ck_assert(same_acts(t, t + 1));
    ck_assert(same_acts(t, t + 2));
    ck_assert(t[0].act.u[0] < t[0].act.u[1]
              || t[0].act.u[0] > t[0].act.u[1]); /* streams of their own */
    for (int k = 0; k < 3; k++) trial_end(t + k);
}
END_TEST

/* What a caller keeps (memory and streams) and what the planner saves is all.
 */
START_TEST(a_planner_that_was_loaded_goes_on_to_the_same_bits)
{
    elbo_writer *const out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    stand_in s;

    noisy_open(&s);

    planner_trial one = stepped(&s, every[_i], 2),
                  two = stepped(&s, every[_i], 0);

    elbo_writer_section(out, "control");
    one.control->task->save(one.self, out);
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    elbo_writer_free(out);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "control"), ELBO_OK);
    ck_assert_int_eq(two.control->task->load(two.self, in), ELBO_OK);
    elbo_reader_free(in);
    memcpy(two.act.memory, one.act.memory, WORLDS * one.memory * sizeof(float));
    memcpy(two.act.rng, one.act.rng, WORLDS * sizeof *one.act.rng);
    memset(two.first, 0, WORLDS);
    for (size_t i = 0; i < 2; i++) {
        trial_act(&one);
        trial_act(&two);
        ck_assert(same_acts(&one, &two));
    }
    trial_end(&one);
    trial_end(&two);
}
END_TEST

START_TEST(a_warm_planner_never_allocates)
{
    stand_in s;

    noisy_open(&s);

    planner_trial t = stepped(&s, every[_i], 1);
    const unsigned long before = elbo_alloc_count();

    trial_act(&t);
    ck_assert_uint_eq(elbo_alloc_count(), before);
    trial_end(&t);
}
END_TEST

START_TEST(a_planner_survives_each_lack_of_memory)
{
    elbo_status status;
    long n = 0;
    stand_in s;

    noisy_open(&s);
    do {
        planner_trial t = stepped(&s, every[_i], 0);
        elbo_arena *ws;

        elbo_alloc_budget(n++);
        ws = elbo_arena_alloc(1);
        status = ws ? t.control->task->act(t.self, &t.act, ws) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        ck_assert(status == ELBO_OK || status == ELBO_ENOMEM);
        trial_end(&t);
    } while (status != ELBO_OK);
    ck_assert_int_ge(n, 3);
}
END_TEST

Suite *suite_planner_state(void)
{
    Suite *s = suite_create("planner_state");
    TCase *t = tcase_create("memory");
    TCase *each = tcase_create("each");

    tcase_add_test(t, a_warm_start_is_the_last_plan_shifted);
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(each, scratch_make, scratch_remove);
    tcase_add_loop_test(
        each, planning_has_the_same_bits_for_any_number_of_threads, 0, EVERY);
    tcase_add_loop_test(
        each, a_planner_that_was_loaded_goes_on_to_the_same_bits, 0, EVERY);
    tcase_add_loop_test(each, a_warm_planner_never_allocates, 0, EVERY);
    tcase_add_loop_test(each, a_planner_survives_each_lack_of_memory, 0, EVERY);
    suite_add_tcase(s, each);
    return s;
}
