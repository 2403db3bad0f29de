/* tests/test_partial.c -- Gaussian rows seen in part: margins and conditionals against
 * dense conditioning, rows by their channels.
 */
#include "inference/messages/partial.h"

#include <gsl/gsl_math.h>
#include <math.h>

#include "tests/partial_cases.h"
#include "tests/suites.h"

enum { NY = 3 };

START_TEST(margins_and_conditionals_are_those_of_dense_conditioning)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 14);
    elbo_rng rng = elbo_rng_stream(1, "partial", (uint64_t)_i);
    const size_t ny = 2 + elbo_rng_below(&rng, 6);
    gsl_matrix *const W = draw_covariance(&rng, ny, ws);
    gsl_matrix *const cov = elbo_arena_mat(ws, ny, ny);
    double m[PARTIAL_MOST], y[PARTIAL_MOST], mean[PARTIAL_MOST], got[PARTIAL_MOST];
    elbo_partial p;

    elbo_rng_normals(&rng, m, ny);
    elbo_rng_normals(&rng, y, ny);
    do punch(y, ny, 0.3, &rng);
    while (elbo_partial_seen(y, ny) == ny);
    y[elbo_rng_below(&rng, ny)] = 2.385;
    if (elbo_partial_seen(y, ny) == ny) y[0] = (double)NAN;
    ck_assert(!elbo_partial_init(&p, ny, ws));

    const double logp = dense(W, m, y, mean, cov, ws);

    elbo_partial_look(&p, y);
    ck_assert(!elbo_partial_condition(&p, W, true));
    ck_assert_double_eq_tol(-0.5
                                * ((double)p.n * log(2 * M_PI) + p.logdet
                                   + elbo_partial_square(&p, m, y)),
                            logp, 1e-11 * (1 + fabs(logp)));
    elbo_partial_fill(&p, m, y, got);
    for (size_t i = 0; i < ny; i++)
        ck_assert_double_eq_tol(got[i], mean[i], 1e-10 * (1 + fabs(mean[i])));
    for (size_t a = 0; a < p.lost; a++)
        for (size_t b = 0; b < p.lost; b++)
            ck_assert_double_eq_tol(gsl_matrix_get(p.within, a, b),
                                    gsl_matrix_get(cov, p.away[a], p.away[b]),
                                    1e-10);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(rows_seen_in_part_are_grouped_by_their_channels)
{
    enum { T = 60 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 14);
    elbo_rng rng = elbo_rng_stream(2, "partial", 0);
    double y[T * NY];
    elbo_partial_row *rows;
    size_t n, groups = 0, want = 0;

    for (size_t i = 0; i < T * NY; i++) y[i] = (double)i;
    punch(y, T * NY, 0.4, &rng);
    for (size_t t = 0; t < T; t++) {
        const size_t seen = elbo_partial_seen(y + t * NY, NY);

        want += seen > 0 && seen < NY;
    }
    ck_assert(!elbo_partial_rows(y, T, NY, ws, &rows, &n));
    ck_assert_uint_eq(n, want);
    ck_assert_uint_gt(n, 30);
    for (size_t i = 0, end; i < n; i = end, groups++) {
        end = elbo_partial_end(rows, n, i);
        for (size_t r = i; r < end; r++) {
            ck_assert_ptr_eq(rows[r].y, y + rows[r].t * NY);
            ck_assert(r == i || rows[r - 1].t < rows[r].t);
            for (size_t j = 0; j < NY; j++)
                ck_assert(isnan(rows[r].y[j]) == isnan(rows[i].y[j]));
        }
    }
    ck_assert_uint_eq(groups, (1 << NY) - 2);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_partial(void)
{
    Suite *const s = suite_create("partial");
    TCase *const t = tcase_create("partial");

    tcase_add_loop_test(
        t, margins_and_conditionals_are_those_of_dense_conditioning, 0, 60);
    tcase_add_test(t, rows_seen_in_part_are_grouped_by_their_channels);
    suite_add_tcase(s, t);
    return s;
}
