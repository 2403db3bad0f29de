/* tests/test_parallel.c -- loops and sums that no number of threads changes. */
#include "inference/core/parallel.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/suites.h"

enum { N = 30011, PAYS = 1 << 20 };

static double data[N], other[N];

static void fill(void)
{
    uint32_t x = 2385;

    for (size_t i = 0; i < N; i++) {
        x = 1664525 * x + 1013904223;
        data[i] = ldexp((double)x - 2147483647.3, (int)(x >> 27) - 40);
        other[i] = 1 / (1.37 + (double)(x >> 9));
    }
}

START_TEST(chunks_are_even_and_cover_the_range_in_order)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 127, 2385, SIZE_MAX};

    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        size_t next = 0;

        for (size_t c = 0; c < ELBO_CHUNKS; c++) {
            size_t first, last;

            elbo_chunk(n, c, &first, &last);
            ck_assert_uint_eq(first, next);
            ck_assert_uint_ge(last, first);
            ck_assert_uint_le(last - first, n / ELBO_CHUNKS + 1);
            ck_assert_uint_ge(last - first, n / ELBO_CHUNKS);
            next = last;
        }
        ck_assert_uint_eq(next, n);
    }
}
END_TEST

typedef struct visits {
    unsigned char count[N];
    size_t chunks[ELBO_CHUNKS];
} visits;

static void visit(void *arg, size_t chunk, size_t first, size_t last)
{
    visits *v = arg;

    v->chunks[chunk]++;
    for (size_t i = first; i < last; i++) v->count[i]++;
}

START_TEST(every_index_and_every_chunk_is_visited_once)
{
    static visits v;

    v = (visits){.count = {0}};
    elbo_parallel(N, PAYS, &v, visit);
    for (size_t i = 0; i < N; i++) ck_assert_uint_eq(v.count[i], 1);
    for (size_t c = 0; c < ELBO_CHUNKS; c++) ck_assert_uint_eq(v.chunks[c], 1);

    elbo_parallel(3, 1, &v, visit);
    for (size_t i = 0; i < 5; i++) ck_assert_uint_eq(v.count[i], 1 + (i < 3));
}
END_TEST

static void visit_rows(void *arg, size_t first, size_t last)
{
    visits *v = arg;

    ck_assert_uint_lt(first, last);
#pragma omp atomic
    v->chunks[0]++;
    for (size_t i = first; i < last; i++) v->count[i]++;
}

START_TEST(rows_are_visited_once_and_in_one_piece_where_work_does_not_pay)
{
    static visits v;

    v = (visits){.count = {0}};
    elbo_parallel_rows(0, PAYS, &v, visit_rows);
    elbo_parallel_rows(N, PAYS, &v, visit_rows);
    for (size_t i = 0; i < N; i++) ck_assert_uint_eq(v.count[i], 1);
    v = (visits){.count = {0}};
    elbo_parallel_rows(3, 1, &v, visit_rows);
    for (size_t i = 0; i < 5; i++) ck_assert_uint_eq(v.count[i], i < 3);
    ck_assert_uint_eq(v.chunks[0], 1);
}
END_TEST

static double sum_data(void *arg, size_t first, size_t last)
{
    double s = 0;

    (void)arg;
    for (size_t i = first; i < last; i++) s += data[i];
    return s;
}

static double max_of(void *arg, size_t first, size_t last)
{
    const double *x = arg;
    double m = x[first]; /* a chunk that is asked is never empty */

    for (size_t i = first; i < last; i++)
        m = isnan(x[i]) || x[i] > m ? x[i] : m;
    return m;
}

START_TEST(sums_have_the_same_bits_for_every_number_of_threads)
{
    const int threads = omp_get_max_threads();
    double sum[4], dot[4], whole[4];

    fill();
    for (int k = 0; k < 4; k++) {
        omp_set_num_threads(k + 1);
        sum[k] = elbo_parallel_sum(N, PAYS, NULL, sum_data);
        dot[k] = elbo_dot(data, other, N);
        whole[k] = elbo_sum(data, N);
    }
    omp_set_num_threads(threads);
    for (int k = 1; k < 4; k++) {
        ck_assert(sum[k] == sum[0]);
        ck_assert(dot[k] == dot[0]);
        ck_assert(whole[k] == whole[0]);
    }
}
END_TEST

/* Error of the sum against long double, relative to the sum of magnitudes: each
 * addition is right to one rounding, and no element passes more than n / 8 + 70
 * of them. */
START_TEST(sums_and_products_agree_with_long_double)
{
    static const size_t sizes[] = {0,    1,    7,    8,    9,     1023,
                                   1024, 1025, 4099, 9999, 20021, N};

    fill();
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        long double sum = 0, dot = 0, size = 0, dot_size = 0;

        for (size_t i = 0; i < n; i++) {
            sum += (long double)data[i];
            size += fabsl((long double)data[i]);
            dot += (long double)data[i] * (long double)other[i];
            dot_size += fabsl((long double)data[i] * (long double)other[i]);
        }

        const long double eps = ((long double)n / 8 + 71) * 0x1p-53L;

        ck_assert(fabsl((long double)elbo_sum(data, n) - sum) <= eps * size);
        ck_assert(fabsl((long double)elbo_dot(data, other, n) - dot)
                  <= eps * dot_size);
    }
}
END_TEST

START_TEST(whole_numbers_are_summed_exactly)
{
    for (size_t i = 0; i < N; i++) data[i] = (double)(i + 1);
    for (size_t n = 0; n < N; n += 373) {
        const double expected = (double)n * (double)(n + 1) / 2;

        ck_assert(elbo_sum(data, n) == expected);
        ck_assert(elbo_parallel_sum(n, PAYS, NULL, sum_data) == expected);
        ck_assert(elbo_dot(data, data, n)
                  == expected * (2 * (double)n + 1) / 3);
    }
}
END_TEST

START_TEST(the_maximum_is_found_wherever_it_is)
{
    fill();
    for (size_t i = 0; i < N; i++) data[i] = -fabs(data[i]) - 1;
    for (size_t at = 0; at < N; at += 307) {
        const double kept = data[at];

        data[at] = -0.2385;
        ck_assert(elbo_parallel_max(N, PAYS, data, max_of) == -0.2385);
        data[at] = (double)NAN;
        ck_assert(isnan(elbo_parallel_max(N, PAYS, data, max_of)));
        data[at] = kept;
    }
    ck_assert(elbo_parallel_max(1, 1, data, max_of) == data[0]);
}
END_TEST

START_TEST(an_empty_range_sums_to_zero_and_has_no_maximum)
{
    ck_assert(elbo_parallel_sum(0, 0, NULL, sum_data) == 0);
    ck_assert(elbo_parallel_max(0, 0, data, max_of) == -HUGE_VAL);
    ck_assert(elbo_sum(NULL, 0) == 0);
    ck_assert(elbo_dot(NULL, NULL, 0) == 0);
}
END_TEST

static void sum_inside(void *arg, size_t chunk, size_t first, size_t last)
{
    double *out = arg;

    (void)first;
    (void)last;
    out[chunk] = elbo_parallel_sum(N, PAYS, NULL, sum_data);
}

START_TEST(a_sum_inside_a_parallel_loop_is_the_same)
{
    double inside[ELBO_CHUNKS];

    fill();

    const double outside = elbo_parallel_sum(N, PAYS, NULL, sum_data);

    elbo_parallel(ELBO_CHUNKS, PAYS, inside, sum_inside);
    for (size_t c = 0; c < ELBO_CHUNKS; c++) ck_assert(inside[c] == outside);
}
END_TEST

static void note_thread(void *arg, size_t chunk, size_t first, size_t last)
{
    int *level = arg;

    (void)first;
    (void)last;
    level[chunk] = omp_in_parallel();
}

/* ---- tasks in turns ---- */

enum { TASKS = 7 };

typedef struct tasks {
    size_t taken[TASKS], wanted[TASKS];
    int held[TASKS], together; /* threads in a turn; the most at one task */
    size_t ahead;              /* the most that a turn was ahead of another */
} tasks;

static bool take(void *arg, size_t k)
{
    tasks *const t = arg;
    int held;

#pragma omp atomic capture
    held = ++t->held[k];
    for (volatile int i = 0; i < 20000; i++) continue;
#pragma omp critical
    {
        if (held > t->together) t->together = held;
        t->taken[k]++;
        for (size_t i = 0; i < TASKS; i++)
            if (t->taken[i] < t->wanted[i]
                && t->taken[k] > t->taken[i] + t->ahead)
                t->ahead = t->taken[k] - t->taken[i];
    }
#pragma omp atomic
    t->held[k]--;
    return t->taken[k] < t->wanted[k];
}

START_TEST(tasks_in_turns_are_held_by_one_thread_and_end_when_they_say)
{
    const int threads = omp_get_max_threads();

    for (int k = 1; k <= 8; k *= 2) {
        tasks t = {
            .wanted = {20, 1, 20, 7, 20, 20, 20}
        };

        omp_set_num_threads(k);
        elbo_parallel_turns(TASKS, &t, take);
        for (size_t i = 0; i < TASKS; i++)
            ck_assert_uint_eq(t.taken[i], t.wanted[i]);
        ck_assert_int_eq(t.together, 1);
        /* alone one after the other, else side by side: a thread that holds a
         * turn for long may be passed by the others */
        if (k == 1) ck_assert_uint_eq(t.ahead, 20);
    }
    elbo_parallel_turns(0, NULL, take);
    omp_set_num_threads(threads);
}
END_TEST

START_TEST(threads_are_used_only_when_the_work_pays)
{
    const int threads = omp_get_max_threads();
    int level[ELBO_CHUNKS];

    omp_set_num_threads(2);
    elbo_parallel(N, 100, level, note_thread);
    for (size_t c = 0; c < ELBO_CHUNKS; c++) ck_assert_int_eq(level[c], 0);
    elbo_parallel(N, PAYS, level, note_thread);
    for (size_t c = 0; c < ELBO_CHUNKS; c++) ck_assert_int_eq(level[c], 1);
    omp_set_num_threads(1);
    elbo_parallel(N, PAYS, level, note_thread);
    for (size_t c = 0; c < ELBO_CHUNKS; c++) ck_assert_int_eq(level[c], 0);
    omp_set_num_threads(threads);
}
END_TEST

typedef struct teams {
    size_t threads, chunks[ELBO_CHUNKS];
} teams;

static void note_team(void *arg, size_t thread, size_t chunk, size_t first,
                      size_t last)
{
    teams *t = arg;

    (void)first;
    (void)last;
    ck_assert_uint_lt(thread, t->threads);
    t->chunks[chunk]++;
}

static void threads_inside(void *arg, size_t chunk, size_t first, size_t last)
{
    size_t *most = arg;

    (void)first;
    (void)last;
    most[chunk] = elbo_parallel_threads(8, PAYS);
}

/* Whoever has a workspace a thread may count on the numbers. */
START_TEST(threads_are_as_many_as_were_said)
{
    const int threads = omp_get_max_threads();
    size_t most[ELBO_CHUNKS];

    omp_set_num_threads(3);
    ck_assert_uint_eq(elbo_parallel_threads(8, PAYS), 3);
    ck_assert_uint_eq(elbo_parallel_threads(2, PAYS), 2);
    ck_assert_uint_eq(elbo_parallel_threads(8, 100), 1);
    elbo_parallel(N, PAYS, most, threads_inside);
    for (size_t c = 0; c < ELBO_CHUNKS; c++) ck_assert_uint_eq(most[c], 1);
    for (size_t k = 1; k <= 3; k++) {
        teams t = {.threads = k};

        elbo_parallel_on(k, N, &t, note_team);
        for (size_t c = 0; c < ELBO_CHUNKS; c++)
            ck_assert_uint_eq(t.chunks[c], 1);
    }
    omp_set_num_threads(threads);
}
END_TEST

Suite *suite_parallel(void)
{
    Suite *suite = suite_create("parallel");
    TCase *t = tcase_create("parallel");

    tcase_set_timeout(t, 60); /* the machine may be busy */
    tcase_add_test(t, chunks_are_even_and_cover_the_range_in_order);
    tcase_add_test(t, every_index_and_every_chunk_is_visited_once);
    tcase_add_test(
        t, rows_are_visited_once_and_in_one_piece_where_work_does_not_pay);
    tcase_add_test(t, sums_have_the_same_bits_for_every_number_of_threads);
    tcase_add_test(t, sums_and_products_agree_with_long_double);
    tcase_add_test(t, threads_are_as_many_as_were_said);
    tcase_add_test(t, whole_numbers_are_summed_exactly);
    tcase_add_test(t, the_maximum_is_found_wherever_it_is);
    tcase_add_test(t, an_empty_range_sums_to_zero_and_has_no_maximum);
    tcase_add_test(t, a_sum_inside_a_parallel_loop_is_the_same);
    tcase_add_test(t,
                   tasks_in_turns_are_held_by_one_thread_and_end_when_they_say);
    tcase_add_test(t, threads_are_used_only_when_the_work_pays);
    suite_add_tcase(suite, t);
    return suite;
}
