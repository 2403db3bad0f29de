/* tests/expression_named.c -- the published objectives parse, check, differ. */
#include <string.h>

#include "inference/language/calibration.h"
#include "inference/language/named.h"
#include "tests/expression_cases.h"

START_TEST(each_named_objective_checks_and_is_found_by_its_formula)
{
    for (const elbo_named *row = elbo_named_objectives; row->name; row++) {
        const elbo_expr *e =
            case_check_expression(row->formula, &case_coordinates);
        const elbo_named *found = NULL;

        ck_assert_int_eq(elbo_named_match(e, case_arena, &found), ELBO_OK);
        ck_assert_msg(found == row, "%s", row->name);
        ck_assert_uint_gt(strlen(row->source), 4);
        ck_assert_uint_gt(strlen(row->doc), 10);
        ck_assert_uint_gt(strlen(row->category), 4);
        ck_assert_uint_gt(strlen(elbo_named_kind_text(row->kind)), 4);
    }
}
END_TEST

START_TEST(names_and_canonical_texts_are_unique)
{
    for (const elbo_named *a = elbo_named_objectives; a->name; a++)
        for (const elbo_named *b = elbo_named_objectives; b != a; b++) {
            ck_assert_str_ne(a->name, b->name);
            ck_assert_str_ne(
                elbo_expression_text(case_parse_expression(a->formula),
                                     case_arena),
                elbo_expression_text(case_parse_expression(b->formula),
                                     case_arena));
        }
}
END_TEST

/* An objective that reaches theta only through the planner, or that watches the
 * plan, says which gradient it needs; the others need none. */
START_TEST(only_outer_objectives_ask_for_a_gradient)
{
    for (const elbo_named *row = elbo_named_objectives; row->name; row++) {
        const elbo_expr *e =
            case_check_expression(row->formula, &case_coordinates);

        ck_assert_int_eq(row->kind == ELBO_NAMED_OUTER, *row->gradient != '\0');
        ck_assert_msg(e->depends & (ELBO_ON_THETA | ELBO_ON_PLANNER), "%s",
                      row->name);
        if (!*row->gradient)
            ck_assert_msg(e->depends & ELBO_ON_THETA, "%s", row->name);
        ck_assert_msg(!(e->depends & (ELBO_ON_Y | ELBO_STOPS_THETA)), "%s",
                      row->name);
    }
}
END_TEST

/* What is read off the form is what was published. */
START_TEST(the_form_tells_the_kind)
{
    static const elbo_calibration kinds[] = {
        [ELBO_NAMED_BOUND] = ELBO_PROPER,
        [ELBO_NAMED_CALIBRATED] = ELBO_CALIBRATED,
        [ELBO_NAMED_UNCALIBRATED] = ELBO_UNCALIBRATED,
    };

    for (const elbo_named *row = elbo_named_objectives; row->name; row++) {
        const elbo_expr *e =
            case_check_expression(row->formula, &case_coordinates);

        if (row->kind == ELBO_NAMED_OUTER) continue;
        ck_assert_msg(elbo_expr_calibration(e) == kinds[row->kind], "%s: %s",
                      row->name,
                      elbo_calibration_text(elbo_expr_calibration(e)));
    }
}
END_TEST

/* clang-format off */
static const struct {
    const char *text;
    elbo_calibration want;
} forms[] = {
    {"2*logp + 3", ELBO_PROPER},
    {"occupancy*logp", ELBO_PROPER},
    {"-logp", ELBO_CALIBRATION_UNKNOWN},
    {"sq(E(V(y)) - V(next))", ELBO_CALIBRATION_UNKNOWN},
    {"logp - abs(E(V(y)) - V(next))", ELBO_UNCALIBRATED},
    {"-(E(V(y)) - V(next))^2/2", ELBO_CALIBRATED},
    {"-sq(E(V(y), 3) - V(next))", ELBO_UNCALIBRATED},
    {"-sq(r*(E(V(y)) - V(next)))", ELBO_UNCALIBRATED},
    {"-r*sq(E(V(y)) - V(next))", ELBO_CALIBRATION_UNKNOWN},
    {"-exp(r)*sq(E(V(y)) - V(next))", ELBO_UNCALIBRATED},
    {"-exp(V(s))*sq(E(V(y)) - V(next))", ELBO_CALIBRATED},
    {"-sq(rhat + gamma*roll(2, V(y)) - Ed(r))", ELBO_CALIBRATED},
    {"-sq(E(V(y))*E(V(y)))", ELBO_CALIBRATION_UNKNOWN},
    {"-sq(Epi(T(5, V(y))) - Epi(Td(5, V(y))))", ELBO_CALIBRATED},
    {"-exp(E(V(y)))", ELBO_CALIBRATION_UNKNOWN},
    {"logpi", ELBO_NO_THETA},
};
/* clang-format on */

START_TEST(forms_have_their_kind)
{
    const elbo_expr *e =
        case_check_expression(forms[_i].text, &case_coordinates);

    ck_assert_msg(elbo_expr_calibration(e) == forms[_i].want, "%s: %s",
                  forms[_i].text,
                  elbo_calibration_text(elbo_expr_calibration(e)));
}
END_TEST

/* clang-format off */
static const struct match_case {
    const char *text, *name;
} match_cases[] = {
    {"(logp)", "mle"},
    {"-.5 * sq(E(V(y)) - V(next))", "itervaml"},
    {"-0.50*E(sq(V(y)-V(next)))", "muzero_sampled"},
    {"-5e-1*sum(sq(stop(gradV(next))*(E(y)-next)))", "vagram"},
    {"-0.5*sq(Q(s,a) - (r + gamma*Ed(V(next))))", "omd"},
    {"logpi+0.5*logp", "bm_irl"},
    {"logpi", "vin"},
    {"J", "joseph"},
    {"-abs(E(V(y)) - Ed(V(next)))", "model_advantage_l1"},
    {"logp - 0.1*sq(E(V(y)) - V(next))", "mle_itervaml"},
    {"logp - 0.2*sq(E(V(y)) - V(next))", NULL},
    {"-0.5*sq(V(next) - E(V(y)))", NULL},
    {"2.385", NULL},
};
/* clang-format on */

START_TEST(an_objective_is_recognised_however_it_is_spaced)
{
    const struct match_case *m = &match_cases[_i];
    const elbo_named *found = NULL;
    const elbo_mark before = elbo_arena_mark(case_arena);
    const elbo_expr *e = case_parse_expression(m->text);

    ck_assert_int_eq(elbo_named_match(e, case_arena, &found), ELBO_OK);
    if (m->name)
        ck_assert_str_eq(found->name, m->name);
    else
        ck_assert_ptr_null(found);
    elbo_arena_release(case_arena, before);
}
END_TEST

TCase *tcase_expression_named(void)
{
    TCase *t = tcase_create("named");

    tcase_add_checked_fixture(t, case_expression_set_up,
                              case_expression_tear_down);
    tcase_add_test(t, each_named_objective_checks_and_is_found_by_its_formula);
    tcase_add_test(t, names_and_canonical_texts_are_unique);
    tcase_add_test(t, only_outer_objectives_ask_for_a_gradient);
    tcase_add_test(t, the_form_tells_the_kind);
    tcase_add_loop_test(t, forms_have_their_kind, 0,
                        sizeof forms / sizeof *forms);
    tcase_add_loop_test(t, an_objective_is_recognised_however_it_is_spaced, 0,
                        sizeof match_cases / sizeof *match_cases);
    return t;
}
