/* tests/test_program.c -- objectives compiled onto the tape: values against
 * hand-written loops, derivatives against differences, faults with their place.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"
#include "inference/language/named.h"
#include "tests/program_cases.h"
#include "tests/program_parts.h"
#include "tests/suites.h"

static const char *why(void)
{
    return elbo_last_error()->text;
}

/* sum weight * oracle; *scale: of absolute terms. */
static double by_hand(const program_case *what, const double p[], double *scale)
{
    double sum = 0;

    *scale = 0;
    for (size_t x = 0; x < SAMPLES; x++) {
        const double term =
            small.weight[x] * what->oracle(&small, p, small.p, x);

        sum += term;
        *scale += fabs(term);
    }
    return sum;
}

START_TEST(every_objective_equals_its_loop)
{
    const program_case *what = &program_cases[_i];
    elbo_program *program = program_compile(what->text);
    double scale;
    const double want = by_hand(what, small.p, &scale);
    const double got = program_run(program, NULL);

    ck_assert_msg(fabs(got - want) <= 1e-12 * scale, "%s: %.17g, not %.17g",
                  what->text, got, want);
    ck_assert_msg(program_run(program, NULL) == got, "%s", what->text);
    elbo_program_free(program);
}
END_TEST

START_TEST(every_derivative_is_that_of_its_loop)
{
    static const double h = 1e-5;
    const program_case *what = &program_cases[_i];
    elbo_program *program = program_compile(what->text);
    const size_t nnz = small.batch.nnz;
    double G[MOST + ROWS], p[MOST], scale;

    for (size_t i = 0; i < nnz; i++) G[i] = 0.385;
    program_run(program, G);
    memcpy(p, small.p, sizeof p);
    for (size_t i = 0; i < nnz; i++) {
        p[i] = small.p[i] + h;

        const double up = by_hand(what, p, &scale);

        p[i] = small.p[i] - h;

        const double want = (up - by_hand(what, p, &scale)) / (2 * h);

        p[i] = small.p[i];
        ck_assert_msg(fabs(G[i] - 0.385 - want) <= 1e-6 * (1 + fabs(want)),
                      "%s, entry %zu: %.12g, not %.12g", what->text, i,
                      G[i] - 0.385, want);
    }
    elbo_program_free(program);
}
END_TEST

/* Published objectives are among the cases, letter by letter, but for those that
 * draw samples or see the whole batch, which have oracles elsewhere. */
START_TEST(every_published_objective_is_tried)
{
    static const char *const elsewhere[][2] = {
        {"cvaml", "tests/program_samples.c"},
        {"mml", "tests/test_minimax.c"},
        {"paml", "tests/test_policy_gradient.c"},
    };
    const size_t rows = sizeof elsewhere / sizeof *elsewhere;

    for (const elbo_named *named = elbo_named_objectives; named->name; named++) {
        size_t i = 0, k = 0;

        while (i < program_cases_count && strcmp(program_cases[i].text, named->formula) != 0)
            i++;
        while (k < rows && strcmp(elsewhere[k][0], named->name) != 0) k++;
        ck_assert_msg((i < program_cases_count) != (k < rows), "%s", named->name);
    }
}
END_TEST

/* The same program is asked for other bindings, as from one E-step to the next.
 */
START_TEST(a_run_sees_what_is_bound_now)
{
    const program_case *what = &program_cases[_i];
    elbo_program *program = program_compile(what->text);
    double scale, want;

    program_run(program, NULL);
    for (size_t s = 0; s < NS; s++) small.V[s] = cos(2.385 * (double)s);
    for (size_t row = 0; row < ROWS; row++) {
        small.Q[row] += 0.3 * (double)row;
        small.occupancy[row] /= 2;
        small.logpi[row] -= 0.1;
        for (size_t i = small.start[row]; i < small.start[row + 1]; i++)
            small.p[i] *= 0.9;
    }
    want = by_hand(what, small.p, &scale);
    ck_assert_double_le(fabs(program_run(program, NULL) - want), 1e-12 * scale);
    elbo_program_free(program);
}
END_TEST

START_TEST(constants_J_are_bound_by_value)
{
    elbo_program *program = program_compile("J - 2*Jmodel");
    const double total = elbo_sum(small.weight, SAMPLES);

    ck_assert_double_eq_tol(program_run(program, NULL), total * (1.385 + 1.54), 1e-12);
    small.bind.J = -3;
    ck_assert_double_eq_tol(program_run(program, NULL), total * (-3 + 1.54), 1e-12);
    elbo_program_free(program);
}
END_TEST

/* V(END) is 0 whatever the caller's array holds there. */
START_TEST(the_end_is_worth_nothing)
{
    elbo_program *program = program_compile("V(next) + E(V(y)) + logpi(next, a)");
    const double before = program_run(program, NULL);

    small.V[NS] = NAN;
    ck_assert(program_run(program, NULL) == before);
    elbo_program_free(program);
}
END_TEST

/* A state with two outcomes: value 0 and 1, probability q = 0.6 of the second.
 * The calibrated loss is at rest at the data's share, the sampled one moves on
 * to a sure outcome: their gap is half the variance, of slope 1/2 - q. */
START_TEST(the_sampled_loss_drives_the_variance_to_zero)
{
    static const uint32_t row[] = {0, 0}, next[] = {1, 0}, successor[] = {0, 1};
    static const uint32_t entry[] = {1, 0};
    static const size_t start[] = {0, 2, 2};
    static const double r[2] = {0}, weight[] = {0.6, 0.4};
    static const double p[] = {0.4, 0.6}, V[] = {0, 1, 0};
    const elbo_batch batch = {.nS = 2,
                              .nA = 1,
                              .n = 2,
                              .row = row,
                              .next = next,
                              .entry = entry,
                              .r = r,
                              .weight = weight,
                              .nnz = 2,
                              .start = start,
                              .successor = successor,
                              .gamma = 0.9};
    const elbo_bindings bind = {.p = p, .V = V};
    static const char *const text[] = {"-0.5*sq(E(V(y)) - V(next))",
                                       "-0.5*E(sq(V(y) - V(next)))"};
    double slope[2];

    for (size_t k = 0; k < 2; k++) {
        elbo_program *program;
        double G[2] = {0}, value;
        size_t column, sample;

        ck_assert_int_eq(
            elbo_program_alloc(program_expression(text[k], false, program_arena),
                               &batch, &program, &column),
            ELBO_OK);
        ck_assert_int_eq(elbo_program_run(program, &bind, &value, G, &sample),
                         ELBO_OK);
        slope[k] = G[1] - G[0]; /* along the simplex, towards the second */
        elbo_program_free(program);
    }
    ck_assert_double_le(fabs(slope[0]), 1e-15);
    ck_assert_double_eq_tol(slope[1], 0.6 - 0.5, 1e-15);
}
END_TEST

START_TEST(a_stopped_mean_moves_nothing)
{
    elbo_program *program = program_compile("stop(sq(E(V(y))))*r + stop(logp)");
    double G[MOST + ROWS] = {0};

    ck_assert(program_run(program, G) != 0);
    for (size_t i = 0; i < small.batch.nnz; i++) ck_assert(G[i] == 0);
    elbo_program_free(program);
}
END_TEST

START_TEST(needs_tells_what_is_read)
{
    static const struct {
        const char *text, *needs;
    } cases[] = {
        {"logp",                        "p"              },
        {"J",                           "J"              },
        {"-abs(E(V(y)) - Ed(V(next)))", "p V"            },
        {"A(s,a)*Jmodel",               "V Q Jmodel"     },
        {"logpi + occupancy",           "logpi occupancy"},
        {"sum(gradV(s))",               "V"              },
        {"r*gamma",                     ""               },
    };
    static const char *const names[] = {"p",         "V", "Q",      "logpi",
                                        "occupancy", "J", "Jmodel", "pi"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_program *program = program_compile(cases[i].text);
        char got[64] = "";
        size_t n = 0;

        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            if (!elbo_program_needs(program, names[k])) continue;
            n += (size_t)snprintf(got + n, sizeof got - n, "%s%s",
                                  n > 0 ? " " : "", names[k]);
        }
        ck_assert_str_eq(got, cases[i].needs);
        elbo_program_free(program);
    }
}
END_TEST

START_TEST(what_is_not_needed_may_be_null)
{
    elbo_program *program = program_compile("logp*r");

    small.bind = (elbo_bindings){.p = small.p};
    ck_assert(isfinite(program_run(program, NULL)));
    elbo_program_free(program);
}
END_TEST

/* A batch of weights zero has means all the same: those of equal weights. */
START_TEST(means_without_weight_are_equal)
{
    memset(small.weight, 0, sizeof small.weight);

    elbo_program *program =
        program_compile("log(mean(logp) + 99) + E(Ed(V(next) + V(s)))");

    ck_assert(program_run(program, NULL) == 0);
    elbo_program_free(program);
}
END_TEST

START_TEST(an_empty_batch_is_worth_nothing)
{
    static const char *const texts[] = {"-0.5*sq(E(V(y)) - V(next))", "J",
                                        "mean(logp)*Ed(V(next))",
                                        "E(sq(V(y) - V(next)))"};

    small.batch.n = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        elbo_program *program = program_compile(texts[i]);
        double G[MOST + ROWS] = {0};

        ck_assert(program_run(program, G) == 0);
        ck_assert(G[3] == 0);
        elbo_program_free(program);
    }
}
END_TEST

START_TEST(slopes_are_one_sided_at_borders_and_zero_alone)
{
    /* cells: 0 (0,0), 1 (0,1), 2 (1,1), 3 (2,1), 4 alone, 5 (1,0) */
    static const double V[] = {1, 2.385, 5, 9, 100, 3, 0};
    static const double want[NS][DIM] = {
        {2,         1.385},
        {2.615,     1.385},
        {6.615 / 2, 2    },
        {4,         0    },
        {0,         0    },
        {2,         2    }
    };
    elbo_program *program = program_compile("sum(gradV(s))");

    small.bind.V = V;
    memset(small.weight, 0, sizeof small.weight);
    elbo_program_free(program);
    for (size_t x = 0; x < SAMPLES; x++) {
        const size_t s = small.row[x] / NA;

        small.weight[x] = 1;
        program = program_compile("sum(gradV(s))");
        ck_assert_double_eq_tol(program_run(program, NULL), want[s][0] + want[s][1],
                                1e-14);
        elbo_program_free(program);
        program = program_compile("norm(gradV(s))");
        ck_assert_double_eq_tol(program_run(program, NULL),
                                hypot(want[s][0], want[s][1]), 1e-14);
        elbo_program_free(program);
        small.weight[x] = 0;
    }
}
END_TEST

START_TEST(a_norm_at_zero_has_no_slope)
{
    elbo_program *program = program_compile("norm(E(y) - E(y)) + norm(0*E(y))");
    double G[MOST + ROWS] = {0};

    ck_assert_double_le(program_run(program, G), 1e-150);
    for (size_t i = 0; i < small.batch.nnz; i++) ck_assert(G[i] == 0);
    elbo_program_free(program);
}
END_TEST

/* ---- memory and threads ---- */

START_TEST(a_run_allocates_nothing)
{
    elbo_program *program = program_compile(program_cases[_i].text);
    double G[MOST + ROWS] = {0};
    const unsigned long before = elbo_alloc_count();

    program_run(program, G);
    small.V[1] = 0.77;
    program_run(program, G);
    ck_assert_uint_eq(elbo_alloc_count(), before);
    elbo_program_free(program);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    const elbo_expr *e =
        program_expression(program_cases[_i].text, true, program_arena);
    elbo_program *program = NULL;
    elbo_status s;
    size_t column;
    long n = 0;

    do {
        elbo_alloc_budget(n++);
        s = elbo_program_alloc(e, &small.batch, &program, &column);
        elbo_alloc_budget(-1);
        ck_assert_msg(s == ELBO_OK || s == ELBO_ENOMEM, "%s", why());
    } while (s != ELBO_OK);
    ck_assert_int_gt(n, 3);
    ck_assert(isfinite(program_run(program, NULL)));
    elbo_program_free(program);
}
END_TEST

START_TEST(null_is_freed)
{
    elbo_program_free(NULL);
    ck_assert_ptr_nonnull(program_arena);
}
END_TEST

Suite *suite_program(void)
{
    Suite *suite = suite_create("program");
    TCase *t = tcase_create("program");
    const int n = (int)program_cases_count;

    tcase_add_checked_fixture(t, program_set_up, program_tear_down);
    tcase_add_loop_test(t, every_objective_equals_its_loop, 0, n);
    tcase_add_loop_test(t, every_derivative_is_that_of_its_loop, 0, n);
    tcase_add_test(t, every_published_objective_is_tried);
    tcase_add_loop_test(t, a_run_sees_what_is_bound_now, 0, n);
    tcase_add_test(t, constants_J_are_bound_by_value);
    tcase_add_test(t, the_end_is_worth_nothing);
    tcase_add_test(t, the_sampled_loss_drives_the_variance_to_zero);
    tcase_add_test(t, a_stopped_mean_moves_nothing);
    tcase_add_test(t, needs_tells_what_is_read);
    tcase_add_test(t, what_is_not_needed_may_be_null);
    tcase_add_test(t, means_without_weight_are_equal);
    tcase_add_test(t, an_empty_batch_is_worth_nothing);
    tcase_add_test(t, slopes_are_one_sided_at_borders_and_zero_alone);
    tcase_add_test(t, a_norm_at_zero_has_no_slope);
    tcase_add_loop_test(t, a_run_allocates_nothing, 0, n);
    tcase_add_loop_test(t, every_allocation_may_fail, 0, n);
    tcase_add_test(t, null_is_freed);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, program_faults());
    suite_add_tcase(suite, program_large());
    suite_add_tcase(suite, program_even());
    suite_add_tcase(suite, program_samples());
    suite_add_tcase(suite, program_slopes());
    suite_add_tcase(suite, program_stages());
    return suite;
}
