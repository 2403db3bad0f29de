/* tests/program_faults.c -- what cannot be compiled, and runs that leave the
 * finite numbers, told with their place.
 */
#include <math.h>
#include <string.h>

#include "tests/program_cases.h"
#include "tests/program_parts.h"

static const char *why(void)
{
    return elbo_last_error()->text;
}

static elbo_status run_fails(elbo_program *program, double G[], size_t *sample)
{
    double value = 7.7;
    const elbo_status s =
        elbo_program_run(program, &small.bind, &value, G, sample);

    ck_assert_int_eq(s, ELBO_ENOTFINITE);
    return s;
}

static void expect_fault(const char *text, double G[], size_t sample,
                         const char *part)
{
    elbo_program *program = program_compile(text);
    size_t at = 99;

    run_fails(program, G, &at);
    ck_assert_uint_eq(at, sample);
    ck_assert_msg(strstr(why(), part) != NULL, "%s: %s", text, why());
    elbo_program_free(program);
}

START_TEST(a_value_that_is_not_finite_has_its_place)
{
    /* entry 17 is that of transition 13, of row 7: state 3, action 1 */
    small.p[17] = 0;
    expect_fault("2.5 + logp", NULL, 13, "-inf at column 7, in transition 13");
    expect_fault("2.5 + logp", NULL, 13, "state 3, action 1, successor 2");
    /* state 3 is where transitions 6, 8, 12 and 13 start; 0 may lead there */
    small.p[17] = 0.2;
    small.V[3] = NAN;
    expect_fault("1 + V(s)*r", NULL, 6, "nan at column 5");
    expect_fault("1 + E(V(y))*r", NULL, 0, "nan at column 5");
    expect_fault("E(sq(V(y) - V(next)))", NULL, 5, "nan at column 13");
    expect_fault("E(sq(V(y) - V(s) - V(next)))", NULL, 6, "nan at column 13");
    expect_fault("E(r*V(y))", NULL, 0, "nan at column 3");
    small.V[3] = 1e200;
    expect_fault("logp^2*sq(V(s))", NULL, 6, "inf at column 8");
    small.r[4] = INFINITY;
    expect_fault("r", NULL, 4, "inf at column 1");
    expect_fault("mean(r)*E(V(y))", NULL, 4, "inf");
    small.bind.J = NAN;
    expect_fault("J*logp", NULL, 0, "nan");
}
END_TEST

START_TEST(a_state_that_does_not_occur_is_no_fault)
{
    elbo_program *program = program_compile("logpi + E(exp(V(y)))");

    small.logpi[4] = -INFINITY; /* row 4 has no data */
    ck_assert(isfinite(program_run(program, NULL)));
    elbo_program_free(program);
}
END_TEST

START_TEST(an_overflowing_sum_is_told)
{
    for (size_t x = 0; x < SAMPLES; x++) small.weight[x] = 1e308;
    expect_fault("(V(s) + 9)/10", NULL, 0, "sum");
}
END_TEST

START_TEST(a_derivative_that_is_not_finite_has_its_place)
{
    double G[MOST] = {0};

    small.p[17] = 0;
    expect_fault("max(logp, -9)", G, 13, "derivative");
    for (size_t i = 0; i < MOST; i++) ck_assert(G[i] == 0);
}
END_TEST

static void expect_refused(const char *text, bool coordinates, size_t column,
                           const char *part)
{
    elbo_program *program = (elbo_program *)&small;
    size_t at = 99;
    const elbo_expr *e = program_expression(text, true, program_arena);

    if (!coordinates) small.batch.coord = NULL;
    ck_assert_int_eq(elbo_program_alloc(e, &small.batch, &program, &at),
                     ELBO_EINVAL);
    ck_assert_ptr_null(program);
    ck_assert_msg(at == column, "%s: column %zu", text, at);
    ck_assert_msg(strstr(why(), part) != NULL, "%s: %s", text, why());
}

START_TEST(what_has_no_meaning_is_refused)
{
    expect_refused("1*roll(3, V(y)*r)", true, 2, "y alone");
    expect_refused("1*T(3, V(y)*r)", true, 2, "y alone");
    expect_refused("1*Td(1, 2 + 1)", true, 2, "y alone");
    expect_refused("Epi(V(next))", true, 0, "Ed(...)");
    expect_refused("E(Ed(V(y)))", true, 5, "Ed is a mean over data");
    expect_refused("r + sum(gradV(next))", false, 8, "no gradV");
    expect_refused("-norm(E(y))", false, 8, "coordinates");
}
END_TEST

TCase *program_faults(void)
{
    TCase *t = tcase_create("faults");

    tcase_add_checked_fixture(t, program_set_up, program_tear_down);
    tcase_add_test(t, a_value_that_is_not_finite_has_its_place);
    tcase_add_test(t, a_state_that_does_not_occur_is_no_fault);
    tcase_add_test(t, an_overflowing_sum_is_told);
    tcase_add_test(t, a_derivative_that_is_not_finite_has_its_place);
    tcase_add_test(t, what_has_no_meaning_is_refused);
    return t;
}
