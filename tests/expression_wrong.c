/* tests/expression_wrong.c -- wrong texts: the place, the reason, the hint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/expression_cases.h"

static const char no_coordinates[] =
    "states of this world have no coordinates: next cannot enter arithmetic";

/* The grammar's faults. */
/* clang-format off */
static const struct wrong_text {
    const char *text;
    size_t column;
    const char *why;
} wrong_texts[] = {
    {"", 0, "expected an operand, got the end"},
    {"   ", 3, "expected an operand, got the end"},
    {"logp +", 6, "expected an operand, got the end"},
    {"logp + ", 7, "expected an operand, got the end"},
    {"* logp", 0, "expected an operand, got '*'"},
    {"+logp", 0, "expected an operand, got '+'"},
    {"r + + r", 4, "expected an operand, got '+'"},
    {"r - * r", 4, "expected an operand, got '*'"},
    {"r**2", 2, "expected an operand, got '*'"},
    {"r // 2", 3, "expected an operand, got '/'"},
    {"-", 1, "expected an operand, got the end"},
    {"()", 1, "expected an operand, got ')'"},
    {"V()", 2, "expected an operand, got ')'"},
    {"E(,2)", 2, "expected an operand, got ','"},
    {"min(r,)", 6, "expected an operand, got ')'"},
    {"^2", 0, "expected an operand, got '^'"},
    {")", 0, "expected an operand, got ')'"},
    {"(r", 2, "expected ')', got the end"},
    {"(r, r)", 2, "expected ')', got ','"},
    {"((r) ", 5, "expected ')', got the end"},
    {"(r r)", 3, "expected ')', got 'r'"},
    {"V(next", 6, "expected ',' or ')', got the end"},
    {"V(next next)", 7, "expected ',' or ')', got 'next'"},
    {"E(V(y) 2)", 7, "expected ',' or ')', got '2'"},
    {"r)", 1, "expected an operator, got ')'"},
    {"r r", 2, "expected an operator, got 'r'"},
    {"r, r", 1, "expected an operator, got ','"},
    {"2r", 1, "expected an operator, got 'r'"},
    {"2 2.385", 2, "expected an operator, got '2.385'"},
    {"0x10", 1, "expected an operator, got 'x10'"},
    {"1_000", 1, "expected an operator, got '_000'"},
    {"(r)(r)", 3, "expected an operator, got '('"},
    {"r (r))", 5, "expected an operator, got ')'"},
    {"2.385(r)", 5, "expected an operator, got '('"},
    {"2^x", 2, "expected a number as the exponent, got 'x'"},
    {"r^", 2, "expected a number as the exponent, got the end"},
    {"r^-", 3, "expected a number as the exponent, got the end"},
    {"r^--2", 3, "expected a number as the exponent, got '-'"},
    {"r^+2", 2, "expected a number as the exponent, got '+'"},
    {"r^(2)", 2, "expected a number as the exponent, got '('"},
    {"r^2^3", 3, "a second '^' needs parentheses"},
    {"r^-2 ^ 3", 5, "a second '^' needs parentheses"},
    {"1..2", 2, "expected a digit after '.'"},
    {"2.", 2, "expected a digit after '.'"},
    {".", 1, "expected a digit after '.'"},
    {"r*.e3", 3, "expected a digit after '.'"},
    {"1.2.3", 3, "expected an operator, got '.3'"},
    {"1e", 2, "expected a digit after 'e'"},
    {"1E+", 3, "expected a digit after '+'"},
    {"1e-r", 3, "expected a digit after '-'"},
    {"1.5e2.5", 5, "expected an operator, got '.5'"},
    {"r*1e999", 2, "1e999 is too large for a double"},
    {"1e99999999999999999999", 0,
     "1e99999999999999999999 is too large for a double"},
    {"1.8e308", 0, "1.8e308 is too large for a double"},
    {"1e-999", 0, "1e-999 is too small for a double"},
    {"r^1e400", 2, "1e400 is too large for a double"},
    {"r = 2", 2, "unexpected '='"},
    {"r < 2", 2, "unexpected '<'"},
    {"r; r", 1, "unexpected ';'"},
    {"[r]", 0, "unexpected '['"},
    {"$r", 0, "unexpected '$'"},
    {"`r`", 0, "unexpected '`'"},
    {"r \\", 2, "unexpected '\\'"},
    {"r \xe2\x88\x92 2", 2, "unexpected byte 0xe2: only ASCII"},
    {"\xef\xbb\xbfr", 0, "unexpected byte 0xef: only ASCII"},
    {"r\x01", 1, "unexpected byte 0x01: only ASCII"},
    {"r\x7f", 1, "unexpected byte 0x7f: only ASCII"},
    {"r\v+r", 1, "unexpected byte 0x0b: only ASCII"},
    {"V(\xff)", 2, "unexpected byte 0xff: only ASCII"},
    {"f(1,2,3,4,5,6,7,8,9)", 17, "more than 8 arguments"},
};
/* clang-format on */
enum { WRONG_TEXTS = sizeof wrong_texts / sizeof *wrong_texts };

START_TEST(a_wrong_text_is_located_and_explained)
{
    const struct wrong_text *w = &wrong_texts[_i];
    elbo_expr *tree;
    size_t column = 999;

    ck_assert_int_eq(elbo_expression_parse(w->text, case_arena, &tree, &column),
                     ELBO_EINVAL);
    ck_assert_str_eq(elbo_last_error()->text, w->why);
    ck_assert_msg(column == w->column, "%s: column %zu", w->text, column);
}
END_TEST

/* Faults of names and types; `bare` is a world without coordinates. */
/* clang-format off */
static const struct wrong_tree {
    bool bare;
    const char *text;
    size_t column;
    const char *nearest, *why;
} wrong_trees[] = {
    {0, "lgop", 0, "logp", "unknown name lgop"},
    {0, "r + logpp", 4, "logp", "unknown name logpp"},
    {0, "-0.5*sq(E(v(y)))", 10, "V", "unknown function v"},
    {0, "lgop + a", 0, "logp", "unknown name lgop"},
    {0, "sq(v(nxt) - v(s))", 3, "V", "unknown function v"},
    {0, "r*z(s, a)", 2, "Q", "unknown function z"},
    {0, "LOGP + r", 0, "logp", "unknown name LOGP"},
    {0, "abs(GRADV(s)*lgop)", 4, "gradV", "unknown function GRADV"},
    {0, "squ(r)", 0, "sq", "unknown function squ"},
    {0, "var(V(y))", 0, "Var", "unknown function var"},
    {0, "V(nxt)", 2, "next", "unknown name nxt"},
    {0, "Q(s, b)", 5, "a", "unknown name b"},
    {0, "Q(b, a)", 2, "s", "unknown name b"},
    {0, "V(logpp)", 2, NULL, "unknown name logpp"},
    {0, "elsewhere", 0, NULL, "unknown name elsewhere"},
    {0, "elsewhere(r)", 0, NULL, "unknown function elsewhere"},
    {0, "inf", 0, NULL, "unknown name inf"},
    {0, "nan + r", 0, NULL, "unknown name nan"},
    {0, "discount_factor_of_the_world_at_hand_in_years", 0, NULL,
     "unknown name discount_factor_of_the_world_at_hand_in_years"},
    {1, "grdV(next)", 0, NULL, "unknown function grdV"},
    {0, "V", 0, NULL, "V is a function: it needs arguments"},
    {0, "2*E", 2, NULL, "E is a function: it needs arguments"},
    {0, "r(s)", 0, NULL, "r is no function"},
    {0, "r + logp(next)", 4, NULL, "logp is no function"},
    {0, "V(s, a)", 0, NULL, "V takes 1 argument, not 2"},
    {0, "1 + Q(s)", 4, NULL, "Q takes 2 arguments, not 1"},
    {0, "min(r)", 0, NULL, "min takes 2 arguments, not 1"},
    {0, "clip(r, 1)", 0, NULL, "clip takes 3 arguments, not 2"},
    {0, "E(V(y), 2, 3)", 0, NULL, "E takes 1 or 2 arguments, not 3"},
    {0, "logpi(s)", 0, NULL, "logpi takes 2 arguments, not 1"},
    {0, "V(r)", 2, NULL, "argument 1 of V must be a state, not a scalar"},
    {0, "V(a)", 2, NULL, "argument 1 of V must be a state, not an action"},
    {0, "V(next + s)", 2, NULL,
     "argument 1 of V must be a state, not a vector"},
    {0, "Q(s, next)", 5, NULL,
     "argument 2 of Q must be an action, not a state"},
    {0, "Q(a, s)", 2, NULL, "argument 1 of Q must be a state, not an action"},
    {0, "A(s, 2.385)", 5, NULL,
     "argument 2 of A must be an action, not a scalar"},
    {0, "sum(r)", 4, NULL, "argument 1 of sum must be a vector, not a scalar"},
    {0, "dot(s, r)", 7, NULL,
     "argument 2 of dot must be a vector, not a scalar"},
    {0, "norm(a)", 5, NULL,
     "argument 1 of norm must be a vector, not an action"},
    {0, "distance(s, a)", 12, NULL,
     "argument 2 of distance must be a vector, not an action"},
    {0, "a", 0, NULL, "the whole must be a scalar, not an action"},
    {0, "s", 0, NULL, "the whole must be a scalar, not a state"},
    {0, "next*2.385", 0, NULL, "the whole must be a scalar, not a vector"},
    {0, "(gradV(s))", 1, NULL, "the whole must be a scalar, not a vector"},
    {0, "r + a", 4, NULL, "a is an action: it cannot enter arithmetic"},
    {0, "-a", 1, NULL, "a is an action: it cannot enter arithmetic"},
    {0, "a^2", 0, NULL, "a is an action: it cannot enter arithmetic"},
    {0, "exp(a)", 4, NULL, "a is an action: it cannot enter arithmetic"},
    {0, "stop(a)*r", 0, NULL, "stop is an action: it cannot enter arithmetic"},
    {0, "y", 0, NULL, "y has a meaning only inside E, Var, roll, T or Td"},
    {0, "E(V(y)) - V(y)", 12, NULL,
     "y has a meaning only inside E, Var, roll, T or Td"},
    {0, "E(mean(V(y)))", 9, NULL, "y has a meaning only inside E, Var, roll, T or Td"},
    {0, "Ed(V(y))", 5, NULL, "y has a meaning only inside E, Var, roll, T or Td"},
    {0, "roll(2, r) + V(y)", 15, NULL,
     "y has a meaning only inside E, Var, roll, T or Td"},
    {0, "E(V(y), 0)", 8, NULL,
     "argument 2 of E must be a whole number from 1 to 1000000"},
    {0, "E(V(y), 2.5)", 8, NULL,
     "argument 2 of E must be a whole number from 1 to 1000000"},
    {0, "E(V(y), -3)", 8, NULL,
     "argument 2 of E must be a whole number from 1 to 1000000"},
    {0, "E(V(y), 1000001)", 8, NULL,
     "argument 2 of E must be a whole number from 1 to 1000000"},
    {0, "E(V(y), r)", 8, NULL,
     "argument 2 of E must be a whole number from 1 to 1000000"},
    {0, "roll(r, V(y))", 5, NULL,
     "argument 1 of roll must be a whole number from 1 to 1000000"},
    {0, "clip(r, gamma, 2)", 8, NULL, "argument 2 of clip must be a number"},
    {0, "clip(r, 0, 1 + 1)", 11, NULL, "argument 3 of clip must be a number"},
    {0, "clip(r, 2, -2)", 11, NULL, "clip: the bounds are in the wrong order"},
    {0, "usq(r)", 4, NULL,
     "usq takes E(f, n) - c, with n from 2 and no samples in c"},
    {0, "usq(E(V(y)) - r)", 4, NULL,
     "usq takes E(f, n) - c, with n from 2 and no samples in c"},
    {0, "usq(E(V(y), 1) - r)", 4, NULL,
     "usq takes E(f, n) - c, with n from 2 and no samples in c"},
    {0, "usq(E(V(y), 2) + r)", 4, NULL,
     "usq takes E(f, n) - c, with n from 2 and no samples in c"},
    {0, "usq(E(V(y), 2) - 2*E(V(y), 3))", 4, NULL,
     "usq takes E(f, n) - c, with n from 2 and no samples in c"},
    {0, "usq(E(y, 2) - next)", 4, NULL,
     "argument 1 of usq must be a scalar, not a vector"},
    {1, "next*r", 0, NULL, no_coordinates},
    {1, "r + next", 4, NULL, no_coordinates},
    {1, "norm(-next)", 6, NULL, no_coordinates},
    {1, "sum(next)", 4, NULL, no_coordinates},
    {1, "sq(next)", 3, NULL, no_coordinates},
    {1, "norm(Ed(next))", 8, NULL, no_coordinates},
    {1, "sum(E(y))", 6, NULL,
     "states of this world have no coordinates: y cannot enter arithmetic"},
    {1, "stop(s) - r", 0, NULL,
     "states of this world have no coordinates: stop cannot enter arithmetic"},
    {1, "norm(gradV(next))", 5, NULL,
     "states of this world have no coordinates: no gradV"},
    {1, "distance(s, next)", 0, NULL,
     "states of this world have no coordinates: no distance"},
};
/* clang-format on */
enum { WRONG_TREES = sizeof wrong_trees / sizeof *wrong_trees };

START_TEST(a_wrong_name_or_type_is_located_and_explained)
{
    const struct wrong_tree *w = &wrong_trees[_i];
    elbo_expr *tree = case_parse_expression(w->text);
    size_t column = 999;
    const char *nearest = "unset";

    ck_assert_int_eq(
        elbo_expression_check(tree, w->bare ? &case_bare : &case_coordinates,
                              &column, &nearest),
        ELBO_EINVAL);
    ck_assert_str_eq(elbo_last_error()->text, w->why);
    ck_assert_msg(column == w->column, "%s: column %zu", w->text, column);
    if (w->nearest)
        ck_assert_str_eq(nearest, w->nearest);
    else
        ck_assert_msg(!nearest, "%s: nearest %s", w->text, nearest);
}
END_TEST

/* Every word, in a text that is right. */
/* clang-format off */
static const struct sentence {
    const char *before, *word, *after;
} sentences[] = {
    {"V(", "s", ")"},
    {"Q(s, ", "a", ")"},
    {"2*", "r", ""},
    {"V(", "next", ")"},
    {"", "gamma", "*r"},
    {"E(V(", "y", "))"},
    {"", "logp", " - r"},
    {"", "rhat", ""},
    {"", "E", "(V(y), 3)"},
    {"", "Var", "(V(y))"},
    {"", "roll", "(2, V(y))"},
    {"", "T", "(2, V(y))"},
    {"", "Td", "(2, V(y))"},
    {"", "Epi", "(rhat)"},
    {"", "V", "(s)"},
    {"", "Q", "(s, a)"},
    {"", "A", "(s, a)"},
    {"norm(", "gradV", "(s))"},
    {"", "logpi", ""},
    {"", "logpi", "(s, a)"},
    {"", "occupancy", "*r"},
    {"", "J", ""},
    {"", "Jmodel", ""},
    {"", "V_then", "(next)"},
    {"r - ", "aleatoric", ""},
    {"r - ", "disagreement", ""},
    {"", "V_target", "(next)"},
    {"", "exp", "(r)"},
    {"", "log", "(r)"},
    {"", "sq", "(r)"},
    {"", "sqrt", "(r)"},
    {"", "abs", "(r)"},
    {"", "relu", "(r)"},
    {"", "min", "(r, 2)"},
    {"", "max", "(r, 2)"},
    {"", "clip", "(r, 1, 2)"},
    {"", "sum", "(next)"},
    {"", "dot", "(s, next)"},
    {"", "norm", "(s)"},
    {"norm(", "normalize", "(s))"},
    {"", "distance", "(s, next)"},
    {"", "usq", "(E(V(y), 2) - r)"},
    {"", "stop", "(r)"},
    {"", "fixed_pi", "(V(s))"},
    {"", "Ed", "(r)"},
    {"", "mean", "(r)"},
    {"", "worst", "(r, 0)"},
    {"", "Jcwpdis", ""},
    {"", "gradJ_error", ""},
};
/* clang-format on */
enum { SENTENCES = sizeof sentences / sizeof *sentences, TYPO = 64 };

/* Typo number k of the word; false when there is none or it is a word too. */
static bool make_typo(const char *word, size_t k, char out[TYPO])
{
    const size_t n = strlen(word), i = k / 4;

    if (i >= n) return false;
    memset(out, 0, TYPO);
    memcpy(out, word, n);
    if (k % 4 == 0) out[i] = 'z';
    if (k % 4 == 1) memmove(out + i, out + i + 1, n - i);
    if (k % 4 == 2) memmove(out + i + 1, out + i, n - i);
    if (k % 4 == 3 && i + 1 < n) {
        out[i] = word[i + 1];
        out[i + 1] = word[i];
    }
    for (const elbo_word *w = elbo_words; w->name; w++)
        if (strcmp(w->name, out) == 0) return false;
    return *out != '\0';
}

static elbo_status check_sentence(const struct sentence *s, const char *word,
                                  size_t *column, const char **nearest)
{
    char text[256];

    snprintf(text, sizeof text, "%s%s%s", s->before, word, s->after);
    return elbo_expression_check(case_parse_expression(text), &case_coordinates,
                                 column, nearest);
}

START_TEST(a_typo_of_any_word_suggests_a_word_that_is_accepted)
{
    const struct sentence *s = &sentences[_i];
    const char *nearest;
    size_t column, tried = 0;
    char typo[TYPO];

    for (size_t k = 0; k < 4 * strlen(s->word); k++) {
        if (!make_typo(s->word, k, typo)) continue;
        tried++;
        ck_assert_int_eq(check_sentence(s, typo, &column, &nearest),
                         ELBO_EINVAL);
        ck_assert_uint_eq(column, strlen(s->before));
        ck_assert_msg(nearest, "%s", typo);
        if (strlen(s->word) > 5) ck_assert_str_eq(nearest, s->word);
        ck_assert_msg(check_sentence(s, nearest, &column, &nearest) == ELBO_OK,
                      "%s for %s in %s%s: %s", nearest, typo, s->before,
                      s->after, elbo_last_error()->text);
    }
    ck_assert_uint_gt(tried, 0);
}
END_TEST

START_TEST(every_word_has_a_sentence)
{
    for (const elbo_word *w = elbo_words; w->name; w++) {
        bool found = false;

        for (size_t i = 0; i < SENTENCES; i++)
            found = found || strcmp(sentences[i].word, w->name) == 0;
        ck_assert_msg(found, "%s", w->name);
    }
}
END_TEST

TCase *tcase_expression_wrong(void)
{
    TCase *t = tcase_create("wrong");

    tcase_add_checked_fixture(t, case_expression_set_up,
                              case_expression_tear_down);
    tcase_add_loop_test(t, a_wrong_text_is_located_and_explained, 0,
                        WRONG_TEXTS);
    tcase_add_loop_test(t, a_wrong_name_or_type_is_located_and_explained, 0,
                        WRONG_TREES);
    tcase_add_loop_test(t, a_typo_of_any_word_suggests_a_word_that_is_accepted,
                        0, SENTENCES);
    tcase_add_test(t, every_word_has_a_sentence);
    return t;
}
