/* tests/test_hmm_learn.c -- EM and variational EM of HMMs: monotone,
 * consistent, the same bits again; faults in words. */
#include "inference/messages/hmm_learn.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/hmm_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* The objective of EM and the bound rise, on 200 systems: half each, of both
 * kinds of emission, with missing rows and unequal lengths. */
START_TEST(the_objective_never_falls)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(3, "monotone", (uint64_t)_i);
    const bool gaussian = _i % 2, variational = _i / 2 % 2;
    const size_t K = 1 + elbo_rng_below(&rng, 5);
    hmm_source s =
        draw_source(&rng, K, 4, gaussian ? 1 + (size_t)_i % 3 : 0, 2.385, ws);
    const elbo_hmm_config c =
        source_config(&s, 1 + elbo_rng_below(&rng, 6), variational);
    elbo_hmm_sequence data[6];
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double last = -HUGE_VAL;

    s.holes = _i % 3 ? 0 : 0.2;
    for (size_t i = 0; i < 6; i++)
        data[i] = draw_sequence(&s, 1 + elbo_rng_below(&rng, 40), &rng, ws);
    ck_assert_int_eq(elbo_hmm_open(&c, data, 6, (uint64_t)_i, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 30; k++) {
        ck_assert_int_eq(elbo_hmm_iterate(w, data, 6, &info, ws), ELBO_OK);
        ck_assert_double_ge(info.elbo, last - 1e-10 * (1 + fabs(last)));
        ck_assert_uint_eq(info.iteration, k + 1);
        ck_assert(info.kl_start >= 0 && info.kl_transition >= 0
                  && info.kl_emission >= 0);
        last = info.elbo;
    }
    elbo_arena_free(ws);
}
END_TEST

/* State k emits symbol k with 0.8, or about 6 k. */
static void set_apart(hmm_source *s)
{
    for (size_t k = 0; k < s->K; k++)
        if (s->ny)
            s->emission[k] = (double)k;
        else
            for (size_t m = 0; m < s->M; m++)
                s->emission[k * s->M + m] =
                    m == k ? 0.8 : 0.2 / (double)(s->M - 1);
}

/* With 20 000 rows both learn the same, near to the truth. */
START_TEST(many_rows_leave_nothing_to_the_prior)
{
    enum { T = 20000, K = 3 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_rng rng = elbo_rng_stream(17, "many", 0);
    hmm_source s = draw_source(&rng, K, 6, _i ? 1 : 0, 6, ws);

    set_apart(&s);

    const elbo_hmm_sequence seq = draw_sequence(&s, T, &rng, ws);
    const elbo_hmm_sequence test = draw_sequence(&s, T, &rng, ws);
    elbo_hmm_prediction held[2];
    double transition[2][K * K], truth = 0;

    for (size_t v = 0; v < 2; v++) {
        const elbo_hmm_config c = source_config(&s, K, v);
        elbo_hmm_learner *w;
        elbo_hmm_info info;

        ck_assert_int_eq(elbo_hmm_open(&c, &seq, 1, 2, ws, &w), ELBO_OK);
        ck_assert_int_eq(elbo_hmm_solve(w, &seq, 1, &info, ws), ELBO_OK);
        ck_assert(info.converged && info.iteration < 1000);
        ck_assert_int_eq(elbo_hmm_predict(w, &test, 1, &held[v], ws), ELBO_OK);
        elbo_hmm_mean(w, NULL, transition[v]);
    }
    ck_assert_double_eq_tol(held[0].lower, held[0].plug_in, 1e-7 * T);
    ck_assert_double_le(held[1].lower, held[1].plug_in);
    ck_assert_double_eq_tol(held[1].plug_in, held[0].plug_in, 2e-4 * T);
    for (size_t i = 0; i < K * K; i++)
        ck_assert_double_eq_tol(transition[0][i], transition[1][i], 5e-3);
    if (_i) { /* the truth's own, on the same rows */
        double *const logs = elbo_arena_doubles(ws, T * K);
        elbo_hmm_posterior out = {0};

        for (size_t t = 0; t < T; t++)
            for (size_t k = 0; k < K; k++) {
                const double d = test.y[t] - 6 * s.emission[k];

                logs[t * K + k] = -0.5 * (d * d + log(2 * M_PI));
            }
        ck_assert(!elbo_hmm_forward_backward(&s.chain.hmm, logs, T, &out, ws));
        truth = out.loglik;
        ck_assert_double_eq_tol(held[1].plug_in, truth, 1e-3 * T);
    }
    elbo_arena_free(ws);
}
END_TEST

static void put(const char *path, const elbo_hmm_learner *w)
{
    elbo_writer *const out = elbo_writer_alloc();

    elbo_writer_section(out, "hmm");
    elbo_hmm_save(w, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status get(const char *path, elbo_hmm_learner *w, elbo_arena *ws)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "hmm"), ELBO_OK);

    const elbo_status s = elbo_hmm_load(w, in, ws);

    elbo_reader_free(in);
    return s;
}

START_TEST(a_checkpoint_continues_to_the_same_bits)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(19, "save", (uint64_t)_i);
    hmm_source s = draw_source(&rng, 3, 4, _i % 2 ? 2 : 0, 3, ws);
    const elbo_hmm_config c = source_config(&s, 3, _i / 2),
                          other = source_config(&s, 4, _i / 2);
    elbo_hmm_sequence data[2];
    elbo_hmm_learner *whole, *resumed, *wrong;
    elbo_hmm_info a, b;

    for (size_t i = 0; i < 2; i++)
        data[i] = draw_sequence(&s, 30 + 9 * i, &rng, ws);
    ck_assert(!elbo_hmm_open(&c, data, 2, 1, ws, &whole));
    ck_assert(!elbo_hmm_open(&c, data, 2, 2, ws, &resumed));
    ck_assert(!elbo_hmm_open(&other, data, 2, 2, ws, &wrong));
    for (size_t k = 0; k < 3; k++)
        ck_assert(!elbo_hmm_iterate(whole, data, 2, &a, ws));
    put(scratch_path, whole);
    ck_assert_int_eq(get(scratch_path, resumed, ws), ELBO_OK);
    ck_assert_int_eq(get(scratch_path, wrong, ws), ELBO_EDATA);
    for (size_t k = 0; k < 3; k++) {
        ck_assert(!elbo_hmm_iterate(whole, data, 2, &a, ws));
        ck_assert(!elbo_hmm_iterate(resumed, data, 2, &b, ws));
        ck_assert(memcmp(&a, &b, sizeof a) == 0);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    enum { N = 90 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(23, "threads", 0);
    hmm_source s = draw_source(&rng, 4, 5, 0, 0, ws);
    const elbo_hmm_config c = source_config(&s, 4, true);
    elbo_hmm_info info[2];
    elbo_hmm_sequence data[N];

    for (size_t i = 0; i < N; i++)
        data[i] = draw_sequence(&s, 40 + i, &rng, ws);
    for (int threads = 1; threads <= 2; threads++) {
        elbo_hmm_learner *w;

        omp_set_num_threads(threads);
        ck_assert(!elbo_hmm_open(&c, data, N, 1, ws, &w));
        for (size_t k = 0; k < 3; k++)
            ck_assert(!elbo_hmm_iterate(w, data, N, &info[threads - 1], ws));
    }
    omp_set_num_threads(1);
    ck_assert(memcmp(&info[0], &info[1], sizeof *info) == 0);
    elbo_arena_free(ws);
}
END_TEST

/* Well-separated states are found, and a path is decoded. */
START_TEST(separated_states_are_decoded)
{
    enum { K = 4, T = 600 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(29, "decode", 0);
    hmm_source s = draw_source(&rng, K, 0, 2, 40, ws);
    const elbo_hmm_config c = source_config(&s, K, true);
    const elbo_hmm_sequence seq = draw_sequence(&s, T, &rng, ws);
    size_t *const path = elbo_arena_sizes(ws, T);
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double logp, m[6];

    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    for (size_t k = 0; k < 20; k++)
        ck_assert(!elbo_hmm_iterate(w, &seq, 1, &info, ws));
    ck_assert_uint_eq(elbo_hmm_emission(w, 0, NULL), 6);
    ck_assert_int_eq(elbo_hmm_decode(w, &seq, path, &logp, ws), ELBO_OK);
    for (size_t t = 0; t < T; t++) {
        elbo_hmm_emission(w, path[t], m);
        for (size_t i = 0; i < 2; i++)
            ck_assert_double_lt(fabs(seq.y[2 * t + i] - m[i]), 6);
    }
    elbo_arena_free(ws);
}
END_TEST

/* Fewer rows than states, and a column that never changes: ML is floored and
 * counts it, nothing becomes NaN. */
START_TEST(degenerate_data_stay_finite)
{
    static const double y[] = {1, 5, 2, 5, 4, 5};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const hmm_source s = {.ny = 2};
    const elbo_hmm_config c = source_config(&s, 5, _i);
    const elbo_hmm_sequence seq = {3, y};
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    for (size_t k = 0; k < 20; k++) {
        ck_assert_int_eq(elbo_hmm_iterate(w, &seq, 1, &info, ws), ELBO_OK);
        ck_assert(isfinite(info.elbo));
        ck_assert(_i ? info.floored == 0 : info.floored > 0);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(bad_data_and_settings_have_their_place)
{
    static const double symbols[] = {0, 1, 2, -1, 1};
    static const double wrong[] = {1, 2, 3, HUGE_VAL};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_hmm_config c = elbo_hmm_defaults;
    const elbo_hmm_sequence data[] = {
        {2, symbols},
        {5, symbols}
    };
    const elbo_hmm_sequence gaps = {2, wrong};
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    c.emission_config.symbols = 3;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 2, 1, ws, &w), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "sequence 1: row 3: -1 is no symbol 0 .. 2");
    c.emission_config.missing = -1;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 2, 1, ws, &w), ELBO_OK);
    ck_assert_int_eq(elbo_hmm_iterate(w, data, 2, &info, ws), ELBO_OK);

    /* a symbol that ML has never seen makes a sequence impossible */
    c.variational = false;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 1, 1, ws, &w), ELBO_OK);
    ck_assert_int_eq(elbo_hmm_iterate(w, data, 2, &info, ws), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "sequence 1: row 2: no state can emit it");
    ck_assert_int_eq(elbo_hmm_iterate(w, data, 1, &info, ws), ELBO_OK);

    c.emission = &elbo_emission_gaussian;
    c.emission_config.ny = 2;
    ck_assert_int_eq(elbo_hmm_open(&c, &gaps, 1, 1, ws, &w), ELBO_ENOTFINITE);
    ck_assert_str_eq(elbo_last_error()->text,
                     "sequence 0: row 1, column 1 is inf");
    c.emission_config.nu = 0.5;
    ck_assert_int_eq(elbo_hmm_open(&c, &gaps, 1, 1, ws, &w), ELBO_EINVAL);
    c = elbo_hmm_defaults;
    c.transition_prior = 0;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 1, 1, ws, &w), ELBO_EINVAL);
    c = elbo_hmm_defaults;
    c.emission_config.prior = -1;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 1, 1, ws, &w), ELBO_EINVAL);
    ck_assert_ptr_eq(elbo_emission_find("gaussian"), &elbo_emission_gaussian);
    ck_assert_ptr_null(elbo_emission_find("poisson"));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lost_allocations_are_reported)
{
    elbo_arena *const parts = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(31, "memory", 0);
    hmm_source s = draw_source(&rng, 3, 0, 2, 3, parts);
    const elbo_hmm_config c = source_config(&s, 3, true);
    elbo_hmm_sequence data[3];
    elbo_hmm_info info;
    elbo_status status;
    long n = 0;

    for (size_t i = 0; i < 3; i++)
        data[i] = draw_sequence(&s, 500, &rng, parts);
    do {
        elbo_hmm_learner *w;

        elbo_alloc_budget(n++);

        elbo_arena *const ws = elbo_arena_alloc(64);

        status = ws ? elbo_hmm_open(&c, data, 3, 1, ws, &w) : ELBO_ENOMEM;
        if (status == ELBO_OK) status = elbo_hmm_iterate(w, data, 3, &info, ws);
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
    } while (status == ELBO_ENOMEM);
    ck_assert_int_eq(status, ELBO_OK);
    ck_assert_int_gt(n, 5);
    elbo_arena_free(parts);
}
END_TEST

Suite *suite_hmm_learn(void)
{
    Suite *const s = suite_create("hmm_learn");
    TCase *const t = tcase_create("hmm_learn");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, the_objective_never_falls, 0, 200);
    tcase_add_loop_test(t, many_rows_leave_nothing_to_the_prior, 0, 2);
    tcase_add_loop_test(t, a_checkpoint_continues_to_the_same_bits, 0, 4);
    tcase_add_test(t, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(t, separated_states_are_decoded);
    tcase_add_loop_test(t, degenerate_data_stay_finite, 0, 2);
    tcase_add_test(t, bad_data_and_settings_have_their_place);
    tcase_add_test(t, lost_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}
