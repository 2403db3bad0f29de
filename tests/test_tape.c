/* tests/test_tape.c -- the tape as a whole: runs, memory, failures. */
#include "inference/core/tape.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/suites.h"
#include "tests/tape_cases.h"

/* y = x'A x / 2 in numbers that add and multiply exactly: gradient A x, product
 * A v, and z = A x is worth x / 2 to y. */
START_TEST(a_quadratic_has_its_gradient_and_hessian_exactly)
{
    const double A[] = {2, -1, 0.5, -1, 3, 0.25, 0.5, 0.25, -4};
    const double x[] = {1, -2, 4}, v[] = {0.5, 8, -1};
    const double Ax[] = {6, -6, -16}, Av[] = {-7.5, 23.25, 6.25};

    for (int p = ELBO_F64; p <= ELBO_F32; p++) {
        elbo_tape *t = elbo_tape_alloc((elbo_precision)p);
        const elbo_node a = elbo_tape_constant(t, 3, 3);
        const elbo_node in = elbo_tape_input(t, 3, 1);
        const elbo_node z = elbo_tape_matmul(t, a, false, in, false);
        const elbo_node y =
            elbo_tape_binary(t, ELBO_MUL, elbo_tape_number(t, 0.5),
                             elbo_tape_matmul(t, in, true, z, false));
        double out[9];

        ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
        elbo_tape_set(t, a, A);
        elbo_tape_set(t, in, x);
        elbo_tape_forward(t);
        elbo_tape_get(t, y, out);
        ck_assert(out[0] == -23);
        elbo_tape_backward(t, y);
        elbo_tape_gradient(t, in, out);
        for (size_t i = 0; i < 3; i++) ck_assert(out[i] == Ax[i]);
        elbo_tape_gradient(t, z, out);
        for (size_t i = 0; i < 3; i++) ck_assert(out[i] == x[i] / 2);
        elbo_tape_gradient(t, a, out);
        for (size_t i = 0; i < 9; i++) ck_assert(out[i] == 0);
        elbo_tape_direction(t, in, v);
        elbo_tape_hessian(t, y);
        elbo_tape_product(t, in, out);
        for (size_t i = 0; i < 3; i++) ck_assert(out[i] == Av[i]);
        elbo_tape_free(t);
    }
}
END_TEST

START_TEST(a_stopped_value_is_held_in_both_derivatives)
{
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node x = elbo_tape_input(t, 1, 2);
    const elbo_node held = elbo_tape_unary(t, ELBO_STOP, x);
    const elbo_node y = elbo_tape_sum(
        t, elbo_tape_binary(t, ELBO_MUL, elbo_tape_unary(t, ELBO_SQ, x), held),
        ELBO_ALL);
    const double at[] = {2.5, -3}, v[] = {1, 4};
    double out[2];

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, x, at);
    elbo_tape_forward(t);
    elbo_tape_backward(t, y);
    elbo_tape_gradient(t, x, out); /* 2 x stop(x) */
    ck_assert(out[0] == 12.5 && out[1] == 18);
    elbo_tape_gradient(t, held, out);
    ck_assert(out[0] == 0 && out[1] == 0);
    elbo_tape_direction(t, x, v);
    elbo_tape_hessian(t, y);
    elbo_tape_product(t, x, out); /* 2 v stop(x) */
    ck_assert(out[0] == 5 && out[1] == -24);
    elbo_tape_free(t);
}
END_TEST

/* One tape, several results: each backward is about its own y alone. */
START_TEST(what_a_result_does_not_depend_on_has_derivative_zero)
{
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node x = elbo_tape_input(t, 1, 1), z = elbo_tape_input(t, 1, 1);
    const elbo_node ex = elbo_tape_unary(t, ELBO_SQ, x);
    const elbo_node both = elbo_tape_binary(t, ELBO_MUL, ex, z);
    double out, at;

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, x, (at = 3, &at));
    elbo_tape_set(t, z, (at = 2.5, &at));
    elbo_tape_direction(t, z, (at = 1, &at));
    elbo_tape_forward(t);
    elbo_tape_backward(t, both);
    elbo_tape_gradient(t, z, &out);
    ck_assert(out == 9);
    elbo_tape_hessian(t, both);
    elbo_tape_product(t, x, &out); /* 2 x, along z */
    ck_assert(out == 6);
    elbo_tape_backward(t, ex);
    elbo_tape_gradient(t, x, &out);
    ck_assert(out == 6);
    elbo_tape_gradient(t, z, &out);
    ck_assert(out == 0);
    elbo_tape_gradient(t, both, &out);
    ck_assert(out == 0);
    elbo_tape_hessian(t, ex);
    elbo_tape_product(t, z, &out);
    ck_assert(out == 0);
    elbo_tape_backward(t, x);
    elbo_tape_gradient(t, x, &out);
    ck_assert(out == 1);
    elbo_tape_free(t);
}
END_TEST

static void all_of(const graph *g, const double x[], double out[])
{
    out[0] = graph_value(g, x);
    graph_gradient(g, out + 1);
    graph_product(g, x, out + 1 + g->n);
}

START_TEST(a_second_run_gives_the_same_bits_and_allocates_nothing)
{
    static double first[2 * TAPE_MOST + 1], other[2 * TAPE_MOST + 1];
    static double again[2 * TAPE_MOST + 1];

    for (uint64_t seed = 0; seed < 20; seed++) {
        double x[TAPE_MOST], away[TAPE_MOST];
        graph g;

        tape_random(&g, seed, seed & 1 ? ELBO_F32 : ELBO_F64);
        graph_point(&g, 1, x);
        graph_point(&g, 2, away);
        const unsigned long before = elbo_alloc_count();
        all_of(&g, x, first);
        all_of(&g, away, other);
        all_of(&g, x, again);
        ck_assert_uint_eq(elbo_alloc_count(), before);
        ck_assert_mem_eq(first, again, (2 * g.n + 1) * sizeof *first);
        ck_assert(first[0] != other[0]);
        graph_free(&g);
    }
}
END_TEST

/* y = x^2 at the new x, with both its derivatives; z = y + 1 as it was. */
START_TEST(a_run_to_a_node_leaves_what_comes_after_it)
{
    static const double x0 = 1.5, x1 = -2.25, one = 1;
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);
    const elbo_node x = elbo_tape_input(tape, 1, 1);
    const elbo_node y = elbo_tape_unary(tape, ELBO_SQ, x);
    const elbo_node z =
        elbo_tape_binary(tape, ELBO_ADD, y, elbo_tape_number(tape, 1));
    double got[4];

    ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
    elbo_tape_set(tape, x, &x0);
    elbo_tape_forward(tape);
    elbo_tape_set(tape, x, &x1);
    elbo_tape_forward_to(tape, y);
    elbo_tape_get(tape, y, &got[0]);
    elbo_tape_get(tape, z, &got[1]);
    elbo_tape_backward(tape, y);
    elbo_tape_gradient(tape, x, &got[2]);
    elbo_tape_direction(tape, x, &one);
    elbo_tape_hessian(tape, y);
    elbo_tape_product(tape, x, &got[3]);
    ck_assert_double_eq(got[0], x1 * x1);
    ck_assert_double_eq(got[1], x0 * x0 + 1);
    ck_assert_double_eq(got[2], 2 * x1);
    ck_assert_double_eq(got[3], 2);
    elbo_tape_forward(tape);
    elbo_tape_get(tape, z, &got[1]);
    ck_assert_double_eq(got[1], x1 * x1 + 1);
    elbo_tape_free(tape);
}
END_TEST

START_TEST(tapes_on_two_threads_give_the_bits_of_one)
{
    enum { GRAPHS = 16 };
    graph g[GRAPHS];
    double x[GRAPHS][64], alone[GRAPHS][129], together[GRAPHS][129];

    for (size_t i = 0; i < GRAPHS; i++) {
        tape_random(&g[i], i, i & 1 ? ELBO_F32 : ELBO_F64);
        ck_assert_uint_le(g[i].n, 64);
        graph_point(&g[i], i, x[i]);
        all_of(&g[i], x[i], alone[i]);
    }
#pragma omp parallel for num_threads(2)
    for (size_t i = 0; i < GRAPHS; i++) all_of(&g[i], x[i], together[i]);
    for (size_t i = 0; i < GRAPHS; i++) {
        ck_assert_mem_eq(alone[i], together[i],
                         (2 * g[i].n + 1) * sizeof(double));
        graph_free(&g[i]);
    }
}
END_TEST

START_TEST(the_first_value_that_is_not_finite_is_found)
{
    elbo_tape *t = elbo_tape_alloc(ELBO_F32);
    const elbo_node x = elbo_tape_input(t, 2, 3);
    const elbo_node l = elbo_tape_unary(t, ELBO_LOG, x);
    const double good[] = {1, 2, 3, 4, 5, 6.5}, zero[] = {1, 2, 3, 4, 0, 0};
    const elbo_node e = elbo_tape_unary(t, ELBO_EXP, l);
    size_t entry = 99;

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_forward(t); /* an input that was never set */
    ck_assert_uint_eq(elbo_tape_not_finite(t, &entry), x);
    ck_assert_uint_eq(entry, 0);
    elbo_tape_set(t, x, zero);
    elbo_tape_forward(t);
    ck_assert_uint_eq(elbo_tape_not_finite(t, &entry), l);
    ck_assert_uint_eq(entry, 4);
    elbo_tape_set(t, x, good);
    elbo_tape_forward(t);
    ck_assert_uint_eq(elbo_tape_not_finite(t, &entry), e + 1);
    elbo_tape_free(t);
}
END_TEST

START_TEST(nothing_is_summed_and_multiplied_to_zero)
{
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node x = elbo_tape_input(t, 3, 2);
    const elbo_node none = elbo_tape_gather(t, x, NULL, 0);
    const elbo_node thin = elbo_tape_reshape(t, none, 2, 0);
    const elbo_node o[] = {elbo_tape_sum(t, none, ELBO_COLS),
                           elbo_tape_sum(t, thin, ELBO_ROWS),
                           elbo_tape_matmul(t, none, true, none, false),
                           elbo_tape_logsumexp(t, thin)};
    const elbo_node y = elbo_tape_sum(t, o[2], ELBO_ALL);
    const double at[6] = {1, 2, 3, 4, 5, 6.385};
    double out[6];

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, x, at);
    elbo_tape_direction(t, x, at);
    elbo_tape_forward(t);
    for (size_t k = 0; k < 3; k++) {
        elbo_tape_get(t, o[k], out);
        ck_assert(out[0] == 0 && out[1] == 0);
    }
    elbo_tape_get(t, o[3], out);
    ck_assert(out[0] == -HUGE_VAL && out[1] == -HUGE_VAL);
    elbo_tape_backward(t, y);
    elbo_tape_hessian(t, y);
    elbo_tape_product(t, x, out);
    for (size_t i = 0; i < 6; i++) ck_assert(out[i] == 0);
    elbo_tape_gradient(t, x, out);
    for (size_t i = 0; i < 6; i++) ck_assert(out[i] == 0);
    elbo_tape_free(t);
}
END_TEST

/* More nodes than the first room holds; every kind after the failure too. */
static elbo_tape *build_much(size_t rows, size_t cols)
{
    static const uint32_t index[] = {0, 0};
    static const size_t start[] = {0, 1, 1};
    elbo_tape *t = elbo_tape_alloc(ELBO_F32);

    if (!t) return NULL;

    elbo_node x = elbo_tape_input(t, rows, cols);

    for (size_t i = 0; i < 40; i++)
        x = elbo_tape_unary(t, i == 7 ? ELBO_STOP : ELBO_TANH, x);
    x = elbo_tape_pow(t, elbo_tape_clip(t, x, 0, 1), 2.385);
    x = elbo_tape_binary(t, ELBO_ADD, x, elbo_tape_number(t, 1));
    x = elbo_tape_rowmax(t, elbo_tape_gather(t, x, index, 2));
    x = elbo_tape_logsumexp(t, elbo_tape_segments(t, x, start, 2));
    x = elbo_tape_matmul(t, x, true, x, false);
    x = elbo_tape_sum(t, elbo_tape_reshape(t, x, 1, 1), ELBO_ALL);
    ck_assert_uint_eq(elbo_tape_rows(t, x), 1);
    ck_assert_uint_eq(elbo_tape_cols(t, x), 1);
    return t;
}

START_TEST(each_allocation_that_fails_is_told)
{
    elbo_status s;
    long n = 0;

    do {
        elbo_alloc_budget(n++);
        elbo_tape *t = build_much(30, 50);
        s = t ? elbo_tape_finish(t) : ELBO_ENOMEM;
        if (t && s != ELBO_OK)
            ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "tape: "));
        elbo_tape_free(t);
        elbo_alloc_budget(-1);
    } while (s == ELBO_ENOMEM);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 4);
}
END_TEST

START_TEST(sizes_that_are_too_large_are_told_with_the_shape)
{
    const size_t half = SIZE_MAX / 2;
    elbo_tape *t = build_much(half, 3);

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_ESIZE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, " x 3 is too large"));
    elbo_tape_free(t);

    t = build_much(half, 1); /* entries can be counted, bytes cannot */
    ck_assert_int_eq(elbo_tape_finish(t), ELBO_ESIZE);
    elbo_tape_free(t);

    t = elbo_tape_alloc(ELBO_F64); /* a product that CBLAS cannot count */
    elbo_tape_matmul(t, elbo_tape_input(t, (size_t)INT_MAX + 1, 0), false,
                     elbo_tape_input(t, 0, 1), false);
    ck_assert_int_eq(elbo_tape_finish(t), ELBO_ESIZE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "2147483648 x 0"));
    elbo_tape_free(t);

    t = elbo_tape_alloc(ELBO_F64);
    elbo_tape_reshape(t, elbo_tape_input(t, 1, 1), half, 3);
    ck_assert_int_eq(elbo_tape_finish(t), ELBO_ESIZE);
    elbo_tape_free(t);
    elbo_tape_free(NULL);
}
END_TEST

/* A leaf that is pointed at reads the array at each run; nothing is kept. */
START_TEST(a_leaf_may_be_an_array_that_the_caller_keeps)
{
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node u = elbo_tape_input(t, 1, 3), w = elbo_tape_input(t, 1, 3);
    const elbo_node y =
        elbo_tape_sum(t, elbo_tape_unary(t, ELBO_SQ, u), ELBO_ALL);
    double x[] = {1, -2, 4}, out;

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_point(t, u, x);
    for (size_t run = 0; run < 2; run++) {
        elbo_tape_forward(t);
        elbo_tape_get(t, y, &out);
        ck_assert(out == 20 + x[0] * x[0]);
        elbo_tape_backward(t, y);
        ck_assert_ptr_null(elbo_tape_adjoint(t, w));
        for (size_t i = 0; i < 3; i++)
            ck_assert(elbo_tape_adjoint(t, u)[i] == 2 * x[i]);
        x[0] = 3;
    }
    elbo_tape_free(t);
}
END_TEST

START_TEST(a_tape_may_live_in_an_arena_that_outlives_its_free)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 10);
    elbo_tape *const t = elbo_tape_place(ELBO_F32, arena);
    const elbo_node x = elbo_tape_input(t, 1, 2);
    const elbo_node y = elbo_tape_unary(t, ELBO_SQ, x);
    const double in[] = {3, -0.5};
    double out[2];

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_free(t);
    elbo_tape_set(t, x, in);
    elbo_tape_forward(t);
    elbo_tape_get(t, y, out);
    ck_assert(out[0] == 9 && out[1] == 0.25);
    elbo_arena_free(arena);
}
END_TEST

/* A part of a graph knows its leaves before the whole is finished. */
START_TEST(a_leaf_may_point_before_its_graph_is_finished)
{
    elbo_arena *arena = elbo_arena_alloc(64);
    elbo_tape *t = elbo_tape_place(ELBO_F64, arena);
    const double x[] = {1, -2, 4};
    const elbo_node u = elbo_tape_input(t, 1, 3);
    double out;

    elbo_tape_point(t, u, x);
    const elbo_node y =
        elbo_tape_sum(t, elbo_tape_unary(t, ELBO_SQ, u), ELBO_ALL);

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_forward(t);
    elbo_tape_get(t, y, &out);
    ck_assert(out == 21);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_tape(void)
{
    Suite *suite = suite_create("tape");
    TCase *t = tcase_create("tape");


    tcase_add_test(t, a_leaf_may_point_before_its_graph_is_finished);
    tcase_add_test(t, a_quadratic_has_its_gradient_and_hessian_exactly);
    tcase_add_test(t, a_stopped_value_is_held_in_both_derivatives);
    tcase_add_test(t, what_a_result_does_not_depend_on_has_derivative_zero);
    tcase_add_test(t, a_second_run_gives_the_same_bits_and_allocates_nothing);
    tcase_add_test(t, a_run_to_a_node_leaves_what_comes_after_it);
    tcase_add_test(t, tapes_on_two_threads_give_the_bits_of_one);
    tcase_add_test(t, the_first_value_that_is_not_finite_is_found);
    tcase_add_test(t, nothing_is_summed_and_multiplied_to_zero);
    tcase_add_test(t, each_allocation_that_fails_is_told);
    tcase_add_test(t, sizes_that_are_too_large_are_told_with_the_shape);
    tcase_add_test(t, a_leaf_may_be_an_array_that_the_caller_keeps);
    tcase_add_test(t, a_tape_may_live_in_an_arena_that_outlives_its_free);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, tape_values());
    suite_add_tcase(suite, tape_derivatives());
    return suite;
}
