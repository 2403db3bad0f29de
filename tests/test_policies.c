/* tests/test_policies.c -- what MPO, REPS and AWR promise alike: bits, ends,
 * failures, values and their derivatives.
 */
#include <check.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "control/registry.h"
#include "inference/messages/reweight.h"
#include "inference/task_control.h"
#include "tests/network_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"
#include "tests/task_cases.h"

/* Every kind of each, small. */
static const struct {
    const char *name, *env, *settings;
} kinds[] = {
    {"mpo",  "Pendulum-v1", "width=16 batch=24 samples=6 period=3"           },
    {"mpo",  "Pendulum-v1",
     "width=16 batch=24 samples=6 period=3 dual=gradient critics=2 mean=linear "
     "penalty=0.01 each_dimension=true clip=1"                               },
    {"mpo",  "CartPole-v1", "width=16 batch=24 period=3"                     },
    {"awr",  "Pendulum-v1", "width=16 batch=24"                              },
    {"awr",  "CartPole-v1",
     "width=16 batch=24 standardise=false lambda=0.5 beta=3"                 },
    {"reps", "Pendulum-v1", "width=16 batch=24 features_n=10"                },
    {"reps", "Pendulum-v1", "layers=0 features=quadratic window=100"         },
    {"reps", "CartPole-v1", "width=16 batch=24 features=network features_n=8"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static elbo_arena *ws;

static void setup(void)
{
    scratch_make();
    task_set_up();
    ws = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(ws);
    task_tear_down();
    scratch_remove();
}

typedef struct subject {
    elbo_task_world world;
    const elbo_task_control *control;
    void *self;
    elbo_replay data, rollouts;
    elbo_task_estep estep;
} subject;

static void open_subject(subject *s, int kind, const char *more, double gamma)
{
    const elbo_control *const control = elbo_control_find(kinds[kind].name);
    elbo_values values;

    s->world = task_open(kinds[kind].env, "", "none", 3);
    s->control = control->task;
    ck_assert_int_eq(elbo_values_init(&values, control->options, task_arena),
                     ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, kinds[kind].settings), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, more), ELBO_OK);

    const elbo_task_problem problem = {
        .world = &s->world, .gamma = gamma, .seed = 5};

    ck_assert_msg(s->control->open(&values, &problem, task_arena, &s->self)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
}

static void open_with_data(subject *s, int kind)
{
    open_subject(s, kind, "", 0.95);
    network_fill(&s->world, 150, 40, 1, &s->data, task_arena);
    network_fill(&s->world, 70, 5, 2, &s->rollouts, task_arena);
    s->estep = (elbo_task_estep){
        .data = &s->data, .rollouts = &s->rollouts, .real = 0.3, .updates = 4};
}

static void improve(subject *s)
{
    ck_assert_msg(s->control->improve(s->self, &s->estep, ws) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    s->estep.round++;
}

/* Its whole state; length in *n. */
enum { ROOM = 1 << 20 };
static unsigned char *state_of(const subject *s, size_t *n)
{
    elbo_writer *const out = elbo_writer_alloc();
    unsigned char *const bytes = elbo_arena_take(task_arena, ROOM, 1);

    elbo_writer_section(out, "control");
    s->control->save(s->self, out);
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    elbo_writer_free(out);
    *n = scratch_read(bytes, ROOM);
    ck_assert(*n > 100 && *n < ROOM);
    return bytes;
}

START_TEST(the_same_bits_for_any_number_of_threads)
{
    const int threads = omp_get_max_threads(), some[] = {1, 2, 4};
    unsigned char *first = NULL;
    size_t n = 0, m;

    for (size_t k = 0; k < 3; k++) {
        subject s;

        omp_set_num_threads(some[k]);
        open_with_data(&s, _i);
        for (size_t r = 0; r < 3; r++) improve(&s);

        unsigned char *const bytes = state_of(&s, &m);

        if (!first) first = bytes, n = m;
        ck_assert(n == m && memcmp(first, bytes, n) == 0);
    }
    omp_set_num_threads(threads);
}
END_TEST

/* V of both, where the control has one. */
static void check_values(const subject *a, const subject *b)
{
    const size_t n = a->data.n;
    float *const V = elbo_arena_take(ws, 2 * n, sizeof *V);

    if (!a->control->value) return;
    for (size_t k = 0; k < 2; k++)
        ck_assert_int_eq(a->control->value(k ? b->self : a->self, n, a->data.o,
                                           V + k * n, NULL, ws),
                         ELBO_OK);
    ck_assert_mem_eq(V, V + n, n * sizeof *V);
}

START_TEST(saved_and_loaded_it_goes_on_to_the_same_bits)
{
    subject one, other;
    elbo_reader *in;
    size_t n, m;

    open_with_data(&one, _i);
    for (size_t r = 0; r < 2; r++) improve(&one);
    state_of(&one, &n);
    open_with_data(&other, _i);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "control"), ELBO_OK);
    ck_assert_int_eq(other.control->load(other.self, in), ELBO_OK);
    elbo_reader_free(in);
    check_values(&one, &other);
    other.estep.round = one.estep.round;
    for (size_t r = 0; r < 2; r++) improve(&one), improve(&other);

    const unsigned char *const a = state_of(&one, &n), *const b =
                                                           state_of(&other, &m);

    ck_assert(n == m && memcmp(a, b, n) == 0);
}
END_TEST

/* Of REPS a reward of any size is a weight: only one that is no number stops
 * it, and there before any network. */
START_TEST(a_loss_that_is_not_finite_is_told_with_network_layer_and_update)
{
    subject s;

    open_with_data(&s, _i);
    improve(&s);

    const bool dual = strcmp(kinds[_i].name, "reps") == 0;
    const bool closed = dual && strstr(kinds[_i].settings, "layers=0");

    for (size_t i = 0; i < s.data.n; i++)
        s.data.reward[i] = dual ? INFINITY : 1e38F;
    s.estep.rollouts = NULL;
    ck_assert_int_eq(s.control->improve(s.self, &s.estep, ws), ELBO_ENOTFINITE);

    const char *const text = elbo_last_error()->text;

    ck_assert_msg(strstr(text, kinds[_i].name)
                      && strstr(text, dual ? "column 0" : "layer")
                      && strstr(text, "update")
                      && strstr(text, closed ? "in closed form" : "the last finite loss was"),
                  "%s", text);
}
END_TEST

START_TEST(without_any_transition_it_says_so)
{
    subject s;

    open_with_data(&s, _i);
    elbo_replay_clear(&s.data);
    s.estep.rollouts = NULL;
    ck_assert_int_eq(s.control->improve(s.self, &s.estep, ws), ELBO_EDATA);
    s.estep.real = 0;
    s.estep.rollouts = &s.rollouts; /* imagined ones alone will do */
    improve(&s);
}
END_TEST

/* One transition from o to o itself that earns 1: V = 1 / (1 - gamma) where it
 * goes on, however often a time limit cuts it; 1 where it ends. */
START_TEST(an_end_is_worth_nothing_more_and_a_time_limit_is_no_end)
{
    for (int end = 0; end < 2; end++) {
        subject s;
        elbo_rng rng = elbo_rng_stream(8, "one", 0);
        float V, o[TASK_MOST], u[TASK_MOST] = {0};

        open_subject(&s, _i, "rate=3e-3 clip=inf", 0.5);
        if (!s.control->value) return;
        for (size_t i = 0; i < s.world.no; i++) o[i] = i % 2 ? 0.25F : -0.5F;
        ck_assert_int_eq(
            elbo_replay_init(&s.data, s.world.no, s.world.nu, 64, task_arena),
            ELBO_OK);
        for (uint32_t k = 0; k < 64; k++) {
            for (size_t d = 0; d < s.world.nu; d++)
                u[d] = s.world.choices
                           ? (float)(d == k % s.world.nu)
                           : (float)(2 * elbo_rng_uniform(&rng) - 1);
            const elbo_replay_row row = {.o = o,
                                         .u = u,
                                         .next = o,
                                         .reward = 1,
                                         .end = end,
                                         .step = end ? 0 : k % 8,
                                         .episode = end ? k : k / 8};

            ck_assert_int_eq(elbo_replay_push(&s.data, &row), ELBO_OK);
        }
        s.estep = (elbo_task_estep){.data = &s.data, .real = 1, .updates = 20};
        for (size_t r = 0; r < 30; r++) improve(&s);
        ck_assert_int_eq(s.control->value(s.self, 1, o, &V, NULL, ws), ELBO_OK);
        ck_assert_double_eq_tol((double)V, end ? 1 : 2, 0.06);
    }
}
END_TEST

/* In double, by value_node; and what `value` says is that to float's rounding.
 */
START_TEST(values_have_the_gradient_that_differences_see)
{
    enum { N = 5 };
    static const double step = 1e-5;
    subject s;
    elbo_node o, V;
    double x[N * TASK_MOST], slope[N * TASK_MOST], v[N], above[N], below[N];
    float of[N * TASK_MOST], Vf[N], slope_f[N * TASK_MOST];

    open_with_data(&s, _i);
    improve(&s);
    if (!s.control->value_node) return;

    elbo_tape *const t = elbo_tape_place(ELBO_F64, task_arena);
    const size_t no = s.world.no;

    o = elbo_tape_input(t, N, no);
    ck_assert_int_eq(s.control->value_node(s.self, t, o, &V), ELBO_OK);
    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    for (size_t k = 0; k < N * no; k++) x[k] = (double)(of[k] = s.data.o[k]);
    elbo_tape_set(t, o, x);
    elbo_tape_forward(t);
    elbo_tape_get(t, V, v);
    elbo_tape_backward(t, V);
    elbo_tape_gradient(t, o, slope);
    ck_assert_int_eq(s.control->value(s.self, N, of, Vf, slope_f, ws), ELBO_OK);
    for (size_t i = 0; i < N; i++)
        ck_assert_double_eq_tol((double)Vf[i], v[i], 1e-4 * (1 + fabs(v[i])));
    for (size_t d = 0; d < no; d++) {
        for (size_t i = 0; i < N; i++) x[i * no + d] += step;
        elbo_tape_set(t, o, x);
        elbo_tape_forward(t);
        elbo_tape_get(t, V, above);
        for (size_t i = 0; i < N; i++) x[i * no + d] -= 2 * step;
        elbo_tape_set(t, o, x);
        elbo_tape_forward(t);
        elbo_tape_get(t, V, below);
        for (size_t i = 0; i < N; i++) {
            const double want = (above[i] - below[i]) / (2 * step);

            x[i * no + d] += step;
            ck_assert_double_eq_tol(slope[i * no + d], want,
                                    1e-6 * (1 + fabs(want)));
            ck_assert_double_eq_tol((double)slope_f[i * no + d], want,
                                    1e-3 * (1 + fabs(want)));
        }
    }
}
END_TEST

/* Explored actions have the density that is told, in the box and over choices:
 * the average of 1 / density over the samples is the measure of what they
 * cover. */
START_TEST(actions_are_drawn_from_the_density_that_is_told)
{
    enum { N = 4000 };
    subject s;
    float *const o = elbo_arena_take(ws, N * TASK_MOST, sizeof *o);
    float *const u = elbo_arena_take(ws, N * TASK_MOST, sizeof *u);
    double *const logpi = elbo_arena_doubles(ws, N);
    elbo_rng *const rng = elbo_arena_take(ws, N, sizeof *rng);
    uint8_t *const first = elbo_arena_take(ws, N, 1);
    double inside = 0, squares = 0;

    open_with_data(&s, _i);
    improve(&s);
    for (size_t i = 0; i < N; i++) {
        memcpy(o + i * s.world.no, s.data.o, s.world.no * sizeof *o);
        rng[i] = elbo_rng_stream(4, "act", i);
    }

    elbo_task_act act = {.n = N,
                         .o = o,
                         .first = first,
                         .rng = rng,
                         .explore = true,
                         .u = u,
                         .logpi = logpi};

    ck_assert_int_eq(s.control->act(s.self, &act, ws), ELBO_OK);
    for (size_t i = 0; i < N; i++) {
        const double x = (double)u[i * s.world.nu];
        const bool counts = s.world.choices || fabs(x) < 0.9;
        const double ratio = counts ? exp(-logpi[i]) : 0;

        ck_assert(x >= -1 && x <= 1);
        inside += ratio / N;
        squares += ratio * ratio / N;
    }
    /* The share of pi0 in |u| < 0.9, or all of it; three standard errors. */
    ck_assert_double_eq_tol(inside, s.world.choices ? 1 : 0.9,
                            3 * sqrt((squares - inside * inside) / N) + 1e-12);
    act.explore = false;
    act.n = 2;
    ck_assert_int_eq(s.control->act(s.self, &act, ws), ELBO_OK);
    ck_assert(memcmp(u, u + s.world.nu, s.world.nu * sizeof *u) == 0);
}
END_TEST

/* One state, and 300 uniform actions that earn -(u - 0.3)^2, or 1 and 0 for two
 * choices, and end. */
enum { SHOTS = 300 };
static void fill_state(subject *s, float o[])
{
    elbo_rng rng = elbo_rng_stream(8, "state", 0);
    float u[TASK_MOST] = {0};

    for (size_t i = 0; i < s->world.no; i++) o[i] = 0.3F;
    ck_assert_int_eq(
        elbo_replay_init(&s->data, s->world.no, s->world.nu, SHOTS, task_arena),
        ELBO_OK);
    for (uint32_t k = 0; k < SHOTS; k++) {
        const double x = 2 * elbo_rng_uniform(&rng) - 1;

        for (size_t d = 0; d < s->world.nu; d++)
            u[d] = s->world.choices ? (float)(d == k % s->world.nu) : (float)x;

        const elbo_replay_row row = {
            .o = o,
            .u = u,
            .next = o,
            .reward = s->world.choices ? u[0] : (float)(-(x - 0.3) * (x - 0.3)),
            .end = true,
            .episode = k};

        ck_assert_int_eq(elbo_replay_push(&s->data, &row), ELBO_OK);
    }
    s->estep = (elbo_task_estep){.data = &s->data, .real = 1, .updates = 100};
}

/* The weighted mean of the first component of actions, by the formula of each:
 * MPO's rounds end at the best action, AWR weighs by the advantage over the
 * mean, REPS by the dual of the rewards alone (every transition starts and
 * ends). */
static double weighted_mean(const subject *s, int kind)
{
    double r[SHOTS], q[SHOTS], mean = 0, square = 0, sum = 0, total = 0;
    const bool standardised =
        !strstr(kinds[kind].settings, "standardise=false");

    for (size_t i = 0; i < SHOTS; i++)
        mean += (r[i] = (double)s->data.reward[i]) / SHOTS;
    for (size_t i = 0; i < SHOTS; i++)
        square += (r[i] - mean) * (r[i] - mean) / SHOTS;
    if (strcmp(kinds[kind].name, "mpo") == 0) return s->world.choices ? 1 : 0.3;
    if (strcmp(kinds[kind].name, "reps") == 0) {
        const elbo_reweight dual = {.rows = 1,
                                    .cols = SHOTS,
                                    .X = r,
                                    .epsilon = 0.5,
                                    .low = 1e-8,
                                    .high = 1e8};
        elbo_reweight_info info;

        ck_assert_int_eq(elbo_reweight_solve(&dual, 1, q, &info), ELBO_OK);
    }
    for (size_t i = 0; i < SHOTS; i++) {
        if (strcmp(kinds[kind].name, "awr") == 0)
            q[i] = fmin(exp(standardised ? (r[i] - mean) / (sqrt(square) + 1e-5)
                                         : (r[i] - mean) / 3),
                        20);
        sum += q[i] * (double)s->data.u[i * s->world.nu];
        total += q[i];
    }
    return sum / total;
}

START_TEST(in_one_state_the_policy_is_what_its_formula_says)
{
    const bool mpo = strcmp(kinds[_i].name, "mpo") == 0;
    subject s;
    float o[TASK_MOST], u[TASK_MOST];
    double logpi;
    const uint8_t first = 1;
    elbo_rng rng = elbo_rng_stream(1, "act", 0);

    open_subject(&s, _i,
                 strcmp(kinds[_i].name, "reps") == 0
                     ? "rate=5e-3 batch=128 epsilon=0.05 window=0"
                     : "rate=5e-3 clip=inf batch=128",
                 0.9);
    fill_state(&s, o);
    if (strcmp(kinds[_i].name, "reps") == 0) s.estep.updates = 600;
    for (size_t r = 0; r < (s.estep.updates > 100 ? 1 : 12); r++) improve(&s);

    const elbo_task_act act = {
        .n = 1, .o = o, .first = &first, .rng = &rng, .u = u, .logpi = &logpi};

    ck_assert_int_eq(s.control->act(s.self, &act, ws), ELBO_OK);

    const double likeliest = exp(logpi) / 2;
    const double got = !s.world.choices ? (double)u[0]
                       : u[0] > 0       ? likeliest
                                        : 1 - likeliest;

    ck_assert_double_eq_tol(got, weighted_mean(&s, _i), mpo ? 0.1 : 0.05);
}
END_TEST

Suite *suite_policies(void)
{
    Suite *suite = suite_create("policies");
    TCase *t = tcase_create("policies");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_same_bits_for_any_number_of_threads, 0, KINDS);
    tcase_add_loop_test(t, saved_and_loaded_it_goes_on_to_the_same_bits, 0,
                        KINDS);
    tcase_add_loop_test(
        t, a_loss_that_is_not_finite_is_told_with_network_layer_and_update, 0,
        KINDS);
    tcase_add_loop_test(t, without_any_transition_it_says_so, 0, KINDS);
    tcase_add_loop_test(
        t, an_end_is_worth_nothing_more_and_a_time_limit_is_no_end, 0, KINDS);
    tcase_add_loop_test(t, values_have_the_gradient_that_differences_see, 0,
                        KINDS);
    tcase_add_loop_test(t, actions_are_drawn_from_the_density_that_is_told, 0,
                        KINDS);
    tcase_add_loop_test(t, in_one_state_the_policy_is_what_its_formula_says, 0,
                        KINDS);
    suite_add_tcase(suite, t);
    return suite;
}
