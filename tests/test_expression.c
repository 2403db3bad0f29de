/* tests/test_expression.c -- the objective language: trees and their texts. */
#include <float.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/language/named.h"
#include "tests/expression_cases.h"
#include "tests/suites.h"

elbo_arena *case_arena;
const elbo_scope case_coordinates = {.coordinates = true, .finite = true};
const elbo_scope case_bare = {.coordinates = false, .finite = true};

void case_expression_set_up(void)
{
    case_arena = elbo_arena_alloc(4096);
    ck_assert_ptr_nonnull(case_arena);
}

void case_expression_tear_down(void)
{
    elbo_arena_free(case_arena);
}

elbo_expr *case_parse_expression(const char *text)
{
    elbo_expr *tree = NULL;
    size_t column = 999;

    ck_assert_msg(elbo_expression_parse(text, case_arena, &tree, &column)
                      == ELBO_OK,
                  "%s: column %zu: %s", text, column, elbo_last_error()->text);
    ck_assert_uint_eq(column, 0);
    return tree;
}

elbo_expr *case_check_expression(const char *text, const elbo_scope *scope)
{
    elbo_expr *tree = case_parse_expression(text);
    size_t column = 999;
    const char *nearest = "unset";

    ck_assert_msg(elbo_expression_check(tree, scope, &column, &nearest)
                      == ELBO_OK,
                  "%s: column %zu: %s", text, column, elbo_last_error()->text);
    ck_assert_uint_eq(column, 0);
    ck_assert_ptr_null(nearest);
    return tree;
}

/* Text that grows to at most DUMP characters. */
enum { DUMP = 1024 };

static void add(char out[DUMP], const char *format, ...)
{
    const size_t n = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + n, DUMP - n, format, args);
    va_end(args);
}

/* The tree in prefix form, if wanted every node with its column: "(-@0 a@0
 * b@4)". */
static void dump(const elbo_expr *e, bool columns, char out[DUMP])
{
    static const char *const signs[] = {
        [ELBO_EXPR_NEG] = "neg", [ELBO_EXPR_ADD] = "+", [ELBO_EXPR_SUB] = "-",
        [ELBO_EXPR_MUL] = "*",   [ELBO_EXPR_DIV] = "/", [ELBO_EXPR_POW] = "^",
    };

    if (e->kind == ELBO_EXPR_NUMBER)
        add(out, "%g", e->number);
    else
        add(out, "%s%s", e->n > 0 ? "(" : "",
            e->name ? e->name : signs[e->kind]);
    if (columns) add(out, "@%zu", e->column);
    for (size_t i = 0; i < e->n; i++) {
        add(out, " ");
        dump(e->arg[i], columns, out);
    }
    if (e->kind == ELBO_EXPR_POW) add(out, " %g", e->number);
    if (e->n > 0) add(out, ")");
}

/* clang-format off */
static const struct grown {
    const char *text, *tree;
} grown[] = {
    {"logp", "logp"},
    {"2.385", "2.385"},
    {"a+b-c", "(- (+ a b) c)"},
    {"a-b+c", "(+ (- a b) c)"},
    {"a-(b-c)", "(- a (- b c))"},
    {"a*b/c", "(/ (* a b) c)"},
    {"a/b*c", "(* (/ a b) c)"},
    {"a/(b*c)", "(/ a (* b c))"},
    {"a+b*c", "(+ a (* b c))"},
    {"(a+b)*c", "(* (+ a b) c)"},
    {"a*b+c*d", "(+ (* a b) (* c d))"},
    {"-a*b", "(* (neg a) b)"},
    {"-(a*b)", "(neg (* a b))"},
    {"-a+b", "(+ (neg a) b)"},
    {"a*-b", "(* a (neg b))"},
    {"a - -b", "(- a (neg b))"},
    {"--a", "(neg (neg a))"},
    {"-x^2", "(neg (^ x 2))"},
    {"(-x)^2", "(^ (neg x) 2)"},
    {"a*x^2", "(* a (^ x 2))"},
    {"x^-1.5*a", "(* (^ x -1.5) a)"},
    {"(x^2)^3", "(^ (^ x 2) 3)"},
    {"(a+b)^0.5", "(^ (+ a b) 0.5)"},
    {"f(a)^2", "(^ (f a) 2)"},
    {"2^3", "(^ 2 3)"},
    {"f(a)", "(f a)"},
    {"f ( a , b+c , g(d) )", "(f a (+ b c) (g d))"},
    {"((((a))))", "a"},
    {"1e3*1E-2+.5", "(+ (* 1000 0.01) 0.5)"},
    {"_x1+V_then(B2)", "(+ _x1 (V_then B2))"},
    {"-0.5*sq(E(V(y)) - V(next))", "(* (neg 0.5) (sq (- (E (V y)) (V next))))"},
    {"-0.5*sq(Q(s,a) - (r + gamma*Ed(V(next))))",
     "(* (neg 0.5) (sq (- (Q s a) (+ r (* gamma (Ed (V next)))))))"},
};
/* clang-format on */
enum { GROWN = sizeof grown / sizeof *grown };

START_TEST(a_text_grows_into_the_tree_that_its_grammar_says)
{
    char got[DUMP] = "";

    dump(case_parse_expression(grown[_i].text), false, got);
    ck_assert_str_eq(got, grown[_i].tree);
}
END_TEST

START_TEST(every_node_knows_its_first_character)
{
    char got[DUMP] = "";

    dump(case_parse_expression(" -x^2 * (a +\tf(b, 7)) - (c)"), true, got);
    ck_assert_str_eq(got, "(-@1 (*@1 (neg@1 (^@2 x@2 2)) (+@9 a@9 (f@13 b@15 "
                          "7@18))) c@25)");
    got[0] = '\0';
    dump(case_parse_expression("(a+b)*c"), true, got);
    ck_assert_str_eq(got, "(*@0 (+@1 a@1 b@3) c@6)");
}
END_TEST

/* clang-format off */
static const struct canonical {
    const char *text, *form;
} canonical[] = {
    {"a+b-c", "a + b - c"},
    {"(a+b)-(c)", "a + b - c"},
    {"a-(b+c)", "a - (b + c)"},
    {"a+(b+c)", "a + (b + c)"},
    {"(a*b)*c", "a*b*c"},
    {"a*(b*c)", "a*(b*c)"},
    {"a/(b/c)", "a/(b/c)"},
    {"(a+b)*(c)", "(a + b)*c"},
    {"a*(-b)", "a*-b"},
    {"a-(-b)", "a - -b"},
    {"-(-a)", "--a"},
    {"-(a+b)", "-(a + b)"},
    {"-(a*b)", "-(a*b)"},
    {"(-a)*b", "-a*b"},
    {"-(x^2)", "-x^2"},
    {"(-x)^2", "(-x)^2"},
    {"(x^2)^3", "(x^2)^3"},
    {"x ^ - 2", "x^-2"},
    {"x^-0", "x^0"},
    {"f( a,b )", "f(a, b)"},
    {"f((a+b))", "f(a + b)"},
    {"(f(a))^2", "f(a)^2"},
    {"0.50", "0.5"},
    {".5", "0.5"},
    {"1E+3", "1000"},
    {"007", "7"},
    {"0e99", "0"},
    {"0.1", "0.1"},
    {"2.385e0", "2.385"},
    {"1e23", "1e23"},
    {"1e15", "1e15"},
    {"1e14", "100000000000000"},
    {"123456.789", "123456.789"},
    {"0.00001", "0.00001"},
    {"0.000001", "1e-6"},
    {"0.0000012385", "1.2385e-6"},
    {"9007199254740993", "9.007199254740992e15"},
    {"1.7976931348623157e308", "1.7976931348623157e308"},
    {"5e-324", "5e-324"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"100000000000000000000000000000000e-32", "1"},
};
/* clang-format on */
enum { CANONICAL = sizeof canonical / sizeof *canonical };

START_TEST(the_canonical_text_has_no_needless_sign)
{
    const elbo_expr *tree = case_parse_expression(canonical[_i].text);

    ck_assert_str_eq(elbo_expression_text(tree, case_arena),
                     canonical[_i].form);
    tree = case_parse_expression(canonical[_i].form);
    ck_assert_str_eq(elbo_expression_text(tree, case_arena),
                     canonical[_i].form);
}
END_TEST

START_TEST(numbers_are_the_nearest_doubles_in_any_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8",
                                          "cs_CZ.UTF-8"};
    static const struct {
        const char *text;
        double x;
    } numbers[] = {
        {"2.385",                                 2.385                  },
        {"0.1e1",                                 0.1e1                  },
        {"179769313486231570e291",                DBL_MAX                },
        {"2.2250738585072011e-308",               2.2250738585072011e-308},
        {"2.2250738585072014e-308",               DBL_MIN                },
        {"4.35",                                  4.35                   },
        {"123456789012345678",                    123456789012345678.0   },
        {"3.14159265358979323846264338327950288", 3.141592653589793      },
        {"0.0000000000000000000000000000000123",  1.23e-32               },
        {"12300000000000000000000000000000e-31",  1.23                   },
    };

    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        if (!setlocale(LC_ALL, locales[i])) continue; /* not installed */
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
            const elbo_expr *e = case_parse_expression(numbers[j].text);

            ck_assert_msg(e->number == numbers[j].x, "%s", numbers[j].text);
            e = case_parse_expression(elbo_expression_text(e, case_arena));
            ck_assert_msg(e->number == numbers[j].x, "%s", numbers[j].text);
        }
    }
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(a_parse_that_fails_leaves_the_arena_as_it_was)
{
    const elbo_mark before = elbo_arena_mark(case_arena);
    elbo_expr *tree = NULL;
    size_t column;

    ck_assert_int_eq(
        elbo_expression_parse("f(a, b) + (c*2.385", case_arena, &tree, &column),
        ELBO_EINVAL);

    const elbo_mark after = elbo_arena_mark(case_arena);

    ck_assert(before.chunk == after.chunk && before.used == after.used);
    ck_assert_ptr_null(tree);
}
END_TEST

/* Parse, write and match under a budget of allocations. */
static elbo_status whole_way(const char *text)
{
    elbo_arena *arena = elbo_arena_alloc(64);
    elbo_status s = ELBO_ENOMEM;
    elbo_expr *tree;
    const elbo_named *named;
    size_t column;

    if (arena) s = elbo_expression_parse(text, arena, &tree, &column);
    if (s == ELBO_OK)
        s = elbo_expression_check(tree, &case_coordinates, &column, NULL);
    if (s == ELBO_OK && !elbo_expression_text(tree, arena)) s = ELBO_ENOMEM;
    if (s == ELBO_OK) s = elbo_named_match(tree, arena, &named);
    elbo_arena_free(arena);
    return s;
}

START_TEST(every_allocation_may_fail_once)
{
    const char *text = "-0.5*sum(sq(stop(gradV(next))*(E(y) - next)))^1.5";
    elbo_status s;
    long n = 0;

    do {
        elbo_alloc_budget(n++);
        s = whole_way(text);
        elbo_alloc_budget(-1);
    } while (s == ELBO_ENOMEM);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 10);
}
END_TEST

START_TEST(without_memory_a_wrong_name_only_loses_its_suggestion)
{
    elbo_expr *tree = case_parse_expression("lgop");
    const char *nearest = NULL;
    size_t column;

    ck_assert_int_eq(elbo_expression_check(tree, &case_bare, &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_str_eq(nearest, "logp");
    elbo_alloc_budget(0);
    ck_assert_int_eq(elbo_expression_check(tree, &case_bare, &column, &nearest),
                     ELBO_EINVAL);
    elbo_alloc_budget(-1);
    ck_assert_ptr_null(nearest);
}
END_TEST

static TCase *tcase_trees(void)
{
    TCase *t = tcase_create("trees");

    tcase_add_checked_fixture(t, case_expression_set_up,
                              case_expression_tear_down);
    tcase_add_loop_test(t, a_text_grows_into_the_tree_that_its_grammar_says, 0,
                        GROWN);
    tcase_add_test(t, every_node_knows_its_first_character);
    tcase_add_loop_test(t, the_canonical_text_has_no_needless_sign, 0,
                        CANONICAL);
    tcase_add_test(t, numbers_are_the_nearest_doubles_in_any_locale);
    tcase_add_test(t, a_parse_that_fails_leaves_the_arena_as_it_was);
    tcase_add_test(t, every_allocation_may_fail_once);
    tcase_add_test(t, without_memory_a_wrong_name_only_loses_its_suggestion);
    return t;
}

Suite *suite_expression(void)
{
    Suite *s = suite_create("expression");

    suite_add_tcase(s, tcase_trees());
    suite_add_tcase(s, tcase_expression_types());
    suite_add_tcase(s, tcase_expression_wrong());
    suite_add_tcase(s, tcase_expression_random());
    suite_add_tcase(s, tcase_expression_named());
    return s;
}
