/* tests/test_wrappers.c -- wrappers of control tasks against what they say they
 * do, computed by hand. */
#include "inference/wrapper.h"

#include <math.h>
#include <string.h>

#include "tests/suites.h"
#include "tests/task_cases.h"

enum { LONG = 40000 };

/* Observation rows of one long walk of Pendulum-v1 in wrappers, [n x no]. */
static void walk(const elbo_task_world *w, uint64_t seed, size_t n, float o[])
{
    elbo_rng rng = elbo_rng_stream(seed, "walk", 0);
    double x[TASK_MOST], next[TASK_MOST], a[TASK_MOST];
    uint8_t terminal;

    w->task->reset(w->self, 1, &rng, x);
    for (size_t t = 0; t < n; t++) {
        w->task->observe(w->self, 1, x, &rng, &o[t * w->no]);
        task_act(w, 1, &rng, a);
        (void)task_step(w, x, a, &rng, next, &terminal);
        memcpy(x, next, sizeof x);
    }
}

/* Of the last but `back` observations: mean, variance, correlation at the lag.
 */
static void moments(const float o[], size_t no, size_t column, size_t lag,
                    double *mean, double *variance, double *correlation)
{
    double sum = 0, square = 0, product = 0;

    for (size_t t = 0; t < LONG; t++) sum += (double)o[t * no + column] / LONG;
    for (size_t t = 0; t < LONG; t++) {
        const double d = (double)o[t * no + column] - sum;

        square += d * d / LONG;
        if (t >= lag)
            product += d * ((double)o[(t - lag) * no + column] - sum) / LONG;
    }
    *mean = sum;
    *variance = square;
    *correlation = product / square;
}

static float *room(size_t n)
{
    float *const o = elbo_arena_take(task_arena, n, sizeof *o);

    ck_assert_ptr_nonnull(o);
    return o;
}

START_TEST(white_distractors_are_independent_standard_normals)
{
    const elbo_task_world w =
        task_open("Pendulum-v1", "", "distractors(white, 2)", 1);
    float *const o = room(LONG * w.no);
    double mean, variance, correlation, both = 0;

    walk(&w, 3, LONG, o);
    for (size_t i = 3; i < 5; i++) {
        moments(o, w.no, i, 1, &mean, &variance, &correlation);
        ck_assert_double_le(fabs(mean), 5 / sqrt(LONG));
        ck_assert_double_le(fabs(variance - 1), 5 * sqrt(2.0 / LONG));
        ck_assert_double_le(fabs(correlation), 5 / sqrt(LONG));
    }
    for (size_t t = 0; t < LONG; t++)
        both += (double)o[t * 5 + 3] * (double)o[t * 5 + 4] / LONG;
    ck_assert_double_le(fabs(both), 5 / sqrt(LONG));
}
END_TEST

static const double rhos[] = {0.95, -0.5, 0};
static const char *const processes[] = {"distractors(ar1, 2)",
                                        "distractors(ar1, 2, rho=-0.5)",
                                        "distractors(ar1, 2, 0)"};

/* The stationary process: its variance is estimated with the deviation
 * sqrt(2 (1 + rho^2) / (1 - rho^2) / n) (Bartlett). */
START_TEST(ar1_has_its_variance_and_correlations)
{
    const double rho = rhos[_i];
    const elbo_task_world w = task_open("Pendulum-v1", "", processes[_i], 1);
    float *const o = room(LONG * w.no);
    double mean, variance, correlation;
    const double slow = (1 + rho * rho) / (1 - rho * rho);

    walk(&w, 4, LONG, o);
    for (size_t i = 3; i < 5; i++)
        for (size_t lag = 1; lag < 4; lag++) {
            moments(o, w.no, i, lag, &mean, &variance, &correlation);
            ck_assert_double_le(fabs(mean),
                                5 * sqrt((1 + rho) / (1 - rho) / LONG));
            ck_assert_double_le(fabs(variance - 1), 5 * sqrt(2 * slow / LONG));
            ck_assert_double_le(fabs(correlation - pow(rho, (double)lag)),
                                5 * sqrt(slow / LONG));
        }
}
END_TEST

/* Also the first ones of episodes. */
START_TEST(ar1_starts_as_it_goes_on)
{
    const elbo_task_world w =
        task_open("Pendulum-v1", "", "distractors(ar1, 1)", 1);
    double square[2] = {0, 0};

    for (size_t k = 0; k < LONG; k++) {
        elbo_rng rng = elbo_rng_stream(9, "start", k);
        double x[3], next[3], a = 0;
        uint8_t terminal;

        w.task->reset(w.self, 1, &rng, x);
        (void)task_step(&w, x, &a, &rng, next, &terminal);
        square[0] += x[2] * x[2] / LONG;
        square[1] += next[2] * next[2] / LONG;
    }
    for (size_t i = 0; i < 2; i++)
        ck_assert_double_le(fabs(square[i] - 1), 5 * sqrt(2.0 / LONG));
}
END_TEST

enum { CHAOS = 5 };

/* The definition, drawn as envs/wrap_distractors.c says. */
typedef struct chaos {
    double W[CHAOS][CHAOS], O[CHAOS][CHAOS], c[CHAOS];
} chaos;

static chaos draw_chaos(uint64_t seed, size_t place)
{
    elbo_rng rng = elbo_rng_stream(seed, "distractors", place);
    chaos f;

    elbo_rng_normals(&rng, &f.W[0][0], CHAOS * CHAOS);
    elbo_rng_normals(&rng, &f.O[0][0], CHAOS * CHAOS);
    elbo_rng_normals(&rng, f.c, CHAOS);
    for (size_t i = 0; i < CHAOS; i++)
        for (size_t j = 0; j < CHAOS; j++) f.O[i][j] = pow(10 * f.O[i][j], 2);
    return f;
}

static void chaos_step(const chaos *f, const double d[], double next[])
{
    double y[CHAOS];

    for (size_t i = 0; i < CHAOS; i++) {
        y[i] = 0;
        for (size_t j = 0; j < CHAOS; j++) y[i] += f->W[i][j] * d[j];
    }
    for (size_t i = 0; i < CHAOS; i++) {
        double angle = 0;

        for (size_t j = 0; j < CHAOS; j++) angle += f->O[i][j] * y[j];
        next[i] = y[i] + 0.1 * sin(angle);
        if (fabs(next[i]) > 20) next[i] = f->c[i];
    }
}

START_TEST(chaotic_distractors_follow_their_map)
{
    const elbo_task_world w = task_open(
        "Pendulum-v1", "", "distractors(white, 1) distractors(chaotic, 5)", 11);
    const chaos f = draw_chaos(11, 1);
    elbo_rng rng = elbo_rng_stream(2, "walk", 0);
    double x[2 + CHAOS], next[2 + CHAOS], expected[CHAOS], a = 0.5, most = 0;
    uint8_t terminal;

    ck_assert_uint_eq(w.nx, 2 + CHAOS);
    ck_assert_uint_eq(w.no, 3 + 1 + CHAOS);
    w.task->reset(w.self, 1, &rng, x);
    for (size_t t = 0; t < 500; t++) {
        (void)task_step(&w, x, &a, &rng, next, &terminal);
        chaos_step(&f, &x[2], expected);
        for (size_t i = 0; i < CHAOS; i++)
            ck_assert_double_eq_tol(next[2 + i], expected[i], 1e-9);
        memcpy(x, next, sizeof x);
        for (size_t i = 0; i < CHAOS; i++) most = fmax(most, fabs(x[2 + i]));
    }
    /* expanding, and held by the resets */
    ck_assert(most > 5 && most <= 20);
}
END_TEST

/* Neighbours part: it is a chaotic map, with no noise. */
START_TEST(chaotic_distractors_depend_on_their_start)
{
    const elbo_task_world w =
        task_open("Pendulum-v1", "", "distractors(chaotic, 5)", 11);
    elbo_rng rng = elbo_rng_stream(2, "walk", 0);
    double x[2][2 + CHAOS], next[2 + CHAOS], a = 0.5, apart = 0;
    uint8_t terminal;

    w.task->reset(w.self, 1, &rng, x[0]);
    memcpy(x[1], x[0], sizeof x[0]);
    x[1][3] += 1e-10;
    for (size_t t = 0; t < 60 && apart < 1; t++) {
        for (size_t k = 0; k < 2; k++) {
            (void)task_step(&w, x[k], &a, &rng, next, &terminal);
            memcpy(x[k], next, sizeof next);
        }
        for (size_t i = 2; i < 2 + CHAOS; i++)
            apart = fmax(apart, fabs(x[1][i] - x[0][i]));
    }
    ck_assert_double_ge(apart, 1);
}
END_TEST

START_TEST(decaying_distractors_are_a_power_of_time)
{
    const elbo_task_world w =
        task_open("CartPole-v1", "", "distractors(decaying, 3, decay=0.9)", 5);
    float first[7], o[30 * 7];

    walk(&w, 1, 30, o);
    walk(&w, 2, 1, first); /* another episode: the same start */
    for (size_t i = 4; i < 7; i++) {
        ck_assert(fabs((double)o[i]) < 1 && fabs((double)o[i]) > 1e-3);
        ck_assert(!(first[i] < o[i]) && !(first[i] > o[i]));
        for (size_t t = 0; t < 30; t++)
            ck_assert_double_eq_tol((double)o[t * 7 + i],
                                    (double)o[i] * pow(0.9, (double)t), 1e-6);
    }
}
END_TEST

START_TEST(redundant_distractors_are_functions_of_observations)
{
    const elbo_task_world w =
        task_open("Pendulum-v1", "", "distractors(redundant, 8)", 5);
    elbo_rng rng = elbo_rng_stream(5, "distractors", 0);
    double M[2][3];
    float o[50 * 11];

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 3; k++) M[i][k] = elbo_rng_uniform(&rng);
    ck_assert_uint_eq(w.nx, 2);
    ck_assert_uint_eq(w.no, 11);
    walk(&w, 1, 50, o);
    for (size_t t = 0; t < 50; t++) {
        const float *const row = &o[t * 11];

        for (size_t k = 0; k < 3; k++) {
            ck_assert_double_eq_tol((double)row[3 + k], cos((double)row[k]),
                                    1e-7);
            ck_assert_double_eq_tol((double)row[6 + k], sin((double)row[k]),
                                    1e-7);
        }
        for (size_t i = 0; i < 2; i++)
            ck_assert_double_eq_tol((double)row[9 + i],
                                    M[i][0] * (double)row[0]
                                        + M[i][1] * (double)row[1]
                                        + M[i][2] * (double)row[2],
                                    1e-5);
    }
}
END_TEST

static const char *const defined[] = {"distractors(chaotic, 5)",
                                      "distractors(decaying, 5)",
                                      "distractors(redundant, 9)"};

/* The definition is the run's, whatever the noise; another run has another. */
START_TEST(data_and_evaluations_see_the_same_distractors)
{
    const elbo_task_world data = task_open("Pendulum-v1", "", defined[_i], 7);
    const elbo_task_world judge = task_open("Pendulum-v1", "", defined[_i], 7);
    const elbo_task_world other = task_open("Pendulum-v1", "", defined[_i], 8);
    const size_t bytes = data.no * sizeof(float);
    elbo_rng rng = elbo_rng_stream(1, "state", 0), same = rng, third = rng;
    double x[TASK_MOST], y[TASK_MOST], a = 0;
    float o[3][TASK_MOST];
    uint8_t terminal;

    data.task->reset(data.self, 1, &rng, x);
    (void)task_step(&data, x, &a, &rng, y, &terminal);
    data.task->observe(data.self, 1, y, &rng, o[0]);
    judge.task->reset(judge.self, 1, &same, x);
    (void)task_step(&judge, x, &a, &same, y, &terminal);
    judge.task->observe(judge.self, 1, y, &same, o[1]);
    other.task->reset(other.self, 1, &third, x);
    (void)task_step(&other, x, &a, &third, y, &terminal);
    other.task->observe(other.self, 1, y, &third, o[2]);
    ck_assert_mem_eq(o[0], o[1], bytes);
    ck_assert_mem_ne(o[0], o[2], bytes);
}
END_TEST

START_TEST(noise_has_its_deviation_and_leaves_the_world_alone)
{
    const elbo_task_world bare = task_open("Pendulum-v1", "", NULL, 1);
    const elbo_task_world w = task_open("Pendulum-v1", "", "noise(0.25)", 1);
    const double x[] = {0.4, -1.3};
    elbo_rng rng = elbo_rng_stream(1, "noise", 0);
    float clean[3], o[3];
    double sum[3] = {0}, square[3] = {0};

    bare.task->observe(bare.self, 1, x, &rng, clean);
    for (size_t k = 0; k < LONG; k++) {
        w.task->observe(w.self, 1, x, &rng, o);
        for (size_t i = 0; i < 3; i++) {
            const double e = (double)o[i] - (double)clean[i];

            sum[i] += e / LONG;
            square[i] += e * e / LONG;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        ck_assert_double_le(fabs(sum[i]), 5 * 0.25 / sqrt(LONG));
        ck_assert_double_le(fabs(square[i] - 0.0625),
                            5 * 0.0625 * sqrt(2.0 / LONG));
    }
    ck_assert(!w.task->reward && !w.task->terminal && !w.task->state
              && !w.task->reward_node);
}
END_TEST

START_TEST(removed_observations_are_gone_and_the_others_stay)
{
    const elbo_task_world bare = task_open("Acrobot-v1", "", NULL, 1);
    const elbo_task_world w =
        task_open("Acrobot-v1", "", "remove(4, 2) remove(0)", 1);
    float o[20 * 6], p[20 * 3];

    ck_assert_uint_eq(w.no, 3);
    ck_assert_uint_eq(w.nx, 4);
    walk(&bare, 1, 20, o);
    walk(&w, 1, 20, p);
    for (size_t t = 0; t < 20; t++)
        ck_assert_mem_eq(&p[t * 3], &o[t * 6 + 1], 3 * sizeof *p);
    ck_assert(!w.task->reward && !w.task->terminal && !w.task->state);
}
END_TEST

START_TEST(repeated_actions_add_up_and_stop_at_the_end)
{
    const elbo_task_world bare = task_open("CartPole-v1", "", NULL, 1);
    const elbo_task_world w = task_open("CartPole-v1", "", "repeat(4)", 1);
    elbo_rng rng = elbo_rng_stream(6, "start", 0);
    double x[4], y[4], next[4];
    uint8_t terminal, end = 0;
    const double a = 1;
    size_t steps = 0, actions = 0;

    ck_assert_uint_eq(w.limit, 125);
    w.task->reset(w.self, 1, &rng, x);
    memcpy(y, x, sizeof y);
    while (!end) {
        double sum = 0;

        for (size_t k = 0; k < 4 && !end; k++) {
            sum += task_step(&bare, y, &a, &rng, next, &end);
            memcpy(y, next, sizeof y);
            steps++;
        }
        ck_assert_double_eq(task_step(&w, x, &a, &rng, next, &terminal), sum);
        memcpy(x, next, sizeof x);
        actions++;
        ck_assert_mem_eq(x, y, sizeof x);
        ck_assert_uint_eq(terminal, end);
    }
    /* It ended within an action: the case that matters. */
    ck_assert(steps % 4 != 0 && steps > 4 && actions == steps / 4 + 1);
    ck_assert(!w.task->reward && w.task->terminal);
}
END_TEST

/* More than go side by side, which end one after the other. */
START_TEST(many_repeated_worlds_step_as_each_alone)
{
    enum { N = 75 };
    const elbo_task_world w = task_open("CartPole-v1", "", "repeat(7)", 1);
    static double x[4 * N], next[4 * N];
    double a[N], reward[N];
    uint8_t terminal[N];
    elbo_rng rng[N];
    size_t ended = 0, mixed = 0;

    for (size_t j = 0; j < N; j++) {
        rng[j] = elbo_rng_stream(6, "start", j);
        a[j] = (double)(j % 2);
    }
    w.task->reset(w.self, N, rng, x);
    for (size_t t = 0; t < 3; t++) {
        w.task->step(w.self, N, x, a, NULL, next, reward, terminal);
        for (size_t j = 0; j < N; j++) {
            double y[4], after[4];
            uint8_t end;

            for (size_t i = 0; i < 4; i++) y[i] = x[i * N + j];
            ck_assert_double_eq(task_step(&w, y, &a[j], NULL, after, &end),
                                reward[j]);
            ck_assert_uint_eq(end, terminal[j]);
            for (size_t i = 0; i < 4; i++)
                ck_assert_double_eq(after[i], next[i * N + j]);
            ended += end;
            mixed += end && reward[j] < 7;
        }
        memcpy(x, next, sizeof x);
    }
    ck_assert(ended > N / 2 && mixed > N / 4);
}
END_TEST

START_TEST(distractors_leave_the_task_and_what_is_told_of_it)
{
    const elbo_task_world bare = task_open("cartpole_swingup", "", NULL, 1);
    const elbo_task_world w = task_open(
        "cartpole_swingup", "", "distractors(ar1, 2) distractors(white, 3)", 1);
    elbo_rng rng = elbo_rng_stream(6, "start", 0);
    double x[6], next[6], alone[4], u[] = {1.5};
    float o[2][10], row = 0.5F, told[2];
    uint8_t terminal, end[2];

    ck_assert_uint_eq(w.no, 10);
    w.task->reset(w.self, 1, &rng, x);
    for (size_t t = 0; t < 20; t++) {
        const double paid = task_step(&w, x, u, &rng, next, &terminal);

        ck_assert_double_eq(task_step(&bare, x, u, &rng, alone, &terminal),
                            paid);
        ck_assert_mem_eq(alone, next, sizeof alone);
        w.task->observe(w.self, 1, x, &rng, o[0]);
        w.task->observe(w.self, 1, next, &rng, o[1]);
        w.task->reward(w.self, 1, o[0], &row, o[1], &told[0]);
        bare.task->reward(bare.self, 1, o[0], &row, o[1], &told[1]);
        w.task->terminal(w.self, 1, o[0], &row, o[1], &end[0]);
        bare.task->terminal(bare.self, 1, o[0], &row, o[1], &end[1]);
        ck_assert_mem_eq(&told[0], &told[1], sizeof *told);
        ck_assert_double_eq_tol((double)told[0], paid, 1e-6);
        ck_assert_uint_eq(end[0], end[1]);
        memcpy(x, next, sizeof x);
    }
}
END_TEST

START_TEST(a_limit_takes_the_place_of_the_world_s)
{
    ck_assert_uint_eq(task_open("CartPole-v1", "", "limit(7)", 1).limit, 7);
    ck_assert_uint_eq(
        task_open("CartPole-v1", "", "limit(9) repeat(2)", 1).limit, 4);
    ck_assert_uint_eq(
        task_open("CartPole-v1", "", "repeat(2) limit(9)", 1).limit, 9);
}
END_TEST

static int count(size_t bytes, size_t each)
{
    return (int)(bytes / each);
}

Suite *suite_wrappers(void)
{
    Suite *s = suite_create("wrappers");
    TCase *t = tcase_create("worlds");

    tcase_add_checked_fixture(t, task_set_up, task_tear_down);
    tcase_add_test(t, white_distractors_are_independent_standard_normals);
    tcase_add_loop_test(t, ar1_has_its_variance_and_correlations, 0,
                        count(sizeof rhos, sizeof *rhos));
    tcase_add_test(t, ar1_starts_as_it_goes_on);
    tcase_add_test(t, chaotic_distractors_follow_their_map);
    tcase_add_test(t, chaotic_distractors_depend_on_their_start);
    tcase_add_test(t, decaying_distractors_are_a_power_of_time);
    tcase_add_test(t, redundant_distractors_are_functions_of_observations);
    tcase_add_loop_test(t, data_and_evaluations_see_the_same_distractors, 0,
                        count(sizeof defined, sizeof *defined));
    tcase_add_test(t, noise_has_its_deviation_and_leaves_the_world_alone);
    tcase_add_test(t, removed_observations_are_gone_and_the_others_stay);
    tcase_add_test(t, repeated_actions_add_up_and_stop_at_the_end);
    tcase_add_test(t, many_repeated_worlds_step_as_each_alone);
    tcase_add_test(t, distractors_leave_the_task_and_what_is_told_of_it);
    tcase_add_test(t, a_limit_takes_the_place_of_the_world_s);
    suite_add_tcase(s, t);
    return s;
}
