/* tests/test_policies.c -- what MPO, REPS and AWR promise alike: bits, ends,
 * failures, values and their derivatives.
 */
#include <check.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "tests/policy_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* Its whole state; length in *n. */
enum { ROOM = 1 << 20 };
static unsigned char *state_of(const policy_subject *s, size_t *n)
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
        policy_subject s;

        omp_set_num_threads(some[k]);
        policy_open_with_data(&s, _i);
        for (size_t r = 0; r < 3; r++) policy_improve(&s);

        unsigned char *const bytes = state_of(&s, &m);

        if (!first) first = bytes, n = m;
        ck_assert(n == m && memcmp(first, bytes, n) == 0);
    }
    omp_set_num_threads(threads);
}
END_TEST

/* V of both, where the control has one. */
static void check_values(const policy_subject *a, const policy_subject *b)
{
    const size_t n = a->data.n;
    float *const V = elbo_arena_take(policy_ws, 2 * n, sizeof *V);

    if (!a->control->value) return;
    for (size_t k = 0; k < 2; k++)
        ck_assert_int_eq(a->control->value(k ? b->self : a->self, n, a->data.o,
                                           V + k * n, NULL, policy_ws),
                         ELBO_OK);
    ck_assert_mem_eq(V, V + n, n * sizeof *V);
}

START_TEST(saved_and_loaded_it_goes_on_to_the_same_bits)
{
    policy_subject one, other;
    elbo_reader *in;
    size_t n, m;

    policy_open_with_data(&one, _i);
    for (size_t r = 0; r < 2; r++) policy_improve(&one);
    state_of(&one, &n);
    policy_open_with_data(&other, _i);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "control"), ELBO_OK);
    ck_assert_int_eq(other.control->load(other.self, in), ELBO_OK);
    elbo_reader_free(in);
    check_values(&one, &other);
    other.estep.round = one.estep.round;
    for (size_t r = 0; r < 2; r++) policy_improve(&one), policy_improve(&other);

    const unsigned char *const a = state_of(&one, &n), *const b =
                                                           state_of(&other, &m);

    ck_assert(n == m && memcmp(a, b, n) == 0);
}
END_TEST

/* Of REPS a reward of any size is a weight: only one that is no number stops
 * it, and there before any network. */
START_TEST(a_loss_that_is_not_finite_is_told_with_network_layer_and_update)
{
    policy_subject s;

    policy_open_with_data(&s, _i);
    policy_improve(&s);

    const bool dual = strcmp(policy_kinds[_i].name, "reps") == 0;
    const bool closed = dual && strstr(policy_kinds[_i].settings, "layers=0");

    for (size_t i = 0; i < s.data.n; i++)
        s.data.reward[i] = dual ? INFINITY : 1e38F;
    s.estep.rollouts = NULL;
    ck_assert_int_eq(s.control->improve(s.self, &s.estep, policy_ws), ELBO_ENOTFINITE);

    const char *const text = elbo_last_error()->text;

    ck_assert_msg(strstr(text, policy_kinds[_i].name)
                      && strstr(text, dual ? "column 0" : "layer")
                      && strstr(text, "update")
                      && strstr(text, closed ? "in closed form" : "the last finite loss was"),
                  "%s", text);
}
END_TEST

START_TEST(without_any_transition_it_says_so)
{
    policy_subject s;

    policy_open_with_data(&s, _i);
    elbo_replay_clear(&s.data);
    s.estep.rollouts = NULL;
    ck_assert_int_eq(s.control->improve(s.self, &s.estep, policy_ws), ELBO_EDATA);
    s.estep.real = 0;
    s.estep.rollouts = &s.rollouts; /* imagined ones alone will do */
    policy_improve(&s);
}
END_TEST

/* One transition from o to o itself that earns 1: V = 1 / (1 - gamma) where it
 * goes on, however often a time limit cuts it; 1 where it ends. */
START_TEST(an_end_is_worth_nothing_more_and_a_time_limit_is_no_end)
{
    for (int end = 0; end < 2; end++) {
        policy_subject s;
        elbo_rng rng = elbo_rng_stream(8, "one", 0);
        float V, o[TASK_MOST], u[TASK_MOST] = {0};

        policy_open(&s, _i, "rate=3e-3 clip=inf", 0.5);
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
        for (size_t r = 0; r < 30; r++) policy_improve(&s);
        ck_assert_int_eq(s.control->value(s.self, 1, o, &V, NULL, policy_ws), ELBO_OK);
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
    policy_subject s;
    elbo_node o, V;
    double x[N * TASK_MOST], slope[N * TASK_MOST], v[N], above[N], below[N];
    float of[N * TASK_MOST], Vf[N], slope_f[N * TASK_MOST];

    policy_open_with_data(&s, _i);
    policy_improve(&s);
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
    ck_assert_int_eq(s.control->value(s.self, N, of, Vf, slope_f, policy_ws), ELBO_OK);
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
    policy_subject s;
    float *const o = elbo_arena_take(policy_ws, N * TASK_MOST, sizeof *o);
    float *const u = elbo_arena_take(policy_ws, N * TASK_MOST, sizeof *u);
    double *const logpi = elbo_arena_doubles(policy_ws, N);
    elbo_rng *const rng = elbo_arena_take(policy_ws, N, sizeof *rng);
    uint8_t *const first = elbo_arena_take(policy_ws, N, 1);
    double inside = 0, squares = 0;

    policy_open_with_data(&s, _i);
    policy_improve(&s);
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

    ck_assert_int_eq(s.control->act(s.self, &act, policy_ws), ELBO_OK);
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
    ck_assert_int_eq(s.control->act(s.self, &act, policy_ws), ELBO_OK);
    ck_assert(memcmp(u, u + s.world.nu, s.world.nu * sizeof *u) == 0);
}
END_TEST

Suite *suite_policies(void)
{
    Suite *suite = suite_create("policies");
    TCase *t = tcase_create("policies");

    tcase_add_checked_fixture(t, policy_set_up, policy_tear_down);
    tcase_add_loop_test(t, the_same_bits_for_any_number_of_threads, 0, POLICY_KINDS);
    tcase_add_loop_test(t, saved_and_loaded_it_goes_on_to_the_same_bits, 0,
                        POLICY_KINDS);
    tcase_add_loop_test(
        t, a_loss_that_is_not_finite_is_told_with_network_layer_and_update, 0,
        POLICY_KINDS);
    tcase_add_loop_test(t, without_any_transition_it_says_so, 0, POLICY_KINDS);
    tcase_add_loop_test(
        t, an_end_is_worth_nothing_more_and_a_time_limit_is_no_end, 0, POLICY_KINDS);
    tcase_add_loop_test(t, values_have_the_gradient_that_differences_see, 0,
                        POLICY_KINDS);
    tcase_add_loop_test(t, actions_are_drawn_from_the_density_that_is_told, 0,
                        POLICY_KINDS);
    suite_add_tcase(suite, t);
    return suite;
}
