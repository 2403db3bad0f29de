/* tests/test_arena.c -- the heap with a budget, and the arena on top of it. */
#include "inference/core/arena.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/suites.h"

enum { HUGE_PAGE = 2 << 20 };

/* ---- alloc ---- */

START_TEST(blocks_are_aligned_to_a_line_and_large_ones_to_a_huge_page)
{
    static const size_t sizes[] = {0, 1, 63, 64, 4097, HUGE_PAGE - 1};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = elbo_alloc(sizes[i], 1);

        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % 64, 0);
        memset(block, 0x5a, sizes[i]);
        elbo_free(block);
    }

    char *large = elbo_alloc(HUGE_PAGE / 8 + 3, 8);

    ck_assert_ptr_nonnull(large);
    ck_assert_uint_eq((uintptr_t)large % HUGE_PAGE, 0);
    large[HUGE_PAGE + 23] = 1;
    elbo_free(large);
    elbo_free(NULL);
}
END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
    size_t out = 2385;

    ck_assert_ptr_null(elbo_alloc(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(elbo_alloc(SIZE_MAX, 1));
    ck_assert(!elbo_size_mul(SIZE_MAX / 7 + 1, 7, &out));
    ck_assert(!elbo_size_add(SIZE_MAX - 4, 5, &out));
    ck_assert_uint_eq(out, 2385);
    ck_assert(elbo_size_mul(SIZE_MAX / 7, 7, &out));
    ck_assert_uint_eq(out, SIZE_MAX / 7 * 7);
    ck_assert(elbo_size_add(SIZE_MAX - 5, 5, &out));
    ck_assert_uint_eq(out, SIZE_MAX);
    ck_assert(elbo_size_mul(SIZE_MAX, 0, &out));
    ck_assert_uint_eq(out, 0);
}
END_TEST

START_TEST(a_budget_lets_n_allocations_pass_and_no_more)
{
    void *block[2];
    const unsigned long before = elbo_alloc_count();

    elbo_alloc_budget(2);
    block[0] = elbo_alloc(3, 5);
    block[1] = elbo_alloc(3, 5);
    ck_assert_ptr_null(elbo_alloc(1, 1));
    ck_assert_ptr_null(elbo_alloc(1, 1));
    elbo_alloc_budget(-1);
    ck_assert_ptr_nonnull(block[0]);
    ck_assert_ptr_nonnull(block[1]);
    ck_assert_uint_eq(elbo_alloc_count(), before + 2);
    elbo_free(block[0]);
    elbo_free(block[1]);
    block[0] = elbo_alloc(1, 1);
    ck_assert_ptr_nonnull(block[0]);
    elbo_free(block[0]);
}
END_TEST

START_TEST(no_more_is_given_than_the_machine_has)
{
    enum { MOST = 23850 };
    void *block;

    ck_assert_uint_gt(elbo_alloc_room(), 1 << 20);
    ck_assert_ptr_null(elbo_alloc((size_t)1 << 20, (size_t)1 << 30));
    elbo_alloc_limit(1); /* whatever else is held: nothing is left */
    ck_assert_ptr_null(elbo_alloc(1, 1024));
    elbo_alloc_limit(SIZE_MAX);

    const size_t held = SIZE_MAX - elbo_alloc_room();

    elbo_alloc_limit(held + MOST);
    ck_assert_uint_eq(elbo_alloc_room(), MOST);
    ck_assert_ptr_null(elbo_alloc(MOST + 1, 1));
    block = elbo_alloc(MOST - 850, 1);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_le(elbo_alloc_room(), 850);
    ck_assert_ptr_null(elbo_alloc(851, 1));
    elbo_free(block);
    ck_assert_uint_eq(elbo_alloc_room(), MOST);
    elbo_alloc_limit(0);
    ck_assert_uint_gt(elbo_alloc_room(), 1 << 20);
}
END_TEST

/* ---- arena ---- */

START_TEST(taken_memory_is_aligned_zero_and_zero_again_after_use)
{
    elbo_arena *ws = elbo_arena_alloc(100);

    for (int round = 0; round < 3; round++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        for (size_t n = 1; n < 300; n += 37) {
            unsigned char *x = elbo_arena_take(ws, n, 3);

            ck_assert_uint_eq((uintptr_t)x % 64, 0);
            for (size_t i = 0; i < 3 * n; i++) ck_assert_uint_eq(x[i], 0);
            memset(x, 0xa5, 3 * n);
        }
        ck_assert(elbo_arena_u32(ws, 9)[8] == 0);
        ck_assert(elbo_arena_sizes(ws, 9)[8] == 0);
        elbo_arena_release(ws, mark);
    }
    elbo_arena_free(ws);
    elbo_arena_free(NULL);
}
END_TEST

START_TEST(doubles_vectors_and_matrices_start_as_nan)
{
    elbo_arena *ws = elbo_arena_alloc(64);
    const double *x = elbo_arena_doubles(ws, 11);
    const gsl_vector *v = elbo_arena_vec(ws, 7);
    const gsl_matrix *A = elbo_arena_mat(ws, 5, 3);

    ck_assert_uint_eq(v->size, 7);
    ck_assert_uint_eq(v->stride, 1);
    ck_assert_uint_eq(A->size1, 5);
    ck_assert_uint_eq(A->size2, 3);
    ck_assert_uint_eq(A->tda, 3);
    ck_assert_uint_eq((uintptr_t)x % 64, 0);
    ck_assert_uint_eq((uintptr_t)v->data % 64, 0);
    ck_assert_uint_eq((uintptr_t)A->data % 64, 0);
#ifndef NDEBUG
    for (size_t i = 0; i < 11; i++) ck_assert(isnan(x[i]));
    for (size_t i = 0; i < 7; i++) ck_assert(isnan(gsl_vector_get(v, i)));
    for (size_t i = 0; i < 15; i++) ck_assert(isnan(A->data[i]));
#endif
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_request_for_nothing_gives_a_pointer)
{
    elbo_arena *ws = elbo_arena_alloc(0);

    ck_assert_ptr_nonnull(elbo_arena_take(ws, 0, 8));
    ck_assert_ptr_nonnull(elbo_arena_doubles(ws, 0));
    ck_assert_ptr_nonnull(elbo_arena_vec(ws, 0));
    ck_assert_ptr_nonnull(elbo_arena_mat(ws, 0, 4));
    ck_assert_str_eq(elbo_arena_text(ws, ""), "");
    ck_assert(elbo_arena_ok(ws));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(text_is_copied)
{
    char text[] = "slip=0.2";
    elbo_arena *ws = elbo_arena_alloc(64);
    const char *copy = elbo_arena_text(ws, text);

    text[0] = '?';
    ck_assert_str_eq(copy, "slip=0.2");
    elbo_arena_free(ws);
}
END_TEST

START_TEST(release_gives_the_same_memory_again_across_chunks)
{
    elbo_arena *ws = elbo_arena_alloc(256);
    const elbo_mark start = elbo_arena_mark(ws);
    char *first[6], *second[6];

    for (size_t i = 0; i < 6; i++) first[i] = elbo_arena_take(ws, 200, i + 1);
    elbo_arena_release(ws, start);
    for (size_t i = 0; i < 6; i++) second[i] = elbo_arena_take(ws, 200, i + 1);
    for (size_t i = 0; i < 6; i++) ck_assert_ptr_eq(first[i], second[i]);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_warm_loop_allocates_nothing)
{
    elbo_arena *ws = elbo_arena_alloc(64);
    unsigned long warm = 0;

    for (int round = 0; round < 20; round++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        if (round == 1) warm = elbo_alloc_count();
        for (size_t i = 1; i < 40; i++) elbo_arena_doubles(ws, 31 * i);
        elbo_arena_mat(ws, 300, 500); /* a chunk of its own */
        elbo_arena_vec(ws, 17);
        ck_assert(elbo_arena_ok(ws));
        elbo_arena_release(ws, mark);
    }
    ck_assert_uint_eq(elbo_alloc_count(), warm);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(an_arena_within_another_is_as_large_as_it_was_made)
{
    elbo_arena *const ws = elbo_arena_alloc(64);
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_arena *const in = elbo_arena_within(ws, 640);
    const elbo_mark empty = elbo_arena_mark(in);
    double *const after = elbo_arena_doubles(ws, 100);

    for (int round = 0; round < 3; round++) {
        double *const x = elbo_arena_doubles(in, 80);

        ck_assert(x && (uintptr_t)x % 64 == 0 && elbo_arena_ok(in));
        ck_assert(x + 80 <= after || after + 100 <= x);
        ck_assert_ptr_null(elbo_arena_doubles(in, 1));
        ck_assert_int_eq(elbo_arena_check(in, "in"), ELBO_ENOMEM);
        elbo_arena_release(in, empty);
        ck_assert(elbo_arena_ok(in) && elbo_arena_ok(ws));
    }
    elbo_arena_release(ws, mark);
    ck_assert_ptr_null(elbo_arena_take(ws, SIZE_MAX, 2));
    ck_assert_ptr_null(elbo_arena_within(ws, 64));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_kept_large_chunk_serves_a_later_order)
{
    elbo_arena *ws = elbo_arena_alloc(64);
    const elbo_mark mark = elbo_arena_mark(ws);

    elbo_arena_take(ws, 1000, 1);
    elbo_arena_take(ws, 90000, 1);
    elbo_arena_release(ws, mark);

    const unsigned long before = elbo_alloc_count();

    elbo_arena_take(ws, 90000, 1); /* the large one first */
    elbo_arena_take(ws, 1000, 1);
    ck_assert_uint_eq(elbo_alloc_count(), before);
    elbo_arena_free(ws);
}
END_TEST

/* A stack of blocks that the test keeps beside the arena. */
typedef struct held {
    unsigned char *data, mark_byte;
    size_t bytes;
    elbo_mark before;
} held;

static void check_held(const held stack[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < stack[i].bytes; k++)
            ck_assert_uint_eq(stack[i].data[k], stack[i].mark_byte);
}

START_TEST(live_blocks_never_overlap_under_random_use)
{
    enum { DEPTH = 40, STEPS = 1500 };
    held stack[DEPTH];
    elbo_arena *ws = elbo_arena_alloc(128);
    uint32_t x = 2385;
    size_t n = 0;

    for (int step = 0; step < STEPS; step++) {
        x = 1664525 * x + 1013904223;
        if (n == DEPTH || (n > 0 && x >> 30 == 0)) {
            n -= 1 + (x >> 8) % n;
            elbo_arena_release(ws, stack[n].before);
        } else {
            held *h = &stack[n++];

            h->before = elbo_arena_mark(ws);
            h->bytes = x >> 28 == 15 ? 3000 : (x >> 12) % 400;
            h->mark_byte = (unsigned char)(1 + step % 255);
            h->data = elbo_arena_take(ws, h->bytes, 1);
            ck_assert_ptr_nonnull(h->data);
            memset(h->data, h->mark_byte, h->bytes);
        }
        if (step % 25 == 0) check_held(stack, n);
    }
    check_held(stack, n);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(an_overflow_fails_sticky_until_the_release_before_it)
{
    elbo_arena *ws = elbo_arena_alloc(64);
    const elbo_mark before = elbo_arena_mark(ws);

    ck_assert_int_eq(elbo_arena_check(ws, "plan"), ELBO_OK);
    ck_assert_ptr_null(elbo_arena_doubles(ws, SIZE_MAX / 4));
    ck_assert(!elbo_arena_ok(ws));
    ck_assert_ptr_null(elbo_arena_take(ws, 1, 1));
    ck_assert_ptr_null(elbo_arena_vec(ws, 3));
    ck_assert_ptr_null(elbo_arena_mat(ws, 3, 3));
    ck_assert_ptr_null(elbo_arena_text(ws, "x"));
    ck_assert_int_eq(elbo_arena_check(ws, "plan"), ELBO_ESIZE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "plan: "));

    const elbo_mark after = elbo_arena_mark(ws);

    elbo_arena_release(ws, after);
    ck_assert(!elbo_arena_ok(ws));
    elbo_arena_release(ws, before);
    ck_assert(elbo_arena_ok(ws));
    ck_assert_ptr_nonnull(elbo_arena_take(ws, 1, 1));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_matrix_whose_size_overflows_is_too_large)
{
    elbo_arena *ws = elbo_arena_alloc(64);

    ck_assert_ptr_null(elbo_arena_mat(ws, SIZE_MAX / 2, 5));
    ck_assert_int_eq(elbo_arena_check(ws, "A"), ELBO_ESIZE);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(the_first_failure_is_the_one_reported)
{
    elbo_arena *ws = elbo_arena_alloc(64);

    elbo_alloc_budget(0);
    ck_assert_ptr_null(elbo_arena_take(ws, 5000, 1));
    elbo_alloc_budget(-1);
    ck_assert_ptr_null(elbo_arena_mat(ws, SIZE_MAX / 2, 5));
    ck_assert_int_eq(elbo_arena_check(ws, "rollouts"), ELBO_ENOMEM);
    ck_assert_str_eq(elbo_last_error()->text,
                     "rollouts: no memory for 5056 bytes");
    elbo_arena_free(ws);
}
END_TEST

START_TEST(each_allocation_fails_once_and_cleanly)
{
    bool done = false;

    for (long n = 0; !done; n++) {
        elbo_alloc_budget(n);

        elbo_arena *ws = elbo_arena_alloc(64);

        if (ws) {
            for (size_t i = 1; i < 6; i++) elbo_arena_vec(ws, 100 * i);
            done = elbo_arena_ok(ws);
            if (!done)
                ck_assert_int_eq(elbo_arena_check(ws, "vec"), ELBO_ENOMEM);
        }
        ck_assert(done || n < 12);
        ck_assert(n > 2 || !done);
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
    }
}
END_TEST

Suite *suite_arena(void)
{
    Suite *suite = suite_create("arena");
    TCase *t = tcase_create("alloc");

    tcase_add_test(t,
                   blocks_are_aligned_to_a_line_and_large_ones_to_a_huge_page);
    tcase_add_test(t, sizes_that_overflow_are_refused);
    tcase_add_test(t, a_budget_lets_n_allocations_pass_and_no_more);
    tcase_add_test(t, no_more_is_given_than_the_machine_has);
    suite_add_tcase(suite, t);

    t = tcase_create("arena");
    tcase_add_test(t, taken_memory_is_aligned_zero_and_zero_again_after_use);
    tcase_add_test(t, doubles_vectors_and_matrices_start_as_nan);
    tcase_add_test(t, a_request_for_nothing_gives_a_pointer);
    tcase_add_test(t, text_is_copied);
    tcase_add_test(t, release_gives_the_same_memory_again_across_chunks);
    tcase_add_test(t, a_warm_loop_allocates_nothing);
    tcase_add_test(t, an_arena_within_another_is_as_large_as_it_was_made);
    tcase_add_test(t, a_kept_large_chunk_serves_a_later_order);
    tcase_add_test(t, live_blocks_never_overlap_under_random_use);
    tcase_add_test(t, an_overflow_fails_sticky_until_the_release_before_it);
    tcase_add_test(t, a_matrix_whose_size_overflows_is_too_large);
    tcase_add_test(t, the_first_failure_is_the_one_reported);
    tcase_add_test(t, each_allocation_fails_once_and_cleanly);
    suite_add_tcase(suite, t);
    return suite;
}
