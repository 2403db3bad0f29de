/* tests/expression_types.c -- what each word is and depends on. */
#include <stdio.h>
#include <string.h>

#include "tests/expression_cases.h"

enum {
    X = ELBO_ON_SAMPLE,
    N = ELBO_ON_SAMPLE | ELBO_ON_NEXT,
    Y = ELBO_ON_Y,
    T = ELBO_ON_THETA,
    P = ELBO_ON_PLANNER,
    H = ELBO_HAS_STOP,
    D = ELBO_STOPS_THETA
};

/* A piece of text, where it stands, what it is. `around` has the piece at its
 * %s, as the last argument of a call or the whole. */
/* clang-format off */
static const struct piece {
    const char *around, *text;
    elbo_type type;
    unsigned depends;
} pieces[] = {
    {"V(%s)", "s", ELBO_TYPE_STATE, X},
    {"Q(s, %s)", "a", ELBO_TYPE_ACTION, X},
    {"%s", "r", ELBO_TYPE_SCALAR, N},
    {"V(%s)", "next", ELBO_TYPE_STATE, N},
    {"%s", "gamma", ELBO_TYPE_SCALAR, 0},
    {"%s", "2.385", ELBO_TYPE_SCALAR, 0},
    {"%s", "logp", ELBO_TYPE_SCALAR, N | T},
    {"%s", "rhat", ELBO_TYPE_SCALAR, X | T},
    {"%s", "V(s)", ELBO_TYPE_SCALAR, X | P},
    {"%s", "V(next)", ELBO_TYPE_SCALAR, N | P},
    {"%s", "Q(s, a)", ELBO_TYPE_SCALAR, X | P},
    {"%s", "Q(next, a)", ELBO_TYPE_SCALAR, N | P},
    {"%s", "A(s, a)", ELBO_TYPE_SCALAR, X | P},
    {"norm(%s)", "gradV(next)", ELBO_TYPE_VECTOR, N | P},
    {"%s", "logpi", ELBO_TYPE_SCALAR, X | P},
    {"%s", "logpi(next, a)", ELBO_TYPE_SCALAR, N | P},
    {"%s", "occupancy", ELBO_TYPE_SCALAR, X | P},
    {"%s", "J", ELBO_TYPE_SCALAR, P},
    {"%s", "Jmodel", ELBO_TYPE_SCALAR, P},
    {"%s", "V_then(next)", ELBO_TYPE_SCALAR, N},
    {"%s", "aleatoric", ELBO_TYPE_SCALAR, X | T},
    {"%s", "2*disagreement", ELBO_TYPE_SCALAR, X | T},
    {"%s", "V_target(s)", ELBO_TYPE_SCALAR, X},
    {"%s", "E(V(y))", ELBO_TYPE_SCALAR, X | T | P},
    {"%s", "E(V(y), 8)", ELBO_TYPE_SCALAR, X | T | P},
    {"%s", "E(sq(V(y) - V(next)))", ELBO_TYPE_SCALAR, N | T | P},
    {"norm(%s)", "E(y)", ELBO_TYPE_VECTOR, X | T},
    {"E(V(%s))", "y", ELBO_TYPE_STATE, Y},
    {"E(%s)", "V(y)", ELBO_TYPE_SCALAR, Y | P},
    {"E(%s)", "V_then(y)", ELBO_TYPE_SCALAR, Y | X},
    {"%s", "E(V_target(y))", ELBO_TYPE_SCALAR, X | T},
    {"%s", "E(r)", ELBO_TYPE_SCALAR, N},
    {"%s", "E(2.385)", ELBO_TYPE_SCALAR, 0},
    {"%s", "Var(V(y))", ELBO_TYPE_SCALAR, X | T | P},
    {"norm(%s)", "Var(y)", ELBO_TYPE_VECTOR, X | T},
    {"%s", "roll(3, V_target(y))", ELBO_TYPE_SCALAR, X | T | P},
    {"norm(%s)", "roll(2, y)", ELBO_TYPE_VECTOR, X | T | P},
    {"%s", "T(3, V_target(y))", ELBO_TYPE_SCALAR, X | T | P},
    {"%s", "Td(3, V_target(y))", ELBO_TYPE_SCALAR, X | P},
    {"%s", "Epi(rhat)", ELBO_TYPE_SCALAR, X | T | P},
    {"norm(%s)", "Epi(E(y))", ELBO_TYPE_VECTOR, X | T | P},
    {"%s", "E(E(V_target(y))*V_target(y))", ELBO_TYPE_SCALAR, X | T},
    {"%s", "Ed(V(next))", ELBO_TYPE_SCALAR, X | P},
    {"%s", "Ed(r)", ELBO_TYPE_SCALAR, X},
    {"norm(%s)", "Ed(next)", ELBO_TYPE_VECTOR, X},
    {"%s", "mean(logp)", ELBO_TYPE_SCALAR, T},
    {"%s", "mean(E(V(y)) - V(next))", ELBO_TYPE_SCALAR, T | P},
    {"norm(%s)", "mean(next)", ELBO_TYPE_VECTOR, 0},
    {"%s", "Jcwpdis", ELBO_TYPE_SCALAR, P},
    {"%s", "fixed_pi(Jcwpdis)", ELBO_TYPE_SCALAR, H},
    {"%s", "gradJ_error", ELBO_TYPE_SCALAR, T | P},
    {"%s", "worst(E(V(y)) - V(next), 2.385)", ELBO_TYPE_SCALAR, T | P},
    {"%s", "stop(logp)", ELBO_TYPE_SCALAR, N | H | D},
    {"%s", "stop(V(next))", ELBO_TYPE_SCALAR, N | H},
    {"%s", "stop(E(V(y)))", ELBO_TYPE_SCALAR, X | H | D},
    {"%s", "stop(r)", ELBO_TYPE_SCALAR, N},
    {"%s", "stop(logp) + logp", ELBO_TYPE_SCALAR, N | T | H | D},
    {"%s", "E(stop(V(y)))", ELBO_TYPE_SCALAR, X | T | H},
    {"V(%s)", "stop(next)", ELBO_TYPE_STATE, N},
    {"Q(s, %s)", "stop(a)", ELBO_TYPE_ACTION, X},
    {"norm(%s)", "stop(gradV(next))", ELBO_TYPE_VECTOR, N | H},
    {"%s", "fixed_pi(V(s))", ELBO_TYPE_SCALAR, X | P | H},
    {"%s", "fixed_pi(logpi)", ELBO_TYPE_SCALAR, X | H},
    {"%s", "fixed_pi(logpi(s, a))", ELBO_TYPE_SCALAR, X | H},
    {"%s", "fixed_pi(J)", ELBO_TYPE_SCALAR, H},
    {"%s", "fixed_pi(logp)", ELBO_TYPE_SCALAR, N | T},
    {"%s", "fixed_pi(J) + J", ELBO_TYPE_SCALAR, P | H},
    {"V(%s)", "fixed_pi(s)", ELBO_TYPE_STATE, X},
    {"norm(%s)", "exp(next)", ELBO_TYPE_VECTOR, N},
    {"norm(%s)", "log(next)", ELBO_TYPE_VECTOR, N},
    {"norm(%s)", "sq(s)", ELBO_TYPE_VECTOR, X},
    {"norm(%s)", "sqrt(s)", ELBO_TYPE_VECTOR, X},
    {"norm(%s)", "abs(s)", ELBO_TYPE_VECTOR, X},
    {"norm(%s)", "relu(next - s)", ELBO_TYPE_VECTOR, N},
    {"%s", "min(r, 2.385)", ELBO_TYPE_SCALAR, N},
    {"norm(%s)", "min(s, 2.385)", ELBO_TYPE_VECTOR, X},
    {"norm(%s)", "max(gamma, next)", ELBO_TYPE_VECTOR, N},
    {"%s", "clip(r, -2, 2.385)", ELBO_TYPE_SCALAR, N},
    {"norm(%s)", "clip(next, 0, 0)", ELBO_TYPE_VECTOR, N},
    {"%s", "sum(next)", ELBO_TYPE_SCALAR, N},
    {"%s", "dot(s, E(y))", ELBO_TYPE_SCALAR, X | T},
    {"%s", "norm(next - s)", ELBO_TYPE_SCALAR, N},
    {"norm(%s)", "normalize(gradV(s))", ELBO_TYPE_VECTOR, X | P},
    {"%s", "distance(s, next)", ELBO_TYPE_SCALAR, N},
    {"%s", "distance(E(y), next)", ELBO_TYPE_SCALAR, N | T},
    {"%s", "usq(E(V(y), 2) - V(next))", ELBO_TYPE_SCALAR, N | T | P},
    {"norm(%s)", "gamma*next", ELBO_TYPE_VECTOR, N},
    {"norm(%s)", "next/2.385", ELBO_TYPE_VECTOR, N},
    {"norm(%s)", "-s", ELBO_TYPE_VECTOR, X},
    {"norm(%s)", "s^2", ELBO_TYPE_VECTOR, X},
    {"%s", "gamma^2.385", ELBO_TYPE_SCALAR, 0},
};
/* clang-format on */
enum { PIECES = sizeof pieces / sizeof *pieces };

START_TEST(a_word_has_its_type_and_its_dependencies)
{
    const struct piece *p = &pieces[_i];
    char text[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, p->around, p->text);
#pragma GCC diagnostic pop

    const elbo_expr *e = case_check_expression(text, &case_coordinates);
    const size_t column = strcspn(p->around, "%");

    while (e->column < column) e = e->arg[e->n - 1];
    ck_assert_msg(e->type == p->type, "%s: type %d", text, (int)e->type);
    ck_assert_msg(e->depends == p->depends, "%s: depends on %u", text,
                  e->depends);
}
END_TEST

/* Whether the word is one of the text's names. */
static bool holds(const char *text, const char *word)
{
    const char *const letters = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

    while (*(text += strcspn(text, letters))) {
        const size_t n = strspn(text, letters);

        if (n == strlen(word) && strncmp(text, word, n) == 0) return true;
        text += n;
    }
    return false;
}

START_TEST(every_word_is_described_once_and_tried_here)
{
    for (const elbo_word *w = elbo_words; w->name; w++) {
        bool tried = false;

        ck_assert_msg(holds(w->signature, w->name), "%s", w->name);
        ck_assert_uint_gt(strlen(w->doc), 5);
        for (const elbo_word *v = elbo_words; v != w; v++)
            ck_assert_str_ne(v->name, w->name);
        for (size_t i = 0; i < PIECES; i++)
            tried = tried || holds(pieces[i].text, w->name);
        ck_assert_msg(tried, "%s", w->name);
    }
}
END_TEST

START_TEST(in_a_world_of_vectors_a_vector_may_be_a_state)
{
    const elbo_scope vectors = {.coordinates = true, .finite = false};
    elbo_expr *tree = case_parse_expression("V(E(y))");
    const char *nearest;
    size_t column;

    ck_assert_int_eq(elbo_expression_check(tree, &vectors, &column, &nearest),
                     ELBO_OK);
    ck_assert_uint_eq(tree->depends, X | T | P);
    ck_assert_int_eq(
        elbo_expression_check(tree, &case_coordinates, &column, &nearest),
        ELBO_EINVAL);
    ck_assert_uint_eq(column, 2);
}
END_TEST

START_TEST(a_world_without_coordinates_keeps_the_words_that_need_none)
{
    static const char *const texts[] = {
        "logp",
        "-0.5*sq(E(V(y)) - V(next))",
        "E(V(stop(y)))",
        "Q(fixed_pi(s), a)*2.385",
        "Ed(V(next)) - mean(r)",
        "clip(exp(logpi), 0.1, 10)",
        "logpi(next, a) + occupancy",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        case_check_expression(texts[i], &case_bare);
}
END_TEST

TCase *tcase_expression_types(void)
{
    TCase *t = tcase_create("types");

    tcase_add_checked_fixture(t, case_expression_set_up,
                              case_expression_tear_down);
    tcase_add_loop_test(t, a_word_has_its_type_and_its_dependencies, 0, PIECES);
    tcase_add_test(t, every_word_is_described_once_and_tried_here);
    tcase_add_test(t, in_a_world_of_vectors_a_vector_may_be_a_state);
    tcase_add_test(t,
                   a_world_without_coordinates_keeps_the_words_that_need_none);
    return t;
}
