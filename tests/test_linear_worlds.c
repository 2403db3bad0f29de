/* tests/test_linear_worlds.c -- the engine in linear-Gaussian worlds: promises,
 * parts of the bound, what rises. */
#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/messages/mniw.h"
#include "tests/linear_cases.h"
#include "tests/suites.h"

/* ---- the true model: promise, truth and a Riccati recursion of ours ---- */

enum { N = 3, M = 2 };

static double get(const gsl_matrix *A, size_t i, size_t j)
{
    return gsl_matrix_get(A, i, j);
}

/* P <- Q + g A'P A - g^2 A'P B (R + g B'P B)^-1 B'P A for Q = I, R = I, nu = 2. */
static void riccati(const elbo_linear_dynamics *map, double g, double P[N][N])
{
    double PA[N][N], PB[N][M], S[M][M], H[M][N], out[N][N];

    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            PA[i][j] = 0;
            for (size_t k = 0; k < N; k++) PA[i][j] += P[i][k] * get(map->A, k, j);
        }
        for (size_t j = 0; j < M; j++) {
            PB[i][j] = 0;
            for (size_t k = 0; k < N; k++) PB[i][j] += P[i][k] * get(map->B, k, j);
        }
    }
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < M; j++) {
            S[i][j] = i == j;
            for (size_t k = 0; k < N; k++)
                S[i][j] += g * get(map->B, k, i) * PB[k][j];
        }
        for (size_t j = 0; j < N; j++) {
            H[i][j] = 0;
            for (size_t k = 0; k < N; k++)
                H[i][j] += g * get(map->B, k, i) * PA[k][j];
        }
    }

    const double det = S[0][0] * S[1][1] - S[0][1] * S[1][0];
    const double inverse[M][M] = {
        {S[1][1] / det,  -S[0][1] / det},
        {-S[1][0] / det, S[0][0] / det },
    };

    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            out[i][j] = i == j;
            for (size_t k = 0; k < N; k++)
                out[i][j] += g * get(map->A, k, i) * PA[k][j];
            for (size_t a = 0; a < M; a++)
                for (size_t b = 0; b < M; b++)
                    out[i][j] -= H[a][i] * inverse[a][b] * H[b][j];
        }
    memcpy(P, out, sizeof out);
}

START_TEST(the_true_model_keeps_its_promise)
{
    const double g = 0.95;
    case_setup c;
    elbo_engine *engine = linear_open(
        &c,
        &(case_text){.model = "true",
                     .env_common = "discount=0.95",
                     .control_common = "temperature=0",
                     .data = "steps=0"},
        (unsigned)_i);
    const elbo_linear *l = engine->linear;
    double P[N][N] = {{0}}, J = 0;
    elbo_row row;

    case_ok(elbo_engine_iterate(engine, &row));
    for (int k = 0; k < 3000; k++) riccati(&l->world.dynamics, g, P);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            J -= P[i][j]
                 * (get(l->world.P0, i, j) + 1
                    + g / (1 - g) * get(l->world.dynamics.W, i, j))
                 / 2;
    ck_assert_double_eq_tol(row.return_real, J, 1e-9 * fabs(J));
    ck_assert_double_eq_tol(row.return_model, J, 1e-9 * fabs(J));
    ck_assert_double_eq_tol(row.parts.reward, J, 1e-9 * fabs(J));
    ck_assert(row.parts.policy_kl == 0 && row.parts.transition_kl == 0);
    case_stop(&c, engine);
}
END_TEST

/* ---- parts that add up to what is known otherwise ---- */

/* The cut's own bound is the evidence of the data: the posterior is exact. */
START_TEST(the_learnt_part_is_the_evidence_of_the_data)
{
    case_setup c;
    elbo_engine *engine = linear_open(
        &c,
        &(case_text){.env_common = "horizon=20",
                     .control_common = "temperature=0",
                     .model_own = "prior_precision=0.5 prior_noise=0.3",
                     .data = "steps=57"},
        (unsigned)_i);
    const elbo_linear *l = engine->linear;
    elbo_arena *ws = elbo_arena_alloc(1 << 14);
    elbo_mniw prior, post;
    double evidence;
    elbo_row row;

    case_ok(elbo_engine_iterate(engine, &row));
    case_ok(elbo_mniw_init(&prior, N, N + M + 1, ws));
    case_ok(elbo_mniw_init(&post, N, N + M + 1, ws));
    elbo_mniw_isotropic(&prior, 0.5, 0.3, N + 2);
    case_ok(elbo_mniw_posterior(&prior, &l->D[0], &post, ws));
    case_ok(elbo_mniw_evidence(&prior, &post, 57, &evidence, ws));
    ck_assert_double_eq_tol(row.parts.likelihood + row.parts.prior, evidence,
                            1e-10 * fabs(evidence));
    ck_assert_double_eq_tol(
        row.elbo,
        row.parts.reward - row.parts.policy_kl - row.parts.transition_kl
            + row.parts.likelihood + row.parts.prior,
        1e-12 * elbo_parts_scale(&row.parts));
    ck_assert(row.value_gap == row.return_model - row.return_real);
    elbo_arena_free(ws);
    case_stop(&c, engine);
}
END_TEST

/* F_control at the E-step's optimum is E V(x_0). */
static const case_text balanced[] = {
    {.control_common = "temperature=0.3", .inference = "transition=tilt(4)"},
    {.control_common = "temperature=0.3 kl=next",
     .inference = "transition=tilt(4)"},
    {.control_common = "temperature=0.3",
     .inference = "transition=tilt(-400)",
     .data = "steps=2000 episode_steps=20"},
    {.control_common = "temperature=2 prior_variance=0.5"},
    {.env_common = "horizon=9 discount=1",
     .control_common = "temperature=0.3 prior_variance=2",
     .inference = "transition=tilt(2)"},
    {.env_common = "horizon=9",
     .model_own = "time_varying=true",
     .control_common = "temperature=0.3",
     .inference = "transition=tilt(2)"},
};

START_TEST(the_parts_balance_at_the_value_of_the_start)
{
    case_text text = balanced[_i];
    case_setup c;
    elbo_row row;

    if (!text.data) text.data = "steps=200 episode_steps=20";

    elbo_engine *engine = linear_open(&c, &text, 3);
    const elbo_linear *l = engine->linear;

    case_ok(elbo_engine_iterate(engine, &row));

    const double value =
        elbo_quadratic_mean(&l->stage[0].V, l->world.m0, l->world.P0);
    const double control =
        row.parts.reward - row.parts.policy_kl - row.parts.transition_kl;

    ck_assert_double_eq_tol(control, value, 1e-9 * (1 + fabs(value)));
    case_stop(&c, engine);
}
END_TEST

/* The mean of -log p is a cross entropy: the true model's is the noise's entropy,
 * and a model's is that and the mean divergence of its rows. */
START_TEST(the_heldout_likelihood_is_a_cross_entropy)
{
    static const char *const where[] = {"nll=data", "nll=current"};
    const case_text text = {.env_common = "horizon=7",
                            .control_common = "temperature=0.2",
                            .data = "steps=140",
                            .evaluation = where[_i]};
    case_text sure = text;
    case_setup a, b;
    elbo_row row, best;

    sure.model = "true";

    elbo_engine *e = linear_open(&a, &text, 3), *truth = linear_open(&b, &sure, 3);
    const double entropy = N * log(2 * M_PI * M_E * 0.05) / 2;

    case_ok(elbo_engine_iterate(e, &row));
    case_ok(elbo_engine_iterate(truth, &best));
    ck_assert_str_eq(e->columns[12], "nll");
    ck_assert_double_eq_tol(best.own.x[0], entropy, 1e-10);
    ck_assert_double_gt(row.own.x[0], entropy);

    /* KL(truth || model) at every z the walk meets, as quadratics */
    const elbo_linear *l = e->linear;
    const elbo_linear_behaviour current = {.policy = l->pi, .stages = 7};
    elbo_arena *ws = elbo_arena_alloc(1 << 14);
    elbo_quadratic kl = elbo_quadratic_take(ws, N + M);
    elbo_linear_moments *visits;
    double mass, sum = 0;

    case_ok(elbo_linear_dynamics_kl(&l->world.dynamics, &l->belief.mean[0], &kl,
                                    ws));
    case_ok(elbo_linear_visits(e, _i ? &current : &l->behaviour, &visits, &mass));
    for (size_t t = 0; t < 7; t++)
        sum += elbo_linear_moments_mean(&visits[t], &kl);
    ck_assert_double_eq_tol(row.own.x[0], entropy + sum / mass, 1e-9);
    elbo_arena_free(ws);
    case_stop(&a, e);
    case_stop(&b, truth);
}
END_TEST

/* ---- what must rise ---- */

static const case_text rising[] = {
    {.control_common = "temperature=0.5", .inference = "iterations=12"},
    {.control_common = "temperature=0.5",
     .inference = "iterations=12 transition=tilt(3) feedback=1"},
    {.control_common = "temperature=0.5 kl=next prior_variance=1",
     .inference = "iterations=12 transition=tilt(3) feedback=1"},
    {.env_common = "horizon=6",
     .control_common = "temperature=0",
     .model_own = "time_varying=true",
     .inference = "iterations=12 transition=tilt(1) feedback=1 weight=0.5"},
    {.env_common = "horizon=6",
     .control_common = "temperature=0.1",
     .model_own = "estimate=maximum_likelihood",
     .inference = "iterations=12 transition=tilt(1) feedback=1"},
};

/* The watchdog stops a run that falls: 40 systems a setting, 200 in all. */
START_TEST(what_must_rise_rises)
{
    const size_t settings = sizeof rising / sizeof *rising;
    case_text text = rising[(size_t)_i % settings];
    const unsigned instance = (unsigned)((size_t)_i / settings);
    case_setup c;
    elbo_row row;
    double F = -HUGE_VAL;

    text.data = "steps=40 episode_steps=8";

    elbo_engine *engine = linear_open(&c, &text, instance);

    while (elbo_engine_verdict(engine) == ELBO_RUNNING) {
        case_ok(elbo_engine_iterate(engine, &row));
        if (engine->set.kappa == 1 && row.iteration > 1)
            ck_assert_double_ge(row.elbo,
                                F - 1e-9 * elbo_parts_scale(&row.parts));
        F = row.elbo;
    }
    case_stop(&c, engine);
}
END_TEST

static double outer(elbo_engine *e)
{
    const elbo_linear *l = e->linear;
    const elbo_lqr problem = elbo_linear_problem(e);
    const elbo_linear_chain chain = elbo_linear_chain_of(l);
    const elbo_linear_model *model = l->belief.model;
    elbo_lqr_parts parts;
    double likelihood, prior;

    case_ok(elbo_lqr_parts_at(&problem, &chain, l->world.m0, l->world.P0, &parts,
                              e->ws));
    case_ok(model->likelihood(&l->belief, l->D, &likelihood, e->ws));
    case_ok(model->log_prior(&l->belief, &prior, e->ws));
    return parts.reward - parts.policy_kl - parts.transition_kl + likelihood
           + prior;
}

/* The closed M-step is where F is largest: a fit to counts that are a little off,
 * data or expected, is worse. A sign, a share or a normalised occupancy in the
 * expected counts would show here. */
START_TEST(the_closed_m_step_is_the_maximum)
{
    case_setup c;
    elbo_engine *e = linear_open(
        &c,
        &(case_text){.env_common = "discount=0.9",
                     .control_common = "temperature=0.5",
                     .inference = "iterations=9 transition=tilt(5) feedback=1",
                     .data = "steps=30 episode_steps=10"},
        (unsigned)_i);
    elbo_linear *const l = e->linear;
    elbo_row row;

    for (int k = 0; k < 2; k++) case_ok(elbo_engine_iterate(e, &row));
    /* the M-step of the next iteration, by hand: D and what (pi, q) expect */
    case_ok(e->family->m_step(e, &row));

    const double best = outer(e);

    for (int k = 0; k < 24; k++) {
        const double off = k % 2 ? 1e-3 : -1e-3;
        const size_t i = (size_t)k / 2 % 6, j = (size_t)(k / 2 * 5) % 6;
        double *at[] = {gsl_matrix_ptr(l->S[0].Szz, i, i),
                        gsl_matrix_ptr(l->S[0].Syz, i % 3, j),
                        gsl_matrix_ptr(l->S[0].Syy, i % 3, i % 3), &l->S[0].n};
        double *const x = at[k % 4];
        const double kept = *x;

        *x += off * (1 + fabs(kept));
        case_ok(l->belief.model->fit(&l->belief, l->S, e->ws));
        *x = kept;
        ck_assert_double_le(outer(e), best + 1e-11 * fabs(best));
    }
    case_ok(l->belief.model->fit(&l->belief, l->S, e->ws));
    ck_assert_double_eq_tol(outer(e), best, 1e-11 * fabs(best));
    case_stop(&c, e);
}
END_TEST

Suite *suite_linear_worlds(void)
{
    Suite *s = suite_create("linear_worlds");
    TCase *t = tcase_create("engine");

    tcase_add_loop_test(t, the_true_model_keeps_its_promise, 0, 10);
    tcase_add_loop_test(t, the_learnt_part_is_the_evidence_of_the_data, 0, 10);
    tcase_add_loop_test(t, the_parts_balance_at_the_value_of_the_start, 0,
                        sizeof balanced / sizeof *balanced);
    tcase_add_loop_test(t, the_heldout_likelihood_is_a_cross_entropy, 0, 2);
    tcase_add_loop_test(t, what_must_rise_rises, 0, 200);
    tcase_add_loop_test(t, the_closed_m_step_is_the_maximum, 0, 10);
    suite_add_tcase(s, t);
    return s;
}
