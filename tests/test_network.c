/* tests/test_network.c -- the language for networks. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/engine_cases.h"
#include "tests/network_truths.h"
#include "tests/suites.h"

enum { CASES = NETWORK_TRUTHS, EXACT = NETWORK_EXACT, DRAWS = NETWORK_DRAWS };

static void open_lab(net_lab *l, uint64_t seed, const char *text)
{
    size_t column;

    net_lab_set_up(l, seed);
    case_ok(net_lab_compile(l, text, &column));
}

START_TEST(each_expression_in_closed_form_is_what_it_says)
{
    const network_truth *const t = &network_truths[_i];
    elbo_rng rng = elbo_rng_stream(1, "samples", 0);
    net_lab l;

    ck_assert(!t->sampled);
    open_lab(&l, (uint64_t)_i, t->text);
    network_is(&l, t, &rng, 1e-9);
    net_lab_close(&l);
}
END_TEST

START_TEST(each_expression_by_samples_is_unbiased)
{
    const network_truth *const t = &network_truths[_i];
    elbo_rng rng = elbo_rng_stream(7, "samples", (uint64_t)_i);
    net_lab l;

    ck_assert(t->sampled);
    open_lab(&l, 11, t->text);
    network_is_on_average(&l, t, &rng);
    net_lab_close(&l);
}
END_TEST

/* What the test above is able to see: the square of one mean of few samples. */
START_TEST(a_square_of_samples_on_purpose_is_biased_by_their_variance)
{
    net_lab l;
    double got[ROWS], sum[ROWS] = {0};
    elbo_rng rng = elbo_rng_stream(7, "samples", 100);

    open_lab(&l, 11, "-0.5*sq(E(V(y), 2) - V(next))");
    for (size_t k = 0; k < DRAWS; k++) {
        net_lab_bind(&l, &rng);
        net_lab_values(&l, got);
        for (size_t i = 0; i < ROWS; i++) sum[i] += got[i] / DRAWS;
    }
    for (size_t i = 0; i < ROWS; i++) {
        const double want =
            network_itervaml(&l, i) - 0.25 * network_V_variance(&l, i);

        ck_assert_double_eq_tol(sum[i], want,
                                0.1 * fabs(network_V_variance(&l, i)) + 1e-9);
    }
    ck_assert_double_gt(network_V_variance(&l, 0), 0.01);
    net_lab_close(&l);
}
END_TEST

START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;
    net_lab l;
    double gradient[NTHETA], value[ROWS], moved = 0;
    elbo_rng rng = elbo_rng_stream(3, "samples", 0);

    open_lab(&l, 20 + (uint64_t)_i, network_truths[_i].text);
    net_lab_bind(&l, &rng);
    net_lab_values(&l, value);
    net_lab_gradient(&l, gradient);
    elbo_tape_hold(l.tape, true);
    for (size_t j = 0; j < NTHETA; j++) {
        const double x = l.theta[j];
        double up[ROWS], down[ROWS], want = 0;

        l.theta[j] = x + h;
        net_lab_values(&l, up);
        l.theta[j] = x - h;
        net_lab_values(&l, down);
        l.theta[j] = x;
        for (size_t i = 0; i < ROWS; i++) want += (up[i] - down[i]) / (2 * h);
        moved = fmax(moved, fabs(want));
        ck_assert_msg(fabs(gradient[j] - want) <= 1e-7 * (1 + fabs(want)),
                      "%s, %zu: %.10g, not %.10g", network_truths[_i].text, j,
                      gradient[j], want);
    }
    if (l.expr->depends & ELBO_ON_THETA) ck_assert_double_gt(moved, 1e-3);
    net_lab_close(&l);
}
END_TEST

/* A model without noise needs no samples: E f is f at its mean. */
START_TEST(of_a_certain_model_means_are_values_and_nothing_is_drawn)
{
    static const char text[] =
        "sq(E(V(y)) - V(next)) + 3*Var(V(y)) + E(abs(V(y)), 5)"
        " + usq(E(V(y), 2) - r) + E(V(y))*E(sum(sq(y)))";
    elbo_rng rng = elbo_rng_stream(3, "samples", 0);
    const elbo_rng before = rng;
    net_lab l;
    double got[ROWS];
    size_t column;

    net_lab_set_up(&l, 6);
    l.certain = true;
    for (size_t k = 0; k < NO; k++) l.theta[NZ * NO + k] = -800;
    case_ok(net_lab_compile(&l, text, &column));
    net_lab_bind(&l, &rng);
    net_lab_values(&l, got);
    ck_assert(rng.count == before.count && rng.used == before.used);
    for (size_t i = 0; i < ROWS; i++) {
        double mean[NO], std[NO];

        net_lab_moments(&l, i, mean, std);

        const double V = network_V_at(&l, i, mean);
        const double want = pow(V - network_V_next(&l, i), 2) + fabs(V)
                            + pow(V - l.r[i], 2)
                            + V * (mean[0] * mean[0] + mean[1] * mean[1]);

        ck_assert_double_eq_tol(got[i], want, 1e-12 * (1 + fabs(want)));
    }
    net_lab_close(&l);
}
END_TEST

START_TEST(what_is_stopped_has_no_slope)
{
    net_lab l;
    double gradient[NTHETA], value[ROWS];
    elbo_rng rng = elbo_rng_stream(3, "samples", 0);

    open_lab(&l, 4,
             "stop(E(V(y))*logp) + sq(stop(E(V(y)))) + E(stop(sum(sq(y))))");
    net_lab_bind(&l, &rng);
    net_lab_values(&l, value);
    net_lab_gradient(&l, gradient);
    for (size_t j = 0; j < NTHETA; j++) ck_assert_double_eq(gradient[j], 0);
    net_lab_close(&l);
}
END_TEST

/* ---- binding ---- */

START_TEST(a_short_batch_ends_in_copies_of_its_last_row_which_no_mean_counts)
{
    net_lab l;
    double full[ROWS], part[ROWS];
    elbo_rng rng = elbo_rng_stream(3, "samples", 0);

    open_lab(&l, 5, "V(next)*exp(Q(s, a))");
    net_lab_bind(&l, &rng);
    net_lab_values(&l, full);
    l.rows.n = 2;
    net_lab_bind(&l, &rng);
    net_lab_values(&l, part);
    ck_assert_double_eq(part[l.slot[1]], full[l.slot[1]]);
    ck_assert_double_eq(part[l.slot[4]], full[l.slot[1]]);
    net_lab_close(&l);

    open_lab(&l, 5, "mean(V(next))");
    l.rows.n = 2;
    net_lab_bind(&l, &rng);
    net_lab_values(&l, part);

    const size_t a = l.slot[0], b = l.slot[1];
    const double want = (l.weight[a] * network_V_next(&l, a)
                         + l.weight[b] * network_V_next(&l, b))
                        / (l.weight[a] + l.weight[b]);

    ck_assert_double_eq_tol(part[0], want, 1e-12);
    net_lab_close(&l);
}
END_TEST

START_TEST(it_tells_what_it_reads)
{
    const elbo_network_factor *factor;
    net_lab l;

    open_lab(&l, 5,
             "occupancy(current)/occupancy(data)*V(next) + exp(logratio)"
             " + occupancy(current)/occupancy(data)");
    ck_assert(elbo_network_reads(l.program, ELBO_NETWORK_V_NEXT));
    ck_assert(!elbo_network_reads(l.program, ELBO_NETWORK_V));
    ck_assert_uint_eq(elbo_network_factors(l.program, &factor), 2);
    ck_assert_str_eq(factor[0].text, "occupancy(current)");
    ck_assert_str_eq(factor[1].text, "logratio");
    net_lab_close(&l);
}
END_TEST

/* ---- what has no meaning ---- */

static const struct {
    const char *text, *why;
    size_t column;
} wrong[] = {
    {"logp + Jmodel",                         "no function of networks", 7 },
    {"r*occupancy",                           "is estimated",            2 },
    {"logp*occupancy(current)",               "only the quotient",       5 },
    {"-abs(E(V(y)) - Ed(V(next)))",           "fits the median",         1 },
    {"E(exp(V(y) - Ed(V(next))))",            "only sums and squares",   2 },
    {"-0.5*sq(E(V(y))*Ed(V(next)))",          "may not depend on theta", 8 },
    {"Ed(r)*Ed(V(next))",                     "same sample",             0 },
    {"1/Ed(r)",                               "only sums and squares",   0 },
    {"Ed(r)^3",                               "only sums and squares",   0 },
    {"V(Ed(next))",                           "write Ed(V(f))",          0 },
    {"E(sum(gradV(y)))",                      "second one",              6 },
    {"Q(next, a)",                            "of the data alone",       0 },
    {"E(logpi(y, a))",                        "of the data alone",       2 },
    {"V_target(normalize(a))",                "no state",                0 },
    {"1 + E(V_then(y))",                      "at s and at next",        6 },
    {"1 + Epi(sum(s*r))",                     "no reward",               14},
    {"Epi(logp)",                             "no next",                 4 },
    {"Epi(Ed(Q(s, a)))",                      "no sample",               4 },
    {"Epi(Q(s, a)*Epi(sum(a)))",              "within Epi",              12},
    {"Epi(mean(Q(s, a)))",                    "within Epi",              4 },
    {"logp + Epi(exp(logratio))",             "no next",                 15},
    {"fixed_pi(logp)",                        "write f itself",          0 },
    {"-worst(E(V(y)) - V(next), 0)",          "adversary",               1 },
    {"E(exp(logratio)*V(y))",                 "next alone",              6 },
    {"sum(a*(s + next)*normalize(s)) + V(a)", "not an action",           35},
    {"V(normalize(a))",                       "no state",                0 },
};
enum { WRONG = sizeof wrong / sizeof *wrong };

START_TEST(what_has_no_meaning_is_refused_at_its_place)
{
    net_lab l;
    size_t column = 99;
    elbo_status s;

    net_lab_set_up(&l, 1);
    s = net_lab_compile(&l, wrong[_i].text, &column);
    ck_assert_msg(s == ELBO_EINVAL, "%s: %s", wrong[_i].text,
                  elbo_status_text(s));
    ck_assert_msg(strstr(elbo_last_error()->text, wrong[_i].why) != NULL,
                  "%s: %s", wrong[_i].text, elbo_last_error()->text);
    ck_assert_msg(column == wrong[_i].column, "%s: column %zu", wrong[_i].text,
                  column);
    net_lab_close(&l);
}
END_TEST

START_TEST(text_is_checked_without_a_model)
{
    const elbo_network_words all = elbo_network_all(true);
    const elbo_network_words outside = elbo_network_all(false);
    elbo_network_words mute = all;
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    const char *nearest;
    elbo_expr *expr;
    size_t column;

    for (size_t i = 0; i < CASES; i++)
        case_ok(elbo_network_parse(network_truths[i].text, net_lab_factors,
                                   &all, arena, &expr, &column, &nearest));
    case_fails(elbo_network_parse("logq", net_lab_factors, &all, arena, &expr,
                                  &column, &nearest),
               ELBO_EINVAL, "unknown name");
    ck_assert_str_eq(nearest, "logp");
    case_ok(elbo_network_parse("exp(logp)*A(s, a)", net_lab_factors, &outside,
                               arena, &expr, NULL, NULL));
    case_fails(elbo_network_parse("1 + E(V(y))", net_lab_factors, &outside,
                                  arena, &expr, &column, &nearest),
               ELBO_EINVAL, "no member");
    ck_assert_uint_eq(column, 4);
    mute.has[ELBO_NETWORK_V_NEXT] = mute.value = false;
    case_fails(elbo_network_parse("logp + E(V(y))", net_lab_factors, &mute,
                                  arena, &expr, &column, NULL),
               ELBO_EINVAL, "no value function");
    case_fails(elbo_network_parse("logp + V(next)", net_lab_factors, &mute,
                                  arena, &expr, &column, NULL),
               ELBO_EINVAL, "no value function");
    ck_assert_uint_eq(column, 7);
    case_ok(elbo_network_parse("logp + V(s)", net_lab_factors, &mute, arena,
                               &expr, NULL, NULL));
    mute.has[ELBO_NETWORK_TARGET] = mute.target = false;
    case_fails(elbo_network_parse("logp + E(V_target(y))", net_lab_factors,
                                  &mute, arena, &expr, &column, NULL),
               ELBO_EINVAL, "no slow copy");
    case_fails(elbo_network_parse("logp + V_target(s)", net_lab_factors, &mute,
                                  arena, &expr, &column, NULL),
               ELBO_EINVAL, "no slow copy");
    ck_assert_uint_eq(column, 7);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    net_lab l;
    elbo_status s = ELBO_ENOMEM;
    size_t column;
    long n = 0;

    while (s == ELBO_ENOMEM) {
        net_lab_set_up(&l, 1);
        elbo_alloc_budget(n++);
        s = net_lab_compile(&l, network_truths[_i].text, &column);
        elbo_alloc_budget(-1);
        net_lab_close(&l);
    }
    case_ok(s);
    ck_assert_int_gt(n, 4);
}
END_TEST

Suite *suite_network(void)
{
    Suite *s = suite_create("network");
    TCase *t = tcase_create("network");

    tcase_add_loop_test(t, each_expression_in_closed_form_is_what_it_says, 0,
                        EXACT);
    tcase_add_loop_test(t, each_expression_by_samples_is_unbiased, EXACT,
                        CASES);
    tcase_add_test(t,
                   a_square_of_samples_on_purpose_is_biased_by_their_variance);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0,
                        CASES);
    tcase_add_test(t, of_a_certain_model_means_are_values_and_nothing_is_drawn);
    tcase_add_test(t, what_is_stopped_has_no_slope);
    tcase_add_test(
        t, a_short_batch_ends_in_copies_of_its_last_row_which_no_mean_counts);
    tcase_add_test(t, it_tells_what_it_reads);
    tcase_add_loop_test(t, what_has_no_meaning_is_refused_at_its_place, 0,
                        WRONG);
    tcase_add_test(t, text_is_checked_without_a_model);
    tcase_add_loop_test(t, each_allocation_may_fail, 0, CASES);
    suite_add_tcase(s, t);
    return s;
}
