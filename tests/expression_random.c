/* tests/expression_random.c -- random trees there and back, mutations, and
 * texts of hostile sizes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/explog.h"
#include "inference/core/rng.h"
#include "inference/language/named.h"
#include "tests/expression_cases.h"

/* A finite number of any size and any number of digits; no sign. */
static double random_number(elbo_rng *rng)
{
    static const double plain[] = {0, 1, 2, 0.5, 2.385, 0.1, 1e-7, 1e21};

    if (elbo_rng_below(rng, 2))
        return plain[elbo_rng_below(rng, sizeof plain / sizeof *plain)];
    for (;;) {
        const uint64_t high = elbo_rng_u32(rng);
        const double x = fabs(elbo_from_bits(high << 32 | elbo_rng_u32(rng)));

        if (isfinite(x)) return x;
    }
}

static elbo_expr *random_tree(elbo_rng *rng, size_t height)
{
    static const size_t arguments[] = {
        [ELBO_EXPR_NEG] = 1, [ELBO_EXPR_ADD] = 2, [ELBO_EXPR_SUB] = 2,
        [ELBO_EXPR_MUL] = 2, [ELBO_EXPR_DIV] = 2, [ELBO_EXPR_POW] = 1,
    };
    elbo_expr *e = elbo_arena_take(case_arena, 1, sizeof *e);

    e->kind = (elbo_expr_kind)elbo_rng_below(
        rng, height > 1 ? ELBO_EXPR_POW + 1 : ELBO_EXPR_NAME + 1);
    e->n = e->kind == ELBO_EXPR_CALL ? 1 + elbo_rng_below(rng, 3)
                                     : arguments[e->kind];
    e->arg = elbo_arena_take(case_arena, e->n, sizeof *e->arg);
    if (e->kind == ELBO_EXPR_NUMBER || e->kind == ELBO_EXPR_POW)
        e->number = random_number(rng);
    if (e->kind == ELBO_EXPR_POW && e->number > 0 && elbo_rng_below(rng, 2))
        e->number = -e->number;
    if (e->kind == ELBO_EXPR_NAME || e->kind == ELBO_EXPR_CALL)
        e->name = elbo_words[elbo_rng_below(rng, 20)].name;
    for (size_t i = 0; i < e->n; i++) e->arg[i] = random_tree(rng, height - 1);
    return e;
}

static bool equal(const elbo_expr *a, const elbo_expr *b)
{
    if (a->kind != b->kind || a->n != b->n || a->number != b->number
        || !a->name != !b->name || (a->name && strcmp(a->name, b->name) != 0))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!equal(a->arg[i], b->arg[i])) return false;
    return true;
}

/* Every leaf and call begins where its column says. */
static bool columns_fit(const elbo_expr *e, const char *text)
{
    if (e->name && strncmp(text + e->column, e->name, strlen(e->name)) != 0)
        return false;
    if (e->kind == ELBO_EXPR_NUMBER
        && strtod(text + e->column, NULL) != e->number)
        return false;
    for (size_t i = 0; i < e->n; i++)
        if (e->arg[i]->column < e->column || !columns_fit(e->arg[i], text))
            return false;
    return true;
}

START_TEST(a_random_tree_is_its_text_parsed)
{
    elbo_rng rng = elbo_rng_stream(2385, "trees", (uint64_t)_i);

    for (int k = 0; k < 500; k++) {
        const elbo_mark mark = elbo_arena_mark(case_arena);
        const elbo_expr *tree = random_tree(&rng, 1 + elbo_rng_below(&rng, 6));
        const char *text = elbo_expression_text(tree, case_arena);
        const elbo_expr *back = case_parse_expression(text);

        ck_assert_msg(equal(tree, back), "%s", text);
        ck_assert_msg(columns_fit(back, text), "%s", text);
        ck_assert_str_eq(elbo_expression_text(back, case_arena), text);
        elbo_arena_release(case_arena, mark);
    }
}
END_TEST

/* Parentheses that the canonical text has are all needed: without any one pair
 * the text is wrong or another tree. */
START_TEST(no_parentheses_of_a_canonical_text_can_go)
{
    elbo_rng rng = elbo_rng_stream(2385, "parentheses", 0);
    size_t pairs = 0;

    for (int k = 0; k < 3000; k++) {
        const elbo_mark mark = elbo_arena_mark(case_arena);
        const elbo_expr *tree = random_tree(&rng, 1 + elbo_rng_below(&rng, 4));
        char *text =
            elbo_arena_text(case_arena, elbo_expression_text(tree, case_arena));

        for (size_t i = 0; text[i]; i++) {
            size_t depth = 1, j = i, column;
            elbo_expr *other;

            if (text[i] != '(' || (i > 0 && strchr("_", text[i - 1]))) continue;
            while (depth > 0) {
                j++;
                depth += text[j] == '(';
                depth -= text[j] == ')';
            }
            text[i] = text[j] = ' ';
            pairs++;
            ck_assert(elbo_expression_parse(text, case_arena, &other, &column)
                          != ELBO_OK
                      || !equal(other, tree));
            text[i] = '(';
            text[j] = ')';
        }
        elbo_arena_release(case_arena, mark);
    }
    ck_assert_uint_gt(pairs, 1000);
}
END_TEST

static void mutate(elbo_rng *rng, char *text, size_t room)
{
    static const char bytes[] =
        "()+-*/^,. eE019yVsran_\t\n\x01\x80\xff=E(V(y))";

    for (size_t k = 1 + elbo_rng_below(rng, 4); k > 0; k--) {
        const size_t n = strlen(text), i = elbo_rng_below(rng, n + 1);
        const size_t length = elbo_rng_below(rng, n - i + 1);
        const char byte = bytes[elbo_rng_below(rng, sizeof bytes - 1)];

        switch (elbo_rng_below(rng, 4)) {
        case 0: /* replace */
            if (i < n) text[i] = byte;
            break;
        case 1: /* insert */
            if (n + 1 < room) {
                memmove(text + i + 1, text + i, n - i + 1);
                text[i] = byte;
            }
            break;
        case 2: /* cut out */
            memmove(text + i, text + i + length, n - i - length + 1);
            break;
        default: /* say twice */
            if (n + length < room) {
                memmove(text + i + length, text + i, n - i + 1);
            }
        }
    }
}

/* What is accepted has a text that says the same; what is refused, a place in
 * the text. */
static void try_text(const char *text)
{
    const size_t n = strlen(text);
    elbo_expr *tree, *again;
    size_t column = 999;

    if (elbo_expression_parse(text, case_arena, &tree, &column) != ELBO_OK) {
        ck_assert_msg(column <= n, "%s: %zu", text, column);
        return;
    }
    again = case_parse_expression(elbo_expression_text(tree, case_arena));
    ck_assert_msg(equal(tree, again), "%s", text);
    for (unsigned k = 0; k < 4; k++) {
        const elbo_scope scope = {.coordinates = k & 1, .finite = k & 2};
        const char *nearest = NULL;
        const elbo_status s =
            elbo_expression_check(tree, &scope, &column, &nearest);

        if (s == ELBO_OK) {
            ck_assert_msg(!(tree->depends & ELBO_ON_Y), "%s", text);
            ck_assert_int_eq(tree->type, ELBO_TYPE_SCALAR);
        } else {
            ck_assert_int_eq(s, ELBO_EINVAL);
            ck_assert_msg(column < n, "%s: %zu", text, column);
        }
    }
}

START_TEST(no_mutation_of_an_objective_crashes)
{
    enum { ROOM = 512 };
    elbo_rng rng = elbo_rng_stream(2385, "mutations", (uint64_t)_i);
    size_t n = 0;

    while (elbo_named_objectives[n].name) n++;
    for (int k = 0; k < 5000; k++) {
        const elbo_mark mark = elbo_arena_mark(case_arena);
        char text[ROOM];

        snprintf(text, sizeof text, "%s",
                 elbo_named_objectives[elbo_rng_below(&rng, n)].formula);
        mutate(&rng, text, sizeof text);
        try_text(text);
        elbo_arena_release(case_arena, mark);
    }
}
END_TEST

/* `before` n times, then "r", then `after` n times. */
static char *repeat(const char *before, const char *after, size_t n)
{
    const size_t nb = strlen(before), na = strlen(after);
    char *text = elbo_arena_take(case_arena, n * (nb + na) + 2, 1), *t = text;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++, t += nb) memcpy(t, before, nb);
    *t++ = 'r';
    for (size_t i = 0; i < n; i++, t += na) memcpy(t, after, na);
    return text;
}

static void refuse(const char *text, size_t place, const char *why)
{
    elbo_expr *tree;
    size_t column = 0;

    ck_assert_int_eq(elbo_expression_parse(text, case_arena, &tree, &column),
                     ELBO_EINVAL);
    ck_assert_str_eq(elbo_last_error()->text, why);
    ck_assert_uint_eq(column, place);
}

START_TEST(depth_is_limited_where_the_header_says)
{
    static const char deep[] = "nested more than 256 deep";
    static const char chain[] = "more than 255 operations in a chain";

    case_parse_expression(repeat("(", ")", 256));
    refuse(repeat("(", ")", 257), 256, deep);
    refuse(repeat("(", ")", 10000), 256, deep);
    refuse(repeat("(", "", 10000), 256, deep);
    case_check_expression(repeat("-", "", 255), &case_bare);
    refuse(repeat("-", "", 10000), 256, deep);
    case_check_expression(repeat("exp(", ")", 255), &case_bare);
    refuse(repeat("exp(", ")", 256), 0, chain);
    refuse(repeat("exp(", ")", 10000), 4 * 256 + 3, deep);
    case_check_expression(repeat("", "-r", 255), &case_bare);
    refuse(repeat("", "-r", 256), 1 + 2 * 255, chain);
    refuse(repeat("", "*r", 100000), 1 + 2 * 255, chain);
    refuse(repeat("r + (", ")", 10000), 5 * 256 + 4, deep);
}
END_TEST

START_TEST(what_is_closed_no_longer_counts_as_deep)
{
    case_check_expression(repeat("", " - --((exp(exp(r))))", 200), &case_bare);
}
END_TEST

START_TEST(an_exponent_may_undo_many_zeros)
{
    enum { ZEROS = 20000 };
    char *text = elbo_arena_take(case_arena, ZEROS + 16, 1);

    memset(text, '0', ZEROS + 2);
    text[1] = '.';
    memcpy(text + ZEROS + 2, "1e20001", 8);
    ck_assert(case_parse_expression(text)->number == 1);
}
END_TEST

START_TEST(the_highest_tree_has_a_text_that_parses)
{
    const char *shapes[][2] = {
        {"-(r+", ")"  },
        {"(-",   ")^2"},
        {"(r-",  ")*2"},
        {"2/(",  "*r)"}
    };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const elbo_expr *tree = case_check_expression(
            repeat(shapes[i][0], shapes[i][1], 127), &case_bare);
        const char *text = elbo_expression_text(tree, case_arena);

        ck_assert(equal(tree, case_parse_expression(text)));
    }
}
END_TEST

START_TEST(a_text_of_a_mebibyte_is_read_and_a_longer_one_is_not)
{
    char *text = elbo_arena_take(case_arena, ELBO_EXPRESSION_TEXT + 2, 1);
    const elbo_expr *tree;

    memset(text, ' ', ELBO_EXPRESSION_TEXT);
    text[ELBO_EXPRESSION_TEXT - 1] = 'r';
    tree = case_check_expression(text, &case_bare);
    ck_assert_uint_eq(tree->column, ELBO_EXPRESSION_TEXT - 1);
    text[ELBO_EXPRESSION_TEXT] = ' ';
    refuse(text, ELBO_EXPRESSION_TEXT, "longer than 1048576 bytes");

    memset(text, '1', ELBO_EXPRESSION_TEXT);
    text[ELBO_EXPRESSION_TEXT] = '\0';
    refuse(text, 0,
           "1111111111111111111111111111111111111111 is too large for a "
           "double");
    text[1] = '.';
    tree = case_parse_expression(text);
    ck_assert(fabs(tree->number - 10.0 / 9) < 1e-15);
    memset(text, '0', ELBO_EXPRESSION_TEXT);
    text[ELBO_EXPRESSION_TEXT - 1] = '7';
    ck_assert(case_parse_expression(text)->number == 7);
}
END_TEST

START_TEST(a_name_of_a_mebibyte_is_unknown_at_once)
{
    char *text = elbo_arena_take(case_arena, ELBO_EXPRESSION_TEXT + 1, 1);
    const char *nearest = "unset";
    elbo_expr *tree;
    size_t column;

    memset(text, 'r', ELBO_EXPRESSION_TEXT);
    tree = case_parse_expression(text);
    ck_assert_int_eq(elbo_expression_check(tree, &case_bare, &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_ptr_null(nearest);
    ck_assert_uint_eq(strlen(elbo_last_error()->text),
                      strlen("unknown name ") + 64);
}
END_TEST

TCase *tcase_expression_random(void)
{
    TCase *t = tcase_create("random");

    tcase_add_checked_fixture(t, case_expression_set_up,
                              case_expression_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_random_tree_is_its_text_parsed, 0, 8);
    tcase_add_test(t, no_parentheses_of_a_canonical_text_can_go);
    tcase_add_loop_test(t, no_mutation_of_an_objective_crashes, 0, 4);
    tcase_add_test(t, depth_is_limited_where_the_header_says);
    tcase_add_test(t, what_is_closed_no_longer_counts_as_deep);
    tcase_add_test(t, an_exponent_may_undo_many_zeros);
    tcase_add_test(t, the_highest_tree_has_a_text_that_parses);
    tcase_add_test(t, a_text_of_a_mebibyte_is_read_and_a_longer_one_is_not);
    tcase_add_test(t, a_name_of_a_mebibyte_is_unknown_at_once);
    return t;
}
