#include "inference/mstep.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/backup.h"
#include "inference/core/alloc.h"
#include "tests/model_cases.h"
#include "tests/suites.h"

static const tangle small = {7, 3, 5}, wide = {60, 8, 3};

/* A model on a world, data, a posterior (pi, q) and the step that reads them.
 */
typedef struct mstep_case {
    model_case c;
    elbo_arena *ws;
    elbo_problem problem;
    elbo_posterior post;
    elbo_mstep step;
} mstep_case;

typedef struct plan {
    const char *model, *settings;
    const char *transition;
    double kappa;
    double alpha;
    size_t horizon;
} plan;

/* An E-step at the belief's theta; p is a copy, so that theta can move alone.
 */
static void solve(mstep_case *m, const plan *p)
{
    elbo_arena *const arena = m->c.arena;
    const elbo_kernel geo = m->c.belief.geo;
    const size_t nnz = geo.pattern->nnz;
    double *const frozen = elbo_arena_doubles(arena, nnz);
    elbo_solve_info info;

    memcpy(frozen, geo.prob, nnz * sizeof *frozen);
    m->problem = (elbo_problem){
        .mdp = m->c.mdp,
        .alpha = p->alpha,
        .tolerance = 1e-12,
        .sweeps = 100000,
    };
    m->problem.mdp.P = (elbo_kernel){geo.pattern, frozen};
    ck_assert_int_eq(elbo_transition_parse(p->transition, ELBO_KL_STEP, 0.9,
                                           arena, &m->problem.tilt, NULL, NULL),
                     ELBO_OK);
    ck_assert_int_eq(elbo_posterior_init(&m->post, &m->problem, arena),
                     ELBO_OK);
    ck_assert_int_eq(elbo_solve(&m->problem, &m->post, &info, m->ws), ELBO_OK);
}

static void open_case(mstep_case *m, const elbo_env *env, const tangle *how,
                      const plan *p)
{
    *m = (mstep_case){.ws = elbo_arena_alloc(1 << 12)};
    model_case_open(&m->c, env, how, p->horizon);
    model_case_belief(&m->c, p->model, p->settings);
    if (p->kappa != 0) solve(m, p);
    m->step = (elbo_mstep){
        .likelihood = &elbo_likelihood_logp,
        .C = model_case_counts(&m->c, 7, 31),
        .kappa = p->kappa,
        .problem = p->kappa != 0 ? &m->problem : NULL,
        .post = p->kappa != 0 ? &m->post : NULL,
        .iterations = 3000,
        .tolerance = 1e-8,
    };
}

static void close_case(mstep_case *m)
{
    elbo_arena_free(m->ws);
    model_case_close(&m->c);
}

static void assert_ok(elbo_status s)
{
    ck_assert_msg(s == ELBO_OK, "%s", elbo_last_error()->text);
}

static double objective_at(mstep_case *m, size_t j, double x)
{
    elbo_belief *const b = &m->c.belief;
    double value;

    b->theta[j] = x;
    b->model->update(b);
    assert_ok(elbo_mstep_objective(&m->step, b, &value, NULL, m->ws));
    return value;
}

static const plan gradients[] = {
    {"softmax",  "init_scale=0.7",               "model",              0,    1,        0},
    {"softmax",  "init_scale=0.7",               "model",              1,    0.4,      0},
    {"softmax",  "init_scale=0.7",               "model",              -1,   0.4,      0},
    {"softmax",  "init_scale=0.7",               "model",              0.37, 0,        5},
    {"softmax",  "init_scale=0.7 support=world", "model",              1,    INFINITY, 4},
    {"softmax",  "init_scale=0.7",               "tilt(1.7)",          1,    0.4,      0},
    {"softmax",  "init_scale=0.7",               "tilt(0.8, kl=next)", 0.6,  0.4,      3},
    {"low_rank", "rank=3",                       "model",              1,    0.4,      0},
    {"low_rank", "rank=3",                       "model",              -1,   0.4,      3},
    {"low_rank", "rank=3",                       "tilt(1.7)",          1,    0.4,      0},
    {"aliased",  "block=2 init_scale=0.7",       "model",              1,    0.4,      0},
    {"aliased",  "block=2 init_scale=0.7",       "tilt(1.7)",          1,    0.4,      0},
    {"aliased",  "groups=7 init_scale=0.7",      "model",              -1,   0.4,      0},
    {"aliased",  "groups=7 init_scale=0.7",      "tilt(1.7)",          1,    0.4,      2},
};

START_TEST(the_gradient_matches_central_differences)
{
    mstep_case m;
    double value, scale = 0;

    open_case(&m, &model_case_grid, NULL, &gradients[_i]);

    const size_t n = m.c.belief.n;
    double *const grad = elbo_arena_doubles(m.c.arena, n);

    /* away from where (pi, q) were found: they are held, theta is not */
    model_case_shake(&m.c, 0.3, 17);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, grad, m.ws));
    for (size_t j = 0; j < n; j++) scale = fmax(scale, fabs(grad[j]));
    ck_assert_double_gt(scale, 0.1);
    for (size_t j = 0; j < n; j += 1 + n / 61) {
        const double x = m.c.belief.theta[j], h = 1e-3;
        const double slope =
            (objective_at(&m, j, x - 2 * h) - 8 * objective_at(&m, j, x - h)
             + 8 * objective_at(&m, j, x + h) - objective_at(&m, j, x + 2 * h))
            / (12 * h);

        objective_at(&m, j, x);
        ck_assert_double_eq_tol(grad[j], slope, 1e-7 * scale);
    }
    close_case(&m);
}
END_TEST

START_TEST(feedback_moves_the_objective_by_the_policys_value)
{
    const plan with = {"softmax", "init_scale=0.7", "model", 1, 0, 3};
    mstep_case m;
    double cut, fed, V[4][8], J = 0;

    open_case(&m, &model_case_tangle, &small, &with);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &fed, NULL, m.ws));
    m.step.kappa = 0;
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &cut, NULL, m.ws));

    /* three stages backwards, by hand; alpha = 0: no policy term */
    memset(V, 0, sizeof V);
    for (size_t t = 3; t-- > 0;)
        for (size_t row = 0; row < 14; row++) {
            const double *const p = m.c.belief.mean.prob + row * 8;
            double Q = m.c.mdp.r[row];

            for (size_t next = 0; next < 7; next++)
                Q += 0.9 * p[next] * V[t + 1][next];
            V[t][row / 2] += m.post.pi[t * 14 + row] * Q;
        }
    for (size_t s = 0; s < 7; s++) J += m.c.mdp.mu[s] * V[0][s];
    ck_assert_double_gt(J, 0.5);
    ck_assert_double_eq_tol(fed - cut, J, 1e-11 * fabs(cut));
    close_case(&m);
}
END_TEST

/* -- closed form ------------------------------------------------------------
 */

START_TEST(tabular_is_fitted_to_the_counts_in_one_step)
{
    const plan cut = {"tabular", "prior_count=2.4", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;
    double value;

    open_case(&m, &model_case_tangle, &small, &cut);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    for (size_t j = 0; j < m.c.belief.n; j++)
        ck_assert_double_eq_tol(m.c.belief.theta[j], 0.3 + m.step.C[j], 1e-13);
    ck_assert(info.closed && info.converged);
    ck_assert_double_gt(info.after, info.before + 1);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, NULL, m.ws));
    ck_assert_double_eq(value, info.after);

    /* nothing is left to gain */
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert_double_eq(info.before, info.after);
    close_case(&m);
}
END_TEST

START_TEST(tabular_with_a_vanishing_prior_still_has_a_finite_objective)
{
    const plan cut = {"tabular", "prior_count=1e-3", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    open_case(&m, &model_case_tangle, &small, &cut);
    ck_assert_double_eq(m.c.belief.geo.prob[0], 0);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(isfinite(info.before));
    ck_assert_double_gt(info.after, info.before + 1000);
    close_case(&m);
}
END_TEST

/* beta rho q by forward simulation of the distribution, kl: step. */
static void expected_visits(const mstep_case *m, double beta, double C[])
{
    enum { S = 7, STEPS = 600 };
    double state[S], next[S], discount = 1;

    memcpy(state, m->c.mdp.mu, sizeof state);
    for (int t = 0; t < STEPS; t++, discount *= 0.9) {
        memset(next, 0, sizeof next);
        for (size_t row = 0; row < S * 2; row++)
            for (size_t k = 0; k <= S; k++) {
                const double flow =
                    state[row / 2] * m->post.pi[row] * m->post.q[row * 8 + k];

                C[row * 8 + k] += beta * discount * flow;
                if (k < S) next[k] += flow;
            }
        memcpy(state, next, sizeof state);
    }
}

START_TEST(tabular_adds_the_expected_counts_of_a_tilt)
{
    const plan closed = {"tabular", "prior_count=2.4", "tilt(1.7)", 1, 0.4, 0};
    elbo_mstep_info info;
    mstep_case m;
    double visits[14 * 8] = {0};

    open_case(&m, &model_case_tangle, &small, &closed);
    expected_visits(&m, 1.7, visits);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    for (size_t j = 0; j < m.c.belief.n; j++)
        ck_assert_double_eq_tol(m.c.belief.theta[j],
                                0.3 + m.step.C[j] + visits[j], 1e-9);
    ck_assert(info.closed);
    ck_assert_double_gt(info.after, info.before);
    close_case(&m);
}
END_TEST

/* -- gradient ---------------------------------------------------------------
 */

START_TEST(softmax_without_a_prior_reaches_the_frequencies)
{
    const plan cut = {"softmax", "prior_precision=1e-9", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    open_case(&m, &model_case_tangle, &small, &cut);

    /* a count everywhere, so that the maximum lies inside */
    double *const C = elbo_arena_doubles(m.c.arena, 14 * 8);

    for (size_t i = 0; i < 14 * 8; i++)
        C[i] = m.step.C[i] + (i < 12 * 8 ? 0.5 : 0);
    m.step.C = C;
    m.step.tolerance = 1e-9;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(info.converged && !info.closed);
    for (size_t row = 0; row < 12; row++) {
        double sum = 0;

        for (size_t k = 0; k < 8; k++) sum += C[row * 8 + k];
        for (size_t k = 0; k < 8; k++)
            ck_assert_double_eq_tol(m.c.belief.mean.prob[row * 8 + k],
                                    C[row * 8 + k] / sum, 1e-6);
    }
    close_case(&m);
}
END_TEST

/* sum C log(frequency): what no model can exceed. */
static double saturated(const mstep_case *m)
{
    const elbo_pattern *const pattern = m->c.belief.mean.pattern;
    double total = 0;

    for (size_t row = 0; row < pattern->nS * pattern->nA; row++) {
        double sum = 0;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            sum += m->step.C[i];
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            if (m->step.C[i] > 0)
                total += m->step.C[i] * log(m->step.C[i] / sum);
    }
    return total;
}

static double fitted_likelihood(const char *settings, double *best)
{
    const plan cut = {"low_rank", settings, "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;
    double value;

    open_case(&m, &model_case_tangle, &small, &cut);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    assert_ok(
        elbo_likelihood_logp.value(&m.c.belief.geo, m.step.C, &value, NULL));
    *best = saturated(&m);
    close_case(&m);
    return value;
}

START_TEST(low_rank_fits_at_full_rank_and_loses_below)
{
    double best;
    const double one = fitted_likelihood("rank=1 prior_precision=1e-6", &best);
    const double two = fitted_likelihood("rank=2 prior_precision=1e-6", &best);
    const double full = fitted_likelihood("rank=8 prior_precision=1e-6", &best);

    ck_assert_double_lt(full, best);
    ck_assert_double_gt(full, best - 1e-2 * fabs(best));
    ck_assert_double_lt(two, full - 0.05 * fabs(best));
    ck_assert_double_lt(one, two - 0.05 * fabs(best));
}
END_TEST

START_TEST(repeated_runs_never_fall_and_end)
{
    const plan *const p = &gradients[_i];
    elbo_mstep_info info = {0};
    mstep_case m;
    double last = -INFINITY, value;

    open_case(&m, &model_case_grid, NULL, p);
    m.step.iterations = 5;
    for (int round = 0; round < 8; round++) {
        assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
        ck_assert_double_ge(info.before, last);
        ck_assert_double_ge(info.after, info.before);
        ck_assert_uint_le(info.iterations, 5);
        assert_ok(
            elbo_mstep_objective(&m.step, &m.c.belief, &value, NULL, m.ws));
        ck_assert_double_eq(value, info.after);
        last = info.after;
    }
    ck_assert_double_gt(info.after, -INFINITY);
    close_case(&m);
}
END_TEST

START_TEST(the_search_ends_where_the_gradient_does)
{
    const plan *const p = &gradients[_i];
    elbo_mstep_info info;
    mstep_case m;
    double value, scale = 0, norm = 0;

    open_case(&m, &model_case_grid, NULL, p);

    const elbo_pattern *const pattern = m.c.belief.mean.pattern;
    double *const grad = elbo_arena_doubles(m.c.arena, m.c.belief.n);

    m.step.tolerance = 1e-5;
    m.step.iterations = 20000;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(info.converged);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, grad, m.ws));
    for (size_t i = 0; i < pattern->nnz; i++) scale += m.step.C[i];
    for (size_t j = 0; j < m.c.belief.n; j++) norm += grad[j] * grad[j];
    ck_assert_double_le(sqrt(norm), 1e-4 * fmax(scale, fabs(value)));
    close_case(&m);
}
END_TEST

START_TEST(too_few_iterations_are_no_error)
{
    const plan cut = {"softmax", "", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    open_case(&m, &model_case_tangle, &small, &cut);
    m.step.iterations = 1;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(!info.converged);
    ck_assert_uint_eq(info.iterations, 1);
    ck_assert_double_gt(info.after, info.before);
    close_case(&m);
}
END_TEST

START_TEST(a_fixed_model_is_only_evaluated)
{
    const plan cut = {"true", "", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;
    double value;

    open_case(&m, &model_case_tangle, &small, &cut);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    assert_ok(elbo_likelihood_logp.value(&m.c.mdp.P, m.step.C, &value, NULL));
    ck_assert_double_eq(info.before, value);
    ck_assert_double_eq(info.after, value);
    ck_assert(info.converged);
    close_case(&m);
}
END_TEST

/* -- determinism and failures -----------------------------------------------
 */

static const plan threaded[] = {
    {"tabular",  "",         "model",     0,  1,   0},
    {"softmax",  "",         "model",     1,  0.4, 0},
    {"low_rank", "rank=6",   "tilt(1.7)", 1,  0.4, 0},
    {"aliased",  "groups=5", "model",     -1, 0.4, 0},
};

START_TEST(threads_do_not_change_the_bits)
{
    const int threads = omp_get_max_threads();
    elbo_mstep_info info[2];
    mstep_case m[2];

    for (int t = 0; t < 2; t++) {
        omp_set_num_threads(t + 1);
        open_case(&m[t], &model_case_tangle, &wide, &threaded[_i]);
        m[t].step.iterations = 4;
        assert_ok(
            elbo_mstep_run(&m[t].step, &m[t].c.belief, &info[t], m[t].ws));
    }
    omp_set_num_threads(threads);
    ck_assert_mem_eq(m[0].c.belief.theta, m[1].c.belief.theta,
                     m[0].c.belief.n * sizeof(double));
    ck_assert_mem_eq(&info[0].before, &info[1].before, sizeof(double));
    ck_assert_mem_eq(&info[0].after, &info[1].after, sizeof(double));
    close_case(&m[0]);
    close_case(&m[1]);
}
END_TEST

typedef struct refusal {
    plan plan;
    const char *text;
} refusal;

static const refusal refusals[] = {
    {{"tabular", "", "model", 1, 0.4, 0},                   "a posterior"    },
    {{"tabular", "", "model", -1, 0.4, 0},                  "a posterior"    },
    {{"tabular", "prior_count=5", "tilt(1.7)", -1, 0.4, 0}, "negative counts"},
    {{"softmax", "", "tilt(1.7)", -1, 0.4, 0},              "negative counts"},
    {{"softmax", "", "tilt(-1.7)", 1, 0.4, 0},              "robust"         },
};

START_TEST(feedback_that_cannot_reach_the_model_is_refused)
{
    elbo_mstep_info info;
    mstep_case m;
    double value;

    open_case(&m, &model_case_tangle, &small, &refusals[_i].plan);

    const double before = m.c.belief.theta[3];

    ck_assert_int_eq(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, refusals[_i].text));
    ck_assert_int_eq(
        elbo_mstep_objective(&m.step, &m.c.belief, &value, NULL, m.ws),
        ELBO_EINVAL);
    ck_assert_double_eq(m.c.belief.theta[3], before);
    close_case(&m);
}
END_TEST

START_TEST(a_posterior_has_no_gradient_for_other_likelihoods)
{
    const plan cut = {"tabular", "", "model", 0, 1, 0};
    elbo_likelihood other = elbo_likelihood_logp;
    elbo_mstep_info info;
    mstep_case m;

    other.name = "other";
    other.conjugate = false;
    open_case(&m, &model_case_tangle, &small, &cut);
    m.step.likelihood = &other;
    ck_assert_int_eq(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "likelihood other"));
    close_case(&m);
}
END_TEST

START_TEST(impossible_data_leave_theta_unchanged)
{
    const char *const name = _i ? "softmax" : "tabular";
    const plan cut = {name, "support=world", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    open_case(&m, &model_case_tangle, &small, &cut);

    const elbo_pattern *const pattern = m.c.belief.mean.pattern;
    const size_t row = 2 * (small.nS - 1),
                 bytes = m.c.belief.n * sizeof(double);
    double *const C = elbo_arena_doubles(m.c.arena, pattern->nnz);
    double *const before = elbo_arena_doubles(m.c.arena, m.c.belief.n);

    /* the known row of the last state ends; its padding, or an own entry whose
     * probability is taken away, is impossible */
    memcpy(C, m.step.C, pattern->nnz * sizeof *C);
    memcpy(before, m.c.belief.theta, bytes);
    C[elbo_row_begin(pattern, row)] = 1;
    m.c.belief.mean.prob[elbo_row_begin(pattern, row)] = 0;
    m.c.belief.geo.prob[elbo_row_begin(pattern, row)] = 0;
    m.step.C = C;
    ck_assert_int_eq(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws),
                     ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "state 6, action 0"));
    ck_assert_mem_eq(m.c.belief.theta, before, bytes);
    close_case(&m);
}
END_TEST

START_TEST(every_lost_allocation_leaves_theta_unchanged)
{
    const plan *const p = &threaded[_i];
    elbo_status s = ELBO_ENOMEM;
    elbo_mstep_info info;
    mstep_case m;
    long budget = 0;

    open_case(&m, &model_case_tangle, &small, p);
    m.step.iterations = 2;

    const size_t bytes = m.c.belief.n * sizeof(double);
    double *const before = elbo_arena_doubles(m.c.arena, m.c.belief.n);

    memcpy(before, m.c.belief.theta, bytes);
    while (s == ELBO_ENOMEM) {
        ck_assert_mem_eq(m.c.belief.theta, before, bytes);
        elbo_alloc_budget(budget++);

        elbo_arena *const ws = elbo_arena_alloc(64);

        s = ws ? elbo_mstep_run(&m.step, &m.c.belief, &info, ws) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(budget, 2);
    close_case(&m);
}
END_TEST

START_TEST(a_warm_step_never_allocates)
{
    elbo_mstep_info info;
    mstep_case m;

    open_case(&m, &model_case_tangle, &small, &threaded[_i]);
    m.step.iterations = 2;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));

    const unsigned long before = elbo_alloc_count();

    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert_uint_eq(elbo_alloc_count(), before);
    close_case(&m);
}
END_TEST

Suite *suite_mstep(void)
{
    enum {
        GRADIENTS = sizeof gradients / sizeof *gradients,
        THREADED = sizeof threaded / sizeof *threaded,
        REFUSALS = sizeof refusals / sizeof *refusals
    };
    Suite *const suite = suite_create("mstep");
    TCase *const t = tcase_create("mstep");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_gradient_matches_central_differences, 0,
                        GRADIENTS);
    tcase_add_loop_test(t, repeated_runs_never_fall_and_end, 0, GRADIENTS);
    tcase_add_loop_test(t, the_search_ends_where_the_gradient_does, 0,
                        GRADIENTS);
    tcase_add_test(t, feedback_moves_the_objective_by_the_policys_value);
    tcase_add_test(t, tabular_is_fitted_to_the_counts_in_one_step);
    tcase_add_test(t,
                   tabular_with_a_vanishing_prior_still_has_a_finite_objective);
    tcase_add_test(t, tabular_adds_the_expected_counts_of_a_tilt);
    tcase_add_test(t, softmax_without_a_prior_reaches_the_frequencies);
    tcase_add_test(t, low_rank_fits_at_full_rank_and_loses_below);
    tcase_add_test(t, too_few_iterations_are_no_error);
    tcase_add_test(t, a_fixed_model_is_only_evaluated);
    tcase_add_loop_test(t, threads_do_not_change_the_bits, 0, THREADED);
    tcase_add_loop_test(t, feedback_that_cannot_reach_the_model_is_refused, 0,
                        REFUSALS);
    tcase_add_test(t, a_posterior_has_no_gradient_for_other_likelihoods);
    tcase_add_loop_test(t, impossible_data_leave_theta_unchanged, 0, 2);
    tcase_add_loop_test(t, every_lost_allocation_leaves_theta_unchanged, 0,
                        THREADED);
    tcase_add_loop_test(t, a_warm_step_never_allocates, 0, THREADED);
    suite_add_tcase(suite, t);
    return suite;
}
