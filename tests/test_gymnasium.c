/* tests/test_gymnasium.c -- tasks against transitions that Gymnasium and MuJoCo
 * recorded, and sine and cosine against the C library's. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envs/sincos.h"
#include "inference/core/csv.h"
#include "tests/suites.h"
#include "tests/task_cases.h"

enum { MOST_NAMES = 32, LONG = 32 };

static const struct {
    const char *name, *folder;
    double tolerance; /* of a state, for a value of 1 */
    size_t rows;
} records[] = {
    {"CartPole-v1",              "gymnasium", 1e-12, 62  },
    {"Pendulum-v1",              "gymnasium", 1e-12, 800 },
    {"MountainCar-v0",           "gymnasium", 1e-12, 638 },
    {"MountainCarContinuous-v0", "gymnasium", 1e-12, 824 },
    {"Acrobot-v1",               "gymnasium", 1e-12, 2000},
    {"cartpole_swingup",         "mujoco",    1e-12, 480 },
};

enum { RECORDS = sizeof records / sizeof *records };

/* Where the columns of a recorded transition start. */
typedef struct columns {
    size_t s, a, reward, terminated, truncated, s_next, obs_next, n;
} columns;

static columns columns_of(const elbo_task_world *w)
{
    columns c = {.s = 2};

    c.a = c.s + w->nx;
    c.reward = c.a + w->na;
    c.terminated = c.reward + 1;
    c.truncated = c.terminated + 1;
    c.s_next = c.truncated + 1;
    c.obs_next = c.s_next + w->nx;
    c.n = c.obs_next + w->no;
    return c;
}

static void number(char names[][LONG], size_t first, const char *stem, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(names[first + i], LONG, "%s%zu", stem, i);
}

static void name_columns(const elbo_task_world *w, const columns *c,
                         char names[][LONG])
{
    snprintf(names[0], LONG, "episode");
    snprintf(names[1], LONG, "t");
    number(names, c->s, "s", w->nx);
    number(names, c->a, "a", w->na);
    snprintf(names[c->reward], LONG, "reward");
    snprintf(names[c->terminated], LONG, "terminated");
    snprintf(names[c->truncated], LONG, "truncated");
    number(names, c->s_next, "s_next", w->nx);
    number(names, c->obs_next, "obs_next", w->no);
}

static bool near(double x, double y, double tolerance)
{
    return fabs(x - y) <= tolerance * (1 + fabs(y));
}

/* The recorded observation, to the last place of a float: Gymnasium's sines
 * differ from ours in the last place of a double, which may tip a rounding. */
static bool is_rounded(float o, double recorded)
{
    return fabs((double)o - recorded)
           <= (double)FLT_EPSILON * fabs(recorded) / 2;
}

/* What a model may be told, of the recorded transition, where the action is
 * within the bounds. */
static void check_told(const elbo_task_world *w, const columns *c,
                       const double row[], const float next[])
{
    elbo_rng rng = elbo_rng_stream(1, "unused", 0);
    float o[TASK_MOST], u[TASK_MOST], reward;
    uint8_t end;

    w->task->observe(w->self, 1, &row[c->s], &rng, o);
    elbo_task_rows(w, 1, &row[c->a], u);
    w->task->terminal(w->self, 1, o, u, next, &end);
    ck_assert_uint_eq(end, row[c->terminated] > 0);
    if (!w->choices && (row[c->a] < *w->low || row[c->a] > *w->high)) return;
    w->task->reward(w->self, 1, o, u, next, &reward);
    ck_assert_double_eq_tol((double)reward, row[c->reward],
                            3e-6 * (1 + fabs(row[c->reward])));
}

static void check_row(const elbo_task_world *w, const columns *c,
                      const double row[], double tolerance, size_t *off)
{
    elbo_rng rng = elbo_rng_stream(1, "unused", 0);
    double next[TASK_MOST];
    float o[TASK_MOST];
    uint8_t terminal;
    const double reward =
        task_step(w, &row[c->s], &row[c->a], &rng, next, &terminal);
    const double t = row[1];

    for (size_t i = 0; i < w->nx; i++)
        ck_assert_msg(near(next[i], row[c->s_next + i], tolerance),
                      "episode %g, t %g: s_next%zu is %.17g, not %.17g", row[0],
                      t, i, next[i], row[c->s_next + i]);
    ck_assert_msg(near(reward, row[c->reward], 1e-12),
                  "episode %g, t %g: reward %.17g, not %.17g", row[0], t,
                  reward, row[c->reward]);
    ck_assert_msg(terminal == (row[c->terminated] > 0), "episode %g, t %g",
                  row[0], t);
    ck_assert((row[c->truncated] > 0) == (t + 1 >= (double)w->limit));

    w->task->observe(w->self, 1, &row[c->s_next], &rng, o);
    for (size_t i = 0; i < w->no; i++) {
        ck_assert(is_rounded(o[i], row[c->obs_next + i]));
        *off += (double)o[i] < row[c->obs_next + i]
                || (double)o[i] > row[c->obs_next + i];
    }
    check_told(w, c, row, o);
}

START_TEST(every_recorded_transition_is_ours)
{
    const char *const name = records[_i].name;
    const elbo_task_world w = task_open(name, "", "none", 0);
    const columns c = columns_of(&w);
    char names[MOST_NAMES][LONG], path[64];
    const char *list[MOST_NAMES];
    double row[MOST_NAMES];
    elbo_csv csv;
    size_t rows = 0, off = 0;

    ck_assert_uint_le(c.n, MOST_NAMES);
    name_columns(&w, &c, names);
    for (size_t i = 0; i < c.n; i++) list[i] = names[i];
    snprintf(path, sizeof path, "tests/data/%s/%s.csv", records[_i].folder,
             name);
    ck_assert_msg(elbo_csv_open(&csv, path, list, c.n, task_arena) == ELBO_OK,
                  "%s", elbo_last_error()->text);
    for (bool more = true;; rows++) {
        ck_assert_int_eq(elbo_csv_next(&csv, &more), ELBO_OK);
        if (!more) break;
        for (size_t i = 0; i < c.n; i++)
            ck_assert_int_eq(elbo_csv_double(&csv, i, -1e9, 1e9, &row[i]),
                             ELBO_OK);
        check_row(&w, &c, row, records[_i].tolerance, &off);
    }
    ck_assert_uint_eq(rows, records[_i].rows);
    /* A float's rounding is tipped by 2^-51 once in 2^27 values. */
    ck_assert_uint_eq(off, 0);
}
END_TEST

/* Starts are independent, uniform within +-spread of a middle or normal with
 * that deviation. */
static const struct {
    const char *name;
    bool normal;
    double middle[4], spread[4];
} starts[] = {
    {"CartPole-v1",              false, {0},    {0.05, 0.05, 0.05, 0.05}},
    {"cartpole_continuous",      false, {0},    {0.05, 0.05, 0.05, 0.05}},
    {"Pendulum-v1",              false, {0},    {3.14159265358979, 1}   },
    {"MountainCar-v0",           false, {-0.5}, {0.1}                   },
    {"MountainCarContinuous-v0", false, {-0.5}, {0.1}                   },
    {"Acrobot-v1",               false, {0},    {0.1, 0.1, 0.1, 0.1}    },
    {"cartpole_swingup",         true,  {0},    {0.1, 0.1, 0.1, 0.1}    },
};

enum { STARTS = sizeof starts / sizeof *starts, DRAWN = 20000 };

START_TEST(starts_have_the_published_distribution)
{
    static elbo_rng rng[DRAWN];
    static double x[4 * DRAWN];
    const elbo_task_world w = task_open(starts[_i].name, "", NULL, 0);

    for (size_t j = 0; j < DRAWN; j++) rng[j] = elbo_rng_stream(2, "start", j);
    w.task->reset(w.self, DRAWN, rng, x);
    for (size_t i = 0; i < w.nx; i++) {
        const double spread = starts[_i].spread[i];
        const double sd = starts[_i].normal ? spread : spread / sqrt(3);
        const double kurtosis = starts[_i].normal ? 3 : 1.8;
        double mean = 0, square = 0, most = 0;

        for (size_t j = 0; j < DRAWN; j++) {
            const double d = x[i * DRAWN + j] - starts[_i].middle[i];

            mean += d / DRAWN;
            square += d * d / DRAWN;
            most = fmax(most, fabs(d));
        }
        /* five deviations of the estimates */
        ck_assert_double_le(fabs(mean), 5 * sd / sqrt(DRAWN));
        ck_assert_double_le(fabs(square - sd * sd),
                            5 * sd * sd * sqrt((kurtosis - 1) / DRAWN));
        if (!starts[_i].normal) ck_assert_double_le(most, spread * (1 + 1e-12));
    }
}
END_TEST

START_TEST(sine_and_cosine_are_the_c_library_s)
{
    elbo_rng rng = elbo_rng_stream(7, "angles", 0);
    double s, c;

    for (size_t i = 0; i < 200000; i++) {
        const double scale = pow(10, (double)(i % 14) - 8);
        const double x = scale * (2 * elbo_rng_uniform(&rng) - 1)
                         + (double)(i % 3) * 0x1.921fb54442d18p-1;

        elbo_sincos(x, &s, &c);
        ck_assert_double_le(fabs(s - sin(x)), 0x1p-51);
        ck_assert_double_le(fabs(c - cos(x)), 0x1p-51);
    }
}
END_TEST

/* An angle of x is right as one of an x that is off by a place in its last. */
START_TEST(sine_and_cosine_of_far_angles_are_those_of_a_neighbour)
{
    static const double far[] = {1e7, -3e9, 1e12, -7e13, 0x1p49};
    double s, c;

    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        const double place = nextafter(fabs(far[i]), HUGE_VAL) - fabs(far[i]);

        elbo_sincos(far[i], &s, &c);
        ck_assert_double_eq_tol(s * s + c * c, 1, 1e-15);
        ck_assert_double_le(fabs(s - sin(far[i])), place + 0x1p-51);
        ck_assert_double_le(fabs(c - cos(far[i])), place + 0x1p-51);
    }
    elbo_sincos(HUGE_VAL, &s, &c);
    ck_assert(isnan(s) && isnan(c));
    elbo_sincos(NAN, &s, &c);
    ck_assert(isnan(s) && isnan(c));
}
END_TEST

Suite *suite_gymnasium(void)
{
    Suite *s = suite_create("gymnasium");
    TCase *t = tcase_create("gymnasium");

    tcase_add_checked_fixture(t, task_set_up, task_tear_down);
    tcase_add_loop_test(t, every_recorded_transition_is_ours, 0, RECORDS);
    tcase_add_loop_test(t, starts_have_the_published_distribution, 0, STARTS);
    tcase_add_test(t, sine_and_cosine_are_the_c_library_s);
    tcase_add_test(t, sine_and_cosine_of_far_angles_are_those_of_a_neighbour);
    suite_add_tcase(s, t);
    return s;
}
