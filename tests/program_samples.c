/* tests/program_samples.c -- E(f, n) and usq against their samples, drawn again
 * here, and against what they estimate.
 */
#include <math.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/program_cases.h"
#include "tests/program_parts.h"

enum { SEED = 2385, DRAWS = 6000 };

/* f(y) for transition x. */
static double feature(size_t x, size_t y)
{
    return exp(small.V[y] / 3) - small.r[x];
}
static const char *const text_mean = "E(exp(V(y)/3) - r, 4)";
static const char *const text_square = "usq(E(exp(V(y)/3) - r, 4) - V(next))";

/* The batch's transitions by row, equal rows in the batch's order. */
static void sort(size_t order[SAMPLES])
{
    size_t n = 0;

    for (size_t row = 0; row < ROWS; row++)
        for (size_t x = 0; x < SAMPLES; x++)
            if (small.row[x] == row) order[n++] = x;
}

/* The four samples' features of every transition, from the stream itself. */
static void draw_again(uint64_t index, double z[SAMPLES][4])
{
    elbo_rng rng = elbo_rng_stream(SEED, "expectation", 256 * index);
    size_t order[SAMPLES];

    sort(order);
    for (size_t t = 0; t < SAMPLES; t++) {
        const size_t x = order[t], first = small.start[small.row[x]];
        const size_t n = small.start[small.row[x] + 1] - first;

        for (size_t k = 0; k < 4; k++)
            z[x][k] =
                feature(x, small.successor[first
                                           + elbo_rng_categorical(
                                               &rng, small.p + first, n)]);
    }
}

START_TEST(the_value_is_that_of_the_samples)
{
    elbo_program *mean = program_compile(text_mean);
    elbo_program *square = program_compile(text_square);
    double z[SAMPLES][4], sum = 0, pairs = 0;

    elbo_program_draw(mean, small.p, SEED, 7);
    elbo_program_draw(square, small.p, SEED, 7);
    draw_again(7, z);
    for (size_t x = 0; x < SAMPLES; x++) {
        const double c = small.V[small.next[x]];

        for (size_t j = 0; j < 4; j++) {
            sum += small.weight[x] * z[x][j] / 4;
            for (size_t k = 0; k < 4; k++)
                if (j != k)
                    pairs +=
                        small.weight[x] * (z[x][j] - c) * (z[x][k] - c) / 12;
        }
    }
    ck_assert_double_eq_tol(program_run(mean, NULL), sum, 1e-12 * fabs(sum));
    ck_assert_double_eq_tol(program_run(square, NULL), pairs,
                            1e-12 * (10 + fabs(pairs)));
    ck_assert(elbo_program_needs(mean, "samples"));
    elbo_program_free(mean);
    elbo_program_free(square);
}
END_TEST

/* Means over draws of the value and of its derivative by p, beside those of the
 * exact expression: within 5 standard errors, everywhere. */
static void expect_unbiased(const char *sampled, const char *exact,
                            size_t derivatives)
{
    enum { N = 1 + MOST };
    elbo_program *program = program_compile(sampled), *truth = program_compile(exact);
    double sum[N] = {0}, squares[N] = {0}, want[N + ROWS] = {0};

    want[0] = program_run(truth, want + 1);
    for (uint64_t k = 0; k < DRAWS; k++) {
        double x[N + ROWS] = {0};

        elbo_program_draw(program, small.p, SEED, k);
        x[0] = program_run(program, x + 1);
        for (size_t i = 0; i < N; i++) {
            sum[i] += x[i];
            squares[i] += x[i] * x[i];
        }
    }
    for (size_t i = 0; i < 1 + derivatives; i++) {
        const double mean = sum[i] / DRAWS;
        const double variance = squares[i] / DRAWS - mean * mean;
        const double error = sqrt(fmax(variance, 0) / DRAWS);

        ck_assert_msg(
            fabs(mean - want[i]) <= 5 * error + 1e-9 * (1 + fabs(mean)),
            "%s, %zu: %g +- %g, not %g", sampled, i, mean, error, want[i]);
    }
    elbo_program_free(program);
    elbo_program_free(truth);
}

START_TEST(means_of_samples_and_their_derivatives_are_unbiased)
{
    expect_unbiased("E(V(y)*r, 2)", "E(V(y)*r)", small.batch.nnz);
    expect_unbiased("logp*E(sq(V(y) - V(next)), 1)",
                    "logp*E(sq(V(y) - V(next)))", small.batch.nnz);
}
END_TEST

START_TEST(the_unbiased_square_is)
{
    expect_unbiased("usq(E(V(y), 2) - V(next))", "sq(E(V(y)) - V(next))",
                    small.batch.nnz);
    expect_unbiased("usq(E(V(y)*r, 3) - E(Q(y,a)))",
                    "sq(E(V(y)*r) - E(Q(y,a)))", small.batch.nnz);
}
END_TEST

/* The square of the mean of two samples is off by half the variance; its
 * derivative is not that of what its value estimates. */
START_TEST(the_plain_square_is_biased_by_the_variance)
{
    expect_unbiased("sq(E(V(y), 2) - V(next))",
                    "sq(E(V(y)) - V(next)) + 0.5*Var(V(y))", 0);
}
END_TEST

START_TEST(between_two_draws_it_is_one_function_of_p)
{
    static const double h = 1e-6;
    elbo_program *program = program_compile("usq(E(V(y)*V(next), 3) - E(V(y))) - "
                                    "exp(E(sq(V(y)), 2)/9)");
    double G[MOST + ROWS] = {0}, V[NS + 1] = {0};
    elbo_slopes slopes = {.V = V};
    double value;
    size_t sample;

    elbo_program_draw(program, small.p, SEED, 1);
    small.p[3] *= 0.9; /* no longer where it was drawn */
    ck_assert_int_eq(
        elbo_program_slopes(program, &small.bind, &value, G, &slopes, &sample),
        ELBO_OK);
    ck_assert_double_eq_tol(value, program_run(program, NULL),
                            1e-12 * (10 + fabs(value)));
    for (size_t i = 0; i < small.batch.nnz + NS; i++) {
        double *x =
            i < small.batch.nnz ? &small.p[i] : &small.V[i - small.batch.nnz];
        const double at = *x;
        const double got = i < small.batch.nnz ? G[i] : V[i - small.batch.nnz];

        *x = at + h;

        const double up = program_run(program, NULL);

        *x = at - h;

        const double want = (up - program_run(program, NULL)) / (2 * h);

        *x = at;
        ck_assert_msg(fabs(got - want) <= 1e-6 * (10 + fabs(want)),
                      "%zu: %.10g, not %.10g", i, got, want);
    }
    elbo_program_free(program);
}
END_TEST

TCase *program_samples(void)
{
    TCase *t = tcase_create("samples");

    tcase_add_checked_fixture(t, program_set_up, program_tear_down);
    tcase_add_test(t, the_value_is_that_of_the_samples);
    tcase_add_test(t, means_of_samples_and_their_derivatives_are_unbiased);
    tcase_add_test(t, the_unbiased_square_is);
    tcase_add_test(t, the_plain_square_is_biased_by_the_variance);
    tcase_add_test(t, between_two_draws_it_is_one_function_of_p);
    return t;
}
