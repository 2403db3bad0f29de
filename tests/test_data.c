#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static const char *const small = "states=7 actions=3 branching=3 reward=action";

static double *uniform(case_problem *c)
{
    const size_t n = c->world.nS * c->world.nA;
    double *pi = elbo_arena_doubles(c->arena, n);

    for (size_t i = 0; i < n; i++) pi[i] = 1 / (double)c->world.nA;
    return pi;
}

static void gather(case_problem *c, elbo_data *data, elbo_collector *collector,
                   const elbo_behaviour *how, size_t n)
{
    elbo_arena *ws = elbo_arena_alloc(256);

    case_ok(elbo_collect(data, collector, &c->world, how, n, ws));
    elbo_arena_free(ws);
}

static bool same_data(const elbo_data *x, const elbo_data *y)
{
    const size_t n = x->n;

    return n == y->n && memcmp(x->s, y->s, n * sizeof *x->s) == 0
           && memcmp(x->a, y->a, n * sizeof *x->a) == 0
           && memcmp(x->next, y->next, n * sizeof *x->next) == 0
           && memcmp(x->r, y->r, n * sizeof *x->r) == 0
           && memcmp(x->terminal, y->terminal, n) == 0
           && memcmp(x->w, y->w, n * sizeof *x->w) == 0;
}

START_TEST(samples_follow_each_other_until_an_episode_is_cut)
{
    case_problem c;
    elbo_data data;
    elbo_collector collector;

    case_garnet(&c, small, 3, 0.9, 0);
    case_ok(elbo_data_init(&data, 1000, c.arena));
    elbo_collector_init(&collector, 11);

    const elbo_behaviour how = {
        .policy = uniform(&c), .stages = 1, .episode_steps = 13};

    gather(&c, &data, &collector, &how, 1000);
    ck_assert_uint_eq(data.n, 1000);
    ck_assert_uint_eq(collector.steps, 1000);
    for (size_t i = 1; i < data.n; i++)
        if (i % 13) ck_assert_uint_eq(data.s[i], data.next[i - 1]);
    for (size_t i = 0; i < data.n; i++) {
        const size_t row = data.s[i] * c.world.nA + data.a[i];

        ck_assert_double_eq_tol(data.r[i], c.truth.r[row], 1e-14);
        ck_assert_uint_ne(elbo_entry(c.truth.P.pattern, row, data.next[i]),
                          (size_t)-1);
    }
    case_garnet_close(&c);
}
END_TEST

START_TEST(actions_are_a_mixture_of_policy_and_uniform)
{
    enum { N = 40000 };
    case_problem c;
    elbo_data data;
    elbo_collector collector;
    double share[3] = {0};

    case_garnet(&c, small, 5, 0.9, 0);
    case_ok(elbo_data_init(&data, N, c.arena));
    elbo_collector_init(&collector, 4);

    double *pi = uniform(&c);

    for (size_t i = 0; i < c.world.nS * 3; i++) pi[i] = i % 3 == 1;

    const elbo_behaviour how = {.policy = pi, .stages = 1, .epsilon = 0.27};

    gather(&c, &data, &collector, &how, N);
    for (size_t i = 0; i < N; i++) share[data.a[i]] += 1. / N;
    for (size_t a = 0; a < 3; a++) {
        const double p = 0.09 + (a == 1 ? 0.73 : 0);

        ck_assert_double_eq_tol(share[a], p, 5 * sqrt(p * (1 - p) / N));
    }
    case_garnet_close(&c);
}
END_TEST

START_TEST(a_policy_with_stages_acts_by_the_step_of_the_episode)
{
    case_problem c;
    elbo_data data;
    elbo_collector collector;

    case_garnet(&c, small, 2, 0.9, 0);
    case_ok(elbo_data_init(&data, 120, c.arena));
    elbo_collector_init(&collector, 8);

    const size_t rows = c.world.nS * 3;
    double *pi = elbo_arena_doubles(c.arena, 3 * rows);

    for (size_t i = 0; i < 3 * rows; i++) pi[i] = i / rows == i % 3;

    const elbo_behaviour how = {.policy = pi, .stages = 3, .episode_steps = 5};

    gather(&c, &data, &collector, &how, 120);
    for (size_t i = 0; i < 120; i++) ck_assert_uint_eq(data.a[i], i % 5 % 3);
    case_garnet_close(&c);
}
END_TEST

START_TEST(collection_in_pieces_and_through_a_checkpoint_has_the_same_bits)
{
    char path[] = "/tmp/elbo-data-XXXXXX";
    case_problem c;
    elbo_data whole, first, second;
    elbo_collector a, b, loaded;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    const int fd = mkstemp(path);

    ck_assert(fd >= 0 && out);
    close(fd);
    case_garnet(&c, small, 9, 0.9, 0);
    case_ok(elbo_data_init(&whole, 200, c.arena));
    case_ok(elbo_data_init(&first, 200, c.arena));
    case_ok(elbo_data_init(&second, 200, c.arena));

    const elbo_behaviour how = {.policy = uniform(&c),
                                .stages = 1,
                                .epsilon = 0.1,
                                .episode_steps = 17};

    elbo_collector_init(&a, 23);
    elbo_collector_init(&b, 23);
    elbo_collector_init(&loaded, 99);
    gather(&c, &whole, &a, &how, 200);
    gather(&c, &first, &b, &how, 61);
    first.w[7] = 2.385;

    elbo_writer_section(out, "data");
    elbo_data_save(&first, &b, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_reader_section(in, "data"));
    case_ok(elbo_data_load(&second, &loaded, in));
    gather(&c, &second, &loaded, &how, 139);
    ck_assert(second.w[7] == 2.385);
    second.w[7] = 1;
    ck_assert(same_data(&whole, &second));
    ck_assert_uint_eq(loaded.steps, 200);

    /* the same bytes do not fit a smaller D */
    elbo_data tight;

    case_ok(elbo_data_init(&tight, 60, c.arena));
    case_ok(elbo_reader_section(in, "data"));
    case_fails(elbo_data_load(&tight, &loaded, in), ELBO_EDATA,
               "61 transitions saved, room for 60");

    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
    case_garnet_close(&c);
}
END_TEST

START_TEST(too_many_transitions_are_refused_and_none_is_appended)
{
    case_problem c;
    elbo_data data;
    elbo_collector collector;
    elbo_arena *ws = elbo_arena_alloc(256);

    case_garnet(&c, small, 1, 0.9, 0);
    case_ok(elbo_data_init(&data, 10, c.arena));
    elbo_collector_init(&collector, 1);

    const elbo_behaviour how = {.policy = uniform(&c), .stages = 1};

    case_ok(elbo_collect(&data, &collector, &c.world, &how, 6, ws));
    case_fails(elbo_collect(&data, &collector, &c.world, &how, 5, ws),
               ELBO_ESIZE, "5 transitions do not fit: 6 of 10");
    ck_assert_uint_eq(data.n, 6);
    ck_assert_uint_eq(collector.steps, 6);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* Five samples of a world with three states and two actions, the last one
 * terminal. */
static elbo_data five(elbo_arena *arena)
{
    static const uint32_t s[] = {0, 1, 0, 2, 1}, a[] = {1, 0, 1, 1, 1};
    static const uint32_t next[] = {2, 1, 2, 0, 2};
    static const double w[] = {0.5, 2, 1.25, 3, 0.7};
    elbo_data data;

    case_ok(elbo_data_init(&data, 5, arena));
    for (size_t i = 0; i < 5; i++) {
        data.s[i] = s[i];
        data.a[i] = a[i];
        data.next[i] = next[i];
        data.w[i] = w[i];
    }
    data.terminal[4] = 1;
    data.n = 5;
    return data;
}

static void swap_samples(elbo_data *data, size_t i, size_t j)
{
    const elbo_data old = *data;
    const uint32_t s = old.s[i], a = old.a[i], next = old.next[i];
    const uint8_t terminal = old.terminal[i];
    const double w = old.w[i];

    data->s[i] = data->s[j], data->a[i] = data->a[j];
    data->next[i] = data->next[j], data->w[i] = data->w[j];
    data->terminal[i] = data->terminal[j];
    data->s[j] = s, data->a[j] = a, data->next[j] = next;
    data->terminal[j] = terminal, data->w[j] = w;
}

START_TEST(counts_are_weighted_sums_and_do_not_mind_the_order)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    elbo_pattern *dense;
    elbo_data data = five(arena);
    double C[24], shuffled[24], total = 0;

    case_ok(elbo_pattern_dense(3, 2, arena, &dense));
    case_ok(elbo_data_counts(&data, dense, 0.4, C));
    ck_assert_double_eq_tol(C[1 * 4 + 2], 0.4 * 1.75, 1e-15); /* (0, 1) -> 2 */
    ck_assert_double_eq_tol(C[2 * 4 + 1], 0.4 * 2, 1e-15);    /* (1, 0) -> 1 */
    ck_assert_double_eq_tol(C[5 * 4 + 0], 0.4 * 3, 1e-15);    /* (2, 1) -> 0 */
    ck_assert_double_eq_tol(C[3 * 4 + 3], 0.4 * 0.7, 1e-15); /* (1, 1) -> END */
    for (size_t i = 0; i < 24; i++) total += C[i];
    ck_assert_double_eq_tol(total, 0.4 * 7.45, 1e-14);

    swap_samples(&data, 0, 4);
    swap_samples(&data, 1, 3);
    case_ok(elbo_data_counts(&data, dense, 0.4, shuffled));
    for (size_t i = 0; i < 24; i++)
        ck_assert_double_eq_tol(shuffled[i], C[i], 1e-15);
    ck_assert_double_eq_tol(elbo_data_ess(&data),
                            7.45 * 7.45 / (0.25 + 4 + 1.5625 + 9 + 0.49),
                            1e-14);
    elbo_arena_free(arena);
}
END_TEST

/* Added as they come or counted anew: the same bits. */
START_TEST(a_tally_of_data_that_grow_is_their_count)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    elbo_pattern *dense;
    elbo_data data = five(arena);
    double C[24];
    elbo_tally tally = {.C = elbo_arena_doubles(arena, 24)};

    case_ok(elbo_pattern_dense(3, 2, arena, &dense));
    for (size_t i = 0; i < 5; i++) data.w[i] = 1.3;
    data.mass[2] = 0.7;
    for (data.n = 0; data.n <= 5; data.n += 2 - data.n / 4) {
        case_ok(elbo_tally_add(&tally, &data, dense));
        case_ok(elbo_data_counts(&data, dense, 1, C));
        ck_assert_mem_eq(tally.C, C, sizeof C);
        ck_assert_double_eq_tol(elbo_tally_ess(&tally, 1.3),
                                elbo_data_ess(&data), 1e-14);
    }
    ck_assert_double_eq_tol(tally.mass, 4.7, 1e-15);
    ck_assert(elbo_tally_ess(&tally, 0) == 0);
    tally.n = 0; /* forgotten */
    data.n = 5;
    case_ok(elbo_tally_add(&tally, &data, dense));
    ck_assert_mem_eq(tally.C, C, sizeof C);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_sample_outside_the_pattern_is_named)
{
    case_problem c;
    elbo_data data;
    uint32_t stranger = 0;

    case_garnet(&c, "states=7 actions=2 branching=1 reward=action", 1, 0.9, 0);
    case_ok(elbo_data_init(&data, 3, c.arena));
    while (elbo_entry(c.truth.P.pattern, 9, stranger) != (size_t)-1) stranger++;
    data.s[0] = 4, data.a[0] = 1, data.next[0] = stranger;
    data.n = 1;

    double *C = elbo_arena_doubles(c.arena, c.truth.P.pattern->nnz);

    case_fails(elbo_data_counts(&data, c.truth.P.pattern, 1, C), ELBO_EDATA,
               "sample 0: state 4, action 1");
    case_garnet_close(&c);
}
END_TEST

START_TEST(no_data_have_no_effective_size)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    elbo_data data;

    case_ok(elbo_data_init(&data, 4, arena));
    ck_assert(elbo_data_ess(&data) == 0);
    data.n = 4;
    for (size_t i = 0; i < 4; i++) data.w[i] = 0;
    ck_assert(elbo_data_ess(&data) == 0);
    for (size_t i = 0; i < 4; i++) data.w[i] = 2.385;
    ck_assert_double_eq_tol(elbo_data_ess(&data), 4, 1e-14);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(the_effective_size_does_not_depend_on_the_unit_of_the_weights)
{
    static const double units[] = {1, 2.385e-300, 1e300, 1e-308};
    elbo_arena *arena = elbo_arena_alloc(4096);
    elbo_data data;

    case_ok(elbo_data_init(&data, 4, arena));
    data.n = 4;
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        const double w[] = {1, 0, 3, 4}; /* 8^2 / 26 */

        for (size_t i = 0; i < 4; i++) data.w[i] = units[k] * w[i];
        ck_assert_double_eq_tol(elbo_data_ess(&data), 64.0 / 26, 1e-12);
    }
    elbo_arena_free(arena);
}
END_TEST

START_TEST(data_that_do_not_fit_are_refused_before_they_are_taken)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    elbo_data data;

    elbo_alloc_limit((size_t)1 << 20);
    case_fails(elbo_data_init(&data, 1 << 20, arena), ELBO_ENOMEM,
               "1048576 transitions of 53 bytes");
    elbo_alloc_limit(0);
    ck_assert(elbo_arena_ok(arena));
    case_fails(elbo_data_init(&data, SIZE_MAX, arena), ELBO_ENOMEM,
               "transitions of 53 bytes");
    case_ok(elbo_data_init(&data, 1 << 10, arena));
    elbo_arena_free(arena);
}
END_TEST

/* ---- CSV ---- */

static elbo_status read_known(case_problem *c, const char *text,
                              const uint8_t known[], elbo_data *data)
{
    char path[] = "/tmp/elbo-csv-XXXXXX";
    const int fd = mkstemp(path);

    ck_assert(fd >= 0);
    ck_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);

    const elbo_status s =
        elbo_data_read(data, path, &c->world, known, 3, c->arena);

    unlink(path);
    return s;
}

static elbo_status read_text(case_problem *c, const char *text, elbo_data *data)
{
    return read_known(c, text, NULL, data);
}

START_TEST(a_table_is_read_with_its_columns_in_any_order)
{
    case_problem c;
    elbo_data data;

    case_garnet(&c, small, 1, 0.9, 0);
    case_ok(read_text(&c,
                      "reward,next_state,state,terminated,action\n"
                      "2.385,6,0,0,2\n"
                      "-1e-3,1,6,1,0\n",
                      &data));
    ck_assert_uint_eq(data.n, 2);
    ck_assert_uint_ge(data.capacity, 5);
    ck_assert(data.s[0] == 0 && data.a[0] == 2 && data.next[0] == 6);
    ck_assert(data.r[0] == 2.385 && data.r[1] == -1e-3);
    ck_assert(data.terminal[0] == 0 && data.terminal[1] == 1);
    ck_assert(data.s[1] == 6 && data.a[1] == 0 && data.w[1] == 1);
    case_garnet_close(&c);
}
END_TEST

static const struct {
    const char *text, *place;
} bad[] = {
#define HEAD "state,action,reward,next_state,terminated\n"
    {HEAD "7,0,1,0,0\n",                          ":2:1: "},
    {HEAD "0,0,1,0,0\n0,3,1,0,0\n",               ":3:3: "},
    {HEAD "0,0,nan,0,0\n",                        ":2:5: "},
    {HEAD "0,0,1,7,0\n",                          ":2:7: "},
    {HEAD "0,0,1,0,2\n",                          ":2:9: "},
    {HEAD "0,0,1,0\n",                            ":2:"   },
    {HEAD "-1,0,1,0,0\n",                         ":2:1: "},
    {HEAD "0.5,0,1,0,0\n",                        ":2:1: "},
    {"state,action,reward,terminated\n0,0,1,0\n", ":1:"   },
};

START_TEST(a_bad_table_is_refused_with_the_place)
{
    case_problem c;
    elbo_data data;

    case_garnet(&c, small, 1, 0.9, 0);
    case_fails(read_text(&c, bad[_i].text, &data), ELBO_EDATA, bad[_i].place);
    case_garnet_close(&c);
}
END_TEST

START_TEST(a_sample_that_denies_a_sure_end_is_refused_with_the_place)
{
    uint8_t known[7 * 3] = {0};
    case_problem c;
    elbo_data data;

    case_garnet(&c, small, 1, 0.9, 0);
    known[5 * 3 + 2] = 1;
    case_ok(
        read_known(&c, HEAD "5,1,1,0,0\n5,2,1,0,1\n2,1,1,0,0\n", known, &data));
    ck_assert_uint_eq(data.n, 3);
    case_fails(read_known(&c, HEAD "5,1,1,0,0\n5,2,1,0,0\n", known, &data),
               ELBO_EDATA, ":3:9: ");
    case_fails(read_known(&c, HEAD "5,2,1,0,0\n", known, &data), ELBO_EDATA,
               "state 5, action 2 ends the episode for sure");
    case_garnet_close(&c);
}
END_TEST

START_TEST(a_missing_table_is_a_missing_input)
{
    case_problem c;
    elbo_data data;

    case_garnet(&c, small, 1, 0.9, 0);
    case_fails(
        elbo_data_read(&data, "/nonexistent/d.csv", &c.world, NULL, 0, c.arena),
        ELBO_ENOINPUT, "/nonexistent/d.csv");
    case_garnet_close(&c);
}
END_TEST

Suite *suite_data(void)
{
    Suite *suite = suite_create("data");
    TCase *t = tcase_create("data");

    tcase_add_test(t, samples_follow_each_other_until_an_episode_is_cut);
    tcase_add_test(t, actions_are_a_mixture_of_policy_and_uniform);
    tcase_add_test(t, a_policy_with_stages_acts_by_the_step_of_the_episode);
    tcase_add_test(
        t, collection_in_pieces_and_through_a_checkpoint_has_the_same_bits);
    tcase_add_test(t, too_many_transitions_are_refused_and_none_is_appended);
    tcase_add_test(t, counts_are_weighted_sums_and_do_not_mind_the_order);
    tcase_add_test(t, a_tally_of_data_that_grow_is_their_count);
    tcase_add_test(t, a_sample_outside_the_pattern_is_named);
    tcase_add_test(t, no_data_have_no_effective_size);
    tcase_add_test(
        t, the_effective_size_does_not_depend_on_the_unit_of_the_weights);
    tcase_add_test(t, data_that_do_not_fit_are_refused_before_they_are_taken);
    tcase_add_test(t, a_table_is_read_with_its_columns_in_any_order);
    tcase_add_loop_test(t, a_bad_table_is_refused_with_the_place, 0,
                        (int)(sizeof bad / sizeof *bad));
    tcase_add_test(t,
                   a_sample_that_denies_a_sure_end_is_refused_with_the_place);
    tcase_add_test(t, a_missing_table_is_a_missing_input);
    suite_add_tcase(suite, t);
    return suite;
}
