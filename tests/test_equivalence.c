/* tests/test_equivalence.c -- published facts of value-equivalent learning, by
 * objectives of the language on worlds small enough to be exact.
 */
#include <math.h>
#include <string.h>

#include "tests/program_cases.h"
#include "tests/suites.h"

enum { STATES = 6 };

static elbo_arena *arena;

static void set_up(void)
{
    arena = elbo_arena_alloc(4096);
}

static void tear_down(void)
{
    elbo_arena_free(arena);
}

/* One (s, a) with every state as a successor; D is the distribution P itself. */
typedef struct one_row {
    size_t n;
    elbo_batch batch;
    size_t start[STATES + 1];
    uint32_t successor[STATES], row[STATES], next[STATES], entry[STATES];
    double r[STATES], P[STATES], V[STATES + 1];
} one_row;

static void init(one_row *w, size_t n, const double P[])
{
    memset(w, 0, sizeof *w);
    w->n = n;
    for (size_t y = 0; y < n; y++) {
        w->successor[y] = w->next[y] = w->entry[y] = (uint32_t)y;
        w->P[y] = P[y];
    }
    for (size_t row = 1; row <= n; row++) w->start[row] = n;
    w->batch = (elbo_batch){.nS = n,
                            .nA = 1,
                            .n = n,
                            .row = w->row,
                            .next = w->next,
                            .entry = w->entry,
                            .r = w->r,
                            .weight = w->P,
                            .nnz = n,
                            .start = w->start,
                            .successor = w->successor,
                            .gamma = 1};
}

/* The objective at the model q. */
static double value(one_row *w, const char *text, const double q[])
{
    const elbo_expr *e = program_expression(text, false, arena);
    const elbo_bindings bind = {.p = q, .V = w->V};
    elbo_program *program = NULL;
    double out = NAN;
    size_t column;

    ck_assert_int_eq(elbo_program_alloc(e, &w->batch, &program, &column),
                     ELBO_OK);
    ck_assert_int_eq(elbo_program_run(program, &bind, &out, NULL, &column),
                     ELBO_OK);
    elbo_program_free(program);
    return out;
}

/* ---- Grimm, Barreto, Singh, Silver (2020), appendix A.1.2 ---- */

/* The class q = ((1 - t) / 2, t, (1 - t) / 2), t in [0, 1]. */
static double at(one_row *w, const char *text, double t)
{
    return value(w, text, (double[]){(1 - t) / 2, t, (1 - t) / 2});
}

/* Its best member for a concave objective, by thirds. */
static double best(one_row *w, const char *text)
{
    double low = 0, high = 1;

    for (int k = 0; k < 90; k++) {
        const double x = low + (high - low) / 3, y = high - (high - low) / 3;

        if (at(w, text, x) < at(w, text, y))
            low = x;
        else
            high = y;
    }
    return (low + high) / 2;
}

/* From state 0 action a goes by (.6, .4, 0), b by (.4, .2, .4); entering state 0,
 * where the others return at once, pays 1: the action that stays more often is
 * the better one, a. */
START_TEST(a_model_that_is_right_about_values_plans_right_and_the_likeliest_wrong)
{
    static const char *const ve = "-sq(E(V(y)) - Ed(V(next)))";
    one_row a, b;

    init(&a, 3, (double[]){0.6, 0.4, 0});
    init(&b, 3, (double[]){0.4, 0.2, 0.4});
    a.V[0] = b.V[0] = 1;
    /* near a flat maximum thirds see half the digits */
    ck_assert_double_eq_tol(best(&a, "max(logp, -99)"), 0.4, 1e-7);
    ck_assert_double_eq_tol(best(&b, "logp"), 0.2, 1e-7);
    ck_assert_double_lt((1 - best(&a, "max(logp, -99)")) / 2,
                        (1 - best(&b, "logp")) / 2 - 0.09);
    ck_assert_double_eq_tol(best(&a, ve), 0, 1e-7);
    ck_assert_double_eq_tol(best(&b, ve), 0.2, 1e-7);
    ck_assert_double_gt((1 - best(&a, ve)) / 2, (1 - best(&b, ve)) / 2 + 0.09);
    ck_assert_double_lt(at(&a, ve, best(&a, ve)), -0.009); /* none is exact */
}
END_TEST

/* ---- Voelcker et al. (2025): one outcome of two, of values 0 and 1 ---- */

/* Where P gives the second outcome p, its probability in the best model is: */
static const struct {
    const char *text;
    bool calibrated; /* p; else the border that is nearer to p, the median */
} values_of_two[] = {
    {"-0.5*sq(E(V(y)) - V(next))", true},
    {"-0.5*sq(E(V(y)) - Ed(V(next)))", true},
    {"-abs(E(V(y)) - Ed(V(next)))", true},
    {"max(logp, -99)", true},
    {"-0.5*E(sq(V(y) - V(next)))", false},
    {"-E(abs(V(y) - V(next)))", false},
    {"-abs(E(V(y)) - V(next))", false},
};

START_TEST(only_calibrated_losses_have_their_optimum_at_p)
{
    static const double shares[] = {0.2, 0.45, 0.6, 0.7, 0.9};

    for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
        const double p = shares[k];
        const double want = values_of_two[_i].calibrated ? p : p > 0.5;
        double low = 0, high = 1;
        one_row w;

        init(&w, 2, (double[]){1 - p, p});
        w.V[1] = 1;
        for (int i = 0; i < 90; i++) {
            const double x = low + (high - low) / 3, y = high - (high - low) / 3;

            if (value(&w, values_of_two[_i].text, (double[]){1 - x, x})
                < value(&w, values_of_two[_i].text, (double[]){1 - y, y}))
                low = x;
            else
                high = y;
        }
        ck_assert_msg(fabs((low + high) / 2 - want) < 1e-7, "%s, p = %g: %.9g",
                      values_of_two[_i].text, p, (low + high) / 2);
    }
}
END_TEST

/* ---- Farahmand, Barreto, Nikovski (2017) ---- */

static const double world[STATES] = {0.1, 0.25, 0.05, 0.3, 0.2, 0.1};
static const double model[STATES] = {0.2, 0.05, 0.15, 0.15, 0.05, 0.4};

/* sup over |w| <= 1 of (<P - Q, Psi w>)^2 is the sum over the basis: no unit
 * vector does better, and the normalised differences attain it. */
START_TEST(the_supremum_over_a_ball_is_the_sum_over_its_basis)
{
    enum { BASIS = 3 };
    double sum = 0, d[BASIS], norm = 0, most = 0;
    one_row w;

    init(&w, STATES, world);
    for (size_t j = 0; j < BASIS; j++) {
        d[j] = 0;
        for (size_t y = 0; y < STATES; y++) {
            w.V[y] = cos(2.385 * (double)(y + STATES * j));
            d[j] += (model[y] - world[y]) * w.V[y];
        }
        norm += d[j] * d[j];
        sum -= value(&w, "-sq(E(V(y)) - Ed(V(next)))", model);
    }
    ck_assert_double_eq_tol(sum, norm, 1e-14);
    for (int k = 0; k <= 2000; k++) {
        double u[BASIS] = {sin(k), sin(1.7 * k + 1), cos(2.3 * k)}, length = 0;

        for (size_t j = 0; j < BASIS && k == 2000; j++) u[j] = d[j];
        for (size_t j = 0; j < BASIS; j++) length += u[j] * u[j];
        for (size_t y = 0; y < STATES; y++) {
            w.V[y] = 0;
            for (size_t j = 0; j < BASIS; j++)
                w.V[y] += u[j] / sqrt(length)
                          * cos(2.385 * (double)(y + STATES * j));
        }

        const double loss = -value(&w, "-sq(E(V(y)) - Ed(V(next)))", model);

        ck_assert_double_le(loss, sum + 1e-14);
        most = fmax(most, loss);
    }
    ck_assert_double_eq_tol(most, sum, 1e-14);
}
END_TEST

/* ---- Asadi, Cater, Misra, Littman (2018) ---- */

/* Cells on a line: the distance of two distributions from their sums from the
 * left, and as the worst of all functions that no two neighbours' slopes of 1
 * exceed: the corners of that set have slope 1 or -1 everywhere. */
START_TEST(the_worst_lipschitz_value_is_the_wasserstein_distance)
{
    static const double place[STATES] = {0, 0.5, 1.7, 2, 3.385, 5};
    double left = 0, distance = 0, most = 0;
    one_row w;

    init(&w, STATES, world);
    for (size_t y = 0; y + 1 < STATES; y++) {
        left += world[y] - model[y];
        distance += fabs(left) * (place[y + 1] - place[y]);
    }
    for (unsigned corner = 0; corner < 1u << (STATES - 1); corner++) {
        w.V[0] = -0.7;
        for (size_t y = 0; y + 1 < STATES; y++)
            w.V[y + 1] =
                w.V[y]
                + (corner >> y & 1 ? 1 : -1) * (place[y + 1] - place[y]);
        most = fmax(most, -value(&w, "-abs(E(V(y)) - Ed(V(next)))", model));
    }
    ck_assert_double_eq_tol(most, distance, 1e-12);
}
END_TEST

Suite *suite_equivalence(void)
{
    Suite *suite = suite_create("equivalence");
    TCase *t = tcase_create("equivalence");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(
        t, a_model_that_is_right_about_values_plans_right_and_the_likeliest_wrong);
    tcase_add_loop_test(t, only_calibrated_losses_have_their_optimum_at_p, 0,
                        sizeof values_of_two / sizeof *values_of_two);
    tcase_add_test(t, the_supremum_over_a_ball_is_the_sum_over_its_basis);
    tcase_add_test(t, the_worst_lipschitz_value_is_the_wasserstein_distance);
    suite_add_tcase(suite, t);
    return suite;
}
