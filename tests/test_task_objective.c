/* tests/test_task_objective.c -- expressions as the data term of control tasks.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "tests/objective_bench.h"
#include "tests/suites.h"

/* ---- values ---- */

START_TEST(the_density_as_an_expression_is_the_model_s_own)
{
    enum { N = 300 };
    objective_bench b;
    uint32_t slot[N];
    double want[N], got[N];

    objective_set_up(&b, "members=1 width=9 reward=learnt", N, 0.3,
                     &objective_bent);

    elbo_task_objective *o = objective_open(&b, "1*logp", false);

    objective_fit(&b, o);
    for (size_t i = 0; i < N; i++) slot[i] = (uint32_t)i;
    case_ok(b.belief.model->log_density(&b.belief, &b.data, slot, N, want,
                                        ensemble_ws));
    case_ok(elbo_task_objective_values(o, 0, got, ensemble_ws));
    for (size_t i = 0; i < N; i++)
        ck_assert_double_eq_tol(got[i], want[i], 2e-4 * (1 + fabs(want[i])));
    elbo_task_objective_close(o);
}
END_TEST

/* Samples of the model's own draws, by the thousand. */
START_TEST(a_mean_over_the_model_is_that_of_its_draws)
{
    enum { N = 2, DRAWS = 20000 };
    objective_bench b;
    double got[N] = {0}, once[N];
    uint32_t member[DRAWS] = {0};
    static float o[DRAWS * 2], u[DRAWS], next[DRAWS * 2], reward[DRAWS],
        V[DRAWS];
    static uint8_t end[DRAWS];
    static elbo_rng rng[DRAWS];

    objective_set_up(&b, "members=1 width=9", N, 0.3, &objective_bent);

    elbo_task_objective *e = objective_open(&b, "logp*0 + E(V(y))", false);

    case_ok(elbo_task_objective_plan(e, &b.data, NULL, ensemble_ws));
    for (uint64_t k = 0; k < 5000; k++) {
        case_ok(elbo_task_objective_values(e, k, once, ensemble_ws));
        for (size_t i = 0; i < N; i++) got[i] += once[i] / 5000;
    }
    for (size_t i = 0; i < N; i++) {
        double sum = 0;

        for (size_t k = 0; k < DRAWS; k++) {
            rng[k] = elbo_rng_stream(9, "draws", k);
            memcpy(o + 2 * k, b.data.o + 2 * i, 2 * sizeof *o);
            u[k] = b.data.u[i];
        }
        case_ok(b.belief.model->draw(&b.belief, DRAWS, o, u, member, rng, false,
                                     next, reward, end, ensemble_ws));
        case_ok(objective_value(&objective_bent, DRAWS, next, V, NULL, NULL));
        for (size_t k = 0; k < DRAWS; k++) sum += (double)V[k] / DRAWS;
        ck_assert(!b.data.end[i]);
        ck_assert_double_eq_tol(got[i], sum,
                                5 * 2.0 / sqrt(DRAWS)); /* |V| <= 2 */
    }
    elbo_task_objective_close(e);
}
END_TEST

/* ---- learning ---- */

/* The affine map of (o, u, 1) whose squares against t are least, at row i. */
static void least_squares(const elbo_replay *d, const double t[], double out[])
{
    gsl_matrix *X = elbo_arena_mat(ensemble_ws, d->n, 4);
    gsl_matrix *XX = elbo_arena_mat(ensemble_ws, 4, 4);
    gsl_vector *Xt = elbo_arena_vec(ensemble_ws, 4);

    for (size_t i = 0; i < d->n; i++) {
        gsl_matrix_set(X, i, 0, (double)d->o[2 * i]);
        gsl_matrix_set(X, i, 1, (double)d->o[2 * i + 1]);
        gsl_matrix_set(X, i, 2, (double)d->u[i]);
        gsl_matrix_set(X, i, 3, 1);
    }
    gsl_vector_const_view view = gsl_vector_const_view_array(t, d->n);

    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, X, X, 0, XX);
    gsl_blas_dgemv(CblasTrans, 1, X, &view.vector, 0, Xt);
    gsl_linalg_cholesky_decomp1(XX);
    gsl_linalg_cholesky_svx(XX, Xt);

    gsl_vector_view y = gsl_vector_view_array(out, d->n);

    gsl_blas_dgemv(CblasNoTrans, 1, X, Xt, 0, &y.vector);
}

/* A linear model under a linear value: the mean of V is affine in (o, u), and
 * its squared error has one optimum, that of least squares, whatever else the
 * model's two dimensions do. */
START_TEST(itervaml_of_a_linear_model_is_least_squares_on_values)
{
    enum { N = 200 };
    objective_bench b;
    double t[N], want[N], V[N];
    float mean[2 * N], reward[N];
    uint32_t member[N] = {0};
    static elbo_rng rng[N];
    uint8_t end[N];

    objective_set_up(
        &b,
        "members=1 layers=0 head=deterministic batch=200 epochs=3000 holdout=0 "
        "rate=0.01 terminal=never",
        N, 0.3, &objective_straight);
    memset(b.data.end, 0, N);

    elbo_task_objective *o =
        objective_open(&b, "-0.5*sq(E(V(y)) - Ed(V(next)))", false);

    objective_fit(&b, o);
    for (size_t i = 0; i < N; i++)
        t[i] = 2 * objective_line(b.data.next + 2 * i);
    least_squares(&b.data, t, want);
    case_ok(b.belief.model->draw(&b.belief, N, b.data.o, b.data.u, member, rng,
                                 true, mean, reward, end, ensemble_ws));
    for (size_t i = 0; i < N; i++) {
        V[i] = 2 * objective_line(mean + 2 * i);
        ck_assert_double_eq_tol(V[i], want[i], 2e-3);
    }
    elbo_task_objective_close(o);
}
END_TEST

static const char *const objectives[] = {
    "logp",
    "-0.5*sq(E(V(y)) - V(next))",
    "-0.5*E(sq(V(y) - V(next)))",
    "-0.5*sum(sq(stop(gradV(next))*(E(y) - next)))",
    "logp - 0.1*sq(E(V(y)) - V(next))",
    "-abs(E(V(y)) - V(next))",
    "-0.5*sq(rhat + gamma*E(V(y)) - (r + gamma*V(next)))",
    "-0.5*usq(E(V(y), 2) - V(next))",
    "-abs(mean(E(V(y)) - V(next)))",
};
enum { OBJECTIVES = sizeof objectives / sizeof *objectives };

START_TEST(each_objective_gains_on_rows_it_did_not_see)
{
    objective_bench b;

    objective_set_up(
        &b,
        "members=2 layers=1 width=16 head=gaussian batch=64 epochs=1 "
        "holdout=0.2",
        600, 0.2, &objective_bent);

    elbo_task_objective *o = objective_open(&b, objectives[_i], false);
    const double before = objective_fit(&b, o).holdout;
    double after = before;

    for (size_t k = 0; k < 8; k++) after = objective_fit(&b, o).holdout;
    ck_assert_msg(after > before + 0.1 * fabs(before)
                      || (after > before && after > -1e-3),
                  "%s: %g, then %g", objectives[_i], before, after);
    elbo_task_objective_close(o);
}
END_TEST

START_TEST(an_m_step_is_the_same_for_any_number_of_threads)
{
    const int threads = omp_get_max_threads(), some[] = {1, 2, 4};
    elbo_ensemble *e[3];

    for (size_t k = 0; k < 3; k++) {
        objective_bench b;

        omp_set_num_threads(some[k]);
        objective_set_up(&b, "members=3 layers=1 width=8 epochs=2", 200, 0.2,
                         &objective_bent);

        elbo_task_objective *o = objective_open(&b, objectives[4], false);

        objective_fit(&b, o);
        e[k] = b.belief.self;
        elbo_task_objective_close(o);
    }
    omp_set_num_threads(threads);
    for (size_t k = 1; k < 3; k++)
        ck_assert(memcmp(e[0]->theta, e[k]->theta,
                         e[0]->members * e[0]->size * sizeof *e[0]->theta)
                  == 0);
}
END_TEST

/* All the way from a member's parameters, in double. */
START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;
    objective_bench b;
    elbo_ensemble_task t = {0};
    double up, down, moved = 0;

    objective_set_up(&b, "members=1 layers=1 width=5 activation=tanh batch=16",
                     40, 0.2, &objective_bent);

    elbo_ensemble *const e = b.belief.self;
    elbo_task_objective *const o = objective_open(&b, objectives[_i], false);
    elbo_task_mstep mstep = ensemble_mstep(&b.data);
    double *const theta = elbo_arena_doubles(ensemble_ws, e->size);
    double *const slope = elbo_arena_doubles(ensemble_ws, e->size);

    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    mstep.likelihood = elbo_task_objective_likelihood(o);
    t = (elbo_ensemble_task){.belief = &b.belief, .mstep = &mstep};
    elbo_ensemble_scale(e, &b.data);
    case_ok(elbo_ensemble_split(e, &b.data, &t.rows, ensemble_arena));
    case_ok(elbo_ensemble_prepare(&t, ensemble_arena));
    case_ok(elbo_ensemble_build(&t, ELBO_F64));
    case_ok(elbo_task_objective_made(o));
    for (size_t i = 0; i < t.batch; i++) t.slot[i] = (uint32_t)i;
    t.rng = elbo_rng_stream(1, "check", 0);
    elbo_ensemble_bind(&t);
    for (size_t j = 0; j < e->size; j++) theta[j] = (double)e->theta[j];
    elbo_ensemble_set(e, theta, t.tape, &t.nodes);
    elbo_tape_forward(t.tape);
    elbo_tape_backward(t.tape, t.objective);

    const elbo_ensemble_leaves l = elbo_ensemble_leaves_of(&t.nodes);
    const size_t n =
        elbo_tape_rows(t.tape, l.mlp.W[0]) * elbo_tape_cols(t.tape, l.mlp.W[0]);

    elbo_tape_gradient(t.tape, l.mlp.W[0], slope);
    elbo_tape_hold(t.tape, true);
    for (size_t j = 0; j < n; j++) {
        const double x = theta[j];

        theta[j] = x + h;
        elbo_ensemble_set(e, theta, t.tape, &t.nodes);
        elbo_tape_forward(t.tape);
        elbo_tape_get(t.tape, t.objective, &up);
        theta[j] = x - h;
        elbo_ensemble_set(e, theta, t.tape, &t.nodes);
        elbo_tape_forward(t.tape);
        elbo_tape_get(t.tape, t.objective, &down);
        theta[j] = x;

        const double want = (up - down) / (2 * h);

        moved = fmax(moved, fabs(want));
        ck_assert_msg(fabs(slope[j] - want) <= 1e-6 * (1 + fabs(want)),
                      "%s, %zu: %.10g, not %.10g", objectives[_i], j, slope[j],
                      want);
    }
    ck_assert_double_gt(moved, 1e-4);
    elbo_tape_free(t.tape);
    elbo_task_objective_close(o);
}
END_TEST

Suite *suite_task_objective(void)
{
    Suite *s = suite_create("task_objective");
    TCase *t = tcase_create("task_objective");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, the_density_as_an_expression_is_the_model_s_own);
    tcase_add_test(t, a_mean_over_the_model_is_that_of_its_draws);
    tcase_add_test(t, itervaml_of_a_linear_model_is_least_squares_on_values);
    tcase_add_loop_test(t, each_objective_gains_on_rows_it_did_not_see, 0,
                        OBJECTIVES
                            - 1); /* the mean of a batch is mostly noise */
    tcase_add_test(t, an_m_step_is_the_same_for_any_number_of_threads);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0,
                        OBJECTIVES);
    suite_add_tcase(s, t);
    return s;
}
