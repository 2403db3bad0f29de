/* tests/test_regression.c -- Gaussian posteriors over rows against normal
 * equations, optimism against a search of the ellipsoid, and RiverSwim.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/regression.h"
#include "tests/engine_cases.h"
#include "tests/model_cases.h"
#include "tests/suites.h"

enum { SAMPLES = 400 };

static const tangle small = {5, 3, 9};

static const char vtr[] = "-0.5*sq(E(V_then(y)) - V_then(next))";

/* Random samples, each with a value function of its own. */
typedef struct sample {
    size_t row, next;
    double w, V[6];
} sample;

static sample draw(const model_case *c, uint64_t index)
{
    elbo_rng rng = elbo_rng_stream(31, "test", index);
    sample x = {.row = elbo_rng_below(&rng, 8), /* the last state is known */
                .next = elbo_rng_below(&rng, 6),
                .w = elbo_rng_uniform(&rng)};

    (void)c;
    for (size_t s = 0; s < 5; s++) x.V[s] = 3 * elbo_rng_uniform(&rng);
    return x;
}

static void fill(const model_case *c, elbo_regression *r)
{
    for (uint64_t i = 0; i < SAMPLES; i++) {
        const sample x = draw(c, i);

        elbo_regression_add(r, x.row, x.next, x.w, x.V);
    }
}

static void open_case(model_case *c, elbo_regression *r, const char *text)
{
    model_case_open(c, &model_case_tangle, &small, 0);
    model_case_belief(c, "gaussian", "prior_precision=0.7");
    case_ok(elbo_regression_init(r, elbo_regression_find(text), 5, 2, c->arena));
    r->scale = 1.6;
    fill(c, r);
    case_ok(c->belief.model->regress(&c->belief, r));
}

/* sum_i -1/2 scale w (x_i . p - y_i)^2 at the row, sample by sample. */
static double by_hand(const model_case *c, const double p[], double scale,
                      bool value)
{
    double sum = 0;

    for (uint64_t i = 0; i < SAMPLES; i++) {
        const sample x = draw(c, i);

        if (value) {
            double e = -x.V[x.next];

            for (size_t j = 0; j < 6; j++) e += x.V[j] * p[x.row * 6 + j];
            sum -= 0.5 * scale * x.w * e * e;
            continue;
        }
        for (size_t j = 0; j < 6; j++) {
            const double e = p[x.row * 6 + j] - (j == x.next);

            sum -= 0.5 * scale * x.w * e * e;
        }
    }
    return sum;
}

/* -KL to the prior by log densities: E log prior - E log posterior, with the
 * precision's determinant by LU of GSL. */
static double minus_kl(const model_case *c, double lambda)
{
    const elbo_belief *const b = &c->belief;
    double sum = 0;

    for (size_t row = 0; row < 8; row++) {
        gsl_matrix *S = gsl_matrix_alloc(6, 6);
        gsl_permutation *p = gsl_permutation_alloc(6);
        int sign;

        memcpy(S->data, b->mean.spread + row * 36, 36 * sizeof(double));
        for (size_t i = 0; i < 6; i++) {
            const double m = b->mean.prob[row * 6 + i];

            sum += 0.5 * (1 + log(lambda))
                   - 0.5 * lambda * (m * m + gsl_matrix_get(S, i, i));
        }
        gsl_linalg_LU_decomp(S, p, &sign);
        sum += 0.5 * gsl_linalg_LU_lndet(S);
        gsl_permutation_free(p);
        gsl_matrix_free(S);
    }
    return sum;
}

/* The posterior maximises E l - KL: the gradient in m vanishes, and in S, where
 * it is 1/2 (S^-1 - lambda I - A). */
static void check_posterior(const char *text, bool value)
{
    model_case c;
    elbo_regression r;

    open_case(&c, &r, text);

    elbo_belief *const b = &c.belief;
    double *const p = b->mean.prob;

    for (size_t i = 0; i < 8 * 6; i++) {
        const double kept = p[i], h = 1e-3;
        double f[2];

        for (size_t k = 0; k < 2; k++) {
            p[i] = kept + (k ? h : -h);
            f[k] = by_hand(&c, p, 1.6, value) - 0.35 * p[i] * p[i];
        }
        p[i] = kept;
        ck_assert_double_eq_tol(f[1], f[0], 1e-9);
    }
    ck_assert_double_eq_tol(b->model->log_prior(b, NULL), minus_kl(&c, 0.7),
                            1e-9);

    /* the data term at a point, and S (lambda I + A) = I */
    elbo_kernel point = b->mean;

    point.spread = NULL;
    ck_assert_double_eq_tol(elbo_regression_value(&r, &point),
                            by_hand(&c, p, 1.6, value), 1e-9);
    for (size_t row = 0; row < 8; row++)
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < 6; j++) {
                double one = 0.7 * b->mean.spread[(row * 6 + i) * 6 + j];

                for (size_t k = 0; k < 6; k++)
                    one += b->mean.spread[(row * 6 + i) * 6 + k] * 1.6
                           * r.A[(row * 6 + k) * 6 + j];
                ck_assert_double_eq_tol(one, i == j, 1e-11);
            }
    model_case_close(&c);
}

START_TEST(posterior_of_value_targets_solves_the_normal_equations)
{
    check_posterior(vtr, true);
}
END_TEST

START_TEST(posterior_of_brier_solves_the_normal_equations)
{
    model_case c;
    elbo_regression r;

    check_posterior("brier", false);

    /* it is the share of the counts, shrunk by the prior */
    open_case(&c, &r, "brier");
    for (size_t row = 0; row < 8; row++) {
        const double n = r.A[row * 36];

        for (size_t j = 0; j < 6; j++)
            ck_assert_double_eq_tol(c.belief.mean.prob[row * 6 + j],
                                    1.6 * r.b[row * 6 + j] / (0.7 + 1.6 * n),
                                    1e-13);
    }
    model_case_close(&c);
}
END_TEST

/* The likelihood `brier` on counts is the regression's value, its slopes too. */
/* sum over the data of |m - p|_1, by samples. */
START_TEST(the_rows_error_is_weighed_by_the_data)
{
    model_case c;
    elbo_regression r;
    double sum = 0, all = 0, column;

    open_case(&c, &r, vtr);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        const sample x = draw(&c, i);

        all += x.w;
        for (size_t s = 0; s < 6; s++) {
            const size_t at = elbo_entry(c.mdp.P.pattern, x.row, s);
            const double p = at == (size_t)-1 ? 0 : c.mdp.P.prob[at];

            sum += x.w * fabs(c.belief.mean.prob[x.row * 6 + s] - p);
        }
    }
    ck_assert_uint_eq(c.belief.model->columns(&c.belief, NULL), 1);
    c.belief.model->columns(&c.belief, &column);
    ck_assert_double_eq_tol(column, sum / all, 1e-12);
    ck_assert_double_gt(column, 0.1);
    model_case_close(&c);
}
END_TEST

START_TEST(brier_by_counts_and_by_statistics_agree)
{
    model_case c;
    elbo_regression r;

    open_case(&c, &r, "brier");

    double C[60] = {0}, G[60] = {0}, value, up, down;
    elbo_kernel p = c.belief.mean;

    p.spread = NULL;
    for (uint64_t i = 0; i < SAMPLES; i++) {
        const sample x = draw(&c, i);

        C[x.row * 6 + x.next] += 1.6 * x.w;
    }
    case_ok(elbo_likelihood_value(&elbo_likelihood_brier, &p, C, &value, G));
    ck_assert_double_eq_tol(value, elbo_regression_value(&r, &p), 1e-10);
    for (size_t i = 0; i < 60; i += 7) {
        const double kept = p.prob[i];

        p.prob[i] = kept + 1e-3;
        case_ok(elbo_likelihood_value(&elbo_likelihood_brier, &p, C, &up, NULL));
        p.prob[i] = kept - 1e-3;
        case_ok(
            elbo_likelihood_value(&elbo_likelihood_brier, &p, C, &down, NULL));
        p.prob[i] = kept;
        ck_assert_double_eq_tol(G[i], (up - down) / 2e-3, 1e-8);
    }
    model_case_close(&c);
}
END_TEST

/* No point of the ellipsoid is worth more, the best of many nearly as much; q is
 * a distribution of the same worth. */
START_TEST(optimism_is_the_best_of_the_ellipsoid)
{
    model_case c;
    elbo_regression r;
    elbo_tilt tilt;
    double ce[10], q[60];

    open_case(&c, &r, vtr);

    const sample x = draw(&c, 999);
    const elbo_kernel *const p = &c.belief.mean;

    case_ok(elbo_transition_parse("optimistic(0.8)", ELBO_KL_STEP, 0.9, c.arena,
                                  &tilt, NULL, NULL));
    tilt.kind->expect(&tilt, p, x.V, 0, 8, ce);
    tilt.kind->posterior(&tilt, p, x.V, 0, 8, q);
    for (size_t row = 0; row < 8; row++) {
        gsl_matrix *L = gsl_matrix_alloc(6, 6);
        elbo_rng rng = elbo_rng_stream(32, "test", row);
        double best = -HUGE_VAL, mean = 0, own = 0, sum = 0, high = 0;

        for (size_t j = 0; j < 6; j++) high = fmax(high, x.V[j]);
        memcpy(L->data, p->spread + row * 36, 36 * sizeof(double));
        gsl_linalg_cholesky_decomp1(L);
        for (size_t j = 0; j < 6; j++) mean += p->prob[row * 6 + j] * x.V[j];
        for (size_t k = 0; k < 20000; k++) { /* m + radius L u, |u| = 1 */
            double u[6], norm = 0, worth = mean;

            elbo_rng_normals(&rng, u, 6);
            for (size_t j = 0; j < 6; j++) norm += u[j] * u[j];
            for (size_t i = 0; i < 6; i++)
                for (size_t j = 0; j <= i; j++)
                    worth += 0.8 * x.V[i] * gsl_matrix_get(L, i, j) * u[j]
                             / sqrt(norm);
            best = fmax(best, worth);
        }
        if (best < high) {
            ck_assert_double_le(best, ce[row] / 0.9 + 1e-12);
            ck_assert_double_ge(best - mean, 0.85 * (ce[row] / 0.9 - mean));
        } else {
            ck_assert_double_eq_tol(ce[row], 0.9 * high, 1e-12);
        }
        for (size_t j = 0; j < 6; j++) {
            ck_assert_double_ge(q[row * 6 + j], 0);
            own += q[row * 6 + j] * x.V[j];
            sum += q[row * 6 + j];
        }
        ck_assert_double_eq_tol(sum, 1, 1e-15);
        ck_assert_double_eq_tol(0.9 * own, ce[row], 1e-12);
        gsl_matrix_free(L);
    }
    model_case_close(&c);
}
END_TEST

static const struct {
    const char *own, *common;
    double optimum; /* published to two decimals: 5.72, 5.66, 5.60 */
} rivers[] = {
    {"states=3", "discount=1 horizon=12", 5.7245640812},
    {"states=4", "discount=1 horizon=16", 5.6604},
    {"states=5", "discount=1 horizon=20", 5.6013},
};

#define CURRENT                                                                \
    " forward=0.3 stay=0.6 first_forward=0.7 last_stay=0.9 left_reward=0.05"

static double last_return(const case_text *text, double *sum)
{
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    *sum = 0;
    case_open(&c, text);
    case_ok(elbo_engine_open(&c.setup, 1, &e));
    while (elbo_engine_verdict(e) == ELBO_RUNNING) {
        case_ok(elbo_engine_iterate(e, &row));
        *sum += row.return_real;
    }
    elbo_engine_free(e);
    case_close(&c);
    return row.return_real;
}

START_TEST(riverswim_has_the_published_values)
{
    char own[200];
    case_text text = {.env = "riverswim",
                      .env_own = own,
                      .env_common = rivers[_i].common,
                      .model = "true",
                      .control = "value_iteration",
                      .inference = "iterations=1"};
    double sum;

    snprintf(own, sizeof own, "%s%s", rivers[_i].own, CURRENT);
    ck_assert_double_eq_tol(last_return(&text, &sum), rivers[_i].optimum, 5e-5);
}
END_TEST

/* Within 400 episodes optimism has found the way up the river; the same value
 * targets without it have not. */
START_TEST(optimism_finds_the_far_reward)
{
    case_text text = {.env = "riverswim",
                      .env_own = "states=3" CURRENT,
                      .env_common = "discount=1 horizon=12",
                      .model = "gaussian",
                      .control = "value_iteration",
                      .inference = "likelihood=brier transition=optimistic(1) "
                                   "iterations=400 tolerance=0",
                      .data = "mode=online policy=current steps=12 "
                              "episode_steps=12"};
    double sum;

    ck_assert_double_eq_tol(last_return(&text, &sum), rivers[0].optimum, 0.01);
    text.inference = "likelihood=-0.5*sq(E(V_then(y))-V_then(next)) "
                     "transition=optimistic(1) iterations=400 tolerance=0";
    ck_assert_double_eq_tol(last_return(&text, &sum), rivers[0].optimum, 0.01);
    ck_assert_double_lt(400 * rivers[0].optimum - sum, 60);
    text.inference = "likelihood=-0.5*sq(E(V_then(y))-V_then(next)) "
                     "transition=optimistic(0) iterations=400 tolerance=0";
    ck_assert_double_lt(last_return(&text, &sum), 1);
}
END_TEST

START_TEST(what_a_gaussian_model_cannot_do_is_refused)
{
    static const struct {
        const char *model, *inference, *data, *text;
    } wrong[] = {
        {"gaussian", "likelihood=brier", "", "optimistic needs"},
        {"tabular", "transition=optimistic(1)", "", "optimistic needs"},
        {"gaussian", "transition=optimistic(1)", "", "squares of its rows"},
        {"gaussian", "likelihood=brier transition=optimistic(1) feedback=1", "",
         "must be 0"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const case_text text = {.model = wrong[i].model,
                                .inference = wrong[i].inference,
                                .data = wrong[i].data};
        const char *section, *key;
        bool found = false;
        case_setup c;

        case_open_small(&c, &text);
        for (size_t skip = 0; elbo_setup_check(&c.setup, skip, &section, &key)
                              == ELBO_ECONFIG;
             skip++)
            found |= strstr(elbo_last_error()->text, wrong[i].text) != NULL;
        ck_assert_msg(found, "case %zu", i);
        case_close(&c);
    }
}
END_TEST

START_TEST(every_lost_allocation_is_reported)
{
    const char *const text[] = {"brier", vtr};
    model_case c;
    elbo_status s = ELBO_ENOMEM;
    long budget = 0;

    model_case_open(&c, &model_case_grid, NULL, 0);

    elbo_arena *const keep = c.arena;

    while (s == ELBO_ENOMEM) {
        elbo_regression r;

        elbo_alloc_budget(budget++);
        c.arena = elbo_arena_alloc(64);
        s = c.arena ? model_case_try(&c, "gaussian", "") : ELBO_ENOMEM;
        if (s == ELBO_OK)
            s = elbo_regression_init(&r, elbo_regression_find(text[_i]), 20, 4,
                                     c.arena);
        elbo_arena_free(c.arena);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(budget, 2);
    c.arena = keep;
    model_case_close(&c);
}
END_TEST

Suite *suite_regression(void)
{
    Suite *suite = suite_create("regression");
    TCase *rows = tcase_create("rows"), *river = tcase_create("river");

    tcase_add_test(rows,
                   posterior_of_value_targets_solves_the_normal_equations);
    tcase_add_test(rows, posterior_of_brier_solves_the_normal_equations);
    tcase_add_test(rows, the_rows_error_is_weighed_by_the_data);
    tcase_add_test(rows, brier_by_counts_and_by_statistics_agree);
    tcase_add_test(rows, optimism_is_the_best_of_the_ellipsoid);
    tcase_add_test(rows, what_a_gaussian_model_cannot_do_is_refused);
    tcase_add_loop_test(rows, every_lost_allocation_is_reported, 0, 2);
    tcase_add_loop_test(river, riverswim_has_the_published_values, 0, 3);
    tcase_add_test(river, optimism_finds_the_far_reward);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, river);
    return suite;
}
