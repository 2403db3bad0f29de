/* tests/test_task_feedback.c -- F_control in the M-step of control tasks.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

#include "inference/engine.h"
#include "inference/task_feedback.h"
#include "tests/objective_bench.h"
#include "tests/suites.h"

/* Rollouts of up to five steps of rows that say nothing else. */
typedef struct feedback_bench {
    objective_bench b;
    elbo_replay rollouts;
    elbo_task_feedback *feedback;
} feedback_bench;

static double kappa_of = -1;

static void set_up(feedback_bench *f, const char *settings, bool *curve, size_t draws)
{
    objective_set_up(&f->b, settings, 64, 0.3, curve);
    f->rollouts = ensemble_rows(50, 0.3, 11);
    for (size_t i = 0; i < f->rollouts.n; i++) f->rollouts.step[i] = (uint32_t)(i % 5);

    const elbo_task_feedback_of of = {
        .kappa = kappa_of,
        .gamma = 0.9,
        .draws = draws,
        .belief = &f->b.belief,
        .control = f->b.sight.control,
        .solver = curve,
        .rollouts = &f->rollouts,
    };

    case_ok(elbo_task_feedback_open(&of, ensemble_arena, &f->feedback));
}

/* A member's nodes and F_control's share, in double. */
typedef struct graph {
    elbo_tape *tape;
    elbo_task_nodes nodes;
    const elbo_task_addend *addend;
    elbo_node value;
    double theta[200];
} graph;

static graph draw_up(const feedback_bench *f, size_t rows, double lambda)
{
    const elbo_ensemble *const e = f->b.belief.self;
    graph g = {.tape = elbo_tape_alloc(ELBO_F64)};

    g.addend = elbo_task_feedback_plan(f->feedback, lambda);
    g.nodes.rows = rows;
    g.nodes.o = elbo_tape_constant(g.tape, rows, 2);
    g.nodes.u = elbo_tape_constant(g.tape, rows, 1);
    g.nodes.reward = elbo_tape_constant(g.tape, rows, 1);
    g.nodes.next = elbo_tape_constant(g.tape, rows, 2);
    g.nodes.end = elbo_tape_constant(g.tape, rows, 1);
    case_ok(f->b.belief.model->node(&f->b.belief, 0, true, g.tape, &g.nodes));
    g.value = g.addend->build(g.addend->self, 0, g.tape, &g.nodes);
    case_ok(elbo_task_feedback_made(f->feedback));
    case_ok(elbo_tape_finish(g.tape));
    ck_assert_uint_le(e->size, 200);
    for (size_t j = 0; j < e->size; j++) g.theta[j] = (double)elbo_ensemble_theta(e, 0)[j];
    elbo_ensemble_set(e, g.theta, g.tape, &g.nodes);
    return g;
}

static double value_of(const graph *g, uint64_t index)
{
    elbo_rng rng = elbo_rng_stream(3, "feedback", index);
    double value;

    g->addend->bind(g->addend->self, 0, g->tape, &rng);
    elbo_tape_forward(g->tape);
    elbo_tape_get(g->tape, g->value, &value);
    return value;
}

/* kappa / lambda of 10 rollouts' sum of gamma^t (r + gamma (1 - end) V), at the steps that
 * the stream draws and by the model's own draws there. */
START_TEST(the_share_is_the_return_of_the_rollouts)
{
    enum { STEPS = 50, ROWS = 400 };
    feedback_bench f;
    uint32_t member[STEPS] = {0};
    float next[2 * STEPS], reward[STEPS], V[STEPS];
    uint8_t end[STEPS];
    elbo_rng rng[STEPS], drawn = elbo_rng_stream(3, "feedback", 0);
    double want = 0;

    set_up(&f, "members=1 width=7 head=deterministic reward=learnt", &objective_bent, 0);
    for (size_t i = 4; i < STEPS; i += 15) f.rollouts.end[i] = 1;
    case_ok(f.b.belief.model->draw(&f.b.belief, STEPS, f.rollouts.o, f.rollouts.u, member,
                                   rng, true, next, reward, end, ensemble_ws));
    case_ok(objective_value(&objective_bent, STEPS, next, V, NULL, NULL));
    for (size_t k = 0; k < ROWS; k++) {
        const size_t i = elbo_rng_below(&drawn, STEPS);
        const double after = f.rollouts.end[i] ? 0 : 0.9 * (double)V[i];

        want += pow(0.9, (double)(i % 5)) * ((double)reward[i] + after) / ROWS;
    }
    want *= kappa_of / 20 * STEPS / 10;

    graph g = draw_up(&f, ROWS, 20);

    ck_assert_double_ge(fabs(want), 1e-3);
    ck_assert_double_eq_tol(value_of(&g, 0), want, 1e-6);
    elbo_tape_free(g.tape);
    elbo_task_feedback_close(f.feedback);
}
END_TEST

START_TEST(without_rollouts_there_is_no_share)
{
    feedback_bench f;

    set_up(&f, "members=1 width=7 reward=learnt", &objective_bent, 0);
    ck_assert_ptr_nonnull(elbo_task_feedback_plan(f.feedback, 1));
    f.rollouts.n = 0;
    ck_assert_ptr_null(elbo_task_feedback_plan(f.feedback, 1));
    elbo_task_feedback_close(f.feedback);
}
END_TEST

static const struct {
    const char *settings;
    size_t draws;
} kinds[] = {
    {"members=2 width=7 head=deterministic reward=learnt", 0},
    {"members=2 width=7 reward=learnt", 0},
    {"members=2 width=7", 0},
    {"members=2 width=5 head=mixture components=2 reward=learnt", 0},
    {"members=2 width=7 reward=learnt", 2},
    {"members=2 width=7", 5},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* What is drawn held, of the whole M-step's objective, which the share is a part of. */
START_TEST(the_m_step_s_gradient_equals_differences)
{
    elbo_derivative_check found = {0}, alone = {0};
    feedback_bench f;
    elbo_task_mstep mstep;

    set_up(&f, kinds[_i].settings, &objective_bent, kinds[_i].draws);
    mstep = ensemble_mstep(&f.b.data);
    case_ok(f.b.belief.model->check(&f.b.belief, &mstep, &alone, ensemble_ws));
    mstep.addend = elbo_task_feedback_plan(f.feedback, 0.2);
    case_ok(f.b.belief.model->check(&f.b.belief, &mstep, &found, ensemble_ws));
    case_ok(elbo_task_feedback_made(f.feedback));
    ck_assert_double_lt(found.relative, 1e-7);
    ck_assert(found.worst != alone.worst || fabs(found.got - alone.got) > 1e-4);
    elbo_task_feedback_close(f.feedback);
}
END_TEST

/* mean [size] and its squared standard error, over batches. */
static void mean_slope(const feedback_bench *f, double mean[], double error[])
{
    enum { BATCHES = 300 };
    const elbo_ensemble *const e = f->b.belief.self;
    elbo_node leaf[ELBO_ENSEMBLE_LEAVES];
    graph g = draw_up(f, 400, 1);
    const size_t leaves = elbo_ensemble_learnt(e, &g.nodes, leaf);
    double slope[200];

    memset(mean, 0, e->size * sizeof *mean);
    memset(error, 0, e->size * sizeof *error);
    for (uint64_t k = 0; k < BATCHES; k++) {
        double *at = slope;

        value_of(&g, k);
        elbo_tape_backward(g.tape, g.value);
        for (size_t i = 0; i < leaves; i++) {
            elbo_tape_gradient(g.tape, leaf[i], at);
            at += elbo_tape_rows(g.tape, leaf[i]) * elbo_tape_cols(g.tape, leaf[i]);
        }
        for (size_t j = 0; j < e->size; j++) {
            mean[j] += slope[j] / BATCHES;
            error[j] += slope[j] * slope[j] / BATCHES;
        }
    }
    for (size_t j = 0; j < e->size; j++)
        error[j] = (error[j] - mean[j] * mean[j]) / (BATCHES - 1);
    elbo_tape_free(g.tape);
}

/* Two estimates of one slope, V bent. */
START_TEST(likelihood_ratios_have_the_reparameterised_mean)
{
    static const size_t draws[] = {2, 3, 8};
    double path[200], path_error[200], score[200], score_error[200], largest = 0;
    feedback_bench f;
    size_t n = 0;

    set_up(&f, "members=1 width=5 reward=learnt", &objective_bent, 0);
    mean_slope(&f, path, path_error);
    elbo_task_feedback_close(f.feedback);
    set_up(&f, "members=1 width=5 reward=learnt", &objective_bent, draws[_i]);
    mean_slope(&f, score, score_error);
    elbo_task_feedback_close(f.feedback);
    for (size_t j = 0; j < ((elbo_ensemble *)f.b.belief.self)->size; j++) {
        const double error = sqrt(path_error[j] + score_error[j]);

        ck_assert_double_eq_tol(score[j], path[j], 5 * error + 1e-12);
        largest = fmax(largest, fabs(path[j]) / (error + 1e-12));
        n += score_error[j] > path_error[j];
    }
    ck_assert_double_ge(largest, 30); /* so that a factor of 5/4 is seen */
    ck_assert_uint_ge(n, 1);
}
END_TEST

/* An affine model of a certain step, V affine, all rollouts one step from x: the optimum
 * is least squares, moved by s^2 kappa / lambda gamma dV (X'X / N)^-1 x. */
START_TEST(the_m_step_of_an_affine_model_is_moved_as_in_closed_form)
{
    enum { N = 64 };
    static const double kappas[] = {0, 1, -1};
    const double s = 0.3, lambda = 4, dV[] = {1.4, -0.8};
    const float at[] = {0.5F, -0.3F}, act[] = {0.4F};
    gsl_matrix *const XX = elbo_arena_mat(ensemble_ws, 4, 4);
    const double x[] = {0.5, -0.3, 0.4, 1};
    double y[4], predicted[3][2];
    gsl_vector_view to = gsl_vector_view_array(y, 4);
    uint32_t member = 0;
    float reward;
    uint8_t end;
    elbo_rng rng;

    gsl_matrix_set_zero(XX);
    for (size_t k = 0; k < 3; k++) {
        feedback_bench f;
        elbo_task_fit info;
        float next[2];

        kappa_of = kappas[k];
        set_up(&f,
               "members=1 layers=0 head=deterministic noise=0.3 batch=64 epochs=20000 "
               "holdout=0 rate=0.001 normalise=none reward=learnt terminal=never",
               &objective_straight, 0);
        for (size_t i = 0; i < f.rollouts.n; i++) {
            memcpy(f.rollouts.o + 2 * i, at, sizeof at);
            memcpy(f.rollouts.u + i, act, sizeof act);
            f.rollouts.step[i] = 0;
            f.rollouts.end[i] = 0;
        }

        elbo_task_mstep mstep = ensemble_mstep(&f.b.data);

        if (kappas[k] != 0) mstep.addend = elbo_task_feedback_plan(f.feedback, lambda);
        case_ok(f.b.belief.model->fit(&f.b.belief, &mstep, &info, ensemble_ws));
        case_ok(f.b.belief.model->draw(&f.b.belief, 1, at, act, &member, &rng, true, next,
                                       &reward, &end, ensemble_ws));
        for (size_t j = 0; j < 2; j++) predicted[k][j] = (double)next[j];
        for (size_t i = 0; k == 0 && i < N; i++) {
            const double row[] = {(double)f.b.data.o[2 * i], (double)f.b.data.o[2 * i + 1],
                                  (double)f.b.data.u[i], 1};

            for (size_t a = 0; a < 16; a++)
                *gsl_matrix_ptr(XX, a / 4, a % 4) += row[a / 4] * row[a % 4] / N;
        }
        elbo_task_feedback_close(f.feedback);
    }
    kappa_of = -1;
    memcpy(y, x, sizeof y);
    gsl_linalg_cholesky_decomp1(XX);
    gsl_linalg_cholesky_svx(XX, &to.vector);

    const double lever = x[0] * y[0] + x[1] * y[1] + x[2] * y[2] + x[3] * y[3];

    for (size_t k = 1; k < 3; k++)
        for (size_t j = 0; j < 2; j++) {
            const double moved = s * s * kappas[k] / lambda * 0.9 * dV[j] * lever;

            ck_assert_double_ge(fabs(moved), 0.01);
            ck_assert_double_eq_tol(predicted[k][j] - predicted[0][j], moved, 1e-4);
        }
}
END_TEST

START_TEST(what_has_no_slope_is_refused)
{
    elbo_task_world world = ensemble_world();
    elbo_task task = *world.task;
    elbo_replay none = ensemble_mute_rows(1, 2, 1);
    elbo_task_belief belief;
    elbo_task_feedback_of of = {
        .kappa = 1, .gamma = 0.9, .belief = &belief, .rollouts = &none};
    elbo_task_feedback *f;

    task.reward_node = NULL;
    world.task = &task;
    belief = ensemble_open(&elbo_model_ensemble, "members=1 width=3", &world, 5);
    ck_assert_int_eq(elbo_task_feedback_open(&of, ensemble_arena, &f), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "reward"));
    belief = ensemble_open(&elbo_model_ensemble,
                           "members=1 width=3 head=deterministic reward=learnt", &world, 5);
    case_ok(elbo_task_feedback_open(&of, ensemble_arena, &f));
    of.draws = 2;
    ck_assert_int_eq(elbo_task_feedback_open(&of, ensemble_arena, &f), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no density"));
}
END_TEST

Suite *suite_task_feedback(void)
{
    Suite *const s = suite_create("task_feedback");
    TCase *const t = tcase_create("task_feedback");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, the_share_is_the_return_of_the_rollouts);
    tcase_add_test(t, without_rollouts_there_is_no_share);
    tcase_add_loop_test(t, the_m_step_s_gradient_equals_differences, 0, KINDS);
    tcase_add_loop_test(t, likelihood_ratios_have_the_reparameterised_mean, 0, 3);
    tcase_add_test(t, the_m_step_of_an_affine_model_is_moved_as_in_closed_form);
    tcase_add_test(t, what_has_no_slope_is_refused);
    suite_add_tcase(s, t);
    return s;
}
