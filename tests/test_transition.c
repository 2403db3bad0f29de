#include <check.h>
#include <math.h>

#include "inference/transition.h"
#include "tests/random_process.h"
#include "tests/suites.h"
#include "tests/transition_cases.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* The settings that every property is tried under. */
static const struct {
    double beta;
    elbo_kl kl;
} settings[] = {
    {0.37,   ELBO_KL_STEP},
    {2.385,  ELBO_KL_NEXT},
    {-0.37,  ELBO_KL_NEXT},
    {-2.385, ELBO_KL_STEP},
    {41,     ELBO_KL_STEP},
    {-3e6,   ELBO_KL_NEXT},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static elbo_tilt tilt_of(size_t i, double gamma)
{
    return (elbo_tilt){.kind = &elbo_transition_tilt,
                       .beta = settings[i].beta,
                       .kl = settings[i].kl,
                       .gamma = gamma};
}

/* The definition, in long double and with nothing done for the digits but the
 * shift by V*. */
static double naive(const elbo_tilt *tilt, const elbo_kernel *P,
                    const double V[], size_t row)
{
    const long double gamma = (long double)tilt->gamma;
    const long double beta = (long double)tilt->beta;
    const long double b = tilt->kl == ELBO_KL_NEXT ? beta : beta / gamma;
    const size_t end = elbo_row_end(P->pattern, row);
    long double top = -HUGE_VALL, sum = 0, mean = 0;

    for (size_t i = elbo_row_begin(P->pattern, row); i < end; i++) {
        const long double v =
            (long double)V[elbo_successor(P->pattern, row, i)];

        mean += (long double)P->prob[i] * v;
        if (P->prob[i] > 0) top = fmaxl(top, v / b);
    }
    if (tilt->kind == &elbo_transition_model) return (double)(gamma * mean);
    for (size_t i = elbo_row_begin(P->pattern, row); i < end; i++) {
        const long double v =
            (long double)V[elbo_successor(P->pattern, row, i)];

        if (P->prob[i] > 0) sum += (long double)P->prob[i] * expl(v / b - top);
    }
    return (double)(gamma * b * (top + logl(sum)));
}

/* A value array: END is worth 0. */
static double *random_values(elbo_rng *rng, size_t nS, double scale)
{
    double *V = random_doubles(rng, nS + 1, -scale, scale, arena);

    V[nS] = 0;
    return V;
}

static void expect_all(const elbo_tilt *tilt, const elbo_kernel *P,
                       const double V[], double out[])
{
    tilt->kind->expect(tilt, P, V, 0, P->pattern->nS * P->pattern->nA, out);
}

static void check_against_naive(const elbo_tilt *tilt, const elbo_kernel *P,
                                const double V[], double scale)
{
    const size_t rows = P->pattern->nS * P->pattern->nA;
    double *out = elbo_arena_doubles(arena, rows);

    expect_all(tilt, P, V, out);
    for (size_t row = 0; row < rows; row++)
        ck_assert_double_eq_tol(out[row], naive(tilt, P, V, row),
                                1e-14 * scale);
}

START_TEST(expect_matches_the_definition_in_every_layout_and_width)
{
    elbo_rng rng = elbo_rng_stream(2, "expect", 0);
    const elbo_tilt clamp = {
        .kind = &elbo_transition_model, .beta = HUGE_VAL, .gamma = 0.91};

    for (size_t branching = 1; branching <= 11; branching++) {
        const elbo_mdp mdp = random_process(&rng, 31, 3, branching, 0.3, arena);
        const double *V = random_values(&rng, 31, 7);

        for (layout l = branching <= 8 ? 0 : 1; l < LAYOUTS; l++) {
            const elbo_kernel P = in_layout(&mdp.P, l, arena);

            check_against_naive(&clamp, &P, V, 7);
            for (size_t i = 0; i < SETTINGS; i++) {
                const elbo_tilt tilt = tilt_of(i, 0.91);

                /* rows sum to 1 up to rounding, which beta multiplies */
                check_against_naive(&tilt, &P, V, 7 + fabs(tilt.beta) / 16);
            }
        }
    }
}
END_TEST

START_TEST(the_best_action_is_found_in_one_pass_with_the_bits_of_two)
{
    elbo_rng rng = elbo_rng_stream(4, "best", 0);
    const elbo_tilt tilt = {
        .kind = &elbo_transition_model, .beta = HUGE_VAL, .gamma = 0.91};

    for (size_t branching = 1; branching <= 8; branching++) {
        elbo_mdp mdp = random_process(&rng, 31, 3, branching, 0.3, arena);
        double *V = random_values(&rng, 31, 7), ce[93], best[20];

        expect_all(&tilt, &mdp.P, V, ce);
        ck_assert(tilt.kind->best(&tilt, &mdp, V, 9, 29, best));
        for (size_t row = 27; row < 87; row++) {
            const double Q = ce[row] + mdp.r[row];

            ck_assert_double_le(Q, best[row / 3 - 9]);
            ce[row] = Q;
        }
        for (size_t s = 9; s < 29; s++)
            ck_assert(best[s - 9] == ce[3 * s] || best[s - 9] == ce[3 * s + 1]
                      || best[s - 9] == ce[3 * s + 2]);
        V[mdp.P.pattern->next[branching * 31]] = (double)NAN;
        ck_assert(!tilt.kind->best(&tilt, &mdp, V, 9, 29, best));
        mdp.P = in_layout(&mdp.P, 1, arena);
        ck_assert(!tilt.kind->best(&tilt, &mdp, V, 9, 29, best));
    }
}
END_TEST

START_TEST(expect_takes_any_range_of_rows)
{
    elbo_rng rng = elbo_rng_stream(3, "range", 0);
    const elbo_mdp mdp = random_process(&rng, 400, 2, 3, 0, arena);
    const double *V = random_values(&rng, 400, 3);
    double whole[800], part[800];

    for (size_t i = 0; i <= SETTINGS; i++) {
        elbo_tilt tilt = tilt_of(i % SETTINGS, 0.97);

        if (i == SETTINGS) tilt.kind = &elbo_transition_model;
        expect_all(&tilt, &mdp.P, V, whole);
        tilt.kind->expect(&tilt, &mdp.P, V, 13, 13, part);
        tilt.kind->expect(&tilt, &mdp.P, V, 13, 791, part);
        ck_assert_mem_eq(part, whole + 13, (791 - 13) * sizeof *part);
    }
}
END_TEST

START_TEST(rows_longer_than_a_piece_match_the_definition)
{
    elbo_rng rng = elbo_rng_stream(4, "long", 0);
    const elbo_mdp mdp = random_process(&rng, 541, 1, 520, 0, arena);
    const double *V = random_values(&rng, 541, 3);
    elbo_kernel P[2] = {mdp.P, in_layout(&mdp.P, LAYOUT_DENSE, arena)};

    ck_assert_ptr_null(P[1].pattern->next);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < 4; i++) {
            const elbo_tilt tilt = tilt_of(i, 0.91);

            check_against_naive(&tilt, &P[k], V, 10);
        }
}
END_TEST

START_TEST(huge_values_and_tiny_temperatures_do_not_overflow)
{
    const uint32_t next[] = {0, 1, 2};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 1, .width = 3, .next = next, .nnz = 3};
    double prob[] = {0.25, 0.75, 0}, V[] = {1e5, -3e5, 0};
    const elbo_kernel P = {.pattern = &pattern, .prob = prob};
    double up, down;
    elbo_tilt tilt = {.kind = &elbo_transition_tilt,
                      .beta = 1e-3,
                      .kl = ELBO_KL_NEXT,
                      .gamma = 0.5};

    tilt.kind->expect(&tilt, &P, V, 0, 1, &up);
    tilt.beta = -1e-3;
    tilt.kind->expect(&tilt, &P, V, 0, 1, &down);
    ck_assert_double_eq_tol(up, 0.5 * (1e5 + 1e-3 * log(0.25)), 1e-10);
    ck_assert_double_eq_tol(down, 0.5 * (-3e5 - 1e-3 * log(0.75)), 1e-10);
}
END_TEST

START_TEST(a_sub_stochastic_row_is_charged_for_what_it_lacks)
{
    const uint32_t next[] = {0, 1};
    const elbo_pattern pattern = {
        .nS = 1, .nA = 1, .width = 2, .next = next, .nnz = 2};
    double prob[] = {0.5, 0.2}, V[] = {0, 0}, out, q[2];
    const elbo_kernel P = {.pattern = &pattern, .prob = prob};
    const elbo_tilt tilt = {
        .kind = &elbo_transition_tilt, .beta = 2.5, .gamma = 0.9};

    tilt.kind->expect(&tilt, &P, V, 0, 1, &out);
    ck_assert_double_eq_tol(out, 2.5 * log(0.7), 1e-15);
    tilt.kind->posterior(&tilt, &P, V, 0, 1, q);
    ck_assert_double_eq_tol(q[0], 0.5 / 0.7, 1e-16);
    ck_assert_double_eq_tol(q[1], 0.2 / 0.7, 1e-16);
}
END_TEST

START_TEST(an_empty_row_is_infinitely_bad_and_keeps_no_mass)
{
    const uint32_t next[] = {0, 1};
    const elbo_pattern pattern = {
        .nS = 1, .nA = 1, .width = 2, .next = next, .nnz = 2};
    double prob[] = {0, 0}, V[] = {3, 0}, out, q[2] = {7, 7};
    const elbo_kernel P = {.pattern = &pattern, .prob = prob};
    const elbo_tilt tilt = {
        .kind = &elbo_transition_tilt, .beta = 2.5, .gamma = 0.9};

    tilt.kind->expect(&tilt, &P, V, 0, 1, &out);
    ck_assert_double_eq(out, -HUGE_VAL);
    tilt.kind->posterior(&tilt, &P, V, 0, 1, q);
    ck_assert_double_eq(q[0], 0);
    ck_assert_double_eq(q[1], 0);
}
END_TEST

/* E_q gamma V - charge KL(q || p) of one row. */
static double functional(const elbo_tilt *tilt, const elbo_kernel *q,
                         const elbo_kernel *P, const double V[], size_t row)
{
    double sum = 0;

    for (size_t i = elbo_row_begin(P->pattern, row);
         i < elbo_row_end(P->pattern, row); i++)
        sum += q->prob[i] * V[elbo_successor(P->pattern, row, i)];
    return tilt->gamma * sum - elbo_tilt_charge(tilt) * elbo_row_kl(q, P, row);
}

START_TEST(the_tilt_attains_the_bound_of_donsker_and_varadhan)
{
    elbo_rng rng = elbo_rng_stream(5, "dv", 0);

    for (size_t trial = 0; trial < 12; trial++) {
        elbo_mdp mdp = random_process(&rng, 29, 2, 2 + trial, 0.2, arena);
        const double *V = random_values(&rng, 29, 4);
        double out[58];
        elbo_kernel q = mdp.P;

        q.prob = elbo_arena_doubles(arena, mdp.P.pattern->nnz);
        mdp.P.partial = trial % 2; /* sub-stochastic */
        if (mdp.P.partial)
            for (size_t i = 0; i < mdp.P.pattern->nnz; i++)
                mdp.P.prob[i] *= 0.83;
        for (size_t i = 0; i < 5; i++) {
            const elbo_tilt tilt = tilt_of(i, 0.91);

            expect_all(&tilt, &mdp.P, V, out);
            tilt.kind->posterior(&tilt, &mdp.P, V, 0, 58, q.prob);
            for (size_t row = 0; row < 58; row++)
                ck_assert_double_eq_tol(functional(&tilt, &q, &mdp.P, V, row),
                                        out[row], 3e-14);
        }
    }
}
END_TEST

START_TEST(no_other_q_passes_the_bound)
{
    elbo_rng rng = elbo_rng_stream(6, "dv", 0);
    const elbo_mdp mdp = random_process(&rng, 17, 2, 4, 0.2, arena);
    const double *V = random_values(&rng, 17, 4);
    double out[34];

    for (size_t i = 0; i < SETTINGS; i++) {
        const elbo_tilt tilt = tilt_of(i, 0.91);
        const double sign = tilt.beta > 0 ? 1 : -1;

        expect_all(&tilt, &mdp.P, V, out);
        for (size_t trial = 0; trial < 20; trial++) {
            elbo_kernel q = mdp.P;

            q.prob = random_policy(&rng, 34, 4, trial % 2, arena);
            for (size_t row = 0; row < 34; row++)
                ck_assert_double_lt(
                    sign * (functional(&tilt, &q, &mdp.P, V, row) - out[row]),
                    1e-13);
        }
    }
}
END_TEST

START_TEST(posterior_rows_sum_to_one_and_keep_the_support)
{
    elbo_rng rng = elbo_rng_stream(7, "sum", 0);
    const elbo_mdp mdp = random_process(&rng, 531, 1, 515, 0.2, arena);
    const elbo_mdp thin = random_process(&rng, 19, 2, 3, 0.2, arena);
    const elbo_kernel kernels[2] = {mdp.P,
                                    in_layout(&thin.P, LAYOUT_DENSE, arena)};

    for (size_t k = 0; k < 2; k++) {
        const elbo_pattern *p = kernels[k].pattern;
        const double *V = random_values(&rng, p->nS, 30);
        double *q = elbo_arena_doubles(arena, p->nnz);

        for (size_t i = 0; i < SETTINGS; i++) {
            const elbo_tilt tilt = tilt_of(i, 0.91);

            tilt.kind->posterior(&tilt, &kernels[k], V, 0, p->nS * p->nA, q);
            for (size_t row = 0; row < p->nS * p->nA; row++) {
                double sum = 0;

                for (size_t j = elbo_row_begin(p, row);
                     j < elbo_row_end(p, row); j++) {
                    ck_assert_double_ge(q[j], 0);
                    if (kernels[k].prob[j] == 0) ck_assert(q[j] == 0);
                    sum += q[j];
                }
                ck_assert_double_eq_tol(sum, 1, 1e-14);
            }
        }
    }
}
END_TEST

/* With probabilities whose sum is exactly 1, beta multiplies no rounding. */
START_TEST(a_weak_tilt_is_within_its_bound_of_the_model)
{
    elbo_rng rng = elbo_rng_stream(8, "weak", 0);
    elbo_mdp mdp = random_process(&rng, 37, 3, 3, 0.2, arena);
    const elbo_tilt clamp = {
        .kind = &elbo_transition_model, .beta = HUGE_VAL, .gamma = 0.91};
    const double *V = random_values(&rng, 37, 4);
    double at_inf[111], at_beta[111];

    for (size_t i = 0; i < mdp.P.pattern->nnz; i++)
        mdp.P.prob[i] = i % 3 ? 0.3125 : 0.375;
    expect_all(&clamp, &mdp.P, V, at_inf);
    for (double beta = 0.3; beta < 1e12; beta *= -7) {
        const elbo_tilt tilt = {
            .kind = &elbo_transition_tilt, .beta = beta, .gamma = 0.91};
        const double sign = beta > 0 ? 1 : -1;

        /* Hoeffding: 0 <= +-(ce - gamma E V) <= gamma^2 span^2 / (8 |beta|) */
        expect_all(&tilt, &mdp.P, V, at_beta);
        for (size_t row = 0; row < 111; row++) {
            const double more = sign * (at_beta[row] - at_inf[row]);

            ck_assert_double_ge(more, -2e-15);
            ck_assert_double_le(more,
                                0.91 * 0.91 * 64 / (8 * fabs(beta)) + 2e-15);
        }
    }
}
END_TEST

/* Two rows whose probabilities are 0 in doubles; the sums in long double, whose
 * exponents reach that far. */
START_TEST(a_row_that_underflows_is_tilted_by_its_logarithms)
{
    const uint32_t next[] = {0, 1, 2, 0, 1, 2};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 1, .width = 3, .next = next, .nnz = 6};
    const double logs[] = {-903.2, -1200, -905.7, -0.7, -2000, -HUGE_VAL};
    const double V[] = {1.31, 750.2, 0};
    double p[6], q[6], out[2];

    for (size_t i = 0; i < 6; i++) p[i] = exp(logs[i]);
    for (size_t k = 0; k < 5; k++) {
        const elbo_tilt tilt = tilt_of(k, 0.91);
        const elbo_kernel P = {
            .pattern = &pattern, .prob = p, .log_prob = logs, .partial = true};
        const elbo_kernel Q = {.pattern = &pattern, .prob = q};
        const double charge = elbo_tilt_charge(&tilt);
        const long double b = charge / tilt.gamma;

        if (!tilt.kind->posterior) continue;
        tilt.kind->expect(&tilt, &P, V, 0, 2, out);
        tilt.kind->posterior(&tilt, &P, V, 0, 2, q);
        for (size_t row = 0; row < 2; row++) {
            long double sum = 0, mean = 0;

            for (size_t i = 3 * row; i < 3 * row + 3; i++) {
                sum += expl((long double)logs[i] + V[next[i]] / b);
                mean += q[i] * V[next[i]];
            }
            ck_assert_double_eq_tol(out[row], (double)(charge * logl(sum)),
                                    1e-11);
            for (size_t i = 3 * row; i < 3 * row + 3; i++)
                ck_assert_double_eq_tol(
                    q[i],
                    (double)(expl((long double)logs[i] + V[next[i]] / b) / sum),
                    1e-13);
            ck_assert_double_eq_tol(tilt.gamma * (double)mean
                                        - charge * elbo_row_kl(&Q, &P, row),
                                    out[row], 1e-10);
        }
    }
}
END_TEST

/* beta -> 0+ and 0-: within beta log(1 / p) of the best or the worst successor
 * of the support, and q on it alone. */
START_TEST(a_tilt_of_no_temperature_takes_the_best_or_the_worst_successor)
{
    elbo_rng rng = elbo_rng_stream(17, "cold", 0);

    for (size_t trial = 0; trial < 40; trial++) {
        const double beta = (trial % 2 ? 1 : -1) * 1e-7;
        elbo_mdp mdp = random_process(&rng, 29, 2, 5, 0.2, arena);
        const double *V = random_values(&rng, 29, 4);
        const elbo_tilt tilt = {.kind = &elbo_transition_tilt,
                                .beta = beta,
                                .kl = trial % 3 ? ELBO_KL_STEP : ELBO_KL_NEXT,
                                .gamma = 0.91};
        double *q = elbo_arena_doubles(arena, mdp.P.pattern->nnz), out[58];

        expect_all(&tilt, &mdp.P, V, out);
        tilt.kind->posterior(&tilt, &mdp.P, V, 0, 58, q);
        for (size_t row = 0; row < 58; row++) {
            const size_t begin = elbo_row_begin(mdp.P.pattern, row);
            size_t top = begin;

            for (size_t i = begin; i < elbo_row_end(mdp.P.pattern, row); i++) {
                const double v = V[elbo_successor(mdp.P.pattern, row, i)];
                const double best = V[elbo_successor(mdp.P.pattern, row, top)];

                if (mdp.P.prob[i] > 0
                    && (!(mdp.P.prob[top] > 0) || beta * (v - best) > 0))
                    top = i;
            }
            ck_assert_double_eq_tol(
                out[row], 0.91 * V[elbo_successor(mdp.P.pattern, row, top)],
                -1e-7 * log(mdp.P.prob[top]) + 1e-14);
            ck_assert_double_eq_tol(q[top], 1, 1e-12);
        }
    }
}
END_TEST

Suite *suite_transition(void)
{
    Suite *suite = suite_create("transition");
    TCase *t = tcase_create("transition");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, expect_matches_the_definition_in_every_layout_and_width);
    tcase_add_test(t,
                   the_best_action_is_found_in_one_pass_with_the_bits_of_two);
    tcase_add_test(t, expect_takes_any_range_of_rows);
    tcase_add_test(t, rows_longer_than_a_piece_match_the_definition);
    tcase_add_test(t, huge_values_and_tiny_temperatures_do_not_overflow);
    tcase_add_test(t, a_sub_stochastic_row_is_charged_for_what_it_lacks);
    tcase_add_test(t, an_empty_row_is_infinitely_bad_and_keeps_no_mass);
    tcase_add_test(t, the_tilt_attains_the_bound_of_donsker_and_varadhan);
    tcase_add_test(t, no_other_q_passes_the_bound);
    tcase_add_test(t, a_row_that_underflows_is_tilted_by_its_logarithms);
    tcase_add_test(t, posterior_rows_sum_to_one_and_keep_the_support);
    tcase_add_test(t, a_weak_tilt_is_within_its_bound_of_the_model);
    tcase_add_test(
        t, a_tilt_of_no_temperature_takes_the_best_or_the_worst_successor);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, tcase_row_kl());
    suite_add_tcase(suite, tcase_transition_settings());
    suite_add_tcase(suite, tcase_explog());
    return suite;
}
