/* tests/test_rng.c -- random streams: published words, independence, laws.
 *
 * A chi-square statistic fails at probability 1e-6, a Kolmogorov-Smirnov one at
 * sqrt(n) D = 2.70 (2 exp(-2 x^2) = 1e-6); the seeds are fixed, so a test that
 * passes once passes always.
 */
#include "inference/core/rng.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suites.h"

enum { N = 40000 };
static const double ks_limit = 2.70;

/* ---- streams ---- */

/* Random123's tests/kat_vectors, philox4x32 with 10 rounds. */
static void check_words(elbo_rng rng, const uint32_t words[4])
{
    for (size_t k = 0; k < 4; k++)
        ck_assert_uint_eq(elbo_rng_u32(&rng), words[k]);
}

START_TEST(words_are_those_published_for_philox)
{
    static const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
                                     0x9b00dbd8};
    static const uint32_t ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                                    0x6d5451fd};
    static const uint32_t pi[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420,
                                  0x24126ea1};

    check_words((elbo_rng){.used = 4}, zeros);
    check_words(
        (elbo_rng){
            .key = {0xffffffff, 0xffffffff},
            .index = {0xffffffff, 0xffffffff},
            .count = 0xffffffffffffffff,
            .used = 4
    },
        ones);
    check_words(
        (elbo_rng){
            .key = {0xa4093822, 0x299f31d0},
            .index = {0x13198a2e, 0x03707344},
            .count = 0x85a308d3243f6a88,
            .used = 4
    },
        pi);
}
END_TEST

START_TEST(streams_differ_by_seed_purpose_and_index)
{
    static const struct {
        uint64_t seed, index;
        const char *purpose;
    } triple[] = {
        {7,                3,                "rollout"   },
        {8,                3,                "rollout"   },
        {7,                4,                "rollout"   },
        {7,                3,                "evaluation"},
        {7 + (1ULL << 32), 3,                "rollout"   },
        {7,                3 + (1ULL << 32), "rollout"   },
        {3,                7,                "rollout"   },
        {7,                3,                "rollou"    },
    };
    enum { TRIPLES = sizeof triple / sizeof *triple };
    uint64_t first[TRIPLES];

    for (size_t i = 0; i < TRIPLES; i++) {
        elbo_rng rng =
            elbo_rng_stream(triple[i].seed, triple[i].purpose, triple[i].index);
        elbo_rng again =
            elbo_rng_stream(triple[i].seed, triple[i].purpose, triple[i].index);

        first[i] = elbo_rng_u32(&rng);
        first[i] = first[i] << 32 | elbo_rng_u32(&rng);
        ck_assert_uint_eq(elbo_rng_u32(&again), first[i] >> 32);
        for (size_t j = 0; j < i; j++) ck_assert_uint_ne(first[i], first[j]);
    }
}
END_TEST

/* The number of equal words of unrelated streams is Poisson with mean
 * n / 2^32, here below 1e-3. */
START_TEST(neighbouring_streams_share_no_words)
{
    elbo_rng a = elbo_rng_stream(0, "x", 0), b = elbo_rng_stream(1, "x", 0);
    elbo_rng c = elbo_rng_stream(0, "x", 1);

    for (int i = 0; i < 20000; i++) {
        const uint32_t wa = elbo_rng_u32(&a), wb = elbo_rng_u32(&b);

        ck_assert_uint_ne(wa, wb);
        ck_assert_uint_ne(wa, elbo_rng_u32(&c));
    }
}
END_TEST

START_TEST(a_copy_forks_the_stream)
{
    for (int skip = 0; skip < 9; skip++) {
        elbo_rng rng = elbo_rng_stream(23, "fork", 85);

        for (int i = 0; i < skip; i++) elbo_rng_u32(&rng);

        elbo_rng copy = rng;

        for (int i = 0; i < 50; i++)
            ck_assert(elbo_rng_uniform(&rng) == elbo_rng_uniform(&copy));
    }
}
END_TEST

START_TEST(streams_are_the_same_on_any_thread)
{
    enum { STREAMS = 16, EACH = 301 };
    static double together[STREAMS][EACH];

#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < STREAMS; i++) {
        elbo_rng rng = elbo_rng_stream(2385, "threads", i);

        elbo_rng_normals(&rng, together[i], EACH);
    }
    for (size_t i = STREAMS; i-- > 0;) {
        elbo_rng rng = elbo_rng_stream(2385, "threads", i);
        double alone[EACH];

        elbo_rng_normals(&rng, alone, EACH);
        ck_assert_mem_eq(alone, together[i], sizeof alone);
    }
}
END_TEST

/* ---- laws ---- */

static double ks_statistic(double x[], size_t n, double (*cdf)(double))
{
    double largest = 0;

    gsl_sort(x, 1, n);
    for (size_t i = 0; i < n; i++) {
        const double F = cdf(x[i]);

        largest = fmax(largest, F - (double)i / (double)n);
        largest = fmax(largest, (double)(i + 1) / (double)n - F);
    }
    return sqrt((double)n) * largest;
}

static double chi_square(const double seen[], const double expected[], size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        if (expected[i] > 0) sum += pow(seen[i] - expected[i], 2) / expected[i];
    return sum;
}

static double uniform_cdf(double x)
{
    return x;
}

START_TEST(uniforms_are_uniform_on_the_half_open_interval)
{
    static double x[N];
    elbo_rng rng = elbo_rng_stream(1, "uniform", 0);

    for (size_t i = 0; i < N; i++) {
        x[i] = elbo_rng_uniform(&rng);
        ck_assert(x[i] >= 0 && x[i] < 1);
    }
    ck_assert(ks_statistic(x, N, uniform_cdf) < ks_limit);
}
END_TEST

START_TEST(uniforms_use_53_bits)
{
    elbo_rng rng = elbo_rng_stream(1, "bits", 0);
    uint64_t seen = 0;

    for (int i = 0; i < 200; i++)
        seen |= (uint64_t)(elbo_rng_uniform(&rng) * 0x1p53);
    ck_assert(seen == (1ULL << 53) - 1);
}
END_TEST

/* 3 * 2^30 is where taking a remainder would double a third of the range. */
START_TEST(below_is_unbiased)
{
    static const size_t range[] = {7, 3UL << 30, 3UL << 62};
    elbo_rng rng = elbo_rng_stream(2, "below", 0);

    for (size_t k = 0; k < 3; k++) {
        const size_t cells = k ? 3 : 7, cell = range[k] / cells;
        double seen[7] = {0}, expected[7];

        for (size_t i = 0; i < cells; i++)
            expected[i] = (double)N / (double)cells;
        for (size_t i = 0; i < N; i++) {
            const size_t x = elbo_rng_below(&rng, range[k]);

            ck_assert_uint_lt(x, range[k]);
            seen[x / cell]++;
        }
        ck_assert(chi_square(seen, expected, cells)
                  < gsl_cdf_chisq_Qinv(1e-6, (double)cells - 1));
    }
    for (int i = 0; i < 20; i++) ck_assert_uint_eq(elbo_rng_below(&rng, 1), 0);
}
END_TEST

START_TEST(categories_come_in_proportion_and_zeros_never)
{
    static const double p[] = {0, 2.385, 0.4, 0, 1.1, 7.9, 0.03, 0};
    enum { K = sizeof p / sizeof *p };
    elbo_rng rng = elbo_rng_stream(3, "categorical", 0);
    double seen[K] = {0}, expected[K], total = 0;

    for (size_t i = 0; i < K; i++) total += p[i];
    for (size_t i = 0; i < K; i++) expected[i] = N * p[i] / total;
    for (size_t i = 0; i < N; i++) seen[elbo_rng_categorical(&rng, p, K)]++;
    for (size_t i = 0; i < K; i++)
        if (p[i] == 0) ck_assert(seen[i] == 0);
    ck_assert(chi_square(seen, expected, K) < gsl_cdf_chisq_Qinv(1e-6, 4));
}
END_TEST

START_TEST(a_category_may_have_any_scale)
{
    elbo_rng rng = elbo_rng_stream(3, "scale", 0);
    const double tiny[] = {0, 1e-300, 0}, large[] = {0, 0, 1e300};

    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(elbo_rng_categorical(&rng, tiny, 3), 1);
        ck_assert_uint_eq(elbo_rng_categorical(&rng, large, 3), 2);
    }
}
END_TEST

/* Five standard errors of the sample moments of N(0, 1): the variances of x,
 * x^2, x^3, x^4 are 1, 2, 15, 96; that of the product of neighbours is 1. */
START_TEST(normals_have_the_moments_and_the_law_of_normals)
{
    static double x[N];
    static const double mean[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
    double moment[4] = {0}, pairs = 0, halves = 0;
    elbo_rng rng = elbo_rng_stream(4, "normals", 0);

    elbo_rng_normals(&rng, x, N);
    for (size_t i = 0; i < N; i++)
        for (int k = 0; k < 4; k++) moment[k] += pow(x[i], k + 1) / N;
    for (size_t i = 0; i + 1 < N; i++) pairs += x[i] * x[i + 1] / N;
    for (size_t i = 0; i < N / 2; i++) halves += x[i] * x[i + N / 2] * 2 / N;
    for (int k = 0; k < 4; k++)
        ck_assert(fabs(moment[k] - mean[k]) < 5 * sqrt(variance[k] / N));
    ck_assert(fabs(pairs) < 5 * sqrt(1. / N));
    ck_assert(fabs(halves) < 5 * sqrt(2. / N));
    ck_assert(ks_statistic(x, N, gsl_cdf_ugaussian_P) < ks_limit);
}
END_TEST

START_TEST(normals_are_box_muller_of_the_stream)
{
    enum { SOME = 777 };
    double x[SOME + 1];
    elbo_rng rng = elbo_rng_stream(5, "box", 2), copy = rng;

    x[SOME] = -2.385;
    elbo_rng_normals(&rng, x, SOME);
    for (size_t i = 0; i < SOME; i++) {
        const double u = 1 - elbo_rng_uniform(&copy);
        const double angle = 2 * acos(-1) * elbo_rng_uniform(&copy);
        const double r = sqrt(-2 * log(u));

        ck_assert_double_eq_tol(x[i], r * cos(angle), 1e-13 * (1 + r));
        if (++i < SOME)
            ck_assert_double_eq_tol(x[i], r * sin(angle), 1e-13 * (1 + r));
    }
    ck_assert(x[SOME] == -2.385);
    ck_assert_uint_eq(elbo_rng_u32(&rng), elbo_rng_u32(&copy));
}
END_TEST

START_TEST(normals_are_the_same_for_an_even_split)
{
    enum { ALL = 1000 };
    double whole[ALL], parts[ALL];
    static const size_t cuts[] = {0, 2, 258, 402, 1000};
    elbo_rng a = elbo_rng_stream(6, "split", 0), b = a;

    elbo_rng_u32(&a); /* not at a block's start either */
    elbo_rng_u32(&b);
    elbo_rng_normals(&a, whole, ALL);
    for (size_t i = 0; i < 4; i++)
        elbo_rng_normals(&b, parts + cuts[i], cuts[i + 1] - cuts[i]);
    ck_assert_mem_eq(whole, parts, sizeof whole);
    elbo_rng_normals(&b, parts, 0);
    ck_assert_uint_eq(elbo_rng_u32(&a), elbo_rng_u32(&b));
}
END_TEST

/* ---- GSL ---- */

START_TEST(gsl_draws_from_the_stream_and_repeats)
{
    elbo_rng a = elbo_rng_stream(7, "gsl", 1), b = a, plain = a;
    elbo_gsl_rng ga, gb;
    gsl_rng *ra = elbo_rng_gsl(&ga, &a), *rb = elbo_rng_gsl(&gb, &b);

    ck_assert_uint_eq(gsl_rng_get(ra), elbo_rng_u32(&plain));
    ck_assert(gsl_rng_uniform(ra) == elbo_rng_uniform(&plain));
    ck_assert_mem_eq(&a, &plain, sizeof a);
    ck_assert_uint_eq(gsl_rng_max(ra), 0xffffffff);
    ck_assert_uint_eq(gsl_rng_min(ra), 0);

    gsl_rng_get(rb);
    gsl_rng_uniform(rb);
    for (int i = 0; i < 100; i++)
        ck_assert(gsl_ran_gamma(ra, 2.385, 0.7)
                  == gsl_ran_gamma(rb, 2.385, 0.7));
}
END_TEST

START_TEST(gsl_distributions_have_their_means)
{
    static const double alpha[] = {2.385, 0.61, 5.2};
    const double A = 2.385 + 0.61 + 5.2;
    double theta[3], mean[3] = {0};
    elbo_rng rng = elbo_rng_stream(8, "dirichlet", 0);
    elbo_gsl_rng g;
    gsl_rng *r = elbo_rng_gsl(&g, &rng);

    for (size_t i = 0; i < N; i++) {
        gsl_ran_dirichlet(r, 3, alpha, theta);
        for (int k = 0; k < 3; k++) mean[k] += theta[k] / N;
    }
    for (int k = 0; k < 3; k++) {
        const double m = alpha[k] / A, variance = m * (1 - m) / (A + 1);

        ck_assert(fabs(mean[k] - m) < 5 * sqrt(variance / N));
    }
}
END_TEST

START_TEST(gsl_can_seed_the_stream_again)
{
    elbo_rng rng = elbo_rng_stream(9, "x", 0);
    elbo_gsl_rng g;
    gsl_rng *r = elbo_rng_gsl(&g, &rng);

    gsl_rng_set(r, 2385);

    const unsigned long first = gsl_rng_get(r);

    gsl_rng_get(r);
    gsl_rng_set(r, 2385);
    ck_assert_uint_eq(gsl_rng_get(r), first);
    gsl_rng_set(r, 2386);
    ck_assert_uint_ne(gsl_rng_get(r), first);
}
END_TEST

/* ---- checkpoint ---- */

static elbo_status through_file(const uint64_t state[], size_t n, elbo_rng *rng)
{
    char path[] = "/tmp/elbo-rng-XXXXXX";
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;

    close(mkstemp(path));
    elbo_writer_section(out, "rng");
    if (state)
        for (size_t i = 0; i < n; i++) elbo_put_u64(out, state[i]);
    else
        elbo_rng_save(rng, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "rng"), ELBO_OK);

    const elbo_status s = elbo_rng_load(rng, in);

    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
    return s;
}

START_TEST(a_stored_stream_continues_to_the_same_bits)
{
    for (int skip = 0; skip < 10; skip++) {
        elbo_rng rng = elbo_rng_stream(1ULL << 40, "resume", 1ULL << 35 | 85);

        for (int i = 0; i < skip; i++) elbo_rng_u32(&rng);

        elbo_rng loaded = rng;

        ck_assert_int_eq(through_file(NULL, 0, &loaded), ELBO_OK);
        ck_assert_mem_eq(&loaded, &rng, sizeof rng);
        for (int i = 0; i < 12; i++)
            ck_assert_uint_eq(elbo_rng_u32(&loaded), elbo_rng_u32(&rng));
    }
}
END_TEST

START_TEST(a_stored_stream_that_cannot_be_is_bad_data)
{
    static const uint64_t used[] = {1, 2, 9, 5}, fresh[] = {1, 2, 0, 3};
    const elbo_rng before = elbo_rng_stream(3, "kept", 4);
    elbo_rng rng = before;

    ck_assert_int_eq(through_file(used, 4, &rng), ELBO_EDATA);
    ck_assert_int_eq(through_file(fresh, 4, &rng), ELBO_EDATA);
    ck_assert_int_eq(through_file(used, 3, &rng), ELBO_EDATA);
    ck_assert_mem_eq(&rng, &before, sizeof rng);
}
END_TEST

/* Each is sqrt(-2 log u) (cos, sin)(2 pi v) of the words that its stream gives from a
 * new block on, in 24 bits; d that is no multiple of 4 leaves words out. */
START_TEST(rows_of_normals_are_made_of_their_streams_words)
{
    enum { ROWS = 37, MOST = 9 };
    static const size_t sizes[] = {1, 4, 6, 9};
    const size_t d = sizes[_i];
    elbo_rng rng[ROWS], own[ROWS];
    uint32_t which[ROWS];
    float out[ROWS * MOST];

    for (size_t i = 0; i < ROWS; i++) {
        which[i] = (uint32_t)(i * 5 % ROWS);
        rng[i] = elbo_rng_stream(i, "rows", UINT64_C(1) << (i + 20));
        if (i % 3 == 1) (void)elbo_rng_u32(&rng[i]);
        own[i] = rng[i];
        own[i].used = 4;
    }
    elbo_rng_normal_rows(rng, which, ROWS, d, out);
    for (size_t i = 0; i < ROWS; i++) {
        elbo_rng *const r = &own[which[i]];

        for (size_t j = 0; j < d; j += 2) {
            const double u = (double)((elbo_rng_u32(r) >> 8) + 1) * 0x1p-24;
            const double v = (double)(elbo_rng_u32(r) >> 8) * 0x1p-24;
            const double length = sqrt(-2 * log(u)), angle = 2 * 3.141592653589793 * v;

            ck_assert_double_eq_tol((double)out[i * d + j], length * cos(angle), 3e-6);
            if (j + 1 < d)
                ck_assert_double_eq_tol((double)out[i * d + j + 1],
                                        length * sin(angle), 3e-6);
        }
        ck_assert(rng[which[i]].count == r->count && rng[which[i]].used == 4);
    }
}
END_TEST

Suite *suite_rng(void)
{
    Suite *suite = suite_create("rng");
    TCase *t = tcase_create("streams");

    tcase_add_test(t, words_are_those_published_for_philox);
    tcase_add_test(t, streams_differ_by_seed_purpose_and_index);
    tcase_add_test(t, neighbouring_streams_share_no_words);
    tcase_add_test(t, a_copy_forks_the_stream);
    tcase_add_test(t, streams_are_the_same_on_any_thread);
    tcase_add_loop_test(t, rows_of_normals_are_made_of_their_streams_words, 0, 4);
    suite_add_tcase(suite, t);

    t = tcase_create("laws");
    tcase_add_test(t, uniforms_are_uniform_on_the_half_open_interval);
    tcase_add_test(t, uniforms_use_53_bits);
    tcase_add_test(t, below_is_unbiased);
    tcase_add_test(t, categories_come_in_proportion_and_zeros_never);
    tcase_add_test(t, a_category_may_have_any_scale);
    tcase_add_test(t, normals_have_the_moments_and_the_law_of_normals);
    tcase_add_test(t, normals_are_box_muller_of_the_stream);
    tcase_add_test(t, normals_are_the_same_for_an_even_split);
    suite_add_tcase(suite, t);

    t = tcase_create("outside");
    tcase_add_test(t, gsl_draws_from_the_stream_and_repeats);
    tcase_add_test(t, gsl_distributions_have_their_means);
    tcase_add_test(t, gsl_can_seed_the_stream_again);
    tcase_add_test(t, a_stored_stream_continues_to_the_same_bits);
    tcase_add_test(t, a_stored_stream_that_cannot_be_is_bad_data);
    suite_add_tcase(suite, t);
    return suite;
}
