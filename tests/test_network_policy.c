/* tests/test_network_policy.c -- Epi and roll in the language for networks. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/engine_cases.h"
#include "tests/network_lab.h"
#include "tests/suites.h"

/* A function of (s, a), in plain C. */
typedef double of_action(const net_lab *l, size_t i, double u, double logpi);

static double mean_over_actions(const net_lab *l, size_t i, of_action *f)
{
    double sum = 0;

    for (size_t k = 0; k < net_lab_actions(l); k++) {
        double share, logpi;
        const double u =
            net_lab_action(l, l->o + i * NO, k, &share, &logpi);

        sum += share * f(l, i, u, logpi);
    }
    return sum;
}

static double Q_of(const net_lab *l, size_t i, double u, double logpi)
{
    (void)logpi;
    return net_lab_Q(l, l->o + i * NO, u);
}

static double logpi_of(const net_lab *l, size_t i, double u, double logpi)
{
    (void)l, (void)i, (void)u;
    return logpi;
}

static double square_of(const net_lab *l, size_t i, double u, double logpi)
{
    (void)l, (void)i, (void)logpi;
    return u * u;
}

/* sq(rhat - A(s, a)) sum(E(y) * s) */
static double model_of(const net_lab *l, size_t i, double u, double logpi)
{
    const double *const o = l->o + i * NO;
    const double V = (double)l->table[ELBO_NETWORK_V][i];
    double mean[NO], std[NO];

    (void)logpi;
    net_lab_moments_at(l, o, u, mean, std);
    return pow(mean[0] + mean[1] - (net_lab_Q(l, o, u) - V), 2)
           * (mean[0] * o[0] + mean[1] * o[1]);
}

/* Var(sum(y)) + E(sum(sq(y))) */
static double moments_of(const net_lab *l, size_t i, double u, double logpi)
{
    double mean[NO], std[NO], sum = 0;

    (void)logpi;
    net_lab_moments_at(l, l->o + i * NO, u, mean, std);
    for (size_t k = 0; k < NO; k++)
        sum += 2 * std[k] * std[k] + mean[k] * mean[k];
    return sum;
}

/* E V(y), which no data end. */
static double V_of(const net_lab *l, size_t i, double u, double logpi)
{
    double mean[NO], std[NO], sum = 0;

    (void)logpi;
    net_lab_moments_at(l, l->o + i * NO, u, mean, std);
    for (size_t a = 0; a < LAB_POINTS; a++)
        for (size_t b = 0; b < LAB_POINTS; b++) {
            double p, q;
            const double x = net_lab_point(a, &p), z = net_lab_point(b, &q);
            const double y[NO] = {mean[0] + std[0] * x, mean[1] + std[1] * z};

            sum += p * q * net_lab_V(l, y);
        }
    return sum;
}

static double of_soft(const net_lab *l, size_t i)
{
    return l->r[i]
           * (mean_over_actions(l, i, Q_of)
              - 0.3 * mean_over_actions(l, i, logpi_of));
}

static double of_squares(const net_lab *l, size_t i)
{
    return mean_over_actions(l, i, square_of) * l->u[i]
           - (double)l->table[ELBO_NETWORK_Q][i];
}

static double of_model(const net_lab *l, size_t i)
{
    return mean_over_actions(l, i, model_of);
}

static double of_moments(const net_lab *l, size_t i)
{
    return mean_over_actions(l, i, moments_of);
}

static double of_constants(const net_lab *l, size_t i)
{
    return 2.385 + (double)l->table[ELBO_NETWORK_V][i];
}

static double of_calibrated(const net_lab *l, size_t i)
{
    return -0.5 * pow(mean_over_actions(l, i, V_of) - l->r[i], 2);
}

/* ---- paths ---- */

/* The mean of V, or of the sum of entries, `steps` ahead of (o, u). */
static double ahead(const net_lab *l, const double o[NO], double u,
                    size_t steps, bool value);

static double over_actions(const net_lab *l, const double y[NO], size_t steps,
                           bool value)
{
    double sum = 0;

    for (size_t k = 0; l->choices && k < LAB_CHOICES; k++) {
        double share, logpi;
        const double u = net_lab_action(l, y, k, &share, &logpi);

        sum += share * ahead(l, y, u, steps, value);
    }
    for (size_t k = 0; !l->choices && k < LAB_POINTS; k++) {
        double share;
        const double u = net_lab_draw(y, net_lab_point(k, &share));

        sum += share * ahead(l, y, u, steps, value);
    }
    return sum;
}

static double ahead(const net_lab *l, const double o[NO], double u,
                    size_t steps, bool value)
{
    const size_t points = l->certain ? 1 : LAB_POINTS;
    double mean[NO], std[NO], sum = 0;

    net_lab_moments_at(l, o, u, mean, std);
    for (size_t a = 0; a < points; a++)
        for (size_t b = 0; b < points; b++) {
            double p = 1, q = 1;
            const double x = l->certain ? 0 : net_lab_point(a, &p);
            const double z = l->certain ? 0 : net_lab_point(b, &q);
            const double y[NO] = {mean[0] + std[0] * x, mean[1] + std[1] * z};
            const double last = value ? net_lab_V(l, y) : y[0] + y[1];

            sum += p * q
                   * (steps == 1 ? last : over_actions(l, y, steps - 1, value));
        }
    return sum;
}

static double row_ahead(const net_lab *l, size_t i, size_t steps, bool value)
{
    return ahead(l, l->o + i * NO, l->u[i], steps, value)
           * (value ? 1 - l->end[i] : 1);
}

static double of_two_steps(const net_lab *l, size_t i)
{
    return row_ahead(l, i, 2, true);
}

static double of_two_squared(const net_lab *l, size_t i)
{
    return -0.5 * pow(row_ahead(l, i, 2, true) - l->r[i], 2);
}

static double of_one_step(const net_lab *l, size_t i)
{
    return row_ahead(l, i, 1, true);
}

static double of_three(const net_lab *l, size_t i)
{
    return row_ahead(l, i, 3, true) * row_ahead(l, i, 2, false) + l->u[i];
}

static double of_sum(const net_lab *l, size_t i)
{
    return 2 * row_ahead(l, i, 1, false);
}

/* ---- each case, by both policies ---- */

enum { ANY, CERTAIN };

static const struct {
    const char *text;
    double (*want)(const net_lab *l, size_t i);
    bool sampled;
    int model;
    bool choices_alone;
} cases[] = {
    {"r*(Epi(Q(s, a)) - 0.3*Epi(logpi))", of_soft, false, ANY, false},
    {"Epi(sum(sq(a)))*sum(a) - Q(s, a)", of_squares, false, ANY, false},
    {"Epi(sq(rhat - A(s, a))*sum(E(y)*s))", of_model, false, ANY, false},
    {"Epi(Var(sum(y)) + E(sum(sq(y))))", of_moments, false, ANY, false},
    {"Epi(2.385) + Epi(V(s))", of_constants, false, ANY, false},
    {"roll(1, 2*sum(y))", of_sum, false, ANY, false},
    {"roll(3, V(y))*roll(2, sum(y)) + sum(a)", of_three, false, CERTAIN, true},
    {"-0.5*sq(Epi(E(V(y))) - r)", of_calibrated, true, ANY, false},
    {"roll(1, V(y))", of_one_step, true, ANY, false},
    {"roll(2, V(y))", of_two_steps, true, ANY, false},
    {"-0.5*sq(roll(2, V(y)) - Ed(r))", of_two_squared, true, ANY, false},
    {"-0.5*sq(roll(2, V(y)) - r)", of_two_squared, true, CERTAIN, false},
};
enum { CASES = sizeof cases / sizeof *cases, EXACT = 7, DRAWS = 4000 };

static void open_lab(net_lab *l, uint64_t seed, size_t i, bool choices)
{
    size_t column;

    net_lab_set_up(l, seed);
    l->choices = choices;
    l->certain = cases[i].model == CERTAIN;
    if (l->certain)
        for (size_t k = 0; k < NO; k++) l->theta[NZ * NO + k] = -800;
    case_ok(net_lab_compile(l, cases[i].text, &column));
}

START_TEST(each_expression_in_closed_form_is_what_it_says)
{
    for (int choices = cases[_i].choices_alone; choices < 2; choices++) {
        net_lab l;
        double got[ROWS];
        elbo_rng rng = elbo_rng_stream(1, "samples", 0);

        ck_assert(!cases[_i].sampled);
        open_lab(&l, (uint64_t)_i, (size_t)_i, choices);
        net_lab_bind(&l, &rng);
        net_lab_values(&l, got);
        for (size_t i = 0; i < ROWS; i++) {
            const double want = cases[_i].want(&l, i);

            ck_assert_msg(fabs(got[i] - want) <= 1e-10 * (1 + fabs(want)),
                          "%s: %.17g, not %.17g", cases[_i].text, got[i], want);
        }
        net_lab_close(&l);
    }
}
END_TEST

/* Their mean over many draws, within five of its deviations. */
START_TEST(each_expression_by_samples_is_unbiased)
{
    for (int choices = 0; choices < 2; choices++) {
        net_lab l;
        double got[ROWS], sum[ROWS] = {0}, square[ROWS] = {0};
        elbo_rng rng = elbo_rng_stream(7, "samples", (uint64_t)_i);

        ck_assert(cases[_i].sampled);
        open_lab(&l, 11, (size_t)_i, choices);
        for (size_t k = 0; k < DRAWS; k++) {
            net_lab_bind(&l, &rng);
            net_lab_values(&l, got);
            for (size_t i = 0; i < ROWS; i++) {
                sum[i] += got[i] / DRAWS;
                square[i] += got[i] * got[i] / DRAWS;
            }
        }
        for (size_t i = 0; i < ROWS; i++) {
            const double want = cases[_i].want(&l, i);
            const double error =
                sqrt(fmax(square[i] - sum[i] * sum[i], 0) / DRAWS);

            ck_assert_msg(fabs(sum[i] - want) <= 5 * error + 1e-9,
                          "%s, choices %d, row %zu: %g +- %g, not %g",
                          cases[_i].text, choices, i, sum[i], error, want);
        }
        net_lab_close(&l);
    }
}
END_TEST

START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;

    for (int choices = cases[_i].choices_alone; choices < 2; choices++) {
        net_lab l;
        double gradient[NTHETA], value[ROWS], moved = 0;
        elbo_rng rng = elbo_rng_stream(3, "samples", 0);

        open_lab(&l, 20 + (uint64_t)_i, (size_t)_i, choices);
        net_lab_bind(&l, &rng);
        net_lab_values(&l, value);
        net_lab_gradient(&l, gradient);
        for (size_t j = 0; j < NTHETA; j++) {
            const double x = l.theta[j];
            double up[ROWS], down[ROWS], want = 0;

            l.theta[j] = x + h;
            net_lab_values(&l, up);
            l.theta[j] = x - h;
            net_lab_values(&l, down);
            l.theta[j] = x;
            for (size_t i = 0; i < ROWS; i++)
                want += (up[i] - down[i]) / (2 * h);
            moved = fmax(moved, fabs(want));
            ck_assert_msg(fabs(gradient[j] - want) <= 1e-6 * (1 + fabs(want)),
                          "%s, choices %d, %zu: %.10g, not %.10g",
                          cases[_i].text, choices, j, gradient[j], want);
        }
        if (l.expr->depends & ELBO_ON_THETA) ck_assert_double_gt(moved, 1e-3);
        net_lab_close(&l);
    }
}
END_TEST

/* One step ahead is E itself, draw by draw. */
START_TEST(one_step_ahead_is_the_mean_over_successors)
{
    static const char *const texts[] = {"sq(roll(1, V(y)) - r)",
                                        "sq(E(V(y)) - r)"};
    double got[2][ROWS];

    for (size_t k = 0; k < 2; k++) {
        net_lab l;
        elbo_rng rng = elbo_rng_stream(3, "samples", 0);
        size_t column;

        net_lab_set_up(&l, 5);
        case_ok(net_lab_compile(&l, texts[k], &column));
        net_lab_bind(&l, &rng);
        net_lab_values(&l, got[k]);
        net_lab_close(&l);
    }
    for (size_t i = 0; i < ROWS; i++) ck_assert(got[0][i] == got[1][i]);
}
END_TEST

START_TEST(what_a_control_or_model_does_not_tell_is_refused)
{
    static const struct {
        const char *text, *why;
        size_t column;
    } wrong[] = {
        {"logp + Epi(sum(a))", "policy is not told", 7},
        {"logp + roll(2, V(y))", "policy is not told", 7},
    };
    elbo_network_words words = elbo_network_all(true);
    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    elbo_expr *expr;
    size_t column;

    words.policy = false;
    for (size_t i = 0; i < 2; i++) {
        case_fails(elbo_network_parse(wrong[i].text, NULL, &words, arena, &expr,
                                      &column, NULL),
                   ELBO_EINVAL, wrong[i].why);
        ck_assert_uint_eq(column, wrong[i].column);
    }
    words = elbo_network_all(true);
    words.action_value = false;
    case_fails(elbo_network_parse("logp + Epi(Q(s, a))", NULL, &words, arena,
                                  &expr, &column, NULL),
               ELBO_EINVAL, "no value of an action");
    ck_assert_uint_eq(column, 11);
    words = elbo_network_all(true);
    words.steps = false;
    case_fails(elbo_network_parse("logp + roll(2, V(y))", NULL, &words, arena,
                                  &expr, &column, NULL),
               ELBO_EINVAL, "nothing of other rows");
    case_fails(elbo_network_parse("logp + Epi(E(V(y)))", NULL, &words, arena,
                                  &expr, &column, NULL),
               ELBO_EINVAL, "nothing of other actions");
    words = elbo_network_all(false);
    case_ok(elbo_network_parse("exp(A(s, a) - Epi(Q(s, a)))", NULL, &words,
                               arena, &expr, &column, NULL));
    case_fails(elbo_network_parse("1 + Epi(rhat)", NULL, &words, arena, &expr,
                                  &column, NULL),
               ELBO_EINVAL, "no member");
    elbo_arena_free(arena);
}
END_TEST

/* Four first states and three choices a step: 4 * 3^4 are 324, 3^5 are too many. */
START_TEST(so_many_paths_are_refused)
{
    static const char *const texts[] = {"1 + roll(5, V(y))",
                                        "1 + roll(6, V(y))"};

    for (size_t k = 0; k < 2; k++) {
        net_lab l;
        size_t column = 0;

        net_lab_set_up(&l, 5);
        l.choices = true;
        if (k == 0)
            case_ok(net_lab_compile(&l, texts[k], &column));
        else
            case_fails(net_lab_compile(&l, texts[k], &column), ELBO_EINVAL,
                       "too many paths");
        ck_assert_uint_eq(column, k == 0 ? 0 : 4);
        net_lab_close(&l);
    }
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
        l.choices = _i % 2;
        elbo_alloc_budget(n++);
        s = net_lab_compile(&l, cases[_i].text, &column);
        elbo_alloc_budget(-1);
        net_lab_close(&l);
    }
    case_ok(s);
    ck_assert_int_gt(n, 4);
}
END_TEST

Suite *suite_network_policy(void)
{
    Suite *s = suite_create("network_policy");
    TCase *t = tcase_create("network_policy");

    tcase_add_loop_test(t, each_expression_in_closed_form_is_what_it_says, 0,
                        EXACT);
    tcase_add_loop_test(t, each_expression_by_samples_is_unbiased, EXACT,
                        CASES);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0,
                        CASES);
    tcase_add_test(t, one_step_ahead_is_the_mean_over_successors);
    tcase_add_test(t, what_a_control_or_model_does_not_tell_is_refused);
    tcase_add_test(t, so_many_paths_are_refused);
    tcase_add_loop_test(t, each_allocation_may_fail, 0, CASES);
    suite_add_tcase(s, t);
    return s;
}
