/* tests/test_robust.c -- transition: robust(radius, ball), row by row. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/transition.h"
#include "tests/random_process.h"
#include "tests/robust_cases.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* ---- properties in every layout ---- */

static const elbo_ball balls[] = {ELBO_BALL_KL, ELBO_BALL_TV};
static const double all_radii[] = {1e-14, 1e-7, 1e-3, 0.05,    0.3,
                                   0.8,   1.7,  4,    HUGE_VAL};
enum { RADII = sizeof all_radii / sizeof *all_radii };

/* What the definition says of each row's q and of its value. */
static void check_rows(const elbo_tilt *tilt, const elbo_kernel *P,
                       const double V[], double ce[])
{
    const size_t rows = P->pattern->nS * P->pattern->nA;
    elbo_kernel Q = *P;

    Q.prob = elbo_arena_doubles(arena, P->pattern->nnz);
    tilt->kind->expect(tilt, P, V, 0, rows, ce);
    tilt->kind->posterior(tilt, P, V, 0, rows, Q.prob);
    for (size_t row = 0; row < rows; row++) {
        double sum = 0, mean = 0, moved = 0;

        for (size_t i = elbo_row_begin(P->pattern, row);
             i < elbo_row_end(P->pattern, row); i++) {
            ck_assert(Q.prob[i] >= 0 && (P->prob[i] > 0 || Q.prob[i] == 0));
            sum += Q.prob[i];
            mean += Q.prob[i] * V[elbo_successor(P->pattern, row, i)];
            moved += fabs(Q.prob[i] - P->prob[i]) / 2;
        }

        const double b = robust_column(tilt, 0, &Q, P, V, row);
        const double kl = robust_column(tilt, 1, &Q, P, V, row);

        ck_assert_double_eq_tol(sum, 1, 1e-14);
        ck_assert_double_eq_tol(ce[row], robust_discount * mean, 1e-14);
        ck_assert(b >= 0 && isfinite(b));
        ck_assert_double_eq(kl, elbo_row_kl(&Q, P, row));
        if (tilt->ball == ELBO_BALL_TV)
            ck_assert_double_le(moved, tilt->radius + 1e-14);
        else if (b > 0)
            ck_assert_double_eq_tol(kl, tilt->radius,
                                    fmin(1e-10, 1e-6 * tilt->radius) + 1e-15);
        else
            ck_assert_double_le(kl, tilt->radius + 1e-13);
    }
}

START_TEST(q_lies_on_the_border_or_on_the_worst_and_attains_the_value)
{
    elbo_rng rng = elbo_rng_stream(4, "robust rows", 0);
    double ce[LAYOUTS][62];

    for (size_t branching = 1; branching <= 9; branching++) {
        const elbo_mdp mdp = random_process(&rng, 31, 2, branching, 0.3, arena);
        double *V = random_doubles(&rng, 32, -2, 2, arena);

        V[31] = 0;
        for (size_t i = 0; i < RADII; i++)
            for (size_t l = branching <= 8 ? 0 : 1; l < LAYOUTS; l++) {
                const elbo_kernel P = in_layout(&mdp.P, (layout)l, arena);
                const elbo_tilt tilt = robust_ball(balls[_i], all_radii[i]);

                check_rows(&tilt, &P, V, ce[l]);
                for (size_t k = 0; k < 62; k++)
                    ck_assert_double_eq_tol(
                        ce[l][k], ce[branching <= 8 ? 0 : 1][k], 1e-14);
            }
    }
}
END_TEST

START_TEST(rows_longer_than_a_piece_are_solved_alike)
{
    elbo_rng rng = elbo_rng_stream(11, "robust long", 0);
    const elbo_mdp mdp = random_process(&rng, 701, 1, 600, 0.3, arena);
    const elbo_tilt tilt = robust_ball(balls[_i], 0.2385);
    double *V = random_doubles(&rng, 702, -2, 2, arena), ce[701];

    V[701] = 0;
    check_rows(&tilt, &mdp.P, V, ce);
}
END_TEST

START_TEST(the_value_falls_from_the_models_to_the_worst_as_the_radius_grows)
{
    elbo_rng rng = elbo_rng_stream(5, "robust radius", 0);
    const elbo_tilt clamp = {.kind = &elbo_transition_model,
                             .beta = HUGE_VAL,
                             .gamma = robust_discount};

    for (size_t k = 0; k < 100; k++) {
        double last, worst = HUGE_VAL;
        robust_row r;

        robust_row_open(&r, ROBUST_MOST, &rng);
        for (size_t i = 0; i < ROBUST_MOST; i++) worst = fmin(worst, r.V[i]);
        robust_row_solve(&r, &(elbo_tilt){.kind = &elbo_transition_robust,
                                          .gamma = robust_discount,
                                          .ball = balls[_i]});
        clamp.kind->expect(&clamp, &r.P, r.V, 0, 1, &last);
        ck_assert_double_eq_tol(r.ce, last, 1e-14); /* radius 0 */
        for (size_t i = 0; i < RADII; i++) {
            const elbo_tilt tilt = robust_ball(balls[_i], all_radii[i]);

            robust_row_solve(&r, &tilt);
            ck_assert_double_le(r.ce, last + 1e-15);
            /* Pinsker: |q - p| / 2 <= sqrt(KL / 2), and E moves by that at most
             * times the span */
            if (all_radii[i] < 1e-6)
                ck_assert_double_ge(r.ce,
                                    last - 6 * sqrt(all_radii[i] / 2) - 1e-14);
            last = r.ce;
        }
        ck_assert_double_eq_tol(r.ce, robust_discount * worst, 1e-15);
        ck_assert_double_eq(
            robust_column(&(elbo_tilt){.radius = HUGE_VAL,
                                       .gamma = robust_discount,
                                       .ball = balls[_i],
                                       .kind = &elbo_transition_robust},
                          0, &r.Q, &r.P, r.V, 0),
            0);
    }
}
END_TEST

START_TEST(the_multiplier_is_the_slope_of_the_value)
{
    elbo_rng rng = elbo_rng_stream(6, "robust slope", 0);
    const double h = 1e-5;

    for (size_t k = 0; k < 100; k++) {
        const double radius = 0.05 + 0.003 * (double)k;
        const elbo_tilt tilt = robust_ball(balls[_i], radius);
        double side[2];
        robust_row r;

        robust_row_open(&r, ROBUST_MOST, &rng);
        for (size_t i = 0; i < 2; i++) {
            const elbo_tilt near =
                robust_ball(balls[_i], i == 0 ? radius : radius + h);

            robust_row_solve(&r, &near);
            side[i] = r.ce;
        }
        ck_assert_double_eq_tol(robust_column(&tilt, 0, &r.Q, &r.P, r.V, 0),
                                (side[0] - side[1]) / h, 1e-3);
    }
}
END_TEST

/* ---- the dual ---- */

/* -b radius - b log E_p exp(-gamma V / b), in long double. */
static double dual(const robust_row *r, double radius, double b)
{
    long double sum = 0, least = HUGE_VALL;
    const long double B = (long double)b, g = (long double)robust_discount;

    for (size_t i = 0; i < r->n; i++)
        least = fminl(least, (long double)r->V[i]);
    for (size_t i = 0; i < r->n; i++)
        sum += (long double)r->p[i]
               * expl(-g * ((long double)r->V[i] - least) / B);
    return (double)(g * least - B * ((long double)radius + logl(sum)));
}

START_TEST(the_dual_is_below_everywhere_and_touches_at_the_multiplier)
{
    elbo_rng rng = elbo_rng_stream(7, "robust dual", 0);

    for (size_t k = 0; k < 200; k++) {
        const double radius = all_radii[1 + k % 5];
        const elbo_tilt tilt = robust_ball(ELBO_BALL_KL, radius);
        robust_row r;

        robust_row_open(&r, ROBUST_MOST, &rng);
        robust_row_solve(&r, &tilt);
        for (double b = 1e-3; b < 1e5; b *= 1.7)
            ck_assert_double_le(dual(&r, radius, b), r.ce + 1e-13);

        const double b = robust_column(&tilt, 0, &r.Q, &r.P, r.V, 0);

        if (b > 0) ck_assert_double_eq_tol(dual(&r, radius, b), r.ce, 1e-12);
    }
}
END_TEST

START_TEST(the_tilt_at_the_multiplier_has_the_same_q)
{
    elbo_rng rng = elbo_rng_stream(8, "robust tilt", 0);
    size_t active = 0;

    for (size_t k = 0; k < 200; k++) {
        const double radius = all_radii[1 + k % 5];
        const elbo_tilt tilt = robust_ball(ELBO_BALL_KL, radius);
        robust_row r;

        robust_row_open(&r, ROBUST_MOST, &rng);
        robust_row_solve(&r, &tilt);

        const double b = robust_column(&tilt, 0, &r.Q, &r.P, r.V, 0);
        const elbo_tilt penalty = {.kind = &elbo_transition_tilt,
                                   .beta = -b,
                                   .gamma = robust_discount};
        robust_row same = r;

        if (!(b > 0)) continue;
        active++;
        same.P.prob = r.p;
        penalty.kind->expect(&penalty, &r.P, r.V, 0, 1, &same.ce);
        penalty.kind->posterior(&penalty, &r.P, r.V, 0, 1, same.q);
        for (size_t i = 0; i < ROBUST_MOST; i++)
            ck_assert_double_eq_tol(same.q[i], r.q[i], 1e-13);
        ck_assert_double_eq_tol(same.ce, r.ce + b * radius, 1e-12);
    }
    ck_assert_uint_ge(active, 150);
}
END_TEST

/* ---- hard rows ---- */

START_TEST(rows_at_the_edge_of_doubles_are_solved)
{
    static const double near[] = {1 - 1e-15, 1 - 1e-9, 1 - 1e-4, 0.5, 0.51};
    elbo_rng rng = elbo_rng_stream(9, "robust edge", 0);
    robust_row r;

    robust_row_open(&r, 3, &rng);
    for (int scale = -300; scale <= 300; scale += 20)
        for (size_t k = 0; k < sizeof near / sizeof *near; k++) {
            const double size = pow(10, scale), top = -log(r.p[1]);
            const elbo_tilt tilt = robust_ball(ELBO_BALL_KL, near[k] * top);

            r.V[1] = -size;
            r.V[0] = -size * (1 - 1e-9); /* close to the worst, not it */
            r.V[2] = size;
            robust_row_solve(&r, &tilt);
            ck_assert_double_eq_tol(elbo_row_kl(&r.Q, &r.P, 0), near[k] * top,
                                    1e-10);
            ck_assert_double_le(r.ce / size, -0.5 * robust_discount);
        }
}
END_TEST

START_TEST(rows_without_choice_or_mass_are_what_they_are)
{
    elbo_rng rng = elbo_rng_stream(10, "robust nothing", 0);
    robust_row r;

    for (size_t k = 0; k < 2; k++) {
        const elbo_tilt tilt = robust_ball(balls[k], 0.3);

        robust_row_open(&r, 3, &rng);
        r.V[0] = r.V[1] = r.V[2] = 2.385;
        robust_row_solve(&r, &tilt);
        ck_assert_double_eq(r.ce, robust_discount * 2.385);
        for (size_t i = 0; i < 3; i++)
            ck_assert_double_eq_tol(r.q[i], r.p[i], 1e-16);
        ck_assert_double_eq(robust_column(&tilt, 0, &r.Q, &r.P, r.V, 0), 0);
        r.V[2] = NAN;
        robust_row_solve(&r, &tilt);
        ck_assert(isnan(r.ce));
        memset(r.p, 0, sizeof r.p);
        robust_row_solve(&r, &tilt);
        ck_assert(r.ce == 0 && r.q[0] == 0 && r.q[1] == 0 && r.q[2] == 0);
    }
}
END_TEST

Suite *suite_robust(void)
{
    Suite *suite = suite_create("robust");
    TCase *t = tcase_create("robust");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(
        t, q_lies_on_the_border_or_on_the_worst_and_attains_the_value, 0, 2);
    tcase_add_loop_test(t, rows_longer_than_a_piece_are_solved_alike, 0, 2);
    tcase_add_loop_test(
        t, the_value_falls_from_the_models_to_the_worst_as_the_radius_grows, 0,
        2);
    tcase_add_loop_test(t, the_multiplier_is_the_slope_of_the_value, 0, 2);
    tcase_add_test(t,
                   the_dual_is_below_everywhere_and_touches_at_the_multiplier);
    tcase_add_test(t, the_tilt_at_the_multiplier_has_the_same_q);
    tcase_add_test(t, rows_at_the_edge_of_doubles_are_solved);
    tcase_add_test(t, rows_without_choice_or_mass_are_what_they_are);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, tcase_robust_oracles());
    suite_add_tcase(suite, tcase_robust_runs());
    return suite;
}
