/* tests/test_task_search_terms.c -- what gradient: search maximises in control
 * tasks, term by term, and what it draws: tests/bent_world.h.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/bent_world.h"
#include "tests/suites.h"

enum { PLANS, L_FIT, L, J_FIT, J }; /* of found */

static const double *found_of(const elbo_engine *e)
{
    return e->task->search->found;
}

/* ---- J in the fit ---- */

static const char full_batch[] =
    "members=1 layers=0 head=deterministic noise=0.3 epochs=1500 batch=64 "
    "rate=0.01 holdout=0 ";

/* A search of one point, so far from the fit. */
static elbo_engine *open_pulled(case_setup *c, double step)
{
    char inference[120] = "";
    case_text text = bent_text(inference);

    snprintf(inference, sizeof inference,
             "iterations=3 likelihood=logp+100*J*E(sum(y-s)) "
             "gradient=search(evolution,1,step=%g)",
             step);
    text.model_own = full_batch;
    return bent_open(c, &text, &bent_env, 5);
}

/* Where the mean of -(d - alpha - beta u)^2 / (2 s^2) + k J (alpha + beta u) is
 * most: the least squares' line, moved by k J s^2. */
static void pulled_line(const elbo_engine *e, double J_before, double out[2])
{
    const bent_sums t = bent_sums_of(e, NULL);

    out[1] = (t.du - t.d * t.u) / (t.u2 - t.u * t.u);
    out[0] = t.d - out[1] * t.u + 100 * J_before * t.s * t.s;
}

START_TEST(a_fit_reads_the_return_that_the_m_step_before_found)
{
    case_setup c;
    elbo_engine *const e = open_pulled(&c, 1e-12);
    double before = 0, line[2], known[2];
    elbo_row row;

    for (int i = 0; i < 3; i++) {
        case_ok(elbo_engine_iterate(e, &row));
        bent_line(e, bent_start, line);
        pulled_line(e, before, known);
        ck_assert_double_eq_tol(line[0], known[0], 1e-4);
        ck_assert_double_eq_tol(line[1], known[1], 1e-4);
        ck_assert_double_gt(fabs(found_of(e)[J] - before), 0.003);
        before = found_of(e)[J];
    }
    case_stop(&c, e);
}
END_TEST

/* The search moved from the fit: it is not the fit's return that counts. */
START_TEST(a_run_read_back_fits_at_the_return_that_was_saved)
{
    elbo_engine *e[2];
    case_setup c[2];
    double known[2];
    elbo_row row;

    for (int k = 0; k < 2; k++) e[k] = open_pulled(&c[k], 0.1);
    case_ok(elbo_engine_iterate(e[0], &row));

    const double before = found_of(e[0])[J];

    ck_assert_double_gt(fabs(found_of(e[0])[J_FIT] - before), 0.003);
    case_carry(e[0], e[1]);
    ck_assert_mem_eq(found_of(e[1]), found_of(e[0]), 5 * sizeof(double));
    for (int k = 0; k < 2; k++) {
        case_ok(elbo_engine_iterate(e[k], &row));
        pulled_line(e[k], before, known);
        ck_assert_double_eq_tol(found_of(e[k])[J_FIT],
                                bent_earned(bent_start, known[0], known[1]), 5e-4);
    }
    ck_assert_mem_eq(found_of(e[1]), found_of(e[0]), 5 * sizeof(double));
    for (int k = 0; k < 2; k++) case_stop(&c[k], e[k]);
}
END_TEST

/* ---- the terms ---- */

static double more_to_the_right(double u)
{
    return 1 + u + u * u / 2;
}

/* With weights, the scale lambda, a sum or a mean, and a prior: the prior halves
 * beta, or more, so each of them moves the best line. */
static const struct {
    const char *inference;
    double lambda; /* of the mean */
    double (*weight)(double u);
    double precision;
} terms[] = {
    {"weight=1+sum(next-s) data_scale=|D|", 64, more_to_the_right, 0},
    {"data_scale=|D|", 64, NULL, 200},
    {"data_scale=0.25|D|", 16, NULL, 200},
    {"data_scale=16 weight=1+sum(next-s)", 16, more_to_the_right, 200},
};

START_TEST(a_search_weighs_its_terms)
{
    char inference[200] = "", model[200];
    case_text text = bent_text(inference);
    double line[2], best[2];
    case_setup c;
    elbo_row row;

    snprintf(inference, sizeof inference,
             "iterations=1 likelihood=logp-J "
             "gradient=search(evolution,1500,step=0.3) %s",
             terms[_i].inference);
    snprintf(model, sizeof model,
             "members=1 layers=0 head=deterministic noise=0.3 normalise=none "
             "epochs=300 batch=16 rate=0.01 holdout=0 precision=%g",
             terms[_i].precision);
    text.model_own = model;

    elbo_engine *const e = bent_open(&c, &text, &bent_env, 5);

    case_ok(elbo_engine_iterate(e, &row));

    const bent_goal goal = {bent_sums_of(e, terms[_i].weight), 1,
                            terms[_i].lambda, terms[_i].precision};
    const double most = bent_goal_best(&goal, best);

    bent_line(e, bent_start, line);
    ck_assert_double_ge(bent_goal_at(&goal, line[0], line[1]), most - 0.05);
    ck_assert_double_eq_tol(line[1], best[1], 0.02);
    ck_assert_double_eq_tol(found_of(e)[L],
                            bent_mean_logp(&goal.sums, line[0], line[1])
                                - goal.sums.w * found_of(e)[J],
                            1e-4);
    case_stop(&c, e);
}
END_TEST

/* ---- what is drawn ---- */

/* The mean of n episodes of the streams "search", whatever an evaluation has; with no
 * number of its own as many as an evaluation has, or one. */
static const struct {
    const char *own, *evaluation;
    size_t n;
} episodes[] = {
    {"",            "episodes=3 rollouts=1", 3},
    {",episodes=2", "episodes=3 rollouts=1", 2},
    {"",            "episodes=0 rollouts=1", 1},
};

START_TEST(a_return_has_its_own_episodes)
{
    const size_t n = episodes[_i].n;
    char inference[120] = "";
    case_text text = bent_text(inference);
    case_setup c;
    elbo_row row;

    snprintf(inference, sizeof inference,
             "iterations=2 likelihood=logp-1e-9*J "
             "gradient=search(evolution,1,step=1e-12%s)",
             episodes[_i].own);
    text.evaluation = episodes[_i].evaluation;

    elbo_engine *const e = bent_open(&c, &text, &bent_scattered, 9);

    for (uint64_t round = 0; round < 2; round++) {
        double mean = 0;

        case_ok(elbo_engine_iterate(e, &row));
        for (size_t i = 0; i < n; i++) {
            elbo_rng rng = elbo_rng_stream(e->task->problem.seed, "search",
                                           2 * (round * n + i));
            double x, line[2];

            bent_scattered.task->reset(e->task->world.self, 1, &rng, &x);
            bent_line(e, x, line);
            mean += bent_earned(x, line[0], line[1]) / (double)n;
        }
        ck_assert_double_eq_tol(found_of(e)[J_FIT], mean, 5e-4);
        ck_assert_double_eq_tol(found_of(e)[J], mean, 5e-4);
        ck_assert_double_gt(fabs(row.return_real - mean), 5e-3);
    }
    case_stop(&c, e);
}
END_TEST

static const float *theta_of(const elbo_engine *e, size_t *n)
{
    const elbo_ensemble *const model = e->task->belief.self;

    *n = model->size;
    return elbo_ensemble_theta(model, 0);
}

/* Evolution's first point: the fit, moved by normals of the run's own stream; where
 * it earns less the fit stays. Whether it moved. */
static bool check_first_point(uint64_t seed)
{
    static const char *const how[] = {"from=2", "from=1"};
    const double step = 0.125;
    const float *theta[2];
    elbo_engine *e[2];
    case_setup c[2];
    elbo_row row;
    size_t n;

    for (int k = 0; k < 2; k++) {
        char inference[120] = "";
        const case_text text = bent_text(inference);

        snprintf(inference, sizeof inference,
                 "iterations=1 likelihood=1e-6*logp+J "
                 "gradient=search(evolution,1,step=%g,%s)",
                 step, how[k]);
        e[k] = bent_open(&c[k], &text, &bent_env, seed);
        case_ok(elbo_engine_iterate(e[k], &row));
        theta[k] = theta_of(e[k], &n);
    }

    const bool moved = found_of(e[1])[J] > found_of(e[1])[J_FIT];
    elbo_rng rng = elbo_rng_stream(e[1]->task->problem.seed, "evolution", 0);
    double z[8];

    ck_assert_uint_le(n, 8);
    elbo_rng_normals(&rng, z, n);
    for (size_t j = 0; j < n; j++)
        ck_assert_double_eq_tol((double)theta[1][j],
                                (double)theta[0][j] + (moved ? step * z[j] : 0),
                                1e-7);
    for (int k = 0; k < 2; k++) case_stop(&c[k], e[k]);
    return moved;
}

START_TEST(a_search_draws_by_the_seed)
{
    int moved = 0;

    for (uint64_t seed = 0; seed < 6; seed++) moved += check_first_point(seed);
    ck_assert_int_ge(moved, 2);
}
END_TEST

/* An adversary that is far beyond the box finds the best in it. */
START_TEST(a_gaussian_process_looks_into_the_box)
{
    const case_text text =
        bent_text("iterations=1 likelihood=logp-1000*J "
                  "gradient=search(gp,30,box=0.05)");
    case_setup c;
    elbo_engine *const e = bent_open(&c, &text, &bent_env, 5);
    elbo_row row;
    size_t n;

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_lt(found_of(e)[J], -0.9);

    const float *const x = theta_of(e, &n);

    for (size_t j = 0; j < n; j++)
        ck_assert_double_le(fabs((double)x[j]), 0.05);
    case_stop(&c, e);
}
END_TEST

Suite *suite_task_search_terms(void)
{
    enum { TERMS = sizeof terms / sizeof *terms };
    enum { EPISODES = sizeof episodes / sizeof *episodes };
    Suite *const s = suite_create("task_search_terms");
    TCase *const t = tcase_create("task_search_terms");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_fit_reads_the_return_that_the_m_step_before_found);
    tcase_add_test(t, a_run_read_back_fits_at_the_return_that_was_saved);
    tcase_add_loop_test(t, a_search_weighs_its_terms, 0, TERMS);
    tcase_add_loop_test(t, a_return_has_its_own_episodes, 0, EPISODES);
    tcase_add_test(t, a_search_draws_by_the_seed);
    tcase_add_test(t, a_gaussian_process_looks_into_the_box);
    suite_add_tcase(s, t);
    return s;
}
