/* tests/test_hmm.c -- passes and Viterbi against all paths, and each other. */
#include "inference/messages/hmm.h"

#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/hmm_cases.h"
#include "tests/suites.h"

typedef elbo_status passes(const elbo_hmm *, const double[], size_t,
                           elbo_hmm_posterior *, elbo_arena *);
static passes *const both[] = {elbo_hmm_forward_backward,
                               elbo_hmm_forward_backward_logs};

static elbo_hmm_posterior room(size_t K, size_t T, elbo_arena *ws)
{
    return (elbo_hmm_posterior){
        .occupancy = elbo_arena_doubles(ws, T * K),
        .transitions = elbo_arena_take(ws, K * K, sizeof(double)),
    };
}

static void same(const elbo_hmm_posterior *a, const elbo_hmm_posterior *b,
                 size_t K, size_t T, double tolerance)
{
    ck_assert_double_eq_tol(a->loglik, b->loglik,
                            tolerance * fmax(1, fabs(b->loglik)));
    for (size_t i = 0; i < T * K; i++)
        ck_assert_double_eq_tol(a->occupancy[i], b->occupancy[i], tolerance);
    for (size_t i = 0; i < K * K; i++)
        ck_assert_double_eq_tol(a->transitions[i], b->transitions[i],
                                tolerance * (double)T);
}

static const struct {
    size_t K, T;
    double sum, zeros, spread;
} drawn[] = {
    {1, 5, 1,    0,   2  },
    {2, 9, 1,    0,   2  },
    {3, 7, 1,    0,   0  }, /* nothing observed */
    {3, 7, 1,    0.5, 3  },
    {4, 5, 0.7,  0,   1  }, /* sub-normalised */
    {4, 5, 0.93, 0.4, 5  },
    {5, 5, 1,    0.2, 1  },
    {3, 8, 1,    0,   300}, /* likelihoods below the smallest double */
    {3, 8, 1,    0.3, 1e4},
    {6, 4, 1,    0,   1e5},
    {3, 1, 1,    0,   2  },
};
enum { DRAWN = sizeof drawn / sizeof *drawn, SEEDS = 20 };

START_TEST(passes_and_viterbi_are_sums_over_all_paths)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const size_t i = (size_t)_i % DRAWN, K = drawn[i].K, T = drawn[i].T;
    elbo_rng rng = elbo_rng_stream(3, "paths", (uint64_t)_i);
    const drawn_chain c = draw_chain(&rng, K, T, drawn[i].sum, drawn[i].zeros,
                                     drawn[i].spread, ws);
    elbo_hmm_posterior want = room(K, T, ws);
    size_t best[16], path[16];
    double most, logp;

    enumerate(&c.hmm, c.log_emission, T, &want, best, &most);
    for (size_t a = 0; a < 2; a++) {
        elbo_hmm_posterior got = room(K, T, ws);

        ck_assert_int_eq(both[a](&c.hmm, c.log_emission, T, &got, ws), ELBO_OK);
        same(&got, &want, K, T, 1e-12);
        for (size_t j = 0; j < K * K; j++) /* zeros are exact */
            ck_assert(c.transition[j] > 0 || got.transitions[j] == 0);
    }
    ck_assert_int_eq(
        elbo_hmm_viterbi(&c.hmm, c.log_emission, T, path, &logp, ws), ELBO_OK);
    ck_assert_double_eq_tol(logp, most, 1e-12 * fmax(1, fabs(most)));
    if (drawn[i].spread > 0)
        for (size_t t = 0; t < T; t++) ck_assert_uint_eq(path[t], best[t]);
    elbo_arena_free(ws);
}
END_TEST

/* Every width of the kernels, BLAS's included. */
START_TEST(scaled_passes_are_those_in_logarithms)
{
    static const size_t sizes[] = {1,  2,  3,  4,  5,  7,  8,  9,  11, 12, 13,
                                   16, 17, 20, 31, 33, 50, 25, 41, 57, 130};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const size_t K = sizes[_i], T = 203;
    elbo_rng rng = elbo_rng_stream(5, "sizes", K);
    const drawn_chain c =
        draw_chain(&rng, K, T, 1, _i % 2 ? 0.3 : 0, _i % 3 ? 2 : 200, ws);
    elbo_hmm_posterior a = room(K, T, ws), b = room(K, T, ws);
    double sum = 0;

    ck_assert(!elbo_hmm_forward_backward(&c.hmm, c.log_emission, T, &a, ws));
    ck_assert(
        !elbo_hmm_forward_backward_logs(&c.hmm, c.log_emission, T, &b, ws));
    ck_assert(!a.logs && b.logs);
    same(&a, &b, K, T, 1e-11);
    for (size_t i = 0; i < K * K; i++) sum += a.transitions[i];
    ck_assert_double_eq_tol(sum, (double)T - 1, 1e-9);
    for (size_t t = 0; t < T; t++) {
        double row = 0;

        for (size_t k = 0; k < K; k++) row += a.occupancy[t * K + k];
        ck_assert_double_eq_tol(row, 1, 1e-12);
    }
    elbo_arena_free(ws);
}
END_TEST

/* A way that was hopeless by 1e-400 at first is the only one at last: messages
 * of the scaled passes would be 0, and the sequence impossible. */
START_TEST(hopeless_ways_that_win_at_last_are_found)
{
    enum { T = 6 };
    static const double start[] = {1, 0}, stay[] = {1, 1e-200, 0, 1};
    static const double even[] = {0.5, 0.5, 0, 1};
    static const double logs[T * 2] = {0, 0, 0,     -900, 0, -900,
                                       0, 0, -1500, 0,    0, 0};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_hmm hmm = {2, start, _i ? even : stay};
    elbo_hmm_posterior want = room(2, T, ws), got = room(2, T, ws);
    size_t best[T];
    double most;

    enumerate(&hmm, logs, T, &want, best, &most);
    ck_assert(!elbo_hmm_forward_backward(&hmm, logs, T, &got, ws));
    ck_assert(got.logs == !_i);
    same(&got, &want, 2, T, 1e-12);
    ck_assert_uint_eq(best[T - 1], 1);
    elbo_arena_free(ws);
}
END_TEST

/* The state that is left at 1e-600 comes back as the explanation of a row. */
START_TEST(raised_messages_that_matter_are_redone_in_logarithms)
{
    enum { T = 5 };
    static const double start[] = {0.5, 0.5};
    static const double apart[] = {1, 0, 0, 1}; /* two chains that never meet */
    static const double logs[T * 2] = {0, -700, 0, -700, -1399.5,
                                       0, 0,    0, 0,    0};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_hmm hmm = {2, start, apart};
    elbo_hmm_posterior want = room(2, T, ws), got = room(2, T, ws);
    size_t best[T];
    double most;

    enumerate(&hmm, logs, T, &want, best, &most);
    ck_assert(!elbo_hmm_forward_backward(&hmm, logs, T, &got, ws));
    ck_assert(got.logs);
    same(&got, &want, 2, T, 1e-12);
    ck_assert(got.occupancy[0] > 0.3 && got.occupancy[0] < 0.7);
    elbo_arena_free(ws);
}
END_TEST

/* Nor is one that begins, or is entered, by 1e-200 and explains three rows 1e200 times
 * as well: no message of the scaled passes is low. */
START_TEST(raised_probabilities_that_matter_are_redone_in_logarithms)
{
    enum { T = 4 };
    static const double starts[2][2] = {{1, 1e-200}, {1, 0}};
    static const double moves[2][4] = {{1, 0, 0, 1}, {1, 1e-200, 0, 1}};
    static const double logs[T * 2] = {0, 0, -153.5, 0, -153.5, 0, -153.5, 0};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_hmm hmm = {2, starts[_i], moves[_i]};
    elbo_hmm_posterior want = room(2, T, ws), got = room(2, T, ws);
    size_t best[T];
    double most;

    enumerate(&hmm, logs, T, &want, best, &most);
    ck_assert(want.occupancy[6] > 0.3 && want.occupancy[6] < 0.7);
    ck_assert(!elbo_hmm_forward_backward(&hmm, logs, T, &got, ws));
    ck_assert(got.logs);
    same(&got, &want, 2, T, 1e-12);
    elbo_arena_free(ws);
}
END_TEST

/* In each lane of the wide kernels: below the smallest double after two rows, even
 * after four more of which none is low. */
START_TEST(raised_messages_matter_in_each_lane)
{
    enum { K = 21, T = 6 };
    static const double others[T] = {0, 0, -200, -200, -200, -199.5};
    static const double own[T] = {-400, -400, 0, 0, 0, 0};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double start[K], apart[K * K] = {0}, logs[T * K];
    const elbo_hmm hmm = {K, start, apart};
    const double share = exp(-0.5) / (K - 1 + exp(-0.5));

    for (size_t k = 0; k < K; k++) {
        start[k] = 1. / K;
        apart[k * K + k] = 1;
        for (size_t t = 0; t < T; t++)
            logs[t * K + k] = k == (size_t)_i ? own[t] : others[t];
    }

    elbo_hmm_posterior got = room(K, T, ws);

    ck_assert(!elbo_hmm_forward_backward(&hmm, logs, T, &got, ws));
    ck_assert(got.logs);
    for (size_t t = 0; t < T; t++)
        ck_assert_double_eq_tol(got.occupancy[t * K + (size_t)_i], share, 1e-12);
    elbo_arena_free(ws);
}
END_TEST

/* One state explains all rows, however likely or unlikely they are. */
START_TEST(the_largest_emission_is_found_in_each_lane)
{
    enum { K = 21, T = 4 };
    static const double level[T] = {0, -3000, 3000, -3000};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double start[K], even[K * K], logs[T * K];
    const elbo_hmm hmm = {K, start, even};

    for (size_t i = 0; i < K * K; i++) even[i] = 1. / K;
    for (size_t k = 0; k < K; k++) {
        start[k] = 1. / K;
        for (size_t t = 0; t < T; t++)
            logs[t * K + k] = level[t] - (k == (size_t)_i ? 0 : 800);
    }

    elbo_hmm_posterior got = room(K, T, ws);

    ck_assert(!elbo_hmm_forward_backward(&hmm, logs, T, &got, ws));
    ck_assert(!got.logs);
    ck_assert_double_eq_tol(got.loglik, -3000 - T * log(K), 1e-9);
    for (size_t t = 0; t < T; t++)
        ck_assert_double_eq_tol(got.occupancy[t * K + (size_t)_i], 1, 1e-12);
    elbo_arena_free(ws);
}
END_TEST

/* Far-off Gaussians, as clusters have them, need no logarithms. */
START_TEST(separated_emissions_stay_in_the_scaled_passes)
{
    enum { K = 6, T = 60 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(9, "far", 0);
    const drawn_chain c = draw_chain(&rng, K, T, 1, 0, 0, ws);
    elbo_hmm_posterior a = room(K, T, ws), b = room(K, T, ws);

    for (size_t t = 0; t < T; t++) {
        const size_t s = elbo_rng_below(&rng, K);

        for (size_t k = 0; k < K; k++) {
            const double d = 80 * ((double)k - (double)s) + 0.7;

            c.log_emission[t * K + k] = -0.5 * d * d;
        }
    }
    ck_assert(!elbo_hmm_forward_backward(&c.hmm, c.log_emission, T, &a, ws));
    ck_assert(
        !elbo_hmm_forward_backward_logs(&c.hmm, c.log_emission, T, &b, ws));
    ck_assert(!a.logs);
    same(&a, &b, K, T, 1e-12);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(impossible_sequences_name_their_row)
{
    enum { K = 2, T = 4 };
    static const double start[] = {1, 0}, right[] = {0.5, 0.5, 0, 1};
    const elbo_hmm hmm = {K, start, right};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double b[T * K] = {0}, counts[K * K] = {7, 7, 7, 7}, logp;
    elbo_hmm_posterior out = {.transitions = counts};
    size_t path[T];

    b[1 * K] = -HUGE_VAL; /* on to state 1, which never goes back */
    b[3 * K + 1] = -HUGE_VAL;
    for (size_t a = 0; a < 2; a++) {
        ck_assert_int_eq(both[a](&hmm, b, T, &out, ws), ELBO_EDATA);
        ck_assert_str_eq(elbo_last_error()->text,
                         "row 3: no state that can be reached can emit it");
    }
    ck_assert_int_eq(elbo_hmm_viterbi(&hmm, b, T, path, &logp, ws), ELBO_EDATA);
    b[2 * K] = b[2 * K + 1] = -HUGE_VAL;
    for (size_t a = 0; a < 2; a++) {
        ck_assert_int_eq(both[a](&hmm, b, T, &out, ws), ELBO_EDATA);
        ck_assert_str_eq(elbo_last_error()->text,
                         "row 2: no state can emit it");
    }
    b[2 * K] = b[0];
    for (int i = 0; i < 2; i++) {
        b[0] = i ? HUGE_VAL : nan("");
        for (size_t a = 0; a < 2; a++)
            ck_assert_int_eq(both[a](&hmm, b, T, &out, ws), ELBO_ENOTFINITE);
        ck_assert_int_eq(elbo_hmm_viterbi(&hmm, b, T, path, &logp, ws),
                         ELBO_ENOTFINITE);
    }
    for (size_t i = 0; i < K * K; i++) ck_assert(counts[i] == 7);
    elbo_arena_free(ws);
}
END_TEST

/* The scaled passes see what is wrong in the sum of a row alone. */
START_TEST(a_wrong_entry_among_many_is_found)
{
    static const size_t sizes[] = {1, 4, 7, 16, 17, 50};
    static const double wrong[] = {(double)NAN, HUGE_VAL};
    enum { T = 70, ROW = 65 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const size_t K = sizes[_i];
    elbo_rng rng = elbo_rng_stream(11, "wrong", K);
    const drawn_chain c = draw_chain(&rng, K, T, 1, _i % 2 ? 0.3 : 0, 2, ws);
    elbo_hmm_posterior out = room(K, T, ws);
    double *const row = c.log_emission + ROW * K;

    for (size_t k = 0; k < K; k++)
        for (size_t w = 0; w < 2; w++) {
            const double right = row[k];

            row[k] = wrong[w];
            ck_assert_int_eq(
                elbo_hmm_forward_backward(&c.hmm, c.log_emission, T, &out, ws),
                ELBO_ENOTFINITE);
            ck_assert_str_eq(elbo_last_error()->text,
                             "row 65: a log emission is NaN or infinite");
            row[k] = right;
        }
    for (size_t k = 0; k < K; k++) row[k] = -HUGE_VAL;
    ck_assert_int_eq(
        elbo_hmm_forward_backward(&c.hmm, c.log_emission, T, &out, ws),
        ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text, "row 65: no state can emit it");
    elbo_arena_free(ws);
}
END_TEST

START_TEST(expected_transitions_are_added)
{
    enum { K = 3, T = 9 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(13, "added", 0);
    const drawn_chain c = draw_chain(&rng, K, T, 1, 0, 1, ws);
    elbo_hmm_posterior once = room(K, T, ws), twice = room(K, T, ws),
                       none = {0};

    ck_assert(!elbo_hmm_forward_backward(&c.hmm, c.log_emission, T, &once, ws));
    for (size_t a = 0; a < 2; a++)
        ck_assert(!both[a](&c.hmm, c.log_emission, T, &twice, ws));
    for (size_t i = 0; i < K * K; i++)
        ck_assert_double_eq_tol(twice.transitions[i], 2 * once.transitions[i],
                                1e-12);
    for (size_t a = 0; a < 2; a++) {
        ck_assert(!both[a](&c.hmm, c.log_emission, T, &none, ws));
        ck_assert_double_eq_tol(none.loglik, once.loglik, 1e-12);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lost_allocations_are_reported)
{
    enum { K = 5, T = 400 };
    elbo_arena *const parts = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(17, "memory", 0);
    const drawn_chain c = draw_chain(&rng, K, T, 1, 0, 1, parts);
    elbo_hmm_posterior out = room(K, T, parts);
    size_t *const path = elbo_arena_sizes(parts, T);
    double logp;

    for (size_t a = 0; a < 3; a++) {
        elbo_status s;
        long n = 0;

        do {
            elbo_alloc_budget(n++);

            elbo_arena *const ws = elbo_arena_alloc(64);

            s = !ws     ? ELBO_ENOMEM
                : a < 2 ? both[a](&c.hmm, c.log_emission, T, &out, ws)
                        : elbo_hmm_viterbi(&c.hmm, c.log_emission, T, path,
                                           &logp, ws);
            elbo_arena_free(ws);
            elbo_alloc_budget(-1);
        } while (s == ELBO_ENOMEM);
        ck_assert_int_eq(s, ELBO_OK);
        ck_assert_int_gt(n, 2);
    }
    elbo_arena_free(parts);
}
END_TEST

Suite *suite_hmm(void)
{
    Suite *const s = suite_create("hmm");
    TCase *const t = tcase_create("hmm");

    tcase_add_loop_test(t, passes_and_viterbi_are_sums_over_all_paths, 0,
                        DRAWN * SEEDS);
    tcase_add_loop_test(t, scaled_passes_are_those_in_logarithms, 0, 21);
    tcase_add_loop_test(t, hopeless_ways_that_win_at_last_are_found, 0, 2);
    tcase_add_test(t, raised_messages_that_matter_are_redone_in_logarithms);
    tcase_add_loop_test(
        t, raised_probabilities_that_matter_are_redone_in_logarithms, 0, 2);
    tcase_add_loop_test(t, raised_messages_matter_in_each_lane, 0, 21);
    tcase_add_loop_test(t, the_largest_emission_is_found_in_each_lane, 0, 21);
    tcase_add_test(t, separated_emissions_stay_in_the_scaled_passes);
    tcase_add_test(t, impossible_sequences_name_their_row);
    tcase_add_loop_test(t, a_wrong_entry_among_many_is_found, 0, 6);
    tcase_add_test(t, expected_transitions_are_added);
    tcase_add_test(t, lost_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}
