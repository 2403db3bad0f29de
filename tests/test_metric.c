/* tests/test_metric.c -- the learnt metric: its slope through the M-step, and a
 * cubic that a line has to fit, coded once more by hand.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/engine_state.h"
#include "inference/weight/factors.h"
#include "tests/engine_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* ---- the slope ---- */

/* clang-format off */
static const case_text settings[] = {
    {.model = "aliased", .model_own = "groups=3 prior_precision=0.3",
     .inference = "likelihood=metric(J)*logp"},
    {.model = "low_rank", .model_own = "rank=1 prior_precision=1 reward=learned "
                                       "reward_precision=0.3",
     .inference = "likelihood=metric(J)*logp-0.5*metric(J)*sq(r-rhat)"},
    {.model = "aliased", .model_own = "groups=3 prior_precision=0.3",
     .inference = "likelihood=metric(omd)*logp transition=tilt(1.5)"},
    {.model = "aliased", .model_own = "groups=2 prior_precision=0.3",
     .env_common = "discount=0.9 horizon=4",
     .inference = "likelihood=metric(J)*logp"},
    {.model = "softmax", .model_own = "prior_precision=0.5",
     .inference = "likelihood=metric(Jmodel)^2*logp-0.2*sq(metric(Jmodel))*"
                  "sq(E(occupancy(uniform))-1) feedback=0.1"},
};
/* clang-format on */

typedef struct metric_case {
    case_setup setup;
    elbo_engine *engine;
    elbo_mstep step;
    elbo_factor_view view;
    double *values; /* of the metric in the likelihood */
    elbo_outer outer;
    elbo_objective *task;
} metric_case;

static void open_task(metric_case *c, const char *formula)
{
    elbo_engine *const e = c->engine;

    case_ok(elbo_objective_open(formula, &e->world, &e->truth,
                                e->belief.mean.pattern, e->data.capacity,
                                e->arena, &c->task));
    elbo_objective_reward(c->task, e->belief.reward, false);
    case_ok(elbo_objective_data(c->task, e->belief.mean.pattern, &e->data,
                                1 / elbo_data_size(&e->data), e->ws));
    c->outer = (elbo_outer){.objective = c->task,
                            .truth = &e->seen_truth,
                            .problem = &e->seen_problem,
                            .controller = &e->controller,
                            .start = &e->post};
    case_ok(elbo_gradient_parse("implicit", e->arena, &c->outer.route, NULL,
                                NULL));
    case_ok(elbo_outer_open(&c->outer, e->arena));
}

static void open_case(metric_case *c, const case_text *given,
                      const char *formula)
{
    case_text text = *given;
    elbo_row row;
    const double *const *bound;

    if (!text.env_common) text.env_common = "discount=0.9";
    text.control_common = "temperature=0.4 tolerance=1e-13";
    text.data = "steps=60";
    case_open_small(&c->setup, &text);
    case_ok(elbo_engine_open(&c->setup.setup, 3, &c->engine));

    elbo_engine *const e = c->engine;

    e->set.ascent.tolerance = 1e-12;
    e->set.ascent.iterations = 3000;
    case_ok(elbo_engine_iterate(e, &row));
    c->step = elbo_engine_mstep(e);
    c->view = elbo_engine_view(e);
    c->view.upper.step = &c->step;
    case_ok(elbo_factors_join(
        e->factors, elbo_objective_expression(e->set.likelihood->objective),
        &c->view, &bound));
    c->values = (double *)(uintptr_t)bound[0];
    open_task(c, formula);
}

static void close_case(metric_case *c)
{
    elbo_objective_close(c->task);
    elbo_engine_free(c->engine);
    case_close(&c->setup);
}

static void slope_at(metric_case *c, size_t j, double by, double out[])
{
    elbo_belief *const b = &c->engine->belief;
    const double x = b->theta[j];
    double unused;

    b->theta[j] += by;
    b->model->update(b);
    case_ok(elbo_mstep_objective(&c->step, b, &unused, out, c->engine->ws));
    b->theta[j] = x;
    b->model->update(b);
}

/* One Newton step from where a search's rounding ends. */
static void polish(metric_case *c)
{
    elbo_belief *const b = &c->engine->belief;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    gsl_matrix *const H = elbo_arena_mat(ws, b->n, b->n);
    gsl_vector *const g = elbo_arena_vec(ws, b->n);
    double *const up = elbo_arena_doubles(ws, b->n);
    double *const down = elbo_arena_doubles(ws, b->n);
    const double h = 1e-4;
    elbo_lu lu;

    for (size_t j = 0; j < b->n; j++) {
        slope_at(c, j, h, up);
        slope_at(c, j, -h, down);
        for (size_t k = 0; k < b->n; k++)
            gsl_matrix_set(H, j, k, (up[k] - down[k]) / (2 * h));
    }
    slope_at(c, 0, 0, g->data);
    case_ok(elbo_lu_factor(H, ws, &lu));
    case_ok(elbo_lu_solve(&lu, g));
    for (size_t j = 0; j < b->n; j++) b->theta[j] -= g->data[j];
    b->model->update(b);
    elbo_arena_free(ws);
}

/* The task where the M-step, run again, ends. */
static double task_at(metric_case *c, size_t j, double value)
{
    elbo_engine *const e = c->engine;
    const double old = c->values[j];
    elbo_mstep_info info;
    double task;

    c->values[j] = value;
    case_ok(elbo_mstep_run(&c->step, &e->belief, &info, e->ws));
    polish(c);
    polish(c);
    case_ok(elbo_outer_value(&c->outer, &e->belief, &task, NULL, e->ws));
    c->values[j] = old;
    return task;
}

START_TEST(the_slope_is_that_of_the_m_step_solved_again)
{
    static const char *const formulas[] = {
        "J", "J", "-0.5*sq(Q(s,a) - (r + gamma*Ed(V(next))))", "J", "Jmodel"};
    const elbo_factor *const factor = elbo_factor_find("metric");
    metric_case c;
    elbo_factor_call *calls;
    elbo_values values;
    size_t n, at;
    const char *nearest;
    void *self;
    double largest = 0;

    open_case(&c, &settings[_i], formulas[_i]);

    elbo_engine *const e = c.engine;
    const size_t rows = e->truth.nS * e->truth.nA;
    double *const slope = elbo_arena_doubles(e->arena, rows);
    elbo_rng rng = elbo_rng_stream(8, "test metric", 0);

    case_ok(elbo_expr_factors(
        elbo_objective_expression(e->set.likelihood->objective), e->arena,
        &calls, &n));
    case_ok(elbo_factor_arguments(&calls[0], e->arena, &values, &at, &nearest));
    case_ok(factor->open(&values, &c.view, e->arena, &self));
    for (size_t i = 0; i < rows; i++)
        c.values[i] = 0.5 + elbo_rng_uniform(&rng);
    task_at(&c, 0, c.values[0]); /* theta at its optimum */

    double *const theta = elbo_arena_doubles(e->arena, e->belief.n);

    memcpy(theta, e->belief.theta, e->belief.n * sizeof *theta);
    case_ok(elbo_metric_slope(self, &c.view, c.values, slope, e->ws));
    ck_assert(memcmp(theta, e->belief.theta, e->belief.n * sizeof *theta) == 0);
    for (size_t i = 0; i < rows; i++) largest = fmax(largest, fabs(slope[i]));
    ck_assert_double_gt(largest, 1e-5);
    for (size_t i = 0; i < rows; i += 3) {
        const double x = c.values[i], h = 1e-2;
        const double d =
            (task_at(&c, i, x - 2 * h) - 8 * task_at(&c, i, x - h)
             + 8 * task_at(&c, i, x + h) - task_at(&c, i, x + 2 * h))
            / (12 * h);

        ck_assert_double_eq_tol(slope[i], d, 1e-6 * largest);
    }
    factor->close(self);
    close_case(&c);
}
END_TEST

/* Every row's optimum is its own, whatever it weighs, where the class holds all
 * kernels and no prior draws it away. */
START_TEST(a_class_that_holds_every_kernel_has_nothing_to_weigh)
{
    const case_text text = {
        .model = "softmax",
        .model_own = "support=world prior_precision=1e-9",
        .env_common = "discount=0.9",
        .control_common = "temperature=0.4",
        .inference = "likelihood=metric(J,0.3)*logp m_step_iterations=2000 "
                     "m_step_tolerance=1e-11 tolerance=0",
        .data = "source=population over=rows steps=21"};
    case_setup setup;
    elbo_engine *engine;
    elbo_row row;
    double first = 0;

    case_open_small(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &engine));
    for (int i = 0; i < 6; i++) {
        case_ok(elbo_engine_iterate(engine, &row));
        if (i == 0) first = row.return_real;
    }
    ck_assert_double_eq_tol(row.return_real, first, 1e-5 * fabs(first));
    elbo_engine_free(engine);
    case_close(&setup);
}
END_TEST

/* ---- a cubic, coded once more ---- */

enum { INSTANCES = 3, PICKS = 7, ROWS = INSTANCES * PICKS, ROUNDS = 12 };

static const double temperature = 0.4, ridge = 0.02, rate = 0.2, limit = 1;

static double x_of(size_t i)
{
    return sin(1 + 5.3 * (double)i); /* anywhere in [-1, 1] */
}

static double y_of(size_t i)
{
    return 10 * pow(x_of(i), 3) - 6.5 * x_of(i);
}

static void write_cubic(const char *name, bool features)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", scratch_folder, name);

    FILE *const f = fopen(path, "w");

    ck_assert(f != NULL);
    fputs(features ? "state,action,feature,value\n"
                   : "state,action,probability,next_state,reward,terminated\n",
          f);
    for (size_t i = 0; i < ROWS; i++) {
        const size_t s = i / PICKS, a = i % PICKS;

        if (features)
            fprintf(f, "%zu,%zu,0,1\n%zu,%zu,1,%.17g\n", s, a, s, a, x_of(i));
        else
            fprintf(f, "%zu,%zu,1,%zu,%.17g,1\n", s, a, s, y_of(i));
    }
    ck_assert_int_eq(fclose(f), 0);
}

/* theta of the ridge regression weighed by m; K its matrix. */
static void fit(const double m[], double theta[2], double K[3])
{
    double b[2] = {0};

    K[0] = K[2] = ridge;
    K[1] = 0;
    for (size_t i = 0; i < ROWS; i++) {
        K[0] += m[i];
        K[1] += m[i] * x_of(i);
        K[2] += m[i] * x_of(i) * x_of(i);
        b[0] += m[i] * y_of(i);
        b[1] += m[i] * x_of(i) * y_of(i);
    }

    const double det = K[0] * K[2] - K[1] * K[1];

    theta[0] = (K[2] * b[0] - K[1] * b[1]) / det;
    theta[1] = (K[0] * b[1] - K[1] * b[0]) / det;
}

/* dJ / dtheta[1] of softmax(theta[1] x / temperature), an instance at a time. */
static double task_slope(double slope)
{
    double sum = 0;

    for (size_t s = 0; s < INSTANCES; s++) {
        double all = 0, x = 0, y = 0, xy = 0;

        for (size_t i = s * PICKS; i < (s + 1) * PICKS; i++) {
            const double e = exp(slope * x_of(i) / temperature);

            all += e;
            x += e * x_of(i);
            y += e * y_of(i);
            xy += e * x_of(i) * y_of(i);
        }
        sum += (xy / all - x / all * y / all) / temperature / INSTANCES;
    }
    return sum;
}

static void learn(double m[], double theta[2])
{
    double u[ROWS] = {0}, v[ROWS] = {0}, K[3];

    for (size_t i = 0; i < ROWS; i++) m[i] = 1;
    fit(m, theta, K);
    for (int k = 1; k < ROUNDS; k++) {
        const double det = K[0] * K[2] - K[1] * K[1];
        const double g = task_slope(theta[1]);
        const double z[2] = {-K[1] * g / det, K[0] * g / det};

        for (size_t i = 0; i < ROWS; i++) {
            const double e = y_of(i) - theta[0] - theta[1] * x_of(i);
            const double h = m[i] * e * (z[0] + z[1] * x_of(i));

            u[i] = 0.9 * u[i] + 0.1 * h;
            v[i] = 0.999 * v[i] + 0.001 * h * h;

            const double to = log(m[i])
                              + rate * (u[i] / (1 - pow(0.9, k)))
                                    / (sqrt(v[i] / (1 - pow(0.999, k))) + 1e-8);

            m[i] = exp(fmax(-limit, fmin(limit, to)));
        }
        fit(m, theta, K);
    }
}

START_TEST(the_cubic_is_learnt_as_by_hand)
{
    static const char settings_of[] =
        "likelihood=-0.5*metric(J,0.2,1)*sq(r-rhat) tolerance=0 "
        "m_step_tolerance=1e-14";
    const case_text text = {.env = "table",
                            .env_own = "transitions=cubic.csv",
                            .env_common = "discount=1",
                            .model = "features",
                            .model_own = "rewards=line.csv "
                                         "reward_precision=0.02",
                            .control_common = "temperature=0.4",
                            .inference = settings_of,
                            .data = "source=population steps=21"};
    double m[ROWS], theta[2];
    const double *const *bound;
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    write_cubic("cubic.csv", false);
    write_cubic("line.csv", true);
    learn(m, theta);
    case_open(&c, &text);
    c.setup.folder = scratch_folder;
    case_ok(elbo_engine_open(&c.setup, 0, &e));
    for (int k = 0; k < ROUNDS; k++) case_ok(elbo_engine_iterate(e, &row));

    const elbo_factor_view view = elbo_engine_view(e);

    case_ok(elbo_factors_join(
        e->factors, elbo_objective_expression(e->set.likelihood->objective),
        &view, &bound));
    for (int j = 0; j < 2; j++)
        ck_assert_double_eq_tol(e->belief.theta[j], theta[j], 1e-8);
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_double_eq_tol(bound[0][i], m[i], 1e-8);
    elbo_engine_free(e);
    case_close(&c);
}
END_TEST

/* ---- what does not go together ---- */

/* clang-format off */
static const struct {
    case_text text;
    const char *part;
} wrong[] = {
    {{.model = "softmax", .inference = "weight=metric(J)"}, "into the likelihood"},
    {{.model = "softmax", .control_common = "reward=r+metric(J)"},
     "into the likelihood"},
    {{.model = "softmax",
      .inference = "likelihood=metric(J)*logp+logpi gradient=implicit"},
     "must be stop"},
    {{.model = "softmax", .inference = "likelihood=metric(J)*V(next)*logp"},
     "may read no planner"},
    {{.model = "softmax", .control = "value_iteration",
      .inference = "likelihood=metric(J)*logp"},
     "temperature above 0"},
    {{.model = "softmax", .control_common = "reward=2*r",
      .inference = "likelihood=metric(J)*logp"},
     "not followed through control.reward"},
    {{.model = "tabular", .inference = "likelihood=metric(J)*logp"},
     "needs a gradient"},
};
/* clang-format on */

START_TEST(settings_that_disagree_are_told)
{
    const char *section, *key;
    case_setup c;

    case_open_small(&c, &wrong[_i].text);

    const elbo_status s = elbo_setup_check(&c.setup, 0, &section, &key);

    ck_assert_int_eq(s, ELBO_ECONFIG);
    ck_assert_msg(strstr(elbo_last_error()->text, wrong[_i].part) != NULL,
                  "%s", elbo_last_error()->text);
    case_close(&c);
}
END_TEST

/* clang-format off */
static const struct {
    const char *text, *part;
} bad[] = {
    {"metric*logp", "needs its argument task"},
    {"metric(logp)*logp", "asks nothing of the planner"},
    {"metric(vtr)*logp", "asks nothing of the planner"},
    {"metric(cvaml)*logp", "no factors, samples"},
    {"metric(K)*logp", "unknown name K"},
    {"metric(J, 11)*logp", "rate must be in [0, 10]"},
};
/* clang-format on */

START_TEST(wrong_tasks_are_told)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    elbo_expr *expr;

    case_fails(elbo_objective_parse(bad[_i].text, arena, &expr, NULL, NULL),
               ELBO_EINVAL, bad[_i].part);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_metric(void)
{
    Suite *suite = suite_create("metric");
    TCase *t = tcase_create("metric");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, the_slope_is_that_of_the_m_step_solved_again, 0,
                        sizeof settings / sizeof *settings);
    tcase_add_test(t, a_class_that_holds_every_kernel_has_nothing_to_weigh);
    tcase_add_test(t, the_cubic_is_learnt_as_by_hand);
    tcase_add_loop_test(t, settings_that_disagree_are_told, 0,
                        sizeof wrong / sizeof *wrong);
    tcase_add_loop_test(t, wrong_tasks_are_told, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, t);
    return suite;
}
