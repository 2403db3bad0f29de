/* tests/test_gaussian.c -- the language in linear-Gaussian worlds. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/engine_cases.h"
#include "tests/gaussian_lab.h"
#include "tests/suites.h"

enum { SHAPES = 3 };

static const size_t shapes[SHAPES][2] = {{1, 0}, {1, T}, {T, T}};

static elbo_gaussian *compile(const char *text, const lab *l, elbo_arena *arena)
{
    const elbo_scope scope = {.coordinates = true};
    elbo_gaussian *program;
    elbo_expr *expr;
    size_t column;

    case_ok(elbo_expression_parse(text, arena, &expr, &column));
    case_ok(elbo_expression_check(expr, &scope, &column, NULL));
    case_ok(elbo_gaussian_alloc(expr, &l->batch, &program, &column));
    return program;
}

START_TEST(each_expression_is_what_it_says)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    double got[N], total, sum = 0, size = 0;

    for (size_t k = 0; k < SHAPES; k++) {
        if (lab_cases[_i].timeless && shapes[k][1]) continue;
        lab_set_up(l, (unsigned)(3 * _i) + (unsigned)k, shapes[k][0], shapes[k][1]);

        elbo_gaussian *program = compile(lab_cases[_i].text, l, arena);

        case_ok(elbo_gaussian_values(program, l->table, got));
        case_ok(elbo_gaussian_run(program, l->table, &total, NULL));
        sum = size = 0;
        for (size_t i = 0; i < N; i++) {
            const double want = lab_cases[_i].want(l, i);

            ck_assert_msg(fabs(got[i] - want) <= 1e-10 * (1 + fabs(want)),
                          "%s: %.17g, not %.17g", lab_cases[_i].text, got[i], want);
            sum += l->weight[i] * want;
            size += fabs(l->weight[i] * want);
        }
        ck_assert_double_eq_tol(total, sum, 1e-10 * (1 + size));
        elbo_gaussian_free(program);
    }
    elbo_arena_free(arena);
}
END_TEST

/* Entry j of a row and, of a symmetric matrix, its mirror. */
static size_t mirror(elbo_gaussian_table t, size_t width, size_t j)
{
    const size_t n = lab_square(t), row = j / width * width, at = j % width;

    return n ? row + at % n * n + at / n : j;
}

static double nudged(lab *l, elbo_gaussian *program, elbo_gaussian_table t, size_t j,
                     double h)
{
    const size_t k = mirror(t, lab_cols(l, t), j);
    const double a = l->store[t][j], b = l->store[t][k];
    double value;

    l->store[t][j] = a + h;
    l->store[t][k] = b + h;
    case_ok(elbo_gaussian_run(program, l->table, &value, NULL));
    l->store[t][j] = a;
    l->store[t][k] = b;
    return value;
}

START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    double value;

    for (size_t k = 0; k < SHAPES; k++) {
        if (lab_cases[_i].timeless && shapes[k][1]) continue;
        lab_set_up(l, 1000 + (unsigned)_i, shapes[k][0], shapes[k][1]);

        elbo_gaussian *program = compile(lab_cases[_i].text, l, arena);
        double moved = 0;

        case_ok(elbo_gaussian_run(program, l->table, &value, l->slopes));
        for (size_t which = 0; which < ELBO_GAUSSIAN_TABLES; which++) {
            const elbo_gaussian_table t = (elbo_gaussian_table)which;

            for (size_t j = 0; j < lab_rows(l, t) * lab_cols(l, t); j++) {
                const size_t other = mirror(t, lab_cols(l, t), j);
                const double up = nudged(l, program, t, j, h);
                const double down = nudged(l, program, t, j, -h);
                const double got =
                    l->slope[t][j] + (other == j ? 0 : l->slope[t][other]);
                const double want = (up - down) / (2 * h);

                moved = fmax(moved, fabs(want));
                ck_assert_msg(fabs(got - want)
                                  <= 1e-6 * (1 + fabs(want)) + 1e-10 * fabs(value) / h,
                              "%s, table %zu, entry %zu: %.10g, not %.10g",
                              lab_cases[_i].text, which, j, got, want);
            }
        }
        ck_assert_double_gt(moved, 0.01);
        elbo_gaussian_free(program);
    }
    elbo_arena_free(arena);
}
END_TEST

START_TEST(what_is_stopped_has_no_slope_and_can_be_held)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    double value, moved, held;
    elbo_gaussian *program;

    lab_set_up(l, 5, 1, 0);
    program = compile("stop(E(V(y)))*sum(E(y)) + stop(E(V(y)*V(y)))", l, arena);
    case_ok(elbo_gaussian_run(program, l->table, &value, l->slopes));
    for (size_t j = 0; j < NX * NX; j++)
        ck_assert(l->slope[ELBO_GAUSSIAN_V_P][j] == 0
                  && l->slope[ELBO_GAUSSIAN_W][j] == 0);
    ck_assert_double_ne(l->slope[ELBO_GAUSSIAN_M][0], 0);
    elbo_gaussian_hold(program, true);
    l->store[ELBO_GAUSSIAN_V_P][0] += 1;
    case_ok(elbo_gaussian_run(program, l->table, &held, NULL));
    ck_assert_double_eq(held, value);
    elbo_gaussian_hold(program, false);
    case_ok(elbo_gaussian_run(program, l->table, &moved, NULL));
    ck_assert_double_gt(fabs(moved - value), 1e-3);
    elbo_gaussian_free(program);
    elbo_arena_free(arena);
}
END_TEST

/* ---- what has no meaning ---- */

static const struct {
    const char *text, *why;
    size_t column;
    bool staged;
} wrong[] = {
    {"E(abs(sum(y)))", "polynomials alone", 2, false},
    {"logp + E(exp(V(y)))", "polynomials alone", 9, false},
    {"E(V(y)*V(y)*V(y))", "degree 6", 2, false},
    {"E(V(y)^5)", "degree 4", 2, false},
    {"Var(V(y)*sum(y))", "degree 3", 0, false},
    {"E(1/(1 + sq(sum(y))))", "fraction", 2, false},
    {"E(sum(sq(y*y)))", "sum before", 6, false},
    {"E(V(y*y))", "degree 2", 2, false},
    {"-abs(E(V(y)) - Ed(V(next)))", "no two samples", 15, false},
    {"usq(E(V(y), 2) - V(next))", "exact", 0, false},
    {"E(V(y), 5)", "without samples", 0, false},
    {"r*occupancy", "no such word", 2, false},
    {"roll(3, V(y))", "no such word", 0, false},
    {"sq(r - rhat)", "write r", 7, false},
    {"fixed_pi(J)", "no such word", 0, false},
    {"sum(a - s)", "2 and 3 numbers", 4, false},
    {"V(a)", "not an action", 2, false},
    {"E(Epi(Q(s, a)))", "within E", 2, false},
    {"Epi(E(V(y)))", "not averaged", 4, false},
    {"Epi(dot(a, a)*V(next))", "(s, a)", 16, false},
    {"V(next - s)", "this state has none", 0, true},
    {"E(Q(y, a))", "must be s", 2, true},
};
enum { WRONG = sizeof wrong / sizeof *wrong };

START_TEST(what_has_no_meaning_is_refused_at_its_place)
{
    const elbo_scope scope = {.coordinates = true};
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    elbo_gaussian *program;
    elbo_expr *expr;
    size_t column;
    elbo_status s;

    lab_set_up(l, 1, 1, wrong[_i].staged ? T : 0);
    case_ok(elbo_expression_parse(wrong[_i].text, arena, &expr, &column));
    s = elbo_expression_check(expr, &scope, &column, NULL);
    if (s == ELBO_OK) s = elbo_gaussian_alloc(expr, &l->batch, &program, &column);
    ck_assert_msg(s == ELBO_EINVAL, "%s: %s", wrong[_i].text, elbo_status_text(s));
    ck_assert_msg(strstr(elbo_last_error()->text, wrong[_i].why) != NULL, "%s: %s",
                  wrong[_i].text, elbo_last_error()->text);
    ck_assert_msg(column == wrong[_i].column, "%s: column %zu", wrong[_i].text,
                  column);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_value_that_is_not_finite_has_its_place)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    elbo_gaussian *program;
    double value;

    lab_set_up(l, 2, 1, 0);
    for (size_t a = 0; a < NX; a++) l->y[4 * NX + a] = l->x[4 * NX + a];
    program = compile("logp + 1/sum(sq(next - s))", l, arena);
    case_fails(elbo_gaussian_run(program, l->table, &value, NULL), ELBO_ENOTFINITE,
               "column 8, in transition 4");
    elbo_gaussian_free(program);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    const elbo_scope scope = {.coordinates = true};
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    elbo_gaussian *program = NULL;
    elbo_status s = ELBO_ENOMEM;
    elbo_expr *expr;
    size_t column;
    long n = -1;

    lab_set_up(l, 2, T, T);
    case_ok(elbo_expression_parse(lab_cases[_i].text, arena, &expr, &column));
    case_ok(elbo_expression_check(expr, &scope, &column, NULL));
    while (s == ELBO_ENOMEM) {
        elbo_alloc_budget(++n);
        s = elbo_gaussian_alloc(expr, &l->batch, &program, &column);
        elbo_alloc_budget(-1);
    }
    if (!lab_cases[_i].timeless) case_ok(s);
    ck_assert_int_gt(n, 2);
    elbo_gaussian_free(program);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_gaussian(void)
{
    Suite *s = suite_create("gaussian");
    TCase *t = tcase_create("gaussian");

    tcase_add_loop_test(t, each_expression_is_what_it_says, 0, LAB_CASES);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0, LAB_CASES);
    tcase_add_loop_test(t, each_allocation_may_fail, 0, LAB_CASES);
    tcase_add_test(t, what_is_stopped_has_no_slope_and_can_be_held);
    tcase_add_loop_test(t, what_has_no_meaning_is_refused_at_its_place, 0, WRONG);
    tcase_add_test(t, a_value_that_is_not_finite_has_its_place);
    suite_add_tcase(s, t);
    return s;
}
