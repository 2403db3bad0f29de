/* tests/test_product.c -- products of float matrices against chains of fmaf,
 * and against double. */
#include <math.h>
#include <string.h>

#include "inference/core/product.h"
#include "inference/core/rng.h"
#include "tests/suites.h"

enum { MOST = 1 << 19 };

static float A[MOST], B[MOST], C[MOST], D[MOST], S[MOST];
static elbo_rng rng;

static void draw(float x[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * elbo_rng_uniform(&rng) - 1);
}

static size_t between(size_t low, size_t high)
{
    return low + elbo_rng_below(&rng, high - low + 1);
}

/* Of a random shape, with S in one of its three forms. */
static elbo_product_f32 product(size_t most_rows, size_t most_inner)
{
    elbo_product_f32 p = {.rows = between(1, most_rows),
                          .cols = between(1, 400),
                          .inner = between(0, most_inner),
                          .A = A,
                          .B = B,
                          .transpose_A = between(0, 1),
                          .transpose_B = between(0, 1),
                          .C = C};

    ck_assert(p.rows * p.cols <= MOST && p.rows * p.inner <= MOST);
    ck_assert_uint_le(p.inner * p.cols, MOST);
    draw(A, p.rows * p.inner);
    draw(B, p.inner * p.cols);
    draw(C, p.rows * p.cols);
    draw(S, p.cols);
    switch (between(0, 2)) {
    case 0:
        break;
    case 1:
        p.start = S;
        break;
    default:
        p.start = C;
        p.start_row = p.cols;
    }
    return p;
}

static float of_A(const elbo_product_f32 *p, size_t i, size_t k)
{
    return A[p->transpose_A ? k * p->rows + i : i * p->inner + k];
}

static float of_B(const elbo_product_f32 *p, size_t k, size_t j)
{
    return B[p->transpose_B ? j * p->inner + k : k * p->cols + j];
}

/* To D, before C is written: S may be C. */
static void chains(const elbo_product_f32 *p)
{
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            float sum = 0;

            for (size_t k = 0; k < p->inner; k++)
                sum = fmaf(of_A(p, i, k), of_B(p, k, j), sum);
            if (p->start) sum += p->start[i * p->start_row + j];
            D[i * p->cols + j] = sum;
        }
}

START_TEST(what_may_be_cut_is_a_chain_of_fused_sums_to_the_bit)
{
    size_t cut = 0;

    rng = elbo_rng_stream(1, "product", 0);
    for (size_t n = 0; n < 60; n++) {
        const elbo_product_f32 p = product(300, 448);

        if (!elbo_product_cuts_f32(&p)) continue;
        cut++;
        chains(&p);
        elbo_product_run_f32(&p);
        ck_assert_mem_eq(C, D, p.rows * p.cols * sizeof *C);
    }
#ifdef FP_FAST_FMAF
    ck_assert_uint_ge(cut, 20);
#else
    ck_assert_uint_eq(cut, 0);
#endif
}
END_TEST

START_TEST(parts_have_the_bits_of_the_whole)
{
    rng = elbo_rng_stream(2, "product", 0);
    for (size_t n = 0; n < 60; n++) {
        const elbo_product_f32 p = product(600, 400);
        const size_t size = p.rows * p.cols * sizeof *C;
        const size_t at = between(0, p.rows), then = between(at, p.rows);

        if (!elbo_product_cuts_f32(&p)) continue;
        memcpy(D, C, size);
        elbo_product_rows_f32(&p, then, p.rows);
        elbo_product_rows_f32(&p, at, then);
        elbo_product_rows_f32(&p, 0, at);

        elbo_product_f32 whole = p;

        whole.C = D;
        if (p.start == C) whole.start = D;
        elbo_product_run_f32(&whole);
        ck_assert_mem_eq(C, D, size);
    }
}
END_TEST

/* |error| <= (inner + 2) 2^-24 (|S| + sum |a b|), Higham 2002, 3.1, doubled. */
START_TEST(every_product_is_that_of_doubles_within_rounding)
{
    rng = elbo_rng_stream(3, "product", 0);
    for (size_t n = 0; n < 120; n++) {
        const elbo_product_f32 p = n % 2 ? product(40, 60) : product(250, 1000);

        if (p.start == C) memcpy(D, C, p.rows * p.cols * sizeof *C);
        elbo_product_run_f32(&p);
        for (size_t i = 0; i < p.rows; i += 7)
            for (size_t j = 0; j < p.cols; j++) {
                const size_t at = i * p.cols + j;
                double sum = p.start == C ? (double)D[at]
                             : p.start    ? (double)S[j]
                                          : 0;
                double size = fabs(sum);

                for (size_t k = 0; k < p.inner; k++) {
                    const double x =
                        (double)of_A(&p, i, k) * (double)of_B(&p, k, j);

                    sum += x;
                    size += fabs(x);
                }
                ck_assert_double_le(fabs((double)C[at] - sum),
                                    2 * ((double)p.inner + 2) * 0x1p-24 * size);
            }
    }
}
END_TEST

START_TEST(empty_products_leave_the_start)
{
    elbo_product_f32 p = {.rows = 2, .cols = 2, .A = A, .B = B, .C = C};
    const float kept[] = {1.5F, -2.5F};

    C[0] = C[1] = C[2] = C[3] = 7;
    elbo_product_run_f32(&p);
    for (size_t i = 0; i < 4; i++) ck_assert(C[i] == 0);
    p.start = kept;
    elbo_product_run_f32(&p);
    for (size_t i = 0; i < 4; i++) ck_assert(C[i] == kept[i % 2]);
    p.rows = 0;
    C[0] = 7;
    elbo_product_run_f32(&p);
    ck_assert(C[0] == 7);
}
END_TEST

Suite *suite_product(void)
{
    Suite *suite = suite_create("product");
    TCase *t = tcase_create("product");

    tcase_add_test(t, what_may_be_cut_is_a_chain_of_fused_sums_to_the_bit);
    tcase_add_test(t, parts_have_the_bits_of_the_whole);
    tcase_add_test(t, every_product_is_that_of_doubles_within_rounding);
    tcase_add_test(t, empty_products_leave_the_start);
    suite_add_tcase(suite, t);
    return suite;
}
